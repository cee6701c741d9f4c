//! `mount`: file systems that are mounted, the table of those that shall be, and swap. Salt: modules/mount.py.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::rewrite;
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, always, keywords, opt, os_error_text, req,
};
use crate::map;
use crate::value::yaml;
use crate::value::{Map, Value, sort, str_of};

const FSTAB: &str = "/etc/fstab";

/// Fields of a line of the table, by the names that `match_on` knows.
const FIELDS: [&str; 6] = ["device", "name", "fstype", "opts", "dump", "pass_num"];

/// Kinds of file systems whose device says nothing: their place tells them apart.
const BY_NAME: &[&str] = &[
    "none",
    "tmpfs",
    "sysfs",
    "proc",
    "fusectl",
    "debugfs",
    "securityfs",
    "devtmpfs",
    "cgroup",
    "nfs",
    "nfs4",
    "glusterfs",
    "btrfs",
];

pub(super) static MODULE: Module = Module {
    file: "mount",
    provides: "mount",
    available: always,
    functions: &[
        Function::new(
            "active",
            &[opt("extended", Default::False)],
            "What is mounted: `{place: {device, alt_device, fstype, opts}}`; `extended` says more.",
            |cx, args| Ok(active(cx, args.truthy("extended"))?.into()),
        ),
        Function::new(
            "delete_mount_cache",
            &[req("real_name")],
            "Forgets with which options a place was mounted.",
            |cx, args| {
                let name = args.str("real_name")?;
                let mut mounts = read_cache(cx);
                if mounts.remove(&name).is_some() {
                    write_cache(cx, mounts)?;
                }
                Ok(true.into())
            },
        ),
        Function::new(
            "fstab",
            &[opt("config", Default::Str(FSTAB))],
            "The table: `{place: {device, fstype, opts, dump, pass}}`.",
            fstab,
        ),
        Function::new(
            "get_device_from_path",
            &[req("path")],
            "The device of the file system that a path is on.",
            |cx, args| {
                let place = place_of(&args.str("path")?);
                let mounts = active(cx, false)?;
                Ok(mounts.get(&place).and_then(|mount| mount.get("device")).cloned().unwrap_or_default())
            },
        ),
        Function::new(
            "get_mount_from_path",
            &[req("path")],
            "The place where the file system that a path is on is mounted.",
            |_, args| Ok(place_of(&args.str("path")?).into()),
        ),
        Function::new("is_fuse_exec", &[req("cmd")], "Whether a program uses libfuse.", |cx, args| {
            let Some(path) = cx.which(&args.str("cmd")?) else { return Ok(false.into()) };
            if cx.which("ldd").is_none() {
                return Err(Fault::NotFound("ldd".to_owned()));
            }
            let ran = cx.program(&["ldd".to_owned(), path])?;
            Ok(ran.stdout.contains("libfuse").into())
        }),
        Function::new("is_mounted", &[req("name")], "Whether something is mounted there.", |cx, args| {
            Ok(active(cx, false)?.contains(&args.str("name")?).into())
        }),
        Function::new(
            "mount",
            &[
                req("name"),
                opt("device", Default::False),
                opt("mkmnt", Default::False),
                opt("fstype", Default::Str("")),
                opt("opts", Default::Str("defaults")),
                opt("user", Default::None),
                opt("util", Default::Str("mount")),
            ],
            "Mounts a device: True, or what the program says. `mkmnt` makes the place.",
            |cx, args| mount(cx, args, options(args.get("opts"))),
        ),
        Function::new(
            "read_mount_cache",
            &[req("name")],
            "With which options a place was mounted: `{device, fstype, mkmnt, opts}`.",
            |cx, args| Ok(read_cache(cx).remove(&args.str("name")?).unwrap_or_else(|| Map::new().into())),
        ),
        Function::new(
            "remount",
            &[
                req("name"),
                req("device"),
                opt("mkmnt", Default::False),
                opt("fstype", Default::Str("")),
                opt("opts", Default::Str("defaults")),
                opt("user", Default::None),
            ],
            "Gives a mounted file system other options, or mounts it.",
            |cx, args| {
                let mut options = options(args.get("opts"));
                let is_mounted = active(cx, false)?.contains(&args.str("name")?);
                if is_mounted && !options.iter().any(|option| option == "remount") {
                    options.push("remount".to_owned());
                }
                mount(cx, args, options)
            },
        ),
        Function::new(
            "rm_fstab",
            &[req("name"), req("device"), opt("config", Default::Str(FSTAB))],
            "Takes lines out of the table. True.",
            rm_fstab,
        ),
        Function::new(
            "set_fstab",
            &[
                req("name"),
                req("device"),
                req("fstype"),
                opt("opts", Default::Str("defaults")),
                opt("dump", Default::Int(0)),
                opt("pass_num", Default::Int(0)),
                opt("config", Default::Str(FSTAB)),
                opt("test", Default::False),
                opt("match_on", Default::Str("auto")),
                opt("not_change", Default::False),
                keywords("kwargs"),
            ],
            "Puts a line into the table: `present`, `new` or `change`.",
            set_fstab,
        ),
        Function::new(
            "swapoff",
            &[req("name")],
            "Stops using swap: whether it is off, None where it was.",
            |cx, args| {
                let name = args.str("name")?;
                if !swaps().contains(&name) {
                    return Ok(Value::Null);
                }
                cx.program(&["swapoff".to_owned(), name.clone()])?;
                Ok((!swaps().contains(&name)).into())
            },
        ),
        Function::new(
            "swapon",
            &[req("name"), opt("priority", Default::None)],
            "Uses swap: `{stats, new}`, empty where it cannot.",
            |cx, args| {
                let name = args.str("name")?;
                let before = swaps().remove(&name);
                let is_new = before.is_none();
                if is_new {
                    let mut words = vec!["swapon".to_owned(), name.clone()];
                    if args.truthy("priority") {
                        words.extend(["-p".to_owned(), args.str("priority")?]);
                    }
                    cx.program(&words)?;
                }
                Ok(match before.or_else(|| swaps().remove(&name)) {
                    Some(stats) => map! { "stats" => stats, "new" => is_new }.into(),
                    None => Map::new().into(),
                })
            },
        ),
        Function::new("swaps", &[], "Swap in use: `{path: {type, size, used, priority}}`.", |_, _| {
            Ok(swaps().into())
        }),
        Function::new(
            "umount",
            &[
                req("name"),
                opt("device", Default::None),
                opt("user", Default::None),
                opt("util", Default::Str("mount")),
            ],
            "Takes a file system away: True, or what the program says.",
            |cx, args| {
                let name = args.str("name")?;
                if args.str("util")? != "mount" {
                    return Err(Fault::NotSupported(format!("mount.umount util={}", args.str("util")?)));
                }
                if !active(cx, false)?.contains(&name) {
                    return Ok(format!("{name} does not have anything mounted").into());
                }
                let what = args.opt_str("device")?.filter(|device| !device.is_empty()).unwrap_or(name);
                ended(cx, args, &format!("umount '{what}'"))
            },
        ),
        Function::new(
            "write_mount_cache",
            &[req("real_name"), req("device"), req("mkmnt"), req("fstype"), req("mount_opts")],
            "Remembers with which options a place was mounted. True.",
            |cx, args| {
                let mut mounts = read_cache(cx);
                let mount = map! {
                    "device" => args.get("device").clone(),
                    "fstype" => args.get("fstype").clone(),
                    "mkmnt" => args.get("mkmnt").clone(),
                    "opts" => args.get("mount_opts").clone(),
                };
                mounts.insert(args.str("real_name")?, mount);
                write_cache(cx, mounts)?;
                Ok(true.into())
            },
        ),
    ],
};

