//! `--out=yaml`: what is logged is a comment, so that both together are YAML. Salt: utils/parsers.py.

use crate::alone::{Minion, text};

#[test]
fn logs_beside_yaml_are_comments() {
    let minion = Minion::new("yaml-logs");
    let failing = |out: &str| {
        let words = ["cmd.run_all", "echo a; echo b >&2; exit 3", out, "--log-level=error"];
        text(&minion.run(&words).stderr)
    };
    // As 3006.25 says it.
    let expected = "[ERROR   ] Command 'echo' failed with return code: 3\n[ERROR   ] stdout: a\n\
                    [ERROR   ] stderr: b\n[ERROR   ] retcode: 3\n";
    assert_eq!(failing("--out=json"), expected);
    assert_eq!(failing("--out=yaml"), expected.replace("[ERROR", "# [ERROR"));
    minion.option("log_fmt_console: '<%(levelname)s> %(message)s'\n");
    assert!(failing("--out=yaml").starts_with("# <ERROR> Command 'echo'"));
}
