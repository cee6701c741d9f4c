//! `gpg`: secrets in texts and data, opened with the gpg program. Salt: renderers/gpg.py.

use std::path::PathBuf;

use super::RenderError;
use crate::host::{Command, which};
use crate::loader::Context;
use crate::value::{Map, Value, repr};

const BEGIN: &str = "-----BEGIN PGP MESSAGE-----";
const END: &str = "-----END PGP MESSAGE-----";

/// Every PGP message in texts of `value`, also inside lists and maps, becomes what it hides; a text that held one
/// loses the line ends at its end.
///
/// # Errors
/// When there is no gpg program, or a message cannot be opened and `gpg_decrypt_must_succeed` is set.
pub fn decrypt(cx: &Context, value: Value) -> Result<Value, RenderError> {
    let path = cx.host.env("PATH").unwrap_or_default();
    let gpg = which("gpg", &path).ok_or_else(|| RenderError::Gpg("GPG unavailable".to_owned()))?;
    Gpg { cx, program: gpg.to_string_lossy().into_owned(), home: key_directory(cx.opts) }.open(value)
}

/// `gpg_keydir`, or `gpgkeys` beside the configuration.
fn key_directory(opts: &Map) -> String {
    if let Some(directory) = opts.str("gpg_keydir").filter(|directory| !directory.is_empty()) {
        return directory.to_owned();
    }
    let beside = opts.str("conf_file").and_then(|file| PathBuf::from(file).parent().map(PathBuf::from));
    let config = opts.str("config_dir").map(PathBuf::from).or(beside);
    config.unwrap_or_else(|| "/etc/salt".into()).join("gpgkeys").to_string_lossy().into_owned()
}

struct Gpg<'a, 'c> {
    cx: &'a Context<'c>,
    program: String,
    home: String,
}

impl Gpg<'_, '_> {
    fn open(&self, value: Value) -> Result<Value, RenderError> {
        Ok(match value {
            Value::Text(text) => self.open_text(text)?,
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.open(item)).collect::<Result<_, _>>()?)
            }
            Value::Map(map) => {
                let mut opened = Map::with_capacity(map.len());
                for (key, value) in map {
                    opened.insert(key, self.open(value)?);
                }
                opened.into()
            }
            other => other,
        })
    }

    fn open_text(&self, text: String) -> Result<Value, RenderError> {
        let mut opened: Vec<u8> = Vec::new();
        let mut rest = text.as_str();
        let mut found = false;
        while let Some((before, message)) = rest.find(BEGIN).map(|at| rest.split_at(at))
            && let Some(end) = message.find(END)
        {
            let (message, after) = message.split_at(end + END.len());
            opened.extend_from_slice(before.as_bytes());
            opened.append(&mut self.open_message(message)?);
            (rest, found) = (after, true);
        }
        if !found {
            return Ok(Value::Text(text));
        }
        opened.extend_from_slice(rest.as_bytes());
        while opened.last() == Some(&b'\n') {
            opened.pop();
        }
        Ok(match String::from_utf8(opened) {
            Ok(text) => Value::Text(text),
            Err(error) => Value::Bytes(error.into_bytes().into()),
        })
    }

    fn open_message(&self, message: &str) -> Result<Vec<u8>, RenderError> {
        let message = message.replace("\\n", "\n");
        let args = ["--homedir", &self.home, "--status-fd", "2", "--no-tty", "-d"];
        let mut command = Command::new(self.program.clone(), args);
        command.stdin = Some(message.clone().into_bytes());
        let output = self.cx.host.run(&command).map_err(|error| RenderError::Gpg(format!("gpg: {error}")))?;
        if !output.stdout.is_empty() {
            if let Ok(secret) = std::str::from_utf8(&output.stdout) {
                self.cx.note_secret(secret.trim_end_matches('\n'));
            }
            return Ok(output.stdout);
        }
        let bytes = |octets: &[u8]| repr(&Value::Bytes(octets.to_vec().into()));
        let text = format!(
            "Could not decrypt cipher {}, received: {}",
            bytes(message.as_bytes()),
            bytes(&output.stderr)
        );
        if self.cx.opts.get("gpg_decrypt_must_succeed").is_some_and(Value::truthy) {
            return Err(RenderError::Gpg(text));
        }
        // The key may be there next time.
        self.cx.set_changeable();
        crate::log::warn!(keys = self.home, "a PGP message could not be decrypted: it stays as it is");
        Ok(message.into_bytes())
    }
}
