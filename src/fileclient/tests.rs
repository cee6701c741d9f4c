//! The file client against a file server in memory and a web server of a few lines.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;

use super::*;

/// Files by path; remembers the commands it was asked.
#[derive(Default)]
struct Memory {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
    /// Octets of each chunk.
    chunk: usize,
    /// Answers a hash that no file has.
    lies: bool,
    /// How many requests came together.
    together: Mutex<Vec<usize>>,
}

impl Source for Memory {
    fn ask_together(&self, loads: Vec<Map>) -> Result<Vec<Value>, Fault> {
        self.together.lock().expect("free").push(loads.len());
        loads.into_iter().map(|load| self.ask(load)).collect()
    }

    fn ask(&self, load: Map) -> Result<Value, Fault> {
        let cmd = load.str("cmd").expect("a command").to_owned();
        self.asked.lock().expect("free").push(cmd.clone());
        let files = self.files.lock().expect("free");
        let file = load.str("path").and_then(|path| files.get(path));
        Ok(match (cmd.as_str(), file) {
            ("_file_envs", _) => Value::list(["base"]),
            ("_file_list", _) => Value::list(files.keys()),
            ("_file_hash", None) => "".into(),
            ("_file_hash", Some(file)) => {
                let hsum = if self.lies { "00".to_owned() } else { HashType::Sha256.hex(file) };
                map! { "hash_type" => "sha256", "hsum" => hsum }.into()
            }
            ("_file_find", Some(file)) => {
                map! { "path" => "/srv/x", "rel" => "x", "back" => "roots", "stat" => stat(file) }.into()
            }
            ("_file_hash_and_stat", None) => Value::List(vec!["".into(), Value::Null]),
            ("_file_hash_and_stat", Some(file)) => {
                let hsum = if self.lies { "00".to_owned() } else { HashType::Sha256.hex(file) };
                Value::List(vec![map! { "hash_type" => "sha256", "hsum" => hsum }.into(), stat(file)])
            }
            ("_serve_file", Some(file)) => {
                let loc = load.get("loc").and_then(Value::as_int).expect("loc") as usize;
                let end = file.len().min(loc + self.chunk);
                let mut data = file.get(loc..end).unwrap_or_default().to_vec();
                if let Some(level) = load.get("gzip").and_then(Value::as_int).filter(|_| !data.is_empty()) {
                    let level = flate2::Compression::new(u32::try_from(level).expect("a level"));
                    let mut packed = flate2::write::GzEncoder::new(Vec::new(), level);
                    packed.write_all(&data).expect("packed");
                    data = packed.finish().expect("packed");
                    let data = Value::Bytes(data.into());
                    return Ok(map! { "data" => data, "dest" => "x", "gzip" => 5 }.into());
                }
                map! { "data" => Value::Bytes(data.into()), "dest" => "x" }.into()
            }
            _ => map! { "path" => "", "rel" => "" }.into(),
        })
    }
}

fn stat(file: &[u8]) -> Value {
    Value::list([0o100_644, 0, 0, 1, 0, 0, file.len() as i64, 0, 0, 0])
}

struct Bench {
    memory: Arc<Memory>,
    files: Files,
    root: PathBuf,
}

