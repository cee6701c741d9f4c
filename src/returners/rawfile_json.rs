//! `rawfile_json`: appends each return to a file, one line of JSON each. Salt: returners/rawfile_json.py.

use std::fs::OpenOptions;
use std::io::Write;

use super::options::option;
use crate::loader::{Context, Fault, Returner};
use crate::value::{JsonStyle, Map, Value, str_of};

pub(super) static RETURNER: Returner = Returner { name: "rawfile_json", save };

fn save(cx: &Context, ret: &Map) -> Result<(), Fault> {
    let name = option(cx, ret, "rawfile_json", "filename");
    let name = name.as_ref().map_or_else(|| "/var/log/salt/events".to_owned(), str_of);
    let style = JsonStyle { ensure_ascii: false, ..JsonStyle::default() };
    let line = format!("{}\n", Value::Map(ret.clone()).to_json(style));
    let failed = |error: std::io::Error| Fault::exception("OSError", format!("{name}: {error}"));
    let mut file = OpenOptions::new().create(true).append(true).open(&name).map_err(failed)?;
    // Whole lines only, also when several jobs return at once.
    file.lock().map_err(failed)?;
    file.write_all(line.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::map;
    use crate::returners::tests::with;

    fn check(opts: Map, ret: Map, path: &std::path::Path, expected: &str) {
        let host = FakeHost::default();
        with(&opts, &host, |cx| super::super::save(cx, "rawfile_json,no_such,rawfile_json", &ret));
        assert_eq!(std::fs::read_to_string(path).expect("written"), expected);
    }

    #[test]
    fn a_return_is_one_line_in_the_file_that_the_options_name() {
        let path = std::env::temp_dir().join(format!("halite-rawfile-{}", std::process::id()));
        let text = path.display().to_string();
        let line = "{\"jid\": \"1\", \"return\": \"grüße\"}\n";
        let ret = || map! { "jid" => "1", "return" => "grüße" };
        check(map! { "rawfile_json.filename" => text.as_str() }, ret(), &path, line);
        let opts = map! { "alternative.rawfile_json.filename" => text.as_str() };
        let mut configured = ret();
        configured.insert("ret_config", "alternative");
        let second = "{\"jid\": \"1\", \"return\": \"grüße\", \"ret_config\": \"alternative\"}\n";
        check(opts, configured, &path, &format!("{line}{second}"));
        std::fs::remove_file(path).expect("removed");
    }
}
