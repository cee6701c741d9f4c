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
