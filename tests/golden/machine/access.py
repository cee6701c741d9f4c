"""Cases of mount, ssh, ssh_auth, ssh_known_hosts, ini, alias and blockdev. Run with real Salt 3006.25: python access.py > access.jsonl"""

import recorder

recorder.REAL.update({"mount": "modules.mount", "ssh": "modules.ssh", "ini": "modules.ini_manage", "aliases": "modules.aliases", "disk": "modules.disk"})
TABLE = "# table\nUUID=1 / ext4 errors=remount-ro 0 1\n/dev/sdb\t/data ext4 noatime,ro 0 2\nproc /proc proc defaults\nbad line\n/dev/swap none swap sw 0 0\n"


def mount(fun, *args, **kwargs):
    return {"fun": f"modules.mount.{fun}", "args": list(args), "kwargs": {**kwargs, "config": "{root}/fstab"}, "files": {"fstab": TABLE}}


ACTIVE = {"/mnt": {"device": "/dev/sdb", "alt_device": "/dev/sdb", "fstype": "ext4", "opts": ["rw", "noatime"], "superopts": ["rw"], "device_uuid": "abc", "device_label": "data"}}
MOUNTS = ["mount.mount", "mount.umount", "mount.remount", "mount.write_mount_cache", "mount.delete_mount_cache", "file.mkdir"]


def state(fun, active=ACTIVE, after=None, said=True, cache=None, fstab="present", **kwargs):
    salt = {"mount.active": {"is": active, "after": {"is": after if after is not None else active}}, "mount.read_mount_cache": {"is": cache or {}},
            "mount.set_fstab": {"is": fstab}, "user.info": {"is": {"uid": 7}}, "group.info": {"is": {"gid": 8}}, "mount.rm_fstab": {"is": True},
            "mount.fstab": {"is": {"/mnt": {"device": "/dev/sdb", "fstype": "ext4"}}}}
    salt.update({name: {"is": said} for name in MOUNTS})
    case = {"fun": f"states.mount.{fun}", "kwargs": kwargs, "salt": salt, "effects": MOUNTS}
    # With test=True Salt remembers options of mounts that it leaves alone; a test does not write.
    return [case, {**case, "test": True, "effects": [name for name in MOUNTS if name != "mount.write_mount_cache"]}]


def mounted(**kwargs):
    return state("mounted", **{"name": "/mnt", "device": "/dev/sdb", "fstype": "ext4", "opts": "rw,noatime", **kwargs})


def swap(on=False, said=None, fstab="new", **kwargs):
    stats = {"type": "file", "size": "1", "used": "0", "priority": "-2"}
    salt = {"mount.swaps": {"is": {"/swap": stats} if on else {}, "after": {"is": {"/swap": stats} if said is None else said}}, "file.is_link": {"is": False},
            "mount.swapon": {"is": {}}, "mount.set_fstab": {"is": fstab}, "mount.fstab": {"is": {}}}
    case = {"fun": "states.mount.swap", "kwargs": {"name": "/swap", **kwargs}, "salt": salt, "effects": ["mount.swapon"]}
    return [case, {**case, "test": True}]


def entry(fun, done="present", known=None, said=True, **kwargs):
    salt = {"mount.set_fstab": {"is": done}, "mount.mount": {"is": said}, "mount.rm_fstab": {"is": said}, "disk.blkid": {"is": known or {}},
            "mount.fstab": {"is": {"/mnt": {"device": "/dev/sdb"}}}}
    case = {"fun": f"states.mount.{fun}", "kwargs": {"name": "/dev/sdb", "fs_file": "/mnt/", **kwargs}, "salt": salt, "effects": ["mount.set_fstab", "mount.mount", "mount.rm_fstab"]}
    return [case, {**case, "test": True}]


