"""Cases of the states of pkg. Run with real Salt 3006.25: python pkgstate.py > pkgstate.jsonl"""

import recorder

NOW = {"vim": ["2:9.0.1"], "libc6": ["2.36"], "kept": ["1.0-1"]}
AFTER = {**NOW, "new": ["1.5"], "vim": ["2:9.1"]}
EFFECTS = ["pkg.install", "pkg.remove", "pkg.purge", "pkg.upgrade", "pkg.hold", "pkg.unhold", "lowpkg.unpurge"]
CHANGE = {"new": {"old": "", "new": "1.5"}}
HELD = {name: {"name": name, "changes": {"old": "install", "new": "hold"}, "result": True, "comment": f"Package {name} is now being held."}
        for name in ("new", "vim")}
SAME = {"vim": {"name": "vim", "changes": {}, "result": True, "comment": "Package vim is already set to be held."}}
BAD = {"vim": {"name": "vim", "changes": {}, "result": False, "comment": "Package vim not currently held."}}


def pkg(fun, name="new", salt=None, now=NOW, then=AFTER, both=True, **kwargs):
    answers = {name: {"is": {}} for name in EFFECTS}
    answers["pkg.install"] = {"is": CHANGE}
    answers["pkg.list_pkgs"] = {"is": now, "after": {"is": then}}
    answers["pkg.latest_version"] = {"is": "1.5"}
    answers["pkg.version"] = {"is": ""}
    answers["pkg.get_selections"] = {"is": {"hold": ["kept"]}}
    answers.update(salt or {})
    grains = kwargs.pop("grains", {})
    kwargs.setdefault("refresh", False)
    if fun in ("removed", "purged", "held", "unheld"):
        kwargs.pop("refresh")
    case = {"fun": f"states.pkg.{fun}", "kwargs": {"name": name, **kwargs}, "salt": answers, "effects": EFFECTS, "grains": grains}
    return [case, {**case, "test": True}] if both else [case]


def answers(**kwargs):
    return {"pkg." + name.lstrip("_"): {"is": value} for name, value in kwargs.items()}


CASES = []
for kwargs in [
    {}, {"name": "vim"}, {"version": "1.5"}, {"version": "1.6"}, {"name": "vim", "version": "2:9.0.1"}, {"name": "vim", "version": "9.0.1"},
    {"name": "vim", "version": ">=9"}, {"name": "vim", "version": ">=2:9.1"}, {"name": "vim", "version": "2:9.*"}, {"name": "vim", "version": "8.0", "allow_updates": True},
    {"name": "vim", "version": ">2:8,<2:10"}, {"name": "vim", "version": 9}, {"version": "latest"}, {"name": "vim", "version": "latest"},
    {"pkgs": []}, {"pkgs": ["vim", "kept"]}, {"pkgs": ["vim", "new"]}, {"pkgs": ["vim", {"new": "1.5"}]}, {"pkgs": [{"new": ">=1.5"}, {"vim": "2:9.1"}]},
    {"pkgs": ["new", "nope"]}, {"pkgs": ["a-package-with-long-name", "another-package-with-long-name"], "then": {**NOW, "a-package-with-long-name": ["1"], "another-package-with-long-name": ["1"]}},
    {"pkgs": ["a-package-with-long-name-x"], "then": {**NOW, "a-package-with-long-name-x": ["1"]}},
    {"pkgs": ["new:amd64"]}, {"pkgs": ["new"], "sources": [{"x": "/y"}]}, {"sources": [{"new": "/no/new.deb"}]}, {"sources": "nonsense"},
    {"name": "vim", "reinstall": True}, {"name": "vim", "reinstall": True, "salt": answers(install={"vim": {"old": "2:9.0.1", "new": "2:9.0.1"}})},
    {"hold": True, "salt": answers(hold=HELD)}, {"name": "vim", "hold": True, "salt": answers(hold={"vim": HELD["vim"]})},
    {"name": "vim", "hold": True, "salt": answers(hold=SAME)}, {"name": "vim", "hold": False, "salt": answers(unhold=BAD)},
    {"pkgs": ["vim", "new"], "hold": True, "salt": answers(hold={**SAME, "new": HELD["new"]})}, {"hold": True, "salt": answers(hold=BAD)},
    {"name": "vim", "hold": True, "salt": answers(hold={"result": False, "comment": "why"})},
    {"name": "doomed", "salt": {"pkg.list_pkgs": {"is": {**NOW, "doomed": ["3"]}}}},
    {"pkg_verify": True}, {"salt": answers(install="a text")}, {"then": NOW, "salt": answers(install={})},
    {"fromrepo": "backports", "skip_verify": True, "install_recommends": False, "update_holds": True},
]:
    CASES += pkg("installed", **kwargs)
