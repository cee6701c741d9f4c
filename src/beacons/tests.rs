//! Beacons beside a host that is told what to say.

use super::*;
use crate::host::FakeHost;
use crate::loader::{Function, Module, Nowhere, Registry, Scope, always, keywords, req};
use crate::map;

/// How busy the machine is.
static BUSY: Module = Module {
    file: "status",
    provides: "status",
    available: always,
    functions: &[Function::new("loadavg", &[], "", |_, _| {
        Ok(map! { "1-min" => 0.7, "5-min" => 0.5, "15-min" => 0.1 }.into())
    })],
};

/// What the module ps says of a machine.
static MACHINE: Module = Module {
    file: "ps",
    provides: "ps",
    available: always,
    functions: &[
        Function::new("disk_partitions", &[keywords("kwargs")], "", |_, _| {
            Ok(Value::list([map! { "mountpoint" => "/" }, map! { "mountpoint" => "/boot" }]))
        }),
        Function::new("disk_usage", &[req("path")], "", |_, _| Ok(map! { "percent" => 12.5 }.into())),
        Function::new("virtual_memory", &[], "", |_, _| Ok(map! { "percent" => 40.0 }.into())),
    ],
};

fn look_with(name: &str, config: Map, memory: &mut Memory) -> Result<Vec<Map>, Fault> {
    let none = Map::new();
    let registry = Registry::new(&[&[&MACHINE, &BUSY]]);
    let scope = Scope {
        opts: &none,
        grains: (&none).into(),
        pillar: (&none).into(),
        published: &none,
        registry: &registry,
        host: &FakeHost::default(),
        minion: &Nowhere,
        master: &Nowhere,
    };
    let cx = Context::new(scope);
    let items: Vec<Map> =
        config.iter().map(|(key, value)| Map::from_iter([(key.clone(), value.clone())])).collect();
    let beacon = kind(name).expect("a kind");
    (beacon.look)(&mut Look { cx: &cx, items: &items, config: &config, memory })
}

#[test]
fn rows_are_in_alphabetical_order() {
    assert!(ALL.is_sorted_by_key(|beacon| beacon.name));
}

#[test]
fn configurations_are_refused_in_salts_words() {
    let check = |name: &str, config: Value, expected: &str| {
        let text = match validate(kind(name).expect("a kind"), &config) {
            Ok(comment) => comment.to_owned(),
            Err(problem) => problem,
        };
        assert_eq!(text, expected, "{name}");
    };
    check("diskusage", map! {}.into(), "Configuration for diskusage beacon must be a list.");
    check("diskusage", Value::list([map! { "/" => "63%" }]), "Valid beacon configuration");
    check("memusage", Value::list([map! {}]), "Configuration for memusage beacon requires percent.");
    check("ps", Value::list([map! { "processes" => 1 }]), "Processes for ps beacon must be a dictionary.");
    check("load", Value::list([map! {}]), "Averages configuration is required for load beacon.");
    let service = map! { "services" => map! { "cron" => Value::Null } };
    check(
        "service",
        Value::list([service]),
        "Configuration for service beacon must be a list of dictionaries.",
    );
    let files = map! { "files" => map! { "/etc" => map! { "mask" => Value::list(["grow"]) } } };
    check("inotify", Value::list([files]), "Configuration for inotify beacon invalid mask option grow.");
}

#[test]
fn thresholds_make_events() {
    let told = look_with("memusage", map! { "percent" => "40%" }, &mut Memory::default()).expect("told");
    assert_eq!(told, [map! { "memusage" => 40.0 }]);
    let told = look_with("memusage", map! { "percent" => 41 }, &mut Memory::default()).expect("told");
    assert_eq!(told, Vec::<Map>::new());
    let told =
        look_with("diskusage", map! { "/" => "10%", "/no/such" => 0 }, &mut Memory::default()).expect("told");
    assert_eq!(told, [map! { "diskusage" => 12.5, "mount" => "/" }]);
    let processes = map! { "no-such-program" => "stopped", "other" => "running" };
    let told = look_with("ps", map! { "processes" => processes }, &mut Memory::default()).expect("told");
    assert_eq!(told, [map! { "no-such-program" => "Stopped" }]);
    assert!(look_with("memusage", map! { "percent" => "much" }, &mut Memory::default()).is_err());
}