CASES = [
    mount("fstab"), mount("set_fstab", "/data", "/dev/sdb", "ext4", "ro,noatime", 0, 2), mount("set_fstab", "/data", "/dev/sdb", "xfs"), mount("set_fstab", "/data", "/dev/sdb", "xfs", test=True),
    mount("set_fstab", "/new", "host:/x", "nfs", ["ro", "hard"]), mount("set_fstab", "/proc", "proc", "proc"), mount("set_fstab", "/data", "/dev/sdc", "ext4", match_on="name"),
    mount("set_fstab", "/data", "/dev/sdb", "xfs", not_change=True), mount("set_fstab", "/a b", "/dev/a\\ b", "xfs"), mount("set_fstab", "/data", "/dev/sdc", "ext4", match_on=["name", "fstype"]),
    mount("set_fstab", "/data", "/dev/sdc", "ext4", match_on=5), mount("rm_fstab", "/data", "/dev/sdb"), mount("rm_fstab", "/data", None), mount("rm_fstab", "/no", "/dev/sdb"),
    *mounted(), *mounted(fstab="new"), *mounted(fstab="change"), *mounted(persist=False), *mounted(opts="rw,noatime,nodev"), mounted(opts="rw,noatime,nodev", said="broken")[1], *mounted(opts=["rw", "_netdev", "uid=me"]),
    *mounted(opts="rw,size=2g", active={"/mnt": {**ACTIVE["/mnt"], "superopts": ["rw", "size=2097152k"]}}), *mounted(opts="rw,noatime,password=x,tcp", extra_mount_invisible_options=["proto=tcp"]), *mounted(opts="rw,nodev", hidden_opts="nodev"),
    *mounted(opts="rw", cache={"opts": ["rw"]}), *mounted(fstype="nfs", device="host:/x", opts="rw,hard", active={"/mnt": {**ACTIVE["/mnt"], "device": "host:/x"}}),
    *mounted(device="/dev/sdc", after={}), *mounted(device="/dev/sdc"), *mounted(device="/dev/sdc", device_name_regex=["/dev/sd[bc]"]), *mounted(device="UUID=ABC"), *mounted(device="sshfs#host"),
    *mounted(active={}, after=ACTIVE), *mounted(active={}, after=ACTIVE, fstab="new"), *mounted(active={}, said="no such device"), *mounted(active={}, name="/no/such/place"), *mounted(active={}, name="/no/such/place", mkmnt=True),
    *mounted(active={}, mount=False), *mounted(active={}, mount=False, fstab="new"), *mounted(active={}, mount=False, name="/no/such/place"), *mounted(active={}, mount=False, name="/no/such/place", mkmnt=True),
    *mounted(device=""), *mounted(fstype=""),
    *state("unmounted", name="/mnt", after={}), *state("unmounted", name="/no"), *state("unmounted", name="/mnt", device="/dev/sdb", persist=True, after={}), *state("unmounted", name="/no", persist=True),
    *state("unmounted", active={}, name="/mnt", persist=True), *state("unmounted", active={}, name="/mnt", device="/dev/x", persist=True), *state("unmounted", name="/mnt", said="busy"), *state("unmounted", name="/mnt", said=False),
    *swap(), *swap(on=True), *swap(said={}), *swap(fstab="present"), *swap(fstab="change", on=True), *swap(persist=False),
    *entry("fstab_present", fs_vfstype="ext4"), *entry("fstab_present", "new", fs_vfstype="ext4"), *entry("fstab_present", "new", fs_vfstype="ext4", mount=False), *entry("fstab_present", "change", fs_vfstype="ext4", fs_mntops=["ro"]),
    *entry("fstab_present", "new", said="mount: broken", fs_vfstype="ext4"), *entry("fstab_present", "odd", fs_vfstype="ext4"), *entry("fstab_present", fs_vfstype="ext4", mount_by="uuid"),
    *entry("fstab_present", known={"/dev/sdb": {"UUID": "abc"}}, fs_vfstype="ext4", mount_by="uuid"), *entry("fstab_absent"), *entry("fstab_absent", fs_file="/no"), *entry("fstab_absent", said=False),
    {"fun": "states.mount.mod_watch", "kwargs": {"name": "/mnt", "sfun": "mounted", "device": "/dev/sdb", "fstype": "ext4", "opts": "rw"}, "salt": {"mount.remount": {"is": True}}, "effects": ["mount.remount"]},
    {"fun": "states.mount.mod_watch", "kwargs": {"name": "/mnt", "sfun": "swap"}},
]

KEYS = "# mine\nssh-rsa AAAA me@here\n\nfrom=\"1.2.3.4\",no-pty ssh-ed25519 BBBB two words\n"
HOME = {"user.info": {"is": {"home": "{root}", "uid": 0, "gid": 0}}}


def ssh(fun, *args, files=None, salt=None, **kwargs):
    return {"fun": f"modules.ssh.{fun}", "args": list(args), "kwargs": kwargs, "files": files if files is not None else {".ssh/authorized_keys": KEYS}, "salt": {**HOME, **(salt or {})}, "missing": ["restorecon"]}


