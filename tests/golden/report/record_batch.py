"""
Records what `salt --batch` of real Salt prints for given returns.

    python3 record_batch.py PYTHON_WITH_SALT_3006.25 PYTHON_WITH_SALT_3007.14 > batch.jsonl

`Batch` runs as it is; only the client behind it is made up: the minions of each turn return in their order, those
without a return stay silent, those with `failed` have lost their keys. One case a line: minions, size, options,
returns, and what came out with the highest retcode. Both versions have to agree.
"""

import contextlib
import io
import json
import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

JID = "20260102030405678901"
PING = {"ret": True, "retcode": 0, "jid": JID}
RETURNS = {
    "ping": {"web1": PING, "web2": PING, "web3": PING},
    "failed": {"web1": {"ret": "no", "retcode": 3, "jid": JID}, "web2": {"ret": "no", "retcode": 42, "jid": JID}, "web3": PING},
    "silent": {"web1": PING, "web3": PING},
    "unsent": {"web1": PING, "web2": {"failed": True}, "web3": PING},
    "several": {"web1": {"ret": {"a.b": 1, "c.d": [2]}, "retcode": {"a.b": 0, "c.d": 23}, "jid": JID}, "web2": {"ret": {}, "retcode": {}}, "web3": PING},
    "out": {"web1": {"ret": ["a", "b"], "retcode": 0, "out": "txt"}, "web2": {"ret": {"k": "v"}, "retcode": 0, "jid": JID, "out": "json"}, "web3": {"ret": None}},
}
SIZES = ["1", "2", "50%", " 100%", "%10"]
OPTIONS = [{}, {"failhard": True}, {"output": "json"}, {"output": "yaml"}, {"output": "txt"}, {"output": "raw"}, {"output": "quiet"}, {"output": "newline_values_only"}, {"verbose": True}, {"show_jid": True}, {"force_color": True}]


def cases():
    for name in RETURNS:
        for options in OPTIONS:
            for size in SIZES if not options else ["1", "2"]:
                yield {"returns": name, "size": size, "options": options, "down": [] if size != "2" else ["gone"]}


def play(case, base):
    import salt.cli.batch

    opts = {**base, "fun": "test.ping", "arg": [], "tgt": "*", "timeout": 5, "conf_file": "", "batch": case["size"], "failhard": False, **case["options"]}
    returns = RETURNS[case["returns"]]

    class Client:
        def cmd_iter_no_block(self, ids, fun, arg, timeout, tgt_type, show_jid=False, verbose=False, **kwargs):
            for name in sorted(ids):
                if name in returns:
                    part = dict(returns[name])
                    yield {name: part}
            yield None

        def destroy(self):
            pass

    class Batch(salt.cli.batch.Batch):
        def gather_minions(self):
            # The last is taken first.
            return ["web3", "web2", "web1"], iter(()), set(case["down"])

    out, retcode = io.StringIO(), 0
    parser = SimpleNamespace(show_jid=opts.get("show_jid", False), verbose=opts.get("verbose", False))
    with mock.patch("salt.client.get_local_client", lambda *args, **kwargs: Client()), mock.patch("time.sleep"), contextlib.redirect_stdout(out):
        for _, code in Batch(opts, _parser=parser).run():
            retcode = max(retcode, code)
    return {**case, "sent": returns, "stdout": out.getvalue(), "retcode": retcode}


def record():
    import logging

    logging.disable(logging.CRITICAL)
    import salt.config

    base = {**salt.config.DEFAULT_MASTER_OPTS, "extension_modules": "", "id": "master", "cachedir": "/nonexistent"}
    for case in cases():
        yield play(case, base)


def main():
    if len(sys.argv) == 1:
        for case in record():
            print(json.dumps(case))
        return
    old, new = (subprocess.run([python, __file__], stdout=subprocess.PIPE, check=True).stdout for python in sys.argv[1:3])
    assert old == new
    sys.stdout.write(old.decode())


main()
