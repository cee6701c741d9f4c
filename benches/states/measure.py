#!/usr/bin/env python3
"""States, pillars and files: what they cost beside real Salt, in one run.

    measure.py --salt SALT_VENV/bin --binary target/release/halite [--only tree,noop,pillar,files,list] [--rounds 3]

`tree`: 1,000 states of a Jinja loop with test=True, CPU and peak memory of `salt-call --local`.
`noop`: the second run of 500 states of files, packages and services; needs root, and uses packages and services that
are there already.
`pillar`, `files`: CPU of a master's processes for one `_pillar` request and for one MiB of a file, asked for by Salt's own
client with both masters.
`list`: CPU of a master's processes, and the time that a client waits, for a list of 200,000 files that it has made before.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")

TREE = """{% for i in range(500) %}
DEST/f{{ i }}:
  file.managed:
    - contents: "line {{ i }}"
    - mode: "0644"
run{{ i }}:
  cmd.run:
    - name: echo {{ i }}
    - require:
      - file: DEST/f{{ i }}
{% endfor %}
"""

NOOP = """{% for i in range(400) %}
DEST/g{{ i }}:
  file.managed:
    - contents: "line {{ i }}"
{% endfor %}
{% set packages = PACKAGES %}
{% for name in packages %}
package-{{ name }}:
  pkg.installed:
    - name: {{ name }}
{% endfor %}
{% for i in range(100 - packages|length) %}
service-{{ i }}:
  service.dead:
    - name: there-is-no-such-service-{{ i }}
{% endfor %}
"""

# Runs in Salt's Python: a client that signs in, and asks as often as it is told to.
CLIENT = r"""
import json, sys
import salt.channel.client, salt.config

what, where = sys.argv[1:3]
opts = salt.config.minion_config(where + "/minion")
opts["master_uri"] = "tcp://127.0.0.1:%d" % opts["master_port"]
opts["__role"] = "minion"
channel = salt.channel.client.ReqChannel.factory(opts, crypt="aes")
grains = {"id": opts["id"], "os": "Debian", "os_family": "Debian", "kernel": "Linux"}

def pillar(number):
    load = {"id": opts["id"], "grains": dict(grains, number=number), "saltenv": "base", "pillarenv": None,
            "pillar_override": {}, "extra_minion_data": {}, "ver": "2", "cmd": "_pillar"}
    return channel.crypted_transfer_decode_dictentry(load, dictkey="pillar")

def file():
    at = 0
    while True:
        data = channel.send({"path": "large", "saltenv": "base", "loc": at, "cmd": "_serve_file", "gzip": None})["data"]
        if not data:
            return at
        at += len(data)

def listed():
    files = channel.send({"saltenv": "base", "prefix": "", "cmd": "_file_list"}, timeout=300)
    assert len(files) > 200000, len(files)

def ask(count, fresh):
    for number in range(count):
        if what == "list":
            listed()
            continue
        if what == "files":
            assert file() == 10 << 20
        else:
            found = pillar(number if fresh else 0)
            assert found["web"]["port"] == 80, found

ask(1, False)
for line in sys.stdin:
    print("ready", flush=True)
    count, fresh = json.loads(line)
    ask(count, fresh)
    print("done", flush=True)
"""


def cpu_of_tree(pid):
    """Seconds of the processor that a process and all below it have used."""
    children = {}
    times = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry))
            times[int(entry)] = sum(map(int, fields[11:15])) / TICK
    todo, total = [pid], 0.0
    while todo:
        here = todo.pop()
        total += times.get(here, 0.0)
        todo += children.get(here, [])
    return total


def run(command):
    """CPU seconds, peak memory in KiB and wall seconds of one command."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    # Not ru_maxrss: that begins with the memory of this Python, which the process shared until it became another.
    peak = [0]
    watch = threading.Thread(target=watch_memory, args=(process.pid, peak))
    watch.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    wall = time.monotonic() - start
    watch.join()
    return usage.ru_utime + usage.ru_stime, peak[0], wall, output


