//! `salt-call`: runs one function here, as the minion would, with or without a master. Salt: cli/call.py,
//! cli/caller.py.

mod proxy;
mod surroundings;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::options::{self, LOGGING, OUTPUT};
use super::profile::Profile;
use super::{
    Call, Display, Exit, Flag, Group, Parsed, Stop, Syntax, Takes, apply, complain, config_files, print,
};
use crate::builtin;
use crate::config::Opts;
use crate::host::{Host, RealHost, write_cache_file};
use crate::loader::{self, Context, Fault, Function, Late, Nowhere, Registry, Scope, Source as _};
use crate::map;
use crate::minion::{self, Called, Executors};
use crate::names::{Jid, MinionId};
use crate::returners;
use crate::value::msgpack::{Dialect, encode_map};
use crate::value::{Map, Value, sort, yaml};
use surroundings::Surroundings;

pub(super) const SYNTAX: Syntax = Syntax {
    usage: "[options] <function> [arguments]",
    about: "Runs a function on this machine, as its minion would.",
    groups: &[Group { title: "", about: "", flags: OWN }, LOGGING, OUTPUT],
};

const OWN: &[Flag] = &[
    options::SALTFILE,
    options::CONFIG_DIR,
    options::HARD_CRASH,
    options::ARGS_STDIN,
    options::NO_PARSE,
    Flag::value(&["--cachedir"], "cachedir", Takes::Text, "CACHEDIR", "The minion's cache directory."),
    Flag::value(
        &["--proxyid"],
        "proxyid",
        Takes::Text,
        "PROXYID",
        "The proxy minion to be: one whose configuration and pillar are read, since there are no proxy modules.",
    ),
    Flag::value(
        &["--module-executors", "--module_executors"],
        "module_executors",
        Takes::Text,
        "EXECUTOR_LIST",
        "Executors for this call: direct_call, splay, sudo.",
    ),
    Flag::value(
        &["--executor-opts", "--executor_opts"],
        "executor_opts",
        Takes::Text,
        "EXECUTOR_OPTS",
        "Options of these executors.",
    ),
    Flag::new(&["-g", "--grains"], "grains_run", "Print the grains."),
    Flag::value(
        &["-m", "--module-dirs"],
        "module_dirs",
        Takes::Text,
        "MODULE_DIRS",
        "A directory of more modules, which are in Python: refused unless it has none.",
    ),
    Flag::new(
        &["-d", "--doc", "--documentation"],
        "doc",
        "Print the documentation of a function, of a module, or of everything.",
    ),
    Flag::value(&["--master"], "master", Takes::Text, "MASTER", "The master, instead of the configured one."),
    Flag::value(&["--return"], "return", Takes::Text, "RETURNER", "Returners for the result."),
    Flag::new(&["--local"], "local", "Run without a master."),
    Flag::value(&["--file-root"], "file_root", Takes::Text, "FILE_ROOT", "The directory of salt:// files."),
    Flag::value(
        &["--pillar-root"],
        "pillar_root",
        Takes::Text,
        "PILLAR_ROOT",
        "The directory of pillar files.",
    ),
    Flag::value(
        &["--states-dir"],
        "states_dir",
        Takes::Text,
        "STATES_DIR",
        "A directory of more states, which are in Python: refused unless it has none.",
    ),
    Flag::new(&["--retcode-passthrough"], "retcode_passthrough", "Exit with the function's retcode."),
    Flag::new(&["--metadata"], "print_metadata", "Print what belongs to the return as well."),
    Flag::value(
        &["--set-metadata"],
        "metadata",
        Takes::Text,
        "METADATA",
        "Metadata for the return, by which jobs can be found.",
    ),
    Flag::value(&["--id"], "id", Takes::Text, "ID", "The minion id, instead of the configured one."),
    Flag::new(&["--skip-grains"], "skip_grains", "Collect no grains."),
    Flag::new(&["--refresh-grains-cache"], "refresh_grains_cache", "Collect grains past their cache."),
    Flag::new(&["--no-return-event"], "no_return_event", "Do not tell the master about it."),
    Flag::value(
        &["-t", "--timeout"],
        "auth_timeout",
        Takes::Int,
        "AUTH_TIMEOUT",
        "Seconds to wait for the master to let us in.",
    ),
    Flag::new(&["--output-diff"], "state_output_diff", "Show only states that changed something."),
    options::PROFILING,
    options::PROFILING_PATH,
    Flag::value(&["--priv"], "user", Takes::Text, "USER", "The user to run as."),
];

