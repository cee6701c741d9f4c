//! Runners that need a master that runs: `fileserver.lock`, `salt.parallel_runners`; tokens of `--make-token`; `match.*`
//! in a pillar.

use std::fs;
use std::time::Duration;

use halite::event::Filter;
use halite::map;
use halite::transport::bus::{BusClient, BusPaths};
use halite::value::Value;

use crate::fleet::Fleet;
use crate::peers::Peer;

const ACCESS: &str = "external_auth: {auto: {alice: ['.*', '@runner', '@wheel'], bob: [test.ping]}}\n";

/// Command lines in this order: some of them leave a token to those after them, some have the one before taken away.
const SAID: &[(bool, &str, &str)] = &[
    (false, "salt-run", "fileserver.lock"),
    (false, "salt-run", "fileserver.lock backend=roots remote=any"),
    (false, "salt-run", "fileserver.clear_lock"),
    (false, "salt-run", "fileserver.clear_lock roots"),
    (false, "salt", "-T -a auto --username alice --password any minion-a test.ping"),
    (false, "salt", "-T minion-a test.echo hello"),
    (false, "salt-run", "-T test.arg one"),
    (false, "salt-key", "-T -l accepted"),
    (true, "salt-run", "-T -a auto --username bob --password any test.arg one"),
    (false, "salt", "-T minion-a test.ping"),
    (false, "salt", "-T minion-a test.echo hello"),
    (true, "salt", "-T -a none --username bob --password any minion-a test.ping"),
];

/// What is printed, the exit codes, and whether there is a token afterwards.
fn said(master: Peer) -> Option<Vec<String>> {
    let fleet = Fleet::start(master, Peer::Halite, ACCESS, "")?;
    let token = fleet.path("salt/salt_token");
    fs::create_dir(fleet.path("salt")).expect("a directory");
    let mut all = Vec::new();
    for &(anew, tool, words) in SAID {
        if anew {
            fs::remove_file(&token).expect("a token");
        }
        let mut command = fleet.command(master, tool, "etc");
        command.args(words.split(' ')).env("XDG_CONFIG_HOME", fleet.path(""));
        let output = fleet.output(master, &command);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        all.push(format!("{words}: {:?}, token {}\n{printed}", output.status.code(), token.exists()));
    }
    Some(all)
}

#[test]
fn locks_and_tokens_are_those_of_the_original() {
    let Some(original) = said(Peer::Salt3006) else { return };
    assert_eq!(said(Peer::Halite).expect("ours are always here"), original);
}

