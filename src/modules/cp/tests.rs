//! `cp.*` against what Salt 3006.25 returned (`tests/golden/modules/cp.json`, made by `record_cp.py` beside it), with
//! a file server that is a directory; and pushes to a master that keeps what it gets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::url::parse;
use crate::crypt::HashType;
use crate::host::RealHost;
use crate::loader::{Call, Context, Fault, FileClient, HashOf, MinionServices, Nowhere, Registry, Scope};
use crate::map;
use crate::value::{Map, Value};

const GOLDEN: &str = include_str!("../../../tests/golden/modules/cp.json");

/// A file server that is a directory, and a master that takes files.
struct Server {
    root: PathBuf,
    pushed: Mutex<Vec<Map>>,
}

impl Server {
    fn roots(&self, saltenv: &str) -> PathBuf {
        self.root.join(if saltenv == "dev" { "roots/dir" } else { "roots" })
    }

    fn walk(&self, saltenv: &str, wanted: impl Fn(&Path) -> bool) -> Vec<String> {
        fn walk(directory: &Path, all: &mut BTreeSet<PathBuf>) {
            for entry in fs::read_dir(directory).expect("a directory").flatten() {
                all.insert(entry.path());
                if entry.path().is_dir() {
                    walk(&entry.path(), all);
                }
            }
        }
        let (root, mut all) = (self.roots(saltenv), BTreeSet::new());
        walk(&root, &mut all);
        let relative =
            |path: &PathBuf| path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
        all.iter().filter(|path| wanted(path)).map(relative).collect()
    }

    fn place(&self, path: &str, saltenv: &str) -> PathBuf {
        match parse(path) {
            Some((path, _)) => self.roots(saltenv).join(path),
            None => PathBuf::from(path),
        }
    }
}

fn starting(prefix: &str, files: Vec<String>) -> Result<Vec<String>, Fault> {
    Ok(files.into_iter().filter(|file| file.starts_with(prefix)).collect())
}

impl FileClient for Server {
    fn envs(&self) -> Result<Vec<String>, Fault> {
        Ok(vec!["base".to_owned(), "dev".to_owned()])
    }

    fn file_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        starting(prefix, self.walk(saltenv, Path::is_file))
    }

    fn dir_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        starting(prefix, self.walk(saltenv, Path::is_dir))
    }

    fn file_list_emptydirs(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, Fault> {
        let empty = |path: &Path| path.is_dir() && fs::read_dir(path).is_ok_and(|mut it| it.next().is_none());
        starting(prefix, self.walk(saltenv, empty))
    }

    fn symlink_list(&self, _: &str, _: &str) -> Result<Map, Fault> {
        Ok(map! { "link" => "a.txt" })
    }

    fn hash_file(&self, path: &str, saltenv: &str) -> Result<Option<HashOf>, Fault> {
        let octets = fs::read(self.place(path, saltenv)).ok();
        Ok(octets.map(|octets| HashOf { hash_type: "sha256".to_owned(), hsum: HashType::Sha256.hex(octets) }))
    }

    fn mode_of(&self, path: &str, saltenv: &str) -> Result<Option<u32>, Fault> {
        use std::os::unix::fs::MetadataExt;
        Ok(fs::metadata(self.place(path, saltenv)).ok().map(|metadata| metadata.mode()))
    }

    fn get_url(
        &self,
        url: &str,
        saltenv: &str,
        dest: Option<&Path>,
        makedirs: bool,
    ) -> Result<Option<PathBuf>, Fault> {
        let relative = parse(url).expect("a salt:// URL").0;
        let Ok(octets) = fs::read(self.place(url, saltenv)) else { return Ok(None) };
        let place = match dest {
            None => self.cache_dir(saltenv).join(relative),
            Some(dest) if dest.is_dir() || dest.to_string_lossy().ends_with('/') => {
                dest.join(relative.rsplit('/').next().expect("a name"))
            }
            Some(dest) => dest.to_owned(),
        };
        let directory = place.parent().expect("a directory");
        if !directory.is_dir() && dest.is_some() && !makedirs {
            return Ok(None);
        }
        fs::create_dir_all(directory)?;
        fs::write(&place, octets)?;
        Ok(Some(place))
    }

    fn cache_dir(&self, saltenv: &str) -> PathBuf {
        self.root.join("below/var/cache/salt/minion/files").join(saltenv)
    }
}

impl MinionServices for Server {
    fn request(&self, load: Map, _: Duration) -> Result<Value, Fault> {
        let small = load.get("size").and_then(Value::as_int).is_some_and(|size| size < 1000);
        self.pushed.lock().expect("not poisoned").push(load);
        Ok(Value::Bool(small))
    }

    fn fire(&self, _: &str, _: Map) -> Result<(), Fault> {
        Ok(())
    }

