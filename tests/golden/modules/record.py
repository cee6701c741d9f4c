"""Records what real Salt's execution modules return, for tests/golden/modules.rs.

    python3 tests/golden/modules/record.py          (with salt 3006.25 importable; as root)

Reads `calls/*.jsonl` (one call per line: fun, arg, kwarg, opts, grains, pillar, files, after, call) and writes
`cases/*.jsonl`: the same with what the minion would send back (return, retcode, success, out), and the content of the
files named in `after`. `$ROOT` stands for a scratch folder, fresh for every call. Texts that differ from run to run are
replaced (see `plain`); the test does the same with ours.

With a later Salt (3007.14) the cases stay, and each whose answer is another one has that beside it: "Salt 3007.14": {…}.
"""

import glob
import json
import os
import re
import shutil
import sys
import tempfile

ENVIRONMENT = {
    "HOME": "/",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/sh",
}
os.environ.clear()
os.environ.update(ENVIRONMENT)

import logging

logging.disable(logging.CRITICAL)

import salt.config
import salt.loader
import salt.minion
import salt.utils.error
import salt.version

HERE = os.path.dirname(os.path.abspath(__file__))
JID = "20260102030405678901"
GRAINS = {
    "id": "golden",
    "os": "Debian",
    "os_family": "Debian",
    "osfinger": "Debian-12",
    "osarch": "amd64",
    "cpuarch": "x86_64",
    "kernel": "Linux",
    "oscodename": "bookworm",
    "roles": ["web", "db"],
    "nested": {"a": {"b": [1, 2, {"c": "d"}]}, "x:y": 1},
    "num_cpus": 2,
    "empty": "",
}


def plain(value):
    """What stays the same from run to run."""
    if isinstance(value, str):
        value = re.sub(r"__salt\.tmp\.\w+", "__salt.tmp.RANDOM", value)
        if value.startswith("Passed invalid arguments to"):
            return value.splitlines()[0]
        if value.startswith("The minion function caused an exception: Traceback"):
            lines = value.splitlines()
            last = max(i for i, line in enumerate(lines) if not line.startswith(" "))
            return "\n".join([lines[0]] + lines[last:]) + "\n"
    elif isinstance(value, (list, tuple)):
        value = [plain(item) for item in value]
    elif isinstance(value, dict):
        value = {key: plain(item) for key, item in value.items()}
        if isinstance(value.get("pid"), int) and value["pid"]:
            value["pid"] = "PID"
    return value


def rooted(value, root):
    return json.loads(json.dumps(value).replace("$ROOT", root))


def unrooted(value, root):
    return json.loads(json.dumps(value, default=repr).replace(root, "$ROOT"))


class Minion:
    """As much of a minion as running a job needs."""

    connected = True
    function_errors = {}
    module_executors = []

    def __init__(self, opts):
        self.opts = opts
        self.functions = salt.loader.minion_mods(opts, utils=salt.loader.utils(opts))
        self.executors = salt.loader.executors(opts, self.functions)
        self.returners = {}
        self.proc_dir = os.path.join(opts["cachedir"], "proc")
        os.makedirs(self.proc_dir, exist_ok=True)
        self.returned = None

    def gen_modules(self):
        pass

    def _return_pub(self, ret, **kwargs):
        # As Salt's own method does before it sends.
        if not ret.get("out"):
            out = getattr(self.functions.get(ret["fun"]), "__outputter__", None)
            ret["out"] = out if isinstance(out, str) else None
        self.returned = ret

    def _return_retry_timer(self, **kwargs):
        return 1

    _execute_job_function = salt.minion.Minion._execute_job_function


def run(call):
    # Short: socket paths below it are limited.
    root = tempfile.mkdtemp(prefix="g", dir="/tmp")
    try:
        made = rooted(call, root)
        os.makedirs(os.path.join(root, "etc"))
        for path, content in made.get("files", {}).items():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(content)
        opts = salt.config.DEFAULT_MINION_OPTS.copy()
        opts.update(
            id="golden",
            conf_file=os.path.join(root, "etc", "minion"),
            config_dir=os.path.join(root, "etc"),
            root_dir=root,
            cachedir=os.path.join(root, "cache"),
            sock_dir=os.path.join(root, "run"),
            pki_dir=os.path.join(root, "etc", "pki"),
            extension_modules=os.path.join(root, "cache", "extmods"),
            file_roots={"base": [os.path.join(root, "srv")]},
            file_client="local",
            grains={**GRAINS, **made.get("grains", {})},
            pillar=made.get("pillar", {}),
            multiprocessing=False,
            master_uri="tcp://127.0.0.1:1",
            saltversion=salt.version.__version__,
        )
        opts["__role"] = "minion"
        opts.update(made.get("opts", {}))
        arg = list(made.get("arg", []))
        if made.get("kwarg"):
            arg.append(dict(made["kwarg"], __kwarg__=True))
        data = {"jid": JID, "fun": made["fun"], "arg": arg, "ret": "", "tgt": "golden", "tgt_type": "glob", "user": "root"}
        minion = Minion(opts)
        os.chdir("/")
        salt.minion.Minion._thread_return(minion, opts, json.loads(json.dumps(data)))
        ret = minion.returned
        case = dict(call)
        case.update(
            {
                "return": unrooted(plain(ret["return"]), root),
                "retcode": ret.get("retcode"),
                "success": ret.get("success"),
                "out": ret.get("out"),
            }
        )
        if "after" in call:
            case["after"] = {}
            for path in call["after"]:
                try:
                    with open(path.replace("$ROOT", root)) as file:
                        case["after"][path] = unrooted(file.read(), root)
                except FileNotFoundError:
                    case["after"][path] = None
        return case
    finally:
        shutil.rmtree(root, ignore_errors=True)


RESULTS = ["return", "retcode", "success", "out", "after"]


def beside(case, name):
    """Puts what this Salt answers otherwise beside what 3006 answered."""
    case.pop(name, None)
    call = {key: value for key, value in case.items() if key not in RESULTS and not key.startswith("Salt ")}
    if "after" in case:
        call["after"] = list(case["after"])
    ran = json.loads(json.dumps(run(call), default=str))
    other = {key: ran.get(key) for key in RESULTS if ran.get(key) != case.get(key)}
    if other:
        case[name] = other


def main(only):
    salt.utils.error.fire_exception = lambda *args, **kwargs: None
    for path in sorted(glob.glob(os.path.join(HERE, "calls", "*.jsonl"))):
        name = os.path.basename(path)
        if only and name.split(".")[0] not in only:
            continue
        out = []
        version = salt.version.__version__
        if version.startswith("3006"):
            source = path
        else:
            source = os.path.join(HERE, "cases", name)
        with open(source) as file:
            for line in file:
                if line.strip():
                    case = json.loads(line)
                    if source == path:
                        case = run(case)
                    else:
                        beside(case, f"Salt {version}")
                    out.append(json.dumps(case, default=str))
                    print(name, out[-1][:150], file=sys.stderr)
        os.makedirs(os.path.join(HERE, "cases"), exist_ok=True)
        with open(os.path.join(HERE, "cases", name), "w") as file:
            file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
