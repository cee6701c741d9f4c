//! A minion without a master, in a directory of its own, for tests of `salt-call --local`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A minion without a master, in a directory of its own.
pub struct Minion {
    pub root: PathBuf,
}

impl Minion {
    pub fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("halite-alone-{}-{name}", std::process::id()));
        fs::create_dir_all(root.join("states")).expect("a directory");
        fs::create_dir_all(root.join("place")).expect("a directory");
        let here = root.display();
        let options = format!(
            "id: alone\nroot_dir: {here}\nfile_client: local\nfile_roots: {{base: [{here}/states]}}\n"
        );
        fs::write(root.join("minion"), options).expect("written");
        Minion { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn sls(&self, name: &str, text: &str) {
        let text = text.replace("@ROOT@", &self.root.display().to_string());
        fs::write(self.path("states").join(format!("{name}.sls")), text).expect("written");
    }

    /// One more line of the minion's configuration.
    pub fn option(&self, line: &str) {
        let path = self.path("minion");
        let options = fs::read_to_string(&path).expect("read");
        fs::write(path, options + line).expect("written");
    }

    pub fn call(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_halite"));
        command.arg("salt-call").arg("-c").arg(&self.root).args([
            "--local",
            "--out=json",
            "--log-level=quiet",
        ]);
        command.args(words);
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.call(words).output().expect("it runs")
    }

    /// Names in the directory that states write to.
    pub fn place(&self) -> Vec<String> {
        names(&self.path("place"))
    }
}

impl Drop for Minion {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("listed");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
