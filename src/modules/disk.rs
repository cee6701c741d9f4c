//! `disk`: how full the file systems are. Salt: modules/disk.py.

use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, always, keywords, opt, req};
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
        Function::new(
            "dump",
            &[req("device"), opt("args", Default::None)],
            "What `blockdev` knows of a device: `{getra: …}`; False where it fails.",
            |cx, args| {
                let asked = args.get("args").as_list().unwrap_or_default();
                dump(cx, &args.str("device")?, &asked.iter().map(str_of).collect::<Vec<_>>())
            },
        ),
        Function::new(
            "format",
            &[
                req("device"),
                opt("fs_type", Default::Str("ext4")),
                opt("inode_size", Default::None),
                opt("lazy_itable_init", Default::None),
                opt("fat", Default::None),
                opt("force", Default::False),
            ],
            "Makes a file system: whether it worked.",
            format,
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
            "resize2fs",
            &[req("device")],
            "Fits an ext file system to its device. True, or None.",
            |cx, args| {
                let ran = cx.program(&["resize2fs".to_owned(), args.str("device")?])?;
                Ok(if ran.ok() { true.into() } else { Value::Null })
            },
        ),
        Function::new(
            "tune",
            &[req("device"), keywords("kwargs")],
            "Sets `read-ahead`, `filesystem-read-ahead`, `read-only` or `read-write`: what is set now.",
            tune,
        ),
        Function::new(
            "usage",
            &[opt("args", Default::None)],
            "Space of the mounted file systems, as `df -P` counts it. Flags of `df` can be given.",
            usage,
        ),
    ],
};

fn dump(cx: &Context, device: &str, asked: &[String]) -> Result<Value, Fault> {
    const ALL: [&str; 12] = [
        "getro",
        "getsz",
        "getss",
        "getpbsz",
        "getiomin",
        "getioopt",
        "getalignoff",
        "getmaxsect",
        "getsize",
        "getsize64",
        "getra",
        "getfra",
    ];
    let mut words = vec!["blockdev".to_owned()];
    words.extend(ALL.iter().map(|name| format!("--{name}")));
    words.push(device.to_owned());
    let ran = cx.program(&words)?;
    if !ran.ok() {
        return Ok(false.into());
    }
    let values = ran.stdout.lines().filter(|line| !line.is_empty());
    let mut found: Map = ALL.into_iter().zip(values).collect();
    if !asked.is_empty() {
        found.retain(|key, _| key.as_str().is_some_and(|key| asked.iter().any(|one| one == key)));
    }
    Ok(found.into())
}

fn tune(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let device = args.str("device")?;
    let (mut words, mut asked, mut wrong) = (vec!["blockdev".to_owned()], Vec::new(), Vec::new());
    for (key, value) in &args.keywords {
        let key = str_of(key);
        let text = str_of(value);
        match key.as_str() {
            key if key.starts_with("__") => {}
            "read-ahead" | "filesystem-read-ahead" => {
                let name = if key == "read-ahead" { "ra" } else { "fra" };
                words.extend([format!("--set{name}"), text]);
                asked.push(format!("get{name}"));
            }
            "read-only" | "read-write" if text == "True" => {
                words.push(format!("--set{}", if key == "read-only" { "ro" } else { "rw" }));
                asked.push("getro".to_owned());
            }
            _ => wrong.push(format!("{key}={text}")),
        }
    }
    if !wrong.is_empty() {
        return Err(Fault::invocation(format!("Invalid keyword arguments: {}", wrong.join(", "))));
    }
    words.push(device.clone());
    let ran = cx.program(&words)?;
    if !ran.ok() {
        return Err(Fault::execution(ran.stderr));
    }
    dump(cx, &device, &asked)
}

fn format(cx: &Context, args: &Args) -> Result<Value, Fault> {
    for program in ["sync", "mkfs"] {
        if cx.which(program).is_none() {
            return Err(Fault::NotFound(format!("'{program}' is not in the path")));
        }
    }
    let kind = args.str("fs_type")?;
    let is_ext = kind.starts_with("ext");
    let mut words = vec!["mkfs".to_owned(), "-t".to_owned(), kind.clone()];
    if let Some(size) = args.opt_str("inode_size")? {
        match kind.as_str() {
            _ if is_ext => words.extend(["-i".to_owned(), size]),
            "xfs" => words.extend(["-i".to_owned(), format!("size={size}")]),
            _ => {}
        }
    }
    if let Some(lazy) = args.opt_str("lazy_itable_init")?.filter(|_| is_ext) {
        words.extend(["-E".to_owned(), format!("lazy_itable_init={lazy}")]);
    }
    if let Some(bits) = args
        .opt_str("fat")?
        .filter(|bits| kind.ends_with("fat") && ["12", "16", "32"].contains(&bits.as_str()))
    {
        words.extend(["-F".to_owned(), bits]);
    }
    if args.truthy("force") {
        words.extend(if is_ext { Some("-F".to_owned()) } else { (kind == "xfs").then(|| "-f".to_owned()) });
    }
    words.push(args.str("device")?);
    let quietly = || map! { "ignore_retcode" => true };
    let made = cx.program_with(&words, quietly())?.ok();
    let synced = cx.program_with(&["sync".to_owned()], quietly())?.ok();
    Ok((made && synced).into())
}

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
            crate::log::error!("Problem parsing disk usage information");
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
        crate::log::error!("Problem parsing disk usage information: Partition '{wanted}' does not exist!");
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
