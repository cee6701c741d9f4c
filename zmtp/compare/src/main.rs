//! ZeroMQ libraries side by side, interleaved in one go: processor time per message of each side, messages per second,
//! latency, memory. `cargo run --release -- [ROUNDS [ROW [LIBRARY,LIBRARY]]]`, in
//! this directory, with the rows `pair`, `latency`, `fanout`, `router` and `idle`; see ../README.md for how to read it.
//!
//! Every socket that is measured has a process of its own, commanded line by line over its standard input; its
//! processor time and memory are read from /proc. Where one library has to serve many peers, these are raw streams in the
//! main process, the same for all contestants.

mod contestants;
mod orchestra;
mod raw_peers;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["role", library, role, endpoint] => contestants::play(library, role, endpoint),
        [] => orchestra::run(3, "", ""),
        [rounds] => orchestra::run(rounds.parse().expect("ROUNDS is a number"), "", ""),
        [rounds, row] => orchestra::run(rounds.parse().expect("ROUNDS is a number"), row, ""),
        [rounds, row, libraries] => {
            orchestra::run(rounds.parse().expect("ROUNDS is a number"), row, libraries)
        }
        _ => panic!("usage: compare [ROUNDS [ROW [LIBRARY,LIBRARY]]]"),
    }
}
