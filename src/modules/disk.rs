//! `disk`: how full the file systems are. Salt: modules/disk.py.

use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, always, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "disk",
    provides: "disk",
    available: always,
    functions: &[
        Function::new(
            "blkid",
            &[opt("device", Default::None), opt("token", Default::None)],
            "What `blkid` knows of block devices: `{device: {TYPE, UUID …}}`.",
            blkid,
        ),
        Function::new("fstype", &[req("device")], "The file system on a block device.", |cx, args| {
            fstype(cx, &args.str("device")?)
        }),
        Function::new(
            "inodeusage",
            &[opt("args", Default::None)],
            "Inodes of the mounted file systems, as `df -iP` counts them. Flags of `df` can be given.",
            inodeusage,
        ),
        Function::new(
            "percent",
            &[opt("args", Default::None)],
            "How full the mounted file systems are, or the one at a path.",
            percent,
        ),
        Function::new(
            "usage",
            &[opt("args", Default::None)],
            "Space of the mounted file systems, as `df -P` counts it. Flags of `df` can be given.",
            usage,
        ),
    ],
};

/// Letters that `df` may be given.
fn flags(args: &Args, caller: &str) -> Result<String, Fault> {
    let given: Vec<String> = match args.get("args") {
        Value::Null => Vec::new(),
        Value::List(items) => items.iter().map(str_of).collect(),
        other => str_of(other).chars().map(String::from).collect(),
    };
    let allowed = ["a", "B", "h", "H", "i", "k", "l", "P", "t", "T", "x", "v"];
    match given.iter().find(|flag| !allowed.contains(&flag.as_str())) {
        Some(_) => Err(Fault::execution(format!("Invalid flag passed to {caller}"))),
        None => Ok(given.concat()),
    }
}

/// What a command prints, in lines.
fn run(cx: &Context, command: &str) -> Result<Vec<String>, Fault> {
    let call = Call { args: vec![command.into()], kwargs: map! { "python_shell" => false } };
    Ok(str_of(&cx.call("cmd.run", call)?).lines().map(str::to_owned).collect())
}

/// Lines of `df`, in words; blanks in a device's name are left in it.
fn rows(lines: &[String]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut before: Option<String> = None;
    for line in lines.iter().filter(|line| !line.is_empty() && !line.starts_with("Filesystem")) {
        let whole = match before.take() {
            Some(before) => format!("{before} {line}"),
            None => line.clone(),
        };
        let mut words: Vec<String> = whole.split_whitespace().map(str::to_owned).collect();
        if words.len() == 1 {
            before = Some(whole);
            continue;
        }
        let is_number = |word: &String| word.chars().all(|char| char.is_ascii_digit());
        while words.len() >= 2 && !words.get(1).is_some_and(is_number) {
            let second = words.remove(1);
            if let Some(first) = words.first_mut() {
                *first = format!("{first} {second}");
            }
        }
        if words.len() >= 2 {
            rows.push(words);
        }
    }
    rows
}

/// One map for each mount point; empty when a line cannot be read.
fn by_mount_point(rows: &[Vec<String>], names: [&str; 5]) -> Map {
    let mut found = Map::new();
    for row in rows {
        let [device, total, used, free, percent, mount, ..] = row.as_slice() else {
            tracing::error!("Problem parsing disk usage information");
            found = Map::new();
            continue;
        };
        let values = [device, total, used, free, percent];
        found.insert(mount.as_str(), names.into_iter().zip(values.map(String::as_str)).collect::<Map>());
    }
    found
}

fn usage(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let flags = flags(args, "disk.usage")?;
    let command = if flags.is_empty() { "df -P".to_owned() } else { format!("df -P -{flags}") };
    let rows = rows(&run(cx, &command)?);
    Ok(by_mount_point(&rows, ["filesystem", "1K-blocks", "used", "available", "capacity"]).into())
}

fn inodeusage(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let flags = flags(args, "disk.inodeusage")?;
    let command = if flags.is_empty() { "df -iP".to_owned() } else { format!("df -iP -{flags}") };
    let lines = run(cx, &command)?;
    let rows: Vec<Vec<String>> = lines
        .iter()
        .filter(|line| !line.starts_with("Filesystem"))
        .map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    let mut found = Map::new();
    for (mount, values) in by_mount_point(&rows, ["filesystem", "inodes", "used", "free", "use"]) {
        // Salt names the device last.
        let mut values = values.as_map().cloned().unwrap_or_default();
        let device = values.remove("filesystem");
        values.insert("filesystem", device);
        found.insert(mount, values);
    }
    Ok(found.into())
}

fn percent(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let rows = rows(&run(cx, "df -P")?);
    let found: Map = rows
        .iter()
        .filter_map(|row| Some((row.get(5)?.clone(), Value::from(row.get(4)?.as_str()))))
        .collect();
    let Some(wanted) = args.given("args").filter(|wanted| wanted.truthy()) else { return Ok(found.into()) };
    let wanted = str_of(wanted);
    Ok(found.get(&wanted).cloned().unwrap_or_else(|| {
        tracing::error!("Problem parsing disk usage information: Partition '{wanted}' does not exist!");
        Map::new().into()
    }))
}

fn blkid(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut command = vec![Value::from("blkid")];
    match (args.get("device"), args.get("token")) {
        (device, _) if device.truthy() => command.push(device.clone()),
        (_, token) if token.truthy() => command.extend(["-t".into(), token.clone()]),
        _ => {}
    }
    let call = Call { args: vec![Value::List(command)], kwargs: map! { "python_shell" => false } };
    let ran = cx.call("cmd.run_all", call)?;
    if ran.get("retcode").and_then(Value::as_int) != Some(0) {
        return Ok(Map::new().into());
    }
    let mut found = Map::new();
    for line in ran.get("stdout").map(str_of).unwrap_or_default().lines() {
        let Some((device, rest)) = line.split_once(' ') else { continue };
        let words: Vec<&str> = rest.split('"').collect();
        let pairs = words.chunks_exact(2).filter_map(|pair| match pair {
            [key, value] => Some((key.trim_matches('=').trim_matches(' ').to_owned(), Value::from(*value))),
            _ => None,
        });
        found.insert(
            device.trim_end_matches(':'),
            pairs.map(|(key, value)| (key.trim_end_matches('=').to_owned(), value)).collect::<Map>(),
        );
    }
    Ok(found.into())
}

fn fstype(cx: &Context, device: &str) -> Result<Value, Fault> {
    let found = |name: &str| -> Result<bool, Fault> {
        Ok(cx.call("cmd.which", Call::positional([name.into()]))?.truthy())
    };
    for (program, command) in [("lsblk", "lsblk -o fstype "), ("df", "df -T ")] {
        if !found(program)? {
            continue;
        }
        let lines = run(cx, &format!("{command}{device}"))?;
        if let Some(kind) = lines.get(1).map(|line| line.trim()).filter(|kind| !kind.is_empty()) {
            return Ok(kind.into());
        }
    }
    Ok("".into())
}
