//! Which files of the user and which variables of the environment a command line follows.

use std::fs;

use super::{Line, Pair};

const LINES: &[Line] = &[
    &["HOME=@R/home", "salt", "minion-a", "test.ping"],
    &["HOME=@R/home", "salt", "minion-a", "test.ping", "--out=txt"],
    &["HOME=@R/home", "salt-key", "-L"],
    &["HOME=@R/home", "salt-call", "test.ping"],
    &["HOME=@R/xdg", "salt", "minion-a", "test.ping"],
    &["HOME=@R/home", "SALT_CLIENT_CONFIG=@R/rc", "salt", "minion-a", "test.ping"],
    &["HOME=@R/home", "SALTRC=@R/rc", "salt", "minion-a", "test.ping"],
    &["SALT_CLIENT_CONFIG=@R/broken", "salt", "minion-a", "test.ping"],
    &["SALT_CONFIG_DIR=@R/etc", "salt", "minion-a", "test.ping", "@NOWHERE"],
    &["SALT_CONFIG_DIR=@R/etc", "salt-key", "-L", "@NOWHERE"],
    &["SALT_CONFIG_DIR=@R/etc", "salt-call", "grains.get", "id", "@NOWHERE"],
    &["SALT_CONFIG_DIR=/nowhere", "salt", "minion-a", "test.ping"],
    &["SALT_MASTER_CONFIG=@R/etc/master", "salt", "minion-a", "test.ping", "@NOWHERE"],
    &["SALT_MINION_CONFIG=@R/etc/minion", "salt-call", "grains.get", "id", "@NOWHERE"],
    &["SALT_MASTER_CONFIG=/nowhere", "SALT_CONFIG_DIR=@R/etc", "salt", "minion-a", "test.ping", "@NOWHERE"],
    &["SALT_MASTER_CONFIG=@R/rc", "salt", "minion-a", "test.ping"],
    &["SALT_SALTFILE=@R/Saltfile", "salt", "minion-a", "test.ping", "@NOWHERE"],
    &["SALT_SALTFILE=/nowhere", "salt", "--saltfile=@R/Saltfile", "minion-a", "test.ping", "@NOWHERE"],
    &["HOME=@R/home", "salt", "--saltfile=@R/Saltfile", "minion-a", "test.ping", "@NOWHERE"],
    &["SALT_NO_PARSE=text,n", "salt-run", "--out=json", "test.arg", "text=1", "n=2", "other=3"],
    &["SALT_NO_PARSE=text,n", "salt-run", "--out=json", "--no-parse=other", "test.arg", "text=1", "other=3"],
    &["SALT_NO_PARSE=text", "salt", "--out=json", "minion-a", "test.echo", "text=1"],
    &["SALT_NO_PARSE=text", "salt-call", "--local", "--out=json", "test.echo", "text=1"],
];

pub fn differences(pair: &Pair) -> Vec<String> {
    for fleet in pair.each() {
        let write = |path: &str, text: &str| {
            let path = fleet.path(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("home/.saltrc", "output: json\n");
        write("xdg/.saltrc", "output: json\n");
        write("xdg/.config/salt/saltrc", "output: txt\n");
        write("rc", "output: yaml\n");
        write("broken", "output: [1\n");
        let etc = fleet.path("etc").display().to_string();
        write("Saltfile", &format!("salt:\n  config_dir: {etc}\n  output: raw\n"));
    }
    pair.differences(LINES, false)
}
