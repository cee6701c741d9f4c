//! A11: PAM says who has the password, and whether the account may be used at all. With accounts of our own, in a mount
//! namespace: nothing outside of this test sees them.

use std::fs;
use std::process::{Command, Stdio};

use halite::map;

use crate::daemons::{Process, prepare};
use crate::victim::{Victim, error_of};

const PASSWORD: &str = "right one";
/// `openssl passwd -6 -salt saltsalt 'right one'`
const HASH: &str =
    "$6$saltsalt$/N2VYO2xuXUy5qNhMJuWZCioJMPZTN8sG70/eqeODUcSCfnLyZb5yVO/SbS4/w3Kdyas9jEOA3cZXHq7r0Wir0";

/// Name, the password's field, and what follows it in `/etc/shadow`; whether the right password opens it.
const ACCOUNTS: &[(&str, &str, &str, bool)] = &[
    ("honest", "@", "19000:0:99999:7:::", true),
    ("locked", "!@", "19000:0:99999:7:::", false),
    ("expired", "@", "19000:0:99999:7::1:", false),
    ("aged", "@", "1:0:1:7:0::", false),
    ("nopassword", "", "19000:0:99999:7:::", false),
];

const MOUNTS: &str = "mount --make-rprivate / && cd \"$0\" && mount --bind passwd /etc/passwd \
                      && mount --bind shadow /etc/shadow && mount --bind pam.d /etc/pam.d && exec \"$@\"";

fn can_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["-m", "sh", "-c", "mount --make-rprivate / && mount --bind /etc/passwd /etc/shadow"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

async fn opens(victim: &Victim, user: &str, password: &str) -> bool {
    let login = map! { "eauth" => "pam", "username" => user, "password" => password };
    let reply = victim.publish("test.ping", map! { "kwargs" => login }).await;
    let published = reply.get("load").is_some();
    assert!(published || error_of(&reply).0 == "AuthenticationError", "{reply:?}");
    published
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_the_right_password_opens_an_account_that_may_be_used() {
    let has_pam =
        ["/usr/sbin/unix_chkpwd", "/sbin/unix_chkpwd"].iter().any(|path| fs::metadata(path).is_ok());
    if !has_pam || !can_mount() {
        eprintln!("SKIP: no PAM here, or no mount namespace");
        return;
    }
    // Through Python and libpam, and with PAM's own program alone.
    for python in ["python3", "/no/such/python"] {
        let user = halite::host::daemon::current_user();
        let options = format!(
            "user: {user}\nexternal_auth: {{pam: {{'*': ['.*', '@runner']}}}}\nauth.pam.service: halite\nauth.pam.python: {python}\n"
        );
        let victim = prepare(&format!("a11{}", python.len()), &options);
        let root = victim.root.clone();
        let (mut passwd, mut shadow) = (String::new(), String::new());
        for file in [("passwd", &mut passwd), ("shadow", &mut shadow)] {
            *file.1 = fs::read_to_string(format!("/etc/{}", file.0)).expect("read");
        }
        for (number, (name, field, rest, _)) in ACCOUNTS.iter().enumerate() {
            passwd.push_str(&format!("{name}:x:{}:{0}::/:/bin/sh\n", 40_000 + number));
            shadow.push_str(&format!("{name}:{}:{rest}\n", field.replace('@', HASH)));
        }
        fs::write(root.join("passwd"), passwd).expect("written");
        fs::write(root.join("shadow"), shadow).expect("written");
        fs::create_dir_all(root.join("pam.d")).expect("made");
        fs::write(root.join("pam.d/halite"), "auth required pam_unix.so\naccount required pam_unix.so\n")
            .expect("written");
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", MOUNTS]).arg(&root);
        let process = Process::start_by(victim, command).await;
        process.victim.minion("web1").await;
        for (name, _, _, may) in ACCOUNTS {
            assert_eq!(opens(&process.victim, name, PASSWORD).await, *may, "{python}: {name}");
        }
        // Each wrong password takes its time.
        for (name, password) in [("honest", "wrong one"), ("honest", ""), ("nopassword", "")] {
            assert!(!opens(&process.victim, name, password).await, "{python}: {name} {password:?}");
        }
        assert!(!opens(&process.victim, "nobody-at-all", PASSWORD).await);
        let none = map! { "eauth" => "pam" };
        assert_eq!(
            error_of(&process.victim.publish("test.ping", map! { "kwargs" => none }).await).0,
            "AuthenticationError"
        );
    }
}
