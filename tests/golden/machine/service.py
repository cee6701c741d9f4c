"""Cases of service. Run with real Salt 3006.25: python service.py > service.jsonl"""

import recorder
import salt.utils.systemd

EFFECTS = ["service.start", "service.stop", "service.restart", "service.reload", "service.force_reload", "service.full_restart",
           "service.enable", "service.disable", "service.mask", "service.unmask"]


def service(fun, up=(True, True), boot=(True, True), salt=None, drop=(), both=True, **kwargs):
    answers = {name: {"is": True} for name in EFFECTS if "full" not in name}
    answers["service.available"] = {"is": True}
    answers["service.status"] = {"is": up[0], "after": {"is": up[1]}}
    answers["service.enabled"] = {"is": boot[0], "after": {"is": boot[1]}}
    answers["service.disabled"] = {"is": not boot[0], "after": {"is": not boot[1]}}
    answers["service.masked"] = {"is": False}
    answers["service.offline"] = {"is": False}
    for name, value in (salt or {}).items():
        answers["service." + name] = value
    for name in drop:
        del answers["service." + name]
    case = {"fun": f"states.service.{fun}", "kwargs": {"name": "ssh", **kwargs}, "salt": answers, "effects": EFFECTS}
    return [case, {**case, "test": True}] if both else [case]


CASES = []
for enable in (None, True, False, "True"):
    for up in ((True, True), (True, False), (False, True), (False, False)):
        for boot in ((True, True), (False, False), (False, True), (True, False)):
            if enable == "True" and up[0] != up[1]:
                continue
            CASES += service("running", up, boot, enable=enable) + service("dead", up, boot, enable=enable)
for fun in ("running", "dead"):
    CASES += service(fun, enabled=True) + service(fun, salt={"available": {"is": False}}) + service(fun, salt={"offline": {"is": True}})
    CASES += service(fun, (fun == "dead",) * 2, salt={"start": {"is": False}, "stop": {"is": False}}, enable=True)
    CASES += service(fun, (fun == "dead",) * 2, (True, False), salt={"start": {"is": False}, "stop": {"is": False}}, enable=False)
    CASES += service(fun, (fun == "dead", fun == "running"), drop=["enable", "disable"], enable=True)
    CASES += service(fun, (fun == "dead", fun == "running"), drop=["enabled", "disabled"], enable=False)
    CASES += service(fun, (fun == "dead", fun == "running"), (False, False), salt={"enable": {"is": False}}, enable=True)
    CASES += service(fun, (fun == "dead", fun == "running"), (True, True), salt={"disable": {"is": False}}, enable=False)
CASES += service("running", unmask=True) + service("running", (False, True), unmask=True, salt={"masked": {"is": True, "after": {"is": False}}})
CASES += service("running", drop=["available"], salt={"get_all": {"is": ["ssh"]}}) + service("running", drop=["available"], salt={"get_all": {"is": []}})
for fun in ("enabled", "disabled"):
    for boot in ((True, True), (False, False), (False, True), (True, False)):
        CASES += service(fun, boot=boot)
    CASES += service(fun, salt={"available": {"is": False}}) + service(fun, drop=["enabled", "disabled"]) + service(fun, boot=(fun == "disabled",) * 2, salt={"enable": {"is": False}, "disable": {"is": False}})
for fun in ("masked", "unmasked"):
    for runtime in (False, True):
        CASES += service(fun, salt={"masked": {"is": fun == "masked"}}, runtime=runtime) + service(fun, salt={"masked": {"is": fun != "masked", "after": {"is": fun == "masked"}}}, runtime=runtime)
        CASES += service(fun, salt={"masked": {"is": fun != "masked"}}, runtime=runtime)
    CASES += service(fun, drop=["masked"])
for sfun in ("running", "dead", "enabled"):
    for up in ((True, True), (False, True)):
        for more in ({}, {"reload": True}, {"reload": True, "force": True}, {"full_restart": True}):
            CASES += service("mod_watch", up, sfun=sfun, **more)
    CASES += service("mod_watch", salt={"restart": {"is": False}, "stop": {"is": False}}, sfun=sfun) + service("mod_watch", salt={"full_restart": {"is": True}}, sfun=sfun, full_restart=True)

FAIL = {"retcode": 1, "stderr": "Running scope as unit: run-1.scope\nFailed to do it.", "stdout": "why"}
STATUS = ["/usr/bin/systemctl status", {"stdout": "● x.service\n   Loaded: loaded (/lib)\n", "retcode": 0}]
UNITS = ["/usr/bin/systemctl --full --no-legend --no-pager list-unit-files",
         {"stdout": "a-x.service enabled enabled\nb-x.socket  disabled enabled\nc-x.service static -\nd-x.slice enabled\nodd\n"}]


def systemd(fun, *args, programs=(), **kwargs):
    return {"fun": f"modules.systemd_service.{fun}", "args": list(args), "kwargs": kwargs, "programs": [*programs, STATUS, UNITS],
            "opts": {"systemd.scope": False}}


CASES += [systemd(fun, "no-such-x") for fun in ("start", "stop", "restart", "reload", "force_reload", "enable", "disable", "enabled", "disabled",
                                               "status", "available", "missing", "mask", "masked")]
CASES += [systemd(fun, "no-such-x", programs=[[f"/usr/bin/systemctl {word}", FAIL]]) for fun, word in (
    ("start", "start"), ("stop", "stop"), ("restart", "restart"), ("reload", "reload"), ("enable", "enable"), ("disable", "disable"),
    ("enabled", "is-enabled"), ("status", "is-active"), ("mask", "mask"))]
CASES += [systemd("force_reload", "x.timer", no_block=False), systemd("start", "x@1", no_block=True), systemd("stop", "salt-minion"), systemd("restart", "salt-minion"),
          systemd("enable", "no-such-x", root="/no/root"), systemd("mask", "no-such-x", runtime=True), systemd("systemctl_reload"),
          systemd("systemctl_reload", programs=[["/usr/bin/systemctl --system", FAIL]]),
          systemd("available", "no-such-x", programs=[["/usr/bin/systemctl status", {"retcode": 4, "stdout": "Unit x.service could not be found."}]]),
          systemd("available", "no-such-x", programs=[["/usr/bin/systemctl status", {"retcode": 3, "stdout": "   Loaded: loaded\n   Active: inactive"}]]),
          systemd("start", "no-such-x", programs=[["/usr/bin/systemctl status", {"stdout": "Warning: changed, run 'systemctl daemon-reload' to reload."}]]),
          systemd("get_static", root="/no/root"), systemd("get_enabled", root="/no/root"), systemd("get_disabled", root="/no/root"), systemd("get_all", root="/no/root"),
          systemd("get_running", programs=[["/usr/bin/systemctl --full", {"stdout": "a.service loaded active running A\nb.service loaded active exited B\nc.socket loaded active running C\n"}]]),
          systemd("firstboot", locale="de_DE.UTF-8", machine_id="abc", root="/r"), systemd("firstboot"), systemd("firstboot", hostname="h", programs=[["/usr/bin/systemd-firstboot", {"retcode": 1, "stderr": "no"}]]),
          systemd("show", "x", programs=[["/usr/bin/systemctl show", {"stdout": "Id=x.service\nAfter=a b\nExecStart={ path=/bin/x ; argv[]=/bin/x -D a=b ; pid=0 }\nEnv=a=b\n"}]])]

if __name__ == "__main__":
    def before(module, machine):
        salt.utils.systemd.version = lambda *_: 252
        salt.utils.systemd.booted = lambda *_: True
        salt.utils.systemd.offline = lambda *_: False
    recorder.main(CASES, before)
