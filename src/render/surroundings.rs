//! The world of a template on a minion: files of the file server, and functions by their names.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::read_template;
use crate::jinja::{CallFault, Nothing, SourceFile, Surroundings};
use crate::loader::{Call, Context, Fault, FileClient};
use crate::value::{DateTime, Map, Value, is_text, nearest, str_of};

/// In Salt's order.
const LARGE: &[&str] = &["opts", "grains", "pillar"];

pub(super) struct Around<'a, 'c> {
    pub cx: &'a Context<'c>,
    /// Where imported files come from.
    pub files: &'a dyn FileClient,
    pub saltenv: &'a str,
}

impl Surroundings for Around<'_, '_> {
    fn large(&self, name: &str) -> Option<&Map> {
        match name {
            "opts" => Some(self.cx.opts),
            "grains" => Some(self.cx.grains.map()),
            "pillar" => Some(self.cx.pillar.map()),
            _ => None,
        }
    }

    fn large_names(&self) -> &'static [&'static str] {
        LARGE
    }

    fn source(&self, path: &str) -> Option<SourceFile> {
        // Salt: an absolute path is that of a file of this machine, whatever the file server has.
        if path.starts_with('/')
            && let Ok(text) = read_template(std::path::Path::new(path))
        {
            return Some(SourceFile { path: path.to_owned(), text });
        }
        let url = format!("salt://{path}");
        let file = match self.files.get_url(&url, self.saltenv, None, true) {
            Ok(file) => file?,
            Err(error) => {
                crate::log::error!(%url, %error, "a template could not be fetched");
                return None;
            }
        };
        let text = read_template(&file)
            .inspect_err(|error| crate::log::error!(%url, %error, "a template cannot be read"))
            .ok()?;
        Some(SourceFile { path: file.display().to_string(), text })
    }

    fn source_near(&self, path: &str) -> Option<String> {
        self.files.near(path, self.saltenv)
    }

    fn has_function(&self, name: &str) -> bool {
        self.cx.registry.function(self.cx, name).is_ok()
    }

    fn function_near(&self, name: &str) -> Option<String> {
        let modules = self.cx.registry.available(self.cx);
        let names: Vec<String> = modules
            .flat_map(|module| module.functions.iter().map(|row| format!("{}.{}", module.provides, row.name)))
            .collect();
        nearest(name, &mut names.iter().map(String::as_str)).map(str::to_owned)
    }

    fn has_module(&self, name: &str) -> bool {
        self.cx.registry.available(self.cx).any(|module| module.provides == name)
    }

    fn random(&self) -> u64 {
        self.cx.set_changeable();
        Nothing.random()
    }

    fn call(&self, name: &str, args: &mut Vec<Value>, kwargs: &mut Map) -> Result<Value, CallFault> {
        if !is_steady(name) {
            self.cx.set_changeable();
        }
        let in_place = self.changes_arguments(name)
            && kwargs.get("in_place").or(args.get(3)).is_none_or(Value::truthy)
            && !args.is_empty();
        let call = Call { args: std::mem::take(args), kwargs: std::mem::take(kwargs) };
        let result = self.cx.call(name, call).map_err(|fault| match fault {
            Fault::Invocation(_) | Fault::Execution { .. } | Fault::NotFound(_) => {
                CallFault::Refused(fault.to_string())
            }
            Fault::Exception { text, .. } => CallFault::Failed(text),
            other => CallFault::Failed(other.to_string()),
        })?;
        if in_place {
            args.push(result.clone());
        }
        Ok(result)
    }

    /// Those that lay a map over the one they are given, and return it.
    fn changes_arguments(&self, name: &str) -> bool {
        matches!(name, "defaults.merge" | "defaults.update" | "slsutil.update")
    }

    fn local_time(&self, seconds: Option<f64>) -> Option<DateTime> {
        let Some(seconds) = seconds else {
            self.cx.set_changeable();
            return Some(self.cx.host.now());
        };
        if !(-6e10..2.5e11).contains(&seconds) {
            return None;
        }
        let moment = jiff::Timestamp::from_microsecond((seconds * 1e6) as i64).ok()?;
        Some(moment.to_zoned(jiff::tz::TimeZone::system()).datetime())
    }

    fn time_used(&self) -> Option<Duration> {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).ok()
    }

    fn log(&self, level: &str, text: &str) {
        crate::log::debug!(level, "{text}");
    }

    fn outside(&self, filter: &str, args: &[Value], kwargs: &Map) -> Option<Result<Value, String>> {
        self.cx.set_changeable();
        outside(self.cx, filter, args, kwargs)
    }
}

