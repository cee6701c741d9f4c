//! Paths with `/` as `posixpath` treats them, without a look at any disk.

/// `posixpath.normpath`
pub(in super::super) fn normalise(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let slashes = match path.bytes().take_while(|b| *b == b'/').count() {
        0 => 0,
        2 => 2,
        _ => 1,
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if parts.is_empty() && slashes > 0 => {}
            part => parts.push(part),
        }
    }
    let out = format!("{}{}", "/".repeat(slashes), parts.join("/"));
    if out.is_empty() { ".".into() } else { out }
}

/// `posixpath.dirname`
pub(in super::super) fn directory(path: &str) -> &str {
    let head = &path[..path.rfind('/').map_or(0, |at| at + 1)];
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }
}