fn bench(name: &str, memory: Memory) -> Bench {
    let root = std::env::temp_dir().join(format!("halite-files-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).expect("made");
    let memory = Arc::new(memory);
    let files = Files::new(memory.clone(), &root.join("cache"), HashType::Sha256);
    Bench { memory, files, root }
}

impl Bench {
    fn serve_file(&self, path: &str, content: &[u8]) {
        self.memory.files.lock().expect("free").insert(path.to_owned(), content.to_owned());
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.memory.asked.lock().expect("free"))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[test]
fn a_file_is_fetched_in_chunks_into_the_cache_and_only_once() {
    let bench = bench("cache", Memory { chunk: 4, ..Memory::default() });
    bench.serve_file("a/b.txt", b"0123456789");
    let path = bench.files.get_url("salt://a/b.txt", "base", None, false).expect("fetched").expect("there");
    assert_eq!(path, bench.root.join("cache/files/base/a/b.txt"));
    assert_eq!(fs::read(&path).expect("read"), b"0123456789");
    let serve = "_serve_file";
    assert_eq!(bench.asked(), ["_file_hash_and_stat", serve, serve, serve]);
    bench.files.get_url("salt://a/b.txt", "base", None, false).expect("cached");
    assert_eq!(bench.asked(), ["_file_hash_and_stat"]);
    assert_eq!(fs::read_dir(path.parent().expect("a parent")).expect("listed").count(), 1, "no rests");
}

#[test]
fn the_chunks_of_a_large_file_are_asked_for_together() {
    let bench = bench("ahead", Memory { chunk: 10, ..Memory::default() });
    let content: Vec<u8> = (0..95).collect();
    bench.serve_file("large", &content);
    let path = bench.files.get_url("salt://large", "base", None, false).expect("fetched").expect("there");
    assert_eq!(fs::read(&path).expect("read"), content);
    // The first chunk tells how long they are.
    assert_eq!(*bench.memory.together.lock().expect("free"), [2, 4, 4]);
    assert_eq!(bench.asked().iter().filter(|cmd| *cmd == "_serve_file").count(), 1 + 4 + 4 + 1);
}

#[test]
fn a_master_that_is_asked_to_compress_is_understood() {
    let bench = bench("gzip", Memory { chunk: 4, ..Memory::default() });
    bench.serve_file("b.txt", b"0123456789");
    let dest = bench.root.join("dest");
    let got = bench.files.get_zipped("salt://b.txt", "base", &dest, false, Some(5)).expect("fetched");
    assert_eq!(got.as_deref(), Some(dest.as_path()));
    assert_eq!(fs::read(&dest).expect("read"), b"0123456789");
}

#[test]
fn a_destination_may_be_a_file_or_a_directory_but_must_have_a_place() {
    let bench = bench("dest", Memory { chunk: 100, ..Memory::default() });
    bench.serve_file("b.txt", b"text");
    let get = |dest: &Path, makedirs| {
        bench.files.get_url("salt://b.txt", "base", Some(dest), makedirs).expect("fetched")
    };
    assert_eq!(get(&bench.root, false), Some(bench.root.join("b.txt")));
    let deep = bench.root.join("x/y/z");
    assert_eq!(get(&deep, false), None);
    assert_eq!(get(&deep, true), Some(deep.clone()));
    assert_eq!(fs::read(&deep).expect("read"), b"text");
    assert_eq!(bench.files.get_url("salt://no/such", "base", None, false).expect("asked"), None);
}

#[test]
fn a_file_with_a_wrong_hash_never_takes_the_place_of_a_good_one() {
    let bench = bench("hash", Memory { chunk: 100, lies: true, ..Memory::default() });
    bench.serve_file("b.txt", b"new");
    let dest = bench.root.join("b.txt");
    fs::write(&dest, "old").expect("written");
    let fault = bench.files.get_url("salt://b.txt", "base", Some(&dest), false).expect_err("wrong");
    assert!(fault.to_string().contains("Bad download of file b.txt"), "{fault}");
    assert_eq!(fs::read(&dest).expect("read"), b"old");
    assert_eq!(fs::read_dir(&bench.root).expect("listed").count(), 1, "no rests");
}

#[test]
fn an_existing_file_keeps_its_mode_and_a_link_is_written_through() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench("mode", Memory { chunk: 100, ..Memory::default() });
    bench.serve_file("b.txt", b"new");
    let (real, link) = (bench.root.join("real"), bench.root.join("link"));
    fs::write(&real, "old").expect("written");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("set");
    std::os::unix::fs::symlink(&real, &link).expect("linked");
    bench.files.get_url("salt://b.txt", "base", Some(&link), false).expect("fetched");
    assert_eq!(fs::read(&real).expect("read"), b"new");
    assert_eq!(fs::metadata(&real).expect("stat").permissions().mode() & 0o777, 0o640);
    assert!(link.is_symlink());
}

#[test]
fn hashes_of_files_here_and_there() {
    let bench = bench("hashes", Memory { chunk: 100, ..Memory::default() });
    bench.serve_file("b.txt", b"text");
    let there = bench.files.hash_file("salt://b.txt", "base").expect("asked").expect("there");
    fs::write(bench.root.join("here"), "text").expect("written");
    let here = bench.root.join("here").display().to_string();
    assert_eq!(bench.files.hash_file(&here, "base").expect("read"), Some(there));
    assert_eq!(bench.files.hash_file("/no/such/file", "base").expect("read"), None);
    assert_eq!(bench.files.mode_of("salt://b.txt", "base").expect("asked"), Some(0o100_644));
}

/// Answers one connection after the other with what it is given.
fn web_server(answers: Vec<String>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn web_files_come_whole_redirected_or_in_chunks() {
    let bench = bench("web", Memory::default());
    let port = web_server(vec![
        "HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n1;x=y\r\n!\r\n0\r\n\r\n"
            .to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".to_owned(),
        "HTTP/1.1 404 Not Found\r\n\r\n".to_owned(),
    ]);
    let get =
        |path: &str| bench.files.get_url(&format!("http://127.0.0.1:{port}{path}"), "base", None, false);
    let path = get("/a").expect("fetched").expect("there");
    assert_eq!(fs::read(path).expect("read"), b"four!");
    let fault = get("/b").expect_err("short").to_string();
    assert!(fault.contains("HTTP 599: Connection closed"), "{fault}");
    assert_eq!(get("/c").expect_err("missing").to_string(), "Error: HTTP 404: Not Found reading /c");
    let fault = bench.files.get_url("ftp://x/y", "base", None, false).expect_err("refused");
    assert_eq!(fault.to_string(), "not supported: fetching ftp:// files (ftp://x/y)");
}

#[test]
fn without_a_master_files_come_from_this_machines_own_roots() {
    let bench = bench("local", Memory::default());
    let roots = bench.root.join("srv");
    fs::create_dir_all(roots.join("a")).expect("made");
    fs::write(roots.join("a/b.txt"), "text").expect("written");
    let opts = map! {
        "file_roots" => map! { "base" => Value::list([roots.display().to_string()]) },
        "cachedir" => bench.root.join("cache").display().to_string(),
        "hash_type" => "sha256",
    };
    let files = Files::from_opts(Arc::new(LocalSource::from_opts(&opts)), &opts);
    assert_eq!(files.file_list("base", "").expect("listed"), ["a/b.txt"]);
    let path = files.get_url("salt://a/b.txt", "base", None, false).expect("fetched").expect("there");
    assert_eq!(fs::read(path).expect("read"), b"text");
    assert_eq!(files.get_url("salt://no", "base", None, false).expect("asked"), None);
}
