//! `salt-run`: runs a function on the master. The running master does it and tells on its event bus what comes of it;
//! where no master runs, the function runs here, on the files of the master. Salt: cli/run.py, runner.py.

mod ask;
mod files;
mod offline;
mod show;
mod watch;

use self::show::Shower;
use super::config_files;
use super::daemons::become_user;
use super::options::{self, EXTERNAL_AUTH, LOGGING, OUTPUT};
use super::profile::Profile;
use super::{Call, Display, Exit, Flag, Group, Parsed, Syntax, Takes, apply, read_stdin, start_logging};
use crate::builtin;
use crate::client::ClientError;
use crate::config::Opts;
use crate::event::tags;
use crate::host::utc_now;
use crate::loader::{self, Registry};
use crate::master::store::StoreError;
use crate::names::Jid;
use crate::patterns::fnmatch;
use crate::transport::bus::{BusPaths, fire_blocking};
use crate::value::yaml::condition_input;
use crate::value::{Map, Value, sort};

pub(super) const SYNTAX: Syntax = Syntax {
    usage: "[options] <function> [arguments]",
    about: "Runs a function (a runner) on the master.",
    groups: &[Group { title: "", about: "", flags: OWN }, LOGGING, OUTPUT, EXTERNAL_AUTH],
};

const OWN: &[Flag] = &[
    options::SALTFILE,
    options::CONFIG_DIR,
    Flag::value(
        &["-t", "--timeout"],
        "timeout",
        Takes::Int,
        "TIMEOUT",
        "Seconds that runners wait for minions before asking whether they still work.",
    ),
    options::HARD_CRASH,
    options::ARGS_STDIN,
    options::NO_PARSE,
    Flag::value(&["--jid"], "jid", Takes::Text, "JID", "A job id in place of a new one."),
    Flag::new(
        &["-d", "--doc", "--documentation"],
        "doc",
        "Print the documentation of a runner, of a module of runners, or of all.",
    ),
    Flag::new(&["--async"], "async", "Do not wait for the end of the runner."),
    Flag::new(&["--skip-grains"], "skip_grains", "Accepted for Salt's sake: runners here use no grains."),
    Flag::new(&["--quiet"], "quiet", "Do not print the result."),
    options::PROFILING,
    options::PROFILING_PATH,
];

/// A runner with its arguments.
struct Order {
    fun: String,
    args: Vec<Value>,
    kwargs: Map,
    quiet: bool,
    /// `--jid`
    jid: String,
}

pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    let profile = Profile::start();
    let configuration = profile.phase("configuration");
    let mut parsed = SYNTAX.parse(&call.prog, &call.words)?;
    read_stdin(&SYNTAX, &mut parsed)?;
    if parsed.flag("doc") && parsed.words.len() > 1 {
        return Err(SYNTAX
            .wrong(&call.prog, "You can only get documentation for one method at one time")
            .into());
    }
    if let Some(jid) = parsed.text("jid").filter(|jid| Jid::parse(jid).is_err()) {
        return Err(SYNTAX.wrong(&call.prog, &format!("'{jid}' is not a valid JID")).into());
    }
    let mut opts = config_files::load_client(parsed.text("config_dir").map(std::path::Path::new))?;
    apply(&SYNTAX, &parsed, &mut opts);
    start_logging(&call.prog, &opts);
    let display = Display::new(&opts)?;
    let registry = builtin::runners();
    if parsed.flag("doc") {
        show::documentation(&registry, parsed.words.first().map_or("", String::as_str))?;
        return Ok(Exit::OK);
    }
    let order = order(&parsed);
    drop(configuration);
    let ended = if let Some(why) = refusal(&order, &registry) {
        tell_refusal(&opts, &order, &why);
        show::nearest_documentation(&registry, &order.fun, &display, order.quiet)
    } else if order.fun == watch::FUNCTION {
        watch::run(&opts, &order, &registry)
    } else {
        let shower = Shower::new(&display, &registry, &order, &profile);
        carry_out(&parsed, &opts, &order, &registry, &shower)
    };
    profile.end(&opts, &call.prog, &order.fun);
    ended
}

