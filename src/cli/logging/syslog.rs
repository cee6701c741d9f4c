//! `log_file: file:///dev/log` and `udp://host:port/LOG_DAEMON`: logs to syslog. Salt: _logging/impl.py
//! (`setup_logfile_handler`); Python: logging/handlers.py (`SysLogHandler`).

use std::io;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::host::syslog_facility;
use crate::log::Level;

/// Where logs go.
#[derive(Debug)]
pub(super) struct Syslog {
    socket: Socket,
    facility: u8,
}

#[derive(Debug)]
enum Socket {
    Unix { socket: UnixDatagram, path: PathBuf },
    Udp(UdpSocket),
}

/// Why an address cannot be logged to.
#[derive(Debug, Error)]
pub(super) enum SyslogError {
    #[error("log_file {0:?}: syslog over TCP is not supported, use udp:// or a local syslog")]
    Tcp(String),
    #[error("The syslog facility '{0}' is not known")]
    Facility(String),
    #[error("log_file {0:?} is not the address of a syslog")]
    Address(String),
    #[error("Failed to setup the Syslog logging handler: {0}")]
    Io(#[from] io::Error),
}

const DEFAULT_PORT: u16 = 514;

impl Syslog {
    /// The syslog that a `log_file` names, or `None` where it is the path of a file.
    ///
    /// # Errors
    /// When there is no such facility or address, or it cannot be reached.
    pub fn of(log_file: &str) -> Result<Option<Self>, SyslogError> {
        let Some((scheme, rest)) = log_file.split_once("://") else { return Ok(None) };
        match scheme {
            "file" => {
                let path = Path::new(rest);
                let last = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_uppercase();
                let (path, facility) = match (last.starts_with("LOG_"), path.parent()) {
                    (true, Some(parent)) => (parent, last.as_str()),
                    _ => (path, "LOG_USER"),
                };
                let facility = facility_of(facility)?;
                let socket = UnixDatagram::unbound()?;
                socket.set_nonblocking(true)?;
                let socket = Socket::Unix { socket, path: path.to_owned() };
                Ok(Some(Syslog { socket, facility }))
            }
            "udp" => {
                let (address, facility) = rest.split_once('/').unwrap_or((rest, ""));
                let facility =
                    if facility.is_empty() { "LOG_USER".to_owned() } else { facility.to_uppercase() };
                let facility = facility_of(&facility)?;
                let (host, port) = crate::config::parse_host_port(address)
                    .map_err(|_| SyslogError::Address(log_file.to_owned()))?;
                let any = if host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect((host.as_str(), port.unwrap_or(DEFAULT_PORT)))?;
                socket.set_nonblocking(true)?;
                Ok(Some(Syslog { socket: Socket::Udp(socket), facility }))
            }
            "tcp" => Err(SyslogError::Tcp(log_file.to_owned())),
            _ => Err(SyslogError::Address(log_file.to_owned())),
        }
    }

    /// Whether there is no such socket on this machine (yet).
    pub fn is_missing(&self) -> bool {
        matches!(&self.socket, Socket::Unix { path, .. } if !path.exists())
    }

    /// Sends a line. What cannot be sent at once is lost.
    pub fn write(&self, level: Level, line: &str) {
        let datagram = datagram(self.facility, level, line);
        let _ = match &self.socket {
            Socket::Unix { socket, path } => socket.send_to(&datagram, path),
            Socket::Udp(socket) => socket.send(&datagram),
        };
    }
}

/// `<facility * 8 + severity>`, the line, NUL.
fn datagram(facility: u8, level: Level, line: &str) -> Vec<u8> {
    let severity = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    format!("<{}>{line}\0", u32::from(facility) * 8 + severity).into_bytes()
}

fn facility_of(name: &str) -> Result<u8, SyslogError> {
    syslog_facility(name).ok_or_else(|| SyslogError::Facility(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_syslog_gets_facility_and_severity() {
        let path = std::env::temp_dir().join(format!("halite-syslog-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixDatagram::bind(&path).expect("a socket");
        let address = format!("file://{}/LOG_DAEMON", path.display());
        let syslog = Syslog::of(&address).expect("an address").expect("a syslog");
        syslog.write(Level::Warn, "[WARNING ] hot");
        let mut buffer = [0; 64];
        let length = listener.recv(&mut buffer).expect("a datagram");
        assert_eq!(&buffer[..length], b"<28>[WARNING ] hot\0");
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn addresses_that_are_none_are_told() {
        assert!(Syslog::of("/var/log/salt/minion").expect("a path").is_none());
        let error = |address: &str| Syslog::of(address).expect_err("an error").to_string();
        assert!(error("tcp://localhost:514").contains("not supported"));
        assert_eq!(error("udp://localhost/LOG_NOPE"), "The syslog facility 'LOG_NOPE' is not known");
        assert!(error("http://x").contains("not the address"));
    }
}
