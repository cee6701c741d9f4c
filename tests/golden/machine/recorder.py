"""Runs functions of real Salt's modules and states against a machine that answers from a table.

A case says which function, with what, and what others answer:

fun        states.user.present, modules.useradd.add …
args, kwargs, test, grains, opts, pillar
salt       {function: answer}: what functions of others give. An answer is a map: "is" (a value), "by" (a value for each
           first argument) and "after" (another answer, once one of the effects has been called)
effects    functions that change something: their calls are recorded
programs   [[beginning of a command line, {retcode, stdout, stderr}, the same after an effect]]
acts       beginnings of command lines that change something
missing    programs that are not there
files      {name: text} below a directory that texts call {root}

Recorded beside it: calls (of effects), ran (command lines), files_after, and return or raises. A later Salt (3007.14)
writes into the file of its own name, in each row where it says something else, what that is: "Salt 3007.14": {…}.
"""

import copy
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

import salt.utils.path
import salt.utils.systemd
import salt.version

GRAINS = {"kernel": "Linux", "os": "Debian", "os_family": "Debian", "osarch": "amd64", "cpuarch": "x86_64",
          "oscodename": "bookworm", "osmajorrelease": 12, "osrelease": "12", "osfinger": "Debian-12",
          "init": "systemd", "lsb_distrib_codename": "bookworm", "oscodename": "bookworm"}
# Functions of others that are taken from Salt itself unless a case answers them.
REAL = {"test": "modules.test", "cron": "modules.cron", "hosts": "modules.hosts", "pkg_resource": "modules.pkg_resource", "lowpkg": "modules.dpkg_lowpkg", "pkg": "modules.aptpkg"}
# Of pkg, what states may ask without changing anything.
PURE = ["version_cmp", "normalize_name"]


class Machine:
    def __init__(self, case, root):
        self.case, self.root = case, root
        self.calls, self.ran, self.changed = [], [], False
        self.crontab = case.get("crontab")

    def answer(self, spec, args, kwargs):
        if callable(spec):
            return spec(*args)
        if self.changed and "after" in spec:
            spec = spec["after"]
        if "by" in spec:
            first = args[0] if args else next(iter(kwargs.values()), None)
            return copy.deepcopy(spec["by"].get(str(first), spec.get("is")))
        return copy.deepcopy(spec.get("is"))

    def program(self, command):
        if isinstance(command, list) and command[:2] == ["dpkg", "--compare-versions"]:
            # Not of the machine: the rule of Debian's versions, which we know without dpkg.
            return {"retcode": subprocess.call(command, stderr=subprocess.DEVNULL)}
        words = command.split() if isinstance(command, str) else [str(word) for word in command]
        if words[0] == "crontab" and "crontab" in self.case:
            if words[-1] == "-l":
                return {"pid": 1, "retcode": 0, "stdout": self.crontab, "stderr": ""}
            with open(words[-1], encoding="utf-8") as file:
                self.crontab = file.read()
            return {"pid": 1, "retcode": 0, "stdout": "", "stderr": ""}
        line = command if isinstance(command, str) else " ".join(str(word) for word in command)
        if not line.endswith(" --help"):
            self.ran.append(line)
        found = {}
        for prefix, *answers in self.case.get("programs", []):
            if line.startswith(prefix):
                found = answers[-1] if self.changed else answers[0]
                break
        if any(line.startswith(prefix) for prefix in self.case.get("acts", [])):
            self.changed = True
        return {"pid": 1, "retcode": 0, "stdout": "", "stderr": "", **found}

    def __contains__(self, name):
        module, _, fun = name.partition(".")
        if module == "cmd" or name in self.case.get("salt", {}):
            return True
        return self.real(module, fun) is not None

    def real(self, module, fun):
        if "yumpkg" in self.case["fun"] and module in ("pkg", "lowpkg"):
            name = {"pkg": "modules.yumpkg", "lowpkg": "modules.rpm_lowpkg"}[module]
            return getattr(load(name, self), fun, None)
        if module == "pkg" and "pkgrepo" not in self.case["fun"] and "aptpkg" not in self.case["fun"] and fun not in PURE:
            return None
        if REAL.get(module):
            loaded = load(REAL[module], self)
            return getattr(loaded, fun, None)
        return None

    def get(self, name, default=None):
        return self[name] if name in self else default

    def __getitem__(self, name):
        module, _, fun = name.partition(".")
        if name in self.case.get("salt", {}):
            def call(*args, **kwargs):
                kwargs.pop("__env__", None)
                if name in self.case.get("effects", []):
                    self.calls.append([name, list(args), kwargs])
                ret = self.answer(self.case["salt"][name], args, kwargs)
                if name in self.case.get("effects", []):
                    self.changed = True
                return ret
            return call
        if module == "cmd":
            def run(cmd, *args, **kwargs):
                ran = self.program(cmd)
                if fun == "run_all":
                    if kwargs.get("redirect_stderr"):
                        ran["stdout"] = ran["stdout"] + ran["stderr"]
                        ran["stderr"] = ""
                    return ran
                if fun == "retcode":
                    return ran["retcode"]
                if fun == "run_stderr":
                    return ran["stderr"]
                if fun == "run_stdout":
                    return ran["stdout"]
                return "\n".join(text for text in (ran["stdout"], ran["stderr"]) if text)
            def which(name):
                return None if name in self.case.get("missing", []) else "/usr/bin/" + name
            if fun in ("which", "has_exec"):
                return which
            return run
        if name == "file.user_to_uid":
            return lambda _: os.geteuid()
        if name == "config.valid_fileproto":
            return lambda uri: "://" in uri
        if name == "config.option" or name == "config.get":
            return lambda key, default="", **_: self.case.get("opts", {}).get(key, default)
        real = self.real(module, fun)
        if real is None:
            raise KeyError(name)
        return real


