"""Cases of pip, virtualenv, debconf and locale. Run with real Salt 3006.25: python software.py > software.jsonl"""

import recorder

recorder.REAL.update({"debconf": "modules.debconfmod", "locale": "modules.localemod"})
HAVE = {"Django": "1.4.2", "six": "1.16.0", "my-package": "2.0"}


def installed(after=None, versions=None, done=None, fun="installed", have=HAVE, **kwargs):
    salt = {"pip.version": {"is": "23.0"}, "pip.list": {"is": have, "after": {"is": {**have, **(after or {})}}}, "pip.list_all_versions": {"is": versions},
            "pip.install": {"is": done or {"retcode": 0, "stdout": "", "stderr": ""}}, "pip.uninstall": {"is": {"retcode": 0}}, "user.info": {"is": {}},
            "pip.list_upgrades": {"is": versions or {}}, "pip.upgrade": {"is": done or {"six": {"old": "1", "new": "2"}}}}
    case = {"fun": f"states.pip_state.{fun}", "kwargs": {"name": "x", **kwargs}, "salt": salt, "effects": ["pip.uninstall", "pip.upgrade"] + (["pip.install"] if fun != "installed" else [])}
    if fun == "installed":
        # Salt hands on every argument, ours those that are given; what is installed is compared by what comes of it.
        case["salt"]["pip.list"] = {"is": {**have, **(after or {})}} if after else {"is": have}
    return [case, {**case, "test": True}]


CASES = [
    *installed(name="six"), *installed(name="six>=1.0"), *installed(name="SIX==1.16.0"), *installed(name="my_package"), *installed(name="django>=1.4,<2"), *installed(name="x", pkgs=["six", "django==1.4.2"]), *installed(name="x", pkgs="six"),
    installed(name="six==1.0")[1], installed(name="new")[1], installed(name="x", pkgs=["six", "new"])[1], *installed(name="six=1.0"), *installed(name="six", user="nobody"), *installed(name="six", upgrade=True, versions=["1.15.0", "1.16.0"]),
    installed(name="six", upgrade=True, versions=["1.16.0", "1.17.0"])[1], *installed(name="six<1.0", upgrade=True, versions=["1.16.0"]), installed(name="x", requirements="/r.txt")[1], installed(name="x", editable="git+https://h/x#egg=x")[1],
    *installed(name="x", requirements="/r.txt"), *installed(name="x", requirements="/r.txt", done={"retcode": 0, "stdout": "Requirement already satisfied: x", "stderr": ""}), *installed(name="x", requirements="/r.txt", done={"retcode": 1, "stdout": "out", "stderr": "err"}),
    installed(name="nothing", done={"retcode": 1, "stdout": "out", "stderr": "err"})[0], installed(name="nothing")[0], installed(name="six", force_reinstall=True)[0], installed(name="git+https://h/x")[0],
    *installed(fun="removed", name="six"), *installed(fun="removed", name="no"), *installed(fun="uptodate"), *installed(fun="uptodate", versions={"six": "2"}),
]


def pip(fun, *args, stdout="", stderr="", retcode=0, **kwargs):
    return {"fun": f"modules.pip.{fun}", "args": list(args), "kwargs": {"bin_env": "/usr/bin/env", **kwargs},
            "programs": [["/usr/bin/env --version", {"stdout": "pip 23.0.1 from /x (python 3.11)"}], ["/usr/bin/env", {"stdout": stdout, "stderr": stderr, "retcode": retcode}]]}


LISTED = '[{"name": "Django", "version": "1.4"}, {"name": "six", "version": "1.16"}]'
CASES += [
    pip("version"), pip("freeze", stdout="a==1\nb==2"), pip("list", stdout=LISTED), pip("list", prefix="DJ", stdout=LISTED), pip("is_installed", "SIX", stdout=LISTED), pip("list_upgrades", stdout='[{"name": "a", "version": "1", "latest_version": "2", "latest_filetype": "wheel"}]'),
    pip("list_all_versions", "x", stdout="x (2.0)\nAvailable versions: 2.0, 1.10, 1.9, 1.0rc1, 1.0a1"), pip("list_all_versions", "x", include_rc=True, include_alpha=True, stdout="Available versions: 2.0, 1.0rc1, 1.0a1"), pip("list_all_versions", "x"),
]

SELECTIONS = "# Areas\ntzdata\ttzdata/Areas\tselect\tEtc\ntzdata\ttzdata/x\tboolean\ttrue\nother\tother/note\tnote\t\n"


