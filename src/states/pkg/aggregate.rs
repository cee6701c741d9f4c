//! Several `pkg` states as one call of the package manager. Salt: states/pkg.py (`mod_aggregate`).

use crate::loader::Running;
use crate::value::{Map, Value, str_of};

const KINDS: [&str; 4] = ["installed", "latest", "purged", "removed"];

/// The chunk with the packages of those that have not run yet and are of its kind.
pub(super) fn aggregate(running: &Running, mut low: Map) -> Map {
    let text = |chunk: &Map, key: &str| chunk.get(key).map(str_of).unwrap_or_default();
    let fun = text(&low, "fun");
    if !KINDS.contains(&fun.as_str()) {
        return low;
    }
    let (mut kind, mut pkgs) = (None, Vec::new());
    for chunk in running.lowstate {
        let tag = ["state", "__id__", "name", "fun"].map(|key| text(chunk, key)).join("_|-");
        let same = text(chunk, "state") == "pkg"
            && text(chunk, "fun") == fun
            && chunk.get("fromrepo") == low.get("fromrepo")
            && !chunk.contains("__agg__");
        if !same || running.results.contains(&tag) {
            continue;
        }
        if let Some(Value::List(sources)) = chunk.get("sources") {
            if *kind.get_or_insert("sources") == "sources" {
                pkgs.extend(sources.iter().cloned());
            }
        } else if !chunk.contains("hold") && *kind.get_or_insert("pkgs") == "pkgs" {
            match (chunk.get("pkgs"), chunk.get("name")) {
                (Some(Value::List(own)), _) => pkgs.extend(own.iter().cloned()),
                (_, Some(name)) => {
                    pkgs.push(match chunk.get("version").filter(|version| !version.is_null()) {
                        Some(version) => {
                            [(name.clone(), version.clone())].into_iter().collect::<Map>().into()
                        }
                        None => name.clone(),
                    })
                }
                _ => {}
            }
        }
    }
    let Some(kind) = kind.filter(|_| !pkgs.is_empty()) else { return low };
    let mut seen: Vec<Value> = Vec::new();
    // The chunk itself is among those that have not run: what it asks for already is not asked for twice.
    pkgs.retain(|pkg| {
        let new = !seen.contains(pkg);
        if new {
            seen.push(pkg.clone());
        }
        new
    });
    low.insert(kind, Value::List(pkgs));
    low
}