def load(name, machine):
    module = importlib.import_module("salt." + name)
    opts = {"test": machine.case.get("test", False), "cachedir": machine.root + "/cache", **machine.case.get("opts", {})}
    module.__opts__, module.__salt__ = opts, machine
    module.__grains__ = {**GRAINS, **machine.case.get("grains", {})}
    if not hasattr(module, "__context__") or module.__context__.get("of") is not machine:
        module.__context__ = {"of": machine}
    module.__pillar__ = machine.case.get("pillar", {})
    module.__env__ = "base"
    if "before" in HOOKS:
        HOOKS["before"](module, machine)
    if name.startswith("states."):
        module.__lowstate__, module.__running__, module.__low__ = [], {}, {}
        module.__instance_id__ = "x"
        module.__utils__ = {}
        module.__states__ = {}
    else:
        module.__utils__ = {}
    return module


def substitute(value, old, new):
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, os.PathLike):
        return substitute(str(value), old, new)
    if isinstance(value, (list, tuple)):
        return [substitute(item, old, new) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(substitute(item, old, new) for item in value)
    if isinstance(value, dict):
        return {str(substitute(key, old, new)): substitute(item, old, new) for key, item in value.items()}
    return value


def record(case):
    root = tempfile.mkdtemp()
    try:
        for name, text in case.get("files", {}).items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        live = substitute(case, "{root}", root)
        machine = Machine(live, root)
        missing = case.get("missing", [])
        salt.utils.path.which = lambda name: None if name in missing else "/usr/bin/" + str(name)
        salt.utils.systemd.has_scope = lambda *_: False
        module_name, _, function = case["fun"].rpartition(".")
        module = load(module_name, machine)
        out = dict(case)
        try:
            names = {alias: own for own, alias in getattr(module, "__func_alias__", {}).items()}
            out["return"] = getattr(module, names.get(function, function))(*live.get("args", []), **live.get("kwargs", {}))
            if isinstance(out["return"], dict) and isinstance(out["return"].get("comment"), list):
                # As the engine does.
                out["return"]["comment"] = "\n".join(out["return"]["comment"])
        except Exception as exc:  # pylint: disable=broad-except
            out["raises"] = [type(exc).__name__, str(exc)]
        out["calls"], out["ran"] = machine.calls, machine.ran
        if "crontab" in case:
            out["crontab_after"] = machine.crontab
        if case.get("files"):
            after = {}
            for directory, _, names in os.walk(root):
                for name in names:
                    path = os.path.join(directory, name)
                    with open(path, encoding="utf-8") as file:
                        after[os.path.relpath(path, root)] = file.read()
            out["files_after"] = after
        return substitute(out, root, "{root}")
    finally:
        shutil.rmtree(root, ignore_errors=True)


HOOKS = {}
RECORDED = ["return", "raises", "calls", "ran", "files_after", "crontab_after"]


def main(cases, before=None, later=None):
    """`later`: functions of others that only a later Salt asks, {name: function}."""
    if before:
        HOOKS["before"] = before
    if salt.version.__version__.startswith("3006"):
        for case in cases:
            print(json.dumps(record(case), ensure_ascii=False, default=str))
    else:
        compare(cases, later or {})
    print(f"{len(cases)} cases of Salt {salt.version.__version__}", file=sys.stderr)


def compare(cases, later):
    """Writes what this Salt says otherwise beside what 3006 said."""
    path = os.path.splitext(os.path.abspath(sys.argv[0]))[0] + ".jsonl"
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == len(cases), "record with 3006 first"
    name = "Salt " + salt.version.__version__
    for case, row in zip(cases, rows):
        row.pop(name, None)
        asked = {**case, "salt": {**later, **case.get("salt", {})}} if later else case
        ours = json.loads(json.dumps(record(asked), default=str))
        other = {key: ours.get(key) for key in RECORDED if ours.get(key) != row.get(key)}
        if other:
            row[name] = other
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
