"""Cases of pkg on Red Hat's family. Run with real Salt 3006.25: python dnf.py > dnf.jsonl"""

import recorder

GRAINS = {"os": "Rocky", "os_family": "RedHat", "osarch": "x86_64", "osmajorrelease": 9, "osrelease": "9.4"}


def row(name, version, release="1.el9", epoch="(none)", arch="x86_64"):
    return f"{name}_|-{epoch}_|-{version}_|-{release}_|-{arch}_|-(none)_|-1700000000\n"


LIST = row("vim", "9.0", epoch="2") + row("glibc", "2.34") + row("glibc", "2.34", arch="i686") + row("kernel", "5.14") + row("kernel", "5.15") + "odd\n"
NEW = LIST.replace("9.0_", "9.1_") + row("new", "1.5", arch="noarch")
AVAILABLE = "Available Packages\nvim.x86_64      2:9.1-1.el9     appstream\nnew.noarch  1.5-1.el9   epel\nnew.noarch  1.4-1.el9\n    epel\n"
BASE = [["rpm -qa", {"stdout": LIST}, {"stdout": NEW}], ["dnf versionlock", {"retcode": 1}], ["dnf --quiet list", {"stdout": AVAILABLE}],
        ["dnf --quiet --assumeyes check-update", {"retcode": 100}]]
ACTS = ["dnf -y", "dnf --quiet -y"]
FAIL = {"retcode": 1, "stderr": "Error: no", "stdout": "said"}


def dnf(fun, *args, programs=(), files=None, test=False, **kwargs):
    case = {"fun": f"modules.yumpkg.{fun}", "args": list(args), "kwargs": kwargs, "programs": [*programs, *BASE], "acts": ACTS, "grains": GRAINS, "opts": {"systemd.scope": False}}
    if files:
        case["files"] = files
    if test:
        case["test"] = True
    return case


REPO = "# top\n[base]\nname = Base\nbaseurl=http://a\n http://b\nenabled=1\n# said\n\n[extra]\nname=Extra\nmirrorlist=http://m\n"
FILES = {"repos/x.repo": REPO, "repos/y.repo": "[only]\nname=Only\nbaseurl=http://o\n"}


def repo(fun, *args, **kwargs):
    return dnf(fun, *args, basedir="{root}/repos", files=FILES, **kwargs)


GROUP = """Updating subscriptions
Group: Tools
 Group-Id: tools
 Description: What one needs: all of it
 Mandatory Packages:
   vim
   new
 Default Packages:
   +glibc
   -extra
 Optional Packages:
   odd
"""
ENVIRONMENT = """Environment Group: Desktop
 Environment-Id: desktop
 Description: A desktop
 Mandatory Groups:
   tools
   fonts
 Optional Groups:
   tools
"""
FONTS = "Group: Fonts\n Description:\n Mandatory Packages:\n   dejavu\n Conditional Packages:\n   lang-x\n"
GROUPS = """Last metadata
Available Environment Groups:
   Desktop
   Server
Installed Groups:
   Tools
Available Groups:
   Fonts
Available Language Groups:
   French [fr]
   odd
Done
later
"""
PATCHES = "i RHSA-1 Important/Sec. vim-9\n  RHSA-2 Low/Sec. new-1\ni RHSA-2 Low/Sec. glibc-2\nodd\n   RHSA-3 x y\n  RHSA-4   bugfix  z-1\n"
INFO = [["dnf --quiet groupinfo @fonts", {"stdout": FONTS}], ["dnf --quiet groupinfo @tools", {"stdout": GROUP}], ["dnf --quiet groupinfo desktop", {"stdout": ENVIRONMENT}],
        ["dnf --quiet groupinfo none", {"stdout": ""}], ["dnf --quiet groupinfo", {"stdout": GROUP}], ["dnf --quiet --", {"stdout": GROUP}],
        ["dnf grouplist", {"stdout": GROUPS}], ["dnf --quiet updateinfo", {"stdout": PATCHES}]]

