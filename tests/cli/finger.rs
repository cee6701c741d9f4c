//! `salt-call key.finger`.

use serde_json::Value;

use crate::alone::Minion;

const KEY: &str = "-----BEGIN PUBLIC KEY-----\nTUlJQklqQU5CZ2txaGtpRzl3MEJBUUVGQUFPQ0FROEFNSUlCQ2dLQ0FRRUE=\n\nMII=\n\
                   -----END PUBLIC KEY-----\n";

/// What `salt-call --local` of 3006.25 says of the same file.
#[test]
fn the_fingerprint_of_the_minions_key_is_salts() {
    let minion = Minion::new("finger");
    minion.option(&format!("pki_dir: {}/pki\n", minion.root.display()));
    std::fs::create_dir(minion.path("pki")).expect("made");
    std::fs::write(minion.path("pki/minion.pub"), KEY).expect("written");
    let rows: &[(&[&str], &str)] = &[
        (
            &["key.finger"],
            "33:f3:35:eb:24:29:33:4c:96:be:a4:10:b9:10:86:de:14:4b:1a:37:94:a4:5d:48:7e:b0:80:3c:0a:d0:92:ed",
        ),
        (&["key.finger", "md5"], "9c:02:75:93:1b:77:92:32:09:62:2f:53:da:ce:e5:fe"),
        (&["key.finger_master"], ""),
    ];
    for (words, expected) in rows {
        let output = minion.run(words);
        let returned: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(returned["local"], *expected, "{words:?}");
    }
    let refused = minion.run(&["key.finger", "nope"]);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("AttributeError: module 'hashlib' has no attribute 'nope'"), "{text}");
}
