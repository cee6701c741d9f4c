//! What is remembered, and when it is not used again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::map;

/// A tree that goes with the test.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("halite-local-pillar-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).expect("a directory");
        let tree = Tree(root);
        files.iter().for_each(|(path, body)| tree.write(path, body));
        tree
    }

    fn write(&self, path: &str, body: &str) {
        fs::write(self.0.join(path), body).expect("written");
    }

    fn pillars(&self) -> LocalPillar {
        let roots = map! { "base" => Value::list([self.0.display().to_string()]) };
        let opts =
            map! { "pillar_roots" => roots, "renderer" => "jinja|yaml", "state_top" => "salt://top.sls" };
        LocalPillar::new(&opts, Registry::new(&[]))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn age(path: &Path) {
    let past = SystemTime::now() - Duration::from_secs(100);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(past)).expect("aged");
}

#[test]
fn a_change_of_any_input_shows_at_once() {
    let top = "base:\n  '*':\n    - a\n    - 'b*'\n";
    let tree = Tree::new("change", &[("top.sls", top), ("a.sls", "a: {{ grains.os }}\n")]);
    let pillars = tree.pillars();
    let request = Request::default();
    let compile = |os: &str| pillars.compile("m1", &map! { "os" => os, "id" => "m1" }, &request);
    assert_eq!(compile("Debian").str("a"), Some("Debian"));
    assert_eq!(compile("Suse").str("a"), Some("Suse"));
    // Of the same size and with an old time of modification.
    tree.write("a.sls", "a: {{ grains['os'] * 2 }}\n");
    age(&tree.0.join("a.sls"));
    assert_eq!(compile("Suse").str("a"), Some("SuseSuse"));
    // A file that was not there.
    tree.write("b1.sls", "b: 1\n");
    assert_eq!(compile("Suse").get("b"), Some(&1.into()));
    fs::remove_file(tree.0.join("b1.sls")).expect("removed");
    assert!(compile("Suse").get("b").is_none());
}