/// Options as a list, of a list or of text with commas.
fn options(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::List(items) => items.iter().map(str_of).collect(),
        other => str_of(other).split(',').map(str::to_owned).collect(),
    }
}

/// True, or what a program complains about.
fn ended(cx: &Context, args: &Args, line: &str) -> Result<Value, Fault> {
    let asked = map! { "runas" => args.get("user").clone(), "python_shell" => false };
    let ran = cx.ask_with("cmd.run_all", &[line.into()], asked)?;
    let failed = ran.get("retcode").is_some_and(Value::truthy);
    Ok(if failed { ran.get("stderr").cloned().unwrap_or_default() } else { true.into() })
}

fn mount(cx: &Context, args: &Args, options: Vec<String>) -> Result<Value, Fault> {
    if args.given("util").is_some_and(|util| util.as_str() != Some("mount")) {
        return Err(Fault::NotSupported(format!("mount.mount util={}", str_of(args.get("util")))));
    }
    let name = args.str("name")?;
    if args.truthy("mkmnt") && !Path::new(&name).exists() {
        cx.ask_with("file.mkdir", &[name.as_str().into()], map! { "user" => args.get("user").clone() })?;
    }
    let mut words = String::new();
    if !args.get("opts").is_null() {
        words = format!("-o {}", options.join(","));
    }
    if args.truthy("fstype") {
        words += &format!(" -t {}", args.str("fstype")?);
    }
    let line = if args.truthy("device") {
        format!("mount {words} '{}' '{name}' ", args.str("device")?)
    } else {
        format!("mount '{name}' ")
    };
    ended(cx, args, &line)
}

