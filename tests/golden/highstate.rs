//! State runs that real Salt made of small trees (`highstate/*.case`, recorded by `highstate/record.py`): returns, retcodes
//! and what is printed.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use halite::builtin;
use halite::config::{Opts, Role};
use halite::fileclient::{Files, LocalSource};
use halite::host::RealHost;
use halite::loader::{Call, Context, Fault, FileClient, MinionServices, Nowhere, Scope};
use halite::map;
use halite::output::{self, OutputOptions};
use halite::value::{JsonStyle, Map, Value, str_of, yaml};

use crate::pillar::sections;

/// A minion without a master.
struct Alone {
    files: Files,
    pillar: Map,
}

impl MinionServices for Alone {
    fn request(&self, _: Map, _: Duration) -> Result<Value, Fault> {
        Err(Fault::Unreachable("no master".to_owned()))
    }

    fn fire(&self, _: &str, _: Map) -> Result<(), Fault> {
        Ok(())
    }

    fn files(&self) -> &dyn FileClient {
        &self.files
    }

    fn local_files(&self, opts: &Map) -> Result<Box<dyn FileClient>, Fault> {
        Ok(Files::here(opts))
    }

    fn collect_grains(&self, opts: &Map) -> Result<Map, Fault> {
        Ok(halite::grains::load(&RealHost, opts, true))
    }

    fn compile_pillar(&self, _: Option<&str>, _: Option<&str>, _: &Map) -> Result<Map, Fault> {
        Ok(self.pillar.clone())
    }
}

fn map_of(text: &str) -> Map {
    yaml::load(text, "case").expect("YAML").as_map().cloned().unwrap_or_default()
}

/// What the recording left out as well.
fn plain(value: &Value, root: &str) -> Value {
    match value {
        Value::Map(map) => map
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), Some("start_time" | "duration" | "pid")))
            .map(|(key, value)| (str_of(key).replace(root, "{root}"), plain(value, root)))
            .collect::<Map>()
            .into(),
        Value::List(items) => Value::list(items.iter().map(|item| plain(item, root))),
        Value::Text(text) => {
            let text = without_hints(&text.replace(root, "{root}"));
            if let Some((head, rest)) = text.split_once("Traceback (most recent call last)") {
                let last = rest.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                return format!("{head}...{last}").into();
            }
            if let Some(names) = text.strip_prefix("One or more requisite failed: ") {
                let mut names: Vec<&str> = names.split(", ").collect();
                names.sort_unstable();
                return format!("One or more requisite failed: {}", names.join(", ")).into();
            }
            text.into()
        }
        other => other.clone(),
    }
}

/// Salt does not tell the name that was meant, nor the place in a template of the file server.
pub(crate) fn without_hints(text: &str) -> String {
    let is_hint =
        |line: &str| ["did you mean '", "in salt://"].iter().any(|hint| line.trim_start().starts_with(hint));
    let mut kept: String = text.split_inclusive('\n').filter(|line| !is_hint(line)).collect();
    let ends_so = text.lines().next_back().is_some_and(|line| line.starts_with("in salt://"));
    if ends_so && kept.ends_with('\n') {
        kept.pop();
    }
    kept
}

struct Case {
    returns: Value,
    printed: String,
}

fn run(name: &str, parts: &[(String, String)]) -> Case {
    let dir = std::env::temp_dir().join(format!("halite-states-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory");
    let root = dir.display().to_string();
    let part = |wanted: &str| {
        parts.iter().find(|(name, _)| name == wanted).map(|(_, body)| body.replace("{root}", &root))
    };
    let mut roots = Map::new();
    for (name, body) in parts {
        if let Some(path) = name.strip_prefix("file ") {
            let env = path.split('/').next().expect("an environment");
            roots.insert(env, Value::list([format!("{root}/{env}")]));
            let path = dir.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, body.replace("{root}", &root)).expect("a file");
        }
    }
    let mut opts = Opts::defaults(Role::Minion).into_map();
    opts.extend(map! {
        "id" => "m1",
        "file_client" => "local",
        "local" => true,
        "__cli" => "salt-call",
        "cachedir" => format!("{root}/.cache"),
        "conf_file" => format!("{root}/minion"),
        "file_roots" => roots,
        "state_output_profile" => false,
    });
    fs::create_dir_all(dir.join(".cache")).expect("a cache");
    opts.extend(map_of(&part("opts").unwrap_or_default()));
    let grains = map! {
        "id" => "m1", "os" => "Debian", "os_family" => "Debian", "kernel" => "Linux", "shell" => "/bin/sh",
        "roles" => Value::list(["web"]),
    };
    let pillar = map_of(&part("pillar").unwrap_or_default());
    let files = Files::from_opts(Arc::new(LocalSource::from_opts(&opts)), &opts);
    let minion = Alone { files, pillar: pillar.clone() };
    let registry = builtin::execution_modules();
    let published = Map::new();
    let scope = Scope {
        opts: &opts,
        grains: (&grains).into(),
        pillar: (&pillar).into(),
        published: &published,
        registry: &registry,
        host: &RealHost,
        minion: &minion,
        master: &Nowhere,
    };
    let calls = yaml::load(&part("call").expect("calls"), "case").expect("YAML");
    let (mut returns, mut first) = (Vec::new(), None);
    for call in calls.as_list().expect("a list") {
        let [fun, more @ ..] = call.as_list().expect("a call") else { panic!("a function") };
        let args = more.first().and_then(Value::as_list).unwrap_or_default().to_vec();
        let kwargs = more.get(1).and_then(Value::as_map).cloned().unwrap_or_default();
        let cx = Context::new(scope);
        let ret = match cx.call(&str_of(fun), Call { args, kwargs }) {
            Ok(ret) => {
                first = first.or_else(|| Some(ret.clone()));
                plain(&ret, &root)
            }
            Err(fault) => {
                let (kind, text) = match &fault {
                    Fault::Invocation(text) => ("SaltInvocationError", text.clone()),
                    Fault::Execution { text, .. } => ("CommandExecutionError", text.clone()),
                    Fault::Exception { kind, text } => {
                        (kind.rsplit('.').next().unwrap_or_default(), text.clone())
                    }
                    other => ("", other.to_string()),
                };
                map! { "raised" => kind, "text" => plain(&text.into(), &root) }.into()
            }
        };
        returns.push(Value::list([ret, cx.retcode().into()]));
    }
    let options = OutputOptions::from_opts(&opts, false);
    let printed = first
        .map(|ret| output::render(Some("highstate"), &map! { "m1" => plain(&ret, &root) }.into(), &options));
    fs::remove_dir_all(&dir).expect("removed");
    let returns = Value::list(returns).to_json(JsonStyle::default());
    Case { returns: Value::from_json(&returns).expect("JSON"), printed: printed.unwrap_or_default() }
}

