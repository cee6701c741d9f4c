//! A17 to D12 where no master is needed: `salt-call --local` with hostile states, templates, pillars and servers.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A minion without a master, in a directory of its own.
struct Alone {
    root: PathBuf,
}

impl Alone {
    fn new(options: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("ha{}-{number}", std::process::id()));
        for folder in ["states", "pillar", "tmp"] {
            fs::create_dir_all(root.join(folder)).expect("a directory");
        }
        let alone = Alone { root };
        alone.write(
            "minion",
            &format!(
                "id: alone\nroot_dir: @ROOT@\nfile_client: local\nlog_file: @ROOT@/log\n\
                 file_roots: {{base: [@ROOT@/states]}}\npillar_roots: {{base: [@ROOT@/pillar]}}\n{options}\n"
            ),
        );
        alone
    }

    /// `@ROOT@` becomes the directory.
    fn write(&self, path: &str, text: &str) {
        fs::write(self.root.join(path), text.replace("@ROOT@", &self.root.display().to_string()))
            .expect("written");
    }

    fn call(&self, words: &[&str]) -> Output {
        let words = words.iter().map(|word| word.replace("@ROOT@", &self.root.display().to_string()));
        Command::new(env!("CARGO_BIN_EXE_halite"))
            .args(["salt-call", "--local", "--out=json", "-l", "error", "-c"])
            .arg(&self.root)
            .args(words)
            .env("TMPDIR", self.root.join("tmp"))
            .output()
            .expect("it runs")
    }

    /// Whether somebody got through: hostile commands make this file.
    fn is_hurt(&self) -> bool {
        self.root.join("hurt").exists()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every way by which a function can be called without its name at the front.
const BYPASSES: &[&str] = &[
    "x:\n  cmd.run:\n    - name: touch @ROOT@/hurt\n",
    "x:\n  module.run:\n    - cmd.run:\n      - cmd: touch @ROOT@/hurt\n",
    "x:\n  module.run:\n    - name: cmd.run\n    - cmd: touch @ROOT@/hurt\n",
    "x:\n  test.succeed_without_changes:\n    - unless: touch @ROOT@/hurt\n",
    "x:\n  test.succeed_without_changes:\n    - onlyif: touch @ROOT@/hurt\n",
    "x:\n  test.succeed_without_changes:\n    - check_cmd: [touch @ROOT@/hurt]\n",
    "x:\n  test.succeed_without_changes:\n    - onlyif:\n      - fun: cmd.run\n        cmd: touch @ROOT@/hurt\n",
    "x:\n  test.succeed_without_changes:\n    - name: __slot__:salt:cmd.run(\"touch @ROOT@/hurt\")\n",
    "{{ salt['cmd.run']('touch @ROOT@/hurt') }}",
    "{{ salt.cmd.run('touch @ROOT@/hurt') }}",
    "{{ salt.cmd['shell']('touch @ROOT@/hurt') }}",
    "{{ salt.get('cmd.run')('touch @ROOT@/hurt') }}",
    "{{ salt | attr('cmd.run') }}{{ (salt | attr('cmd')).run('touch @ROOT@/hurt') }}",
    "{{ salt['saltutil.cmd']('*', 'cmd.run', ['touch @ROOT@/hurt']) }}",
    "{{ salt['state.single']('cmd.run', name='touch @ROOT@/hurt') }}",
    "{{ salt['state.template_str']('x: {cmd.run: [{name: touch @ROOT@/hurt}]}') }}",
    "{{ salt['module.run']('cmd.run', 'touch @ROOT@/hurt') }}",
    "{{ salt['publish.publish']('*', 'cmd.run', 'touch @ROOT@/hurt') }}",
];

#[test]
fn a17_a_function_that_is_taken_away_is_reached_by_no_way_round() {
    for options in [
        "disable_modules: [cmd, cmdmod]",
        "whitelist_modules: [test, state, module, saltutil, config, match]",
    ] {
        let alone = Alone::new(options);
        for sls in BYPASSES {
            alone.write("states/way.sls", sls);
            let output = alone.call(&["state.apply", "way"]);
            assert!(!alone.is_hurt(), "{options}: {sls}\n{}", said(&output));
        }
        for words in
            [&["cmd.run", "touch @ROOT@/hurt"][..], &["state.single", "cmd.run", "touch @ROOT@/hurt"]]
        {
            let output = alone.call(words);
            assert!(!alone.is_hurt() && !output.status.success(), "{options}: {words:?}\n{}", said(&output));
        }
        alone.write("pillar/top.sls", "base: {'*': [data]}\n");
        alone.write("pillar/data.sls", "a: {{ salt['cmd.run']('touch @ROOT@/hurt') }}\n");
        alone.call(&["pillar.items"]);
        assert!(!alone.is_hurt(), "{options}: pillar");
    }
    // The ways are ways: with nothing taken away, each of the first does it.
    let open = Alone::new("");
    for sls in &BYPASSES[..10] {
        open.write("states/way.sls", sls);
        open.call(&["state.apply", "way"]);
        assert!(open.is_hurt(), "{sls}");
        fs::remove_file(open.root.join("hurt")).expect("removed");
    }
}

#[test]
fn a18_d08_nothing_here_manages_other_devices() {
    let alone = Alone::new("");
    let output = alone.call(&["--proxyid", "dummy", "cmd.run", "touch @ROOT@/hurt"]);
    assert!(!output.status.success() && !alone.is_hurt(), "{}", said(&output));
    for program in ["salt-proxy", "salt-ssh"] {
        let output = Command::new(env!("CARGO_BIN_EXE_halite")).arg(program).output().expect("it runs");
        assert!(!output.status.success(), "{program}");
    }
}

#[test]
fn b20_a_broken_pillar_stops_a_run_and_shows_in_the_exit_code() {
    for pillar in [
        "a: [\n",
        "a: {{ nothing.at.all }}\n",
        "{% include 'gone' %}\n",
        "#!nonsense\na: 1\n",
        "include: [gone]\n",
    ] {
        let alone = Alone::new("");
        alone.write("pillar/top.sls", "base: {'*': [data]}\n");
        alone.write("pillar/data.sls", pillar);
        alone.write("states/mark.sls", "@ROOT@/hurt:\n  file.managed:\n    - contents: x\n");
        let output = alone.call(&["state.apply", "mark"]);
        assert!(!output.status.success(), "{pillar}: {}", said(&output));
        assert!(!alone.is_hurt(), "{pillar}: the run went on");
    }
}

/// A server for one kind of answer, until the test ends.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut octets = [0; 2048];
            while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read(&mut octets) {
                    Ok(read @ 1..) => request.extend_from_slice(&octets[..read]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let _ = stream.write_all(&answer(path));
        }
    });
    port
}

