//! The numbers of syslog's facilities. RFC 5424, section 6.2.1; Python: logging/handlers.py (`SysLogHandler`).

/// Each at the place of its number.
const FACILITIES: &[&str] = &[
    "LOG_KERN",
    "LOG_USER",
    "LOG_MAIL",
    "LOG_DAEMON",
    "LOG_AUTH",
    "LOG_SYSLOG",
    "LOG_LPR",
    "LOG_NEWS",
    "LOG_UUCP",
    "LOG_CRON",
    "LOG_AUTHPRIV",
    "LOG_FTP",
    "LOG_NTP",
    "LOG_SECURITY",
    "LOG_CONSOLE",
    "LOG_SOLCRON",
    "LOG_LOCAL0",
    "LOG_LOCAL1",
    "LOG_LOCAL2",
    "LOG_LOCAL3",
    "LOG_LOCAL4",
    "LOG_LOCAL5",
    "LOG_LOCAL6",
    "LOG_LOCAL7",
];

/// `LOG_DAEMON` is 3.
pub fn syslog_facility(name: &str) -> Option<u8> {
    FACILITIES.iter().position(|known| *known == name).and_then(|place| u8::try_from(place).ok())
}