/// Numbers in place of names in `uid=` and `gid=`.
fn numbered(cx: &Context, option: &str) -> Result<String, Fault> {
    let plain = |text: &str| text.replace("\\040", "\\ ");
    let Some((key @ ("uid" | "gid"), name)) = option.split_once('=') else { return Ok(plain(option)) };
    let mut id = name.to_owned();
    if !name.starts_with(|char: char| char.is_ascii_digit()) {
        let info = cx.ask(if key == "uid" { "user.info" } else { "group.info" }, &[name.into()])?;
        if let Some(number) = info.get(key) {
            id = str_of(number);
        }
    }
    Ok(plain(&format!("{key}={id}")))
}

fn resolved(cx: &Context, options: &str) -> Result<Value, Fault> {
    let all: Result<Vec<String>, Fault> = options.split(',').map(|option| numbered(cx, option)).collect();
    Ok(Value::list(all?))
}

fn active(cx: &Context, extended: bool) -> Result<Map, Fault> {
    let listed = str_of(&cx.ask("cmd.run_stdout", &["mount -l".into()])?);
    let alternatives: Map = listed
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            Some((*words.get(2)?, *words.first()?))
        })
        .collect();
    let alternative = |place: &str| alternatives.get(place).cloned().unwrap_or_default();
    let mut found = Map::new();
    let table = fs::read_to_string("/proc/self/mountinfo");
    let Some(table) = table.ok().filter(|_| extended) else {
        let path = "/proc/self/mounts";
        let table =
            fs::read_to_string(path).map_err(|_| Fault::execution(format!("File not readable {path}")))?;
        for line in table.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [device, place, fstype, options, ..] = words.as_slice() else { continue };
            found.insert(
                *place,
                map! {
                    "device" => *device,
                    "alt_device" => alternative(place),
                    "fstype" => *fstype,
                    "opts" => resolved(cx, options)?,
                },
            );
        }
        return Ok(found);
    };
    let known = cx.memory.borrow().get("disk.blkid").cloned();
    let known = match known {
        Some(known) => known,
        None => {
            let known = cx.ask("disk.blkid", &[])?;
            cx.memory.borrow_mut().insert("disk.blkid", known.clone());
            known
        }
    };
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let split = words.iter().position(|word| *word == "-").unwrap_or(words.len());
        let (Some([id, parent, number, root, place, options, ..]), Some([_, fstype, device, superopts, ..])) =
            (words.get(..split), words.get(split..))
        else {
            continue;
        };
        let (major, minor) = number.split_once(':').unwrap_or((number, ""));
        let of_device = |key: &str| known.get(device).and_then(|info| info.get(key)).map(str_of);
        found.insert(
            *place,
            map! {
                "mountid" => *id,
                "parentid" => *parent,
                "major" => major,
                "minor" => minor,
                "root" => *root,
                "opts" => resolved(cx, options)?,
                "fstype" => *fstype,
                "device" => device.replace("\\040", "\\ "),
                "alt_device" => alternative(place),
                "superopts" => resolved(cx, superopts)?,
                "device_uuid" => of_device("UUID").map(|uuid| uuid.to_lowercase()),
                "device_label" => of_device("LABEL"),
            },
        );
    }
    Ok(found)
}

