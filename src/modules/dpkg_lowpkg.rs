//! `lowpkg` by dpkg: single packages and their files. Salt: modules/dpkg_lowpkg.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, keywords, only, opt, req, rest};
use crate::map;
use crate::value::{Map, Value, str_of};

const INFO: &[Param] = &[rest("packages"), only(&["failhard"])];
const PACKAGES: &[Param] = &[rest("packages"), keywords("kwargs")];

pub(super) static MODULE: Module = Module {
    file: "dpkg_lowpkg",
    provides: "lowpkg",
    available: |cx| match cx.grain("os_family") {
        "Debian" => Ok(()),
        _ => {
            Err("The dpkg execution module cannot be loaded: only works on Debian family systems.".to_owned())
        }
    },
    functions: &[
        Function::new(
            "bin_pkg_info",
            &[req("path"), opt("saltenv", Default::Str("base"))],
            "What a package file says of itself: `{name, version, arch}`.",
            bin_pkg_info,
        ),
        Function::new(
            "file_dict",
            PACKAGES,
            "The files of packages: `{errors, packages: {name: [path]}}`.",
            |cx, args| {
                let packages = match installed(cx, args)? {
                    Ok(packages) => packages,
                    Err(text) => return Ok(text.into()),
                };
                let mut all = Map::new();
                for package in packages {
                    let files = files(cx, &package)?;
                    all.insert(package, Value::list(files));
                }
                Ok(map! { "errors" => Value::List(Vec::new()), "packages" => all }.into())
            },
        ),
        Function::new(
            "file_list",
            PACKAGES,
            "The files of packages: `{errors, files: [path]}`.",
            |cx, args| {
                let packages = match installed(cx, args)? {
                    Ok(packages) => packages,
                    Err(text) => return Ok(text.into()),
                };
                let mut all = BTreeSet::new();
                for package in packages {
                    all.extend(files(cx, &package)?);
                }
                Ok(map! { "errors" => Value::List(Vec::new()), "files" => Value::list(all) }.into())
            },
        ),
        Function::new("info", INFO, "What is known of installed packages: `{name: {…}}`.", info),
        Function::new("list_pkgs", PACKAGES, "Installed packages: `{name: version}`.", list_pkgs),
        Function::new("unpurge", &[rest("packages")], "Takes back the wish to purge packages.", unpurge),
    ],
};

fn bin_pkg_info(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut path = args.str("path")?;
    if path.contains("://") {
        let cached = cx.ask("cp.cache_file", &[path.as_str().into(), args.get("saltenv").clone()])?;
        if !cached.truthy() {
            return Err(Fault::execution(format!(
                "Unable to retrieve {path} from saltenv '{}'",
                str_of(args.get("saltenv"))
            )));
        }
        path = str_of(&cached);
    } else if !Path::new(&path).exists() {
        return Err(Fault::execution(format!("{path} does not exist on minion")));
    } else if !Path::new(&path).is_absolute() {
        return Err(Fault::invocation(format!("{path} does not exist on minion")));
    }
    let ran = cx.program(&["dpkg".to_owned(), "-I".to_owned(), path.clone()])?;
    if !ran.ok() {
        let more = if ran.stderr.is_empty() { String::new() } else { format!(": {}", ran.stderr) };
        return Err(Fault::execution(format!("Unable to get info for {path}{more}")));
    }
    let mut found = Map::new();
    for line in ran.stdout.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let name = match key.trim() {
            "Package" => "name",
            "Version" => "version",
            "Architecture" => "arch",
            _ => continue,
        };
        // Only the last word of a version that holds colons and blanks.
        found.insert(name, value.split_whitespace().last().unwrap_or_default());
    }
    let missing: Vec<&str> =
        ["name", "version", "arch"].into_iter().filter(|key| !found.contains(key)).collect();
    if !missing.is_empty() {
        return Err(Fault::execution(format!("Unable to get {} for {path}", missing.join(", "))));
    }
    let arch = found.str("arch").unwrap_or_default().to_owned();
    if cx.grain("cpuarch") == "x86_64"
        && cx.grain("osarch") == "amd64"
        && !["all", "amd64"].contains(&arch.as_str())
    {
        let name = format!("{}:{arch}", found.str("name").unwrap_or_default());
        found.insert("name", name);
    }
    Ok(found.into())
}

fn query(cx: &Context, format: &str, args: &Args) -> Result<Result<String, String>, Fault> {
    let mut line = vec!["dpkg-query".to_owned(), format!("-f={format}"), "-W".to_owned()];
    line.extend(args.rest.iter().map(str_of));
    let ran = cx.program(&line)?;
    Ok(if ran.ok() { Ok(ran.stdout) } else { Err(format!("Error:  {}", ran.stderr)) })
}

