//! `hosts`: the file hosts(5). Salt: modules/hosts.py.

use std::fs;
use std::path::Path;

use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, opt, os_error_text, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const PAIR: &[Param] = &[req("ip"), req("alias")];

pub(super) static MODULE: Module = Module {
    file: "hosts",
    provides: "hosts",
    available: always,
    functions: &[
        Function::new("add_host", PAIR, "Gives an address one more name.", |cx, args| {
            let (ip, alias) = pair(args)?;
            let mut hosts = Hosts::read(cx)?;
            if !hosts.has(&ip, &alias) {
                hosts.line_of(&ip).names.push(alias);
                hosts.write(cx)?;
            }
            Ok(true.into())
        }),
        Function::new("get_alias", &[req("ip")], "The names of an address.", |cx, args| {
            let ip = args.str("ip")?;
            let hosts = Hosts::read(cx)?;
            Ok(Value::list(hosts.find(&ip).map(|line| line.names.clone()).unwrap_or_default()))
        }),
        Function::new("get_ip", &[req("host")], "The address of a name, or an empty text.", |cx, args| {
            let name = args.str("host")?;
            let hosts = Hosts::read(cx)?;
            let found = hosts.lines.iter().find(|line| line.names.contains(&name));
            Ok(found.map(|line| line.ip.clone()).unwrap_or_default().into())
        }),
        Function::new("has_pair", PAIR, "Whether an address has a name, or all of a list.", |cx, args| {
            let hosts = Hosts::read(cx)?;
            let ip = args.str("ip")?;
            Ok(match args.get("alias") {
                Value::List(names) => {
                    hosts.find(&ip).is_some() && names.iter().all(|name| hosts.has(&ip, &str_of(name)))
                }
                name => hosts.has(&ip, &str_of(name)),
            }
            .into())
        }),
        Function::new(
            "list_hosts",
            &[],
            "All of it: `{address: {aliases, comment}}`, comments as lists.",
            |cx, _| {
                let mut found = Map::new();
                for line in &Hosts::read(cx)?.lines {
                    if line.is_comment() {
                        found.insert(
                            line.ip.as_str(),
                            Value::list([line.comment.as_deref().unwrap_or_default()]),
                        );
                        continue;
                    }
                    let mut one = map! { "aliases" => Value::list(&line.names) };
                    if let Some(comment) = &line.comment {
                        one.insert("comment", comment);
                    }
                    found.insert(line.ip.as_str(), one);
                }
                Ok(found.into())
            },
        ),
        Function::new("rm_host", PAIR, "Takes a name from an address.", rm_host),
        Function::new(
            "set_comment",
            &[req("ip"), req("comment")],
            "What is said of an address.",
            |cx, args| {
                let (ip, comment) = (args.str("ip")?, args.str("comment")?);
                let mut hosts = Hosts::read(cx)?;
                let Some(line) = hosts.lines.iter_mut().find(|line| line.ip == ip) else {
                    return Ok(false.into());
                };
                if line.comment.as_ref() != Some(&comment) {
                    line.comment = Some(comment);
                    hosts.write(cx)?;
                }
                Ok(true.into())
            },
        ),
        Function::new(
            "set_host",
            &[req("ip"), req("alias"), opt("comment", Default::None)],
            "Gives an address these names and no others.",
            set_host,
        ),
    ],
};

fn pair(args: &Args) -> Result<(String, String), Fault> {
    Ok((args.str("ip")?, args.str("alias")?))
}

/// One address, or a comment under a name as `comment-0`.
struct Line {
    ip: String,
    names: Vec<String>,
    comment: Option<String>,
}

impl Line {
    fn is_comment(&self) -> bool {
        self.ip.starts_with("comment")
    }

    fn text(&self) -> String {
        let names = self.names.join(" ");
        match &self.comment {
            Some(comment) if self.is_comment() => comment.clone(),
            Some(comment) => format!("{}\t\t{names}\t\t# {comment}", self.ip),
            None => format!("{}\t\t{names}", self.ip),
        }
    }
}

struct Hosts {
    lines: Vec<Line>,
}

fn path(cx: &Context) -> Result<String, Fault> {
    let told = str_of(&cx.ask("config.option", &["hosts.file".into()])?);
    Ok(if told.is_empty() { "/etc/hosts".to_owned() } else { told })
}

