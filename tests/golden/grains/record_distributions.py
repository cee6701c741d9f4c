#!/usr/bin/env python3
"""Records which grains real Salt makes of the release files of many distributions, into distributions.json. Run it
with the Python that Salt is installed in:

    python tests/golden/grains/record_distributions.py > tests/golden/grains/distributions.json

Each case is a set of files as the distribution ships them. Salt's own functions read them (`_linux_distribution_data`
and `_osrelease_data` of grains/core.py, and the `distro` library), with every path redirected below a directory.
"""
import builtins
import json
import os
import platform
import tempfile
from unittest import mock

import distro
import salt.grains.core as core
import salt.utils.files
import salt.utils.platform
import salt.version


def release(text):
    return {"etc/os-release": text.strip() + "\n"}


CASES = {
    "debian-12": release(
        """
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""
    )
    | {"etc/debian_version": "12.5\n"},
    "debian-sid": release(
        """
PRETTY_NAME="Debian GNU/Linux trixie/sid"
NAME="Debian GNU/Linux"
VERSION_CODENAME=trixie
ID=debian
"""
    )
    | {"etc/debian_version": "trixie/sid\n"},
    "debian-8": release(
        """
PRETTY_NAME="Debian GNU/Linux 8 (jessie)"
NAME="Debian GNU/Linux"
VERSION_ID="8"
VERSION="8 (jessie)"
ID=debian
"""
    )
    | {"etc/debian_version": "8.11\n"},
    "raspbian-11": release(
        """
PRETTY_NAME="Raspbian GNU/Linux 11 (bullseye)"
NAME="Raspbian GNU/Linux"
VERSION_ID="11"
VERSION="11 (bullseye)"
VERSION_CODENAME=bullseye
ID=raspbian
ID_LIKE=debian
"""
    ),
    "ubuntu-22.04": release(
        """
PRETTY_NAME="Ubuntu 22.04.3 LTS"
NAME="Ubuntu"
VERSION_ID="22.04"
VERSION="22.04.3 LTS (Jammy Jellyfish)"
VERSION_CODENAME=jammy
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=jammy
"""
    )
    | {
        "etc/lsb-release": "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\n"
        'DISTRIB_DESCRIPTION="Ubuntu 22.04.3 LTS"\n',
        "etc/debian_version": "bookworm/sid\n",
    },
    "ubuntu-24.04-without-lsb": release(
        """
PRETTY_NAME="Ubuntu 24.04 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
"""
    ),
    "linuxmint-20.3": release(
        """
NAME="Linux Mint"
VERSION="20.3 (Una)"
ID=linuxmint
ID_LIKE=ubuntu
PRETTY_NAME="Linux Mint 20.3"
VERSION_ID="20.3"
VERSION_CODENAME=una
UBUNTU_CODENAME=focal
"""
    )
    | {
        "etc/lsb-release": "DISTRIB_ID=LinuxMint\nDISTRIB_RELEASE=20.3\nDISTRIB_CODENAME=una\n"
        'DISTRIB_DESCRIPTION="Linux Mint 20.3 Una"\n'
    },
    "pop-22.04": release(
        """
NAME="Pop!_OS"
VERSION="22.04 LTS"
ID=pop
ID_LIKE="ubuntu debian"
PRETTY_NAME="Pop!_OS 22.04 LTS"
VERSION_ID="22.04"
VERSION_CODENAME=jammy
UBUNTU_CODENAME=jammy
"""
    ),
    "kali": release(
        """
PRETTY_NAME="Kali GNU/Linux Rolling"
NAME="Kali GNU/Linux"
VERSION="2023.4"
VERSION_ID="2023.4"
VERSION_CODENAME="kali-rolling"
ID=kali
ID_LIKE=debian
"""
    ),
    "devuan": release(
        """
PRETTY_NAME="Devuan GNU/Linux 4 (chimaera)"
NAME="Devuan GNU/Linux"
VERSION_ID="4"
VERSION="4 (chimaera)"
VERSION_CODENAME="chimaera"
ID=devuan
ID_LIKE=debian
"""
    ),
    "centos-7": release(
        """
NAME="CentOS Linux"
VERSION="7 (Core)"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="7"
PRETTY_NAME="CentOS Linux 7 (Core)"
ANSI_COLOR="0;31"
CPE_NAME="cpe:/o:centos:centos:7"
"""
    )
    | {
        "etc/centos-release": "CentOS Linux release 7.9.2009 (Core)\n",
        "etc/redhat-release": "CentOS Linux release 7.9.2009 (Core)\n",
        "etc/system-release": "CentOS Linux release 7.9.2009 (Core)\n",
    },
    "centos-8": release(
        """
NAME="CentOS Linux"
VERSION="8"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="8"
PLATFORM_ID="platform:el8"
PRETTY_NAME="CentOS Linux 8"
CPE_NAME="cpe:/o:centos:centos:8"
"""
    )
    | {"etc/centos-release": "CentOS Linux release 8.5.2111\n"},
    "centos-stream-9": release(
        """
NAME="CentOS Stream"
VERSION="9"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="9"
PLATFORM_ID="platform:el9"
PRETTY_NAME="CentOS Stream 9"
CPE_NAME="cpe:/o:centos:centos:9"
"""
    )
    | {"etc/centos-release": "CentOS Stream release 9\n"},
    "centos-6": {"etc/centos-release": "CentOS release 6.10 (Final)\n"},
    "rhel-8": release(
        """
NAME="Red Hat Enterprise Linux"
VERSION="8.9 (Ootpa)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="8.9"
PLATFORM_ID="platform:el8"
PRETTY_NAME="Red Hat Enterprise Linux 8.9 (Ootpa)"
CPE_NAME="cpe:/o:redhat:enterprise_linux:8::baseos"
"""
    )
    | {"etc/redhat-release": "Red Hat Enterprise Linux release 8.9 (Ootpa)\n"},
    "rocky-9": release(
        """
NAME="Rocky Linux"
VERSION="9.3 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.3"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Rocky Linux 9.3 (Blue Onyx)"
CPE_NAME="cpe:/o:rocky:rocky:9::baseos"
"""
    ),
    "almalinux-8": release(
        """
NAME="AlmaLinux"
VERSION="8.9 (Midnight Oncilla)"
ID="almalinux"
ID_LIKE="rhel centos fedora"
VERSION_ID="8.9"
PRETTY_NAME="AlmaLinux 8.9 (Midnight Oncilla)"
CPE_NAME="cpe:/o:almalinux:almalinux:8::baseos"
"""
    ),
    "oracle-8": release(
        """
NAME="Oracle Linux Server"
VERSION="8.9"
ID="ol"
ID_LIKE="fedora"
VARIANT="Server"
VERSION_ID="8.9"
PRETTY_NAME="Oracle Linux Server 8.9"
CPE_NAME="cpe:/o:oracle:linux:8:9:server"
"""
    )
    | {"etc/oracle-release": "Oracle Linux Server release 8.9\n"},
    "fedora-39": release(
        """
NAME="Fedora Linux"
VERSION="39 (Workstation Edition)"
ID=fedora
VERSION_ID=39
VERSION_CODENAME=""
PLATFORM_ID="platform:f39"
PRETTY_NAME="Fedora Linux 39 (Workstation Edition)"
CPE_NAME="cpe:/o:fedoraproject:fedora:39"
VARIANT="Workstation Edition"
VARIANT_ID=workstation
"""
    )
    | {"etc/fedora-release": "Fedora release 39 (Thirty Nine)\n"},
    "amazon-1": release(
        """
NAME="Amazon Linux AMI"
VERSION="2018.03"
ID="amzn"
ID_LIKE="rhel fedora"
VERSION_ID="2018.03"
PRETTY_NAME="Amazon Linux AMI 2018.03"
CPE_NAME="cpe:/o:amazon:linux:2018.03:ga"
"""
    ),
    "amazon-2": release(
        """
NAME="Amazon Linux"
VERSION="2"
ID="amzn"
ID_LIKE="centos rhel fedora"
VERSION_ID="2"
PRETTY_NAME="Amazon Linux 2"
CPE_NAME="cpe:2.3:o:amazon:amazon_linux:2"
"""
    ),
    "amazon-2023": release(
        """
NAME="Amazon Linux"
VERSION="2023"
ID="amzn"
ID_LIKE="fedora"
VERSION_ID="2023"
PLATFORM_ID="platform:al2023"
PRETTY_NAME="Amazon Linux 2023"
CPE_NAME="cpe:2.3:o:amazon:amazon_linux:2023"
"""
    ),
    "sles-15-sp5": release(
        """
NAME="SLES"
VERSION="15-SP5"
VERSION_ID="15.5"
PRETTY_NAME="SUSE Linux Enterprise Server 15 SP5"
ID="sles"
ID_LIKE="suse"
CPE_NAME="cpe:/o:suse:sles:15:sp5"
"""
    ),
    "sles-11": {
        "etc/SuSE-release": "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n"
    },
    "opensuse-leap-15.5": release(
        """
NAME="openSUSE Leap"
VERSION="15.5"
ID="opensuse-leap"
ID_LIKE="suse opensuse"
VERSION_ID="15.5"
PRETTY_NAME="openSUSE Leap 15.5"
CPE_NAME="cpe:/o:opensuse:leap:15.5"
"""
    ),
    "opensuse-tumbleweed": release(
        """
NAME="openSUSE Tumbleweed"
# VERSION="20240101"
ID="opensuse-tumbleweed"
ID_LIKE="opensuse suse"
VERSION_ID="20240101"
PRETTY_NAME="openSUSE Tumbleweed"
CPE_NAME="cpe:/o:opensuse:tumbleweed:20240101"
"""
    ),
    "alpine-3.19": release(
        """
NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.19.0
PRETTY_NAME="Alpine Linux v3.19"
"""
    )
    | {"etc/alpine-release": "3.19.0\n"},
    "arch": release(
        """
NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
BUILD_ID=rolling
ANSI_COLOR="38;2;23;147;209"
"""
    )
    | {"etc/arch-release": ""},
    "arch-with-lsb": release(
        """
NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
BUILD_ID=rolling
"""
    )
    | {
        "etc/lsb-release": 'LSB_VERSION=1.4\nDISTRIB_ID=Arch\nDISTRIB_RELEASE=rolling\nDISTRIB_DESCRIPTION="Arch Linux"\n'
    },
    "manjaro": release(
        """
NAME="Manjaro Linux"
PRETTY_NAME="Manjaro Linux"
ID=manjaro
ID_LIKE=arch
BUILD_ID=rolling
"""
    )
    | {
        "etc/lsb-release": "DISTRIB_ID=ManjaroLinux\nDISTRIB_RELEASE=23.1.3\nDISTRIB_CODENAME=Vulcan\n"
        'DISTRIB_DESCRIPTION="Manjaro Linux"\n'
    },
    "antergos": release('NAME="Antergos Linux"\nID="antergos"\nID_LIKE="arch"\nPRETTY_NAME="Antergos Linux"')
    | {
        "etc/lsb-release": 'LSB_VERSION=1.4\nDISTRIB_ID=Arch\nDISTRIB_RELEASE=rolling\nDISTRIB_DESCRIPTION="Antergos Linux"\n'
    },
    "openwrt": release(
        """
NAME="OpenWrt"
VERSION="23.05.2"
ID="openwrt"
ID_LIKE="lede openwrt"
PRETTY_NAME="OpenWrt 23.05.2"
VERSION_ID="23.05.2"
"""
    ),
    "gentoo": release(
        """
NAME=Gentoo
ID=gentoo
PRETTY_NAME="Gentoo Linux"
ANSI_COLOR="1;32"
VERSION_ID="2.14"
"""
    )
    | {"etc/gentoo-release": "Gentoo Base System release 2.14\n"},
    "void": release('NAME="Void"\nID="void"\nPRETTY_NAME="Void Linux"'),
    "photon-4": release(
        """
NAME="VMware Photon OS"
VERSION="4.0"
ID=photon
VERSION_ID=4.0
PRETTY_NAME="VMware Photon OS/Linux"
"""
    )
    | {
        "etc/lsb-release": 'DISTRIB_ID="VMware Photon OS"\nDISTRIB_RELEASE="4.0"\nDISTRIB_CODENAME=Photon\n'
        'DISTRIB_DESCRIPTION="VMware Photon OS 4.0"\n'
    },
    "astra-ce": release(
        """
PRETTY_NAME="Astra Linux (Orel 2.12.43)"
NAME="Astra Linux (Orel)"
ID=astra
ID_LIKE=debian
VERSION_ID="2.12.43"
VARIANT_ID=orel
VARIANT=Orel
"""
    ),
    "astra-se": release(
        """
PRETTY_NAME="Astra Linux (Smolensk 1.6)"
NAME="Astra Linux (Smolensk)"
ID=astra
ID_LIKE=debian
VERSION_ID=1.6
VARIANT_ID=smolensk
VARIANT=Smolensk
"""
    ),
    "mendel": release(
        """
PRETTY_NAME="Mendel GNU/Linux 5 (Eagle)"
NAME="Mendel GNU/Linux"
ID=mendel
ID_LIKE=debian
VERSION_CODENAME=eagle
"""
    ),
    "nilrt": {"etc/lsb-release": "DISTRIB_ID=nilrt\nDISTRIB_RELEASE=8.0\nDISTRIB_CODENAME=hardknott\n"},
    "poky": release('ID=poky\nNAME="Poky (Yocto Project Reference Distro)"\nVERSION="4.0.1 (kirkstone)"\nVERSION_ID=4.0.1\nPRETTY_NAME="Poky 4.0.1"'),
    "alibaba-3": release(
        """
NAME="Alibaba Cloud Linux"
VERSION="3 (Soaring Falcon)"
ID="alinux"
ID_LIKE="rhel fedora centos anolis"
VERSION_ID="3"
PRETTY_NAME="Alibaba Cloud Linux 3 (Soaring Falcon)"
"""
    ),
    "cloudlinux-8": release(
        """
NAME="CloudLinux"
VERSION="8.8 (Anatoly Filipchenko)"
ID="cloudlinux"
ID_LIKE="rhel fedora centos"
VERSION_ID="8.8"
PRETTY_NAME="CloudLinux 8.8 (Anatoly Filipchenko)"
CPE_NAME="cpe:/o:cloudlinux:cloudlinux:8.8:GA:server"
"""
    ),
    "alt-old": {"etc/altlinux-release": "ALT Linux Sisyphus (unstable)\n"},
    "synology": {
        "etc.defaults/VERSION": 'majorversion="6"\nminorversion="2"\nproductversion="6.2.4"\nbuildnumber="25556"\n',
        "etc.defaults/synoinfo.conf": "\n",
    },
    "univention": release('NAME="Univention Corporate Server"\nVERSION_ID="5.0-6"\nID=univention\nID_LIKE=debian\nPRETTY_NAME="Univention Corporate Server 5.0-6"'),
    "neon": release('NAME="KDE neon"\nVERSION="5.27"\nID=neon\nID_LIKE="ubuntu debian"\nPRETTY_NAME="KDE neon 5.27"\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy'),
    "usr-lib-only": {"usr/lib/os-release": 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=40\nPRETTY_NAME="Fedora Linux 40"\n'},
    "suffix-release": release('NAME="Odd"\nID=odd\nVERSION_ID="v1.beta"\nPRETTY_NAME="Odd v1"'),
    "minimal": release("ID=tiny"),
}


def record(root):
    def inside(path):
        return os.path.join(root, str(path).lstrip("/")) if str(path).startswith("/") else path

    def os_release():
        for name in ("etc/os-release", "usr/lib/os-release"):
            try:
                with builtins.open(os.path.join(root, name), encoding="utf-8") as lines:
                    return platform._parse_os_release(lines)
            except OSError:
                continue
        raise OSError("no os-release")

    fopen, isfile = salt.utils.files.fopen, os.path.isfile
    library = distro.LinuxDistribution(root_dir=root)

    def linux_distribution():
        return library.name(), library.version(best=True), library.codename()

    with mock.patch.object(core, "_freedesktop_os_release", os_release), mock.patch.object(
        core, "_linux_distribution", linux_distribution
    ), mock.patch("salt.utils.files.fopen", lambda path, *a, **k: fopen(inside(path), *a, **k)), mock.patch(
        "os.path.isfile", lambda path: isfile(path if str(path).startswith(root) else inside(path))
    ):
        grains = core._linux_distribution_data()
    if grains.get("osrelease"):
        grains.update(core._osrelease_data(grains["os"], grains["osfullname"], grains["osrelease"]))
    return grains


def main():
    cases = {}
    for name, files in CASES.items():
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                path = os.path.join(root, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with builtins.open(path, "w", encoding="utf-8") as out:
                    out.write(text)
            try:
                expected = {"grains": record(root)}
            except Exception as error:
                expected = {"error": f"{type(error).__name__}: {error}"}
            cases[name] = {"files": files} | expected
    print(json.dumps({"salt": salt.version.__version__, "cases": cases}, indent=1, sort_keys=True))


main()