/// Runs a function and prints what it returns.
///
/// # Errors
/// When the command line or the configuration cannot be read, or the master does not let us in.
pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    crate::host::interrupt::take_leave();
    let profile = Arc::new(Profile::start());
    let configuration = profile.phase("configuration");
    let mut parsed = SYNTAX.parse(&call.prog, &call.words)?;
    super::settings::read_stdin(&SYNTAX, &mut parsed)?;
    check(call, &parsed)?;
    let opts = options_of(&parsed)?;
    if let Err(error) = super::logging::start(&opts, super::logging::Console::On) {
        super::complain(&format!("{}: {error:#}", call.prog));
    }
    super::daemons::become_user(&opts)?;
    if parsed.flag("doc") {
        return print_docs(parsed.words.first().map_or("", String::as_str), &opts);
    }
    drop(configuration);
    let surroundings = Surroundings::new(opts, Arc::clone(&profile));
    if parsed.text("proxyid").is_some() {
        return Err(proxy::why_not(&surroundings)?.into());
    }
    if parsed.flag("grains_run") {
        let grains = surroundings.grains().map().clone();
        let display = Display::new(surroundings.opts())?;
        display.show(&map! { "local" => grains }.into(), None, 0)?;
        return Ok(Exit::OK);
    }
    let Some((fun, words)) = parsed.words.split_first() else { return Ok(Exit::USAGE) };
    let caller = Caller { fun, words, parsed: &parsed, surroundings, profile: &profile };
    let ended = caller.run();
    profile.end(caller.surroundings.opts(), &call.prog, fun);
    ended
}

fn check(call: &Call, parsed: &Parsed) -> Result<(), Stop> {
    let (doc, grains) = (parsed.flag("doc"), parsed.flag("grains_run"));
    if parsed.words.is_empty() && !doc && !grains {
        let help = SYNTAX.help(&call.prog);
        return Err(Stop {
            stdout: help,
            ..SYNTAX.wrong(&call.prog, "Requires function, --grains or --doc")
        });
    }
    if grains && !parsed.words.is_empty() {
        return Err(SYNTAX.wrong(&call.prog, "-g/--grains does not accept any arguments"));
    }
    if doc && parsed.words.len() > 1 {
        return Err(SYNTAX.wrong(&call.prog, "You can only get documentation for one method at one time"));
    }
    Ok(())
}

fn options_of(parsed: &Parsed) -> anyhow::Result<Opts> {
    let dir = parsed.text("config_dir").map(Path::new);
    let mut opts = match parsed.text("proxyid") {
        Some(id) => config_files::load_proxy(dir, MinionId::parse(id)?.as_str())?,
        None => config_files::load_minion(dir)?,
    };
    apply(&SYNTAX, parsed, &mut opts);
    let roots = |dir: &str| -> Value {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| PathBuf::from(dir));
        map! { "base" => Value::list([dir.display().to_string()]) }.into()
    };
    for option in ["module_executors", "executor_opts"] {
        if let Some(text) = parsed.text(option) {
            opts.set(option, yaml::yamlify_arg(text));
        }
    }
    for (option, flag) in [("module_dirs", "--module-dirs"), ("states_dir", "--states-dir")] {
        refuse_python(flag, parsed.text(option).unwrap_or_default())?;
    }
    for (flag, option) in [("file_root", "file_roots"), ("pillar_root", "pillar_roots")] {
        if let Some(dir) = parsed.text(flag) {
            opts.set(option, roots(dir));
        }
    }
    if parsed.flag("local") {
        opts.set("file_client", "local");
    }
    opts.set("caller", true);
    opts.set("__cli", "salt-call");
    Ok(opts)
}