/// The fields of a line of the table; `None` for comments and what is no entry.
fn fields(line: &str) -> Option<[String; 6]> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if line.starts_with('#') || !(4..=6).contains(&words.len()) {
        return None;
    }
    Some(std::array::from_fn(|at| words.get(at).map_or_else(|| "0".to_owned(), |word| (*word).to_owned())))
}

fn sorted(options: &str) -> Vec<&str> {
    let mut all: Vec<&str> = options.split(',').collect();
    sort::all(&mut all);
    all
}

/// Whether a line says the same in the given fields (indices of [`FIELDS`]).
fn agrees(line: &[String; 6], wanted: &[String; 6], on: &[usize]) -> bool {
    on.iter().all(|at| match (line.get(*at), wanted.get(*at)) {
        (Some(found), Some(asked)) if FIELDS.get(*at) == Some(&"opts") => sorted(found) == sorted(asked),
        (found, asked) => found == asked,
    })
}

fn fstab(_: &Context, args: &Args) -> Result<Value, Fault> {
    let config = args.str("config")?;
    let mut found = Map::new();
    if !Path::new(&config).is_file() {
        return Ok(found.into());
    }
    let text = fs::read_to_string(&config).map_err(|error| Fault::os(&error, &config))?;
    for [device, mut name, fstype, options, dump, pass] in text.lines().filter_map(fields) {
        while found.contains(&name) {
            name.push('_');
        }
        let options = Value::list(options.split(','));
        found.insert(
            name,
            map! { "device" => device, "fstype" => fstype, "opts" => options, "dump" => dump, "pass" => pass },
        );
    }
    Ok(found.into())
}

fn read_table(config: &str) -> Result<String, Fault> {
    fs::read_to_string(config).map_err(|error| {
        Fault::execution(format!("Couldn't read from {config}: {}", os_error_text(&error, config)))
    })
}

fn rm_fstab(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let config = args.str("config")?;
    let (name, device) = (args.opt_str("name")?, args.opt_str("device")?);
    let text = read_table(&config)?;
    let is_it = |line: &str| {
        fields(line).is_some_and(|[its_device, its_name, ..]| {
            name.as_ref().is_none_or(|name| *name == its_name)
                && device.as_ref().is_none_or(|device| *device == its_device)
        })
    };
    let kept: String = text.split_inclusive('\n').filter(|line| !is_it(line)).collect();
    if kept != text {
        rewrite(cx.host, Path::new(&config), kept.as_bytes(), 0o644).map_err(|error| {
            Fault::execution(format!("Couldn't write to {config}: {}", os_error_text(&error, &config)))
        })?;
    }
    Ok(true.into())
}

/// Which fields have to agree for a line to be the one that is meant.
fn criteria(match_on: &Value, fstype: &str) -> Result<Vec<usize>, Fault> {
    let names: Vec<String> = match match_on {
        Value::List(names) => names.iter().map(str_of).collect(),
        Value::Text(name) if name == "auto" => {
            vec![if BY_NAME.contains(&fstype) { "name" } else { "device" }.to_owned()]
        }
        Value::Text(name) => vec![name.clone()],
        _ => return Err(Fault::execution("match_on must be a string or list of strings")),
    };
    names
        .iter()
        .map(|name| {
            let at = FIELDS.iter().position(|field| field == name);
            at.ok_or_else(|| Fault::execution(format!("Unrecognized keys in match_on: \"{name}\"")))
        })
        .collect()
}