fn carry_out(
    parsed: &Parsed,
    opts: &Opts,
    order: &Order,
    registry: &Registry,
    shower: &Shower<'_>,
) -> anyhow::Result<Exit> {
    let ask = || {
        let _phase = shower.profile.phase("the master, whose own cost is not in this");
        ask::run(opts, parsed, order, parsed.flag("async"), shower)
    };
    let asked = ask();
    if !has_no_master(&asked) {
        return asked;
    }
    become_user(opts)?;
    let store = match offline::open_store(opts) {
        Err(StoreError::InUse(path)) => {
            // By a master that has come up meanwhile, which had its bus before its store; or by another such process.
            let asked = ask();
            if !has_no_master(&asked) {
                return asked;
            }
            Err(StoreError::InUse(path))
        }
        opened => opened,
    };
    let store = store.unwrap_or_else(|error| {
        crate::log::warn!("the job cache cannot be opened: {error}");
        None
    });
    crate::log::info!("no master runs here: the runner runs in this process");
    let _phase = shower.profile.phase("execution");
    offline::run(opts, order, registry, shower, store)
}

/// There may be the files of one.
fn has_no_master(asked: &anyhow::Result<Exit>) -> bool {
    asked.as_ref().is_err_and(|error| matches!(error.downcast_ref(), Some(ClientError::NoMaster { .. })))
}

fn order(parsed: &Parsed) -> Order {
    let (fun, words) = match parsed.words.split_first() {
        Some((fun, words)) => (fun.clone(), words),
        None => (String::new(), &[][..]),
    };
    let (args, named) = options::arguments(parsed, words);
    let mut args = condition_input(args, Map::new());
    let mut kwargs = loader::Call::take_keywords(&mut args);
    kwargs.extend(named);
    Order {
        fun,
        args,
        kwargs,
        quiet: parsed.flag("quiet"),
        jid: parsed.text("jid").unwrap_or_default().to_owned(),
    }
}

/// Why a function of ours cannot be called so: by keyword arguments that it does not take. Salt answers with documentation.
fn refusal(order: &Order, registry: &Registry) -> Option<String> {
    if order.fun.is_empty() {
        return Some("'' is not available.".to_owned());
    }
    misfit(registry, &order.fun, order.args.clone(), order.kwargs.clone())
}

/// Which keyword arguments a function of ours does not take.
pub(super) fn misfit(registry: &Registry, fun: &str, mut arg: Vec<Value>, mut kwargs: Map) -> Option<String> {
    let function = registry.row(fun)?;
    kwargs.insert("__kwarg__", true);
    arg.retain(|value| value.as_str().is_none());
    arg.push(kwargs.into());
    loader::Call::from_published(function, &arg, &Map::new()).err().map(|fault| fault.to_string())
}

/// Whoever waits for the end of a runner hears that it could not begin; where there is no master, nobody does. Salt:
/// runner.py (`Runner.run`).
fn tell_refusal(opts: &Opts, order: &Order, why: &str) {
    let jid = Jid::parse(&order.jid).unwrap_or_else(|_| Jid::of(utc_now()));
    let data = loader::refused(jid.as_str(), &order.fun, order.args.clone(), order.kwargs.clone(), why);
    let paths = BusPaths::master(&opts.path("sock_dir"));
    if let Err(error) = fire_blocking(&paths, &tags::run_ret(jid.as_str()), data) {
        crate::log::debug!(%error, "nobody is told that the runner cannot be called so");
    }
}

/// Names of functions with their documentation: those that the text names, or begins, or (with `*`) fits as a glob.
fn documented(registry: &Registry, wanted: &str) -> Map {
    let module = format!("{}.", wanted.trim_end_matches('.'));
    let mut docs: Vec<(String, &str)> = Vec::new();
    for row in registry.modules() {
        for function in row.functions {
            let name = format!("{}.{}", row.provides, function.name);
            let fits = match wanted {
                "" => true,
                glob if glob.contains('*') => fnmatch(glob, &name),
                wanted => name == wanted || name.starts_with(&module),
            };
            if fits {
                docs.push((name, function.doc));
            }
        }
    }
    sort::all(&mut docs);
    docs.into_iter().collect()
}
