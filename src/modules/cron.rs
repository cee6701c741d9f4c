//! `cron`: the tables of crontab(1). Salt: modules/cron.py.

use std::path::PathBuf;

use rand::TryRng;

use crate::host::FileOwner;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, Ran, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

const TAG: &str = "# Lines below here are managed by Salt, do not edit";
const MARK: &str = "SALT_CRON_IDENTIFIER";
const NO_ID: &str = "NO ID SET";
const OFF: &str = "#DISABLED#";
const TIMES: [&str; 5] = ["minute", "hour", "daymonth", "month", "dayweek"];

const USER: &[Param] = &[req("user")];
const RM_JOB: &[Param] = &[
    req("user"),
    req("cmd"),
    opt("minute", Default::None),
    opt("hour", Default::None),
    opt("daymonth", Default::None),
    opt("month", Default::None),
    opt("dayweek", Default::None),
    opt("identifier", Default::None),
];

pub(super) static MODULE: Module = Module {
    file: "cron",
    provides: "cron",
    available: |cx| {
        if cx.which("crontab").is_some() {
            return Ok(());
        }
        Err("Cannot load cron module: crontab command not found".to_owned())
    },
    functions: &[
        Function::new(
            "get_entry",
            &[req("user"), opt("identifier", Default::None), opt("cmd", Default::None)],
            "One entry by its identifier or its command; False without one.",
            |cx, args| {
                let tab = Tab::parse(&raw(cx, &args.str("user")?)?);
                let (id, cmd) = (args.opt_str("identifier")?, args.opt_str("cmd")?);
                let is_it = |entry: &&Entry| match &id {
                    Some(id) => entry.identifier.as_ref() == Some(id),
                    None => cmd.as_ref() == Some(&entry.cmd),
                };
                Ok(tab.entries().find(is_it).map_or(Value::Bool(false), |entry| entry.describe().into()))
            },
        ),
        Function::new("list_tab", USER, LIST, list_tab),
        Function::new("ls", USER, LIST, list_tab),
        Function::new("raw_cron", USER, "The whole table as text.", |cx, args| {
            Ok(raw(cx, &args.str("user")?)?.into())
        }),
        Function::new("rm", RM_JOB, "Removes an entry: `removed` or `absent`.", rm_job),
        Function::new(
            "rm_env",
            &[req("user"), req("name")],
            "Removes a variable: `removed` or `absent`.",
            |cx, args| {
                let (user, name) = (args.str("user")?, args.str("name")?);
                let mut tab = Tab::parse(&raw(cx, &user)?);
                let at = tab.env.iter().rposition(|(own, _)| *own == name);
                if let Some(at) = at {
                    tab.env.remove(at);
                }
                write(cx, &user, &tab, if at.is_some() { "removed" } else { "absent" })
            },
        ),
        Function::new("rm_job", RM_JOB, "Removes an entry: `removed` or `absent`.", rm_job),
        Function::new(
            "rm_special",
            &[req("user"), req("cmd"), opt("special", Default::None), opt("identifier", Default::None)],
            "Removes an entry as `@daily`: `removed` or `absent`.",
            |cx, args| {
                let user = args.str("user")?;
                let mut tab = Tab::parse(&raw(cx, &user)?);
                let (cmd, id, special) =
                    (args.str("cmd")?, args.opt_str("identifier")?, args.opt_str("special")?);
                let fits = |entry: &Entry| {
                    entry.is_it(&cmd, id.as_deref()) && (special.is_none() || entry.spec == special)
                };
                let at = tab.special.iter().position(fits);
                if let Some(at) = at {
                    tab.special.remove(at);
                }
                write(cx, &user, &tab, if at.is_some() { "removed" } else { "absent" })
            },
        ),
        Function::new(
            "set_env",
            &[req("user"), req("name"), opt("value", Default::None)],
            "Sets a variable: `new`, `updated` or `present`.",
            |cx, args| {
                let (user, name) = (args.str("user")?, args.str("name")?);
                let value = args.opt_str("value")?;
                let mut tab = Tab::parse(&raw(cx, &user)?);
                let before = tab.env.iter().position(|(own, _)| *own == name);
                if let Some(at) = before {
                    if tab.env.get(at).is_some_and(|(_, own)| Some(own) == value.as_ref()) {
                        return Ok("present".into());
                    }
                    tab.env.remove(at);
                }
                tab.env.push((name, value.unwrap_or_default()));
                write(cx, &user, &tab, if before.is_some() { "updated" } else { "new" })
            },
        ),
        Function::new(
            "set_job",
            &[
                req("user"),
                req("minute"),
                req("hour"),
                req("daymonth"),
                req("month"),
                req("dayweek"),
                req("cmd"),
                opt("commented", Default::False),
                opt("comment", Default::None),
                opt("identifier", Default::None),
            ],
            "Sets an entry; times may be `random` or `5:20`. `new`, `updated` or `present`.",
            |cx, args| {
                let mut wanted = Entry::wanted(args)?;
                for (slot, key) in wanted.times.iter_mut().zip(TIMES) {
                    *slot = Some(args.str(key)?.to_lowercase());
                }
                set(cx, &args.str("user")?, wanted)
            },
        ),
        Function::new(
            "set_special",
            &[
                req("user"),
                req("special"),
                req("cmd"),
                opt("commented", Default::False),
                opt("comment", Default::None),
                opt("identifier", Default::None),
            ],
            "Sets an entry as `@daily`: `new`, `updated` or `present`.",
            |cx, args| {
                let mut wanted = Entry::wanted(args)?;
                wanted.spec = Some(args.str("special")?);
                set(cx, &args.str("user")?, wanted)
            },
        ),
        Function::new(
            "write_cron_file",
            &[req("user"), req("path")],
            "Makes a file the whole table. True on success.",
            |cx, args| Ok(install(cx, &args.str("user")?, &args.str("path")?)?.ok().into()),
        ),
        Function::new(
            "write_cron_file_verbose",
            &[req("user"), req("path")],
            "Makes a file the whole table: `{retcode, stdout, stderr}`.",
            |cx, args| {
                let ran = install(cx, &args.str("user")?, &args.str("path")?)?;
                Ok(map! { "retcode" => ran.retcode, "stdout" => ran.stdout, "stderr" => ran.stderr }.into())
            },
        ),
    ],
};