/// A directory without modules in Python makes no difference; one with some is refused.
fn refuse_python(flag: &str, dir: &str) -> Result<(), Stop> {
    let mut entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    match entries.find(|entry| entry.path().extension().is_some_and(|extension| extension == "py")) {
        Some(found) => {
            let text =
                format!("{flag} is not supported by Halite: {} is in Python\n", found.path().display());
            Err(Stop::failed(Exit::USAGE, text))
        }
        None => Ok(()),
    }
}

/// One call.
struct Caller<'a> {
    fun: &'a str,
    /// The words after the function, unparsed.
    words: &'a [String],
    parsed: &'a Parsed,
    surroundings: Surroundings,
    profile: &'a Profile,
}

impl Caller<'_> {
    fn run(&self) -> anyhow::Result<Exit> {
        crate::host::end_soon();
        let surroundings = &self.surroundings;
        let connecting = self.profile.phase("connection");
        surroundings.connect()?;
        drop(connecting);
        let opts = surroundings.opts();
        let registry = minion::allowed(builtin::execution_modules(), opts.as_map());
        let jid = Jid::of(RealHost.now());
        let mut load = map! { "fun" => self.fun, "pid" => std::process::id(), "jid" => jid.as_str(), "tgt" => "salt-call" };
        if let Some(metadata) = self.metadata() {
            load.insert("metadata", metadata);
        }
        // Many functions need none, and collecting them is most of the time of a short call.
        let scope = Scope {
            opts: opts.as_map(),
            grains: Late::Later(surroundings.grains()),
            pillar: Late::Later(surroundings),
            published: &load,
            registry: &registry,
            host: &RealHost,
            minion: surroundings.services(),
            master: &Nowhere,
        };
        let listed = Listed::new(&opts.path("cachedir"), &jid, &load);
        let mut misread = false;
        let executors = Executors::of(&load, opts.as_map());
        let execution = self.profile.phase("execution");
        let called = minion::call(self.fun, scope, &executors, |function| {
            self.arguments(function, &load).inspect_err(|_| misread = true)
        });
        drop((listed, execution));
        let returned = match self.judge(called, misread, scope) {
            Ok(returned) => returned,
            Err(exit) => return Ok(exit),
        };
        let mut returned = self.complete(&jid, returned);
        let _output = self.profile.phase("output");
        let names = opts.str("return");
        if !names.is_empty() {
            returned.insert("success", true);
            returners::save(&Context::new(scope), names, &returned);
        }
        surroundings.report(&returned);
        self.show(returned)
    }

    fn metadata(&self) -> Option<Value> {
        self.parsed.text("metadata").map(yaml::yamlify_arg)
    }

    fn arguments(&self, function: &Function, load: &Map) -> Result<loader::Call, Fault> {
        let (args, kwargs) = options::arguments(self.parsed, self.words);
        loader::Call::from_published(function, &yaml::condition_input(args, kwargs), load)
    }

    /// What to return, or the exit code after a failure was told on standard error. `misread`: the words are none of the
    /// function, which was not called.
    fn judge(&self, called: Called, misread: bool, scope: Scope<'_>) -> Result<Map, Exit> {
        let fun = self.fun;
        let fault = match called.outcome {
            Ok(value) => {
                let failed = ["result", "success"]
                    .iter()
                    .any(|key| value.get(key).is_some_and(|value| !value.truthy()));
                let retcode = if called.retcode == 0 && failed { 1 } else { called.retcode };
                let mut returned = map! { "return" => value, "retcode" => retcode };
                if let Some(out) = called.function.and_then(|function| function.outputter) {
                    returned.insert("out", out);
                }
                return Ok(returned);
            }
            Err(fault) => fault,
        };
        match fault {
            Fault::NotAvailable(text) => match minion::near_misses(fun, &text, scope) {
                Some(docs) => return Ok(map! { "out" => "nested", "return" => docs }),
                None => {
                    complain(&text);
                    return Err(Exit(255));
                }
            },
            Fault::Invocation(text) if misread => complain(&text),
            Fault::Type(text) | Fault::Invocation(text) => {
                complain(&format!("\nPassed invalid arguments: {text}.\n\nUsage:"));
                let _ = print(&format!("{}\n", called.function.map_or("", |function| function.doc)));
            }
            Fault::NotFound(text) => complain(&format!("Command required for '{fun}' not found: {text}")),
            Fault::Exception { kind, text } => complain(&format!("{kind}: {text}")),
            Fault::NotSupported(what) => {
                complain(&format!("Error running '{fun}': not supported by Halite: {what}"))
            }
            Fault::Execution { text, .. } | Fault::Unreachable(text) => {
                complain(&format!("Error running '{fun}': {text}"));
            }
        }
        Err(Exit::GENERIC)
    }

    /// The whole return: `{jid, return, retcode?, out?, id, fun, fun_args, metadata?}`.
    fn complete(&self, jid: &Jid, returned: Map) -> Map {
        let mut whole = map! { "jid" => jid.as_str() };
        whole.extend(returned);
        whole.insert("id", self.surroundings.opts().id());
        whole.insert("fun", self.fun);
        whole.insert("fun_args", Value::list(self.words));
        if let Some(metadata) = self.metadata() {
            whole.insert("metadata", metadata);
        }
        whole
    }

    fn show(&self, mut returned: Map) -> anyhow::Result<Exit> {
        let display = Display::new(self.surroundings.opts())?;
        let retcode = returned.get("retcode").and_then(Value::as_int);
        let (shown, out) = if self.parsed.flag("print_metadata") {
            (Value::Map(returned), None)
        } else {
            // It may be large: it is not copied.
            (returned.remove("return").unwrap_or_default(), returned.str("out").map(str::to_owned))
        };
        let out = out.as_deref().or(Some("nested"));
        // The program ends: what goes with it is not taken apart.
        let shown = std::mem::ManuallyDrop::new(Value::from(map! { "local" => shown }));
        display.show(&shown, out, retcode.unwrap_or_default())?;
        Ok(match retcode {
            Some(0) => Exit::OK,
            // As Python's sys.exit: the low eight bits.
            Some(retcode) if self.parsed.flag("retcode_passthrough") => {
                Exit(u8::try_from(retcode.rem_euclid(256)).unwrap_or(1))
            }
            _ => Exit::GENERIC,
        })
    }
}

