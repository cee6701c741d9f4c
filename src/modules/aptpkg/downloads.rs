//! What lies in apt's cache, and which services still use files of before. Salt: modules/aptpkg.py (`list_downloaded`,
//! `services_need_restart`).

use std::path::Path;

use jiff::tz::TimeZone;

use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::modules::packages::downloaded;
use crate::value::{Value, str_of};

/// `{name: {version: {path, size, creation_date_time_t, creation_date_time}}}`.
pub(super) fn list(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let root = args.opt_str("root")?.filter(|root| !root.is_empty()).unwrap_or_else(|| "/".to_owned());
    let time =
        |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC);
    Ok(downloaded(cx, &Path::new(&root).join("var/cache/apt"), "deb", time)?.into())
}

/// Their names, as `checkrestart` tells them.
pub(super) fn services_need_restart(cx: &Context, _: &Args) -> Result<Value, Fault> {
    if !cx.ask("cmd.which", &["checkrestart".into()])?.truthy() {
        return Err(Fault::NotFound(
            "'checkrestart' is needed. It is part of the 'debian-goodies' package which can be installed from official \
             repositories."
                .to_owned(),
        ));
    }
    let words = Value::list(["checkrestart", "--machine", "--package"]);
    let said = str_of(&cx.ask_with("cmd.run_stdout", &[words], map! { "python_shell" => false })?);
    let named = said.lines().filter_map(|line| line.strip_prefix("SERVICE:"));
    // Salt quirk: modules/aptpkg.py: a line without a comma loses its last character.
    let service = |rest: &str| match rest.split_once(',') {
        Some((name, _)) => name.to_owned(),
        None => rest.chars().take(rest.chars().count().saturating_sub(1)).collect(),
    };
    let all = crate::value::sort::into_set(named.map(service));
    Ok(Value::list(all))
}