const LIST: &str =
    "A table in parts: `{pre: [line], crons: [entry], special: [entry], env: [{name, value}]}`.";

/// One entry: with times, or with a word as `@daily`.
#[derive(Clone, Debug, std::default::Default, PartialEq)]
struct Entry {
    times: [Option<String>; 5],
    spec: Option<String>,
    cmd: String,
    identifier: Option<String>,
    comment: Option<String>,
    commented: bool,
}

impl Entry {
    fn wanted(args: &Args) -> Result<Self, Fault> {
        let identifier = Some(args.get("identifier")).filter(|id| id.truthy()).map(str_of);
        let cmd = args.str("cmd")?;
        let commented = args.get("commented").as_bool() == Some(true);
        Ok(Entry {
            cmd,
            identifier,
            comment: args.opt_str("comment")?,
            commented,
            ..std::default::Default::default()
        })
    }

    fn id(&self) -> &str {
        self.identifier.as_deref().filter(|id| !id.is_empty()).unwrap_or(NO_ID)
    }

    /// Whether this is the entry of a command, or of an identifier where there is one.
    fn is_it(&self, cmd: &str, identifier: Option<&str>) -> bool {
        let wanted = identifier.filter(|id| !id.is_empty()).unwrap_or(NO_ID);
        let own = self.id();
        if self.cmd != cmd && own == NO_ID && wanted == NO_ID {
            return false;
        }
        own == wanted || (self.cmd == cmd && own == NO_ID)
    }

