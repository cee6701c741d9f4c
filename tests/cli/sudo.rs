//! The executor `sudo` down to the `salt-call` that it has started, with a `sudo` that changes no user.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::alone::{Minion, text};

#[test]
fn a_salt_call_as_another_user_has_its_value_or_what_it_complains_of_returned() {
    let minion = Minion::new("sudo");
    let user = text(&Command::new("id").arg("-un").output().expect("it runs").stdout);
    minion.option(&format!("sudo_user: {user}"));
    let script = "#!/bin/sh\n[ \"$1\" = -u ] && shift 2 && exec \"$@\"\n";
    fs::write(minion.path("place/sudo"), script).expect("written");
    fs::set_permissions(minion.path("place/sudo"), Permissions::from_mode(0o755)).expect("set");
    let path = format!("{}:/usr/bin:/bin", minion.path("place").display());
    let run = |words: &[&str]| {
        let mut command = minion.call(&["--module-executors=sudo", "--retcode-passthrough"]);
        let output = command.args(words).env("PATH", &path).output().expect("it runs");
        (text(&output.stdout).split_whitespace().collect::<String>(), output.status.code())
    };
    assert_eq!(run(&["test.echo", "a;b"]), (r#"{"local":"a;b"}"#.to_owned(), Some(0)));
    // As with Salt, a salt-call that fails is known by what it says on standard error alone.
    assert_eq!(run(&["test.retcode", "3"]), (r#"{"local":""}"#.to_owned(), Some(1)));
    let (told, code) = run(&["cmd.run", "x", "cwd=/nowhere"]);
    assert!(told.starts_with(r#"{"local":"Errorrunning'cmd.run'"#) && code == Some(1), "{told}");
    // What no function takes is refused before anybody else is asked.
    assert_eq!(run(&["test.ping", "x=1"]), (String::new(), Some(1)));
}
