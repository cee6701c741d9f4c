#!/usr/bin/env python3
"""Renders public formulas with real Salt and with Halite and compares their low states.

    compare.py --salt-python SALT_VENV/bin/python --salt-call 'target/debug/halite salt-call' CHECKOUT...

A checkout is the directory of a formula as it was cloned; its `pillar.example` is the pillar.  Every SLS file of the
formula is asked for with `state.show_low_sls` of a minion without a master, and what comes is compared as JSON, order
of keys included.  `--table` prints the rows for COMPATIBILITY.md; `--keep DIR` leaves both answers there.
With `--test` the SLS files are applied with `test=True` instead, and what each state says is compared: result, changes,
comment, name.  Exit code 1 if anything differs.  Nothing of a formula is executed but what its templates call, and with
`--test` what its states ask of the machine.
"""

import argparse
import concurrent.futures
import difflib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

# Directories of a checkout that hold no states.
BESIDE = {"test", "tests", "docs", "bin", "dev", "_pillar", "pillar", "ssf"}

# Runs inside Salt's own Python: one process for all SLS files, since each start of Salt takes seconds.
WITHIN_SALT = r"""
import json, sys
import salt.client, salt.config

for name, job in json.load(open(sys.argv[1])).items():
    opts = salt.config.minion_config(job["config"] + "/minion")
    opts["file_client"] = "local"
    opts["config_dir"] = job["config"]
    caller = salt.client.Caller(mopts=opts)
    answers = {}
    for sls in job["sls"]:
        try:
            if job["test"]:
                answers[sls] = caller.cmd("state.sls", sls, test=True)
            else:
                answers[sls] = caller.cmd("state.show_low_sls", sls)
        except Exception as error:
            answers[sls] = "%s: %s" % (type(error).__name__, error)
    with open("%s/%s.salt" % (sys.argv[2], name), "w") as file:
        file.write(json.dumps(answers, default=repr, indent=1).replace(job["config"], "CONFIG"))
"""


def sls_files(checkout):
    """The names of the SLS files of a checkout."""
    names = []
    for path in sorted(checkout.rglob("*.sls")):
        parts = path.relative_to(checkout).parts
        if parts[0] in BESIDE or parts[0].startswith(".") or len(parts) == 1 or "files" in parts[1:-1]:
            continue
        if any("." in part for part in parts[:-1]) or "." in path.stem:
            continue
        names.append(".".join(parts)[: -len(".sls")].removesuffix(".init"))
    return names


def prepare(checkout, scratch, pillar_file, test):
    """Writes a configuration for a minion that has this formula alone."""
    where = scratch / checkout.name
    pillar = where / "pillar"
    pillar.mkdir(parents=True)
    (where / "cache").mkdir()
    example = checkout / pillar_file
    if example.is_file():
        (pillar / "top.sls").write_text("base:\n  '*':\n    - example\n")
        (pillar / "example.sls").write_bytes(example.read_bytes())
    roots = {"base": [str(checkout.resolve())]}
    config = {
        "id": "formulas",
        "file_client": "local",
        "root_dir": str(where),
        "cachedir": str(where / "cache"),
        "pki_dir": str(where / "pki"),
        "sock_dir": str(where / "run"),
        "log_file": str(where / "log"),
        "file_roots": roots,
        "pillar_roots": {"base": [str(pillar)]},
        "enable_fqdns_grains": False,
    }
    (where / "minion").write_text(json.dumps(config))
    return {"config": str(where), "scratch": str(scratch), "sls": sls_files(checkout), "test": test}


def ours(command, job):
    """What Halite answers, by SLS file."""
    answers = {}
    call = ["state.sls", "test=True"] if job["test"] else ["state.show_low_sls"]
    for sls in job["sls"]:
        made = subprocess.run(
            [*command, "--local", "-c", job["config"], "--out=json", "-l", "quiet", *call, sls],
            capture_output=True, text=True, timeout=300, check=False, cwd=job["scratch"],
        )
        try:
            answers[sls] = json.loads(made.stdout)["local"]
        except (ValueError, KeyError):
            answers[sls] = (made.stdout + made.stderr).strip()
    return answers


def text_of(answer):
    return json.dumps(answer, indent=1)


def plain(answer, job):
    """Without what differs from process to process."""
    text = text_of(answer).replace(job["config"], "CONFIG")
    return json.loads(text)


def said(answers):
    """Without what differs from run to run, and without the order of a state's keys (COMPATIBILITY.md)."""
    for answer in answers.values():
        if isinstance(answer, dict):
            for label, state in answer.items():
                kept = {key: state[key] for key in sorted(state) if key not in ("duration", "start_time", "pid")}
                kept["comment"] = comment_of(str(kept.get("comment", "")))
                answer[label] = kept
    return answers


