"""Cases of pkg by apk. Run with real Salt 3006.25: python apk.py > apk.jsonl"""

import recorder

BEFORE = "musl-1.2.3-r0\nbusybox-1.35.0-r29\npy3-pip-22.3.1-r1"
AFTER = "musl-1.2.3-r4\nbusybox-1.35.0-r29\nnginx-1.22.1-r0"
SIMULATED = "(1/2) Upgrading musl (1.2.3-r0 -> 1.2.3-r4)\n(2/2) Upgrading py3-pip (22.3.1-r1 -> 22.3.1-r2)\nOK: 10 MiB in 3 packages"


def apk(fun, *args, retcode=0, stdout="", stderr="", **kwargs):
    acts = ["apk add", "apk del", "apk upgrade"]
    done = {"retcode": retcode, "stdout": stdout, "stderr": stderr}
    return {"fun": f"modules.apkpkg.{fun}", "args": list(args), "kwargs": kwargs, "grains": {"os": "Alpine", "os_family": "Alpine"},
            "programs": [["apk info -v", {"stdout": BEFORE}, {"stdout": AFTER}], ["apk upgrade -s", {"stdout": SIMULATED}], ["apk update", {"retcode": 1 if fun == "refresh_db" else 0, **(done if fun == "refresh_db" else {})}],
                         ["apk search nginx", {"stdout": "nginx-1.22.1-r0\nnginx-mod-x-1.22.1-r0"}], ["apk search busybox", {"stdout": "busybox-1.35.0-r29"}],
                         ["apk info -L", {"stdout": "x-1 contains:\nbin/x\netc/x"}], ["apk info -W /bin/no", {"stdout": "ERROR: /bin/no: Could not find owner package"}], ["apk info -W /bin/odd", {}],
                         ["apk info -W", {"stdout": "/bin/sh is owned by busybox-1.35.0-r29"}], ["apk", done]],
            "acts": [act for act in acts if fun not in ("latest_version", "list_upgrades") and not (act == "apk upgrade" and fun != "upgrade")]}


CASES = [
    apk("list_pkgs"), apk("list_pkgs", versions_as_list=True), apk("list_pkgs", removed=True), apk("latest_version"), apk("latest_version", "musl"), apk("latest_version", "nginx", "busybox", "none", refresh=False),
    apk("install", "nginx"), apk("install", "nginx,musl", refresh=True), apk("install", "n", pkgs=[{"nginx": None}, {"x": "1"}]), apk("install"), apk("install", "no", retcode=1, stderr="ERROR: unable to select packages"),
    apk("remove", "py3-pip"), apk("remove", "a", pkgs=["b"]), apk("remove"), apk("purge", "py3-pip"), apk("remove", "x", retcode=1, stderr="no"), apk("list_upgrades"), apk("list_upgrades", False),
    apk("upgrade", "musl"), apk("upgrade", refresh=False, pkgs=["musl", "x"]), apk("upgrade", "musl", retcode=1, stdout="ERROR: so"), apk("refresh_db"), apk("refresh_db", retcode=1, stdout="ERROR: no network"),
    apk("file_dict", "x", "y"), apk("file_list", "x"), apk("file_dict"), apk("owner", "/bin/sh"), apk("owner", "/bin/sh", "/bin/no", "/bin/odd"), apk("owner"),
]

if __name__ == "__main__":
    recorder.main(CASES)
