#!/usr/bin/env python3
"""
Records what real Salt's states of the machine do in scratch roots, with nothing in place of what they call: machine.jsonl,
in the form of file.jsonl. Each runs as a plan, for real, once more, and as a plan again.

    python3 machine.py        (with the Python of a Salt 3006 environment, as root)
"""

import gzip
import hashlib
import io
import tarfile
import zipfile

import file as recorder

CASES = []


def thrice(label, files, state, fun, name="{root}/f", **args):
    steps = [{"state": state, "fun": fun, "test": test, "args": {"name": name, **args}} for test in (True, False, False, True)]
    CASES.append({"name": label, "files": files, "pillar": {}, "steps": steps})


def octets(data):
    return {"octets": data.decode("latin-1")}


def tar(*names):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mode = 0o755 if name.endswith("/") else 0o640
            info.mtime = 1600000000
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(name)
                archive.addfile(info, io.BytesIO(name.encode()))
    return out.getvalue()


def packed(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), "" if name.endswith("/") else name)
    return out.getvalue()


PLAIN = tar("top/", "top/a", "top/sub/", "top/sub/b")
ONE = gzip.compress(PLAIN, mtime=0)
TWO = gzip.compress(tar("a", "dir/", "dir/b"), mtime=0)
ZIP = packed("top/", "top/a", "top/sub/b")
SUM = "sha256=" + hashlib.sha256(ONE).hexdigest()
SERVED = {"one.tar": octets(PLAIN), "one.tar.gz": octets(ONE), "one.zip": octets(ZIP), "one.odd": octets(ONE),
          "a.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4eQxR0nVnE0N5S0Qm2k0aQ4lXK5mYkz5nS9iO0Pq1T of@file\n"}
HERE = {"one.tgz": octets(ONE), "two.tgz": octets(TWO), "one.zip": octets(ZIP), "broken.tar": "no archive\n"}
OUT = "{root}/out/"


def extracted(label, files=None, name=OUT, **args):
    thrice("extracted_" + label, HERE if files is None else files, "archive", "extracted", name=name, **args)


extracted("served", {}, source="salt://one.tar")
extracted("served_gz", {}, source="salt://one.tar.gz")
extracted("served_zip", {}, source="salt://one.zip")
extracted("served_format", {}, source="salt://one.odd", archive_format="tar")
extracted("served_no_format", {}, source="salt://one.odd")
extracted("served_missing", {}, source="salt://no.tar")
extracted("local", source="{root}/one.tgz", source_hash=SUM)
extracted("local_unchecked", source="{root}/one.tgz")
extracted("local_skip_verify", source="{root}/one.tgz", skip_verify=True)
extracted("local_wrong_hash", source="{root}/one.tgz", source_hash="sha256=" + "0" * 64)
extracted("local_missing", source="{root}/no.tar")
extracted("broken", source="{root}/broken.tar")
extracted("toplevel", source="{root}/two.tgz")
extracted("no_toplevel", source="{root}/two.tgz", enforce_toplevel=False)
extracted("mode_kept", source="{root}/one.tgz", user="nobody", group="nogroup")
extracted("user_unknown", source="{root}/one.tgz", user="no_such_user")
extracted("if_missing", source="{root}/one.tgz", if_missing="{root}/one.tgz")
extracted("if_missing_not_there", source="{root}/one.tgz", if_missing="{root}/out/top/a")
extracted("options", source="{root}/one.tgz", options="--strip-components=1", enforce_toplevel=False)
extracted("partly_there", {**HERE, "out/top/a": "own\n"}, source="{root}/one.tgz")
extracted("overwrite", {**HERE, "out/top/a": "own\n", "out/top/sub/b": "own\n"}, source="{root}/one.tgz", overwrite=True)
extracted("clean", {**HERE, "out/top/old": "old\n"}, source="{root}/one.tgz", clean=True)
extracted("clean_parent", {**HERE, "out/old": "old\n"}, source="{root}/two.tgz", clean_parent=True, enforce_toplevel=False)
extracted("file_in_the_way", {**HERE, "out/top": "a file\n"}, source="{root}/one.tgz")
extracted("force", {**HERE, "out/top": "a file\n"}, source="{root}/one.tgz", force=True)
extracted("relative", name="out", source="{root}/one.tgz")
extracted("name_is_a_file", name="{root}/one.tgz", source="{root}/one.tgz")
extracted("zip", source="{root}/one.zip")
extracted("zip_command", source="{root}/one.zip", use_cmd_unzip=True)
extracted("trim_output", source="{root}/one.tgz", trim_output=1)
extracted("update_source", source="{root}/one.tgz", source_hash=SUM, source_hash_update=True)
extracted("list_options", source="{root}/one.tgz", list_options="-v")
extracted("format_unknown", source="{root}/one.tgz", archive_format="odd")

