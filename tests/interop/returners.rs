//! Where returns and events go beside the job cache: `event_return`, `ext_job_cache`, `master_job_cache`.

use std::fs;

use halite::value::Value;

use crate::fleet::{Fleet, text};
use crate::peers::Peer;

fn lines(path: &str) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| Value::from_json(line).ok()).collect()
}

/// The keys of the events with this tag, and of the returns of a function, as the files have them.
fn stored(master: Peer, minion: Peer) -> Option<(Vec<String>, Vec<String>)> {
    let file = |name: &str| {
        let path =
            std::env::temp_dir().join(format!("halite-{name}-{}-{master:?}-{minion:?}", std::process::id()));
        let _ = fs::remove_file(&path);
        path.display().to_string()
    };
    let (events, returns) = (file("events"), file("returns"));
    let master_config = format!(
        "event_return: [rawfile_json]\nevent_return_whitelist: ['salt/job/*']\nevent_return_blacklist: ['*/new']\n\
         rawfile_json.filename: {events}\next_job_cache: rawfile_json\n"
    );
    let mut fleet =
        Fleet::start(master, minion, &master_config, &format!("rawfile_json.filename: {returns}\n"))?;
    let said = fleet.stdout(master, "salt", &["minion-a", "test.echo", "seen", "--out=txt", "-t", "30"]);
    assert_eq!(said, "minion-a: seen\n");
    let is_it = |data: &Value| data.get("return") == Some(&"seen".into());
    let event = |value: &Value| value.get("data").is_some_and(is_it);
    fleet.wait("the event is stored", |_| lines(&events).iter().any(event));
    fleet.wait("the return is stored", |_| lines(&returns).iter().any(is_it));
    for stored in lines(&events) {
        let tag = stored.get("tag").and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(tag.starts_with("salt/job/") && !tag.ends_with("/new"), "{tag}");
    }
    let keys = |value: &Value| {
        let mut keys: Vec<String> = value
            .as_map()
            .into_iter()
            .flat_map(|map| map.keys())
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        keys.sort();
        keys
    };
    let found = |path: &str, wanted: &dyn Fn(&Value) -> bool| {
        lines(path).iter().find(|value| wanted(value)).map(keys)
    };
    let shapes = (found(&events, &event)?, found(&returns, &is_it)?);
    drop(fleet);
    for path in [events, returns] {
        let _ = fs::remove_file(path);
    }
    Some(shapes)
}

#[test]
fn events_and_returns_are_stored_as_the_original_stores_them() {
    let Some(original) = stored(Peer::Salt3006, Peer::Salt3006) else { return };
    let ours = stored(Peer::Halite, Peer::Halite).expect("ours are always here");
    assert_eq!(ours, original);
}

#[test]
fn a_cache_that_is_not_there_stops_the_master() {
    for (option, value) in [("ext_job_cache", "redis"), ("master_job_cache", "mysql")] {
        let config = format!("{option}: {value}\n");
        let fleet = Fleet::prepare(&[Peer::Halite], Peer::Halite, &config).expect("ours are always here");
        let output = fleet.run(Peer::Halite, "salt-master", &[]);
        assert!(!output.status.success() && text(&output).contains(option), "{}", text(&output));
    }
}