fn failed(error: &std::io::Error, path: &str) -> Fault {
    Fault::exception("OSError", os_error_text(error, path))
}

fn content(cx: &Context) -> Result<(String, String), Fault> {
    let path = path(cx)?;
    match fs::read(&path) {
        Ok(bytes) => Ok((path, String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((path, String::new())),
        Err(error) => Err(failed(&error, &path)),
    }
}

/// Puts a new text in place; where the file cannot be renamed over (a mount of a container) it is written in place.
fn store(cx: &Context, path: &str, text: &str) -> Result<(), Fault> {
    crate::host::rewrite(cx.host, Path::new(path), text.as_bytes(), 0o644)
        .map_err(|error| failed(&error, path))
}

impl Hosts {
    fn read(cx: &Context) -> Result<Self, Fault> {
        Ok(Self::parse(&content(cx)?.1))
    }

    fn parse(text: &str) -> Self {
        let mut hosts = Hosts { lines: Vec::new() };
        let mut comments = 0;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                let comment = Some(line.to_owned());
                hosts.lines.push(Line { ip: format!("comment-{comments}"), names: Vec::new(), comment });
                comments += 1;
                continue;
            }
            let (words, comment) =
                line.split_once('#').map_or((line, None), |(words, said)| (words, Some(said.trim_start())));
            let mut words = words.split_whitespace().map(str::to_owned);
            let Some(ip) = words.next() else { continue };
            let one = hosts.line_of(&ip);
            one.names.extend(words);
            if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
                one.comment = Some(comment.to_owned());
            }
        }
        hosts
    }

    fn find(&self, ip: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.ip == ip)
    }

    fn has(&self, ip: &str, name: &str) -> bool {
        self.find(ip).is_some_and(|line| line.names.iter().any(|own| own == name))
    }

    /// The line of an address, new at the end where there is none.
    fn line_of(&mut self, ip: &str) -> &mut Line {
        let at = self.lines.iter().position(|line| line.ip == ip).unwrap_or_else(|| {
            self.lines.push(Line { ip: ip.to_owned(), names: Vec::new(), comment: None });
            self.lines.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed two lines above")]
        &mut self.lines[at]
    }

    fn write(&self, cx: &Context) -> Result<(), Fault> {
        let lines: Vec<String> = self.lines.iter().map(|line| line.text().trim().to_owned()).collect();
        let text: String =
            lines.iter().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
        store(cx, &path(cx)?, &text)
    }
}

/// Calls `change` with each line of an address: none leaves the line out.
fn rewrite(text: &str, ip: &str, mut change: impl FnMut(&str) -> Option<String>) -> String {
    let mut new = String::new();
    for line in text.split_inclusive('\n') {
        let is_it = !line.trim().starts_with('#') && line.split_whitespace().next() == Some(ip);
        if is_it {
            new += &change(line).unwrap_or_default();
        } else {
            new += line;
        }
    }
    new
}

fn set_host(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (ip, alias) = pair(args)?;
    let comment = args.opt_str("comment")?.filter(|comment| !comment.is_empty());
    let line = match comment {
        _ if alias.trim().is_empty() => String::new(),
        Some(comment) => format!("{ip}\t\t{alias}\t\t# {comment}\n"),
        None => format!("{ip}\t\t{alias}\n"),
    };
    let (path, text) = content(cx)?;
    let mut done = false;
    let mut new = rewrite(&text, &ip, |_| (!std::mem::replace(&mut done, true)).then(|| line.clone()));
    if !done {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new += &line;
    }
    store(cx, &path, &new)?;
    Ok(true.into())
}

fn rm_host(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (ip, alias) = pair(args)?;
    if !Hosts::read(cx)?.has(&ip, &alias) {
        return Ok(true.into());
    }
    let (path, text) = content(cx)?;
    let new = rewrite(&text, &ip, |line| {
        let (words, comment) = line
            .trim()
            .split_once('#')
            .map_or((line.trim(), None), |(words, said)| (words, Some(said.trim_start())));
        let left: Vec<&str> = words.split_whitespace().skip(1).filter(|name| *name != alias).collect();
        let names: String = left.iter().map(|name| format!("{name} ")).collect();
        let comment = comment.map(|comment| format!("# {comment}")).unwrap_or_default();
        (!left.is_empty()).then(|| format!("{ip}\t\t{names}{comment}\n"))
    });
    store(cx, &path, &new)?;
    Ok(true.into())
}
