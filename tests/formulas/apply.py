#!/usr/bin/env python3
"""Applies public formulas to two copies of this host, one with real Salt and one with Halite, and compares what came.

    apply.py --salt-python SALT_VENV/bin/python --halite target/debug/halite CHECKOUT[:SLS]...

A copy is an overlay of the root directory in a mount namespace of its own (root only; it is gone when the script ends, and
nothing of this host changes but its running services, if a state asks for them).  In each copy the SLS file (default: the
name of the formula) is applied twice with the formula's `pillar.example`.  Compared are the returns of both runs, as
`compare.py --test` does, and the files that came into being or changed: kind, mode, owner, target and content.
Exit code 1 if anything differs.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile

import compare

# What differs from run to run, or is of the one that applies.
BESIDE = ("tmp", "proc", "dev", "sys", "run", "var/cache", "var/log", "var/lib/apt", "var/lib/dpkg", "root/.cache")

WITHIN = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1"/upper "$1"/work "$1"/host
mount -t overlay overlay -o lowerdir=/,upperdir="$1"/upper,workdir="$1"/work "$1"/host
mount --bind /proc "$1"/host/proc
mount --bind /dev "$1"/host/dev
export DEBIAN_FRONTEND=noninteractive
for run in 1 2; do
    timeout 900 chroot "$1"/host $2 --local -c "$3" --out=json -l quiet state.sls "$4" </dev/null >"$5.$run" 2>/dev/null || true
done
exec "$6" "$7" --files "$1"/upper >"$5.files"
"""


def files_below(top):
    """`{path: what it is}` of what an overlay holds."""
    found = {}
    for folder, names, files in os.walk(top):
        here = os.path.relpath(folder, top)
        names[:] = [name for name in names if os.path.normpath(f"{here}/{name}") not in BESIDE and name != "__pycache__"]
        for name in names + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            told = [stat.filemode(info.st_mode), info.st_uid, info.st_gid]
            if stat.S_ISLNK(info.st_mode):
                told.append(os.readlink(path))
            elif stat.S_ISREG(info.st_mode):
                told.append(hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:16])
            found[os.path.normpath(f"{here}/{name}")] = told
    return found


def apply(who, command, job, sls, scratch):
    """The returns of two runs and the files that came of them."""
    top, out = scratch / f"{who}.top", scratch / f"{who}.out"
    top.mkdir()
    subprocess.run(
        ["unshare", "--mount", "sh", "-c", WITHIN, "sh", top, command, job["config"], sls, out, sys.executable, __file__],
        check=True,
    )
    answers = []
    for run in "12":
        text = pathlib.Path(f"{out}.{run}").read_text()
        try:
            answers.append(json.loads(text[text.index("{"):])["local"])
        except (ValueError, KeyError):
            answers.append(text)
    returns = compare.said(dict(zip(("first", "second"), answers)))
    for answer in returns.values():
        for state in answer.values() if isinstance(answer, dict) else ():
            if isinstance(state.get("changes"), dict):
                state["changes"].pop("pid", None)
    return returns, json.loads(pathlib.Path(f"{out}.files").read_text())


def differences(theirs, ours):
    """`[(key, theirs, ours)]`"""
    keys = list(theirs) + [key for key in ours if key not in theirs]
    return [(key, theirs.get(key), ours.get(key)) for key in keys if theirs.get(key) != ours.get(key)]


def main():
    if sys.argv[1:2] == ["--files"]:
        print(json.dumps(files_below(sys.argv[2])))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--salt-python", required=True, help="the Python of an environment with Salt 3006.25")
    parser.add_argument("--halite", required=True, help="the program")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("checkouts", nargs="+")
    args = parser.parse_args()
    salt_call = f"{pathlib.Path(args.salt_python).absolute().parent}/salt-call"
    commands = {"salt": salt_call, "ours": f"{os.path.abspath(args.halite)} salt-call"}

    failed = False
    for named in args.checkouts:
        path, _, sls = named.partition(":")
        checkout = pathlib.Path(path)
        name = checkout.name.removesuffix("-formula")
        with tempfile.TemporaryDirectory(prefix="formulas-") as scratch:
            scratch = pathlib.Path(scratch)
            job = compare.prepare(checkout, scratch, "pillar.example", False)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                both = {
                    who: pool.submit(apply, who, command, job, sls or name, scratch) for who, command in commands.items()
                }
                (theirs, their_files), (ours, our_files) = (both[who].result() for who in commands)
        wrong = []
        for run, answer in theirs.items():
            if isinstance(answer, dict) and isinstance(ours[run], dict):
                wrong += [(f"{run} run, {key}", *pair) for key, *pair in differences(answer, ours[run])]
            elif compare.verdict(answer, ours[run]) not in ("same", "error"):
                wrong.append((f"{run} run", answer, ours[run]))
        wrong += differences(their_files, our_files)
        failed |= bool(wrong)
        for key, one, other in wrong:
            print(f"--- {name}: {key}\n  salt {str(one)[:600]}\n  ours {str(other)[:600]}")
        first = theirs["first"] if isinstance(theirs["first"], dict) else {}
        changed = sum(bool(state.get("changes")) for state in first.values())
        refused = sum(state.get("result") is False for state in first.values())
        row = (name, sls or name, len(first), changed, refused, len(their_files), len(wrong))
        print(("| " + " | ".join(map(str, row)) + " |") if args.table else
              "{} {}: {} states, {} with changes, {} failed, {} files; {} differences".format(*row))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