    fn files(&self) -> &dyn FileClient {
        self
    }

    fn compile_pillar(&self, _: Option<&str>, _: Option<&str>, _: &Map) -> Result<Map, Fault> {
        Ok(Map::new())
    }
}

/// Calls functions one after the other in a directory of their own.
fn in_a_directory(name: &str, test: impl FnOnce(&Context, &Server)) {
    let root = std::env::temp_dir().join(format!("halite-cp-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).expect("a directory");
    let server = Server { root: root.clone(), pushed: Mutex::default() };
    let cachedir = root.join("below/var/cache/salt/minion");
    let opts =
        map! { "id" => "web1", "cachedir" => cachedir.to_string_lossy().as_ref(), "file_buffer_size" => 4 };
    let (registry, empty) = (Registry::new(&[&[&super::MODULE]]), Map::new());
    test(
        &Context::new(Scope {
            opts: &opts,
            grains: (&empty).into(),
            pillar: (&empty).into(),
            published: &empty,
            registry: &registry,
            host: &RealHost,
            minion: &server,
            master: &Nowhere,
        }),
        &server,
    );
    fs::remove_dir_all(&root).expect("removed");
}

#[test]
fn functions_return_what_salt_returns() {
    in_a_directory("golden", |cx, server| {
        let text = GOLDEN.replace("@ROOT@", &server.root.to_string_lossy());
        let golden = Value::from_json(&text).expect("JSON");
        for directory in golden.get("directories").and_then(Value::as_list).expect("directories") {
            fs::create_dir_all(server.root.join(directory.as_str().expect("text"))).expect("made");
        }
        for (name, text) in golden.get("files").and_then(Value::as_map).expect("files") {
            let path = server.root.join(name.as_str().expect("text"));
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(&path, text.as_str().expect("text")).expect("written");
        }
        let cases = golden.get("cases").and_then(Value::as_list).expect("cases");
        assert!(cases.len() > 90);
        for case in cases {
            let fun = case.get("fun").and_then(Value::as_str).expect("a name");
            let args = case.get("args").and_then(Value::as_list).expect("arguments").to_vec();
            let kwargs = case.get("kwargs").and_then(Value::as_map).expect("arguments").clone();
            let returned = cx.call(fun, Call { args: args.clone(), kwargs });
            let shown = format!("{fun} {args:?}");
            match (returned, case.get("ret"), case.get("error").and_then(|error| error.get("text"))) {
                (Ok(value), Some(expected), _) => assert_eq!(&value, expected, "{shown}"),
                (Err(Fault::Exception { text, .. }), _, Some(expected)) => {
                    assert_eq!(Some(text.as_str()), expected.as_str(), "{shown}");
                }
                (Err(fault), _, Some(expected)) => {
                    assert_eq!(Some(fault.to_string().as_str()), expected.as_str(), "{shown}");
                }
                (returned, expected, error) => panic!("{shown}: {returned:?}, not {expected:?} {error:?}"),
            }
        }
    });
}

#[test]
fn files_are_pushed_in_parts() {
    in_a_directory("push", |cx, server| {
        let path = server.root.join("file");
        fs::write(&path, "0123456789").expect("written");
        let call = |path: &Path, more: Map| {
            let args = vec![Value::text(path.to_string_lossy())];
            cx.call("cp.push", Call { args, kwargs: more }).expect("returns")
        };
        assert_eq!(call(&path, map! { "upload_path" => "/a/./b" }), Value::Bool(true));
        let pushed = std::mem::take(&mut *server.pushed.lock().expect("not poisoned"));
        let parts: Vec<_> = pushed.iter().map(|load| (load.get("loc"), load.get("data"))).collect();
        let part = |octets: &'static [u8]| Value::from(bytes::Bytes::from_static(octets));
        assert_eq!(
            parts,
            [
                (Some(&Value::Int(0)), Some(&part(b"0123"))),
                (Some(&Value::Int(4)), Some(&part(b"4567"))),
                (Some(&Value::Int(8)), Some(&part(b"89"))),
            ]
        );
        assert_eq!(pushed[0].get("path"), Some(&Value::list(["a", "b"])));
        assert_eq!(pushed[0].str("cmd"), Some("_file_recv"));
        // An empty file is one empty part; a file that the master does not want is refused.
        fs::write(&path, "").expect("written");
        assert_eq!(call(&path, map! { "remove_source" => true }), Value::Bool(true));
        assert_eq!(server.pushed.lock().expect("not poisoned").len(), 1);
        assert!(!path.exists());
        fs::write(&path, [0; 2000]).expect("written");
        assert_eq!(call(&path, map! {}), Value::Bool(false));
        assert!(path.exists());
    });
}