def debconf(fun, *args, **kwargs):
    return {"fun": f"modules.debconfmod.{fun}", "args": list(args), "kwargs": kwargs, "programs": [["debconf-get-selections", {"stdout": SELECTIONS}]], "salt": {"cp.cache_file": {"is": "/cached"}}}


def answers(data, done=True, **kwargs):
    salt = {"debconf.show": {"is": [["a/b", "boolean", "true"], ["a/c", "select", "5"]]}, "debconf.set": {"is": done}, "debconf.set_file": {"is": done}, "debconf.set_template": {"is": done}}
    case = {"fun": "states.debconfmod.set", "kwargs": {"name": "a", "data": data}, "salt": salt, "effects": ["debconf.set", "debconf.set_file"]}
    if kwargs:
        case.update(fun="states.debconfmod.set_file", kwargs=kwargs)
    return [case, {**case, "test": True}]


CASES += [
    debconf("get_selections"), debconf("get_selections", False), debconf("show", "tzdata"), debconf("show", "no"), debconf("set_file", "salt://x"),
    *answers({"a/b": {"type": "boolean", "value": True}, "a/c": {"type": "select", "value": 5}}), *answers({"a/b": {"type": "boolean", "value": False}, "a/c": {"type": "select", "value": 5}}), *answers({"a/d": {"type": "string", "value": "x"}}, False),
    answers({"a/p": {"type": "password", "value": "secret"}})[0], *answers({}, name="n", source="salt://x"), *answers({}, False, name="n", source="salt://x"), *answers({}, name="n", source="salt://x", context="x"),
]

STATUS = "   System Locale: LANG=de_DE.UTF-8\n                  LANGUAGE=de\n       VC Keymap: n/a\n      X11 Layout: us\n"


def locale(fun, *args, **kwargs):
    return {"fun": f"modules.localemod.{fun}", "args": list(args), "kwargs": kwargs, "programs": [["locale -a", {"stdout": "C\nde_DE.utf8\nPOSIX"}], ["localectl", {"stdout": STATUS}]]}


def wanted(fun, is_there, done=True, current="C.UTF-8"):
    salt = {"locale.avail": {"is": is_there}, "locale.gen_locale": {"is": done}, "locale.get_locale": {"is": current}, "locale.set_locale": {"is": done}}
    case = {"fun": f"states.locale.{fun}", "kwargs": {"name": "de_DE.UTF-8"}, "salt": salt, "effects": ["locale.gen_locale", "locale.set_locale"]}
    return [case, {**case, "test": True}]


CASES += [
    locale("list_avail"), locale("avail", "de_DE.UTF-8"), locale("avail", "de_DE"), locale("avail", "C"), *wanted("present", True), *wanted("present", False), *wanted("present", False, False), *wanted("system", True), *wanted("system", True, current="de_DE.UTF-8"), *wanted("system", True, False),
]


def archive(fun, *args, stdout="", missing=(), retcode=0, **kwargs):
    return {"fun": f"modules.archive.{fun}", "args": list(args), "kwargs": kwargs, "programs": [["rar", {"stdout": stdout, "retcode": retcode}], ["/usr/bin/", {"stdout": stdout}]], "missing": list(missing), "salt": {"cp.cache_file": {"is": "/x.rar"}}}


LT = "Archive: x.rar\n\n        Name: a/b c.txt\n        Type: File\n        Size: 3\n\n        Name: a\n        Type: Directory\n\n        Name: odd\n Size: 1\n"
CASES += [
    archive("rar", "/x.rar", "/a,/b", stdout="one\ntwo"), archive("rar", "/x.rar", ["/a"], cwd="/c", template="jinja"), archive("rar", "/x.rar", "/a", missing=["rar"]),
    archive("unrar", "/x.rar", "/d", stdout="one\ntwo\nthree"), archive("unrar", "/x.rar", "/d", excludes="a, b", trim_output=1, stdout="one\ntwo"), archive("unrar", "/x.rar", "/d", excludes=["a"]), archive("unrar", "/x.rar", "/d", missing=["unrar"]), archive("unrar", "/x.rar", "/d", missing=["unrar", "rar"]),
    archive("list", "/x.rar", stdout=LT), archive("list", "/x.rar", stdout=LT, verbose=True), archive("list", "/x.rar", stdout="none"), archive("list", "/x.rar", missing=["rar"]),
]

if __name__ == "__main__":
    def before(module, machine):
        # Which pip it is decides nothing here; Salt asks before each call.
        if module.__name__ == "salt.modules.pip" and not machine.case["fun"].endswith(".version"):
            module.__context__["pip.version./usr/bin/env"] = "23.0.1"
    recorder.main(CASES, before)
