"""Cases of user and group. Run with real Salt 3006.25: python user.py > user.jsonl"""

import os

import recorder

ME = {"gid": 1000, "groups": ["me", "adm"], "home": "/", "name": "me", "passwd": "x", "shell": "/bin/sh",
      "uid": 1000, "fullname": "", "roomnumber": "", "workphone": "", "homephone": "", "other": ""}
SHADOW = {"name": "me", "passwd": "!", "lstchg": 19000, "min": 0, "max": 99999, "warn": 7, "inact": -1, "expire": -1}
EMPTY = {key: "" for key in SHADOW}
GROUPS = {"me": 1000, "adm": 4, "wheel": 10, "admin": 4}
INFO = {"by": {name: {"name": name, "gid": gid, "members": [], "passwd": "x"} for name, gid in GROUPS.items()}, "is": {}}
EFFECTS = ["user.add", "user.delete", "user.chuid", "user.chgid", "user.chgroups", "user.chhome", "user.chshell",
           "user.chfullname", "user.chroomnumber", "user.chworkphone", "user.chhomephone", "user.chother",
           "shadow.set_password", "shadow.del_password", "shadow.lock_password", "shadow.unlock_password",
           "shadow.set_date", "shadow.set_mindays", "shadow.set_maxdays", "shadow.set_inactdays",
           "shadow.set_warndays", "shadow.set_expire", "file.mkdir"]


def user(kwargs, now=ME, then=None, shadow=SHADOW, shadow_then=None, added=True, fun="present", **more):
    salt = {name: {"is": True} for name in EFFECTS}
    salt["user.add"] = {"is": added}
    salt["user.delete"] = {"is": added}
    salt["user.info"] = {"is": now, "after": {"is": now if then is None else then}}
    salt["shadow.info"] = {"is": shadow, "after": {"is": shadow if shadow_then is None else shadow_then}}
    salt["shadow.default_hash"] = {"is": "!"}
    salt["group.info"] = INFO
    salt["file.group_to_gid"] = {"by": {**GROUPS, **{str(gid): gid for gid in GROUPS.values()}}, "is": ""}
    salt["file.gid_to_group"] = {"by": {"1000": "me", "4": "adm", "10": "wheel", "me": "me", "adm": "adm"}, "is": ""}
    salt["user.list_groups"] = {"is": ["me", "adm"]}
    return {"fun": f"states.user.{fun}", "kwargs": {"name": "me", **kwargs}, "salt": salt, "effects": EFFECTS, **more}


def both(*args, **kwargs):
    return [user(*args, **kwargs), user(*args, **kwargs, test=True)]


