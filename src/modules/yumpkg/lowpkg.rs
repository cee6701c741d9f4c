//! `lowpkg` by rpm: single packages and their files. Salt: modules/rpm_lowpkg.py.

use std::collections::BTreeSet;
use std::path::Path;

use super::rpm;
use crate::loader::{Args, Context, Default, Fault, Function, Module, Param, keywords, opt, req, rest};
use crate::map;
use crate::value::{Map, Value, str_of};

const PACKAGES: &[Param] = &[rest("packages"), keywords("kwargs")];

pub(in super::super) static MODULE: Module = Module {
    file: "rpm_lowpkg",
    provides: "lowpkg",
    available: |cx| {
        if ["RedHat", "Suse"].contains(&cx.grain("os_family")) && cx.which("rpm").is_some() {
            return Ok(());
        }
        Err("The rpm execution module failed to load: only available on redhat/suse type systems.".to_owned())
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
                let (mut all, mut errors) = (Map::new(), Vec::new());
                for package in args.rest.iter().map(str_of) {
                    match files(cx, &package)? {
                        Ok(files) => drop(all.insert(package, Value::list(files))),
                        Err(error) => errors.push(error),
                    }
                }
                Ok(map! { "errors" => Value::list(errors), "packages" => all }.into())
            },
        ),
        Function::new(
            "file_list",
            PACKAGES,
            "The files of packages: `{errors, files: [path]}`.",
            |cx, args| {
                let (mut all, mut errors) = (BTreeSet::new(), Vec::new());
                for package in args.rest.iter().map(str_of) {
                    match files(cx, &package)? {
                        Ok(files) => all.extend(files),
                        Err(error) => errors.push(error),
                    }
                }
                Ok(map! { "errors" => Value::list(errors), "files" => Value::list(all) }.into())
            },
        ),
        Function::new("list_pkgs", PACKAGES, "Installed packages: `{name: version}`.", |cx, args| {
            let format = "%{NAME}\t%{VERSION}\n".to_owned();
            let mut line = vec!["rpm".to_owned(), if args.rest.is_empty() { "-qa" } else { "-q" }.to_owned()];
            line.extend(args.rest.iter().map(str_of));
            line.extend(["--queryformat".to_owned(), format]);
            let text = cx.program(&line)?.stdout;
            Ok(text.lines().filter_map(|line| line.split_once('\t')).collect::<Map>().into())
        }),
        Function::new(
            "version_cmp",
            &[req("ver1"), req("ver2"), opt("ignore_epoch", Default::False)],
            "-1, 0 or 1: how two versions compare.",
            |_, args| {
                let order = rpm::compare(&args.str("ver1")?, &args.str("ver2")?, args.truthy("ignore_epoch"));
                Ok(Value::Int(order as i64))
            },
        ),
    ],
};

fn files(cx: &Context, package: &str) -> Result<Result<Vec<String>, String>, Fault> {
    let ran = cx.program(&["rpm", "-ql", package].map(str::to_owned))?;
    let lines = || ran.stdout.lines().map(str::to_owned).collect();
    Ok(if ran.ok() { Ok(lines()) } else { Err(ran.stdout.trim().to_owned()) })
}

fn bin_pkg_info(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut path = args.str("path")?;
    if path.contains("://") {
        let cached = cx.ask("cp.cache_file", &[path.as_str().into(), args.get("saltenv").clone()])?;
        if !cached.truthy() {
            let saltenv = str_of(args.get("saltenv"));
            return Err(Fault::execution(format!("Unable to retrieve {path} from saltenv '{saltenv}'")));
        }
        path = str_of(&cached);
    } else if !Path::new(&path).exists() {
        return Err(Fault::execution(format!("{path} does not exist on minion")));
    } else if !Path::new(&path).is_absolute() {
        return Err(Fault::invocation(format!("{path} does not exist on minion")));
    }
    let ran = cx.program(&["rpm", "-qp", "--queryformat", rpm::FORMAT, &path].map(str::to_owned))?;
    let arch = ran.stdout.split("_|-").nth(4).map(str::to_owned);
    Ok(rpm::parse(&ran.stdout, cx.grain("osarch"))
        .map(|(name, version)| map! { "name" => name, "version" => version, "arch" => arch })
        .map_or(Value::Null, Value::from))
}
