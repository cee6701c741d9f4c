"""Cases of pkg on Debian. Run with real Salt 3006.25: python pkg.py > pkg.jsonl"""

import pathlib

import recorder

LIST = "install ok installed vim 2:9.0.1 amd64\ninstall ok installed libc6 2.36 amd64\ninstall ok installed libc6 2.36 i386\n" \
       "deinstall ok config-files old 1.0 all\nhold ok installed kept 1.0-1 amd64\npurge ok installed doomed 3 all\nbroken\n"
NEW = LIST.replace("2:9.0.1", "2:9.1") + "install ok installed new 1.5 all\n"
POLICY = "vim:\n  Installed: 2:9.0.1\n  Candidate: 2:9.1\n  Version table:\n"
SHOW = "Package: new\nVersion: 1.5\nSection: x\nDescription: a: b\n\nPackage: new\nVersion: 1.4\n\n"
UPDATE = "Hit:1 http://a.b stable InRelease\nGet:2 http://a.b/c stable InRelease [12.3 kB]\nIgn:3 http://x y\nErr:4 http://z y\n\nReading...\n"
BASE = [["dpkg-query --showformat", {"stdout": LIST}, {"stdout": NEW}], ["apt-cache -q policy vim", {"stdout": POLICY}],
        ["apt-cache -q policy new", {"stdout": "new:\n  Installed: (none)\n  Candidate: 1.5\n"}],
        ["apt-cache -q policy", {"stdout": ""}], ["apt-cache show", {"stdout": SHOW}],
        ["apt-get -q update", {"stdout": UPDATE}], ["dpkg --get-selections new", {"stdout": "new\t\t\tinstall\n"}],
        ["dpkg --get-selections kept", {"stdout": "kept\t\t\thold\n"}], ["dpkg --get-selections none", {}],
        ["dpkg --get-selections", {"stdout": "vim\tinstall\nnew\tinstall\nkept\thold\n"}]]
ACTS = ["apt-get -q -y", "apt-get --assume-yes"]
FAIL = {"retcode": 100, "stderr": "E: Unable to locate package nope"}


def apt(fun, *args, programs=(), **kwargs):
    case = {"fun": f"modules.aptpkg.{fun}", "args": list(args), "kwargs": {}, "programs": [*programs, *BASE], "acts": ACTS}
    for key in ("test", "files", "missing", "grains"):
        if key in kwargs:
            case[key] = kwargs.pop(key)
    case["kwargs"] = kwargs
    return case


