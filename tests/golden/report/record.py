"""
Records what the `salt` command of real Salt prints for given returns.

    python3 record.py PYTHON_WITH_SALT_3006.25 PYTHON_WITH_SALT_3007.14 > cases.jsonl

The command runs as it is; only the master behind it is made up. One case a line: the options, the returns in their
order (`failed`: that minion is silent), and what came out. `_3007` marks fields where 3007.14 differs.
"""

import contextlib
import io
import json
import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

JID = "20260102030405678901"
RETURNS = {
    "none": [],
    "ping": [["web1", {"ret": True, "retcode": 0}], ["web2", {"ret": True, "retcode": 0}]],
    "silent": [["web1", {"ret": True, "retcode": 0}], ["web2", {"failed": True}]],
    "gone": [["web1", {"ret": True, "retcode": 0}], ["gone", {"failed": True}]],
    "both": [["gone", {"failed": True}], ["web2", {"failed": True}], ["web1", {"ret": "x", "retcode": 0}]],
    "failed": [["web1", {"ret": "no such file", "retcode": 1}], ["web2", {"ret": "fine", "retcode": 0}]],
    "failed_twice": [["web1", {"ret": "a", "retcode": 2}], ["web2", {"ret": "b", "retcode": 127}]],
    "several": [["web1", {"ret": {"test.ping": True, "cmd.run": "out"}, "retcode": {"test.ping": 0, "cmd.run": 0}}]],
    "several_failed": [["web1", {"ret": {"test.ping": True, "cmd.run": "out"}, "retcode": {"test.ping": 0, "cmd.run": 3}}]],
    "with_out": [["web1", {"ret": ["a", "b"], "retcode": 0, "out": "txt"}], ["web2", {"ret": {"k": "v"}, "retcode": 0, "out": "json"}]],
    "unknown_out": [["web1", {"ret": {"k": "v"}, "retcode": 0, "out": "bogus"}]],
    "no_retcode": [["web1", {"ret": False}], ["web2", {"ret": None}]],
    "false": [["web1", {"ret": False, "retcode": 1}]],
    "no_ret": [["web1", {"message": "it broke", "name": "Odd"}], ["web2", {"ret": True, "retcode": 0}]],
    "lines": [["web1", {"ret": "one\ntwo\n", "retcode": 0}], ["web2", {"ret": "", "retcode": 0}]],
    "escapes": [["web1", {"ret": "\x1b[31mred", "retcode": 0}]],
    "twice": [["web1", {"ret": "first", "retcode": 1}], ["web1", {"ret": "second", "retcode": 0}]],
    "docs": [
        ["web1", {"ret": {"test.ping": "Says hello.\n", "test.echo": "\n    Echo.\n", "cmd.run": ""}, "retcode": 0}],
        ["web2", {"ret": {"test.ping": "Other text.", "a.b": "First."}, "retcode": 0}], ["web3", {"failed": True}],
    ],
    "docs_none": [["web1", {"ret": {}, "retcode": 0}]],
}
OPTIONS = [
    {}, {"verbose": True}, {"show_jid": True}, {"verbose": True, "show_jid": True}, {"cli_summary": True}, {"cli_summary": True, "verbose": True},
    {"cli_summary": True, "output": "json"}, {"output": "json"}, {"output": "raw", "verbose": True}, {"output": "newline_values_only"}, {"output": "quiet"},
    {"output": "yaml"}, {"output": "json", "output_indent": -1}, {"force_color": True}, {"force_color": True, "verbose": True, "cli_summary": True},
    {"output": "txt"}, {"output": "pprint"}, {"output": "bogus"},
]


