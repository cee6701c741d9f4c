//! Grains of this machine and of recorded ones.

use super::*;
use crate::host::{FakeHost, RealHost};
use crate::map;

#[test]
fn this_machine_has_the_grains_that_every_machine_has() {
    let opts = map! { "id" => "web1", "master" => "salt", "enable_fqdns_grains" => false };
    let grains = collect(&RealHost, &opts);
    for name in [
        "kernel",
        "os",
        "os_family",
        "osarch",
        "num_cpus",
        "mem_total",
        "ip_interfaces",
        "path",
        "pid",
        "virtual",
    ] {
        assert!(grains.contains(name), "{name}");
    }
    assert_eq!(grains.str("kernel"), Some("Linux"));
    assert_eq!(grains.str("id"), Some("web1"));
}

#[test]
fn own_grains_count_more_and_unwanted_ones_are_left_out() {
    let opts = map! {
        "id" => "web1",
        "enable_fqdns_grains" => false,
        "grains" => map! { "os" => "Mine", "roles" => Value::list(["web"]) },
        "grains_blacklist" => Value::list(["cpu_*", "pyth.*"]),
    };
    let grains = collect(&FakeHost::default(), &opts);
    assert_eq!(grains.str("os"), Some("Mine"));
    assert_eq!(grains.get("roles"), Some(&Value::list(["web"])));
    for name in ["cpu_flags", "cpu_model", "pythonversion"] {
        assert!(!grains.contains(name), "{name}");
    }
}

#[test]
fn skipped_grains_are_none() {
    assert!(collect(&FakeHost::default(), &map! { "skip_grains" => true }).is_empty());
}

#[test]
fn the_grains_file_is_read_and_a_broken_one_skipped() {
    let directory = std::env::temp_dir().join(format!("halite-grains-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let conf_file = directory.join("minion");
    let opts = map! { "conf_file" => conf_file.to_string_lossy().as_ref(), "enable_fqdns_grains" => false };
    let with_file = |text: &str| {
        std::fs::write(directory.join("grains"), text).expect("written");
        collect(&FakeHost::default(), &opts)
    };
    let grains = with_file("deployment: dc4\nroles: [web]\nos: Mine\npid: 5\n");
    assert_eq!(grains.str("deployment"), Some("dc4"));
    assert_eq!(grains.str("os"), Some("Mine"));
    // Salt finds these later than the file, so they count more.
    assert_ne!(grains.get("pid"), Some(&Value::Int(5)));
    assert_ne!(with_file("os: [broken\n").str("os"), Some("Mine"));
    assert_ne!(with_file("- a list\n").str("os"), Some("Mine"));
    std::fs::remove_dir_all(&directory).expect("removed");
}

#[test]
fn cached_grains_are_used_until_they_are_old_or_broken() {
    let directory = std::env::temp_dir().join(format!("halite-grains-cache-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let opts = |id: &str| {
        map! { "id" => id, "grains_cache" => true, "enable_fqdns_grains" => false,
        "cachedir" => directory.to_string_lossy().as_ref() }
    };
    let id = |id: &str, force| load(&RealHost, &opts(id), force).str("id").map(str::to_owned);
    assert_eq!(id("one", false).as_deref(), Some("one"));
    assert_eq!(id("two", false).as_deref(), Some("one"));
    assert_eq!(id("three", true).as_deref(), Some("three"));
    std::fs::write(directory.join("grains.cache.p"), b"\xdf\xff\xff").expect("written");
    assert_eq!(id("four", false).as_deref(), Some("four"));
    std::fs::remove_dir_all(&directory).expect("removed");
}

/// Salt: tests/integration/files/file/base/_grains.
#[test]
fn grains_in_python_are_merged_and_what_fails_is_left_out() {
    if crate::host::which("python3", &std::env::var("PATH").unwrap_or_default()).is_none() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("halite-grains-python-{}", std::process::id()));
    let own = folder.join("grains");
    std::fs::create_dir_all(&own).expect("made");
    let write = |name: &str, text: &str| std::fs::write(own.join(name), text).expect("written");
    write(
        "a.py",
        "from os.path import join\n\ndef first():\n    return {'deep': {'k1': 'v1'}}\n\ndef _no():\n    return {'no': 1}\n",
    );
    write(
        "b.py",
        "def second(grains):\n    return {'deep': {'k2': grains['os'] and 2}}\n\ndef bad():\n    raise OSError('x')\n",
    );
    write("c.py", "def __virtual__():\n    return False, 'why'\n\ndef third():\n    return {'no': 2}\n");
    write("d.py", "import no_such_module_here\n");
    let mut opts = map! {
        "id" => "web1", "enable_fqdns_grains" => false, "extension_modules" => folder.display().to_string(),
    };
    let deep = |opts: &Map| {
        let grains = collect(&RealHost, opts);
        assert!(!grains.contains("no"));
        grains.get("deep").cloned()
    };
    assert_eq!(deep(&opts), Some(map! { "k2" => 2 }.into()));
    opts.insert("grains_deep_merge", true);
    assert_eq!(deep(&opts), Some(map! { "k1" => "v1", "k2" => 2 }.into()));
    std::fs::remove_dir_all(folder).expect("removed");
}
