//! What is remembered, and when it is not used again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::host;
use crate::map;
use crate::value::str_of;

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
    assert_eq!(compile("Debian").pillar.str("a"), Some("Debian"));
    assert_eq!(compile("Suse").pillar.str("a"), Some("Suse"));
    // Of the same size and with an old time of modification.
    tree.write("a.sls", "a: {{ grains['os'] * 2 }}\n");
    age(&tree.0.join("a.sls"));
    assert_eq!(compile("Suse").pillar.str("a"), Some("SuseSuse"));
    // A file that was not there.
    tree.write("b1.sls", "b: 1\n");
    assert_eq!(compile("Suse").pillar.get("b"), Some(&1.into()));
    fs::remove_file(tree.0.join("b1.sls")).expect("removed");
    assert!(compile("Suse").pillar.get("b").is_none());
}

/// Runs git in a directory; false where there is no git.
fn git(at: &Path, words: &str) -> bool {
    let mut command = std::process::Command::new("git");
    command.current_dir(at).args([
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "-c",
        "init.defaultBranch=master",
    ]);
    command.args(words.split(' '));
    host::starting(|| command.spawn()).and_then(|mut git| git.wait()).is_ok_and(|status| status.success())
}

#[test]
fn branches_of_a_repository_are_environments_and_follow_it() {
    let tree = Tree::new("git", &[]);
    let repository = tree.0.join("repository");
    fs::create_dir_all(repository.join("below")).expect("made");
    if !git(&repository, "init -q .") {
        println!("SKIPPED: there is no git here");
        return;
    }
    let commit = |env: &str, value: &str| {
        fs::write(repository.join("below/top.sls"), format!("{env}:\n  'm*':\n    - a\n")).expect("written");
        fs::write(repository.join("below/a.sls"), format!("{env}: {value}\nid: {{{{ grains.id }}}}\n"))
            .expect("written");
        assert!(git(&repository, "add -A") && git(&repository, "commit -q -m x"));
    };
    commit("base", "one");
    assert!(git(&repository, "checkout -q -b dev"));
    commit("dev", "two");
    let url = format!("file://{}", repository.display());
    let below = |spec: String| {
        let mut entry = Map::new();
        entry.insert(spec, Value::List(vec![map! { "root" => "below" }.into()]));
        Value::Map(entry)
    };
    let remotes = Value::List(vec![below(format!("master {url}")), below(format!("dev {url}"))]);
    let opts = map! {
        "pillar_roots" => Map::new(), "renderer" => "jinja|yaml", "state_top" => "salt://top.sls",
        "cachedir" => tree.0.join("cache").display().to_string(), "git_pillar_update_interval" => 0,
        "git_pillar_base" => "master",
        "git_pillar_refspecs" =>
            Value::list(["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]),
        "ext_pillar" => Value::List(vec![map! { "git" => remotes }.into()]),
    };
    let pillars = LocalPillar::new(&opts, Registry::new(&[]));
    let compile = |pillarenv: Option<&str>| {
        let request = Request { pillarenv: pillarenv.map(str::to_owned), ..Request::default() };
        pillars.compile("m1", &map! { "id" => "m1" }, &request)
    };
    assert_eq!(compile(None).pillar, map! { "base" => "one", "id" => "m1", "dev" => "two" });
    assert_eq!(compile(Some("dev")).pillar, map! { "dev" => "two", "id" => "m1" });
    commit("dev", "three");
    assert_eq!(compile(None).pillar.str("dev"), Some("three"));
    // A repository that is gone serves what was fetched.
    fs::rename(&repository, tree.0.join("gone")).expect("moved");
    assert_eq!(compile(None).pillar.str("dev"), Some("three"));
}

#[test]
fn a_mistake_in_the_configuration_of_git_stands_in_the_pillar() {
    let remotes =
        Value::list([map! { "master file:///no/such/repository" => Value::list([map! { "depth" => "x" }]) }]);
    let opts = map! {
        "pillar_roots" => Map::new(), "renderer" => "jinja|yaml", "state_top" => "salt://top.sls",
        "ext_pillar" => Value::List(vec![map! { "git" => remotes }.into()]),
    };
    let pillar = LocalPillar::new(&opts, Registry::new(&[])).compile("m1", &Map::new(), &Request::default());
    let errors = str_of(pillar.pillar.get("_errors").unwrap_or(&Value::Null));
    assert!(
        errors.contains("There is no option depth (remote 'master file:///no/such/repository')"),
        "{errors}"
    );
}
