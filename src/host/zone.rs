//! The time zone of the machine, read from one file. Finding it by name would list the whole zone database, which is
//! most of what a short-lived program does.

use std::sync::OnceLock;

use jiff::Zoned;
use jiff::tz::TimeZone;

/// The zone that `/etc/localtime` holds, or what the variable `TZ` says. Read once.
pub fn local_zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| {
        if std::env::var_os("TZ").is_some_and(|zone| !zone.is_empty()) {
            return TimeZone::system();
        }
        let octets = std::fs::read("/etc/localtime").unwrap_or_default();
        TimeZone::tzif("Local", &octets).unwrap_or_else(|_| TimeZone::system())
    })
    .clone()
}

/// The time here.
pub fn local_now() -> Zoned {
    jiff::Timestamp::now().to_zoned(local_zone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_of_the_file_is_the_zone_of_the_system() {
        let now = jiff::Timestamp::now();
        assert_eq!(local_zone().to_offset(now), TimeZone::system().to_offset(now));
    }
}