CASES = [
    *both({}),
    *both({"shell": "/bin/bash"}, then={**ME, "shell": "/bin/bash"}),
    *both({"shell": "/bin/bash"}),
    *both({"uid": 1001}),
    *both({"uid": 1001, "gid": 10}),
    *both({"uid": 1001, "allow_uid_change": True}, then={**ME, "uid": 1001}),
    *both({"gid": 10, "allow_gid_change": True}, then={**ME, "gid": 10, "groups": ["adm", "wheel"]}),
    *both({"gid": "adm", "allow_gid_change": True}, then={**ME, "gid": 4}),
    *both({"groups": ["wheel"]}, then={**ME, "groups": ["me", "wheel"]}),
    *both({"groups": ["adm"]}),
    *both({"groups": ["admin"]}),
    *both({"groups": []}, then={**ME, "groups": ["me"]}),
    *both({"groups": ["wheel"], "remove_groups": False}, then={**ME, "groups": ["me", "adm", "wheel"]}),
    *both({"groups": ["nobody-has", "me", "other"]}),
    *both({"optional_groups": ["wheel", "nope"]}, then={**ME, "groups": ["me", "wheel"]}),
    *both({"groups": ["adm"], "optional_groups": ["wheel"]}, then={**ME, "groups": ["me", "adm", "wheel"]}),
    *both({"home": "/no/such"}, then={**ME, "home": "/no/such"}),
    *both({"home": "/tmp"}, then={**ME, "home": "/tmp"}),
    *both({"home": "/no/such", "createhome": False}, then={**ME, "home": "/no/such"}),
    *both({"home": "/no/such", "createhome": False, "persist_home": True}, then={**ME, "home": "/no/such"}),
    *both({"password": "$6$a$b"}, shadow_then={**SHADOW, "passwd": "$6$a$b"}),
    *both({"password": "$6$a$b"}, shadow={**SHADOW, "passwd": "$6$a$b"}),
    *both({"password": "$6$a$c"}, shadow={**SHADOW, "passwd": "$6$a$b"}, shadow_then={**SHADOW, "passwd": "$6$a$c"}),
    *both({"password": "$6$a$c", "enforce_password": False}, shadow={**SHADOW, "passwd": "$6$a$b"}),
    *both({"empty_password": True}, shadow_then={**SHADOW, "passwd": ""}),
    *both({"password_lock": True}, shadow={**SHADOW, "passwd": "x"}, shadow_then={**SHADOW, "passwd": "!x"}),
    *both({"password_lock": False}, shadow={**SHADOW, "passwd": "!x"}, shadow_then={**SHADOW, "passwd": "x"}),
    *both({"password_lock": True}),
    *both({"date": 19001, "mindays": 1, "maxdays": 90, "inactdays": 5, "warndays": 3, "expire": 20000},
          shadow_then={**SHADOW, "lstchg": 19001, "min": 1, "max": 90, "inact": 5, "warn": 3, "expire": 20000}),
    *both({"mindays": 0, "maxdays": 99999, "warndays": 7}),
    *both({"mindays": 1}),
    *both({"fullname": "Me, Too"}),
    *both({"fullname": "Me", "roomnumber": 12, "workphone": "1", "homephone": "2", "other": "x,y"},
          then={**ME, "fullname": "Me", "roomnumber": "12", "workphone": "1", "homephone": "2", "other": "x,y"}),
    *both({"fullname": ""}),
    *both({"usergroup": True}),
    *both({}, now={}, then=ME),
    *both({}, now={}, then={}, added=False),
    *both({}, now={}, then={}, added="why not"),
    *both({"uid": 1000, "groups": ["adm"], "optional_groups": ["wheel", "x"], "shell": "/bin/sh", "system": True,
           "createhome": False, "fullname": "Me"}, now={}, then=ME),
    *both({"password": "$6$a$b"}, now={}, then=ME, shadow=EMPTY, shadow_then={**SHADOW, "passwd": "$6$a$b"}),
    *both({"password": "$6$a$b"}, now={}, then=ME, shadow=EMPTY, shadow_then=SHADOW),
    *both({"empty_password": True}, now={}, then=ME, shadow=EMPTY, shadow_then=SHADOW),
    *both({"date": 1, "mindays": 1, "maxdays": 90, "inactdays": 5, "warndays": 3, "expire": 20000}, now={}, then=ME,
          shadow=EMPTY, shadow_then={**SHADOW, "lstchg": 1, "min": 1, "max": 90, "inact": 5, "warn": 3, "expire": 20000}),
    *both({"mindays": 1, "expire": 3}, now={}, then=ME, shadow=EMPTY, shadow_then=SHADOW),
    *both({}, fun="absent", now={}),
    *both({}, fun="absent", added=False),
    *both({"purge": True, "force": True}, fun="absent"),
]

GROUP = {"name": "g", "gid": 100, "members": ["a", "b"], "passwd": "x"}
GROUP_EFFECTS = ["group.add", "group.delete", "group.chgid", "group.adduser", "group.deluser", "group.members"]


def group(kwargs, now=GROUP, then=None, added=True, fun="present", **more):
    salt = {name: {"is": added} for name in GROUP_EFFECTS}
    salt["group.info"] = {"is": now, "after": {"is": now if then is None else then}}
    salt["group.getent"] = {"is": [{"name": "taken", "gid": 200, "members": [], "passwd": "x"}]}
    case = {"fun": f"states.group.{fun}", "kwargs": {"name": "g", **kwargs}, "salt": salt, "effects": GROUP_EFFECTS, **more}
    return [case, {**case, "test": True}]


CASES += [
    *group({}),
    *group({"gid": 101}, then={**GROUP, "gid": 101}),
    *group({"gid": 101}),
    *group({"gid": "101"}, then={**GROUP, "gid": 101}),
    *group({"gid": "x"}),
    *group({"members": ["a", "b"]}),
    *group({"members": ["c"]}, then={**GROUP, "members": ["c"]}),
    *group({"members": []}, now={**GROUP, "members": ["a"]}, then={**GROUP, "members": []}),
    *group({"addusers": ["c", "a"]}, then={**GROUP, "members": ["a", "b", "c"]}),
    *group({"delusers": ["b", "x"]}, then={**GROUP, "members": ["a"]}),
    *group({"addusers": ["c"], "delusers": ["c"]}),
    *group({"addusers": ["c"], "members": ["c"]}),
    *group({"gid": 300, "system": True, "addusers": ["a"]}, now={}, then={**GROUP, "gid": 300}),
    *group({"gid": 300, "members": ["a", "b"]}, now={}, then={**GROUP, "gid": 300}),
    *group({"gid": 300, "members": ["z"]}, now={}, then={**GROUP, "gid": 300}),
    *group({"gid": 200}, now={}, then=GROUP),
    *group({"gid": 200, "non_unique": True}, now={}, then={**GROUP, "gid": 200}),
    *group({}, now={}, then={}, added=False),
    *group({}, fun="absent"),
    *group({}, fun="absent", now={}),
    *group({}, fun="absent", added=False),
]

