//! `salt-key` against what real Salt's prints and does (`goldens/salt-key.json`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The content of a file that its own Salt release decides: 3006 leaves it empty, 3007 wants the master's id.
const ROTATION_REQUEST: &str = "cache/.dfn";

struct Case {
    root: PathBuf,
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value}"))
}

/// `{path: [mode, content]}`, as the script writes it: one character for each octet.
type Tree = BTreeMap<String, (u32, Vec<u8>)>;

fn tree(value: &Value, root: &str) -> Tree {
    let entry = |(path, entry): (&String, &Value)| {
        let mode = u32::from_str_radix(entry[0].as_str().expect("a mode").trim_start_matches("0o"), 8)
            .expect("octal");
        let content = entry[1].as_str().expect("a content").replace("{root}", root);
        (path.clone(), (mode, content.chars().map(|char| char as u8).collect()))
    };
    value.as_object().expect("a tree").iter().map(entry).collect()
}

fn read_tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            if ["log", "keylog", "etc/master"].contains(&relative.as_str()) {
                continue;
            }
            let mode = path.metadata().expect("metadata").permissions().mode() & 0o777;
            found.insert(relative, (mode, fs::read(&path).expect("content")));
        }
    }
    found
}

fn build(number: usize, goldens: &Value, kind: &str) -> Case {
    let root = std::env::temp_dir().join(format!("halite-keys-{}-{number}", std::process::id()));
    let shown = root.display().to_string();
    for folder in ["etc/pki", "cache/minions", "run"] {
        fs::create_dir_all(root.join(folder)).expect("a directory");
    }
    if kind == "full" {
        for folder in ["minions", "minions_pre", "minions_rejected", "minions_denied"] {
            fs::create_dir_all(root.join("etc/pki").join(folder)).expect("a directory");
        }
    }
    for (path, (mode, content)) in tree(&goldens["trees"][kind], &shown) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let config = format!(
        "pki_dir: {shown}/etc/pki\ncachedir: {shown}/cache\nsock_dir: {shown}/run\nlog_file: {shown}/log\n\
         key_logfile: {shown}/keylog\n"
    );
    fs::write(root.join("etc/master"), config).expect("written");
    Case { root }
}

fn check(number: usize, goldens: &Value, case: &Value) -> Result<(), String> {
    let made = build(number, goldens, text(case, "tree"));
    let root = made.root.display().to_string();
    let args: Vec<String> = case["args"]
        .as_array()
        .expect("arguments")
        .iter()
        .map(|word| word.as_str().expect("a word").replace("{root}", &root))
        .collect();
    let before = read_tree(&made.root);
    let mut child = Command::new(env!("CARGO_BIN_EXE_halite"))
        .args(["salt-key", "-c"])
        .arg(made.root.join("etc"))
        .args(&args)
        .env_remove("SALT_CONFIG_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let stdin = text(case, "stdin").to_owned();
    // A program that ends without reading is no error.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let after = read_tree(&made.root);
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: String, found: String| {
        if expected != found {
            wrong.push(format!("{what}\n--- expected\n{expected}\n--- found\n{found}"));
        }
    };
    let shown = |octets: &[u8]| String::from_utf8_lossy(octets).replace(&root, "{root}");
    compare("exit code", case["code"].to_string(), format!("{}", output.status.code().unwrap_or(-1)));
    compare("standard output", text(case, "stdout").to_owned(), shown(&output.stdout));
    compare("standard error", text(case, "stderr").to_owned(), shown(&output.stderr));
    let gone: Vec<&String> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    compare("files gone", case["gone"].to_string(), serde_json::to_string(&gone).expect("JSON"));
    let mut changed: Tree =
        after.into_iter().filter(|(path, entry)| before.get(path) != Some(entry)).collect();
    let mut expected = tree(&case["made"], &root);
    for tree in [&mut changed, &mut expected] {
        if let Some((_, content)) = tree.get_mut(ROTATION_REQUEST) {
            content.clear();
        }
    }
    compare("files made", format!("{expected:?}"), format!("{changed:?}"));
    if wrong.is_empty() { Ok(()) } else { Err(format!("salt-key {}\n{}", args.join(" "), wrong.join("\n"))) }
}

#[test]
fn salt_key_prints_and_does_what_the_original_does() {
    let goldens: Value = serde_json::from_str(include_str!("goldens/salt-key.json")).expect("JSON");
    let cases = goldens["cases"].as_array().expect("cases");
    assert!(cases.len() > 50, "the goldens were not understood");
    let wrong: Vec<String> =
        cases.iter().enumerate().filter_map(|(number, case)| check(number, &goldens, case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

#[test]
fn keys_are_generated_once_and_safe_from_the_first_byte() {
    let goldens: Value = serde_json::from_str(include_str!("goldens/salt-key.json")).expect("JSON");
    let case = build(9_999, &goldens, "empty");
    let folder = case.root.join("new/keys");
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_halite"))
            .args(["salt-key", "-c"])
            .arg(case.root.join("etc"))
            .args(["--gen-keys=web1", "--gen-keys-dir"])
            .arg(&folder)
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let first = run();
    assert!(first.starts_with("return:\n    ") && first.trim_end().len() == 12 + 32 * 3 - 1, "{first}");
    assert_eq!(run(), first, "an existing key stays");
    let mode = |name: &str| fs::metadata(folder.join(name)).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode("web1.pem"), mode("web1.pub")), (0o400, 0o644));
}
