//! `https://` through curl and through wget, against a TLS server: certificates, redirects, bodies, sources of files, a
//! proxy, and servers whose headers never end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::peers::Peer;

/// The server, its proxy, and a minion without a master whose host has one program to speak TLS.
struct Scene {
    root: PathBuf,
    server: Child,
    port: String,
    proxy: String,
}

impl Scene {
    /// `None` where this host has no such program, or no Python that makes certificates.
    fn new(program: &str) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let found =
            std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists());
        let Some(found) = found.filter(|_| Peer::Salt3006.is_here()) else {
            println!("SKIPPED: no {program} here, or no Python with certificates");
            return None;
        };
        let root = std::env::temp_dir().join(format!("halite-https-{program}-{}", std::process::id()));
        fs::create_dir_all(root.join("bin")).expect("a directory");
        symlink(found, root.join("bin").join(program)).expect("a link");
        let here = root.display();
        let options = format!(
            "id: alone\nroot_dir: {here}\nfile_client: local\nfile_roots: {{base: [{here}/states]}}\n"
        );
        fs::write(root.join("minion"), options).expect("written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/https.py");
        let mut server = Peer::Salt3006.python();
        let mut server = server.arg(script).arg(&root).stdout(Stdio::piped()).spawn().expect("Python starts");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut line).expect("its ports");
        let (port, proxy) = line.trim().split_once(' ').expect("two ports");
        let (port, proxy) = (port.to_owned(), proxy.to_owned());
        Some(Scene { root, server, port, proxy })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Peer::Halite.tool("salt-call");
        command.args(["--local", "--out=json", "--log-level=quiet", "-c"]).arg(&self.root).args(words);
        command.env_clear().env("PATH", self.root.join("bin")).current_dir(&self.root);
        command
    }

    fn call(&self, words: &[&str]) -> Value {
        said(self.command(words))
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    fn ca(&self) -> String {
        format!("ca_bundle={}/ca.pem", self.root.display())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn said(mut command: Command) -> Value {
    let output = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let parsed: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    parsed["local"].clone()
}

fn check(program: &str) {
    let Some(scene) = Scene::new(program) else { return };
    let (hello, ca) = (scene.url("hello"), scene.ca());
    // An authority that nobody knows is not believed, unless it is asked not to look.
    let refused = scene.call(&["http.query", &hello]).to_string();
    assert!(refused.contains("ertificate") && !refused.contains("hello"), "{refused}");
    for trust in [ca.as_str(), "verify_ssl=False"] {
        assert_eq!(scene.call(&["http.query", &hello, trust])["body"], "hello over TLS\n", "{trust}");
    }
    assert_eq!(scene.call(&["http.query", &scene.url("moved"), &ca])["body"], "hello over TLS\n");
    let echo = scene.url("echo");
    let posted = scene.call(&["http.query", &echo, "method=POST", "data=a=1&b=two words", &ca]);
    assert_eq!(posted["body"], "got a=1&b=two words", "{posted}");
    let missing = scene.call(&["http.query", &scene.url("missing"), "status=True", &ca]);
    assert_eq!(missing["status"], 404, "{missing}");

    // A source of a file, with its hash.
    let name = scene.root.join("fetched").display().to_string();
    let managed = |hash: &str| {
        let (name, source, hash) =
            (format!("name={name}"), format!("source={hello}"), format!("source_hash={hash}"));
        scene.call(&["state.single", "file.managed", &name, &source, &hash, "verify_ssl=False"]).to_string()
    };
    let wrong = managed(&"0".repeat(64));
    assert!(wrong.contains("\"result\":false") && !Path::new(&name).exists(), "{wrong}");
    let hash = "794188ae40b121c809d662121f8e5bc2eafd66c6f87d7f47e2aaf243395a32e7";
    let right = managed(hash);
    assert!(right.contains("\"result\":true"), "{right}");
    assert_eq!(fs::read_to_string(&name).expect("there"), "hello over TLS\n");

    // Behind a proxy, which alone knows the host.
    let mut proxied = scene.command(&["http.query", "https://tls.invalid:4433/hello", &ca]);
    proxied.env("https_proxy", format!("http://127.0.0.1:{}", scene.proxy));
    let body = said(proxied);
    assert_eq!(body["body"], "hello over TLS\n", "{body}");

    // A header without end, and headers without end, are an error: nothing waits for them or keeps them all.
    for endless in ["endless", "many"] {
        let answer = scene.call(&["http.query", &scene.url(endless), &ca]);
        assert!(answer.get("body").is_none() && answer.get("error").is_some(), "{endless}: {answer}");
    }
}

#[test]
fn curl_speaks_tls_for_us() {
    check("curl");
}

#[test]
fn wget_speaks_tls_for_us() {
    check("wget");
}