CASES = [
    dnf("list_pkgs"), dnf("list_pkgs", versions_as_list=True), dnf("list_pkgs", removed=True), dnf("version", "vim"), dnf("version", "vim", "nope"),
    dnf("latest_version", "vim", refresh=False), dnf("latest_version", "vim", "new", "nope", refresh=False), dnf("latest_version", "vim", refresh=True), dnf("latest_version", "new", refresh=False, fromrepo="epel"),
    dnf("latest_version", "new", refresh=False, programs=[["dnf --quiet list", FAIL]]), dnf("refresh_db"), dnf("refresh_db", check_update=False), dnf("refresh_db", enablerepo="a", disablerepo=["b", "c"], disableexcludes="all", setopt="x=1,y=2"),
    dnf("refresh_db", programs=[["dnf --quiet --assumeyes check-update", {"retcode": 0}]]), dnf("list_upgrades", refresh=False), dnf("list_upgrades"),
    dnf("install", "new"), dnf("install", "new", version="1.5-1.el9"), dnf("install", "vim", version="2:9.1-1.el9"), dnf("install", "vim", version="2:8.0-1.el9"), dnf("install", "kernel", version="5.13-1.el9"),
    dnf("install", pkgs=["new", {"vim": "2:9.1-1.el9"}], refresh=True), dnf("install", "vim", reinstall=True), dnf("install", "vim", reinstall=True, version="2:9.0-1.el9"), dnf("install", "glibc.i686"),
    dnf("install", "new", skip_verify=True, fromrepo="epel"), dnf("install", "nope", programs=[["dnf -y", FAIL]]), dnf("install"), dnf("install", "new", enablerepo="x"),
    dnf("remove", "vim"), dnf("remove", "nope"), dnf("remove", pkgs=["vim", "glibc"]), dnf("remove", pkgs=[{"vim": "2:9.0-1.el9"}]), dnf("remove", "ker*"), dnf("remove", "vim", programs=[["dnf -y", FAIL]]),
    dnf("upgrade", refresh=False), dnf("upgrade", refresh=False, minimal=True, skip_verify=True), dnf("upgrade", "vim", refresh=False), dnf("upgrade", refresh=False, programs=[["dnf --quiet -y", FAIL]]),
    dnf("normalize_name", "vim.x86_64"), dnf("normalize_name", "glibc.i686"), dnf("normalize_name", "a.b"), dnf("parse_arch", "glibc.i686"), dnf("parse_arch", "a.b"),
    dnf("group_list", programs=INFO), dnf("group_info", "tools", programs=INFO), dnf("group_info", "desktop", programs=INFO), dnf("group_info", "desktop", expand=True, programs=INFO), dnf("group_info", "none", programs=INFO),
    dnf("group_info", "desktop", expand=True, ignore_groups=["fonts"], programs=INFO), dnf("group_info", "tools", fromrepo="a", enablerepo="b", programs=INFO), dnf("group_diff", "tools", programs=INFO), dnf("group_diff", "desktop", programs=INFO),
    dnf("group_diff", "tools", enablerepo="b", programs=INFO), dnf("list_patches", programs=INFO), dnf("list_patches", refresh=True, programs=INFO), dnf("list_installed_patches", programs=INFO),
    dnf("install", "RHSA-2", advisory_ids=None, programs=INFO), dnf("install", advisory_ids=["RHSA-2", "RHSA-4"], programs=INFO), dnf("install", advisory_ids=["RHSA-9"], programs=INFO), dnf("install", "new", downloadonly=True),
    dnf("group_install", "tools", programs=INFO, skip="new,extra,glibc,vim", include="new"), dnf("group_install", "tools", programs=[*INFO[:4], ["dnf --quiet groupinfo", {"stdout": "Group: x\n Mandatory Packages:\n  vim\n"}]]),
    repo("list_repos"), repo("get_repo", "base"), repo("get_repo", "none"), repo("del_repo", "base"), repo("del_repo", "only"), repo("del_repo", "none"),
    repo("mod_repo", "base", enabled=0), repo("mod_repo", "base", enabled=False, gpgcheck=True), repo("mod_repo", "base", mirrorlist="http://m"), repo("mod_repo", "extra", baseurl="http://b"), repo("mod_repo", "fresh", name="Fresh", baseurl="http://f", gpgcheck=1),
    repo("mod_repo", "fresh", baseurl="x"), repo("mod_repo", "fresh", name="x"), repo("mod_repo", "base", baseurl="a", mirrorlist="b"), repo("mod_repo", "base", name=""), repo("mod_repo", "base", baseurl=""),
]

if __name__ == "__main__":
    def before(module, machine):
        if module.__name__.endswith("yumpkg"):
            module._yum = lambda: "dnf"
    recorder.main(CASES, before)
