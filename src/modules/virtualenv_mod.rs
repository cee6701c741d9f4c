//! `virtualenv`: virtual environments of Python. Salt: modules/virtualenv_mod.py.

use crate::loader::{Args, Context, Default, Fault, Function, Module, always, keywords, opt, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "virtualenv_mod",
    provides: "virtualenv",
    available: always,
    functions: &[Function::new(
        "create",
        &[
            req("path"),
            opt("venv_bin", Default::None),
            opt("system_site_packages", Default::False),
            opt("distribute", Default::False),
            opt("clear", Default::False),
            opt("python", Default::None),
            opt("extra_search_dir", Default::None),
            opt("never_download", Default::None),
            opt("prompt", Default::None),
            opt("pip", Default::False),
            opt("symlinks", Default::None),
            opt("upgrade", Default::None),
            opt("user", Default::None),
            opt("use_vt", Default::False),
            opt("saltenv", Default::Str("base")),
            keywords("kwargs"),
        ],
        "Makes a virtual environment with `virtualenv`, or with Python's own `venv`: what `cmd.run_all` says of it.",
        create,
    )],
};

fn create(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let told = args.opt_str("venv_bin")?;
    let option = || cx.pillar.str("venv_bin").or_else(|| cx.opts.str("venv_bin")).map(str::to_owned);
    let program = told.or_else(option).unwrap_or_else(|| "virtualenv".to_owned());
    let given = |name: &str| args.given(name).map(str_of).filter(|text| !text.trim().is_empty());
    let refused = |name: &str| {
        let flag = name.replace('_', "-");
        Fault::execution(format!("The `{name}`(`--{flag}`) option is not supported by '{program}'"))
    };
    let mut words = if program == "venv" {
        let python = cx.which("python3").or_else(|| cx.which("python"));
        let python = python.ok_or_else(|| Fault::NotFound("python3".to_owned()))?;
        vec![python, "-m".to_owned(), "venv".to_owned()]
    } else {
        vec![program.clone()]
    };
    if program.contains("venv") {
        for name in ["python", "extra_search_dir", "prompt"] {
            if given(name).is_some() {
                return Err(refused(name));
            }
        }
        if !args.get("never_download").is_null() {
            return Err(refused("never_download"));
        }
        words.extend(args.truthy("upgrade").then(|| "--upgrade".to_owned()));
        words.extend(args.truthy("symlinks").then(|| "--symlinks".to_owned()));
    } else {
        for name in ["upgrade", "symlinks"] {
            if !args.get(name).is_null() {
                return Err(refused(name));
            }
        }
        if cx.which(&program).is_none() {
            return Err(Fault::NotFound(program));
        }
        if let Some(python) = given("python") {
            if cx.which(&python).is_none() {
                return Err(Fault::execution(format!("Cannot find requested python ({python}).")));
            }
            words.push(format!("--python={python}"));
        }
        words.extend(
            args.list("extra_search_dir")?.iter().map(|dir| format!("--extra-search-dir={}", str_of(dir))),
        );
        words.extend(args.truthy("never_download").then(|| "--never-download".to_owned()));
        words.extend(given("prompt").map(|prompt| format!("--prompt={prompt}")));
    }
    words.extend(args.truthy("clear").then(|| "--clear".to_owned()));
    words.extend(args.truthy("system_site_packages").then(|| "--system-site-packages".to_owned()));
    words.push(args.str("path")?);
    let mut asked: Map = map! { "runas" => args.get("user").clone(), "python_shell" => false };
    let own = args.keywords.iter().filter(|(key, _)| !key.as_str().is_some_and(|key| key.starts_with("__")));
    asked.extend(own.map(|(key, value)| (key.clone(), value.clone())));
    cx.ask_with("cmd.run_all", &[Value::list(words)], asked)
}
