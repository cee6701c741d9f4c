//! `salt-run` where no master runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use halite::master::store::Store;
use halite::value::Value;

fn salt_run(root: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
    command.arg("salt-run").arg("-c").arg(root.join("etc")).args(words);
    command.output().expect("it starts")
}

/// Whoever has the job cache open and no bus is no master: the runner runs, without it, and says so.
#[test]
fn a_job_cache_that_another_process_has_stops_no_runner() {
    let root = std::env::temp_dir().join(format!("hcr{}", std::process::id()));
    fs::create_dir_all(root.join("etc")).expect("a directory");
    let shown = root.display();
    let config = format!("root_dir: {shown}\npki_dir: {shown}/pki\n");
    fs::write(root.join("etc/master"), config).expect("written");
    let run = || salt_run(&root, &["test.arg", "here", "--out=json"]);
    let store = root.join("var/cache/salt/master/halite");
    fs::create_dir_all(&store).expect("a directory");
    let held = Store::open(&store).expect("a store");
    let beside = run();
    drop(held);
    let alone = run();
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).contains("cannot be opened");
    assert!(told(&beside), "{beside:?}");
    assert!(!told(&alone), "{alone:?}");
    for output in [beside, alone] {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("here"), "{output:?}");
    }
    let _ = fs::remove_dir_all(&root);
}

/// Files of `salt.utils.cloud.cache_node` and `cache_node_list` (Salt 3006.25).
const NODES: [(&str, &str); 3] = [
    (
        "ec2/my-ec2/web1.p",
        "8ba46e616d65a477656231a26964a3692d31a473697a6503a369707392a831302e302e302e31a7312e322e332e34a175a76772c3bcc39f65\
         a166cb3ff8000000000000a16ec0a162c3a3626967cf0000010000000000a3726177c403616263a46e65737481a1618101a178",
    ),
    ("ec2/my-ec2/old", "82a2696407a5696d616765a664656269616e"),
    ("openstack/os1/db1.p", "82a2696407a5696d616765a664656269616e"),
];

/// What Salt's `salt-run cache.cloud` prints of them.
#[test]
fn machines_that_salt_cloud_has_cached_are_told() {
    let root = std::env::temp_dir().join(format!("hcc{}", std::process::id()));
    let shown = root.display();
    let write = |path: &str, content: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, content).expect("written");
    };
    write("etc/master", format!("root_dir: {shown}\npki_dir: {shown}/pki\n").as_bytes());
    for (path, octets) in NODES {
        let digit = |at| u8::from_str_radix(&octets[at..at + 2], 16).expect("hex");
        let octets: Vec<u8> = (0..octets.len()).step_by(2).map(digit).collect();
        write(&format!("var/cache/salt/cloud/active/{path}"), &octets);
        write(&format!("elsewhere/active/{path}"), &octets);
    }
    let told = |words: &[&str]| {
        let output = salt_run(&root, &[&["cache.cloud"], words, &["--out=json"]].concat());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        Value::from_json(&printed).unwrap_or_else(|_| panic!("{words:?}: {printed}"))
    };
    let web1 = r#"{"name": "web1", "id": "i-1", "size": 3, "ips": ["10.0.0.1", "1.2.3.4"], "u": "grüße", "f": 1.5, "n": null,
        "b": true, "big": 1099511627776, "raw": "abc", "nest": {"a": {"1": "x"}}, "provider": "my-ec2"}"#;
    let db1 = r#"{"id": 7, "image": "debian", "provider": "os1"}"#;
    let is = |words: &[&str], expected: &str| {
        assert_eq!(told(words), Value::from_json(expected).expect("JSON"), "{words:?}");
    };
    is(&["*"], "{}");
    write("etc/cloud.conf.d/keep.conf", b"update_cachedir: True\n");
    is(&["web*"], &format!(r#"{{"web1": {web1}}}"#));
    is(&["[dw]*1"], &format!(r#"{{"web1": {web1}, "db1": {db1}}}"#));
    is(&["*", "provider=os1"], &format!(r#"{{"db1": {db1}}}"#));
    is(&["o"], r#"{"o": {"id": 7, "image": "debian", "provider": "my-ec2"}}"#);
    is(&["none"], "{}");
    is(&["5"], "{}");
    write("etc/cloud", b"cachedir: /elsewhere\ninclude: more/*\n");
    is(&["db?"], &format!(r#"{{"db1": {db1}}}"#));
    write("etc/more/off", b"update_cachedir: False\n");
    is(&["db?"], "{}");
    write("etc/more/on", b"update_cachedir: True\n");
    write("elsewhere/active/ec2/my-ec2/cut.p", b"\x82\xa1a");
    let cut = told(&["db1"]);
    assert!(cut.as_str().is_some_and(|text| text.contains("cut.p: msgpack ends early")), "{cut:?}");
    let _ = fs::remove_dir_all(&root);
}