def auth(fun, source_keys=None, said="new", **kwargs):
    salt = {**HOME, "cp.get_url": {"is": "/cached" if source_keys is not None else ""}, "ssh.check_key_file": {"is": source_keys or {}}}
    effects = ["ssh.set_auth_key_from_file", "ssh.rm_auth_key_from_file"]
    salt.update({name: {"is": said} for name in effects})
    case = {"fun": f"states.ssh_auth.{fun}", "kwargs": {"user": "me", **kwargs}, "salt": salt, "effects": effects, "files": {".ssh/authorized_keys": KEYS}, "missing": ["restorecon"]}
    return [case, {**case, "test": True}]


CASES += [
    ssh("auth_keys", "me"), ssh("auth_keys", "me", fingerprint_hash_type="md5"), ssh("auth_keys", ["me"]), ssh("auth_keys", "me", files={"x": ""}), ssh("check_key", "me", "AAAA", "rsa", "me@here", []),
    ssh("check_key", "me", "AAAA", "ed25519", "me@here", []), ssh("check_key", "me", "CCCC", "rsa", "", []), ssh("check_key", "me", "CCCC", "xyz", "", []),
    ssh("set_auth_key", "me", "CCCC", comment="new"), ssh("set_auth_key", "me", "AAAA", comment="other", options=["no-pty"]), ssh("set_auth_key", "me", "AAAA", comment="me@here"), ssh("set_auth_key", "me", "C C"),
    ssh("set_auth_key", "me", "CCCC", files={".ssh/authorized_keys": "ssh-rsa AAAA"}), ssh("set_auth_key", "me", "CCC"), ssh("set_auth_key", "me", "CCCC", files={"x": ""}, config="%h/keys/%u"), ssh("set_auth_key", "me", "CCCC", config="%x"),
    ssh("rm_auth_key", "me", "AAAA"), ssh("rm_auth_key", "me", "CCCC"), ssh("set_auth_key", "me", "CCCC", salt={"user.info": {"is": {}}}),
    ssh("check_key_file", "me", "salt://k", files={".ssh/authorized_keys": KEYS, "k": "ssh-rsa AAAA me@here\nssh-rsa CCCC x\n"}, salt={"cp.cache_file": {"is": "{root}/k"}}),
    ssh("set_auth_key_from_file", "me", "salt://k", files={".ssh/authorized_keys": KEYS, "k": "ssh-rsa AAAA me@here\nssh-rsa CCCC x\n"}, salt={"cp.cache_file": {"is": "{root}/k"}}),
    ssh("set_auth_key_from_file", "me", "salt://k", files={".ssh/authorized_keys": KEYS, "k": "nothing\n"}, salt={"cp.cache_file": {"is": "{root}/k"}}),
    ssh("rm_auth_key_from_file", "me", "salt://k", files={".ssh/authorized_keys": KEYS, "k": "ssh-rsa AAAA\nssh-rsa CCCC x\n"}, salt={"cp.cache_file": {"is": "{root}/k"}}),
    *auth("present", name="AAAA", comment="me@here"), *auth("present", name="CCCC"), *auth("present", name="ssh-rsa AAAA me@here"), *auth("present", name="no-pty ssh-rsa AAAA me and you"), *auth("present", name="CCCC a comment"),
    *auth("present", name="AAAA", enc="ed25519"), *auth("present", name="C"), *auth("present", {"AAAA": "exists", "CCCC": "add"}, name="x", source="salt://k"), *auth("present", {"AAAA": "exists"}, "no change", name="x", source="salt://k"),
    *auth("present", None, name="x", source="salt://k"), *auth("present", {}, "fail", name="x", source="salt://k"), *auth("present", {"A": "update"}, "replace", name="x", source="salt://k", options=["no-pty"]),
    *auth("absent", name="AAAA"), *auth("absent", name="CCCC"), *auth("absent", name="ssh-ed25519 BBBB two words"), *auth("absent", {"AAAA": "exists", "CCCC": "add"}, "Key removed", name="x", source="salt://k"),
    *auth("absent", {"CCCC": "add"}, "Key not present", name="x", source="salt://k"), *auth("manage", name="n", ssh_keys=["AAAA me@here", "BBBB", "CCCC"]), *auth("manage", name="n", ssh_keys=["BBBB"]),
]

FOUND = "# Host h found: line 1\nh ssh-rsa AAAA\n# Host h found: line 3\nh ssh-ed25519 BBBB\n"
KNOWN = {".ssh/known_hosts": "h ssh-rsa AAAA\nother ssh-rsa AAAA\nh ssh-ed25519 BBBB\n"}