    fn describe(&self) -> Map {
        let mut map = Map::new();
        match &self.spec {
            Some(spec) => {
                map.insert("spec", spec);
            }
            None => map.extend(TIMES.into_iter().zip(self.times.iter().cloned().map(Value::from))),
        }
        map.extend(map! {
            "identifier" => self.identifier.clone(),
            "cmd" => &self.cmd,
            "comment" => self.comment.clone(),
            "commented" => self.commented,
        });
        map
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        if self.comment.is_some() || self.identifier.is_some() {
            text.push('#');
            if let Some(comment) = self.comment.as_ref().filter(|comment| !comment.is_empty()) {
                let comment = if self.spec.is_some() { comment.trim_end() } else { comment };
                text += &format!(" {}", comment.replace('\n', "\n# "));
            }
            if let Some(id) = self.identifier.as_ref().filter(|id| !id.is_empty()) {
                text += &format!(" {MARK}:{id}");
            }
            text.push('\n');
        }
        if self.commented {
            text += OFF;
        }
        match &self.spec {
            Some(spec) => text += spec,
            None => {
                let times: Vec<&str> = self.times.iter().map(|time| time.as_deref().unwrap_or("*")).collect();
                text += &times.join(" ");
            }
        }
        text + " " + &self.cmd + "\n"
    }

    /// Whether something is asked for that is otherwise here.
    fn differs(&self, wanted: &Entry) -> bool {
        let own_id = Some(self.id().to_owned());
        needs(&self.comment, &wanted.comment)
            || self.commented != wanted.commented
            || needs(&wanted.identifier, &own_id)
            || self.times.iter().zip(&wanted.times).any(|(own, new)| needs(own, new))
            || needs(&self.spec, &wanted.spec)
            || self.cmd != wanted.cmd
    }

    /// What is asked for, and the rest as it was.
    fn updated(&self, wanted: &Entry) -> Entry {
        let keep =
            |own: &Option<String>, new: &Option<String>| if needs(own, new) { new } else { own }.clone();
        let mut entry = wanted.clone();
        for (slot, own) in entry.times.iter_mut().zip(&self.times) {
            if wanted.spec.is_none() {
                *slot = keep(own, slot);
            }
        }
        if wanted.spec.is_some() {
            entry.spec = keep(&self.spec, &wanted.spec);
        }
        entry.comment = keep(&self.comment, &wanted.comment);
        let mut id = Some(self.id().to_owned());
        if self.cmd == wanted.cmd && id.as_deref() == Some(NO_ID) {
            id = wanted.identifier.clone().or_else(|| self.identifier.clone());
        }
        if id.is_none() || !needs(&id, &wanted.identifier) {
            entry.identifier = id;
        }
        entry
    }
}

/// Whether `new` is asked for and is not what is there: `random` is content with any time but `*`.
fn needs(old: &Option<String>, new: &Option<String>) -> bool {
    match new.as_deref() {
        None => false,
        Some("random") => old.as_deref() == Some("*"),
        Some(new) => old.as_deref() != Some(new),
    }
}

/// A whole table: what stands before the mark is not touched.
#[derive(Clone, Debug, std::default::Default, PartialEq)]
struct Tab {
    pre: Vec<String>,
    crons: Vec<Entry>,
    special: Vec<Entry>,
    env: Vec<(String, String)>,
}

