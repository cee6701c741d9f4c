//! `http.update_ca_bundle` of execution modules and runners: certificates of authorities, fetched into a file. Salt:
//! utils/http.py (`update_ca_bundle`, `get_ca_bundle`).

use std::fs;
use std::path::{Path, PathBuf};

use super::query;
use crate::host::{FileOwner, write_atomic};
use crate::loader::{Args, Default, Fault, Param, opt};
use crate::value::{Map, Value, str_of};

/// What `http.update_ca_bundle` takes.
pub const BUNDLE: &[Param] =
    &[opt("target", Default::None), opt("source", Default::None), opt("merge_files", Default::None)];

/// Where certificates come from when nobody says it.
const SOURCE: &str = "http://curl.haxx.se/ca/cacert.pem";

/// Where distributions have theirs.
const LOCATIONS: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Fetches `source`, puts `merge_files` behind it and writes both to `target`; what is not said is looked up in the
/// options, `target` also where such files usually are.
///
/// # Errors
/// When nothing comes, or the file cannot be written.
pub fn update_ca_bundle(opts: &Map, args: &Args) -> Result<Value, Fault> {
    let target = args.opt_str("target")?.map(PathBuf::from).or_else(|| place(opts));
    let target = target.ok_or_else(|| Fault::execution("Unable to detect location to write CA bundle to"))?;
    let source = args.opt_str("source")?;
    let source = source.as_deref().or_else(|| opts.str("ca_bundle_url")).unwrap_or(SOURCE);
    let answer = query(source, &Map::new())?;
    let mut bundle = match (answer.get("error"), answer.get("body")) {
        (None, Some(body)) => str_of(body),
        (error, _) => {
            let reason = error.map(str_of).unwrap_or_default();
            return Err(Fault::execution(format!("{source}: {reason}: the CA bundle stays as it is")));
        }
    };
    let mut more = String::new();
    for file in args.list("merge_files")?.iter().map(str_of) {
        match fs::read_to_string(&file) {
            Ok(text) => more.extend(["\n", &text]),
            Err(error) => crate::log::error!("Reading from {file} caused the following error: {error}"),
        }
    }
    if !more.is_empty() {
        bundle.extend(["\n", &more]);
    }
    // A link stays one.
    let target = target.canonicalize().unwrap_or(target);
    write_atomic(&target, bundle.as_bytes(), 0o644, FileOwner::default())
        .map_err(|error| Fault::os(&error, &target.display().to_string()))?;
    Ok(Value::Null)
}

fn place(opts: &Map) -> Option<PathBuf> {
    let own = opts.str("ca_bundle").map(PathBuf::from).filter(|path| path.exists());
    let roots = opts.get("file_roots").and_then(|roots| roots.get("base")).and_then(Value::as_list);
    let served = || {
        let roots = roots.unwrap_or_default().iter().filter_map(Value::as_str).map(Path::new);
        let files = roots.flat_map(|root| ["cacert.pem", "ca-bundle.crt"].map(|name| root.join(name)));
        files.into_iter().find(|path| path.exists())
    };
    let usual = || LOCATIONS.iter().map(PathBuf::from).find(|path| path.exists());
    own.or_else(served).or_else(usual)
}

#[cfg(test)]
mod tests {
    use super::super::query::tests::served;
    use super::*;
    use crate::loader::{Call, Function, bind};
    use crate::map;

    fn args(target: &Path, source: &str, merge: Value) -> Args {
        let kwargs =
            map! { "target" => target.display().to_string(), "source" => source, "merge_files" => merge };
        let row = Function::new("update_ca_bundle", BUNDLE, "", |_, _| Ok(Value::Null));
        bind(&row, Call { args: Vec::new(), kwargs }).expect("they bind")
    }

    #[test]
    fn a_bundle_is_fetched_whole_with_what_is_put_behind_it_or_stays() {
        let dir = std::env::temp_dir().join(format!("halite-bundle-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a folder");
        let target = dir.join("cacert.pem");
        for (name, text) in [("one", "ONE\n"), ("two", "TWO\n")] {
            fs::write(dir.join(name), text).expect("written");
        }
        let merged = Value::list(["one", "none", "two"].map(|name| dir.join(name).display().to_string()));
        let (url, _) = served("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncerts\n");
        let opts = map! { "file_roots" => map! { "base" => Value::list([dir.display().to_string()]) } };
        update_ca_bundle(&opts, &args(&target, &url, merged)).expect("updated");
        // As Salt 3006.25 writes it.
        assert_eq!(fs::read_to_string(&target).expect("there"), "certs\n\n\nONE\n\nTWO\n");
        assert_eq!(place(&opts), Some(target.clone()));
        let (url, _) = served("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
        assert!(update_ca_bundle(&opts, &args(&target, &url, Value::Null)).is_err());
        assert!(fs::read_to_string(&target).expect("there").starts_with("certs"));
        fs::remove_dir_all(&dir).expect("removed");
    }
}