/// The file in `proc` that says that this call runs; gone when it has ended.
struct Listed {
    path: PathBuf,
}

impl Listed {
    fn new(cachedir: &Path, jid: &Jid, load: &Map) -> Self {
        let path = cachedir.join("proc").join(jid.as_str());
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        // Whole or not at all: a run that begins meanwhile takes an empty file for a dead one's.
        let content = encode_map(load, Dialect::Wire);
        if written.and_then(|()| write_cache_file(&path, &content, 0o644)).is_err() {
            complain(&format!(
                "Cannot write to process directory. Do you have permissions to write to {} ?",
                path.display()
            ));
        }
        Listed { path }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn print_docs(start: &str, opts: &Opts) -> anyhow::Result<Exit> {
    let registry = minion::allowed(builtin::execution_modules(), opts.as_map());
    let mut docs = documented(&registry);
    sort::all(&mut docs);
    for (name, doc) in docs.iter().filter(|(name, _)| name.starts_with(start)) {
        print(&format!("{name}:\n{doc}\n\n"))?;
    }
    Ok(Exit::OK)
}

fn documented(registry: &Registry) -> Vec<(String, &'static str)> {
    let rows = registry.modules().iter().flat_map(|module| {
        module
            .functions
            .iter()
            .map(|function| (format!("{}.{}", module.provides, function.name), function.doc))
    });
    rows.filter(|(_, doc)| !doc.is_empty()).collect()
}