impl Tab {
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.crons.iter().chain(&self.special)
    }

    fn parse(text: &str) -> Self {
        let mut tab = Tab::default();
        let mut managed = false;
        let (mut comment, mut identifier): (Option<String>, Option<String>) = (None, None);
        for line in text.lines() {
            if line == TAG {
                managed = true;
                continue;
            }
            if !managed {
                tab.pre.push(line.to_owned());
                continue;
            }
            let (commented, line) = line.strip_prefix(OFF).map_or((false, line), |line| (true, line));
            if line.starts_with('@') {
                let mut words = line.split_whitespace();
                let spec = words.next().map(str::to_owned);
                let cmd = words.collect::<Vec<_>>().join(" ");
                if cmd.is_empty() {
                    continue;
                }
                let times = std::default::Default::default();
                tab.special.push(Entry {
                    times,
                    spec,
                    cmd,
                    identifier: identifier.take(),
                    comment: comment.take(),
                    commented,
                });
            } else if line.starts_with('#') {
                let mut said = line.trim_start_matches(['#', ' ']);
                if let Some((before, after)) = said.split_once(MARK) {
                    said = before.trim_end();
                    identifier = after.get(1..).filter(|id| !id.is_empty()).map(str::to_owned).or(identifier);
                }
                comment =
                    Some(comment.map_or_else(|| said.to_owned(), |comment| format!("{comment}\n{said}")));
            } else if let Some((name, value)) =
                line.split_once('=').filter(|(name, _)| !name.is_empty() && !name.contains(' '))
            {
                tab.env.push((name.to_owned(), value.to_owned()));
            } else {
                let words: Vec<&str> = line.splitn(6, ' ').collect();
                let [minute, hour, daymonth, month, dayweek, cmd] = words.as_slice() else { continue };
                let times = [minute, hour, daymonth, month, dayweek].map(|time| Some((*time).to_owned()));
                tab.crons.push(Entry {
                    times,
                    spec: None,
                    cmd: (*cmd).to_owned(),
                    identifier: identifier.take(),
                    comment: comment.take(),
                    commented,
                });
            }
        }
        tab
    }

    fn text(&self) -> String {
        let mut text: String = self.pre.iter().map(|line| format!("{line}\n")).collect();
        text += &format!("{TAG}\n");
        for (name, value) in &self.env {
            text += &if value.is_empty() { format!("{name}=\"\"\n") } else { format!("{name}={value}\n") };
        }
        text + &self.entries().map(Entry::lines).collect::<String>()
    }
}

/// `crontab` for a user: `-u` where that is somebody else.
fn crontab(cx: &Context, user: &str) -> (Vec<String>, Map) {
    let me = rustix::process::geteuid().as_raw();
    let own = cx.host.user(user).is_some_and(|account| account.uid == me);
    let mut line = vec!["crontab".to_owned()];
    let mut options = Map::new();
    if !own && me == 0 {
        line.extend(["-u".to_owned(), user.to_owned()]);
    } else if !own {
        options.insert("runas", user);
    }
    (line, options)
}

fn raw(cx: &Context, user: &str) -> Result<String, Fault> {
    let (mut line, mut options) = crontab(cx, user);
    line.push("-l".to_owned());
    options.extend(map! { "ignore_retcode" => true, "rstrip" => false });
    let text = cx.program_with(&line, options)?.stdout;
    if !text.starts_with("# DO NOT EDIT THIS FILE - edit the master and reinstall.") {
        return Ok(text);
    }
    Ok(text.split_inclusive('\n').skip(3).collect())
}

fn install(cx: &Context, user: &str, path: &str) -> Result<Ran, Fault> {
    let (mut line, options) = crontab(cx, user);
    line.push(path.to_owned());
    cx.program_with(&line, options)
}

/// Makes a table the user's: what was done, or what crontab says against it.
fn write(cx: &Context, user: &str, tab: &Tab, done: &str) -> Result<Value, Fault> {
    let failed =
        |error: std::io::Error| Fault::execution(format!("Cannot write a table for crontab: {error}"));
    let number = rand::rngs::SysRng.try_next_u64().map_err(std::io::Error::other).map_err(failed)?;
    let path: PathBuf = std::env::temp_dir().join(format!("halite-crontab-{number:016x}"));
    let owner = match cx.host.user(user) {
        Some(account) if rustix::process::geteuid().is_root() && account.uid != 0 => {
            FileOwner { uid: Some(account.uid), gid: Some(account.gid) }
        }
        _ => FileOwner::default(),
    };
    cx.host.write_atomic(&path, tab.text().as_bytes(), 0o600, owner).map_err(failed)?;
    let ran = install(cx, user, &path.to_string_lossy());
    let _ = std::fs::remove_file(&path);
    let ran = ran?;
    Ok(if ran.ok() { done.into() } else { ran.stderr.into() })
}

fn list_tab(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let tab = Tab::parse(&raw(cx, &args.str("user")?)?);
    let env = tab.env.iter().map(|(name, value)| map! { "name" => name, "value" => value });
    Ok(map! {
        "pre" => Value::list(&tab.pre),
        "crons" => Value::list(tab.crons.iter().map(Entry::describe)),
        "special" => Value::list(tab.special.iter().map(Entry::describe)),
        "env" => Value::list(env),
    }
    .into())
}