def host(fun, found=FOUND, shown="h ssh-rsa AAAA\n", files=None, **kwargs):
    programs = [["ssh-keygen -F", {"stdout": found, "retcode": 0 if found else 1}], ["ssh-keyscan", {"stdout": shown}], ["ssh-keygen -R", {"stdout": "# Host h found: line 1\nupdated."}]]
    return {"fun": fun, "kwargs": kwargs, "files": files if files is not None else KNOWN, "salt": HOME, "programs": programs}


def hosts(fun, **kwargs):
    case = host(f"states.ssh_known_hosts.{fun}", **{"name": "h", "user": "me", **kwargs})
    return [case, {**case, "test": True}]


MD5 = "69:3e:9a:f8:4d:3d:fc:c7:1e:64:0e:00:5b:dc:5e:2e"
CASES += [
    host("modules.ssh.get_known_host_entries", user="me", hostname="h"), host("modules.ssh.get_known_host_entries", user="me", hostname="h", port=23, fingerprint_hash_type="md5"), host("modules.ssh.get_known_host_entries", "", user="me", hostname="h"),
    host("modules.ssh.recv_known_host_entries", hostname="h"), host("modules.ssh.recv_known_host_entries", hostname="h", enc="rsa", port=23, hash_known_hosts=False, timeout=3), host("modules.ssh.recv_known_host_entries", shown="", hostname="h"),
    host("modules.ssh.check_known_host", user="me", hostname="h"), host("modules.ssh.check_known_host", user="me", hostname="h", key="CCCC"), host("modules.ssh.check_known_host", "", user="me", hostname="h", key="CCCC"), host("modules.ssh.check_known_host", user="me"),
    host("modules.ssh.check_known_host", user="me", hostname="h", fingerprint=MD5, fingerprint_hash_type="md5"), host("modules.ssh.rm_known_host", user="me", hostname="h"), host("modules.ssh.rm_known_host", user="me", hostname="h", files={"x": ""}),
    host("modules.ssh.set_known_host", user="me", hostname="h", key="CCCC", enc="ssh-rsa", hash_known_hosts=False), host("modules.ssh.set_known_host", user="me", hostname="h", key="AAAA", enc="ssh-rsa"),
    host("modules.ssh.set_known_host", user="me", hostname="h", hash_known_hosts=False), host("modules.ssh.set_known_host", user="me", hostname="h", fingerprint="00"), host("modules.ssh.set_known_host", "", user="me", hostname="h"),
    host("modules.ssh.set_known_host", "", "", user="me", hostname="h"), host("modules.ssh.set_known_host", "", user="me", hostname="h", port=23, hash_known_hosts=False), host("modules.ssh.set_known_host", user="me", hostname="h", port=23),
    host("modules.ssh.set_known_host", "", files={"x": ""}, user="me", hostname="h", key="CCCC", enc="ssh-rsa", hash_known_hosts=False),
    *hosts("present"), *hosts("present", found=""), *hosts("present", key="AAAA", enc="ssh-rsa"), *hosts("present", key="CCCC", enc="ssh-rsa", hash_known_hosts=False), *hosts("present", fingerprint="00"), *hosts("present", key="A", fingerprint="0"),
    *hosts("present", found="", fingerprint=MD5, fingerprint_hash_type="md5"), *hosts("present", found="", enc="ssh-rsa"), *hosts("present", found="", shown=""), *hosts("present", user=None, config="rel"), *hosts("present", key="CCCC"),
    *hosts("absent"), *hosts("absent", found=""), *hosts("absent", user=None, config="rel"),
]

INI = "# top\nfirst = 1\n\n[a]\n;why\n#key = old\nother: x\nkey2=v\n  more\n\n\n[b]\nx=y\nlast= z \n[a.b]\n"


def ini(fun, *args, text=INI, **kwargs):
    return {"fun": f"modules.ini_manage.{fun}", "args": ["{root}/i", *args], "kwargs": kwargs, "files": {"i": text}}


def inis(fun, text=INI, **kwargs):
    case = {"fun": f"states.ini_manage.{fun}", "kwargs": {"name": "{root}/i", **kwargs}, "files": {"i": text}, "test": False}
    return [case, {**case, "test": True}]


