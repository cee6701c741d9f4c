//! The binary's own face: programs by name, by link, and what it says to those who mistype.

use std::os::unix::fs::symlink;
use std::process::{Command, Output};

fn halite(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_halite")).args(words).output().expect("the binary runs")
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn every_program_has_help_and_a_version() {
    let overview = text(&halite(&["--help"]).stdout);
    let listed = overview.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let programs: Vec<&str> = listed.collect();
    assert!(programs.contains(&"salt-key"), "{overview}");
    for program in programs {
        let help = halite(&[program, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{program}");
        assert!(text(&help.stdout).starts_with(&format!("Usage: {program} ")), "{program}");
        let version = text(&halite(&[program, "--version"]).stdout);
        assert!(version.starts_with(&format!("{program} 3006.25 (Halite ")), "{version}");
    }
}

#[test]
fn a_link_is_the_program_of_its_name() {
    let link = std::env::temp_dir().join(format!("halite-link-{}", std::process::id()));
    std::fs::create_dir_all(&link).expect("a directory");
    let link = link.join("salt-key");
    symlink(env!("CARGO_BIN_EXE_halite"), &link).expect("a link");
    let output = Command::new(&link).arg("--version").output().expect("the link runs");
    assert!(text(&output.stdout).starts_with("salt-key "), "{}", text(&output.stdout));
    std::fs::remove_dir_all(link.parent().expect("a directory")).expect("removed");
}

#[test]
fn mistakes_are_told_in_one_place() {
    let output = halite(&["salt-kye"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("Did you mean `salt-key`?"), "{}", text(&output.stderr));
    let output = halite(&["install-links", "/no/such/directory"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("install-links: /no/such/directory is not a directory"));
}

/// `SALT_NO_PARSE` is what `--no-parse` is without being given.
#[test]
fn the_environment_names_arguments_that_stay_text() {
    let root = std::env::temp_dir().join(format!("hnp{}", std::process::id()));
    std::fs::create_dir_all(&root).expect("a directory");
    let shown = root.display();
    std::fs::write(root.join("minion"), format!("root_dir: {shown}\npki_dir: {shown}/pki\nid: m\n"))
        .expect("written");
    let read = |words: &[&str], names: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
        command.args(["salt-call", "--local", "--out=json", "-c"]).arg(&root).args(words);
        let output = command.env("SALT_NO_PARSE", names).args(["test.kwarg", "a=1", "b=2"]).output();
        let printed = text(&output.expect("it starts").stdout);
        ["1", "2"].map(|number| printed.contains(&format!("\"{number}\"")))
    };
    assert_eq!(read(&[], ""), [false, false]);
    assert_eq!(read(&[], "a"), [true, false]);
    assert_eq!(read(&[], "b, a"), [true, true]);
    assert_eq!(read(&["--no-parse=b"], "a"), [false, true]);
    std::fs::remove_dir_all(&root).expect("removed");
}

/// As with Salt's, whose help comes before the error.
#[test]
fn salt_cp_without_files_prints_its_help() {
    for words in [&["salt-cp"][..], &["salt-cp", "some"]] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_halite")).args(words).output();
        let output = output.expect("it starts");
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert_eq!(output.status.code(), Some(64), "{stderr}");
        assert!(stdout.starts_with("Usage: salt-cp ") && stdout.contains("--chunked"), "{stdout}");
        assert!(stderr.ends_with("\nsalt-cp: error: Insufficient arguments\n"), "{stderr}");
    }
}
