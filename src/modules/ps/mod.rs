//! `ps`: processes, memory and mounted file systems, from `/proc` (proc(5)). Salt: modules/ps.py, whose values are those
//! of Python's psutil.

mod machine;
mod process;

use process::Process;

use crate::host;
use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, always, opt, req};
use crate::map;
use crate::patterns::PySearch;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "ps",
    provides: "ps",
    available: always,
    functions: &[
        Function::new(
            "boot_time",
            &[opt("time_format", Default::None)],
            "When the machine was started: seconds since 1970, or as `strftime` writes it.",
            machine::boot_time,
        ),
        Function::new(
            "disk_partition_usage",
            &[opt("all", Default::False)],
            "Mounted file systems and how full they are.",
            |_, args| {
                let usage = machine::partitions(args.truthy("all")).into_iter().map(|mut partition| {
                    let usage = machine::usage(partition.str("mountpoint").unwrap_or_default())?;
                    partition.extend(usage);
                    Ok(Value::Map(partition))
                });
                usage.collect::<Result<Vec<Value>, Fault>>().map(Value::List)
            },
        ),
        Function::new(
            "disk_partitions",
            &[opt("all", Default::False)],
            "Mounted file systems: those on devices, or all.",
            |_, args| Ok(Value::list(machine::partitions(args.truthy("all")))),
        ),
        Function::new("disk_usage", &[req("path")], "How full the file system at a path is.", |_, args| {
            machine::usage(&args.str("path")?).map(Value::Map)
        }),
        Function::new("get_pid_list", &[], "The ids of all processes.", |_, _| Ok(Value::list(host::pids()))),
        Function::new(
            "kill_pid",
            &[req("pid"), opt("signal", Default::Int(15))],
            "Sends a signal to a process; whether there was one.",
            |cx, args| {
                let (pid, number) = (pid_of(args)?, signal_of(args)?);
                if host::process_name(pid).is_none() {
                    return Ok(false.into());
                }
                cx.host.signal(pid, number).map_err(|error| Fault::os(&error, &pid.to_string()))?;
                Ok(true.into())
            },
        ),
        Function::new("lsof", &[req("name")], "The open files of the programs of a name.", |cx, args| {
            let name = args.str("name")?;
            let command = format!("lsof -c {name}");
            Ok(Value::list([name.into(), cx.call("cmd.run", Call::positional([command.into()]))?]))
        }),
        Function::new("num_cpus", &[], "How many processors there are.", |_, _| {
            Ok(machine::processors().into())
        }),
        Function::new(
            "pgrep",
            &[
                req("pattern"),
                opt("user", Default::None),
                opt("full", Default::False),
                opt("pattern_is_regex", Default::False),
            ],
            "The ids of processes whose name (`full`: command line) holds a text or an expression, or nothing.",
            |_, args| {
                let found = matching(args)?;
                Ok(if found.is_empty() { Value::Null } else { Value::list(found) })
            },
        ),
        Function::new(
            "pkill",
            &[
                req("pattern"),
                opt("user", Default::None),
                opt("signal", Default::Int(15)),
                opt("full", Default::False),
            ],
            "Sends a signal to processes whose name (`full`: command line) holds a text: `{killed: [pid]}` or nothing.",
            |cx, args| {
                let number = signal_of(args)?;
                let mut killed = matching(args)?;
                killed.retain(|pid| cx.host.signal(*pid, number).is_ok());
                Ok(if killed.is_empty() {
                    Value::Null
                } else {
                    map! { "killed" => Value::list(killed) }.into()
                })
            },
        ),
        Function::new(
            "proc_info",
            &[req("pid"), opt("attrs", Default::None)],
            "What is known of a process, or the `attrs` of it.",
            |cx, args| {
                let pid = pid_of(args)?;
                let process = Process::read(pid)
                    .ok_or_else(|| Fault::execution(format!("process PID not found (pid={pid})")))?;
                process.info(cx, &args.list("attrs")?)
            },
        ),
        Function::new(
            "psaux",
            &[req("name")],
            "The lines of `ps aux` in which an expression is found.",
            psaux,
        ),
        Function::new(
            "status",
            &[req("status")],
            "Processes in a state such as `sleeping`, `running` or `zombie`: `[{pid, name}]`.",
            |_, args| {
                let wanted = args.str("status")?;
                if wanted.is_empty() {
                    return Err(Fault::invocation("Filter is required for ps.status"));
                }
                let processes = host::pids().into_iter().filter_map(Process::read);
                Ok(Value::list(
                    processes
                        .filter(|process| process.status() == wanted)
                        .map(|process| map! { "pid" => process.pid, "name" => process.name.as_str() }),
                ))
            },
        ),
        Function::new("swap_memory", &[], "How much swap space there is and is used.", |_, _| {
            Ok(machine::swap().into())
        }),
        Function::new("total_physical_memory", &[], "The octets of memory.", |_, _| {
            Ok(machine::memory().remove("total").unwrap_or_default())
        }),
        Function::new("virtual_memory", &[], "How much memory there is and is used.", |_, _| {
            Ok(machine::memory().into())
        }),
    ],
};

fn pid_of(args: &Args) -> Result<u32, Fault> {
    let pid = args.int("pid")?;
    u32::try_from(pid).map_err(|_| Fault::execution(format!("process PID not found (pid={pid})")))
}

fn signal_of(args: &Args) -> Result<i32, Fault> {
    i32::try_from(args.int("signal")?).map_err(|_| Fault::invocation("a signal is a small number"))
}

/// The processes that `pattern` and `user` mean.
fn matching(args: &Args) -> Result<Vec<u32>, Fault> {
    let (pattern, user, full) = (args.str("pattern")?, args.opt_str("user")?, args.truthy("full"));
    let expression = match args.given("pattern_is_regex").is_some_and(Value::truthy) {
        true => Some(search(&pattern)?),
        false => None,
    };
    let fits = |text: &str| match &expression {
        Some(expression) => expression.is_in(text),
        None => text.contains(&pattern),
    };
    let of_user = |pid: u32| user.as_ref().is_none_or(|user| process::owner(pid).as_ref() == Some(user));
    let text = |pid: u32| match full {
        true => Some(host::command_line(pid).join(" ")),
        false => host::process_name(pid),
    };
    Ok(host::pids()
        .into_iter()
        .filter(|pid| text(*pid).is_some_and(|text| fits(&text)) && of_user(*pid))
        .collect())
}

fn search(pattern: &str) -> Result<PySearch, Fault> {
    PySearch::new(pattern, 0).map_err(|problem| Fault::exception("re.error", problem.to_string()))
}

fn psaux(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("name")?;
    let (wanted, ours) = (search(&name)?, search("salt.+ps.psaux.+")?);
    let lines = str_of(&cx.call("cmd.run", Call::positional(["ps aux".into()]))?);
    let found: Vec<&str> = lines.lines().filter(|line| wanted.is_in(line) && !ours.is_in(line)).collect();
    let count = format!("{} occurrence(s).", found.len());
    Ok(Value::List(vec![name.into(), Value::list(found), count.into()]))
}

/// A number with one digit after the point, as psutil rounds.
fn tenths(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "a percentage")]
    let percent = part as f64 / whole as f64 * 100.0;
    (percent * 10.0).round_ties_even() / 10.0
}

/// `{name: value}` of lines such as `MemTotal:  1024 kB`.
fn fields(path: &str) -> Map {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect()
}
