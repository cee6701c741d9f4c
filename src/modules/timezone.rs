//! `timezone`: the zone of the host and of its hardware clock. Salt: modules/timezone.py.

use std::fs;
use std::path::Path;

use crate::host::FileOwner;
use crate::loader::{Args, Context, Fault, Function, Module, Param, always, req};
use crate::value::Value;

const ZONE: &[Param] = &[req("timezone")];
const ZONES: &str = "/usr/share/zoneinfo";

pub(super) static MODULE: Module = Module {
    file: "timezone",
    provides: "timezone",
    available: always,
    functions: &[
        Function::new(
            "get_hwclock",
            &[],
            "`UTC` or `localtime`: what the hardware clock shows.",
            get_hwclock,
        ),
        Function::new("get_offset", &[], "The difference to UTC, as `+0200`.", |cx, _| date(cx, "+%z")),
        Function::new("get_zone", &[], "The name of the zone, as `Europe/Oslo`.", |cx, _| {
            Ok(zone(cx)?.into())
        }),
        Function::new("get_zonecode", &[], "The short name of the zone, as `CEST`.", |cx, _| date(cx, "+%Z")),
        Function::new(
            "set_hwclock",
            &[req("clock")],
            "Sets the hardware clock to `UTC` or `localtime`.",
            |cx, args| {
                if cx.which("timedatectl").is_none() {
                    return Err(Fault::NotSupported("timezone.set_hwclock without timedatectl".to_owned()));
                }
                let local = if args.str("clock")? == "localtime" { "true" } else { "false" };
                Ok(cx.program(&["timedatectl", "set-local-rtc", local].map(str::to_owned))?.ok().into())
            },
        ),
        Function::new("set_zone", ZONE, "Sets the zone. True on success.", set_zone),
        Function::new("zone_compare", ZONE, "Whether a zone is the host's.", zone_compare),
    ],
};

fn date(cx: &Context, format: &str) -> Result<Value, Fault> {
    Ok(cx.program(&["date", format].map(str::to_owned))?.stdout.into())
}

/// A name that is one below the directory of zones.
fn file_of(name: &str) -> Result<String, Fault> {
    if name.is_empty() || name.starts_with('/') || name.split('/').any(|part| part == "..") {
        return Err(Fault::invocation(format!("Can't find a local timezone \"{name}\"")));
    }
    Ok(format!("{ZONES}/{name}"))
}

/// A line of what timedatectl says, without its title.
fn timedatectl(cx: &Context, titles: &[&str]) -> Result<String, Fault> {
    let ran = cx.program(&["timedatectl".to_owned()])?;
    if !ran.ok() {
        return Err(Fault::execution(format!("timedatectl failed: {}", ran.stderr)));
    }
    let found = ran.stdout.lines().map(str::trim).find_map(|line| {
        let (title, rest) = line.split_once(':')?;
        titles.iter().any(|own| own.eq_ignore_ascii_case(title)).then(|| rest.trim().to_owned())
    });
    found.ok_or_else(|| Fault::execution(format!("Failed to parse timedatectl output: {}", ran.stdout)))
}

fn zone(cx: &Context) -> Result<String, Fault> {
    if cx.which("timedatectl").is_some() {
        let line = timedatectl(cx, &["Time zone", "Timezone"])?;
        return Ok(line.split_whitespace().next().unwrap_or_default().to_owned());
    }
    if ["Debian", "Gentoo"].contains(&cx.grain("os_family"))
        && let Ok(text) = fs::read_to_string("/etc/timezone")
    {
        return Ok(text.trim().to_owned());
    }
    let target = fs::canonicalize("/etc/localtime").ok();
    let name = target
        .as_ref()
        .and_then(|path| path.strip_prefix(ZONES).ok())
        .map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Fault::execution("Unable to determine timezone"))
}

fn set_zone(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("timezone")?;
    let file = file_of(&name)?;
    let failed = |error: std::io::Error| Fault::execution(format!("Failed to set timezone: {error}"));
    if cx.which("timedatectl").is_some() {
        let ran = cx.program(&["timedatectl", "set-timezone", &name].map(str::to_owned))?;
        if !ran.ok() {
            return Err(Fault::execution(format!("Failed to set timezone: {}", ran.stderr)));
        }
        return Ok(true.into());
    }
    if !Path::new(&file).exists() {
        return Err(Fault::execution(format!("Zone '{file}' does not exist")));
    }
    let beside = "/etc/.localtime.halite";
    let _ = fs::remove_file(beside);
    std::os::unix::fs::symlink(&file, beside)
        .and_then(|()| fs::rename(beside, "/etc/localtime"))
        .map_err(failed)?;
    if ["Debian", "Gentoo"].contains(&cx.grain("os_family")) {
        let text = format!("{name}\n");
        cx.host
            .write_atomic(Path::new("/etc/timezone"), text.as_bytes(), 0o644, FileOwner::default())
            .map_err(failed)?;
    }
    Ok(true.into())
}

fn zone_compare(_: &Context, args: &Args) -> Result<Value, Fault> {
    let name = args.str("timezone")?;
    let wanted = fs::read(file_of(&name)?)
        .map_err(|_| Fault::invocation(format!("Can't find a local timezone \"{name}\"")))?;
    let now = fs::read("/etc/localtime").map_err(|error| {
        let reason = crate::loader::os_error_text(&error, "/etc/localtime");
        Fault::execution(format!("Failed to read /etc/localtime to determine current timezone: {reason}"))
    })?;
    Ok((now == wanted).into())
}

fn get_hwclock(cx: &Context, _: &Args) -> Result<Value, Fault> {
    if cx.which("timedatectl").is_some() {
        let local = timedatectl(cx, &["RTC in local TZ"])?.eq_ignore_ascii_case("yes");
        return Ok(if local { "localtime" } else { "UTC" }.into());
    }
    let says = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let defaults = says("/etc/default/rcS");
    let line = defaults.lines().find(|line| !line.trim_start().starts_with('#') && line.contains("UTC="));
    if let Some(line) = line {
        let utc = line.rsplit('=').next().is_some_and(|value| value.eq_ignore_ascii_case("yes"));
        return Ok(if utc { "UTC" } else { "localtime" }.into());
    }
    let adjtime = says("/etc/adjtime");
    match adjtime.lines().last() {
        Some(last) => Ok(last.into()),
        None if Path::new("/dev/rtc").exists() => {
            Err(Fault::execution("Unable to get hwclock timezone from /etc/adjtime"))
        }
        None => Ok(Value::Null),
    }
}