CASES = [
    apt("list_pkgs"), apt("list_pkgs", versions_as_list=True), apt("list_pkgs", removed=True), apt("list_pkgs", purge_desired=True),
    apt("version", "vim"), apt("version", "vim", "nope"), apt("version", "lib*"), apt("version"), apt("version", "nope"),
    apt("latest_version", "vim"), apt("latest_version", "vim", "new", refresh=False), apt("latest_version", "nope", refresh=False),
    apt("latest_version", "vim", refresh=False, fromrepo="backports"), apt("latest_version", "vim", repo="x"), apt("latest_version"),
    apt("latest_version", "vim", refresh=False, show_installed=True),
    apt("refresh_db"), apt("refresh_db", failhard=True), apt("refresh_db", programs=[["apt-get -q update", FAIL]]),
    apt("install", "new"), apt("install", "new", refresh=True), apt("install", "new", version="1.5"), apt("install", "new", version="1.5", refresh=True),
    apt("install", "new", version="1.4", refresh=True), apt("install", "new,other"),
    apt("install", pkgs=["vim", {"new": "1.5"}]), apt("install", pkgs=["vim", {"new": "1.5"}], refresh=True), apt("install", pkgs=[{"new": ">=1.4"}]),
    apt("install", pkgs=[{"new": ">2"}]), apt("install", pkgs=[{"vim": "1:1.0"}]), apt("install", pkgs=[{"vim": "2:9.0.1"}], reinstall=True),
    apt("install", "vim", reinstall=True), apt("install", "vim", reinstall=True, version="2:9.0.1"),
    apt("install", "new", fromrepo="bookworm-backports", skip_verify=True, force_yes=True, force_conf_new=True, install_recommends=False, only_upgrade=True),
    apt("install", "new", install_recommends=True, downloadonly=True), apt("install", "nope", programs=[["apt-get -q -y", FAIL]]),
    apt("install", pkgs=["vim", "vim"]), apt("install"), apt("install", "kept"), apt("install", "new:amd64"), apt("install", "new:i386"),
    apt("install", sources=[{"x": "relative/path"}]),
    apt("remove", "vim"), apt("remove", "nope"), apt("remove", pkgs=["vim", "old"]), apt("purge", "old"), apt("purge", pkgs=["vim", "old"]),
    apt("remove", "vim", programs=[["apt-get -q -y", FAIL]]),
    apt("autoremove", programs=[]), apt("autoremove", list_only=True, purge=True, programs=[["apt-get --assume-no", {"stdout": "x\nThe following packages will be REMOVED:\n  b a\n  c\n0 upgraded\n"}]]),
    apt("upgrade"), apt("upgrade", refresh=False, dist_upgrade=True, force_conf_new=True, skip_verify=True, downloadonly=True, allow_downgrades=True),
    apt("list_upgrades", refresh=False, programs=[["apt-get --just-print", {"stdout": "Inst vim [2:9.0.1] (2:9.1 D:12 [amd64])\nConf vim (2:9.1 D:12 [amd64])\n"}]]),
    apt("list_upgrades", dist_upgrade=False, programs=[["apt-get --just-print", FAIL]]),
    apt("upgrade_available", "vim"), apt("list_repo_pkgs", "new"), apt("show", "new"), apt("show", "new", filter="section"), apt("show"),
    apt("hold", "new"), apt("hold", "kept"), apt("hold", "none"), apt("hold", pkgs=["new", "kept"]), apt("hold", "new", test=True), apt("hold"),
    apt("hold", pkgs=["a"], sources=["b"]), apt("unhold", "kept"), apt("unhold", "new"), apt("unhold", "none"), apt("unhold", "kept", test=True),
    apt("get_selections"), apt("get_selections", pattern="kept"), apt("get_selections", state="hold"),
    apt("set_selections", selection={"hold": ["vim"], "install": ["new"]}), apt("set_selections", selection="{hold: [vim]}"),
    apt("set_selections", selection={"nonsense": ["vim"]}), apt("set_selections"), apt("set_selections", path="/x", selection="y"),
    apt("set_selections", selection={"hold": ["vim"]}, clear=True),
    apt("owner", "/bin/vim", programs=[["dpkg -S", {"stdout": "vim: /bin/vim\n"}]]), apt("owner"),
    apt("owner", "/a", "/b", programs=[["dpkg -S /a", {"stdout": "x: /a"}], ["dpkg -S", {"stdout": "dpkg-query: no path found matching pattern /b"}]]),
    apt("normalize_name", "vim:amd64"), apt("normalize_name", "vim:i386"), apt("parse_arch", "vim:i386"), apt("parse_arch", "vim"),
    apt("version_cmp", "1.0", "1.0", programs=[["dpkg --compare-versions 1.0 lt", {"retcode": 1}]]),
    apt("file_list", "vim", programs=[["dpkg-query -f", {"stdout": "installed\tvim\nnot-installed\tx\n"}], ["dpkg -L", {"stdout": "/b\n/a"}]]),
    apt("file_dict", "vim", programs=[["dpkg-query -f", {"stdout": "installed\tvim\n"}], ["dpkg -L", {"stdout": "/b\n/a"}]]),
    apt("services_need_restart", programs=[["checkrestart --machine --package", {"stdout": "PROGRAMS: 2\nSERVICE:sshd,1,/usr/sbin/sshd\nSERVICE:sshd,2\n"}]]),
    apt("services_need_restart", programs=[["checkrestart", {"stdout": "nothing\n"}]]), apt("services_need_restart", missing=["checkrestart"]),
    apt("list_downloaded", root="{root}", files={"x": ""}),
    apt("file_list", "nope", programs=[["dpkg-query -f", {"retcode": 1, "stderr": "no packages found"}]]),
]

LINES = "deb http://a.b/debian bookworm main contrib\n# a remark\n# deb-src http://a.b/debian bookworm main\n"
EXTRA = "deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://x.y/apt/ stable main # why\n"
FILES = {"sources.list": LINES, "sources.list.d/x.list": EXTRA}
REPO = "deb [signed-by=/etc/apt/keyrings/n.gpg] https://n.w/apt stable main"


def repo(fun, *args, **kwargs):
    return apt(fun, *args, files=kwargs.pop("files", FILES), missing=kwargs.pop("missing", ["apt-key"]), **kwargs)


def managed(fun, name, salt=True, **kwargs):
    case = {"fun": f"states.pkgrepo.{fun}", "kwargs": {"name": name, **kwargs}, "files": FILES, "missing": ["apt-key"],
            "programs": BASE, "acts": []}
    return [case, {**case, "test": True}]


