"""The functions of test and cmd called on a minion through a running master by Salt's client, several in one job; what
they return as JSON lines, in a form that does not differ from run to run.

usage: functions.py CONFIG_DIR
"""

import json
import os
import sys

import salt.client

client = salt.client.LocalClient(os.path.join(sys.argv[1], "master"))


def named(**kwargs):
    return {"__kwarg__": True, **kwargs}


SCRIPT = "salt://script.sh"
# Each job has a function once: the return is keyed by it.
JOBS = [
    [
        ("test.arg", ["1", 2, "x: y", named(a=[1, None], b="grüße")]),
        ("test.arg_clean", ["1", named(a={"b": 1.5})]),
        ("test.arg_repr", ["1", 2, named(a=None)]),
        ("test.arg_type", ["1", "1.5", "text", "[1]", "{a: 1}", "null", True, named(k="0x10")]),
        ("test.assertion", [True]),
        ("test.attr_call", []),
        ("test.collatz", [7]),
        ("test.conf_test", []),
        ("test.echo", ["grüße\nund mehr"]),
        ("test.false", []),
        ("test.fib", [9]),
        ("test.get_opts", []),
        ("test.kwarg", [named(n=1, flag=True, text="a b")]),
        ("test.module_report", []),
        ("test.not_loaded", []),
        ("test.opts_pkg", []),
        ("test.outputter", [{"a": [1, 2]}]),
        ("test.ping", []),
        ("test.provider", ["test"]),
        ("test.providers", []),
        ("test.rand_sleep", [1]),
        ("test.rand_str", []),
        ("test.random_hash", []),
        ("test.retcode", [42]),
        ("test.sleep", ["1"]),
        ("test.stack", []),
        ("test.true", []),
        ("test.try", [named(module="test.echo")]),
        ("test.tty", []),
        ("test.version", []),
        ("test.versions", []),
        ("test.versions_information", []),
        ("test.versions_report", []),
    ],
    [
        ("cmd.run", ["echo one; echo two >&2; exit 3"]),
        ("cmd.run_all", ["echo one; echo two >&2; exit 3"]),
        ("cmd.run_stdout", ["echo one; echo two >&2"]),
        ("cmd.run_stderr", ["echo one; echo two >&2"]),
        ("cmd.retcode", ["exit 7"]),
        ("cmd.shell", ["echo $0 $((1 + 2)) | tr a-z A-Z"]),
        ("cmd.script", [SCRIPT, "one 'two three'"]),
        ("cmd.script_retcode", [SCRIPT, "fail"]),
        ("cmd.exec_code", ["sh", "echo $((6 * 7))"]),
        ("cmd.exec_code_all", ["sh", "echo out; echo err >&2; exit 4"]),
        ("cmd.which", ["sh"]),
        ("cmd.which_bin", [["no-such-program", "sh"]]),
        ("cmd.has_exec", ["no-such-program"]),
        ("cmd.shells", []),
        ("cmd.shell_info", ["sh"]),
        ("cmd.run_bg", ["true"]),
        ("cmd.tty", ["no-such-tty", "x"]),
    ],
    [
        ("cmd.run", ["echo $A $B; pwd; umask", named(env={"A": 1, "B": "x y"}, cwd="/usr", umask="027")]),
        ("cmd.run_all", ["cat; id -un", named(stdin="given", runas="nobody")]),
        ("cmd.run_stdout", ["printf 'a\\n\\nb\\n\\n'", named(rstrip=False)]),
        ("cmd.run_stderr", ["sleep 30", named(timeout=1)]),
        ("cmd.retcode", ["exit 7", named(success_retcodes=[7])]),
        ("cmd.shell", ["echo [ab]*", named(shell="/bin/bash", ignore_retcode=True)]),
        ("cmd.script", [SCRIPT, named(args="x", cwd="/usr", template=None)]),
        ("cmd.which", ["no-such-program"]),
        ("cmd.has_exec", ["sh"]),
    ],
    [
        ("cmd.run_all", ["no-such-program"]),
        ("cmd.run_stdout", ["printf '%s\\n' \"$HOME\" 'a b'", named(python_shell=False)]),
        ("cmd.run_stderr", ["echo a | cat >&2", named(python_shell=False)]),
        ("cmd.script", ["salt://no/such/script.sh"]),
    ],
    [
        ("cp.get_file_str", [SCRIPT]),
        ("cp.hash_file", [SCRIPT]),
        ("cp.list_master", []),
        ("cp.is_cached", ["salt://never"]),
        ("cp.get_file", ["salt://no/such/file", "/tmp/never"]),
        ("grains.item", ["os", "id", "no_such_grain"]),
        ("grains.get", ["kernel"]),
    ],
]

# What fails: each a job of its own, since a failure among several functions is text of another form.
WRONG = [
    ("test.assertion", [False]),
    ("test.collatz", ["x"]),
    ("test.cross_test", ["test.no_such_function"]),
    ("test.exception", ["told"]),
    ("test.fib", []),
    ("test.raise_exception", ["ValueError", "a", "b"]),
    ("test.raise_exception", ["CommandExecutionError", "wrong"]),
    ("test.sleep", ["0.1"]),
    ("test.no_such_function", []),
    ("no_such_module.ping", []),
    ("cmd.run", ["no-such-program", named(python_shell=False)]),
    ("cmd.run_all", ["true", named(cwd="/no/such/place")]),
    ("cmd.run_stdout", ["id", named(runas="no-such-user")]),
    ("cmd.exec_code", ["no-such-language", "x"]),
    ("cmd.retcode", []),
]

# What these return is each side's own, or chance.
OWN = """test.attr_call test.conf_test test.get_opts test.module_report test.not_loaded test.opts_pkg test.providers
    test.rand_sleep test.rand_str test.random_hash test.stack test.version test.versions test.versions_information
    test.versions_report""".split()
# A list of a result and the time that it took.
TIMED = ("test.collatz", "test.fib")


def steady(fun, value):
    if fun in OWN:
        return type(value).__name__
    if fun in TIMED and isinstance(value, list):
        return value[0]
    if isinstance(value, dict):
        return {
            key: "a number" if key == "pid" else steady("", part)
            for key, part in value.items()
            if not key.startswith("__pub_")
        }
    if isinstance(value, list):
        return [steady("", part) for part in value]
    if isinstance(value, str):
        return value.split(", '__pub_")[0]
    return value


def failure(value):
    """Without the lines of Python's source, the text of the documentation, and the environment."""
    text = str(value).strip()
    if "Traceback" in text:
        return text.splitlines()[0] + " ... " + text.splitlines()[-1]
    return text.splitlines()[0].split(" with the context ")[0].split("__salt.tmp.")[0]


def show(*line):
    print(json.dumps(line, sort_keys=True), flush=True)


def answer(fun, arg):
    return client.cmd("minion-a", fun, arg, timeout=100, full_return=True).get("minion-a", {})


for job in JOBS:
    funs, args = zip(*job)
    returned = answer(list(funs), list(args))
    for fun in funs:
        show(fun, steady(fun, returned["ret"][fun]), returned["retcode"].get(fun))
for fun, arg in WRONG:
    returned = answer(fun, arg)
    show(fun, failure(returned.get("ret")), returned.get("retcode"))
items = answer("grains.items", [])["ret"]
show("grains.items", {name: items[name] for name in ("os", "id", "kernel", "master", "cpuarch", "osfinger")})
