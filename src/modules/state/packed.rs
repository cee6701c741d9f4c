//! States that `salt-ssh` has packed into one archive. Salt: modules/state.py (`pkg`), client/ssh/state.py
//! (`prep_trans_tar`).
//!
//! ```text
//! lowstate.json         [chunk, …], in the order in which they run
//! pillar.json           laid over the pillar
//! roster_grains.json    the grains, in the place of the minion's own
//! <saltenv>/…           files of an environment
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::set_retcode;
use super::settings::Settings;
use crate::crypt::random;
use crate::loader::{Context, Fault};
use crate::value::{Map, Value, str_of};

/// An archive that is not there, has another hash, or leads out of its directory is no states.
pub(super) fn pkg(cx: &Context, mut kwargs: Map) -> Result<Value, Fault> {
    let mut taken = |name: &str| kwargs.remove(name).map(|value| str_of(&value)).unwrap_or_default();
    let (archive, sum, hash_type) = (taken("pkg_path"), taken("pkg_sum"), taken("hash_type"));
    if !Path::new(&archive).is_file() {
        return Ok(Map::new().into());
    }
    let found = cx.ask("file.get_hash", &[archive.as_str().into(), hash_type.into()])?;
    if str_of(&found) != sum {
        return Ok(Map::new().into());
    }
    let names = tar(cx, &["-tzf", &archive])?;
    if names.lines().any(|name| name.starts_with('/') || name.contains("../")) {
        return Ok(Map::new().into());
    }
    let random = u64::from_le_bytes(random::bytes());
    let directory = Unpacked(std::env::temp_dir().join(format!("__salt.tmp.{random:016x}")));
    let here = directory.0.to_string_lossy().into_owned();
    cx.ask_with("file.mkdir", &[here.as_str().into()], crate::map! { "mode" => "0700" })?;
    tar(cx, &["-xzf", &archive, "-C", &here])?;
    apply(cx, &directory.0, kwargs)
}

/// A directory that is gone when its user is done.
struct Unpacked(PathBuf);

impl Drop for Unpacked {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn tar(cx: &Context, words: &[&str]) -> Result<String, Fault> {
    let words: Vec<String> = std::iter::once("tar").chain(words.iter().copied()).map(str::to_owned).collect();
    let ran = cx.program(&words)?;
    if ran.ok() { Ok(ran.stdout) } else { Err(Fault::exception("tarfile.ReadError", ran.stderr)) }
}

fn read(path: &Path) -> Result<Option<Value>, Fault> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::os(&error, &path.to_string_lossy())),
    };
    let bad = |error| Fault::execution(format!("{}: {error}", path.display()));
    Value::from_json(&text).map(Some).map_err(bad)
}

fn apply(cx: &Context, root: &Path, mut kwargs: Map) -> Result<Value, Fault> {
    let low_file = root.join("lowstate.json");
    let missing = std::io::Error::from_raw_os_error(2);
    let low = read(&low_file)?.ok_or_else(|| Fault::os(&missing, &low_file.to_string_lossy()))?;
    let items = low.as_list().unwrap_or_default();
    let chunks: Vec<Map> = items.iter().filter_map(|chunk| chunk.as_map().cloned()).collect();
    if chunks.len() < items.len() || !matches!(low, Value::List(_)) {
        // Mistakes that were found where it was packed.
        return Ok(low);
    }
    // The pillar is the packed one, and nobody pauses the run by the job's name.
    for own in ["pillar", "pillar_enc", "__pub_jid"] {
        kwargs.remove(own);
    }
    if let Some(pillar @ Value::Map(_)) = read(&root.join("pillar.json"))? {
        kwargs.insert("pillar", pillar);
    }
    let mut settings = Settings::of_state(cx, &kwargs)?;
    if let Some(Value::Map(grains)) = read(&root.join("roster_grains.json"))? {
        settings.grains = Some(grains);
    }
    let mut roots = Map::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        let env = entry.file_name().to_string_lossy().into_owned();
        roots.insert(env, Value::list([entry.path().to_string_lossy().into_owned()]));
    }
    settings.opts.insert("file_client", "local");
    settings.opts.insert("file_roots", roots);
    settings.take_own_files(cx)?;
    let ret = settings.with_run(cx, |run| {
        let mut results = run.call_chunks(chunks.clone())?;
        run.call_listen(&chunks, &mut results)?;
        Ok::<Value, Fault>(results.into())
    })?;
    set_retcode(cx, &ret, None);
    Ok(ret)
}