fn set(cx: &Context, user: &str, wanted: Entry) -> Result<Value, Fault> {
    let mut tab = Tab::parse(&raw(cx, user)?);
    let found = tab.entries().find(|entry| entry.is_it(&wanted.cmd, wanted.identifier.as_deref())).cloned();
    let (mut entry, done) = match &found {
        None => (wanted, "new"),
        Some(entry) if !entry.differs(&wanted) => return Ok("present".into()),
        Some(entry) => (entry.updated(&wanted), "updated"),
    };
    if let Some(found) = found {
        tab.crons.retain(|entry| *entry != found);
        tab.special.retain(|entry| *entry != found);
    }
    if entry.spec.is_none() {
        fix_times(&mut entry)?;
        tab.crons.push(entry);
    } else {
        tab.special.push(entry);
    }
    write(cx, user, &tab, done)
}

/// Gives `random` and ranges as `5:20` a number.
fn fix_times(entry: &mut Entry) -> Result<(), Fault> {
    const RANGES: [(i64, i64); 5] = [(0, 59), (0, 23), (1, 28), (1, 12), (0, 6)];
    let pick = |low: i64, high: i64| -> Result<String, Fault> {
        let number = rand::rngs::SysRng
            .try_next_u64()
            .map_err(|error| Fault::execution(format!("No random numbers: {error}")))?;
        let span = u64::try_from(high - low + 1).unwrap_or(1);
        Ok((low + i64::try_from(number % span.max(1)).unwrap_or_default()).to_string())
    };
    for (at, (time, (low, high))) in entry.times.iter_mut().zip(RANGES).enumerate() {
        let Some(text) = time.clone() else { continue };
        // A range of days of the month is cron's own.
        let range = text.split_once(':').filter(|_| at != 2);
        let range = range.and_then(|(a, b)| Some((a.parse::<i64>().ok()?, b.parse::<i64>().ok()?)));
        *time = Some(match range {
            Some((a, b)) => pick(a.min(b), a.max(b))?,
            None if text == "random" => pick(low, high)?,
            None => text,
        });
    }
    Ok(())
}

fn rm_job(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (user, cmd, id) = (args.str("user")?, args.str("cmd")?, args.opt_str("identifier")?);
    let mut tab = Tab::parse(&raw(cx, &user)?);
    let at_that_time = |entry: &Entry| {
        entry.times.iter().zip(TIMES).all(|(own, key)| match args.given(key).map(str_of) {
            None => true,
            Some(asked) if asked.eq_ignore_ascii_case("random") => own.as_deref() != Some("*"),
            Some(asked) => *own == Some(asked),
        })
    };
    let at = tab.crons.iter().position(|entry| entry.is_it(&cmd, id.as_deref()) && at_that_time(entry));
    let Some(at) = at else { return Ok("absent".into()) };
    tab.crons.remove(at);
    write(cx, &user, &tab, "removed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_and_written_again() {
        let text = "# mine\n0 1 * * * own\n# Lines below here are managed by Salt, do not edit\nPATH=/bin\n# why SALT_CRON_IDENTIFIER:x\n\
                    #DISABLED#*/5 * * * * a  b=c\n# SALT_CRON_IDENTIFIER:y\n@daily run it\n";
        let tab = Tab::parse(text);
        assert_eq!((tab.pre.len(), tab.crons.len(), tab.special.len(), tab.env.len()), (2, 1, 1, 1));
        assert_eq!(tab.text(), text);
        assert_eq!(
            tab.crons.first().map(|entry| (entry.cmd.as_str(), entry.commented)),
            Some(("a  b=c", true))
        );
    }

    #[test]
    fn random_times_are_in_their_ranges() {
        let mut entry = Entry {
            times: ["random", "5:5", "random", "1", "*"].map(|time| Some(time.to_owned())),
            ..std::default::Default::default()
        };
        fix_times(&mut entry).expect("numbers");
        assert_eq!(entry.times.get(1).cloned().flatten().as_deref(), Some("5"));
        let minute: i64 =
            entry.times.first().cloned().flatten().expect("a minute").parse().expect("a number");
        assert!((0..60).contains(&minute));
    }
}
