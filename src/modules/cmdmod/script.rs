//! Scripts from the file server and code from the command line: put into a file that only its user can read, run,
//! removed. Salt: modules/cmdmod.py (`script`, `exec_code_all`).

use std::fs;
use std::path::{Path, PathBuf};

use super::options::Options;
use super::run;
use crate::crypt::random;
use crate::host::FileOwner;
use crate::loader::shlex;
use crate::loader::{Args, Call, Context, Fault, os_error_text};
use crate::map;
use crate::value::{Map, Value, str_of};

/// The text that a program printed.
pub(super) fn exec_code(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let ran = exec_code_all(cx, args)?;
    Ok(ran.get("stdout").cloned().unwrap_or_default())
}

/// `{pid, retcode, stdout, stderr}`.
pub(super) fn exec_code_all(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let lang = args.str("lang")?;
    if lang.to_lowercase().starts_with("powershell") {
        return Err(Fault::NotSupported(format!("cmd.exec_code {lang}")));
    }
    let file = Temporary::name(&temporary_folder(cx), "");
    let mut cmd: Vec<Value> = vec![lang.into(), file.text().into()];
    match args.get("args") {
        Value::Text(text) => cmd.push(text.into()),
        Value::List(more) => cmd.extend(more.iter().cloned()),
        _ => {}
    }
    let options = Options { python_shell: false, ..Options::read(cx, args, Value::List(cmd))? };
    let owner = options.runas.as_deref().and_then(|runas| cx.host.user(runas));
    let owner = FileOwner { uid: owner.map(|user| user.uid), gid: None };
    file.write(cx, str_of(args.get("code")).as_bytes(), 0o600, owner)?;
    let mut ran = run::run(cx, &options)?;
    if options.hide_output {
        (ran.stdout, ran.stderr) = (String::new(), String::new());
    }
    Ok(ran.into_value())
}

/// `{pid, retcode, stdout, stderr}`, with `cache_error: true` where there is no such script, and empty where it could
/// not be started.
pub(super) fn script(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let source = args.str("source")?;
    let saltenv = match args.opt_str("saltenv")? {
        Some(saltenv) => saltenv,
        None => cx.opts.str("saltenv").unwrap_or("base").to_owned(),
    };
    let mut options = Options::read(cx, args, Value::Null)?;
    let Some(content) = fetched(cx, args, &source, &saltenv)? else {
        return Ok(map! {
            "pid" => 0, "retcode" => 1, "stdout" => "", "stderr" => "", "cache_error" => true,
        }
        .into());
    };
    let folder = options.cwd.as_ref().map_or_else(|| temporary_folder(cx), PathBuf::from);
    let file = Temporary::name(&folder, extension(&source));
    let uid = match &options.runas {
        Some(runas) => cx.host.user(runas).map(|user| user.uid),
        None => None,
    };
    file.write(cx, &content, 0o500, FileOwner { uid, gid: None })?;
    let more = match args.get("args") {
        Value::Text(text) => shlex::split(text)?.into_iter().map(Value::from).collect(),
        Value::List(items) => items.clone(),
        other if other.truthy() => vec![other.clone()],
        _ => Vec::new(),
    };
    options.python_shell &= more.is_empty();
    options.cmd = Value::list([file.text().into()].into_iter().chain(more));
    options.redirect_stderr = false;
    let hide_output = options.hide_output;
    let mut ran = match run::run(cx, &options) {
        Ok(ran) => ran.into_value().as_map().cloned().unwrap_or_default(),
        Err(fault @ (Fault::Execution { .. } | Fault::Invocation(_))) => {
            crate::log::error!(source, error = %fault, "cmd.script: Unable to run script");
            Map::new()
        }
        Err(fault) => return Err(fault),
    };
    if hide_output {
        ran.insert("stdout", "");
        ran.insert("stderr", "");
    }
    Ok(ran.into())
}

/// The return code alone.
pub(super) fn script_retcode(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let ran = script(cx, args)?;
    ran.get("retcode").cloned().ok_or_else(|| Fault::exception("KeyError", "'retcode'"))
}

/// The script, with its variables filled in if it is a template; `None` where there is none.
fn fetched(cx: &Context, args: &Args, source: &str, saltenv: &str) -> Result<Option<Vec<u8>>, Fault> {
    let given = |path: Value| path.as_str().filter(|path| !path.is_empty()).map(fs::read);
    let content = if args.truthy("template") {
        let place = Temporary::name(&temporary_folder(cx), "");
        let mut call = Call::positional([source.into(), place.text().into()]);
        call.kwargs = args.keywords.clone();
        call.kwargs.insert("template", args.get("template").clone());
        call.kwargs.insert("saltenv", saltenv);
        given(cx.call("cp.get_template", call)?)
    } else {
        given(cx.call("cp.cache_file", Call::positional([source.into(), saltenv.into()]))?)
    };
    Ok(content.and_then(Result::ok))
}

/// The end of a source's file name, with its dot: some interpreters look at it.
fn extension(source: &str) -> &str {
    let path = source.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.trim_start_matches('.').rfind('.') {
        Some(at) => name.trim_start_matches('.').get(at..).unwrap_or_default(),
        None => "",
    }
}

fn temporary_folder(cx: &Context) -> PathBuf {
    ["TMPDIR", "TEMP", "TMP"]
        .into_iter()
        .filter_map(|name| cx.host.env(name))
        .map(PathBuf::from)
        .find(|path| path.is_dir())
        .unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// A file that is gone when its user is done.
struct Temporary(PathBuf);

impl Temporary {
    fn name(folder: &Path, extension: &str) -> Self {
        let random = u64::from_le_bytes(random::bytes());
        Temporary(folder.join(format!("__salt.tmp.{random:016x}{extension}")))
    }

    fn text(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    fn write(&self, cx: &Context, content: &[u8], mode: u32, owner: FileOwner) -> Result<(), Fault> {
        cx.host.write_atomic(&self.0, content, mode, owner).map_err(|error| {
            let kind = match error.raw_os_error() {
                Some(2) => "FileNotFoundError",
                Some(13) => "PermissionError",
                Some(20) => "NotADirectoryError",
                _ => "OSError",
            };
            Fault::exception(kind, os_error_text(&error, &self.text()))
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            crate::log::error!(path = %self.0.display(), %error, "Unable to clean tempfile");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_those_of_the_file_name() {
        for (source, expected) in [
            ("salt://a/b.sh", ".sh"),
            ("salt://a.d/b", ""),
            ("salt://x.tar.gz?saltenv=dev.1", ".gz"),
            ("/srv/.hidden", ""),
            ("b.", "."),
        ] {
            assert_eq!(extension(source), expected, "{source}");
        }
    }
}