CASES += [
    ini("get_ini"), ini("get_ini", ":"), ini("get_ini", " "), ini("get_option", "a", "key2"), ini("get_option", "", "first"), ini("get_option", "no", "x"), ini("get_section", "b"), ini("get_section", "no"),
    ini("set_option", {"a": {"key": "new", "key2": "v\n  more", "n": 5}, "new": {"x": True}, "top": "t"}), ini("set_option", {"b": {"x": "y"}}), ini("set_option", {"a": {"other": "z"}}, ":"), ini("set_option", {"b": {"x": "1"}}, no_spaces=True),
    ini("set_option", {"s": {"o": 1}}, text=""), ini("remove_option", "b", "x"), ini("remove_option", None, "first"), ini("remove_option", "b", "no"), ini("remove_section", "b"), ini("remove_section", "no"), ini("set_option", {"a": {"k": "v"}}, " "),
    *inis("options_present", sections={"a": {"key": "new"}, "n": {"x": 1}}), *inis("options_present", sections={"b": {"x": "y"}}), *inis("options_present", sections={"first": 2, "b": {"x": "y"}}), *inis("options_present", sections={"b": {"x": "q"}}, strict=True),
    *inis("options_present", sections={"b": {"x": "y", "last": "z "}}, strict=True, text="[b]\nx=y\nlast= z \n"), *inis("options_present", sections={"first": 1, "b": {"x": 5}}, no_spaces=True), *inis("options_absent", sections={"b": ["x", "no"]}), inis("options_absent", sections={"b": ["no"]})[1],
    *inis("sections_absent", sections=["b", "no"]), *inis("sections_absent", sections=["no"]), inis("sections_present", sections=["b", "n"])[1], inis("sections_present", sections=["b"])[1],
]

ALIASES = "# mail\nroot: me, you # why\nfred: bob\n"


def alias(fun, *args):
    return {"fun": f"modules.aliases.{fun}", "args": list(args), "opts": {"aliases.file": "{root}/aliases"}, "files": {"aliases": ALIASES}, "missing": ["newaliases"]}


def aliases(fun, **kwargs):
    case = {"fun": f"states.alias.{fun}", "kwargs": kwargs, "opts": {"aliases.file": "{root}/aliases"}, "files": {"aliases": ALIASES}, "missing": ["newaliases"]}
    return [case, {**case, "test": True}]


CASES += [
    alias("list_aliases"), alias("get_target", "root"), alias("get_target", "no"), alias("has_target", "fred", "bob"), alias("has_target", "root", ["me", "you"]), alias("has_target", "no", "x"), alias("has_target", "no", ""),
    alias("set_target", "fred", "joe"), alias("set_target", "root", ["a", "b"]), alias("set_target", "new", "x"), alias("set_target", "fred", "bob"), alias("set_target", "", "x"), alias("rm_alias", "fred"), alias("rm_alias", "no"),
    *aliases("present", name="fred", target="bob"), *aliases("present", name="fred", target="joe"), *aliases("present", name="n", target="x"), *aliases("absent", name="fred"), *aliases("absent", name="no"),
]

BLOCK = "0\n2048\n512\n4096\n512\n0\n0\n2560\n2048\n1048576\n256\n256\n"


def disk(fun, *args, retcode=0, **kwargs):
    return {"fun": f"modules.disk.{fun}", "args": list(args), "kwargs": kwargs, "programs": [["blockdev", {"stdout": BLOCK if retcode == 0 else "", "stderr": "no" if retcode else "", "retcode": retcode}]]}


def tuned(before="256", after="512", block=True, **kwargs):
    salt = {"file.is_blkdev": {"is": block}, "disk.dump": {"is": {"getra": before, "getro": "0"}}, "disk.tune": {"is": {"getra": after, "getro": "1"}}}
    case = {"fun": "states.blockdev.tuned", "kwargs": {"name": "/dev/x", **kwargs}, "salt": salt, "effects": ["disk.tune"]}
    return [case, {**case, "test": True}]


CASES += [
    disk("dump", "/dev/x"), disk("dump", "/dev/x", ["getra"]), disk("dump", "/dev/x", retcode=1), disk("tune", "/dev/x", **{"read-ahead": 512, "read-only": True}), disk("tune", "/dev/x", retcode=1, **{"read-write": True}), disk("tune", "/dev/x", odd=1),
    *tuned(**{"read-ahead": 512}), *tuned(after="256", **{"read-ahead": 256}), *tuned(**{"read-only": True}), *tuned(block=False),
]

if __name__ == "__main__":
    recorder.main(CASES)