/// Filters that look at the machine. Salt: utils/files.py, utils/path.py, utils/user.py.
fn outside(cx: &Context, filter: &str, args: &[Value], kwargs: &Map) -> Option<Result<Value, String>> {
    let told = args.first().map(str_of).unwrap_or_default();
    let path = Path::new(&told);
    let beginning = |limit: u64| {
        let mut octets = Vec::new();
        fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut octets)).map(|_| octets)
    };
    Some(Ok(match filter {
        "file_hashsum" => {
            let form = args.get(1).or_else(|| kwargs.get("form")).map_or_else(|| "sha256".to_owned(), str_of);
            let asked = [told.as_str().into(), form.into()];
            return Some(cx.ask("file.get_hash", &asked).map_err(|fault| fault.to_string()));
        }
        "http_query" => {
            let mut asked = kwargs.clone();
            let placed = HTTP_QUERY.split_whitespace().zip(args.iter().skip(1).cloned());
            asked.extend(placed.filter(|(_, arg)| !arg.is_null()));
            let url = args.get(..1).unwrap_or_default();
            return Some(cx.ask_with("http.query", url, asked).map_err(|fault| fault.to_string()));
        }
        "get_uid" if told.is_empty() => rustix::process::geteuid().as_raw().into(),
        "get_uid" => cx.host.user(&told).map(|user| user.uid).into(),
        "is_bin_file" => {
            let octets = if path.is_file() { beginning(2048).ok() } else { None };
            octets.is_some_and(|octets| std::str::from_utf8(&octets).is_err() || octets.contains(&0)).into()
        }
        "is_empty" => fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0).into(),
        "is_text_file" => beginning(512).is_ok_and(|octets| is_text(&octets)).into(),
        "list_files" => {
            let mut found = vec![told.clone()];
            let mut open = vec![path.to_owned()];
            while let Some(directory) = open.pop() {
                for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                    found.push(entry.path().display().to_string());
                    if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        open.push(entry.path());
                    }
                }
            }
            Value::list(found)
        }
        "which" => cx.which(&told).into(),
        _ => return None,
    }))
}

/// What `http_query` takes by its place, after the address. Salt: utils/http.py (`query`).
const HTTP_QUERY: &str = "method params data data_file header_dict header_list header_file username password auth decode \
                          decode_type status headers text cookies cookie_jar cookie_format persist_session \
                          session_cookie_jar data_render data_renderer header_render header_renderer template_dict \
                          test test_url node port opts backend ca_bundle verify_ssl cert text_out headers_out \
                          decode_out stream streaming_callback header_callback handle agent hide_fields raise_error \
                          formdata formdata_fieldname formdata_filename decode_body";

/// Functions that give the same for the same arguments, grains and pillar.
fn is_steady(name: &str) -> bool {
    const STEADY: [&str; 22] = [
        "config.get",
        "config.option",
        "defaults.deepcopy",
        "defaults.merge",
        "defaults.update",
        "grains.fetch",
        "grains.filter_by",
        "grains.get",
        "grains.has_value",
        "grains.item",
        "hashutil.base64_b64decode",
        "hashutil.base64_b64encode",
        "hashutil.digest",
        "match.compound",
        "match.glob",
        "match.grain",
        "pillar.filter_by",
        "pillar.get",
        "slsutil.merge",
        "slsutil.merge_all",
        "slsutil.update",
        "test.echo",
    ];
    STEADY.binary_search(&name).is_ok()
}
