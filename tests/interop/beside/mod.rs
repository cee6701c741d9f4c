//! The command lines of both sides, each against a master with two minions of its own side: what they print and how they end
//! is the same. One pair of fleets for all of it, because starting them is what takes long.

mod batches;
mod copies;
mod options;
mod own_files;
mod returners;
mod strict;
mod sudo;

use std::process::Output;
use std::sync::LazyLock;

use regex::Regex;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

/// Words of a command line, the tool first; before that perhaps `NAME=value`, what it finds in its environment. `@R` is the
/// directory of the fleet. Without the word `@NOWHERE` it is told the directory of the configuration.
type Line<'a> = &'a [&'a str];

pub struct Pair {
    original: Fleet,
    ours: Fleet,
}

impl Pair {
    fn start() -> Option<Pair> {
        let start = |peer: Peer| {
            let mut fleet = Fleet::start(peer, peer, "timeout: 30\n", "")?;
            fleet.add_minion(peer, peer);
            Some(fleet)
        };
        let original = start(Peer::Salt3006)?;
        Some(Pair { original, ours: start(Peer::Halite)? })
    }

    /// Both fleets.
    fn each(&self) -> [&Fleet; 2] {
        [&self.original, &self.ours]
    }

    /// The lines that do not print the same or do not end the same. What several minions return comes in the order in which
    /// they do, so lines are sorted where `sorted` says it.
    fn differences(&self, lines: &[Line], sorted: bool) -> Vec<String> {
        let mut differences = Vec::new();
        for line in lines {
            let [told, we] = std::thread::scope(|threads| {
                let sides = [(&self.original, Peer::Salt3006), (&self.ours, Peer::Halite)];
                let running = sides.map(|(fleet, peer)| threads.spawn(move || run(fleet, peer, line)));
                running.map(|thread| thread.join().expect("it ends"))
            });
            if comparable(&self.original, &told, sorted) != comparable(&self.ours, &we, sorted) {
                let shown = |output: &Output| format!("{}\n{}", output.status, text(output));
                differences.push(format!("--- {line:?}\nSalt: {}\nours: {}", shown(&told), shown(&we)));
            }
        }
        differences
    }
}

fn run(fleet: &Fleet, peer: Peer, line: Line) -> Output {
    let root = fleet.path("").display().to_string();
    let mut words = line.iter().map(|word| word.replace("@R/", &root)).peekable();
    let mut environment = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        environment.push((name.to_owned(), value.to_owned()));
        words.next();
    }
    let tool = words.next().expect("a tool");
    let words: Vec<String> = words.collect();
    let mut command = if words.iter().any(|word| word == "@NOWHERE") {
        peer.tool(&tool)
    } else {
        fleet.command(peer, &tool, "etc")
    };
    command.args(words.iter().filter(|word| *word != "@NOWHERE"));
    command.env("LC_ALL", "C.UTF-8").envs(environment);
    fleet.output(peer, &command)
}

/// A text without what differs by its nature: directories, times, ids of jobs and of processes, fingerprints.
fn without_own(fleet: &Fleet, text: &str) -> String {
    static OWN: LazyLock<Regex> = LazyLock::new(|| {
        let numbers = r#"\b[0-9]{20}\b|\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+|\b[0-9a-f]{2}(:[0-9a-f]{2}){31}\b|__pub_pid(['"]: |=)[0-9]+"#;
        Regex::new(numbers).expect("an expression")
    });
    let text = text.replace(&fleet.path("").display().to_string(), "ROOT/");
    OWN.replace_all(&text, "OWN").into_owned()
}

fn comparable(fleet: &Fleet, output: &Output, sorted: bool) -> (String, Option<i32>) {
    let stdout = without_own(fleet, &String::from_utf8_lossy(&output.stdout));
    let mut lines: Vec<&str> = stdout.lines().collect();
    if sorted {
        lines.sort_unstable();
    }
    (lines.join("\n"), output.status.code())
}

#[test]
fn command_lines_print_and_end_as_those_of_the_original() {
    let Some(pair) = Pair::start() else { return };
    let differences = [
        copies::differences(&pair),
        batches::differences(&pair),
        own_files::differences(&pair),
        options::differences(&pair),
        returners::differences(&pair),
        sudo::differences(&pair),
    ]
    .concat();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    strict::only_success_of_all_is_success(&pair.ours);
}