def watch_memory(pid, peak):
    """Keeps the peak of a process's resident memory, in KiB, until it ends."""
    while True:
        try:
            told = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        found = re.search(r"^VmHWM:\s+(\d+)", told, re.MULTILINE)
        if not found:
            return
        peak[0] = int(found.group(1))
        time.sleep(0.002)


class Side:
    """One of the two, with a directory of its own."""

    def __init__(self, name, commands, scratch):
        self.name, self.commands = name, commands
        self.where = scratch / name
        self.master = None
        (self.where / "tree").mkdir(parents=True)
        (self.where / "pillar").mkdir()
        (self.where / "dest").mkdir()
        (self.where / "pki-minion").mkdir()
        publish, ret = random.sample(range(20000, 32000), 2)
        common = {
            "root_dir": str(self.where), "cachedir": str(self.where / "cache"), "pki_dir": str(self.where / "pki"),
            "sock_dir": str(self.where / "s"), "log_file": str(self.where / "log"), "user": "root",
            "file_roots": {"base": [str(self.where / "tree")]}, "pillar_roots": {"base": [str(self.where / "pillar")]},
        }
        minion = dict(common, id="bench", file_client="local", enable_fqdns_grains=False,
                      pki_dir=str(self.where / "pki-minion"), master="127.0.0.1", master_port=ret,
                      publish_port=publish, cachedir=str(self.where / "cache-minion"))
        master = dict(common, interface="127.0.0.1", publish_port=publish, ret_port=ret, auto_accept=True,
                      worker_threads=2, presence_events=False)
        (self.where / "minion").write_text(json.dumps(minion))
        (self.where / "master").write_text(json.dumps(master))
        dest = str(self.where / "dest")
        (self.where / "tree" / "tree.sls").write_text(TREE.replace("DEST", dest))
        packages = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\n"], capture_output=True, text=True, check=False)
        packages = json.dumps(packages.stdout.split()[:50])
        (self.where / "tree" / "noop.sls").write_text(NOOP.replace("DEST", dest).replace("PACKAGES", packages))
        (self.where / "tree" / "large").write_bytes(os.urandom(10 << 20))
        (self.where / "pillar" / "top.sls").write_text("base:\n  '*':\n    - web\n    - users\n")
        (self.where / "pillar" / "web.sls").write_text(
            "web:\n  port: 80\n  os: {{ grains.os }}\n  names:\n{% for i in range(5) %}\n    - www{{ i }}\n{% endfor %}\n")
        (self.where / "pillar" / "users.sls").write_text(
            "{% set all = ['ann', 'bob'] %}\nusers:\n{% for name in all %}\n  {{ name }}:\n    id: {{ loop.index }}\n{% endfor %}\n")

    def call(self, *words):
        return run([*self.commands["salt-call"], "--local", "-c", str(self.where), "--out=json", "-l", "quiet", *words])

    def start_master(self):
        self.master = subprocess.Popen([*self.commands["salt-master"], "-c", str(self.where), "-l", "quiet"])

    def stop_master(self):
        self.master.terminate()
        try:
            self.master.wait(20)
        except subprocess.TimeoutExpired:
            self.master.kill()


def tree(sides, rounds):
    for side in sides:
        side.call("test.ping")
    best = {}
    for _ in range(rounds):
        for side in sides:
            cpu, memory, _, output = side.call("state.apply", "tree", "test=True")
            states = len(json.loads(output)["local"])
            assert states == 1000, f"{side.name}: {states} states"
            known = best.get(side.name, (cpu, memory))
            best[side.name] = (min(cpu, known[0]), min(memory, known[1]))
    table("1,000 states, test=True: CPU", "s", {name: found[0] for name, found in best.items()}, 3)
    table("1,000 states, test=True: peak memory", "MiB", {name: found[1] / 1024 for name, found in best.items()}, 1)