/// The table with a line in place, and what is new about it: `present`, `new` or `change`. Pure.
fn with_line(text: &str, wanted: &[String; 6], on: &[usize], keep: bool) -> (String, &'static str) {
    let [device, name, fstype, options, dump, pass] = wanted;
    let line = format!("{device}\t\t{name}\t{fstype}\t{options}\t{dump} {pass}\n");
    let (mut new, mut done) = (String::new(), "new");
    for old in text.split_inclusive('\n') {
        match fields(old).filter(|found| agrees(found, wanted, on)) {
            Some(found) if !keep && !agrees(&found, wanted, &[0, 1, 2, 3, 4, 5]) => {
                done = "change";
                new += &line;
            }
            Some(_) => {
                done = "present";
                new += old;
            }
            None => new += old,
        }
    }
    if done == "new" {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new += &line;
    }
    (new, done)
}

fn set_fstab(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let plain = |text: String| text.replace("\\ ", "\\040");
    let (config, fstype) = (args.str("config")?, args.str("fstype")?);
    let wanted = [
        plain(args.str("device")?),
        args.str("name")?,
        fstype.clone(),
        plain(options(args.get("opts")).join(",")),
        args.str("dump")?,
        args.str("pass_num")?,
    ];
    let on = criteria(args.get("match_on"), &fstype)?;
    if !Path::new(&config).is_file() {
        return Err(Fault::execution(format!("Bad config file \"{config}\"")));
    }
    let text = read_table(&config)?;
    let (new, done) = with_line(&text, &wanted, &on, args.truthy("not_change"));
    if done != "present" && !args.truthy("test") && !cx.test() {
        rewrite(cx.host, Path::new(&config), new.as_bytes(), 0o644)
            .map_err(|_| Fault::execution(format!("File not writable {config}")))?;
    }
    Ok(done.into())
}

fn swaps() -> Map {
    let table = fs::read_to_string("/proc/swaps").unwrap_or_default();
    table
        .lines()
        .filter(|line| !line.starts_with("Filename"))
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, kind, size, used, priority, ..] = words.as_slice() else { return None };
            let row = map! { "type" => *kind, "size" => *size, "used" => *used, "priority" => *priority };
            Some((*name, row))
        })
        .collect()
}

fn place_of(path: &str) -> String {
    use std::os::unix::fs::MetadataExt;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    let mut path = fs::canonicalize(&absolute).unwrap_or(absolute);
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    while let Some(parent) = path.parent() {
        if device(&path).is_some() && device(&path) != device(parent) {
            break;
        }
        path = parent.to_owned();
    }
    path.display().to_string()
}

fn cache_path(cx: &Context) -> PathBuf {
    Path::new(cx.opt_str("cachedir")).join("mounts")
}

/// What is remembered: `{place: {device, fstype, mkmnt, opts}}`.
fn read_cache(cx: &Context) -> Map {
    let text = fs::read_to_string(cache_path(cx)).unwrap_or_default();
    let cache = yaml::load(&text, "mounts").unwrap_or_default();
    cache.get("mounts").and_then(Value::as_map).cloned().unwrap_or_default()
}

fn write_cache(cx: &Context, mounts: Map) -> Result<(), Fault> {
    let text = yaml::dump(&map! { "mounts" => mounts }.into(), yaml::Style::SALT);
    crate::host::write_cache_file(&cache_path(cx), text.as_bytes(), 0o644)
        .map_err(|_| Fault::execution("Unable to write mount cache."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_found_by_what_tells_it_apart() {
        let wanted = ["/dev/sdb", "/data", "ext4", "ro,noatime", "0", "2"].map(str::to_owned);
        let text = "# comment\n/dev/sdb /data ext4 noatime,ro 0 2\nproc /proc proc defaults\n";
        assert_eq!(with_line(text, &wanted, &[0], false), (text.to_owned(), "present"));
        let moved = "/dev/sdb /old ext4 ro 0 2\n";
        let line = "/dev/sdb\t\t/data\text4\tro,noatime\t0 2\n";
        assert_eq!(with_line(moved, &wanted, &[0], false), (line.to_owned(), "change"));
        assert_eq!(with_line(moved, &wanted, &[0], true), (moved.to_owned(), "present"));
        assert_eq!(with_line("a b c d", &wanted, &[0], false), (format!("a b c d\n{line}"), "new"));
    }
}
