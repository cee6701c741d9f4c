//! `locale_info`: language, encoding and time zone, as Python sees them. Salt: grains/core.py (`locale_info`);
//! Python: locale.py (`getlocale`, `normalize`), PEP 538 (the C locale is taken for C.UTF-8).

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::machine::Machine;
use crate::map;
use crate::value::{Map, Value};

/// `{"defaultlanguage": text or None, "defaultencoding": text or None, "detectedencoding": "utf-8", "timezone": text}`.
pub(super) fn grains(machine: &Machine) -> Map {
    let (language, encoding) = match in_effect(machine) {
        Some(name) => normalize(&name),
        None => (None, None),
    };
    map! { "locale_info" => map! {
        "defaultlanguage" => language,
        "defaultencoding" => encoding,
        "detectedencoding" => "utf-8",
        "timezone" => timezone(),
    } }
}

/// The name of the LC_CTYPE locale; `None` for the plain C locale.
fn in_effect(machine: &Machine) -> Option<String> {
    let set = |name: &str| machine.env(name).filter(|value| !value.is_empty());
    let all = set("LC_ALL");
    let chosen = all.clone().or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let plain = matches!(chosen.as_str(), "" | "C" | "POSIX") || !installed(machine, &chosen);
    match (plain, all) {
        (false, _) => Some(chosen),
        // PEP 538: a plain C locale that nobody insists on becomes C.UTF-8.
        (true, None) => Some("C.UTF-8".to_owned()),
        (true, Some(_)) => None,
    }
}

/// Whether the C library has the locale. Without its directory (musl) every name will do.
fn installed(machine: &Machine, name: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', '.'], "");
    if plain(name).starts_with("cutf8") || !machine.is_dir("/usr/lib/locale") {
        return true;
    }
    if machine.names_in("/usr/lib/locale").iter().any(|have| plain(have) == plain(name)) {
        return true;
    }
    let file = File::open(machine.path("/usr/lib/locale/locale-archive")).ok();
    file.and_then(|file| archive_names(&file)).is_some_and(|names| {
        names.split(|octet| *octet == 0).any(|have| plain(&String::from_utf8_lossy(have)) == plain(name))
    })
}

/// The table of names in glibc's archive: its offset and length are the 7th and 8th word of the header.
fn archive_names(file: &File) -> Option<Vec<u8>> {
    const MAX_LEN: usize = 0x40_0000;
    let mut header = [0_u8; 56];
    file.read_exact_at(&mut header, 0).ok()?;
    let word = |n: usize| Some(u32::from_ne_bytes(header.get(n * 4..n * 4 + 4)?.try_into().ok()?));
    let length = usize::try_from(word(6)?).ok()?.min(MAX_LEN);
    let mut names = vec![0; length];
    file.read_exact_at(&mut names, u64::from(word(5)?)).ok()?;
    Some(names)
}

/// Language and encoding in Python's spelling.
fn normalize(name: &str) -> (Option<String>, Option<String>) {
    let (code, modifier) =
        name.split_once('@').map_or((name, None), |(code, modifier)| (code, Some(modifier)));
    let (language, encoding) =
        code.split_once('.').map_or((code, None), |(language, encoding)| (language, Some(encoding)));
    let language = match language.to_lowercase().as_str() {
        // Python's table of aliases knows the C locale with an encoding as American English.
        "c" | "posix" => "en_US".to_owned(),
        _ => match language.split_once('_') {
            Some((language, country)) => format!("{}_{}", language.to_lowercase(), country.to_uppercase()),
            None => language.to_owned(),
        },
    };
    let encoding = match encoding {
        Some(encoding) => encoding_name(encoding),
        None if modifier == Some("euro") => "ISO8859-15".to_owned(),
        None => default_encoding(&language).to_owned(),
    };
    (Some(language), Some(encoding))
}

fn encoding_name(encoding: &str) -> String {
    let plain = encoding.to_lowercase().replace(['-', '_'], "");
    let known = [
        ("utf8", "UTF-8"),
        ("eucjp", "eucJP"),
        ("euckr", "eucKR"),
        ("euctw", "eucTW"),
        ("gb2312", "gb2312"),
        ("gbk", "GBK"),
        ("gb18030", "gb18030"),
        ("big5", "big5"),
        ("koi8r", "KOI8-R"),
        ("koi8u", "KOI8-U"),
        ("sjis", "SJIS"),
        ("tis620", "TIS-620"),
        ("cp1251", "CP1251"),
        ("cp1252", "CP1252"),
        ("cp1255", "CP1255"),
        ("cp1256", "CP1256"),
    ];
    if let Some((_, name)) = known.iter().find(|(known, _)| *known == plain) {
        return (*name).to_owned();
    }
    match plain.strip_prefix("iso8859") {
        Some(part) if !part.is_empty() => format!("ISO8859-{part}"),
        _ => encoding.to_owned(),
    }
}

/// The encoding of a language that is named without one.
fn default_encoding(language: &str) -> &'static str {
    match language.split('_').next().unwrap_or_default() {
        "ja" => "eucJP",
        "ko" => "eucKR",
        "zh" if language == "zh_TW" => "big5",
        "zh" => "gb2312",
        "ru" | "uk" if language == "uk_UA" => "KOI8-U",
        "ru" | "be" | "bg" | "mk" | "sr" => "UTF-8",
        "pl" | "cs" | "sk" | "hu" | "hr" | "ro" | "sl" | "bs" | "sq" => "ISO8859-2",
        "tr" => "ISO8859-9",
        "el" => "ISO8859-7",
        "he" => "ISO8859-8",
        "ar" => "ISO8859-6",
        "lt" | "lv" => "ISO8859-13",
        "th" => "ISO8859-11",
        _ => "ISO8859-1",
    }
}

/// The abbreviation of the zone now in force.
fn timezone() -> Value {
    let zone = crate::host::local_zone();
    if zone.is_unknown() {
        return "UTC".into();
    }
    zone.to_offset_info(jiff::Timestamp::now()).abbreviation().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;

    #[test]
    fn names_are_spelled_as_python_spells_them() {
        let check = |name, language: &str, encoding: &str| {
            assert_eq!(normalize(name), (Some(language.to_owned()), Some(encoding.to_owned())), "{name}");
        };
        check("C.UTF-8", "en_US", "UTF-8");
        check("de_DE.utf8", "de_DE", "UTF-8");
        check("en_GB.iso885915", "en_GB", "ISO8859-15");
        check("de_DE@euro", "de_DE", "ISO8859-15");
        check("fr_FR", "fr_FR", "ISO8859-1");
        check("ja_JP.eucJP", "ja_JP", "eucJP");
    }

    #[test]
    fn the_c_locale_is_utf8_unless_it_is_insisted_on() {
        let opts = Map::new();
        let check = |env: &[(&str, &str)], expected: Option<&str>| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let env = std::sync::Mutex::new(env.iter().map(owned).collect());
            let host = FakeHost { env, ..Default::default() };
            assert_eq!(in_effect(&Machine::here(&host, &opts)).as_deref(), expected);
        };
        check(&[], Some("C.UTF-8"));
        check(&[("LANG", "C")], Some("C.UTF-8"));
        check(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")], None);
        check(&[("LANG", "C.UTF-8")], Some("C.UTF-8"));
    }
}
