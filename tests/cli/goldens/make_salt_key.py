#!/usr/bin/env python3
"""Makes salt-key.json beside this file: what real Salt's `salt-key` prints and does.

    make_salt_key.py PATH/TO/ENVIRONMENT/bin

Each case starts with the same key directory (written from "keys" and "tree" of the file) and records standard output,
standard error, exit code, and the files that are there afterwards. `{root}` stands for the directory of the case.
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "salt-key.json")

TREE = {
    "master.pem": "master-private",
    "master.pub": "master-public",
    "minions/acc-a": "one",
    "minions/acc-b": "two",
    "minions_pre/new-a": "one",
    "minions_pre/new-b": "two",
    "minions_pre/Zed": "one",
    "minions_pre/broken": "broken",
    "minions_rejected/rej-a": "two",
    "minions_denied/acc-a": "two",
    "minions_denied/den-b": "one",
}

# (arguments, standard input, which tree)
CASES = [
    *[(["-l", kind], "", "full") for kind in ("all", "acc", "accepted", "un", "pre", "unaccepted", "rej", "den")],
    *[(["-L", "--out", out], "", "full") for out in ("json", "yaml", "txt", "raw", "quiet", "nested", "pprint", "nosuch")],
    *[(["-l", "acc", "--out", out], "", "full") for out in ("json", "yaml", "raw")],
    (["-L"], "", "full"), ([], "", "full"), (["-L", "-q"], "", "full"), (["-L"], "", "empty"), (["-L", "--force-color"], "", "full"),
    (["-l", "xyz"], "", "full"), (["--nope"], "", "full"), (["-l"], "", "full"), (["--keysize", "x"], "", "full"),
    (["--keysize", "1024", "--gen-keys", "k"], "", "full"), (["--keysize", "40000", "--gen-keys", "k"], "", "full"),
    (["-a", "new-a", "-y"], "", "full"), (["-a", "new-*", "-y"], "", "full"), (["-a", "new-a,Zed", "-y"], "", "full"),
    (["-a", "nosuch", "-y"], "", "full"), (["-a", "acc-a", "-y"], "", "full"), (["-A", "-y"], "", "full"),
    (["-a", "broken", "-y"], "", "full"), (["-A", "-y"], "", "empty"),
    (["-a", "rej-a", "-y"], "", "full"), (["-a", "rej-a", "--include-rejected", "-y"], "", "full"),
    (["-a", "den-b", "--include-denied", "-y"], "", "full"), (["-a", "*", "--include-all", "-y"], "", "full"),
    (["-a", "nosuch", "--include-rejected", "--include-denied", "-y"], "", "full"),
    (["-a", "new-a"], "\n", "full"), (["-a", "new-a"], "n\n", "full"), (["-a", "new-a"], "Yes\n", "full"),
    (["-a", "new-a", "--out=json", "-y"], "", "full"), (["-a", "new-a", "-q", "-y"], "", "full"),
    (["-r", "new-a", "-y"], "", "full"), (["-r", "acc-a", "-y"], "", "full"),
    (["-r", "acc-a", "--include-accepted", "-y"], "", "full"), (["-R", "-y"], "", "full"),
    (["-r", "den-b", "--include-denied", "-y"], "", "full"), (["-r", "*", "--include-all", "-y"], "", "full"),
    (["-r", "new-a", "--rotate-aes-key=False", "-y"], "", "full"), (["-r", "nosuch", "--include-accepted", "-y"], "", "full"),
    (["-d", "acc-a", "-y"], "", "full"), (["-d", "acc-*", "-y"], "", "full"), (["-d", "nosuch", "-y"], "", "full"),
    (["-D", "-y"], "", "full"), (["-D"], "n\n", "full"), (["-D"], "\n", "full"), (["-D"], "y\n", "full"),
    (["-D", "-y"], "", "empty"), (["-D", "word"], "", "full"),
    (["-d", "acc-a", "-y", "--preserve-minions=True"], "", "full"), (["-d", "acc-a", "-y", "--rotate-aes-key=False"], "", "full"),
    (["-d", "acc-a,new-b", "-y"], "", "full"),
    (["-p", "acc-a"], "", "full"), (["-p", "new-*"], "", "full"), (["-p", "nosuch"], "", "full"), (["-P"], "", "full"),
    (["-p", "acc-a", "--out=json"], "", "full"), (["-P", "--out=yaml"], "", "full"),
    (["-f", "acc-a"], "", "full"), (["-f", "*"], "", "full"), (["-f", "master.pub"], "", "full"), (["-F"], "", "full"),
    (["-f", "acc-b", "--out=json"], "", "full"), (["-f", "nosuch"], "", "full"), (["-F", "--out=yaml"], "", "full"),
    (["--gen-signature"], "", "full"), (["--gen-signature", "--priv", "{root}/etc/pki/master.pem"], "", "full"),
    (["--gen-signature", "--priv", "/nosuch"], "", "full"), (["--gen-signature", "--pub", "/nosuch"], "", "full"),
    (["--gen-signature", "--priv", "{root}/etc/pki/master.pem", "--signature-path", "{root}"], "", "full"),
    (["--gen-signature"], "", "empty"),
    (["-a", "new-a", "-d", "acc-a", "-y"], "", "full"), (["-L", "-a", "new-a", "-y"], "", "full"),
    (["-l", "acc", "-L"], "", "full"), (["-A", "-R", "-y"], "", "full"),
]


def pem(path):
    with open(path) as file:
        return file.read()


def make_keys(folder):
    keys = {"broken": "-----BEGIN PUBLIC KEY-----\nno key at all\n-----END PUBLIC KEY-----"}
    for name in ("one", "two", "master"):
        path = os.path.join(folder, name + ".pem")
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", path, "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", path, "-pubout"], check=True, capture_output=True, text=True)
        if name == "master":
            keys["master-private"], keys["master-public"] = pem(path), public.stdout
        else:
            keys[name] = public.stdout.strip()
    return keys


def build(root, keys, kind):
    pki = os.path.join(root, "etc/pki")
    for folder in ("etc", "cache/minions/acc-a", "cache/minions/gone", "run", *([] if kind == "empty" else [
            "etc/pki/" + name for name in ("minions", "minions_pre", "minions_rejected", "minions_denied")])):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    os.makedirs(pki, exist_ok=True)
    for name in ("acc-a", "gone"):
        with open(os.path.join(root, "cache/minions", name, "data.p"), "wb") as file:
            file.write(b"\x80")
    with open(os.path.join(root, "etc/master"), "w") as file:
        file.write(f"pki_dir: {pki}\ncachedir: {root}/cache\nsock_dir: {root}/run\nlog_file: {root}/log\nkey_logfile: {root}/keylog\n")
    if kind == "full":
        for path, key in TREE.items():
            with open(os.path.join(pki, path), "w") as file:
                file.write(keys[key])


def files(root):
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            if relative in ("log", "keylog", "etc/master"):
                continue
            mode = os.stat(path).st_mode & 0o777
            with open(path, "rb") as file:
                content = file.read()
            found[relative] = [oct(mode), content.decode("latin-1")]
    return dict(sorted(found.items()))


def main():
    salt_key = os.path.join(sys.argv[1], "salt-key")
    version = subprocess.run([salt_key, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as scratch:
        if os.path.exists(OUT):
            with open(OUT) as file:
                keys = json.load(file)["keys"]
        else:
            keys = make_keys(scratch)
        trees, cases = {}, []
        os.umask(0o022)
        for number, (args, stdin, kind) in enumerate(CASES):
            root = os.path.join(scratch, str(number))
            build(root, keys, kind)
            trees[kind] = {path: [mode, text.replace(root, "{root}")] for path, (mode, text) in files(root).items()}
            words = [word.replace("{root}", root) for word in args]
            done = subprocess.run([salt_key, "-c", os.path.join(root, "etc"), *words], input=stdin, text=True, capture_output=True)
            after = {path: entry for path, entry in files(root).items()}
            before = trees[kind]
            cases.append({
                "args": args, "stdin": stdin, "tree": kind, "code": done.returncode,
                "stdout": done.stdout.replace(root, "{root}"), "stderr": done.stderr.replace(root, "{root}"),
                "gone": sorted(set(before) - set(after)),
                "made": {path: entry for path, entry in after.items() if before.get(path) != entry},
            })
    with open(OUT, "w") as file:
        json.dump({"made_by": "make_salt_key.py", "version": version, "keys": keys, "trees": trees, "cases": cases}, file, indent=1, ensure_ascii=False)
        file.write("\n")



main()