def cases():
    for name in RETURNS:
        if name.startswith("docs"):
            for options in ({}, {"output": "nested"}, {"verbose": True}, {"output": "json"}):
                yield {"returns": name, "options": options, "fun": "sys.doc"}
            continue
        for options in OPTIONS:
            yield {"returns": name, "options": options, "fun": "test.ping"}
    for error in ("AuthorizationError", "SaltClientError"):
        for options in ({}, {"output": "json"}, {"verbose": True}, {"force_color": True}, {"cli_summary": True}):
            yield {"error": error, "options": options, "fun": "test.ping"}
            yield {"error": error, "options": options, "fun": "sys.doc"}
    for options in ({}, {"output": "json"}, {"output": "nested"}, {"verbose": True}):
        yield {"nobody": True, "options": options, "fun": "test.ping"}
        yield {"nobody": True, "options": options, "fun": "sys.doc"}
    yield {"async": True, "options": {}, "fun": "test.ping"}


def play(case, base):
    import salt.cli.salt
    import salt.client
    import salt.exceptions

    opts = {**base, "fun": case["fun"], "arg": [], "tgt": "*", "async": case.get("async", False), "cli_summary": False, **case["options"]}
    options = SimpleNamespace(
        eauth="", batch=None, static=False, preview_target=False, timeout=5, show_timeout=True, show_jid=opts.get("show_jid", False), delimiter=":",
        batch_safe_limit=0, return_config="", return_kwargs={}, module_executors=None, executor_opts=None, metadata="", subset=0, progress=False,
        verbose=opts.get("verbose", False), output=opts.get("output"), mktoken=False,
    )
    setattr(options, "return", "")
    client = salt.client.LocalClient.__new__(salt.client.LocalClient)
    client.opts, client.event, client.salt_user, client.key = opts, mock.MagicMock(), "root", "key"

    def run_job(*args, **kwargs):
        if "error" in case:
            raise getattr(salt.exceptions, case["error"])("The words of the error.")
        minions = [] if case.get("nobody") else ["web1", "web2"]
        return client._check_pub_data({"jid": JID, "minions": minions})

    client.run_job = run_job
    client.get_iter_returns = lambda *args, **kwargs: ({name: data} for name, data in RETURNS[case["returns"]])
    client._clean_up_subscriptions = lambda jid: None
    client._get_timeout = lambda timeout: timeout
    client.destroy = lambda: None

    class Command(salt.cli.salt.SaltCMD):
        def __init__(self):
            self.options, self.config, self.selected_target_option = options, opts, None

        def parse_args(self):
            pass

        def get_config_file_path(self):
            return ""

        def exit(self, status=0, msg=None):
            sys.stderr.write(msg or "")
            sys.exit(status)

    cache = mock.MagicMock()
    cache.contains = lambda bank, key: bank == "minions/gone"
    connected = mock.patch("salt.utils.minions.CkMinions.connected_ids", lambda self: {"web1", "web2"})
    found = mock.patch("salt.client.get_local_client", lambda *args, **kwargs: client)
    cached = mock.patch("salt.cache.factory", lambda *args, **kwargs: cache)
    out, err, code = io.StringIO(), io.StringIO(), 0
    with connected, found, cached, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            Command().run()
        except SystemExit as stop:
            code = stop.code
    case.update(stdout=out.getvalue(), stderr=err.getvalue(), code=code)
    if "returns" in case:
        case["sent"] = RETURNS[case["returns"]]
    return case


def record():
    import logging

    logging.disable(logging.CRITICAL)
    import salt.config

    base = {**salt.config.DEFAULT_MASTER_OPTS, "extension_modules": "", "id": "master", "syndic_dir": "/nonexistent", "cachedir": "/nonexistent"}
    for case in cases():
        yield play(case, base)


def main():
    if len(sys.argv) == 1:
        for case in record():
            print(json.dumps(case))
        return
    runs = [subprocess.run([python, __file__], stdout=subprocess.PIPE, check=True) for python in sys.argv[1:3]]
    old, new = ([json.loads(line) for line in run.stdout.splitlines()] for run in runs)
    for case, later in zip(old, new, strict=True):
        for field in ("stdout", "stderr", "code"):
            if case[field] != later[field]:
                case[f"{field}_3007"] = later[field]
        print(json.dumps(case))


main()
