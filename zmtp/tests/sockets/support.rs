//! What several of these tests need.

use std::time::Duration;

use bytes::Bytes;
use zmtp::{Endpoint, Message, Options};

/// Longer than anything here takes, also on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

pub fn anywhere() -> Endpoint {
    "tcp://127.0.0.1:0".parse().unwrap()
}

pub fn parts(parts: &[&'static str]) -> Message {
    Message::from_parts(parts.iter().map(|part| Bytes::from_static(part.as_bytes())).collect())
}

pub fn quick() -> Options {
    Options { reconnect_ivl: Some(Duration::from_millis(5)), ..Options::default() }
}

pub struct TempDir(pub std::path::PathBuf);

impl TempDir {
    pub fn new(name: &str) -> TempDir {
        let dir = std::env::temp_dir().join(format!("zmtp-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        TempDir(dir)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A name that no other test of this process has.
pub fn inproc(name: &str) -> Endpoint {
    format!("inproc://{name}").parse().unwrap()
}