for kwargs in [
    {}, {"name": "vim", "salt": answers(latest_version="", version="2:9.0.1")}, {"salt": answers(latest_version="")}, {"pkgs": []},
    {"pkgs": ["vim", "new"], "salt": answers(latest_version={"vim": "", "new": "1.5"}, version={"vim": "2:9.0.1", "new": ""})},
    {"pkgs": ["vim", "new"], "salt": answers(latest_version={"vim": "", "new": ""}, version={"vim": "2:9.0.1", "new": "1.5"})},
    {"pkgs": ["vim", "new"], "salt": answers(latest_version={"vim": "2:9.1", "new": "1.5"}, version={"vim": "2:9.0.1", "new": ""})},
    {"pkgs": ["vim", "new"], "salt": answers(latest_version={"vim": "2:9.1", "new": "1.5"}, version={"vim": "2:9.0.1", "new": ""}, install={})},
    {"salt": answers(install={})}, {"sources": [{"a": "b"}]},
]:
    CASES += pkg("latest", **kwargs)
for fun in ("removed", "purged"):
    for kwargs in [
        {}, {"name": "vim", "then": {"libc6": ["2.36"]}}, {"name": "vim", "then": NOW}, {"pkgs": ["vim", "new"], "then": {"libc6": ["2.36"]}},
        {"pkgs": ["vim", "kept"], "then": {}}, {"name": "vim", "version": "2:9.0.1", "then": {}}, {"name": "vim", "version": "1", "then": {}}, {"pkgs": ["no", "ne"]},
        {"name": "vim", "then": NOW, "grains": {"os_family": "RedHat"}}, {"name": "vim", "version": "2:9.0.1", "then": NOW, "grains": {"os_family": "RedHat"}},
    ]:
        CASES += pkg(fun, **kwargs)
for kwargs in [
    {"salt": answers(list_upgrades={})}, {"salt": answers(list_upgrades={"vim": "2:9.1"}, version="2:9.0.1", upgrade={"vim": {"old": "2:9.0.1", "new": "2:9.1"}})},
    {"pkgs": ["vim"], "salt": answers(list_upgrades={"vim": "2:9.1", "x": "1"}, version="2:9.0.1", upgrade={})}, {"refresh": "yes", "salt": answers(list_upgrades={})},
]:
    CASES += pkg("uptodate", **kwargs)
for kwargs in [
    {"name": "kept"}, {"name": "vim", "salt": answers(hold={"vim": HELD["vim"]})}, {"name": "vim", "salt": answers(hold=BAD)}, {"pkgs": []}, {"pkgs": ["vim", {"new": "1.5"}], "salt": answers(hold=HELD)},
    {"name": "vim", "replace": True, "salt": answers(hold={"vim": HELD["vim"]}, unhold={"kept": {"name": "kept", "changes": {}, "result": True, "comment": "let go"}})},
    {"name": "vim", "version": "3", "salt": answers(list_locks={"vim": {"version": "=2"}}, hold=HELD, unhold=SAME)}, {"name": "vim", "version": "2", "salt": answers(list_locks={"vim": {"version": "2", "type": "package"}})},
    {"name": "vim", "salt": answers(list_holds=["vim-2:9.0-1.*", "x-0:1.*", "odd"])},
]:
    CASES += pkg("held", **kwargs)
for kwargs in [
    {"name": "vim"}, {"name": "kept", "salt": answers(unhold={"kept": {"name": "kept", "changes": {"a": 1}, "result": True, "comment": "let go"}})},
    {"name": "kept", "salt": answers(unhold={"kept": {"name": "kept", "changes": {}, "result": False, "comment": "no"}})}, {"pkgs": []}, {"all": True, "pkgs": [], "salt": answers(unhold={"kept": {"result": True}})},
    {"name": "vim", "version": "2", "salt": answers(list_locks={"vim": {"version": "2", "type": "package"}})},
]:
    CASES += pkg("unheld", **kwargs)
