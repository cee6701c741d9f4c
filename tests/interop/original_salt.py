"""Runs real Salt's programs, each in a process of its own that is forked when Salt has been imported: the import is most
of what a short command costs. The name of this file counts: Salt's minion takes a job's process for its own when "salt"
is in its command line (salt/utils/minion.py, _check_cmdline).

Usage: original_salt.py SOCKET. Listens on that Unix socket, ends when its standard input does. A request is a line of JSON:

    {"tool": str, "words": [str], "environment": {str: str}, "seconds": int, "log": str or null}

The first answer is a line with the process, {"pid": int}; the second, when that has ended, {"code": int or null, "stdout":
int, "stderr": int} and as many octets of either, none where they went to the file `log`. A process that takes longer than
`seconds` (0: as long as it likes), or whose connection is closed, is killed with all of its group."""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading

import salt.scripts

# What the programs import by themselves.
for name in """salt.cli.salt salt.cli.call salt.cli.caller salt.cli.cp salt.cli.key salt.cli.run salt.cli.batch
        salt.cli.daemons salt.client salt.key salt.loader salt.master salt.minion salt.output salt.pillar salt.runner
        salt.wheel salt.utils.schedule salt.transport.zeromq salt.transport.tcp salt.channel.client
        salt.channel.server""".split():
    importlib.import_module(name)

TOOLS = {
    "salt": "salt_main",
    "salt-call": "salt_call",
    "salt-cp": "salt_cp",
    "salt-key": "salt_key",
    "salt-master": "salt_master",
    "salt-minion": "salt_minion",
    "salt-run": "salt_run",
}


def become(request, out, err):
    """In the new process: takes on what the program is to see, and gives its main function."""
    os.setpgrp()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.update(request["environment"])
    sys.argv = [os.path.join(os.path.dirname(sys.executable), request["tool"]), *request["words"]]
    return getattr(salt.scripts, TOOLS[request["tool"]])


def serve(connection):
    """In the process of one request: gives the main function in the process that is to run it, and ends this one when that
    has ended."""
    request = json.loads(connection.makefile("rb").readline())
    if request["log"]:
        out = err = open(request["log"], "ab")
    else:
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    pid = os.fork()
    if pid == 0:
        connection.close()
        return become(request, out.fileno(), err.fileno())
    connection.sendall(json.dumps({"pid": pid}).encode() + b"\n")
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, connection], [], [], request["seconds"] or None)
    if ended not in ready:
        os.killpg(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    texts = []
    for file in () if request["log"] else (out, err):
        file.seek(0)
        texts.append(file.read())
    sizes = [len(text) for text in texts] or [0, 0]
    head = {"code": status if status >= 0 else None, "stdout": sizes[0], "stderr": sizes[1]}
    try:
        connection.sendall(json.dumps(head).encode() + b"\n" + b"".join(texts))
    except OSError:
        pass
    os._exit(0)


def wait():
    """Gives a main function in a process that was forked for it; None at the end."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(64)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([sys.stdin, listener], [], [])
        if sys.stdin in ready:
            os.unlink(sys.argv[1])
            return None
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            return serve(connection)
        connection.close()


assert threading.active_count() == 1, "a process with threads is not to be forked"
# What is imported stays: collecting garbage need not look at it again in every process.
gc.collect()
gc.freeze()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
main = wait()
if main:
    sys.exit(main())
