//! Options together that no other test has together.

use std::fs;

use super::{Line, Pair};

const LINES: &[Line] = &[
    &["salt", "minion-a", "test.ping", "--static", "--async"],
    &["salt", "minion-a", "test.ping", "--async", "--show-jid", "-v", "--out=json"],
    &["salt", "minion-a", "test.ping", "--summary", "-v", "--show-jid", "-l", "quiet"],
    &["salt", "minion-a", "test.ping", "--show-timeout"],
    &["salt", "minion-a", "test.ping", "--hide-timeout", "--out-file=@R/out"],
    &[
        "salt",
        "minion-a",
        "test.ping",
        "--out=json",
        "--out-indent=1",
        "--out-file=@R/out",
        "--out-file-append",
    ],
    &["salt", "minion-a", "cmd.run", "cat @R/out", "--no-color", "--force-color"],
    &["salt", "minion-a", "test.ping", "--static", "--out-file=/nowhere/out"],
    &["salt", "minion-a", "test.ping", "--metadata={a:1}", "--module-executors=[direct_call]", "--failhard"],
    &["salt", "-L", "minion-a,gone", "test.ping", "--preview-target", "--out=yaml"],
    &["salt", "nobody", "test.ping", "--preview-target", "--out=json"],
    &["salt", "minion-a", "state.apply", "mixed", "--state-output=changes", "--summary", "--out=quiet"],
    &["salt", "minion-a", "state.apply", "mixed", "--out=txt", "--out-file=/dev/null"],
    &["salt", "-d", "minion-a", "nosuch", "--out=json"],
    &["salt", "-t", "soon", "--version"],
    &["salt", "-a", "nosuch", "minion-a", "test.ping", "--username=x", "--password=y"],
    &["salt-key", "-F"],
    &["salt-key", "-F", "--out=json"],
    &["salt-key", "-p", "nosuch"],
    &["salt-key", "-l", "x"],
    &["salt-key", "--out=json", "-L"],
    &["salt-key", "-y", "-a", "nosuch", "--include-rejected"],
    &["salt-key", "--gen-signature"],
    &["salt-key", "--gen-signature", "--auto-create", "--signature-path=@R/"],
    &["salt-key", "--gen-keys=own", "--gen-keys-dir=@R/keys", "--keysize=1024"],
    &["salt-key", "--gen-keys=own", "--gen-keys-dir=@R/keys", "--keysize=2048"],
    &["salt-call", "--local", "test.ping", "--return=nosuch", "--metadata", "--out=json"],
    &["salt-call", "--local", "--id=other", "grains.get", "id", "--refresh-grains-cache", "--skip-grains"],
    &["salt-call", "--local", "--set-metadata", "grains.get", "id"],
    &[
        "salt-call",
        "--local",
        "--file-root=@R/srv/salt",
        "--pillar-root=@R/srv/pillar",
        "state.show_sls",
        "mixed",
    ],
    &["salt-call", "--local", "--file-root=@R/nosuch", "state.apply", "mixed"],
    &["salt-call", "state.apply", "mixed", "--retcode-passthrough", "--out=quiet"],
    &["salt-call", "--local", "test.retcode", "3", "--retcode-passthrough"],
    &["salt-call", "test.ping", "-l", "debug"],
    &["salt-call", "--local", "http.query", "http://127.0.0.1:1/", "status=True"],
    &["salt-call", "--local", "test.ping", "--out-file=/nowhere/out"],
    &["salt", "minion-a", "status.ping_master", "127.0.0.1", "--out=json"],
    &["salt-call", "status.ping_master", "localhost"],
    &["salt-call", "--local", "status.ping_master", "127.0.0.1"],
    &["salt-call", "--local", "-t", "3", "status.ping_master", "127.0.0.1:1"],
    &["salt-call", "--local", "status.ping_master", ""],
    &["salt-run", "test.arg", "x", "--jid=x"],
    &["salt-run", "test.arg", "x", "--jid=20260102030405678901", "--skip-grains", "--out=json"],
    &["salt-run", "salt.execute", "nobody", "test.ping"],
    &["salt-run", "survey.hash", "nobody", "test.ping"],
    &["salt-run", "manage.up", "tgt=nobody"],
    &["salt-run", "test.arg", "x", "--out-file=@R/out", "--out-file-append", "--quiet"],
    &["salt-run", "fileserver.envs", "sources=True"],
    &["salt-run", "fileserver.file_list", "backend=-roots"],
    &["salt-run", "fileserver.symlink_list", "backend=-roots,roots"],
    &["salt-run", "fileserver.file_list", "saltenv=base"],
    &["salt-run", "fileserver.clear_file_list_cache", "saltenv=nosuch"],
    &["salt-run", "fileserver.clear_file_list_cache", "saltenv=base,nosuch", "--out=json"],
    &["salt-run", "manage.versions", "--out=json"],
    &["salt", "minion-a", "sys.reload_modules"],
    &["salt", "-L", "minion-a,,minion-a", "test.ping"],
    &["salt-call", "--local", "saltutil.list_extmods"],
    &["salt-call", "saltutil.runner", "nosuch.x"],
    &["salt-call", "saltutil.wheel", "key.nosuch"],
];

pub fn differences(pair: &Pair) -> Vec<String> {
    for fleet in pair.each() {
        let states = "a:\n  test.fail_without_changes\nb:\n  test.succeed_with_changes\nc:\n  test.nop\n";
        fs::write(fleet.path("srv/salt/mixed.sls"), states).expect("written");
    }
    pair.differences(LINES, false)
}
