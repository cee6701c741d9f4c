//! `--enable-profiling`: a file that tells what a run has cost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::alone::{Minion, names, text};

#[test]
fn a_run_writes_down_what_it_has_cost() {
    let minion = Minion::new("profiled");
    let folder = minion.path("a/stats");
    minion.sls("s", "one:\n  cmd.run:\n    - name: 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo {{ pillar }}'\n");
    let path = format!("--profiling-path={}", folder.display());
    let words = ["state.apply", "s", "--enable-profiling", &path, "--log-level=info"];
    let began = Instant::now();
    let output = minion.run(&words);
    let lasted = began.elapsed();
    assert!(output.status.success() && text(&output.stdout).contains("cmd_|-one"), "{output:?}");
    let [name] = &names(&folder)[..] else { panic!("one file: {:?}", names(&folder)) };
    let told = format!("PROFILING (cumulative): {}/{name} generated", folder.display());
    assert!(text(&output.stderr).contains(&told), "{}", text(&output.stderr));
    let words: Vec<&str> = name.split('.').collect();
    let [id, second, _, "stats"] = words[..] else { panic!("{name}") };
    assert!(id.len() == 32 && second.len() == 19, "{name}");
    assert_eq!(fs::metadata(folder.join(name)).expect("there").permissions().mode() & 0o777, 0o600);
    let content = fs::read_to_string(folder.join(name)).expect("read");
    let mut lines = content.lines();
    assert_eq!(lines.next(), Some("salt-call state.apply"));
    let numbers: Vec<f64> =
        content.split_whitespace().filter_map(|word| word.trim_matches(['(', ')']).parse().ok()).collect();
    let [all, _, _, memory, of_programs, _, peak, ..] = numbers[..] else { panic!("{content}") };
    // The shell counts for a while.
    assert!(0.01 < of_programs && of_programs < all && all <= lasted.as_secs_f64(), "{content}");
    assert!(memory > 1000.0 && peak > 100.0, "{content}");
    let phases: Vec<(f64, &str)> = lines
        .skip_while(|line| !line.is_empty())
        .skip(1)
        .skip_while(|line| !line.is_empty())
        .skip(1)
        .filter_map(|line| line.trim().split_once(" s "))
        .map(|(time, phase)| (time.parse().expect("a time"), phase.trim()))
        .collect();
    let sum: f64 = phases.iter().map(|(time, _)| time).sum();
    assert!((sum - all).abs() < 0.01 && phases.is_sorted_by(|one, next| one.0 >= next.0), "{content}");
    assert!(phases[0].1 == "1 x execution", "{content}");
    for phase in ["1 x configuration", "1 x connection", "1 x output", "1 x pillar"] {
        assert!(phases.iter().any(|it| it.1 == phase), "{phase}: {content}");
    }
    // A run that takes no time, and one that fails, have theirs; without the option there is none.
    minion.run(&["test.nosuch", "--enable-profiling", &path]);
    minion.run(&["test.ping", &path]);
    assert_eq!(names(&folder).len(), 2);
    assert!(lasted < Duration::from_secs(60));
}

#[test]
fn a_run_does_as_well_where_nothing_can_be_written_down() {
    let minion = Minion::new("unprofiled");
    fs::write(minion.path("file"), "").expect("written");
    let path = format!("--profiling-path={}/x", minion.path("file").display());
    let output = minion.run(&["test.echo", "x", "--enable-profiling", &path, "--log-level=error"]);
    assert_eq!((text(&output.stdout).trim(), output.status.code()), ("{\n    \"local\": \"x\"\n}", Some(0)));
    assert!(
        text(&output.stderr).contains("PROFILING: nothing can be written to "),
        "{}",
        text(&output.stderr)
    );
}
