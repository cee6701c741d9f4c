#!/usr/bin/env python3
"""Fills in what real Salt makes of the cases in this folder: `record.py [case …]`, with Salt's Python. With 3006 all of
it; with a later Salt only what is not as with 3006, in sections of their own (`expected, Salt 3007.14`, `printed, Salt
3007.14`), which show where the versions part.

A case is a text of sections: `--- file base/a.sls`, `--- opts` and `--- pillar` (YAML), `--- call` (a YAML list of
`[function, [argument …], {keyword: value}]`, default `state.apply`), then, written by this script, `--- expected`
(JSON: `[return, retcode]` of each call) and `--- printed` (what the outputter highstate makes of the first return).
"""

import json
import os
import re
import shutil
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
import salt._logging
import salt.config
import salt.loader
import salt.output
import salt.version
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))


def sections(text):
    found = []
    for line in text.splitlines(keepends=True):
        if line.startswith("--- ") and not line.startswith("--- -"):
            found.append([line[4:].strip(), ""])
        elif found:
            found[-1][1] += line
    return found


def plain(value, root):
    if isinstance(value, dict):
        return {
            plain(k, root): plain(v, root) for k, v in value.items() if k not in ("start_time", "duration", "pid")
        }
    if isinstance(value, (list, tuple)):
        return [plain(v, root) for v in value]
    if isinstance(value, str):
        value = value.replace(root, "{root}")
        if "Traceback (most recent call last)" in value:
            head = value.split("Traceback (most recent call last)")[0]
            last = [line for line in value.splitlines() if line.strip()][-1]
            return head + "..." + last
        if value.startswith("One or more requisite failed: "):
            head, names = value.split(": ", 1)
            return head + ": " + ", ".join(sorted(names.split(", ")))
    return value


def record(path):
    with open(path) as file:
        parts = sections(file.read())
    version = salt.version.__version__
    later = not version.startswith("3006")
    if later:
        kept = [part for part in parts if not part[0].endswith(f", Salt {version}")]
    else:
        kept = [part for part in parts if not part[0].startswith(("expected", "printed"))]
    root = tempfile.mkdtemp(prefix="case")
    envs = {}
    given = {name: body for name, body in kept}
    for name, body in kept:
        if name.startswith("file "):
            target = os.path.join(root, name[5:])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w") as file:
                file.write(body.replace("{root}", root))
            envs.setdefault(name[5:].split("/")[0], None)
    opts = salt.config.minion_config("/nonexistent")
    opts.update(
        {
            "id": "m1",
            "file_client": "local",
            "local": True,
            "__cli": "salt-call",
            "master_uri": "",
            "cachedir": os.path.join(root, ".cache"),
            "extension_modules": os.path.join(root, ".cache/extmods"),
            "file_roots": {env: [os.path.join(root, env)] for env in envs} or {"base": [root]},
            "pillar_roots": {"base": [os.path.join(root, ".none")]},
            "conf_file": os.path.join(root, "minion"),
            "autoload_dynamic_modules": False,
            "state_output_profile": False,
            "color": False,
        }
    )
    os.makedirs(opts["cachedir"], exist_ok=True)
    # Processes of `parallel: True` look for it.
    salt._logging.set_logging_options_dict(dict(opts, log_level="quiet", log_level_logfile="quiet"))
    opts.update(yaml.safe_load(given.get("opts", "{}").replace("{root}", root)) or {})
    opts["grains"] = {"id": "m1", "os": "Debian", "os_family": "Debian", "kernel": "Linux", "shell": "/bin/sh",
                      "roles": ["web"]}
    opts["pillar"] = yaml.safe_load(given.get("pillar", "{}")) or {}
    context = {}
    utils = salt.loader.utils(opts, context=context)
    functions = salt.loader.minion_mods(opts, utils=utils, context=context)
    calls = yaml.safe_load(given.get("call", "- [state.apply]").replace("{root}", root))
    expected, first = [], None
    for call in calls:
        fun, args, kwargs = call[0], (call[1:2] or [[]])[0], (call[2:3] or [{}])[0]
        context.pop("retcode", None)
        try:
            ret = functions[fun](*args, **kwargs)
            first = ret if first is None else first
            expected.append([plain(ret, root), context.get("retcode", 0)])
        except Exception as error:  # what the minion makes of it is not ours to say
            expected.append([{"raised": type(error).__name__, "text": plain(str(error), root)}, context.get("retcode", 0)])
    printed = ""
    if calls[0][0].split(".")[1] in ("apply", "sls", "highstate", "single", "template_str", "sls_id", "template", "top"):
        if first is not None:
            printed = salt.output.string_format({"m1": plain(first, root)}, "highstate", opts) or ""
    shutil.rmtree(root)
    with open(path, "w") as file:
        for name, body in kept:
            file.write(f"--- {name}\n{body}")
        expected = json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
        if not later:
            file.write(f"--- expected, Salt {version}\n{expected}--- printed\n{printed}\n")
            return
        before = next(body for name, body in kept if name.startswith("expected, Salt 3006"))
        if json.loads(expected) != json.loads(before):
            file.write(f"--- expected, Salt {version}\n{expected}")
            print("differs:", os.path.basename(path))
        if printed.strip() != dict(parts)["printed"].strip():
            file.write(f"--- printed, Salt {version}\n{printed}\n")


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(name for name in os.listdir(HERE) if name.endswith(".case"))
    for name in names:
        record(os.path.join(HERE, name))
        print(name, flush=True)