def noop(sides, rounds):
    walls, cpus = {}, {}
    for side in sides:
        side.call("state.apply", "noop")
        for _ in range(rounds):
            cpu, _, wall, output = side.call("state.apply", "noop")
            results = json.loads(output)["local"].values()
            assert len(results) == 500 and all(result["result"] for result in results), side.name
            walls[side.name] = min(wall, walls.get(side.name, wall))
            cpus[side.name] = min(cpu, cpus.get(side.name, cpu))
    table("500 states with nothing to do: wall", "s", walls, 2)
    table("500 states with nothing to do: CPU", "s", cpus, 2)


def asked(sides, what, python, rows):
    waited = {row[0]: {} for row in rows}
    for side in sides:
        side.start_master()
        client = None
        try:
            for _ in range(60):
                time.sleep(1)
                client = subprocess.Popen([python, "-W", "ignore", "-c", CLIENT, what, str(side.where)], text=True,
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                client.stdin.write(json.dumps([1, False]) + "\n")
                client.stdin.flush()
                if client.stdout.readline() == "ready\n" and client.stdout.readline() == "done\n":
                    break
                client.kill()
                client.wait()
            for title, count, fresh, per, found in rows:
                time.sleep(1)
                before, start = cpu_of_tree(side.master.pid), time.monotonic()
                client.stdin.write(json.dumps([count, fresh]) + "\n")
                client.stdin.flush()
                assert client.stdout.readline() == "ready\n" and client.stdout.readline() == "done\n"
                took = time.monotonic() - start
                found[side.name] = (cpu_of_tree(side.master.pid) - before) * 1000 / (count * per)
                waited[title][side.name] = took * 1000 / (count * per)
                print(f"({side.name}: {title}: {count} in {took:.1f} s)", file=sys.stderr)
        finally:
            if client:
                client.kill()
                client.wait()
            side.stop_master()
    for title, _, _, _, found in rows:
        table(f"{title}: CPU of the master", "ms", found, 3)
        table(f"{title}: wall", "ms", waited[title], 3)


def table(title, unit, found, digits):
    ours, theirs = found["halite"], found["salt"]
    ratio = theirs / ours if ours else float("inf")
    print(f"| {title} | {theirs:.{digits}f} {unit} | {ours:.{digits}f} {unit} | {ratio:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--salt", required=True, type=pathlib.Path, help="the bin directory of an environment with Salt")
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="tree,noop,pillar,files,list")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    binary, salt = str(args.binary.resolve()), args.salt.absolute()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="hs-"))
    programs = ["salt-call", "salt-master"]
    sides = [
        Side("salt", {name: [str(salt / name)] for name in programs}, scratch),
        Side("halite", {name: [binary, name] for name in programs}, scratch),
    ]
    wanted = args.only.split(",")
    print("| what | Salt | Halite | ratio |\n| --- | --- | --- | --- |")
    try:
        if "tree" in wanted:
            tree(sides, args.rounds)
        if "noop" in wanted:
            noop(sides, args.rounds)
        if "pillar" in wanted:
            rows = [("pillar, asked for again", 200, False, 1, {}),
                    ("pillar, of a minion whose grains changed", 200, True, 1, {})]
            asked(sides, "pillar", str(salt / "python"), rows)
        if "list" in wanted:
            for side in sides:
                for number in range(2000):
                    folder = side.where / "tree" / f"d{number % 40}" / f"e{number}"
                    folder.mkdir(parents=True)
                    for file in range(100):
                        (folder / f"file{file}.txt").touch()
            # A list is used again as soon as its directories are old enough for a change to show.
            time.sleep(3)
            asked(sides, "list", str(salt / "python"), [("200,000 files listed", 10, False, 1, {})])
        if "files" in wanted:
            asked(sides, "files", str(salt / "python"), [("a file of 10 MiB, per MiB", 10, False, 10, {})])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
