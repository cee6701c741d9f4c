#!/usr/bin/env python3
"""Records what Salt's master makes of the trees in the *.case files beside this script, into the files themselves.

    python3 record.py [CASE …]      with a Python that has Salt 3006.25; with one that has 3007.14, only what is not as
                                    with 3006, in a section of its own (`expected by 3007.14`)

A case has sections, each after a line `--- name`: `opts` (of the master, YAML; {root} is the directory of the tree),
`grains`, `request` ({saltenv, pillarenv, pillar, extra}), `file ENV/PATH`, and `expected`, which this script writes:
the pillar as JSON, in order, with {root} for the directory and without tracebacks. Where it has a section `shown` (a YAML
list of paths), `expected` is a map of what stands at each of them. A section `git REPOSITORY BRANCH PATH` is a file of a
repository, which lies in {root}/.git/REPOSITORY: a commit for each section, branches without common ancestors (cases of
repositories need GitPython).
"""

import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import salt.config
import salt.pillar
import salt.utils.data
import salt.version
import yaml

TRACEBACK = re.compile(r"\nTraceback \(most recent call last\):.*?\n\n; line ", re.DOTALL)
HERE = pathlib.Path(__file__).parent


def sections(text):
    name, lines, found = None, [], []
    for line in text.splitlines(keepends=True):
        if line.startswith("--- ") and not line.startswith("--- -"):
            if name is not None:
                found.append((name, "".join(lines)))
            name, lines = line[4:].strip(), []
        elif name is not None:
            lines.append(line)
    if name is not None:
        found.append((name, "".join(lines)))
    return found


def commit(root, repository, branch, path, text):
    where = os.path.join(root, ".git", repository)

    def git(*words):
        names = ["-c", "user.name=t", "-c", "user.email=t@t"]
        return subprocess.run(["git", "-C", where, *names, *words], capture_output=True, check=False).returncode == 0

    os.makedirs(where, exist_ok=True)
    if not os.path.exists(os.path.join(where, ".git")):
        assert git("init", "-q", "-b", branch)
    elif not git("checkout", "-q", branch, "--"):
        assert git("checkout", "-q", "--orphan", branch)
        git("rm", "-rfq", ".")
    path = os.path.join(where, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)
    assert git("add", "-A") and git("commit", "-q", "-m", "x")


def compiled(parts):
    root = tempfile.mkdtemp(prefix="pillar-case-")
    try:
        options, grains, request, shown = {}, {}, {}, None
        for name, text in parts:
            if name == "opts":
                options = yaml.safe_load(text.replace("{root}", root)) or {}
            elif name == "grains":
                grains = yaml.safe_load(text) or {}
            elif name == "request":
                request = yaml.safe_load(text) or {}
            elif name == "shown":
                shown = yaml.safe_load(text)
            elif name.startswith("git "):
                commit(root, *name.split()[1:], text)
            elif name.startswith("file "):
                path = os.path.join(root, name[5:])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as out:
                    out.write(text)
        opts = copy.deepcopy(salt.config.DEFAULT_MASTER_OPTS)
        opts["__role"] = "master"
        opts["cachedir"] = os.path.join(root, ".cache")
        opts["conf_file"] = os.path.join(root, "master")
        opts["pillar_roots"] = {
            env: [os.path.join(root, env)] for env in sorted(os.listdir(root)) if not env.startswith(".")
        }
        opts.update(options)
        grains.setdefault("id", "m1")
        pillar = salt.pillar.Pillar(
            opts,
            grains,
            "m1",
            request.get("saltenv"),
            pillar_override=request.get("pillar"),
            pillarenv=request.get("pillarenv"),
            extra_minion_data=request.get("extra"),
        ).compile_pillar()
        if "_errors" in pillar:
            # Python's own traceback is no part of the message.
            texts = [TRACEBACK.sub("; line ", text) for text in pillar["_errors"]]
            pillar["_errors"] = [re.sub(r"\n\nTraceback .*\n---", "\n---", text, flags=re.DOTALL) for text in texts]
        pillar = salt.utils.data.decode(pillar, keep=True, preserve_dict_class=True)
        if shown:
            pillar = {path: salt.utils.data.traverse_dict(pillar, path) for path in shown}
        return json.dumps(pillar, indent=1, default=str).replace(root, "{root}")
    finally:
        shutil.rmtree(root)


def main():
    names = sys.argv[1:] or sorted(path.name for path in HERE.glob("*.case"))
    for name in names:
        path = HERE / name
        version = salt.version.__version__
        later = not version.startswith("3006")
        parts = sections(path.read_text())
        asked = [part for part in parts if not part[0].startswith("expected")]
        before = dict(parts).get("expected by 3006.25", "") if later else ""
        expected = compiled(asked) + "\n"
        with open(path, "w") as out:
            for section, text in asked:
                out.write(f"--- {section}\n{text}")
            if later:
                out.write(f"--- expected by 3006.25\n{before}")
            if not later or json.loads(expected) != json.loads(before):
                out.write(f"--- expected by {version}\n{expected}")


if __name__ == "__main__":
    main()
