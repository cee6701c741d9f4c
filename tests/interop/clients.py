"""Salt's Python clients against a running master: what they may and what they get, as JSON lines.

usage: clients.py CONFIG_DIR
"""

import json
import os
import sys
import time

import salt.client
import salt.config
import salt.exceptions
import salt.netapi
import salt.runner
import salt.wheel
from salt.auth import Resolver

opts = salt.config.client_config(os.path.join(sys.argv[1], "master"))


def show(name, value):
    print(json.dumps([name, value], sort_keys=True, default=str), flush=True)


def attempt(name, call):
    try:
        show(name, call())
    except Exception as error:  # pylint: disable=broad-except
        show(name, [type(error).__name__, str(error).strip()])


def master_opts():
    return salt.config.client_config(os.path.join(sys.argv[1], "master"))


with open(os.path.join(opts["cachedir"], ".%s_key" % opts["user"])) as handle:
    key = handle.read()

fred = {"username": "fred", "password": "open", "eauth": "file"}
anna = {"username": "anna", "password": "open", "eauth": "file"}
wrong = {"username": "fred", "password": "shut", "eauth": "file"}
runner = salt.runner.RunnerClient(master_opts())
wheel = salt.wheel.WheelClient(master_opts())
local = salt.client.LocalClient(os.path.join(sys.argv[1], "master"))

attempt("local", lambda: local.cmd("minion-a", "test.ping"))


def from_the_cache(client):
    """Asks for a job, waits for nobody, and looks from time to time for what has been returned."""
    jid = client.cmd_async("minion-a", "test.echo", ["kept"])
    until = time.time() + 60
    while not client.get_cache_returns(jid) and time.time() < until:
        time.sleep(0.05)
    full = client.get_full_returns(jid, ["minion-a"], timeout=5)
    return [client.get_cache_returns(jid), full["minion-a"]["ret"]]


attempt("local async", lambda: from_the_cache(local))
attempt("local fred", lambda: local.cmd("minion-a", "test.ping", **fred))
attempt("local fred cmd", lambda: local.cmd("minion-a", "cmd.run", ["id -un"], **fred))
attempt("local wrong", lambda: local.cmd("minion-a", "test.ping", **wrong))
attempt("runner key", lambda: runner.cmd_sync({"fun": "test.arg", "kwarg": {"a": 2}, "key": key, "user": "root"}))
attempt("runner anna", lambda: runner.cmd_sync(dict({"fun": "test.arg", "kwarg": {"arg": ["x"], "kwarg": {"b": 3}}}, **anna)))
attempt("runner fred", lambda: runner.cmd_sync(dict({"fun": "test.arg"}, **fred)))
attempt("runner wrong", lambda: runner.cmd_sync(dict({"fun": "test.arg"}, **wrong)))
attempt("runner syntax", lambda: runner.cmd_sync(dict({"fun": "test"}, **anna)))
for name, low in [
    ("list_all", {"fun": "key.list_all"}),
    ("list", {"fun": "key.list", "match": "accepted"}),
    ("name_match", {"fun": "key.name_match", "match": "minion*"}),
    ("finger", {"fun": "key.finger", "match": "minion-a"}),
    ("none", {"fun": "key.nonsense"}),
]:
    attempt("wheel " + name, lambda: {k: v for k, v in wheel.master_call(**dict(low, **anna))["data"].items() if k in ("fun", "return", "success", "user")})


def call_wheel(fun, **kwargs):
    data = wheel.master_call(fun=fun, **dict(kwargs, **anna))["data"]
    return data["return"] if data["success"] else "failed"


def how_it_failed(data):
    """Whether it counts as a success, and what is shown: the exception, or what is wrong with the arguments."""
    lines = data["return"].strip().splitlines()
    if lines[0].startswith("Exception occurred"):
        return [data["success"], lines[0], lines[-1].split(":")[0]]
    return [data["success"], lines[0].split(":")[0]]


