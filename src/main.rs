//! The program: every role of Salt, chosen by name.

fn main() {}
