//! The binary: everything is in the library's `cli`.

/// musl's own takes one lock for all threads.
#[global_allocator]
static ALLOCATOR: halite::host::Allocator = halite::host::Allocator;

fn main() -> std::process::ExitCode {
    halite::cli::main(std::env::args_os())
}