/// Names of installed packages among those that were asked for.
fn installed(cx: &Context, args: &Args) -> Result<Result<Vec<String>, String>, Fault> {
    Ok(query(cx, "${db:Status-Status}\t${binary:Package}\n", args)?.map(|text| {
        text.lines().filter_map(|line| line.strip_prefix("installed\t")).map(str::to_owned).collect()
    }))
}

fn files(cx: &Context, package: &str) -> Result<Vec<String>, Fault> {
    let ran = cx.program(&["dpkg", "-L", package].map(str::to_owned))?;
    Ok(ran.stdout.lines().map(str::to_owned).collect())
}

fn list_pkgs(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let text = match query(cx, "${db:Status-Status}\t${binary:Package}\t${Version}\n", args)? {
        Ok(text) => text,
        Err(text) => return Ok(text.into()),
    };
    let rows = text.lines().filter_map(|line| line.strip_prefix("installed\t")?.split_once('\t'));
    Ok(rows.collect::<Map>().into())
}

fn unpurge(cx: &Context, args: &Args) -> Result<Value, Fault> {
    if args.rest.is_empty() {
        return Ok(Map::new().into());
    }
    let listed = |fresh: bool| -> Result<Map, Fault> {
        let options = map! { "purge_desired" => true, "use_context" => !fresh };
        Ok(cx.ask_with("pkg.list_pkgs", &[], options)?.as_map().cloned().unwrap_or_default())
    };
    let old = listed(false)?;
    let lines: Vec<String> = args.rest.iter().map(|name| format!("{} install", str_of(name))).collect();
    let options = map! { "stdin" => lines.join("\n") };
    cx.program_with(&["dpkg", "--set-selections"].map(str::to_owned), options)?;
    let new = listed(true)?;
    let empty = Value::from("");
    let mut changes = Map::new();
    for key in old.keys().chain(new.keys()) {
        let of = |pkgs: &Map| pkgs.get_value(key).unwrap_or(&empty).clone();
        if of(&old) != of(&new) {
            changes.insert(key.clone(), map! { "old" => of(&old), "new" => of(&new) });
        }
    }
    Ok(changes.into())
}

const MARK: &str = "*/~^\\*";
const FIELDS: [(&str, &str); 16] = [
    ("package", "${Package}"),
    ("revision", "${binary:Revision}"),
    ("architecture", "${Architecture}"),
    ("maintainer", "${Maintainer}"),
    ("summary", "${Summary}"),
    ("source", "${source:Package}"),
    ("version", "${Version}"),
    ("section", "${Section}"),
    ("installed_size", "${Installed-size}"),
    ("size", "${Size}"),
    ("MD5", "${MD5sum}"),
    ("SHA1", "${SHA1}"),
    ("SHA256", "${SHA256}"),
    ("origin", "${Origin}"),
    ("homepage", "${Homepage}"),
    ("status", "${db:Status-Abbrev}"),
];

/// When a package was installed, as its list of files says: ISO form, UTC.
fn installed_at(name: &str) -> Option<String> {
    let changed = fs::metadata(format!("/var/lib/dpkg/info/{name}.list")).ok()?.modified().ok()?;
    let seconds = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let stamp = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(stamp.to_string())
}

fn licenses(name: &str) -> String {
    let content = fs::read(format!("/usr/share/doc/{name}/copyright")).unwrap_or_default();
    let text = String::from_utf8_lossy(&content);
    let all: BTreeSet<&str> =
        text.lines().filter_map(|line| Some(line.strip_prefix("License:")?.trim())).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}

fn info(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let failhard = args.keywords.get("failhard").is_none_or(Value::truthy);
    let fields = FIELDS.iter();
    let mut format: String = fields.map(|(key, field)| format!("{key}:{field}\n")).collect();
    format += "description:${Description}\n";
    // dpkg-query reads backslashes itself.
    format += &MARK.replace('\\', "\\\\");
    format.push('\n');
    let mut line = vec!["dpkg-query".to_owned(), "-W".to_owned(), format!("-f={format}")];
    line.extend(args.rest.iter().map(str_of));
    let ran = cx.program(&line)?;
    if !ran.ok() {
        return if failhard {
            Err(Fault::execution(format!("Error getting packages information: {}", ran.stderr)))
        } else {
            Ok(Map::new().into())
        };
    }
    let mut found = Map::new();
    for package in ran.stdout.split(MARK).filter(|text| !text.trim().is_empty()) {
        let (fields, description) = package.split_once("\ndescription:").unwrap_or((package, ""));
        let mut one = Map::new();
        for (key, value) in fields.lines().filter_map(|line| line.trim().split_once(':')) {
            if !value.is_empty() && key != "installed_size" {
                one.insert(key, value);
            }
        }
        let name = one.str("package").unwrap_or_default().to_owned();
        if let Some(date) = installed_at(&name) {
            one.insert("install_date", date);
        }
        one.insert("description", description);
        let license = licenses(&name);
        if !license.is_empty() {
            one.insert("license", license);
        }
        found.insert(name, one);
    }
    Ok(found.into())
}