for name, low in [
    ("missing", {"fun": "key.name_match"}),
    ("unknown", {"fun": "key.list_all", "x": 1}),
    ("unknown and missing", {"fun": "config.update_config", "file_name": "x", "x": 1}),
    ("in a list", {"fun": "key.name_match", "arg": [], "kwarg": {}}),
    ("in a map", {"fun": "key.list_all", "arg": [], "kwarg": {"x": 1}}),
    ("nowhere", {"fun": "nonsense.nonsense"}),
    ("no text", {"fun": "file_roots.write", "data": 5, "path": "number"}),
]:
    attempt("wheel fails: " + name, lambda: how_it_failed(wheel.master_call(**dict(low, **anna))["data"]))
for name, low in [
    ("several globs", {"fun": "key.name_match", "match": ["none*", "minion*"]}),
    ("several globs accepted", {"fun": "key.accept", "match": ["minion-a"]}),
    ("text for names", {"fun": "key.accept_dict", "match": "minion-a"}),
    ("the last root", {"fun": "file_roots.write", "data": "x", "path": "made", "index": -1}),
]:
    attempt("wheel: " + name, lambda: call_wheel(**low))
data = wheel.master_call(fun="key.list_all", key=key)["data"]
show("wheel by key", ["_stamp" in data, data["user"]])
show("runner by key", runner.cmd_sync({"fun": "test.arg", "key": key}, full_return=True)["data"]["user"])
no_map = runner.cmd_sync(dict({"fun": "state.orchestrate_high", "kwarg": {"data": "x"}}, **anna), full_return=True)
show("no high data", no_map["data"]["success"])


made = call_wheel("key.gen_keys", keyname="made", keysize=2048)
show("gen_keys", [len(made), made == call_wheel("key.gen_keys", keyname="made"), len(call_wheel("key.gen_keys"))])
show("gen_keys files", sorted(name for name in os.listdir(opts["pki_dir"]) if name.endswith((".pem", ".pub"))))
attempt("gen_keys nowhere", lambda: call_wheel("key.gen_keys", keydir="/nowhere/at/all"))
no_paths = {"priv": "", "pub": "", "signature_path": ""}
for name, kwargs in [
    ("no key", no_paths),
    ("no private", dict(no_paths, priv="/none")),
    ("no public", dict(no_paths, pub="/none")),
    ("made", dict(no_paths, auto_create=True)),
    ("again", no_paths),
    ("elsewhere", {"priv": opts["pki_dir"] + "/made.pem", "pub": opts["pki_dir"] + "/made.pub", "signature_path": opts["cachedir"]}),
]:
    attempt("gen_signature " + name, lambda: call_wheel("key.gen_signature", **kwargs))
show("signatures", [os.path.getsize(os.path.join(opts[name], "master_pubkey_signature")) for name in ("pki_dir", "cachedir")])
attempt("wheel fred", lambda: wheel.master_call(fun="key.list_all", **fred))
resolver = Resolver(opts)
token = resolver.mk_token(dict(fred))
show("token", sorted(token))
attempt("local token", lambda: local.cmd("minion-a", "test.ping", token=token["token"]))
attempt("get_token", lambda: resolver.get_token(token["token"])["name"])
attempt("token wrong", lambda: local.cmd("minion-a", "test.ping", token="a" * 64))

netapi = salt.netapi.NetapiClient(master_opts())


def through_api(client, who, **low):
    return netapi.run(dict(low, client=client, **who))


attempt("api local", lambda: through_api("local", fred, tgt="minion-a", fun="test.ping"))
attempt("api local_async", lambda: sorted(through_api("local_async", fred, tgt="minion-a", fun="test.ping")))
attempt("api local wrong", lambda: through_api("local", wrong, tgt="minion-a", fun="test.ping"))
attempt("api runner", lambda: through_api("runner", anna, fun="test.arg", kwarg={"a": 2}))
attempt("api runner_async", lambda: sorted(through_api("runner_async", anna, fun="test.arg")))
attempt("api wheel", lambda: through_api("wheel", anna, fun="key.name_match", match="minion-a")["data"]["return"])
attempt("api wheel_async", lambda: sorted(through_api("wheel_async", anna, fun="key.list_all")))
attempt("api ssh", lambda: through_api("ssh", anna, tgt="*", fun="test.ping"))
attempt("api mk_token", lambda: sorted(runner.cmd("auth.mk_token", kwarg=dict(fred), print_event=False)))
