//! `locale`: languages of the system. Salt: modules/localemod.py, utils/locales.py.

use std::path::Path;

use crate::loader::{Args, Context, Fault, Function, Module, always, keywords, req};
use crate::map;
use crate::value::{Map, Value, str_of};

pub(super) static MODULE: Module = Module {
    file: "localemod",
    provides: "locale",
    available: always,
    functions: &[
        Function::new("avail", &[req("locale")], "Whether a locale has been made.", |cx, args| {
            let wanted = normal(&args.str("locale")?);
            let all = cx.ask("locale.list_avail", &[])?;
            Ok(all
                .as_list()
                .unwrap_or_default()
                .iter()
                .any(|one| normal(str_of(one).trim()) == wanted)
                .into())
        }),
        Function::new(
            "gen_locale",
            &[req("locale"), keywords("kwargs")],
            "Makes a locale: whether it worked.",
            gen_locale,
        ),
        Function::new("get_locale", &[], "The locale of the system.", |cx, _| {
            get_locale(cx).map(Value::Text)
        }),
        Function::new("list_avail", &[], "Every locale that has been made.", |cx, _| {
            Ok(Value::list(str_of(&cx.ask("cmd.run", &["locale -a".into()])?).split('\n')))
        }),
        Function::new("set_locale", &[req("locale")], "Sets the locale of the system. True.", |cx, args| {
            set_locale(cx, &args.str("locale")?)
        }),
    ],
};

/// `language_territory.codeset@modifier charmap`; parts that are not there are empty.
#[derive(Debug, Default, PartialEq)]
struct Locale {
    language: String,
    territory: String,
    codeset: String,
    modifier: String,
    charmap: String,
}

impl Locale {
    fn of(text: &str) -> Self {
        let (rest, charmap) = text.split_once(' ').unwrap_or((text, ""));
        let (rest, modifier) = rest.split_once('@').unwrap_or((rest, ""));
        let (rest, codeset) = rest.split_once('.').unwrap_or((rest, ""));
        let (language, territory) = rest.split_once('_').unwrap_or((rest, ""));
        let [language, territory, codeset, modifier, charmap] =
            [language, territory, codeset, modifier, charmap].map(str::to_owned);
        Locale { language, territory, codeset, modifier, charmap }
    }

    fn text(&self) -> String {
        let mut text = self.language.clone();
        let parts =
            [("_", &self.territory), (".", &self.codeset), ("@", &self.modifier), (" ", &self.charmap)];
        for (mark, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            text += mark;
            text += part;
        }
        text
    }
}

/// Letters and digits of the codeset in lower case, without charmap.
fn normal(text: &str) -> String {
    let mut locale = Locale::of(text);
    locale.charmap.clear();
    locale.codeset =
        locale.codeset.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    locale.text()
}

fn booted(cx: &Context) -> bool {
    let told = cx.memory.borrow().get("systemd.booted").and_then(Value::as_bool);
    told.unwrap_or_else(|| Path::new("/run/systemd/system").is_dir())
}

/// `{system_locale: {LANG …}, …}` as `localectl` shows it.
fn status(cx: &Context) -> Result<Map, Fault> {
    if cx.which("localectl").is_none() {
        return Err(Fault::execution("Unable to find \"localectl\""));
    }
    let said = str_of(&cx.ask("cmd.run", &["localectl status".into()])?);
    if said.contains("Failed to connect to bus: No such file or directory") {
        return Err(Fault::execution("Command \"localectl\" is in a degraded state."));
    }
    let (mut found, mut key) = (Map::new(), String::new());
    for line in said.trim().lines() {
        let data = match line.split_once(": ") {
            Some((head, data)) => {
                key = head.trim().to_lowercase().replace(' ', "_");
                data
            }
            None => line.trim(),
        };
        if key.is_empty() || data.is_empty() {
            continue;
        }
        if let Value::Map(inner) = found.entry(key.as_str(), || Map::new().into()) {
            match data.split_once('=') {
                Some((name, value)) => inner.insert(name, value),
                None => inner.insert("data", (data != "n/a").then_some(data)),
            };
        }
    }
    if found.is_empty() {
        return Err(Fault::execution("Unable to parse result of \"localectl\""));
    }
    Ok(found)
}

/// Where families of systems without systemd keep the locale, and the name of the option.
fn place(cx: &Context) -> Result<(&'static str, &'static str), Fault> {
    let family = cx.grain("os_family");
    let places = [
        ("Suse", "/etc/sysconfig/language", "RC_LANG"),
        ("RedHat", "/etc/sysconfig/i18n", "LANG"),
        ("Debian", "/etc/default/locale", "LANG"),
    ];
    let found = places.into_iter().find(|(name, ..)| family.contains(name)).map(|(_, file, key)| (file, key));
    found.ok_or_else(|| Fault::execution(format!("Error: \"{}\" is unsupported!", cx.grain("oscodename"))))
}

