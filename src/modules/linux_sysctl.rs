//! `sysctl`: parameters of the kernel. Salt: modules/linux_sysctl.py.

use std::fs;
use std::path::Path;

use crate::host::FileOwner;
use crate::loader::{Args, Context, Default, Fault, Function, Module, always, opt, req};
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "linux_sysctl",
    provides: "sysctl",
    available: always,
    functions: &[
        Function::new(
            "assign",
            &[req("name"), req("value")],
            "Sets a parameter now: `{name: value}`.",
            |cx, args| Ok(assign(cx, &args.str("name")?, &str_of(args.get("value")))?.into()),
        ),
        Function::new("default_config", &[], "The file that parameters are kept in.", |cx, _| {
            Ok(default_config(cx).into())
        }),
        Function::new("get", &[req("name")], "The value of a parameter.", |cx, args| {
            Ok(value_of(cx, &args.str("name")?)?.into())
        }),
        Function::new(
            "persist",
            &[req("name"), req("value"), opt("config", Default::None)],
            "Sets a parameter now and for the next start: `Updated` or `Already set`.",
            persist,
        ),
        Function::new(
            "show",
            &[opt("config_file", Default::False)],
            "All parameters, of the kernel or of a file: `{name: value}`.",
            show,
        ),
    ],
};

fn sysctl(cx: &Context) -> Result<String, Fault> {
    cx.which("sysctl").ok_or_else(|| Fault::execution("Command 'sysctl' cannot be found"))
}

fn default_config(cx: &Context) -> &'static str {
    let told = cx.memory.borrow().get("systemd.booted").and_then(Value::as_bool);
    let booted = told.unwrap_or_else(|| Path::new("/run/systemd/system").is_dir());
    if booted { "/etc/sysctl.d/99-salt.conf" } else { "/etc/sysctl.conf" }
}

fn value_of(cx: &Context, name: &str) -> Result<String, Fault> {
    let ran = cx.program(&[sysctl(cx)?, "-n".to_owned(), name.to_owned()])?;
    Ok(if ran.ok() { ran.stdout } else { [ran.stdout, ran.stderr].concat() })
}

fn show(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut found = Map::new();
    if args.truthy("config_file") {
        let path = args.str("config_file")?;
        if !Path::new(&path).exists() {
            return Ok(Value::List(Vec::new()));
        }
        let Ok(text) = fs::read_to_string(&path) else { return Ok(Value::Null) };
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        for (key, value) in lines.filter_map(|line| line.split_once('=')) {
            found.insert(key.trim_end(), value.trim_start());
        }
        return Ok(found.into());
    }
    let ran = cx.program(&[sysctl(cx)?, "-a".to_owned()])?;
    for (key, value) in ran.stdout.lines().filter_map(|line| line.split_once(" = ")) {
        found.insert(key, value);
    }
    Ok(found.into())
}

fn assign(cx: &Context, name: &str, value: &str) -> Result<Map, Fault> {
    let file: String = name
        .chars()
        .map(|char| match char {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect();
    if name.contains("..") || !Path::new("/proc/sys").join(file.trim_start_matches('/')).exists() {
        return Err(Fault::execution(format!("sysctl {name} does not exist")));
    }
    let ran = cx.program(&[sysctl(cx)?, "-w".to_owned(), format!("{name}={value}")])?;
    let said = ran.stdout.split_once('=').filter(|(key, now)| {
        key.trim_end() == name && key.ends_with(char::is_whitespace) && now.trim_start() == value
    });
    let Some((key, now)) = said.filter(|_| !ran.stderr.contains("Invalid argument")) else {
        let error = if !ran.ok() && !ran.stderr.is_empty() { ran.stderr } else { ran.stdout };
        return Err(Fault::execution(format!("sysctl -w failed: {error}")));
    };
    Ok([(key.trim_end(), now.trim_start())].into_iter().collect())
}

/// White space does not matter: the kernel prints tabs.
fn plain(value: &str) -> String {
    let mut words = String::new();
    let mut blank = false;
    for char in value.chars() {
        if !char.is_whitespace() {
            words.push(char);
        } else if !blank {
            words.push('\t');
        }
        blank = char.is_whitespace();
    }
    words
}

/// The lines of a file with a parameter in place; `None` where it says so already. Pure.
fn with_parameter(text: &str, name: &str, value: &str) -> Option<String> {
    let (mut new, mut edited) = (String::new(), false);
    for line in text.split_inclusive('\n') {
        let (key, now) = line.split_once('=').map_or(("", ""), |(key, now)| (key.trim(), now.trim()));
        if key == name && !key.is_empty() {
            if plain(now) == plain(value) {
                return None;
            }
            new += &format!("{name} = {value}\n");
            edited = true;
        } else {
            new += line;
        }
    }
    if !edited {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new += &format!("{name} = {value}\n");
    }
    Some(new)
}

fn persist(cx: &Context, args: &Args) -> Result<Value, Fault> {
    const HEAD: &str = "#\n# Kernel sysctl configuration\n#\n";
    let (name, value) = (args.str("name")?, str_of(args.get("value")));
    let config = args.opt_str("config")?.unwrap_or_else(|| default_config(cx).to_owned());
    let path = Path::new(&config);
    let text = if path.is_file() {
        fs::read_to_string(path)
            .map_err(|_| Fault::execution(format!("Could not read from file: {config}")))?
    } else {
        HEAD.to_owned()
    };
    let Some(new) = with_parameter(&text, &name, &value) else {
        if plain(&value_of(cx, &name)?) == plain(&value) {
            return Ok("Already set".into());
        }
        assign(cx, &name, &value)?;
        return Ok("Updated".into());
    };
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| cx.host.write_atomic(path, new.as_bytes(), 0o644, FileOwner::default()));
    written.map_err(|_| Fault::execution(format!("Could not write to file: {config}")))?;
    assign(cx, &name, &value)?;
    Ok("Updated".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_put_into_its_file_once() {
        let text = "# a = 1\nvm.swappiness=10\nnet.x = 1 2";
        assert_eq!(with_parameter(text, "vm.swappiness", "10"), None);
        assert_eq!(with_parameter(text, "net.x", "1\t2"), None);
        assert_eq!(with_parameter("vm.x=1\n", "vm.x", "2").as_deref(), Some("vm.x = 2\n"));
        assert_eq!(
            with_parameter(text, "a", "1").as_deref(),
            Some("# a = 1\nvm.swappiness=10\nnet.x = 1 2\na = 1\n")
        );
    }
}
