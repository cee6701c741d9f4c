"""A libzmq peer under remote control: one command a line on stdin, one answer a line on stdout.

new NAME TYPE [OPTION=VALUE ...]   monitor NAME (before bind and connect)   bind NAME ENDPOINT   connect NAME ENDPOINT   disconnect NAME ENDPOINT
sub NAME TOPIC   unsub NAME TOPIC   send NAME PARTS   recv NAME MILLISECONDS   close NAME
events NAME MILLISECONDS (waits for the next event of the monitor)
proxy FRONT BACK (in a thread, for ever)   version   auth USER PASSWORD (a ZAP handler in a thread)
known NAME PARTS (send, and again while the peer is unknown)   topics NAME COUNT (subscribes to "0." and so on)
Octets are in hex, parts separated by commas, an empty part is "-". A VALUE that starts with "hex:" is octets.
"""

import sys
import threading
import time

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import recv_monitor_message

context = zmq.Context()
sockets = {}
monitors = {}


def octets(text):
    return b"" if text == "-" else bytes.fromhex(text)


def hexed(part):
    return part.hex() or "-"


def value(text):
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else int(text)


def run(command, name=None, *args):
    if command == "version":
        return zmq.zmq_version()
    if command == "new":
        socket = sockets[name] = context.socket(getattr(zmq, args[0]))
        socket.linger = 0
        for option in args[1:]:
            key, _, text = option.partition("=")
            socket.setsockopt(getattr(zmq, key), value(text))
        return ""
    if command == "monitor":
        # Not for every socket: libzmq's I/O thread stands still when a thousand events wait here.
        monitors[name] = sockets[name].get_monitor_socket()
        return ""
    if command == "proxy":
        front, back = sockets[name], sockets[args[0]]
        threading.Thread(target=zmq.proxy, args=(front, back), daemon=True).start()
        return ""
    if command == "auth":
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        authenticator.configure_plain(domain="global", passwords={name: args[0]})
        return ""
    socket = sockets[name]
    if command == "bind":
        for attempt in range(600):
            try:
                socket.bind(args[0])
                break
            except zmq.ZMQError as error:
                # A socket that was closed lets go of its port a little later, in libzmq's own thread.
                if error.errno != zmq.EADDRINUSE or attempt == 599:
                    raise
                time.sleep(0.05)
        return socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
    if command == "connect":
        socket.connect(args[0])
    elif command == "disconnect":
        socket.disconnect(args[0])
    elif command == "sub":
        socket.setsockopt(zmq.SUBSCRIBE, octets(args[0]))
    elif command == "unsub":
        socket.setsockopt(zmq.UNSUBSCRIBE, octets(args[0]))
    elif command == "send":
        socket.send_multipart([octets(part) for part in args[0].split(",")])
    elif command == "known":
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        for _ in range(3000):
            try:
                socket.send_multipart([octets(part) for part in args[0].split(",")])
                return ""
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                time.sleep(0.01)
        raise TimeoutError("the peer stays unknown")
    elif command == "topics":
        for topic in range(int(args[0])):
            socket.setsockopt(zmq.SUBSCRIBE, b"%d." % topic)
    elif command == "large":
        socket.send(bytes(int(args[0])) + b"end")
    elif command == "recv":
        if not socket.poll(int(args[0])):
            return "timeout"
        parts = socket.recv_multipart()
        if sum(map(len, parts)) > 1_000_000:
            return "large " + str(sum(map(len, parts)))
        return ",".join(map(hexed, parts))
    elif command == "events":
        socket.poll(0)
        if not monitors[name].poll(int(args[0])):
            return "timeout"
        return zmq.Event(recv_monitor_message(monitors[name])["event"]).name
    elif command == "close":
        if name in monitors:
            socket.disable_monitor()
            monitors.pop(name).close()
        sockets.pop(name).close()
    return ""


for line in sys.stdin:
    try:
        print("ok", run(*line.split()), flush=True)
    except Exception as error:  # reported to the test
        print("error", repr(error), flush=True)