/// Runners and their words; `{jid}` is a job of `test.echo` that has its return. What is printed is compared, but for
/// jids, times and the fleet's directory.
const RUN: &[&str] = &[
    "jobs.lookup_jid {jid}",
    "jobs.lookup_jid {jid} --out=json",
    "jobs.lookup_jid 20200101000000000000",
    "jobs.list_job {jid}",
    "jobs.print_job {jid} --out=json",
    "jobs.exit_success {jid}",
    "jobs.list_jobs search_function=test.echo",
    "jobs.list_jobs search_function=test.echo search_target=other*",
    "jobs.list_jobs search_metadata={a:1}",
    "jobs.list_jobs_filter 1",
    "jobs.last_run target=minion-a function=test.echo",
    "test.arg 1 --jid=20260102030405678901",
    "jobs.list_job 20260102030405678901",
    "jobs.print_job 20260102030405678901 --out=json",
    "jobs.lookup_jid 20260102030405678901",
    "jobs.active",
    "manage.status",
    "manage.up",
    "manage.down",
    "manage.up tgt=other*",
    "manage.versions",
    "cache.pillar minion-a",
    "cache.mine minion-a",
    "cache.list minions",
    "cache.list minions/minion-a",
    "cache.contains bank=minions/minion-a key=data",
    "cache.grains other*",
    "mine.get minion-* test.echo",
    "mine.get * test.echo --out=json",
    "mine.get other* test.echo",
    "mine.get kernel:Linux test.echo tgt_type=grain",
    "pillar.show_pillar minion-a",
    "pillar.show_pillar",
    "pillar.show_top --out=json",
    "fileserver.envs",
    "fileserver.file_list",
    "fileserver.file_list saltenv=none",
    "fileserver.dir_list",
    "fileserver.symlink_list",
    "fileserver.empty_dir_list",
    "fileserver.update",
    "fileserver.clear_cache",
    "config.get file_roots:base",
    "config.get no:such default=x",
    "error.error",
    "error.error name=ValueError message=no",
    "error.error name=KeyError message=no",
    "error.error name=SaltSystemExit message=no",
    "error.error name=SaltInvocationError message=no",
    "error.error name=TypeError message=no",
    "error.error name=NotImplemented message=no",
    "error.error name=TimeoutError",
    "error.error name=NoSuch message=no",
    "error.error NameError 5 --out=json",
    "salt.cmd test.echo hello",
    "salt.execute minion-a test.echo ['hello']",
    "salt.execute minion-a test.kwarg kwarg={a:1}",
    "salt.execute minion-a test.arg abc",
    "salt.execute minion-a test.echo ['hello'] full_return=True --out=json",
    "salt.execute minion-a,gone test.ping tgt_type=list",
    "salt.execute minion-a,gone test.false tgt_type=list full_return=True",
    "salt.execute L@minion-a,gone test.ping tgt_type=compound",
    "salt.execute minion-a,down test.ping tgt_type=list timeout=1 gather_job_timeout=1",
    "salt.execute minion-a,down test.ping tgt_type=list timeout=1 gather_job_timeout=1 show_timeout=True",
    "salt.execute minion-a test.ping verbose=True",
    "salt.execute gone test.ping tgt_type=list",
    "salt.execute none test.ping tgt_type=nodegroup",
    "test.sleep long",
    "test.sleep 0 none=1 --out=quiet",
    "test.arg 1 -a auto --username alice --password none",
    "saltutil.sync_modules --out=json",
    "cache.grains none any=1",
    "saltutil.sync_grains",
    "survey.hash * test.echo hello",
    "survey.diff * test.echo hello",
    "survey.diff minion-a,down test.echo hello survey_sort=down",
    "event.send my/tag {a:1}",
    "test.arg 1 a=[1,2] --out=json",
    "test.arg 1 a=2",
    "test.stdout_print",
    "state.orchestrate none",
    "state.orchestrate orch --out=quiet",
    "state.orch_show_sls orch --out=json",
    "state.set_pause 20260102030405678901 one duration=1",
    "state.rm_pause 20260102030405678901",
    "state.orchestrate_single test.succeed_with_changes x",
    "no.such",
    "--async no.such",
    "--async test.no_such",
    "jobs.list_jobs start_time=x",
    "jobs.list_jobs end_time=x --out=json",
    "test.no_such 1",
];

const ORCH: &str = "
job: {salt.function: [{name: test.echo}, {tgt: minion-a}, {arg: [hello]}]}
states: {salt.state: [{tgt: minion-a}, {sls: none}]}
runner: {salt.runner: [{name: test.arg}]}
wheel: {salt.wheel: [{name: key.list}, {match: accepted}]}
";