LOCAL = {"vim": {"2:9.0.1": {"path": "/v"}}, "kept": {"1.0-1": {"path": "/k"}}}
FETCHED = {"pkg.list_downloaded": {"is": LOCAL, "after": {"is": {**LOCAL, "new": {"1.5": {"path": "/n"}}}}}}
for kwargs in [
    {"pkgs": []}, {}, {"version": "1.5"}, {"version": "1.6"}, {"name": "vim"}, {"name": "vim", "version": "2:9.0.1"}, {"name": "vim", "version": ">=2:9.1"},
    {"pkgs": ["vim", "kept"]}, {"pkgs": ["vim", {"kept": "1.0-1"}]}, {"pkgs": ["vim", {"new": "1.5"}]}, {"pkgs": ["nope", "new"]}, {"pkgs": [{"new": "1.5"}, {"nope": "2"}]}, {"salt": {**FETCHED, **answers(install={})}},
    {"downloadonly": False, "fromrepo": "backports", "disablerepo": "x"}, {"salt": {**FETCHED, "pkg.check_db": {"is": {"new": {"found": False, "suggestions": ["newer"]}}}}},
    {"pkgs": ["new", "odd"], "salt": {**FETCHED, "pkg.check_db": {"is": {"new": {"found": False, "suggestions": ["newer"]}, "odd": {"found": False, "suggestions": []}}}}},
]:
    CASES += pkg("downloaded", **{"salt": FETCHED, **kwargs})
PATCHED = {"pkg.list_patches": {"is": {}}, "pkg.list_installed_patches": {"is": {"A-1": {"installed": True, "summary": ["vim"]}}}}
for fun in ("patch_installed", "patch_downloaded"):
    for kwargs in [
        {"salt": {}}, {"advisory_ids": []}, {"name": "A-1"}, {"name": "A-2"}, {"advisory_ids": ["A-1"]}, {"advisory_ids": ["A-1", "A-2", "A-3"]}, {"name": "A-2", "salt": {**PATCHED, **answers(install={})}},
        {"name": "A-2", "downloadonly": True, "salt": {**PATCHED, **answers(install={})}},
    ]:
        CASES += pkg(fun, **{"salt": PATCHED, **kwargs})


def group(**kwargs):
    parts = {kind: {"installed": [], "not installed": []} for kind in ("mandatory", "optional", "default", "conditional")}
    for name, packages in kwargs.items():
        kind, _, absent = name.partition("_")
        parts[kind]["not installed" if absent else "installed"] = packages
    return {"pkg.group_diff": {"is": parts}}


for kwargs in [
    {"salt": {}}, {"salt": group(mandatory_=["new"])}, {"salt": group(mandatory=["vim"], default_=["new", "other"]), "skip": ["other"]}, {"salt": group(mandatory=["vim"], default_=["new", "other"])},
    {"salt": group(mandatory=["vim"], default=["kept"])}, {"salt": group(mandatory=["vim"], default=["kept"]), "include": ["new"]}, {"salt": group(mandatory_=["new"]), "skip": ["new"]},
    {"salt": group(mandatory_=["new"]), "skip": "new"}, {"salt": group(mandatory_=["new"]), "include": "new"}, {"salt": group(optional=["vim"], default_=["new"]), "enablerepo": "x"}, {"salt": group(), "include": [1]},
]:
    CASES += pkg("group_installed", "Tools", **kwargs)
for sfun in ("installed", "uptodate"):
    CASES.append({"fun": "states.pkg.mod_watch", "kwargs": {"name": "vim", "sfun": sfun, "refresh": False}, "salt": CASES[0]["salt"], "effects": EFFECTS})

# What the repositories have: a later Salt asks before it says what it would install.
REPOSITORY = {"new": ["1.5"], "vim": ["2:9.1", "2:9.0.1"]}

if __name__ == "__main__":
    recorder.main(CASES, later={"pkg.list_repo_pkgs": lambda *names: {name: REPOSITORY[name] for name in names if name in REPOSITORY}})