INI = {"f": "top = 1\n\n[one]\na = 1\n# of b\nb: 2\n\n[two]\nc=3\n"}
for label, fun, sections in [
    ("options", "options_present", {"one": {"a": 2, "new": "x"}, "three": {"d": "e"}}),
    ("options_same", "options_present", {"one": {"a": 1}}),
    ("options_top", "options_present", {"top": 2}),
    ("options_gone", "options_absent", {"one": ["a", "nope"], "none": ["x"]}),
    ("sections_gone", "sections_absent", ["two", "none"]),
]:
    thrice("ini_" + label, INI, "ini", fun, sections=sections)
thrice("ini_strict", INI, "ini", "options_present", sections={"one": {"a": 5}}, strict=True)
thrice("ini_separator", {"f": "[s]\nk v\n"}, "ini", "options_present", sections={"s": {"k": "w"}}, separator=" ")
thrice("ini_new_file", {}, "ini", "options_present", sections={"s": {"k": "v"}})

FSTAB = {"fstab": "# table\nUUID=1 / ext4 defaults 0 1\n/dev/sdb /data ext4 ro 0 2\n"}
FS = {"fs_mount": False, "mount": False, "config": "{root}/fstab"}
thrice("fstab_new", FSTAB, "mount", "fstab_present", name="/dev/sdc", fs_file="/new", fs_vfstype="xfs", **FS)
thrice("fstab_same", FSTAB, "mount", "fstab_present", name="/dev/sdb", fs_file="/data", fs_vfstype="ext4", fs_mntops="ro", fs_passno=2, **FS)
thrice("fstab_other", FSTAB, "mount", "fstab_present", name="/dev/sdb", fs_file="/data", fs_vfstype="ext4", fs_mntops=["rw", "noatime"], **FS)
thrice("fstab_not_change", FSTAB, "mount", "fstab_present", name="/dev/sdb", fs_file="/data", fs_vfstype="ext4", not_change=True, **FS)
thrice("fstab_gone", FSTAB, "mount", "fstab_absent", name="/dev/sdb", fs_file="/data", config="{root}/fstab")
thrice("fstab_not_there", FSTAB, "mount", "fstab_absent", name="/dev/sdz", fs_file="/none", config="{root}/fstab")

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ4eQxR0nVnE0N5S0Qm2k0aQ4lXK5mYkz5nS9iO0Pq1T"
SSH = {"user": "root", "config": "{root}/keys"}
KEYS = {"keys": "# own\nssh-ed25519 " + KEY + " me@here\n"}
thrice("key_new", {}, "ssh_auth", "present", name=KEY, enc="ed25519", comment="me@here", **SSH)
thrice("key_line", {}, "ssh_auth", "present", name="no-pty ssh-ed25519 " + KEY + " me@here", **SSH)
thrice("key_there", KEYS, "ssh_auth", "present", name=KEY, enc="ed25519", comment="me@here", **SSH)
thrice("key_options", KEYS, "ssh_auth", "present", name=KEY, enc="ed25519", comment="you@there", options=["no-pty"], **SSH)
thrice("key_file", {}, "ssh_auth", "present", name="x", source="salt://a.pub", **SSH)
thrice("key_file_missing", {}, "ssh_auth", "present", name="x", source="salt://no.pub", **SSH)
thrice("key_gone", KEYS, "ssh_auth", "absent", name=KEY, **SSH)
thrice("key_not_there", KEYS, "ssh_auth", "absent", name="AAAAnone", **SSH)
thrice("keys_managed", KEYS, "ssh_auth", "manage", name="all", ssh_keys=["ssh-ed25519 " + KEY.replace("J4e", "J5e") + " you@there"], **SSH)
HOST = {"user": "root", "config": "{root}/known_hosts"}
thrice("host_new", {}, "ssh_known_hosts", "present", name="example.org", key=KEY, enc="ssh-ed25519", hash_known_hosts=False, **HOST)
thrice("host_there", {"known_hosts": "example.org ssh-ed25519 " + KEY + "\n"}, "ssh_known_hosts", "present", name="example.org", key=KEY, enc="ssh-ed25519", **HOST)
thrice("host_other_port", {"known_hosts": "example.org ssh-ed25519 " + KEY + "\n"}, "ssh_known_hosts", "present", name="example.org", port=2222, key=KEY, enc="ssh-ed25519", hash_known_hosts=False, **HOST)
thrice("host_gone", {"known_hosts": "example.org ssh-ed25519 " + KEY + "\nother ssh-ed25519 " + KEY + "\n"}, "ssh_known_hosts", "absent", name="example.org", **HOST)
thrice("host_not_there", {"known_hosts": "other ssh-ed25519 " + KEY + "\n"}, "ssh_known_hosts", "absent", name="example.org", **HOST)

if __name__ == "__main__":
    recorder.main("machine.jsonl", SERVED, CASES)