#[test]
fn files_are_watched_from_the_first_look_on() {
    let folder = std::env::temp_dir().join(format!("halite-inotify-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("kept")).expect("made");
    let path = folder.to_str().expect("a path").to_owned();
    let files = map! { path.as_str() => map! {
        "mask" => Value::list(["create"]), "recurse" => true, "auto_add" => true,
        "exclude" => Value::list([Value::from(format!("{path}/no")), map! { "z$" => map! { "regex" => true } }.into()]),
    } };
    let (config, mut memory) = (map! { "files" => files }, Memory::default());
    let mut told = || look_with("inotify", config.clone(), &mut memory).expect("told");
    assert_eq!(told(), Vec::<Map>::new());
    for name in ["a", "nothing", "xyz", "kept/b"] {
        std::fs::write(folder.join(name), "").expect("written");
    }
    std::fs::create_dir(folder.join("new")).expect("made");
    let event = |at: &str, name: &str, change: &str| {
        map! { "tag" => format!("{path}{at}"), "path" => format!("{path}{at}/{name}"), "change" => change }
    };
    let expected = [
        event("", "a", "IN_CREATE"),
        event("/kept", "b", "IN_CREATE"),
        event("", "new", "IN_CREATE|IN_ISDIR"),
    ];
    assert_eq!(told(), expected);
    std::fs::write(folder.join("new/c"), "").expect("written");
    assert_eq!(told(), [event("/new", "c", "IN_CREATE")]);
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn limits_of_the_load_may_be_text() {
    let look = |high: &str| {
        let averages = map! { "1m" => Value::list(["0.0", high]) };
        look_with("load", map! { "averages" => averages }, &mut Memory::default())
    };
    assert_eq!(look("0.9").expect("looked"), []);
    assert_eq!(look("0.6").expect("looked"), [map! { "1m" => 0.7, "5m" => 0.5, "15m" => 0.1 }]);
    assert!(look("much").is_err());
}

#[test]
fn an_interval_that_is_no_number_is_told_in_the_log_and_does_not_look() {
    let with = |interval: Value| {
        let items = [map! { "interval" => interval }, map! { "time" => Value::list(["all"]) }];
        Book::new(map! { "status" => Value::list(items) }).due(&map! {}, 1).len()
    };
    assert_eq!((with("x".into()), with(0.into()), with(Value::Null)), (0, 1, 1));
}

#[test]
fn what_is_configured_looks_when_it_is_due() {
    let own = map! { "load" => Value::list([map! { "averages" => map! {} }]) };
    let mut book = Book::new(own);
    assert!(book.due(&map! {}, 1).is_empty(), "it is not valid");
    let pillar = map! { "beacons" => map! {
        "status" => Value::list([map! { "interval" => 2 }, map! { "time" => Value::list(["all"]) }]),
        "watch" => Value::list([map! { "beacon_module" => "ps" }, map! { "processes" => map! {} }]),
    } };
    let names = |due: Vec<Due>| due.into_iter().map(|due| (due.name, due.module)).collect::<Vec<_>>();
    let watch = ("watch".to_owned(), "ps".to_owned());
    let status = ("status".to_owned(), "status".to_owned());
    assert_eq!(names(book.due(&pillar, 1)), std::slice::from_ref(&watch));
    assert_eq!(names(book.due(&pillar, 1)), std::slice::from_ref(&watch));
    let due = book.due(&pillar, 1);
    assert_eq!(due.first().map(|due| due.items.clone()), Some(vec![map! { "time" => Value::list(["all"]) }]));
    assert_eq!(names(due), [status, watch]);
    book.command(&map! { "func" => "disable" }, &pillar);
    assert!(book.due(&pillar, 1).is_empty());
}

#[test]
fn commands_change_what_the_options_have() {
    let mut book = Book::new(map! {});
    let pillar = map! { "beacons" => map! { "load" => Value::List(Vec::new()) } };
    let mut say = |data: Map| book.command(&data, &pillar).expect("an answer");
    let config = Value::list([map! { "percent" => 1 }]);
    let (tag, data) = say(map! { "func" => "add", "name" => "memusage", "beacon_data" => config.clone() });
    assert_eq!(tag, "/salt/minion/minion_beacon_add_complete");
    assert_eq!(data.get("beacons"), Some(&map! { "memusage" => config }.into()));
    let (_, data) = say(map! { "func" => "disable_beacon", "name" => "memusage" });
    let disabled = Value::list([map! { "percent" => 1 }, map! { "enabled" => false }]);
    assert_eq!(data.get("beacons"), Some(&map! { "memusage" => disabled }.into()));
    let (tag, data) = say(map! { "func" => "delete", "name" => "load" });
    assert_eq!(tag, "/salt/minion/minion_beacon_delete_complete");
    assert_eq!(data.str("comment"), Some("Cannot delete beacon item load, it is configured in pillar."));
    assert_eq!(data.get("complete"), Some(&false.into()));
    let (tag, data) = say(map! { "func" => "list", "include_pillar" => true, "include_opts" => false });
    assert_eq!(
        (tag.as_str(), data.get("beacons")),
        ("/salt/minion/minion_beacons_list_complete", pillar.get("beacons"))
    );
    assert!(say(map! { "func" => "reset" }).1.get("beacons").is_some_and(|beacons| !beacons.truthy()));
}
