//! `salt-call --proxyid`: as far as it comes without proxy modules. The sentences are those of Salt 3006.25, but for the
//! last two.

use std::fs;

use crate::alone::{Minion, text};

#[test]
fn a_proxy_minion_is_read_down_to_its_pillar_and_says_what_it_lacks() {
    let minion = Minion::new("proxied");
    let here = minion.root.display().to_string();
    let write = |name: &str, content: &str| {
        let path = minion.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    };
    let options = format!("root_dir: {here}/p\npillar_roots: {{base: [{here}/pillar]}}\n");
    let run = || {
        let output = minion.run(&["--proxyid=sw1", "test.ping"]);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{output:?}");
        text(&output.stderr).trim_end().to_owned()
    };
    // What is the minion's is not looked at.
    minion.option("proxy: {proxytype: of_the_minion}\n");
    write("proxy", &options);
    assert_eq!(
        run(),
        "No \"proxy\" configuration key found in pillar or opts dictionaries for id sw1. Check your pillar/options \
         configuration and contents. Salt-proxy aborted."
    );
    let missing = |kind: &str| {
        format!(
            "Proxymodule {kind} is missing an init() or a shutdown() or both. Check your proxymodule.  Salt-proxy \
             aborted."
        )
    };
    write("pillar/top.sls", "base:\n  'os:proxy':\n    - match: grain\n    - p\n");
    write("pillar/p.sls", "proxy:\n  proxytype: of_{{ grains['kernel'] }}_{{ grains['id'] }}\n");
    assert_eq!(run(), missing("of_proxy_sw1"));
    // Options come before the pillar, those of this one before those of all.
    write("proxy", &format!("{options}proxy: {{proxytype: of_the_file}}\n"));
    assert_eq!(run(), missing("of_the_file"));
    write("proxy.d/x.conf", "proxy: {proxytype: of_all}\n");
    assert_eq!(run(), missing("of_all"));
    write("proxy.d/sw1/x.conf", "proxy: {proxytype: of_one}\n");
    write("proxy.d/other/x.conf", "proxy: {proxytype: of_other}\n");
    assert_eq!(run(), missing("of_one"));
    write("proxy.d/sw1/x.conf", "proxy: {proxytype: dummy}\n");
    assert_eq!(run(), "The proxytype dummy is not supported by Halite. Salt-proxy aborted.");
    write("proxy.d/sw1/x.conf", "proxy: {}\n");
    assert_eq!(run(), "The \"proxy\" configuration of sw1 has no \"proxytype\".");
}