CASES += [
    repo("list_repos"), repo("list_repos", files={"sources.list": ""}),
    repo("get_repo", "deb http://a.b/debian/ bookworm main"), repo("get_repo", "deb http://a.b/debian bookworm non-free"),
    repo("get_repo", "deb http://a.b/debian bookworm"), repo("get_repo", "deb-src http://a.b/debian bookworm main"), repo("get_repo", "nonsense"),
    repo("get_repo", "ppa:me/mine", grains={"os": "Ubuntu"}),
    repo("del_repo", "deb http://a.b/debian bookworm contrib"), repo("del_repo", "deb https://x.y/apt stable main"),
    repo("del_repo", "deb [arch=amd64] https://x.y/apt stable main"), repo("del_repo", "deb http://no.where stable main"),
    repo("mod_repo", REPO), repo("mod_repo", REPO, file="{root}/sources.list.d/n.list"), repo("mod_repo", REPO, refresh=False, comments=["one", "two"]),
    repo("mod_repo", REPO, disabled=True), repo("mod_repo", "deb http://a.b/debian bookworm main"), repo("mod_repo", "nonsense"),
    repo("mod_repo", "deb http://a.b/debian bookworm main", missing=[]), repo("mod_repo", "deb http://a.b/debian bookworm main", comps="main,non-free", missing=[]),
    repo("mod_repo", "deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://x.y/apt stable extra"),
    repo("mod_repo", "ppa:me/mine"), repo("mod_repo", "deb http://a.b/debian bookworm main", missing=[], keyid="ABCD"),
    repo("mod_repo", "deb http://a.b/debian bookworm main", missing=[], keyid="ABCD", keyserver="k.s"),
    repo("mod_repo", "deb http://a.b/debian bookworm main", missing=[], keyid="ABCD", keyserver="k.s", programs=[["apt-key adv", FAIL]]),
    repo("mod_repo", "deb http://a.b/debian bookworm main", missing=[], key_text="KEY", programs=[["apt-key add", {"stdout": "OK"}]]),
    repo("mod_repo", "deb http://a.b/debian bookworm main", missing=[], key_text="KEY"),
]

for name in ["deb http://a.b/debian bookworm main", "deb http://a.b/debian bookworm contrib main", REPO, "nonsense",
             "deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://x.y/apt/ stable main"]:
    CASES += managed("managed", name, refresh=False) + managed("absent", name)
CASES += managed("managed", REPO, refresh=False, file="{root}/sources.list.d/n.list", humanname="N", comments=["why"])
CASES += managed("managed", REPO, refresh=False, disabled=True) + managed("managed", REPO, enabled=True, disabled=True)
CASES += managed("managed", REPO, refresh=False, clean_file=True, file="{root}/sources.list.d/x.list")
CASES += managed("managed", REPO, repo="x")
CASES += managed("managed", REPO, key_url="http://x", allow_insecure_key=False)
# Two ways to the key (node-formula): Salt says that it does not take both and goes on.
KEY_URL, KEY_ID = {"key_url": "https://x.y/n.gpg"}, {"keyid": "ABCD", "keyserver": "k.s"}
for keys in [{**KEY_URL, **KEY_ID}, {**KEY_ID, "key_text": "KEY"}, {**KEY_URL, "key_text": "KEY"}, {**KEY_URL, "keyid": "ABCD"}]:
    plain = managed("managed", "deb http://a.b/debian bookworm main", refresh=False, file="{root}/sources.list.d/n.list", **keys)
    more = {"programs": [["apt-key", {"stdout": "OK"}], *BASE], "files": {**FILES, "n.gpg": "KEY"},
            "salt": {"cp.cache_file": {"is": "{root}/n.gpg"}}}
    CASES += plain + [{**case, **more, "missing": []} for case in plain]
CASES += managed("managed", "deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://x.y/apt/ stable main", refresh=False, comps="main,extra")
CASES += managed("managed", "deb http://a.b/debian bookworm main", refresh=False, dist="bookworm", architectures="amd64")
CASES += managed("managed", "ppa:me/mine", refresh=False)

if __name__ == "__main__":
    def before(module, machine):
        if module.__name__.endswith("aptpkg"):
            class Shim:
                @staticmethod
                def Path(*parts):
                    path = str(pathlib.Path(*parts))
                    return pathlib.Path(path.replace("/etc/apt/sources", machine.root + "/sources") if machine.case.get("files") else path)
            module.pathlib = Shim
    recorder.main(CASES, before)
