//! `halite quickstart`: a master and a minion in a private directory on free ports, a few jobs, and how to go on. Needs no
//! root and touches nothing outside its directory.

use std::fs::{self, DirBuilder, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::{Call, Exit, Flag, Group, Stop, Syntax, print};
use crate::host::daemon;

const SYNTAX: Syntax = Syntax {
    usage: "[options]",
    about: "Start a master and a minion of your own, run a few jobs, and see how to go on. Needs no root.",
    groups: &[Group {
        title: "",
        about: "",
        flags: &[
            Flag::new(&["--rm"], "rm", "Remove the directory at the end."),
            Flag::new(&["--stay"], "stay", "Stay up until Ctrl-C."),
        ],
    }],
};

/// How long a daemon may take to be there. It takes milliseconds; a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

const ID: &str = "quickstart";

pub(super) fn run(call: &Call) -> anyhow::Result<Exit> {
    let parsed = SYNTAX.parse(&call.prog, &call.words)?;
    let remove = parsed.flag("rm");
    let mut fleet = Fleet::new(remove)?;
    let outcome = demonstrate(&mut fleet, parsed.flag("stay"));
    if outcome.is_err() {
        // What the daemons said is worth more than a clean directory.
        fleet.remove = false;
    }
    outcome.map(|()| Exit::OK)
}

fn demonstrate(fleet: &mut Fleet, stay: bool) -> anyhow::Result<()> {
    let [publish, ret] = fleet.configure()?;
    let shown = fleet.dir.display().to_string();
    say(&format!("Everything lies in {shown}: configuration in etc/, logs in var/log/salt/."))?;
    say(&format!("Starting a master on 127.0.0.1, ports {publish} and {ret} …"))?;
    fleet.spawn("salt-master")?;
    fleet.wait("the master listens", |fleet| fleet.dir.join("run/master/publish_pull.ipc").exists())?;
    say("Starting a minion; it makes its key and shows it to the master …")?;
    fleet.spawn("salt-minion")?;
    fleet.wait("the key of the minion is waiting", |fleet| {
        fleet.dir.join("pki/master/minions_pre").join(ID).exists()
    })?;
    say("Nobody joins without being asked in. Accepting its key:\n")?;
    fleet.show("salt-key", &["--yes", "--accept", ID])?;
    fleet.wait("the minion is ready", |fleet| {
        fleet.tool("salt", &[ID, "test.ping", "--timeout=2"]).is_ok_and(|output| output.status.success())
    })?;
    say("\nThe minion is in. Some jobs:\n")?;
    for words in [&["*", "test.ping"][..], &["*", "cmd.run", "uptime"], &["*", "grains.item", "os"]] {
        fleet.show("salt", words)?;
    }
    let own = std::env::current_exe().context("where is this program?")?;
    let own = own.display();
    if stay {
        say(&format!(
            "\nMaster and minion stay up until Ctrl-C. In another terminal:\n\n    \
             {own} salt -c {shown}/etc '*' sys.list_functions\n    \
             {own} salt -c {shown}/etc '*' cmd.run 'df -h /'\n    {own} salt-key -c {shown}/etc\n"
        ))?;
        return fleet.stay();
    }
    say(&format!(
        "\nTo go on: `{own} quickstart --stay` keeps both running while you try commands;\n\
         `{own} install-links /usr/local/bin` gives you salt, salt-master, salt-minion … as commands of their own,\n\
         which read /etc/salt as Salt's do."
    ))?;
    if !fleet.remove {
        say(&format!("Stopped. {shown} is left for you to look at; `--rm` removes it."))?;
    }
    Ok(())
}

fn say(text: &str) -> anyhow::Result<()> {
    print(&format!("{text}\n"))?;
    Ok(())
}

/// The directory and the daemons; both go when it is dropped.
struct Fleet {
    dir: PathBuf,
    remove: bool,
    daemons: Vec<(&'static str, Child)>,
}

impl Fleet {
    fn new(remove: bool) -> anyhow::Result<Self> {
        // Short, because names of Unix sockets end at 107 octets.
        let parent = std::env::temp_dir();
        for number in 0..1000_u32 {
            let dir = parent.join(format!("halite-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => return Ok(Fleet { dir, remove, daemons: Vec::new() }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!(
                            "cannot make a directory in {}: set TMPDIR to one that can be written",
                            parent.display()
                        )
                    });
                }
            }
        }
        bail!("{} is full of directories of earlier runs", parent.display())
    }

    fn configure(&self) -> anyhow::Result<[u16; 2]> {
        let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let mut ports = [0; 2];
        for (port, listener) in ports.iter_mut().zip(listeners) {
            *port = listener.and_then(|it| it.local_addr()).context("no free port on 127.0.0.1")?.port();
        }
        let [publish, ret] = ports;
        let (dir, user) = (self.dir.display(), daemon::current_user());
        let common = |role: &str| {
            format!(
                "user: {user}\npki_dir: {dir}/pki/{role}\ncachedir: {dir}/cache/{role}\nsock_dir: {dir}/run/{role}\n\
                 pidfile: {dir}/run/{role}.pid\nlog_file: {dir}/var/log/salt/{role}\nlog_level_logfile: info\n"
            )
        };
        let master = format!(
            "interface: 127.0.0.1\npublish_port: {publish}\nret_port: {ret}\n\
             file_roots:\n  base:\n    - {dir}/srv/salt\n{}",
            common("master")
        );
        let minion = format!(
            "master: 127.0.0.1\nmaster_port: {ret}\nid: {ID}\nacceptance_wait_time: 1\n{}",
            common("minion")
        );
        for (path, text) in [
            ("etc/master", master),
            ("etc/minion", minion),
            ("srv/salt/hello.txt", "hello from the master\n".to_owned()),
        ] {
            let path = self.dir.join(path);
            let failed = || format!("cannot write {}", path.display());
            fs::create_dir_all(path.parent().unwrap_or(&self.dir)).with_context(failed)?;
            fs::write(&path, text).with_context(failed)?;
        }
        Ok(ports)
    }

    fn command(&self, tool: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("where is this program?")?);
        command.arg(tool).arg("-c").arg(self.dir.join("etc")).stdin(Stdio::null());
        Ok(command)
    }

    fn spawn(&mut self, tool: &'static str) -> anyhow::Result<()> {
        let path = self.said_in(tool);
        let output = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let child = self.command(tool)?.stdout(output.try_clone()?).stderr(output).spawn();
        self.daemons.push((tool, child.with_context(|| format!("cannot start {tool}"))?));
        Ok(())
    }

    fn said_in(&self, tool: &str) -> PathBuf {
        self.dir.join(format!("{tool}.out"))
    }

    fn tool(&self, tool: &str, words: &[&str]) -> anyhow::Result<Output> {
        self.command(tool)?.args(words).output().with_context(|| format!("cannot run {tool}"))
    }

    /// Runs a command as a user would, and shows both.
    fn show(&self, tool: &str, words: &[&str]) -> anyhow::Result<()> {
        let quoted: Vec<String> = words
            .iter()
            .map(|word| if word.contains(['*', ' ']) { format!("'{word}'") } else { (*word).to_owned() })
            .collect();
        say(&format!("$ {tool} {}", quoted.join(" ")))?;
        let output = self.tool(tool, words)?;
        print(&String::from_utf8_lossy(&output.stdout))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Stop::failed(Exit::GENERIC, format!("{tool} failed:\n{text}{}", self.said())).into());
        }
        Ok(())
    }

    fn wait(&mut self, what: &str, is_so: impl Fn(&Fleet) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            for (tool, child) in &mut self.daemons {
                if let Ok(Some(status)) = child.try_wait() {
                    bail!(
                        "{tool} ended ({status}) before {what}:\n{}",
                        said(&self.dir.join(format!("{tool}.out")))
                    );
                }
            }
            if Instant::now() > deadline {
                bail!("waited {} s in vain until {what}. The logs:\n{}", PATIENCE.as_secs(), self.said());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What the daemons printed and logged last.
    fn said(&self) -> String {
        let logs = ["salt-master.out", "salt-minion.out", "var/log/salt/master", "var/log/salt/minion"];
        logs.iter().map(|log| format!("--- {log}\n{}", said(&self.dir.join(log)))).collect()
    }

    fn stay(&mut self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let mut term = signal(SignalKind::terminate())?;
            let mut int = signal(SignalKind::interrupt())?;
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            anyhow::Ok(())
        })?;
        say("\nStopping …")
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // The minion first, so that it can say goodbye.
        for (_, child) in self.daemons.iter_mut().rev() {
            daemon::terminate(child, Duration::from_secs(10));
        }
        if self.remove {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn said(path: &Path) -> String {
    const LINES: usize = 15;
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    tail.iter().map(|line| format!("{line}\n")).collect()
}
