//! The store on disks that are full, fail, lose power, or come back damaged.

mod faults;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;
use crate::map;
use faults::{FaultyDisk, Full};

struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("halite-store-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Dir(path)
    }

    fn open(&self) -> Store {
        Store::open(&self.0).expect("a store")
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn jid(n: u64) -> Jid {
    Jid::parse(&format!("20260102030405{n:06}")).expect("a jid")
}

fn id(text: &str) -> MinionId {
    MinionId::parse(text).expect("an id")
}

fn ret(value: i64) -> Map {
    map! { "return" => value, "retcode" => 0, "success" => true }
}

#[test]
fn jobs_and_returns_are_there_after_a_restart() {
    let dir = Dir::new();
    let store = dir.open();
    let load = map! { "fun" => "test.ping", "tgt" => "*", "raw" => Value::Bytes(vec![0xff].into()) };
    wait(store.save_load(&jid(1), &load, &["web2".into(), "web1".into()])).expect("saved");
    wait(store.add_minions(&jid(1), &id("syndic"), &["db1".into(), "web1".into()])).expect("saved");
    assert_eq!(wait(store.save_return(&jid(1), &id("web1"), &ret(1))), Ok(Saved::New));
    assert_eq!(wait(store.save_return(&jid(1), &id("web1"), &ret(2))), Ok(Saved::Duplicate));
    // A job that nobody published here.
    assert_eq!(wait(store.save_return(&jid(2), &id("web1"), &ret(3))), Ok(Saved::New));
    drop(store);

    let store = dir.open();
    assert_eq!(store.load(jid(1).as_str()), Ok(Some(load)));
    assert_eq!(store.load(jid(2).as_str()), Ok(None));
    assert_eq!(
        store.job_minions(jid(1).as_str()),
        Ok(vec!["db1".to_owned(), "web1".to_owned(), "web2".to_owned()])
    );
    assert_eq!(store.returns(jid(1).as_str()), Ok(map! { "web1" => ret(1) }));
    assert_eq!(store.returns(jid(2).as_str()), Ok(map! { "web1" => ret(3) }));
    assert_eq!(wait(store.save_return(&jid(1), &id("web1"), &ret(4))), Ok(Saved::Duplicate));
    assert_eq!(wait(store.save_return(&jid(1), &id("db1"), &ret(5))), Ok(Saved::New));
    assert_eq!(store.returns(jid(1).as_str()), Ok(map! { "db1" => ret(5), "web1" => ret(1) }));
    assert_eq!(dir.files(), ["jobs.redb", "minions.redb"]);
    for name in dir.files() {
        let mode = fs::metadata(dir.0.join(&name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// More jobs than the writer remembers, and back to the first.
#[test]
fn a_return_that_was_forgotten_in_memory_is_a_duplicate_all_the_same() {
    let dir = Dir::new();
    let store = dir.open();
    for expected in [Saved::New, Saved::Duplicate] {
        for n in 0..1_100 {
            assert_eq!(wait(store.save_return(&jid(n), &id("web1"), &ret(1))), Ok(expected), "{n}");
        }
    }
    assert_eq!(wait(store.save_return(&jid(0), &id("web2"), &ret(2))), Ok(Saved::New));
    assert_eq!(store.returns(jid(0).as_str()), Ok(map! { "web1" => ret(1), "web2" => ret(2) }));
}

#[test]
fn jobs_are_listed_by_range_of_jid() {
    let dir = Dir::new();
    let store = dir.open();
    for n in [3, 1, 2, 5, 4] {
        wait(store.save_load(&jid(n), &map! { "n" => 1 }, &[])).expect("saved");
    }
    let list = |from: Option<u64>, to: Option<u64>, limit| {
        let (from, to) = (from.map(jid), to.map(jid));
        let (from, to) = (from.as_ref().map(Jid::as_str), to.as_ref().map(Jid::as_str));
        let jobs = store.jobs(from, to, limit).expect("listed");
        jobs.into_iter().map(|(jid, _)| jid[19..].to_owned()).collect::<Vec<_>>().join("")
    };
    assert_eq!(list(None, None, 100), "12345");
    assert_eq!(list(Some(2), Some(4), 100), "23");
    assert_eq!(list(Some(2), None, 2), "45");
    assert_eq!(list(Some(4), Some(2), 100), "");
}

#[test]
fn old_jobs_go_and_new_ones_stay() {
    let dir = Dir::new();
    let store = dir.open();
    let old = unix_now() - 1_000;
    for n in 0..30 {
        let text = jid(n).as_str().to_owned();
        let minions = pack_list(&["a".into()]);
        let load = JobWrite::Load { jid: text.clone(), load: pack(&map! { "n" => 1 }), minions, now: old };
        wait(store.jobs.write(load)).expect("saved");
        for minion in 0..100 {
            let id = format!("minion-{minion}");
            wait(store.jobs.write(JobWrite::Return { jid: text.clone(), id, ret: pack(&ret(1)), now: old }))
                .expect("saved");
        }
    }
    wait(store.save_load(&jid(99), &map! { "n" => 2 }, &[])).expect("saved");
    assert_eq!(wait(store.clean_jobs(Duration::from_secs(2_000))), Ok(0));
    assert_eq!(wait(store.clean_jobs(Duration::from_secs(500))), Ok(30));
    assert_eq!(wait(store.clean_jobs(Duration::from_secs(500))), Ok(0));
    assert_eq!(store.jobs(None, None, 100).expect("listed").len(), 1);
    assert_eq!(store.returns(jid(3).as_str()), Ok(Map::new()));
    assert_eq!(store.job_minions(jid(3).as_str()), Ok(vec![]));
}

#[test]
fn the_newest_jobs_are_kept_within_the_octets_that_are_allowed() {
    let dir = Dir::new();
    let store = dir.open();
    let text = "x".repeat(10_000);
    for n in 0..10 {
        let now = n;
        let load =
            JobWrite::Load { jid: jid(n).as_str().to_owned(), load: vec![0xc0; 5_000], minions: vec![], now };
        wait(store.jobs.write(load)).expect("saved");
        wait(store.save_return(&jid(n), &id("a"), &map! { "return" => text.as_str() })).expect("saved");
    }
    assert_eq!(store.clean_jobs_beyond(1_000_000), Ok(0));
    assert_eq!(store.clean_jobs_beyond(50_000), Ok(7));
    assert_eq!(store.clean_jobs_beyond(50_000), Ok(0));
    assert_eq!(store.returns(jid(6).as_str()), Ok(Map::new()));
    assert_eq!(store.returns(jid(7).as_str()).map(|all| all.len()), Ok(1));
    assert_eq!(store.clean_jobs_beyond(10), Ok(3));
}

#[test]
fn what_a_target_needs_is_remembered_until_it_changes() {
    let dir = Dir::new();
    let store = dir.open();
    let needs = crate::matchers::Needs { grains: vec!["os".to_owned()], pillar: Vec::new() };
    let os = |name: &str| map! { "grains" => map! { "os" => name, "much" => "more" }, "pillar" => map! { "a" => 1 } };
    let part = |id: &str| store.part(id, &needs).expect("read").map(|part| part.grains.clone());
    assert_eq!(part("web1"), None);
    wait(store.save_minion_data(&id("web1"), &os("Debian"))).expect("saved");
    assert_eq!(part("web1"), Some(map! { "os" => "Debian" }));
    assert_eq!(part("web1"), Some(map! { "os" => "Debian" }));
    assert!(store.part("web1", &needs).expect("read").is_some_and(|part| part.pillar.is_empty()));
    wait(store.save_minion_data(&id("web1"), &os("Rocky"))).expect("saved");
    assert_eq!(part("web1"), Some(map! { "os" => "Rocky" }));
    wait(store.forget_minion(&id("web1"))).expect("forgotten");
    assert_eq!(part("web1"), None);
}

#[test]
fn minions_have_data_and_mines() {
    let dir = Dir::new();
    let store = dir.open();
    let data = map! { "grains" => map! { "os" => "Debian" }, "pillar" => map! {} };
    wait(store.save_minion_data(&id("web1"), &data)).expect("saved");
    wait(store.save_minion_data(&id("web2"), &map! {})).expect("saved");
    wait(store.update_mine(&id("web1"), &map! { "a" => 1, "b" => Value::list([2]) }, false)).expect("saved");
    wait(store.update_mine(&id("web1"), &map! { "c" => 3 }, false)).expect("saved");
    wait(store.update_mine(&id("web10"), &map! { "a" => 10 }, false)).expect("saved");
    assert_eq!(store.mine("web1"), Ok(map! { "a" => 1, "b" => Value::list([2]), "c" => 3 }));
    assert_eq!(wait(store.delete_mine(&id("web1"), "b")), Ok(true));
    assert_eq!(wait(store.delete_mine(&id("web1"), "b")), Ok(false));
    wait(store.update_mine(&id("web1"), &map! { "d" => 4 }, true)).expect("saved");
    assert_eq!(store.mine("web1"), Ok(map! { "d" => 4 }));
    assert_eq!(store.mine_of("web1", "d"), Ok(Some(4.into())));
    assert_eq!(wait(store.flush_mine(&id("web1"))), Ok(true));
    assert_eq!(wait(store.flush_mine(&id("web1"))), Ok(false));
    assert_eq!(store.mine("web10"), Ok(map! { "a" => 10 }));
    assert_eq!(store.minion_data("web1"), Ok(Some(data)));
    assert_eq!(store.minions_with_data(), Ok(vec!["web1".to_owned(), "web2".to_owned()]));
    let mut seen = Vec::new();
    store.each_minion_data(|id, data| seen.push((id.to_owned(), data.len()))).expect("read");
    assert_eq!(seen, [("web1".to_owned(), 2), ("web2".to_owned(), 0)]);
    wait(store.forget_minion(&id("web1"))).expect("forgotten");
    assert_eq!(store.minion_data("web1"), Ok(None));
}

#[test]
fn many_writers_share_commits_and_readers_do_not_wait() {
    let disk = FaultyDisk::new();
    let jobs = Engine::<JobTables>::start("test", disk.boxed()).expect("open");
    let before = disk.syncs();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let jobs = jobs.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(async {
                    let returns = (0..200_i64).map(|n| {
                        let write = JobWrite::Return {
                            jid: jid(1).as_str().to_owned(),
                            id: format!("m-{writer}-{n}"),
                            ret: pack(&ret(n)),
                            now: 1,
                        };
                        let jobs = jobs.clone();
                        async move { jobs.write(write).await }
                    });
                    let mut set = tokio::task::JoinSet::new();
                    returns.for_each(|one| drop(set.spawn(one)));
                    while let Some(done) = set.join_next().await {
                        assert_eq!(done.expect("no panic"), Ok(1));
                    }
                });
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("no panic");
    }
    let commits = disk.syncs() - before;
    assert!(commits < 800, "{commits} syncs for 1,600 returns are no groups");
    let found = jobs.read(|read| jobs::returns(read, jid(1).as_str())).expect("read");
    assert_eq!(found.len(), 1_600);
}

/// What a test was promised: ids whose return was acknowledged.
fn acknowledged_are_there(jobs: &Engine<JobTables>, acknowledged: &[String]) {
    let found = jobs.read(|read| jobs::returns(read, jid(1).as_str())).expect("read");
    let found: std::collections::HashMap<String, Vec<u8>> = found.into_iter().collect();
    for id in acknowledged {
        assert_eq!(found.get(id), Some(&pack(&ret(7))), "{id} was acknowledged");
    }
}

fn a_return(id: &str) -> JobWrite {
    JobWrite::Return { jid: jid(1).as_str().to_owned(), id: id.to_owned(), ret: pack(&ret(7)), now: 1 }
}

/// Fills the disk again and again while returns come in.
fn fill_and_heal(full: Full) {
    let disk = FaultyDisk::new();
    let jobs = Engine::<JobTables>::start("test", disk.boxed()).expect("open");
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        for n in 0..20 {
            let id = format!("good-{round}-{n}");
            assert_eq!(wait(jobs.write(a_return(&id))), Ok(1));
            acknowledged.push(id);
        }
        disk.fill(full);
        let mut refused = 0;
        for n in 0..2_000 {
            let id = format!("full-{round}-{n}-{}", "x".repeat(200));
            match wait(jobs.write(a_return(&id))) {
                // There may be room left in the file.
                Ok(count) => {
                    assert_eq!(count, 1);
                    acknowledged.push(id);
                }
                Err(error) => {
                    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
                    refused += 1;
                    if full == Full::NewPages {
                        acknowledged_are_there(&jobs, &acknowledged);
                    }
                }
            }
            if refused == 5 {
                break;
            }
        }
        assert_eq!(refused, 5);
        disk.fill(Full::Nothing);
    }
    assert_eq!(wait(jobs.write(a_return("last"))), Ok(1));
    acknowledged_are_there(&jobs, &acknowledged);
    drop(jobs);
    let jobs = Engine::<JobTables>::start("test", disk.boxed()).expect("open");
    assert_eq!(disk.set_aside(), 0);
    acknowledged_are_there(&jobs, &acknowledged);
}

#[test]
fn a_full_disk_is_an_error_loses_nothing_heals_and_can_still_be_read() {
    fill_and_heal(Full::NewPages);
}

#[test]
fn a_disk_that_takes_nothing_at_all_loses_nothing_and_heals() {
    fill_and_heal(Full::Everything);
}

#[test]
fn whichever_call_to_the_disk_fails_nothing_acknowledged_is_lost() {
    for failing in 0..60 {
        let disk = FaultyDisk::new();
        let jobs = Engine::<JobTables>::start("test", disk.boxed()).expect("open");
        let mut acknowledged = Vec::new();
        for n in 0..3 {
            let id = format!("before-{n}");
            assert_eq!(wait(jobs.write(a_return(&id))), Ok(1));
            acknowledged.push(id);
        }
        disk.fail_call(failing);
        for n in 0..8 {
            let id = format!("after-{n}");
            if let Ok(1) = wait(jobs.write(a_return(&id))) {
                acknowledged.push(id);
            }
        }
        assert!(acknowledged.len() > 8, "call {failing}: the store did not recover: {}", acknowledged.len());
        acknowledged_are_there(&jobs, &acknowledged);
        drop(jobs);
        let jobs = Engine::<JobTables>::start("test", disk.boxed()).expect("open");
        acknowledged_are_there(&jobs, &acknowledged);
    }
}

#[test]
fn power_can_go_at_any_moment() {
    for seed in 0..40 {
        let disk = FaultyDisk::new();
        let jobs = Engine::<JobTables>::start("test", disk.boxed()).expect("open");
        let mut random = seed * 7_919 + 1;
        let cut_at = 5 + seed * 3;
        disk.cut_power_after(cut_at, seed);
        let mut acknowledged = Vec::new();
        for n in 0..60 {
            random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
            let id = format!("m-{}-{n}", random % 1_000);
            if wait(jobs.write(a_return(&id))) == Ok(1) && !disk.power_is_off() {
                acknowledged.push(id);
            }
        }
        drop(jobs);
        disk.power_on();
        let jobs = Engine::<JobTables>::start("test", disk.boxed()).expect("open after the power cut");
        assert_eq!(disk.set_aside(), 0, "seed {seed}: a power cut is no damage");
        acknowledged_are_there(&jobs, &acknowledged);
        assert_eq!(wait(jobs.write(a_return("later"))), Ok(1));
    }
}

#[test]
fn damaged_files_are_set_aside_and_begun_anew() {
    type Spoil = fn(&mut Vec<u8>);
    let damage: &[(&str, Spoil)] = &[
        ("text", |octets| *octets = b"this is no database\n".repeat(1_000)),
        ("head", |octets| octets[..64].fill(0)),
        ("zeros", |octets| octets.fill(0)),
        ("half", |octets| octets.truncate(octets.len() / 2)),
        ("short", |octets| octets.truncate(100)),
        ("middle", |octets| octets.iter_mut().skip(4_096).step_by(61).for_each(|octet| *octet ^= 0x55)),
    ];
    for (name, spoil) in damage {
        let dir = Dir::new();
        let store = dir.open();
        wait(store.save_load(&jid(1), &map! { "fun" => "test.ping" }, &[])).expect("saved");
        wait(store.save_minion_data(&id("web1"), &map! { "grains" => map! {} })).expect("saved");
        drop(store);
        let path = dir.0.join("jobs.redb");
        let mut octets = fs::read(&path).expect("read");
        spoil(&mut octets);
        fs::write(&path, &octets).expect("written");

        let store = dir.open();
        assert_eq!(store.load(jid(1).as_str()), Ok(None), "{name}");
        wait(store.save_load(&jid(2), &map! { "fun" => "test.ping" }, &[])).expect("saved");
        assert!(store.load(jid(2).as_str()).expect("read").is_some());
        // The other database is as it was.
        assert!(store.minion_data("web1").expect("read").is_some());
        assert!(
            dir.files().iter().any(|file| file.starts_with("jobs.redb.damaged-")),
            "{name}: {:?}",
            dir.files()
        );
    }
}

#[test]
fn any_flipped_bit_is_survived() {
    let dir = Dir::new();
    let store = dir.open();
    for n in 0..20 {
        wait(store.save_return(&jid(1), &id(&format!("m{n}")), &ret(7))).expect("saved");
    }
    drop(store);
    let path = dir.0.join("jobs.redb");
    let good = fs::read(&path).expect("read");
    // Where the data is, and the header; most of a small file is empty.
    let places = (0..320).step_by(16).chain((4_096..good.len()).step_by(good.len() / 60));
    for place in places {
        let mut octets = good.clone();
        octets[place] ^= 1 << (place % 8);
        fs::write(&path, &octets).expect("written");
        let store = dir.open();
        let returns = store.returns(jid(1).as_str()).unwrap_or_default();
        for (_, value) in &returns {
            assert_eq!(value, &Value::Map(ret(7)), "octet {place}: a wrong return was believed");
        }
        wait(store.save_return(&jid(9), &id("new"), &ret(7))).expect("saved");
        drop(store);
        for file in dir.files() {
            if file.contains("damaged") {
                fs::remove_file(dir.0.join(file)).expect("removed");
            }
        }
    }
}

#[test]
fn only_the_newest_damaged_files_are_kept() {
    let dir = Dir::new();
    for _ in 0..6 {
        drop(dir.open());
        fs::write(dir.0.join("jobs.redb"), b"this is no database\n".repeat(1_000)).expect("written");
    }
    drop(dir.open());
    assert_eq!(dir.files().iter().filter(|name| name.contains("damaged")).count(), 3);
}

#[test]
fn a_second_master_is_told_about_the_first() {
    let dir = Dir::new();
    let _store = dir.open();
    assert!(matches!(Store::open(&dir.0), Err(StoreError::InUse(_))));
}

#[test]
fn jobs_are_kept_as_long_as_configured() {
    let check = |opts: Map, seconds: Option<u64>| {
        assert_eq!(retention(&opts), seconds.map(Duration::from_secs), "{opts:?}");
    };
    check(map! {}, Some(86_400));
    check(map! { "keep_jobs_seconds" => 60, "keep_jobs" => 24 }, Some(60));
    check(map! { "keep_jobs_seconds" => 86_400, "keep_jobs" => 1 }, Some(3_600));
    check(map! { "keep_jobs_seconds" => 0 }, None);
    check(map! { "keep_jobs" => 0 }, None);
}

#[test]
fn entries_of_ids_that_look_alike_are_kept_apart() {
    let dir = Dir::new();
    let store = dir.open();
    let names = ["a", "a b", "a!", "A", "é", "e\u{301}", "*", "~", "\u{10ffff}"];
    for (n, name) in names.iter().enumerate() {
        let value = i64::try_from(n).expect("small");
        assert_eq!(wait(store.save_return(&jid(1), &id(name), &ret(value))), Ok(Saved::New));
        wait(store.update_mine(&id(name), &map! { "f" => value }, true)).expect("saved");
    }
    assert_eq!(store.returns(jid(1).as_str()).expect("read").len(), names.len());
    for (n, name) in names.iter().enumerate() {
        assert_eq!(store.mine(name), Ok(map! { "f" => i64::try_from(n).expect("small") }));
    }
}

#[tokio::test]
async fn writes_can_be_awaited_from_many_tasks() {
    let dir = Dir::new();
    let store = Arc::new(dir.open());
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.save_return(&jid(1), &id(&format!("m{n}")), &ret(n)).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no panic"), Ok(Saved::New));
    }
}