fn get_locale(cx: &Context) -> Result<String, Fault> {
    if booted(cx) {
        let status = status(cx)?;
        return Ok(status
            .get("system_locale")
            .and_then(|map| map.get("LANG"))
            .map(str_of)
            .unwrap_or_default());
    }
    let (file, key) = place(cx)?;
    let said = str_of(&cx.ask("cmd.run", &[format!("grep \"^{key}=\" {file}").into()])?);
    Ok(said.split('=').nth(1).unwrap_or_default().replace('"', ""))
}

fn set_line(cx: &Context, file: &str, key: &str, line: &str) -> Result<(), Fault> {
    if !cx.ask("file.file_exists", &[file.into()])?.truthy() {
        cx.ask("file.touch", &[file.into()])?;
    }
    let asked = [file.into(), format!("^{key}=.*").into(), line.into()];
    cx.ask_with("file.replace", &asked, map! { "append_if_not_found" => true }).map(|_| ())
}

fn set_locale(cx: &Context, locale: &str) -> Result<Value, Fault> {
    if booted(cx) {
        let mut params =
            status(cx)?.remove("system_locale").unwrap_or_default().as_map().cloned().unwrap_or_default();
        params.insert("LANG", locale);
        let mut words = vec!["localectl".to_owned(), "set-locale".to_owned()];
        let own = params.iter().filter(|(_, value)| !value.is_null());
        words.extend(own.map(|(key, value)| format!("{}={}", str_of(key), str_of(value))));
        if !cx.program(&words)?.ok() {
            set_line(cx, "/etc/locale.conf", "LANG", &format!("LANG={locale}"))?;
        }
        return Ok(true.into());
    }
    let (file, key) = place(cx)?;
    if cx.grain("os_family") == "Debian" {
        let program = cx
            .which("update-locale")
            .ok_or_else(|| Fault::execution("Cannot set locale: \"update-locale\" was not found."))?;
        cx.ask("cmd.run", &[program.into()])?;
    }
    set_line(cx, file, key, &format!("{key}=\"{locale}\""))?;
    Ok(true.into())
}

fn gen_locale(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut locale = args.str("locale")?;
    let (os, family) = (cx.grain("os"), cx.grain("os_family"));
    let ubuntu = os == "Ubuntu";
    let mut info = Locale::of(&locale);
    let search = format!("{}_{}", info.language, info.territory);
    if info.charmap.is_empty() && !ubuntu {
        info.charmap.clone_from(&info.codeset);
        locale = info.text();
    }
    let valid = if os == "Debian" || family == "Gentoo" {
        let asked = ["/usr/share/i18n/SUPPORTED".into(), format!("^{locale}$").into()];
        cx.ask_with("file.search", &asked, map! { "flags" => 8 })?.truthy()
    } else {
        let known = if family == "Suse" { "/usr/share/locale" } else { "/usr/share/i18n/locales" };
        if !Path::new(known).is_dir() {
            return Err(Fault::execution(format!("Locale \"{locale}\" is not available.")));
        }
        Path::new(known).join(&search).exists()
    };
    if !valid {
        crate::log::error!(locale, "the locale is not listed as valid");
        return Ok(false.into());
    }
    if Path::new("/etc/locale.gen").exists() {
        let asked = [
            "/etc/locale.gen".into(),
            format!("^\\s*#\\s*{locale}\\s*$").into(),
            format!("{locale}\n").into(),
        ];
        cx.ask_with("file.replace", &asked, map! { "append_if_not_found" => true })?;
    } else if ubuntu {
        let path = format!("/var/lib/locales/supported.d/{}", info.language);
        cx.ask("file.touch", &[path.as_str().into()])?;
        let asked = [path.into(), locale.as_str().into(), locale.as_str().into()];
        cx.ask_with("file.replace", &asked, map! { "append_if_not_found" => true })?;
    }
    let verbose = args.keywords.get("verbose").is_some_and(Value::truthy);
    let words: Vec<String> = if cx.which("locale-gen").is_some() {
        let generate = (family == "Gentoo").then(|| "--generate".to_owned());
        let name = if ubuntu { normal(&locale) } else { locale };
        std::iter::once("locale-gen".to_owned()).chain(generate).chain([name]).collect()
    } else if cx.which("localedef").is_some() {
        let loud = if verbose { "--verbose" } else { "--quiet" };
        let name = format!("{search}.{}", info.codeset);
        ["localedef", "--force", "-i", &search, "-f", &info.codeset, &name, loud].map(str::to_owned).to_vec()
    } else {
        return Err(Fault::execution(
            "Command \"locale-gen\" or \"localedef\" was not found on this system.",
        ));
    };
    let ran = cx.ask("cmd.run_all", &[Value::list(words)])?;
    let failed = ran.get("retcode").is_some_and(Value::truthy);
    Ok(if verbose { ran } else { (!failed).into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_compared_without_the_spelling_of_their_codeset() {
        assert_eq!(normal("de_DE.UTF-8 UTF-8"), "de_DE.utf8");
        assert_eq!(normal("de_DE@euro"), "de_DE@euro");
        assert_eq!(normal("C"), "C");
        assert_eq!(Locale::of("de_DE.UTF-8@x y").text(), "de_DE.UTF-8@x y");
    }
}
