//! Versions of Salt, of Halite and of the system. Salt: version.py (`versions_information`, `versions_report`).

use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::names::SALT_VERSION;
use crate::value::{Map, Value, sort, str_of};

/// `{"Salt Version": {name: version}, "System Versions": {name: version}}`. There is no Python and no library to
/// report on.
pub(super) fn information(cx: &Context, _: &Args) -> Result<Value, Fault> {
    Ok(collect(cx).into())
}

fn collect(cx: &Context) -> Map {
    let grain = |name: &str| cx.grains.str(name).unwrap_or_default().to_owned();
    let uname = rustix::system::uname();
    let os = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let dist = [grain("osfullname").to_lowercase(), grain("osrelease"), grain("oscodename")].join(" ");
    let version = [grain("lsb_distrib_id"), grain("osrelease"), grain("oscodename")].join(" ");
    map! {
        "Salt Version" => map! { "Salt" => SALT_VERSION, "Halite" => env!("CARGO_PKG_VERSION") },
        "System Versions" => map! {
            "system" => os(uname.sysname()),
            "dist" => dist.trim(),
            "release" => os(uname.release()),
            "machine" => os(uname.machine()),
            "version" => version.trim(),
            "locale" => "utf-8",
        },
    }
}

/// The same as a text with one line per version.
pub(super) fn report(cx: &Context, _: &Args) -> Result<Value, Fault> {
    let mut lines = Vec::new();
    // As wide as Salt's widest entry without extensions.
    let width = "Not Installed".len() + 1;
    for (heading, versions) in &collect(cx) {
        lines.push(format!("{}:", str_of(heading)));
        let mut versions: Vec<(String, String)> = versions
            .as_map()
            .map(|versions| versions.iter().map(|(name, version)| (str_of(name), str_of(version))).collect())
            .unwrap_or_default();
        sort::by_key(&mut versions, |(name, _)| name.to_lowercase());
        lines.extend(versions.iter().map(|(name, version)| format!("{name:>width$}: {version}")));
        lines.push(" ".to_owned());
    }
    Ok(lines.join("\n").into())
}