fn page(body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn everything_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found
}

#[test]
fn c03_b19_what_a_url_is_called_stays_in_the_cache_and_apart_from_others() {
    let port = serve(|path| match path {
        "/to-a-file" => {
            b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
        path => page(format!("body of {path}").as_bytes()),
    });
    let alone = Alone::new("");
    let cache = alone.root.join("var/cache/salt/minion");
    let mut kept = Vec::new();
    for path in [
        "../../../../../hurt",
        "a/../../../../../../hurt",
        "%2e%2e/%2e%2e/hurt",
        "..%2f..%2fhurt",
        "x/same",
        "y/same",
        "same?a=1",
        "same?a=2",
    ] {
        let url = format!("http://127.0.0.1:{port}/{path}");
        let output = alone.call(&["cp.cache_file", &url]);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if let Some(file) = answer["local"].as_str().filter(|file| !file.is_empty()) {
            let whole = fs::canonicalize(file).expect("a file");
            assert!(whole.starts_with(&cache), "{path}: {}", whole.display());
            kept.push(whole);
        }
    }
    let all = kept.len();
    kept.sort();
    kept.dedup();
    assert!(all >= 4 && kept.len() == all, "two addresses share a file: {kept:?}");
    let outside: Vec<PathBuf> =
        everything_below(&alone.root).into_iter().filter(|path| path.ends_with("hurt")).collect();
    assert!(outside.iter().all(|path| path.starts_with(&cache)), "{outside:?}");
    let output = alone.call(&["cp.get_url", &format!("http://127.0.0.1:{port}/to-a-file"), "@ROOT@/got"]);
    let got = fs::read_to_string(alone.root.join("got")).unwrap_or_default();
    assert!(!got.contains("root:") && !said(&output).contains("root:x"), "a redirect led to a local file");
}

#[test]
fn c05_a_download_that_was_cut_is_no_file() {
    let body: Vec<u8> = (0..100_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
    let whole = page(&body);
    let port = serve(move |path| {
        let tenths: usize = path.trim_start_matches('/').parse().unwrap_or(10);
        whole[..whole.len() * tenths / 10].to_vec()
    });
    let alone = Alone::new("");
    for tenths in 0..10 {
        let url = format!("http://127.0.0.1:{port}/{tenths}");
        let output = alone.call(&["cp.get_url", &url, "@ROOT@/got"]);
        assert!(!alone.root.join("got").exists(), "{tenths}/10: {}", said(&output));
        alone.write(
            "states/get.sls",
            &format!("@ROOT@/got:\n  file.managed:\n    - source: {url}\n    - skip_verify: True\n"),
        );
        let output = alone.call(&["state.apply", "get"]);
        assert!(
            !output.status.success() && !alone.root.join("got").exists(),
            "{tenths}/10: {}",
            said(&output)
        );
    }
    alone.call(&["cp.get_url", &format!("http://127.0.0.1:{port}/10"), "@ROOT@/got"]);
    assert_eq!(fs::read(alone.root.join("got")).expect("the whole file").len(), 100_000);
}

#[test]
fn d04_temporary_files_have_names_and_modes_of_their_own() {
    let alone = Alone::new("");
    alone.write(
        "states/show.sh",
        "#!/bin/sh\necho \"$0\"; stat -c %a \"$0\" \"$(dirname \"$0\")\"; stat -c %u \"$0\"\n",
    );
    let shown = |words: &[&str]| {
        let output = alone.call(words);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        answer["local"]["stdout"].as_str().unwrap_or_else(|| panic!("{}", said(&output))).to_owned()
    };
    let names: Vec<String> = (0..3)
        .map(|_| {
            let text = shown(&["cmd.script", "salt://show.sh"]);
            let mut lines = text.lines();
            let name = lines.next().expect("a name").to_owned();
            let mode = u32::from_str_radix(lines.next().expect("a mode"), 8).expect("a mode");
            assert_eq!(mode & 0o022, 0, "others can write the script: {text}");
            name
        })
        .collect();
    assert!(names[0] != names[1] && names[1] != names[2], "a name that can be guessed: {names:?}");
    assert_eq!(fs::read_dir(alone.root.join("tmp")).expect("listed").count(), 0, "left behind");
    // A link in the place of a file that is written is replaced, not followed.
    alone.write("victim", "precious");
    symlink(alone.root.join("victim"), alone.root.join("place")).expect("a link");
    alone.write(
        "states/over.sls",
        "@ROOT@/place:\n  file.managed:\n    - contents: new\n    - follow_symlinks: False\n",
    );
    alone.call(&["state.apply", "over"]);
    assert_eq!(fs::read_to_string(alone.root.join("victim")).expect("read"), "precious");
}

/// Functions that start programs, each with a text of a stranger.
const CALLS: &[&[&str]] = &[
    &["service.status", "@EVIL@"],
    &["service.available", "@EVIL@"],
    &["pkg.version", "@EVIL@"],
    &["user.info", "@EVIL@"],
    &["group.info", "@EVIL@"],
    &["ps.pgrep", "@EVIL@"],
    &["network.ping", "@EVIL@"],
    &["network.dig", "@EVIL@"],
    &["git.clone", "@ROOT@/clone", "@EVIL@"],
    &["git.ls_remote", "@EVIL@"],
    &["git.init", "@ROOT@/@EVIL@"],
    &["archive.tar", "xf", "@EVIL@"],
    &["archive.cmd_unzip", "@EVIL@", "@ROOT@"],
    &["archive.gunzip", "@EVIL@"],
    &["mount.mount", "@ROOT@/nowhere", "@EVIL@"],
    &["disk.usage", "@EVIL@"],
    &["file.find", "@ROOT@", "name=@EVIL@"],
    &["file.grep", "@ROOT@/minion", "@EVIL@"],
    &["locale.avail", "@EVIL@"],
    &["sysctl.get", "@EVIL@"],
    &["cron.list_tab", "@EVIL@"],
    &["kmod.is_loaded", "@EVIL@"],
    &["alternatives.display", "@EVIL@"],
    &["timezone.zone_compare", "@EVIL@"],
    &["pip.list", "@EVIL@"],
    &["gpg.list_keys", "user=@EVIL@"],
    &["ssh.recv_known_host_entries", "@EVIL@"],
    &["lowpkg.list_pkgs", "@EVIL@"],
    &["cmd.run", "echo", "python_shell=False", "stdin=@EVIL@"],
];

const EVILS: &[&str] = &[
    "; touch @ROOT@/hurt",
    "$(touch @ROOT@/hurt)",
    "`touch @ROOT@/hurt`",
    "| touch @ROOT@/hurt",
    "&& touch @ROOT@/hurt",
    "x\ntouch @ROOT@/hurt",
    "'; touch @ROOT@/hurt; '",
    "\"; touch @ROOT@/hurt; \"",
    "--upload-pack=touch @ROOT@/hurt",
    "ext::sh -c touch% @ROOT@/hurt",
    "-oProxyCommand=touch @ROOT@/hurt",
];

#[test]
fn d06_texts_of_strangers_are_arguments_and_no_programs() {
    let alone = Alone::new("");
    // Several calls at once: most of the time is the programs' own.
    std::thread::scope(|threads| {
        for part in CALLS.chunks(CALLS.len().div_ceil(4)) {
            let alone = &alone;
            threads.spawn(move || {
                for call in part {
                    for evil in EVILS {
                        let words: Vec<String> =
                            call.iter().map(|word| word.replace("@EVIL@", evil)).collect();
                        let words: Vec<&str> = words.iter().map(String::as_str).collect();
                        let output = alone.call(&words);
                        assert!(!alone.is_hurt(), "{words:?}: {}", said(&output));
                    }
                }
            });
        }
    });
}

const TEMPLATES: &[&str] = &[
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('touch @ROOT@/hurt').read() }}",
    "{{ lipsum.__globals__['os'].system('touch @ROOT@/hurt') }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ salt.__class__ }}",
    "{{ salt['test.ping'].__globals__ }}",
    "{{ opts.__class__.__init__.__globals__ }}",
    "{{ ''|attr('__class__')|attr('__mro__') }}",
    "{{ ''['__class__'] }}",
    "{{ '{0.__class__.__mro__}'.format('') }}",
    "{{ request }}{{ config.__class__ }}",
    "{% for c in [].__class__.__base__.__subclasses__() %}{{ c }}{% endfor %}",
];

