//! `salt-cp`: copies files and directories to minions, as text in one job or in chunks. Salt: cli/cp.py.

mod files;

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use self::files::{Found, Remote, find, real_path};
use super::options::{self, LOGGING, OUTPUT, TARGET};
use super::{Call, Display, Exit, Flag, Group, Stop, Syntax, apply, config_files, print, start_logging};
use crate::client::{Job, LastSeen, LocalClient, MinionFiles, Progress};
use crate::config::Opts;
use crate::map;
use crate::output::report;
use crate::value::{Map, Value};

pub(super) const SYNTAX: Syntax = Syntax {
    usage: "[options] '<target>' SOURCE DEST",
    about: "Copies files to every minion that the target names: texts, or with --chunked anything.",
    groups: &[
        Group { title: "", about: "", flags: OWN },
        TARGET,
        options::TARGET_MORE,
        FILES,
        OUTPUT,
        LOGGING,
    ],
};

const OWN: &[Flag] = &[options::SALTFILE, options::CONFIG_DIR, options::TIMEOUT, options::HARD_CRASH];

const FILES: Group = Group {
    title: "File Options",
    about: "",
    flags: &[
        Flag::new(
            &["-C", "--chunked"],
            "chunked",
            "Copy in chunks: files of any size and content, with their modes, and whole directories.",
        ),
        Flag::off(&["-n", "--no-compression"], "gzip", "Do not compress the chunks."),
    ],
};

/// The exit code for words and files that are not right.
const USAGE: Exit = Exit(42);

pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    crate::host::interrupt::take_leave();
    let parsed = SYNTAX.parse(&call.prog, &call.words)?;
    let tgt_type = options::target_type(&parsed).map_err(|text| SYNTAX.wrong(&call.prog, &text))?;
    let [tgt, sources @ .., dest] = parsed.words.as_slice() else {
        return Err(insufficient(call));
    };
    if parsed.words.len() < 2 {
        return Err(insufficient(call));
    }
    let dir = parsed.text("config_dir").map(std::path::Path::new);
    let mut opts = config_files::load_client(dir)?;
    apply(&SYNTAX, &parsed, &mut opts);
    start_logging(&call.prog, &opts);
    let display = Display::new(&opts)?;
    let order = Order {
        tgt: target(tgt, tgt_type),
        tgt_type: tgt_type.to_owned(),
        sources: sources.iter().map(|source| real_path(source)).collect(),
        dest: dest.clone(),
        delimiter: parsed.text("delimiter").unwrap_or(":").to_owned(),
        gzip: !parsed.turned_off("gzip"),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let client = LocalClient::new(opts);
    let copied = if parsed.flag("chunked") {
        runtime.block_on(order.in_chunks(&client))
    } else {
        runtime.block_on(order.as_texts(&client))
    }?;
    display.show(&copied.into(), None, 0)?;
    Ok(Exit::OK)
}

fn insufficient(call: &Call) -> anyhow::Error {
    // Salt: utils/parsers.py (`SaltCPOptionParser._mixin_after_parsed`): the help comes first.
    let help = SYNTAX.help(&call.prog);
    Stop { stdout: help, ..SYNTAX.wrong(&call.prog, "Insufficient arguments") }.into()
}

fn target(word: &str, tgt_type: &str) -> Value {
    match tgt_type {
        "list" if word.contains(',') => Value::list(word.split(',')),
        "list" => Value::list(word.split_whitespace()),
        _ => word.into(),
    }
}

/// What is to be copied where.
struct Order {
    tgt: Value,
    tgt_type: String,
    delimiter: String,
    sources: Vec<PathBuf>,
    dest: String,
    gzip: bool,
}

fn stop(exit: Exit, text: String) -> anyhow::Error {
    Stop::failed(exit, format!("{text}\n")).into()
}

impl Order {
    fn job(&self, fun: &str, arg: Vec<Value>) -> Job {
        let kwargs = map! { "delimiter" => self.delimiter.as_str() };
        Job { tgt_type: self.tgt_type.clone(), kwargs, ..Job::new(self.tgt.clone(), fun, arg) }
    }

    /// One job with the texts of all files: `{id: {path: bool}}`.
    async fn as_texts(&self, client: &LocalClient) -> anyhow::Result<Map> {
        let mut texts = Map::new();
        for path in &self.sources {
            let name = path.display().to_string();
            if path.is_dir() {
                let text = format!(
                    "{name} is a directory, only files are supported in non-chunked mode. Use \"--chunked\" command line \
                     argument.\n"
                );
                return Err(Stop { stdout: text, ..Stop::failed(Exit::GENERIC, "") }.into());
            }
            if !path.is_file() {
                // Salt copies what is there, and says nothing of the rest.
                return Err(stop(USAGE, format!("The referenced file, {name} is not available.")));
            }
            let octets = std::fs::read(path).with_context(|| format!("{name} cannot be read"))?;
            let text = String::from_utf8(octets)
                .map_err(|_| stop(Exit::GENERIC, format!("{name} is no text: use --chunked")))?;
            texts.insert(name, text);
        }
        let arg = vec![texts.into(), self.dest.as_str().into()];
        gather(client, &self.job("cp.recv", arg)).await
    }

