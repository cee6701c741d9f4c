//! The parts of URLs that Salt asks for. CPython: Lib/urllib/parse.py.

/// `urllib.parse.urlparse(url).scheme`.
pub fn url_scheme(url: &str) -> String {
    let Some((scheme, _)) = url.split_once(':') else { return String::new() };
    let letters = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    if letters { scheme.to_ascii_lowercase() } else { String::new() }
}

/// Whether files of that scheme come from other machines, and not from the master.
pub fn is_remote_scheme(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ftp" | "swift" | "s3")
}

/// A URL without its password, as it may be shown.
pub fn redacted_url(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) if matches!(scheme, "http" | "https") => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://<redacted>@{host}"),
            None => url.to_owned(),
        },
        _ => url.to_owned(),
    }
}