PASSWD = "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000:Me,12,1:/home/me:/bin/bash\n"
ROOT = {"files": {"etc/passwd": PASSWD, "etc/group": "root:x:0:\ng:x:100:a,b\n",
                  "etc/shadow": "root:*:19000:0:99999:7:::\nme:$6$a$b:19000:0:99999:7::20000:\n"}}


def module(fun, *args, programs=(), **kwargs):
    return {"fun": f"modules.{fun}", "args": list(args), "kwargs": kwargs, "programs": list(programs)}


def rooted(fun, *args, **kwargs):
    return {**module(fun, *args, root="{root}", **kwargs), **ROOT}


FAIL = {"retcode": 9, "stderr": "no"}
CASES += [
    module("useradd.add", "new"),
    module("useradd.add", "new", uid=1, gid=2, home="/h", shell="/bin/x", unique=False, system=True, createhome=False,
           nologinit=True),
    module("useradd.add", "new", usergroup=True),
    module("useradd.add", "new", usergroup=False, gid=""),
    module("useradd.add", "new", root="/r"),
    module("useradd.add", "new", programs=[["/usr/bin/useradd", FAIL]]),
    {**module("useradd.add", "new"), "missing": ["useradd"]},
    module("useradd.delete", "me", remove=True, force=True),
    module("useradd.delete", "me", True, True, "/r"),
    module("useradd.delete", "me", programs=[["/usr/bin/userdel", FAIL]]),
    module("useradd.delete", "me", programs=[["/usr/bin/userdel", {"retcode": 12, "stderr": "userdel: /var/mail/me not found"}]]),
    rooted("useradd.info", "nobody-there"),
    rooted("useradd.list_users"),
    rooted("useradd.chfullname", "me", "Other"),
    rooted("useradd.chfullname", "me", "Me"),
    rooted("useradd.chother", "me", "x"),
    rooted("useradd.chhome", "me", "/new", persist=True),
    rooted("useradd.chshell", "me", "/bin/bash"),
    rooted("useradd.chuid", "me", 5),
    rooted("useradd.chuid", "nobody-there", 5),
    rooted("useradd.rename", "me", "root"),
    rooted("useradd.rename", "me", "you"),
    module("groupadd.add", "new"),
    module("groupadd.add", "new", 100, True, "/r"),
    module("groupadd.add", "new", 100, non_unique=True),
    module("groupadd.add", "new", programs=[["/usr/bin/groupadd", FAIL]]),
    {**module("groupadd.add", "new"), "missing": ["groupadd"]},
    module("groupadd.delete", "g", "/r"),
    module("groupadd.adduser", "g", "a"),
    module("groupadd.adduser", "g", "a", "/r"),
    module("groupadd.members", "g", "a,b"),
    rooted("groupadd.info", "g"),
    rooted("groupadd.info", "h"),
    rooted("groupadd.getent"),
    rooted("groupadd.chgid", "g", 100),
    rooted("groupadd.chgid", "g", 101),
    rooted("groupadd.chgid", "g", 101, non_unique=True),
    rooted("groupadd.chgid", "h", 101),
    rooted("linux_shadow.info", "me"),
    rooted("linux_shadow.info", "you"),
    rooted("linux_shadow.list_users"),
    rooted("linux_shadow.set_mindays", "me", 0),
    rooted("linux_shadow.set_mindays", "me", 3),
    rooted("linux_shadow.set_date", "me", 3),
    rooted("linux_shadow.set_expire", "you", 3),
    rooted("linux_shadow.lock_password", "me"),
    rooted("linux_shadow.unlock_password", "me"),
    rooted("linux_shadow.del_password", "me"),
    rooted("linux_shadow.set_password", "me", "$6$x$y", use_usermod=True),
    rooted("linux_shadow.set_password", "me", "$6$x$y", programs=[["id me", FAIL]]),
    module("linux_shadow.gen_password", "secret", "salty", "sha512"),
    module("linux_shadow.gen_password", "a longer secret than the digest is long, which takes more blocks", "s", "sha256"),
]

if __name__ == "__main__":
    os.environ["LANG"] = "C"
    recorder.main(CASES)