    /// `{id: {path: True or what is wrong}}`.
    async fn in_chunks(&self, client: &LocalClient) -> anyhow::Result<Map> {
        let mut found = Found::default();
        for source in &self.sources {
            find(source, &mut found).map_err(|(path, error)| match error.kind() {
                io::ErrorKind::NotFound => stop(USAGE, format!("{} does not exist", path.display())),
                _ => stop(Exit::GENERIC, format!("{} cannot be read: {error}", path.display())),
            })?;
        }
        let remote = Remote {
            sources: &self.sources,
            dest: &self.dest,
            is_dir: !found.empty_dirs.is_empty() || found.files.len() > 1 || self.dest.ends_with(['/', '\\']),
        };
        let mut told = Map::new();
        for (path, mode) in &found.files {
            if let Some(place) = remote.place(path) {
                self.one_file(client, path, *mode, &place, &mut told).await?;
            }
        }
        for dir in &found.empty_dirs {
            let Some(place) = remote.place(dir) else { continue };
            let arg = vec![place.as_str().into(), Value::Null];
            for (id, answer) in gather(client, &self.job("cp.recv_chunked", arg)).await? {
                tell(&mut told, id, &place, answer);
            }
        }
        Ok(told)
    }

    async fn one_file(
        &self,
        client: &LocalClient,
        path: &std::path::Path,
        mode: u32,
        place: &str,
        told: &mut Map,
    ) -> anyhow::Result<()> {
        let size = chunk_size(client.opts());
        let mut file =
            std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut failed = Map::new();
        for index in 0_usize.. {
            let mut chunk = Vec::new();
            (&mut file).take(size).read_to_end(&mut chunk)?;
            // An empty file is one empty chunk.
            if chunk.is_empty() && index > 0 {
                break;
            }
            let last = (chunk.len() as u64) < size;
            let chunk = STANDARD.encode(if self.gzip { packed(&chunk)? } else { chunk });
            let arg = vec![
                place.into(),
                chunk.into(),
                (index > 0).into(),
                self.gzip.into(),
                i64::from(mode).into(),
            ];
            let answers = gather(client, &self.job("cp.recv_chunked", arg)).await?;
            if answers.is_empty() {
                let partly = if index > 0 { " File partially transferred." } else { "" };
                let text = format!(
                    "Publish failed.{partly} It may be necessary to decrease salt_cp_chunk_size (current value: {size})"
                );
                let known = MinionFiles::new(client.opts()).matching(&self.tgt, &self.tgt_type);
                for id in known.unwrap_or_default() {
                    tell(told, id.into(), place, text.as_str().into());
                }
                break;
            }
            for (id, answer) in answers {
                if answer != Value::Bool(true) && failed.get_value(&id).is_none() {
                    failed.insert(id.clone(), answer.clone());
                }
                tell(told, id, place, answer);
            }
            if last {
                break;
            }
        }
        for (id, answer) in failed {
            tell(told, id, place, answer);
        }
        Ok(())
    }
}

fn chunk_size(opts: &Opts) -> u64 {
    const DEFAULT: u64 = 98_304;
    const LARGEST: u64 = 16 << 20;
    match u64::try_from(opts.int("salt_cp_chunk_size")) {
        Ok(size) if size > 0 => size.min(LARGEST),
        _ => DEFAULT,
    }
}

fn packed(chunk: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(chunk)?;
    encoder.finish()
}

fn tell(told: &mut Map, id: Value, place: &str, answer: Value) {
    if let Value::Map(of_minion) = told.entry(id, || Map::new().into()) {
        of_minion.insert(place, answer);
    }
}

/// Publishes and waits: `{id: return}` of those that returned, and of those that have no key what Salt says of them.
async fn gather(client: &LocalClient, job: &Job) -> anyhow::Result<Map> {
    let mut found = Map::new();
    let timeout = client.opts().duration("timeout").max(Duration::from_secs(1));
    let Some(mut running) = client.start(job, client.patience(Some(timeout))).await? else {
        print(report::NO_MINIONS_MATCHED)?;
        return Ok(found);
    };
    while let Some(progress) = running.next().await? {
        match progress {
            Progress::Returned { id, mut load } => {
                found.insert(id, load.remove("return").unwrap_or_default());
            }
            Progress::Silent { id, last_seen_as: LastSeen::Missing } => {
                found.insert(id, report::no_response(&running.published().jid));
            }
            Progress::Silent { .. } => {}
        }
    }
    Ok(found)
}
