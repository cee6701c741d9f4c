"""Real Salt's own event classes on one side of a bus. Usage: bus.py serve|listen|fire SOCK_DIR"""

import datetime
import json
import sys

import salt._logging
import salt.config
import salt.utils.event

def shown(value):
    return {"bytes": list(value)} if isinstance(value, bytes) else repr(value)


what, sock_dir = sys.argv[1:]
opts = dict(salt.config.DEFAULT_MASTER_OPTS, sock_dir=sock_dir, id="bus", __role="master")


def say(text):
    print(text, flush=True)


if what == "serve":
    try:
        from salt.transport.base import ipc_publish_server
    except ImportError:
        salt._logging.set_logging_options_dict(opts)
        server = salt.utils.event.EventPublisher(opts)
        server.run()
    else:
        # 3007: what its master starts for the bus.
        server = ipc_publish_server("master", opts)
        server.publish_daemon(server.publish_payload)
elif what == "listen":
    with salt.utils.event.get_event("master", sock_dir=sock_dir, opts=opts, listen=True) as bus:
        assert bus.cpub or bus.connect_pub(timeout=30)
        say("listening")
        while True:
            event = bus.get_event(wait=60, full=True, tag="")
            if event is None:
                sys.exit("no event within a minute")
            say(json.dumps(event, default=shown))
            if event["tag"] == "stop":
                break
elif what == "fire":
    with salt.utils.event.get_event("master", sock_dir=sock_dir, opts=opts, listen=False) as bus:
        data = {
            "text": "grüße\n\n",
            "raw": b"\xff\n\n\x00",
            "list": [1, -2, 2**40, 1.5, None, True],
            "deep": {"a": {"b": []}},
            "when": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901),
        }
        assert bus.fire_event(data, "from/python")
        assert bus.fire_event({"large": "x" * 300000}, "from/python/large")
        assert bus.fire_event({}, "stop")