const DOCUMENTS: &[&str] = &[
    "a: !!python/object/apply:os.system ['touch @ROOT@/hurt']\n",
    "a: !!python/object/new:os.system ['touch @ROOT@/hurt']\n",
    "a: !!python/name:os.system\n",
    "a: !!python/module:os\n",
    "!!python/object/apply:subprocess.check_output [[touch, '@ROOT@/hurt']]\n",
    "a: !ruby/object:Gem\n",
];

#[test]
fn d10_templates_and_documents_are_data() {
    let alone = Alone::new("");
    for template in TEMPLATES {
        alone.write("states/t.sls", &format!("x:\n  test.show_notification:\n    - text: {:?}\n", template));
        let output = alone.call(&["state.apply", "t"]);
        let shown = said(&output);
        assert!(!alone.is_hurt(), "{template}");
        for sign in ["<class", "<module", "<slot", "subprocess", "'__builtins__'", "<function"] {
            assert!(!shown.contains(sign), "{template}: {shown}");
        }
    }
    for document in DOCUMENTS {
        alone.write("states/t.sls", document);
        let output = alone.call(&["state.show_sls", "t"]);
        assert!(!alone.is_hurt() && !output.status.success(), "{document}: {}", said(&output));
    }
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for n in 1..12 {
        let names = vec![format!("*a{}", n - 1); 10].join(", ");
        laughs.push_str(&format!("a{n}: &a{n} [{names}]\n"));
    }
    alone.write("states/t.sls", &laughs);
    let output = Command::new("sh")
        .arg("-c")
        // 2 GiB of address space: what would be made of it is a thousand times that.
        .arg("ulimit -v 2097152; exec \"$0\" salt-call --local -l quiet -c \"$1\" state.show_sls t")
        .arg(env!("CARGO_BIN_EXE_halite"))
        .arg(&alone.root)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code().map(|code| code != 0), Some(true), "it ended by {}", output.status);
}

#[test]
fn d11_who_does_not_speak_tls_serves_nothing_over_https() {
    let port = serve(|_| page(b"secret"));
    let alone = Alone::new("");
    for words in [
        vec!["cp.get_url".to_owned(), format!("https://127.0.0.1:{port}/x"), "@ROOT@/got".to_owned()],
        vec![
            "cp.get_url".to_owned(),
            format!("https://127.0.0.1:{port}/x"),
            "@ROOT@/got".to_owned(),
            "verify_ssl=False".to_owned(),
        ],
    ] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = alone.call(&words);
        assert!(!alone.root.join("got").exists(), "{words:?}: {}", said(&output));
    }
}

#[test]
fn d12_no_module_writes_sql() {
    let names: Vec<&str> =
        halite::builtin::execution_modules().modules().iter().map(|module| module.provides).collect();
    for name in ["mysql", "postgres", "sqlite3", "mssql", "oracle", "cassandra_cql", "influxdb"] {
        assert!(!names.contains(&name), "{name}: its texts need parameters, and tests of them here");
    }
}
