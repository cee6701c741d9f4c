//! The binary: everything is in the library's `cli`.

fn main() -> std::process::ExitCode {
    halite::cli::main(std::env::args_os())
}
