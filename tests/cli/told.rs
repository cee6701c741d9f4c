//! What a state run says in the log: Salt 3006.25's lines, times and numbers aside.

use crate::alone::{Minion, text};

const SLS: &str = "
fails: {test.fail_without_changes: []}
changes: {test.succeed_with_changes: []}
fails with changes: {test.fail_with_changes: []}
nothing: {test.nop: []}
unknown: {nosuch.state: []}
secret: {test.fail_without_changes: [{no_log: True}, {name: hunter2}]}
";

/// The log of a run on standard error.
fn logged(level: &str) -> String {
    let minion = Minion::new(&format!("told-{level}"));
    minion.sls("told", SLS);
    text(&minion.run(&["-l", level, "state.apply", "told"]).stderr)
}

#[test]
fn what_failed_is_an_error_in_the_log_and_nothing_else_is() {
    // A message is one line of the log.
    let expected = r"[ERROR   ] Failure!
[ERROR   ] Made the following changes:\n'testing' changed from 'Unchanged' to 'Something pretended to change'
[ERROR   ] State 'nosuch.state' was not found in SLS 'told'\nReason: 'nosuch.state' is not available.
[ERROR   ] *** (no_log)
";
    assert_eq!(logged("error"), expected);
}

#[test]
fn each_state_is_told_of_as_it_begins_and_ends() {
    let log = logged("info");
    let order = [
        "Running state [fails] at time ",
        "Executing state test.fail_without_changes for [fails]",
        "Failure!",
        "Completed state [fails] at time ",
        "Running state [changes] at time ",
    ];
    let places: Vec<_> = order.iter().map(|line| log.find(line)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}\n{log}");
    assert!(log.contains("[INFO    ] Success!") && !log.contains("hunter2"), "{log}");
}