def comment_of(text):
    """A comment without Python's frames and earlier exceptions, and sorted where Salt prints a set."""
    if text.startswith("#### "):
        return "#### ".join(sorted(part.strip() + "\n" for part in text.split("#### ")))
    before, mark, failed = text.partition("One or more requisite failed: ")
    if mark:
        return before + mark + ", ".join(sorted(failed.split(", ")))
    head, mark, trace = text.partition("Traceback (most recent call last):\n")
    if mark:
        last = trace.split("Traceback (most recent call last):\n")[-1]
        lines = last.split("\n")
        while lines and (lines[0].startswith(" ") or not lines[0]):
            lines.pop(0)
        return head + "\n".join(lines).split("\n\n---\n")[0]
    return text


def is_error(answer):
    return isinstance(answer, str) or (isinstance(answer, list) and answer and isinstance(answer[0], str))


def verdict(theirs, our):
    """How two answers compare: `same`, `error` (both fail with Salt's text), `order` or `different`."""
    if is_error(theirs):
        if theirs == our:
            return "error"
        if "Pillar failed to render" in str(theirs) and "Pillar failed to render" in str(our):
            return "error"
        # Halite goes on with file, line and text of the template where Salt's text ends.
        if isinstance(our, list) and len(our) == len(theirs) and isinstance(theirs, list):
            heads = [str(line).split("\n")[0] for line in theirs]
            if all(str(mine).startswith(head) for mine, head in zip(our, heads)):
                return "error"
        return "different"
    if text_of(theirs) == text_of(our):
        return "same"
    return "order" if theirs == our else "different"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--salt-python", required=True, help="the Python of an environment with Salt 3006.25")
    parser.add_argument("--salt-call", required=True, help="the command that is Halite's salt-call")
    parser.add_argument("--keep", type=pathlib.Path, help="a directory for both answers; Salt's are not asked for again")
    parser.add_argument("--pillar", default="pillar.example", help="the file of a checkout that is the pillar")
    parser.add_argument("--test", action="store_true", help="compare what `state.sls test=True` says")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--diff", type=int, default=20, help="lines shown of each difference")
    parser.add_argument("checkouts", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    command = shlex.split(args.salt_call)
    command[0] = os.path.abspath(command[0])

    with tempfile.TemporaryDirectory(prefix="formulas-") as scratch:
        scratch = pathlib.Path(scratch)
        jobs = {checkout.name: prepare(checkout, scratch, args.pillar, args.test) for checkout in args.checkouts}
        keep = args.keep or scratch / "kept"
        keep.mkdir(exist_ok=True, parents=True)
        wanted = {name: job for name, job in jobs.items() if not (keep / f"{name}.salt").is_file()}
        if wanted:
            (scratch / "jobs").write_text(json.dumps(wanted))
            subprocess.run(
                [args.salt_python, "-W", "ignore", "-c", WITHIN_SALT, str(scratch / "jobs"), str(keep.resolve())],
                check=True, cwd=scratch,
            )
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            mine = dict(zip(jobs, pool.map(lambda job: said(plain(ours(command, job), job)), jobs.values())))
        answers = {name: said(json.loads((keep / f"{name}.salt").read_text())) for name in jobs}
        for name in jobs:
            (keep / f"{name}.ours").write_text(text_of(mine[name]))

    failed = False
    rows = []
    for checkout in args.checkouts:
        name = checkout.name
        theirs = answers[name]
        counts = {"same": 0, "error": 0, "order": 0, "different": 0}
        for sls, answer in theirs.items():
            our = mine[name].get(sls)
            found = verdict(answer, our)
            counts[found] += 1
            if found in ("order", "different"):
                failed = True
                print(f"--- {name} {sls}: {found}")
                lines = difflib.unified_diff(text_of(answer).split("\n"), text_of(our).split("\n"), "salt", "ours", n=2)
                print("\n".join(line[:300] for line in list(lines)[: args.diff]))
        states = sum(len(answer) for answer in theirs.values() if not is_error(answer))
        commit = checkout.parent / f"{name}.commit"
        if commit.is_file():
            commit = commit.read_text().strip()
        else:
            commit = subprocess.run(
                ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
            ).stdout.strip()
        rows.append((name, commit[:10], len(theirs), states, counts))
    for name, commit, files, states, counts in rows:
        result = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        if args.table:
            print(f"| {name} | {commit} | {files} | {states} | {result} |")
        else:
            print(f"{name:24} {commit} {files:3} files {states:5} states: {result}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