/// Without the frames of tracebacks, which ours have not, and without documentation, which is in our words.
fn without_python(printed: &str) -> String {
    let printed = printed.replace("\\n", "\n");
    let end = printed.find("\nUsage:\n").unwrap_or(printed.len());
    let mut in_frames = false;
    let lines = printed[..end].lines().filter(|line| {
        let frame = in_frames && (line.starts_with(' ') || line.is_empty());
        in_frames = frame || line.ends_with("Traceback (most recent call last):");
        !frame
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// What is printed, with the exit codes.
fn run(master: Peer) -> Option<Vec<String>> {
    let config = "mine_functions:\n  test.echo: [from the mine]\nmine_interval: 1";
    let mut fleet = Fleet::start(master, Peer::Halite, ACCESS, config)?;
    for (path, text) in [
        ("salt/dir/sub/deep.txt", "deep\n"),
        ("salt/top.sls", "base: {'*': [dir]}\n"),
        ("salt/orch.sls", ORCH),
        ("pillar/top.sls", "base: {'minion-*': [own], '*': [common]}\n"),
        ("pillar/own.sls", "own: {list: [1, two], text: 'gr\u{fc}\u{df}e'}\n"),
        ("pillar/common.sls", "common: true\n"),
    ] {
        let path = fleet.path("srv").join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, text).expect("written");
    }
    fs::create_dir_all(fleet.path("srv/salt/empty")).expect("made");
    let [here, down] = ["minion-a", "down"].map(|id| fleet.master_pki("minions").join(id));
    std::os::unix::fs::symlink("hello.txt", fleet.path("srv/salt/link")).expect("linked");
    assert_eq!(fleet.ask(Peer::Halite, &["saltutil.refresh_pillar", "wait=True"]), true.into());
    fleet.wait("the mine is filled", |fleet| {
        let found = fleet.ask(Peer::Halite, &["mine.get", "minion-a", "test.echo"]);
        found.get("minion-a").is_some()
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut bus = BusClient::new(BusPaths::master(&fleet.path("var/run/salt/master")));
    let mut events = runtime.block_on(bus.subscribe(Filter::all())).expect("connected");
    let printed = fleet.stdout(master, "salt", &["minion-a", "test.echo", "hello", "--show-jid", "-t", "60"]);
    let digits = |text: &str| text.len() == 20 && text.bytes().all(|octet| octet.is_ascii_digit());
    let jid = printed.split_whitespace().find(|word| digits(word)).expect("a jid").to_owned();
    let tame = fancy_regex::Regex::new(
        r"\b20\d{18}\b|\b20\d\d-\d\d-\d\dT|\b20\d\d, [A-Z][a-z]{2} \d\d [\d:.]{15}|\d\d:\d\d:\d\d\.\d+|\b\d+\.\d+\b",
    );
    let tame = tame.expect("an expression");
    let mut all = Vec::new();
    for words in RUN {
        // The key of a minion that is not there, for those that mean it: it is waited for.
        if words.contains("down") {
            fs::copy(&here, &down).expect("a key");
        } else {
            let _ = fs::remove_file(&down);
        }
        let mut command = fleet.command(master, "salt-run", "etc");
        command.args(words.split(' ').map(|word| word.replace("{jid}", &jid)));
        let output = fleet.output(master, &command);
        let printed =
            String::from_utf8_lossy(&output.stdout).replace(&*fleet.path("").to_string_lossy(), "ROOT/");
        let printed = without_python(&tame.replace_all(&printed, "WHEN"));
        all.push(format!("{words}: {:?}\n{printed}", output.status.code()));
    }
    runtime.block_on(bus.fire("the/end", map! {})).expect("fired");
    let mut shapes = std::collections::BTreeSet::new();
    loop {
        let event = runtime.block_on(events.next(Some(Duration::from_secs(120))));
        let event = event.expect("a good stream").expect("the last event");
        if event.tag == "the/end" {
            break;
        }
        if ["salt/run/", "salt/job/", "my/"].iter().any(|start| event.tag.starts_with(start)) {
            let mut keys: Vec<&str> = event.data.keys().filter_map(Value::as_str).collect();
            keys.sort_unstable();
            let mut shape = format!("{} {keys:?}", tame.replace_all(&event.tag, "WHEN"));
            // Of a runner that could not begin, all that is told.
            if event.data.get("retcode") == Some(&254.into()) {
                for key in ["fun", "fun_args", "return", "success"] {
                    shape.push_str(&format!(" {:?}", event.data.get(key)));
                }
            }
            shapes.insert(shape);
        }
    }
    all.extend(shapes);
    Some(all)
}

#[test]
fn runners_print_what_those_of_the_original_print() {
    let Some(original) = run(Peer::Salt3006) else { return };
    let ours = run(Peer::Halite).expect("ours are always here");
    let differ: Vec<String> = original
        .iter()
        .zip(&ours)
        .take(RUN.len())
        .filter(|(original, ours)| original != ours)
        .map(|(original, ours)| format!("--- original\n{original}\n--- ours\n{ours}"))
        .collect();
    let only = |here: &[String], there: &[String]| -> Vec<String> {
        here.iter().skip(RUN.len()).filter(|shape| !there.contains(shape)).cloned().collect()
    };
    let missing = only(&original, &ours);
    assert!(missing.is_empty(), "{missing:?}");
    // 3007's, and what a runner prints, which has to get from the master to `salt-run`.
    const MORE: [&str; 2] = ["salt/job/WHEN/publish ", "salt/run/WHEN/stdout "];
    let mut more = only(&ours, &original);
    more.retain(|shape| !MORE.iter().any(|own| shape.starts_with(own)));
    assert!(more.is_empty(), "{more:?}");
    assert!(differ.is_empty(), "{} of {}:\n{}", differ.len(), RUN.len(), differ.join("\n"));
}

const ORCHESTRATION: &str = "
good:
  salt.parallel_runners:
    - runners:
        first: [name: test.arg, kwarg: {a: 1}]
        second: [name: state.orchestrate, kwarg: {mods: succeeds}]
        test.stdout_print: []
changes:
  salt.parallel_runners:
    - runners: {inner: [name: state.orchestrate, kwarg: {mods: succeeds}]}
missing:
  salt.parallel_runners: [runners: {no.such: []}]
inner:
  salt.parallel_runners:
    - runners:
        fails: [name: state.orchestrate, kwarg: {mods: fails}]
        succeeds: [name: state.orchestrate, kwarg: {mods: succeeds}]
list:
  salt.parallel_runners: [runners: [test.arg]]
runner:
  salt.runner: [name: test.sleep, s_time: 0, nosuch: 1]
wheel:
  salt.wheel: [name: key.list, match: accepted, nosuch: 1]
";

/// Salt 3006.25 and 3007.14 end each of these but the last with a Python error: their threads know no `__salt__`.
#[test]
fn runners_beside_each_other_tell_what_became_of_each() {
    let mut fleet = Fleet::prepare(&[Peer::Halite], Peer::Halite, "").expect("ours are always here");
    for (name, text) in [
        ("both", ORCHESTRATION),
        ("succeeds", "state: test.succeed_with_changes"),
        ("fails", "state: test.fail_without_changes"),
    ] {
        fs::write(fleet.path(&format!("srv/salt/{name}.sls")), text).expect("written");
    }
    fleet.spawn("salt-master", Peer::Halite);
    fleet.wait_for_port(fleet.ports(0)[1]);
    let output = fleet.run(Peer::Halite, "salt-run", &["state.orchestrate", "both", "--out=json"]);
    assert_eq!(output.status.code(), Some(1));
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let told = Value::from_json(&String::from_utf8_lossy(&output.stdout)).expect(&printed);
    let states = told.get("data").and_then(Value::as_map).and_then(|data| data.values().next());
    let states = states.unwrap_or_else(|| panic!("a run: {printed}"));
    let state = |id: &str| states.get(&format!("salt_|-{id}_|-{id}_|-parallel_runners")).expect(id).clone();
    let result = |id: &str| state(id).get("result").cloned();
    let comment = |id: &str| state(id).get("comment").and_then(Value::as_str).unwrap_or_default().to_owned();
    let changes = |id: &str, at: &str| state(id).get("changes").and_then(|changes| changes.get(at)).cloned();

    assert_eq!(result("good"), Some(true.into()));
    assert_eq!(comment("good"), "All runner functions executed successfully.");
    let returned = changes("good", "ret").expect("returns");
    assert_eq!(returned.get("test.stdout_print"), Some(&"bar".into()));
    let first = Value::from_json(r#"{"args": [], "kwargs": {"a": 1}}"#).expect("JSON");
    assert_eq!(returned.get("first"), Some(&first));

    assert_eq!(result("changes"), Some(true.into()));
    let inner = changes("changes", "inner").expect("changes of the inner orchestration");
    assert!(format!("{inner:?}").contains("Something pretended to change"), "{inner:?}");

    assert_eq!(
        (result("missing"), comment("missing")),
        (Some(false.into()), "Runner no.such failed.".into())
    );
    assert_eq!(result("inner"), Some(false.into()));
    let why = comment("inner");
    assert!(why.starts_with("Runner fails failed with return value:\n") && why.contains("Failure!"), "{why}");
    assert!(changes("inner", "succeeds").is_some(), "what the other one did is told");
    assert_eq!(comment("list"), "The runners parameter must be a string or dict.");

    // As with Salt, but that it says of wheel functions that there is no master.
    for id in ["salt_|-runner_|-test.sleep_|-runner", "salt_|-wheel_|-key.list_|-wheel"] {
        let state = states.get(id).expect(id);
        let text = "An exception occurred in this state: Traceback (most recent call last):\nsalt.exceptions.\
                    SaltInvocationError: The following keyword arguments are not valid: nosuch=1\n";
        assert_eq!(state.get("comment"), Some(&text.into()), "{id}");
        let empty = Value::from(halite::value::Map::new());
        assert_eq!((state.get("result"), state.get("changes")), (Some(&false.into()), Some(&empty)), "{id}");
    }
}

#[test]
fn pythons_salt_run_manages_our_reactor() {
    let config = "reactor:\n  - first/*: [/none.sls]";
    let Some(fleet) = Fleet::start(Peer::Halite, Peer::Halite, config, "") else { return };
    if !Peer::Salt3006.is_here() {
        return;
    }
    let told = |words: &[&str]| {
        let printed = fleet.stdout(Peer::Salt3006, "salt-run", &[words, &["--out=json"]].concat());
        // Behind the event by which it has asked.
        let (_, told) = printed.split_once("\n}\n").unwrap_or_else(|| panic!("{words:?}: {printed}"));
        Value::from_json(told).unwrap_or_else(|_| panic!("{words:?}: {told}"))
    };
    let said = |comment: &str| Value::from(map! { "status" => true, "comment" => comment });
    assert_eq!(told(&["reactor.add", "second/*", "/other.sls"]), said("Reactor added."));
    let (first, second) = (
        map! { "first/*" => Value::list(["/none.sls"]) },
        map! { "second/*" => Value::list(["/other.sls"]) },
    );
    assert_eq!(told(&["reactor.list"]), Value::list([first.clone(), second]));
    assert_eq!(told(&["reactor.delete", "second/*"]), said("Reactor deleted."));
    assert_eq!(told(&["reactor.list"]), Value::list([first]));
    assert_eq!(told(&["reactor.set_leader", "False"]), false.into());
    assert_eq!(told(&["reactor.is_leader"]), false.into());
}

/// Who is there is known by connections, nobody is asked: `presence_events`, `manage.present` and its like.
#[test]
fn a_minion_is_seen_to_come_and_to_go() {
    let fleet = Fleet::start(Peer::Halite, Peer::Halite, "presence_events: True\nloop_interval: 1", "");
    let mut fleet = fleet.expect("ours are always here");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bus = BusClient::new(BusPaths::master(&fleet.path("var/run/salt/master")));
    let mut events = runtime.block_on(bus.subscribe(Filter::prefix("salt/presence/"))).expect("connected");
    let mut sees = |tag: &str, data: &str| {
        let data = Value::from_json(data).expect("JSON");
        loop {
            let event = runtime.block_on(events.next(Some(Duration::from_secs(120))));
            let event = event.expect("a good stream").unwrap_or_else(|| panic!("no {tag} {data:?} in time"));
            let expected = data.as_map().expect("a map");
            if event.tag == tag
                && expected.iter().all(|(key, value)| event.data.get_value(key) == Some(value))
            {
                return;
            }
        }
    };
    let told = |fleet: &Fleet, words: &[&str]| {
        let printed = fleet.stdout(Peer::Halite, "salt-run", &[words, &["--out=json"]].concat());
        Value::from_json(&printed).expect("JSON")
    };
    sees("salt/presence/present", r#"{"present": ["minion-a"]}"#);
    assert_eq!(told(&fleet, &["manage.present"]), Value::list(["minion-a"]));
    let address = map! { "minion-a" => "127.0.0.1" };
    assert_eq!(told(&fleet, &["manage.present", "show_ip=True"]), address.into());
    fleet.kill("salt-minion");
    sees("salt/presence/change", r#"{"new": [], "lost": ["minion-a"]}"#);
    assert_eq!(told(&fleet, &["manage.present"]), Value::List(Vec::new()));
    assert_eq!(told(&fleet, &["manage.not_present"]), Value::list(["minion-a"]));
    fleet.spawn("salt-minion", Peer::Halite);
    sees("salt/presence/change", r#"{"new": ["minion-a"], "lost": []}"#);
    fleet.wait_for_minion();
    assert_eq!(told(&fleet, &["manage.up"]), Value::list(["minion-a"]));
    fleet.stop("salt-minion");
    let down = ["manage.down", "removekeys=True", "timeout=1", "gather_job_timeout=1"];
    assert_eq!(told(&fleet, &down), Value::list(["minion-a"]));
    assert!(!fleet.master_pki("minions/minion-a").exists(), "the key is deleted");
}

const PILLAR: &str = "
{% set kinds = {'minion-*': {'kind': 'ours', 'list': [1]}, 'other*': {'kind': 'theirs'}} %}
merged: {{ salt['match.filter_by'](kinds, merge={'list': [2], 'more': 1}) | json }}
other: {{ salt['match.filter_by'](kinds, minion_id='other-b') | json }}
grain: {{ salt['match.filter_by']({'G@id:minion-a and minion-*': 'both'}) }}
otherwise: {{ salt['match.filter_by']({'web*': 'web', 'default': 'none'}) }}
";

#[test]
fn a_pillar_matches_the_minion_that_it_is_for() {
    let mut fleet = Fleet::start(Peer::Halite, Peer::Halite, "", "").expect("ours are always here");
    fs::write(fleet.path("srv/pillar/top.sls"), "base: {'*': [kinds]}").expect("written");
    fs::write(fleet.path("srv/pillar/kinds.sls"), PILLAR).expect("written");
    let expected = Value::from_json(
        r#"{"merged": {"kind": "ours", "list": [2], "more": 1}, "other": {"kind": "theirs"}, "grain": "both",
            "otherwise": "none"}"#,
    );
    let expected = expected.expect("JSON");
    fleet.wait("the minion has its pillar", |fleet| fleet.ask(Peer::Halite, &["pillar.items"]) == expected);
}

/// What the master tells of its files and of its work: the events of `fileserver_events` and `master_stats`.
fn told_of_itself(master: Peer) -> Option<Vec<String>> {
    let config =
        "fileserver_events: True\nroots_update_interval: 1\nmaster_stats: True\nmaster_stats_event_iter: 1";
    let fleet = Fleet::start(master, Peer::Halite, config, "")?;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bus = BusClient::new(BusPaths::master(&fleet.path("var/run/salt/master")));
    let mut events = runtime.block_on(bus.subscribe(Filter::prefix("salt/"))).expect("connected");
    let mut next = |start: &str| loop {
        let event = runtime.block_on(events.next(Some(Duration::from_secs(120))));
        let event = event.expect("a good stream").unwrap_or_else(|| panic!("no {start} in time"));
        if event.tag.starts_with(start) {
            return event;
        }
    };
    const UPDATE: &str = "salt/fileserver/roots/update";
    let root = fleet.path("").display().to_string();
    let mut all = Vec::new();
    let show = |data: &halite::value::Map| {
        let mut data = data.clone();
        data.remove("_stamp").expect("a time");
        Value::from(data).to_json(halite::value::JsonStyle::default()).replace(&root, "ROOT/")
    };
    let quiet = |data: &halite::value::Map| data.get("changed") == Some(&false.into());
    let mut update = |quietly: bool| loop {
        let event = next(UPDATE);
        if quiet(&event.data) == quietly {
            return format!("{} {}", event.tag, show(&event.data));
        }
    };
    let (hello, new) = (fleet.path("srv/salt/hello.txt"), fleet.path("srv/salt/dir/new.txt"));
    all.push(update(true));
    fs::create_dir(fleet.path("srv/salt/dir")).expect("made");
    fs::write(&new, "new").expect("written");
    all.push(update(false));
    let file = fs::File::options().write(true).open(&hello).expect("open");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).expect("set");
    all.push(update(false));
    fs::remove_file(&new).expect("removed");
    all.push(update(false));
    // Two of Salt's workers count, each by itself.
    let began = std::time::Instant::now();
    let seen = loop {
        assert!(began.elapsed() < Duration::from_secs(120), "no salt/stats/ in time");
        assert_eq!(fleet.ask(Peer::Halite, &["test.ping"]), true.into());
        // The first command after a second makes the master tell.
        let event = runtime.block_on(events.next(Some(Duration::from_millis(200)))).expect("a good stream");
        let Some(event) = event.filter(|event| event.tag.starts_with("salt/stats/")) else { continue };
        if let Some(returns) = event.data.get("stats").and_then(|stats| stats.get("_return")).cloned() {
            let keys: Vec<&str> = event.data.keys().filter_map(Value::as_str).collect();
            let counted: Vec<&str> =
                returns.as_map().expect("a map").keys().filter_map(Value::as_str).collect();
            let worker = event.data.get("worker").and_then(Value::as_str).expect("a name");
            assert_eq!(event.tag, format!("salt/stats/{worker}"));
            assert!(event.data.get("time").and_then(Value::as_float).is_some_and(|time| time > 1.0));
            break format!(
                "{} {keys:?} {counted:?}",
                worker.trim_end_matches(|char: char| char.is_ascii_digit())
            );
        }
    };
    all.push(seen);
    Some(all)
}

#[test]
fn a_master_tells_of_its_files_and_its_work_as_the_original_does() {
    let ours = told_of_itself(Peer::Halite).expect("ours are always here");
    if let Some(original) = told_of_itself(Peer::Salt3006) {
        assert_eq!(ours, original);
    }
}

/// What comes of a job in the master's schedule, but for its numbers.
fn scheduled(master: Peer) -> Option<String> {
    let schedule = "schedule:\n  often: {function: test.arg, args: [x], kwargs: {a: 1}, seconds: 2}\n  \
                    never: {function: test.arg, seconds: 2, enabled: False}\n  \
                    once: {function: test.stdout_print, seconds: 2, return_job: False}\nloop_interval: 1";
    let mut fleet = Fleet::prepare(&[master], Peer::Halite, schedule)?;
    fleet.spawn("salt-master", master);
    fleet.wait_for_port(fleet.ports(0)[1]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bus = BusClient::new(BusPaths::master(&fleet.path("var/run/salt/master")));
    let mut events = runtime.block_on(bus.subscribe(Filter::prefix("__schedule_return"))).expect("connected");
    let mut next = || {
        let event = runtime.block_on(events.next(Some(Duration::from_secs(120))));
        let mut data = event.expect("a good stream").expect("a job in time").data;
        assert!(
            data.remove("pid").is_some() && data.remove("_stamp").is_some() && data.remove("id").is_some()
        );
        let mut entries: Vec<String> =
            data.iter().map(|(key, value)| format!("{key:?}: {value:?}")).collect();
        entries.sort();
        entries.join("\n")
    };
    let first = next();
    assert_eq!(next(), first, "nothing else in the schedule returns");
    Some(first)
}

#[test]
fn a_masters_schedule_runs_runners_as_the_originals_does() {
    let ours = scheduled(Peer::Halite).expect("ours are always here");
    assert!(ours.contains("often"), "{ours}");
    if let Some(original) = scheduled(Peer::Salt3006) {
        assert_eq!(ours, original);
    }
}