/// What stands in an order of its own: a grain that is set, whose return is that of `grains.set` in Salt, and what a
/// command said that took too long.
const OTHER_ORDER: &[&str] = &["/0/0/grains_|-g_|-g_|-present", "/0/0/cmd_|-a_|-sleep 20_|-run/changes"];

/// Where two values differ first; maps also in the order of their keys.
fn difference(ours: &Value, expected: &Value, path: &str) -> Option<String> {
    match (ours, expected) {
        (Value::Map(ours), Value::Map(expected)) => {
            for (key, value) in expected {
                let path = format!("{path}/{}", str_of(key));
                match ours.get_value(key) {
                    None => return Some(format!("{path}: missing, expected {}", str_of(value))),
                    Some(own) => {
                        if let Some(found) = difference(own, value, &path) {
                            return Some(found);
                        }
                    }
                }
            }
            let extra = ours.iter().find(|(key, _)| expected.get_value(key).is_none());
            let extra =
                extra.map(|(key, value)| format!("{path}/{}: not expected: {}", str_of(key), str_of(value)));
            extra.or_else(|| {
                let keys = |map: &Map| map.keys().map(str_of).collect::<Vec<_>>().join(" ");
                let (ours, expected) = (keys(ours), keys(expected));
                let differ = ours != expected && !OTHER_ORDER.contains(&path);
                differ.then(|| format!("{path}:\n    ours     {ours}\n    expected {expected}"))
            })
        }
        (Value::List(ours), Value::List(expected)) if ours.len() == expected.len() => ours
            .iter()
            .zip(expected)
            .enumerate()
            .find_map(|(place, (own, other))| difference(own, other, &format!("{path}/{place}"))),
        (Value::Text(ours), Value::Text(expected))
            if crate::pillar::same(&ours.as_str().into(), &expected.as_str().into()) =>
        {
            None
        }
        (Value::Text(ours), Value::Text(expected)) if same_error(ours, expected) => None,
        _ if ours == expected => None,
        _ => Some(format!("{path}:\n    ours     {ours:?}\n    expected {expected:?}")),
    }
}

/// Errors of SLS files go on with their place; where Salt goes on with Python's frames (`...`), they name the line.
fn same_error(ours: &str, expected: &str) -> bool {
    let is_error = expected.starts_with("Rendering SLS ");
    is_error
        && match expected.split_once("\n...") {
            Some((head, _)) => ours.starts_with(head),
            None => ours.strip_prefix(expected).is_some_and(|more| more.starts_with("\nin ")),
        }
}

fn has_python() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join("python3").exists())
}

#[test]
fn state_runs_are_those_of_salt() {
    let _alone = crate::UMASK.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/highstate");
    let only = std::env::var("HALITE_CASE").unwrap_or_default();
    let mut names: Vec<String> = fs::read_dir(&dir)
        .expect("cases")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_suffix(".case").map(str::to_owned))
        .filter(|name| name.starts_with(&only))
        .filter(|name| crate::modules::is_root() || !name.starts_with("root_"))
        .filter(|name| {
            let skipped = name == "render_py" && !has_python();
            if skipped {
                println!("SKIPPED: this host has no python3");
            }
            !skipped
        })
        .collect();
    names.sort();
    let mut failures = Vec::new();
    for name in &names {
        let parts = sections(&fs::read_to_string(dir.join(format!("{name}.case"))).expect("a case"));
        let section =
            |start: &str| parts.iter().find(|(name, _)| name.starts_with(start)).map_or("", |(_, body)| body);
        let case = run(name, &parts);
        let printed = section("printed");
        // Its text was compared already.
        let is_error = printed.contains("    Rendering SLS ");
        let expected = Value::from_json(section("expected")).expect("JSON");
        if let Some(found) = difference(&case.returns, &expected, "") {
            failures.push(format!("{name}: {found}"));
        } else if !printed.trim().is_empty() && !is_error && printed.trim_end() != case.printed {
            failures.push(format!("{name}: printed\n{}\n  expected\n{printed}", case.printed));
        }
    }
    crate::report(&failures, names.len());
}
