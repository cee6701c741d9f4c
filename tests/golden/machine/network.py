"""Cases of network's tables. Run with real Salt 3006.25: python network.py > network.jsonl"""

import recorder

INET = """0.0.0.0         192.0.2.1       0.0.0.0         UG        0 0          0 eth0
192.0.2.0       0.0.0.0         255.255.255.0   U         0 0          0 eth0
203.0.113.7     192.0.2.9       255.255.255.255 UGH       0 0          0 eth0"""
INET6 = """fd00::/64                      ::                         U    256 1     0 eth0
fe80::/64                      ::                         U    256 3     0 eth0
::/0                           fd00::1                    UG   1024 1     0 eth0
::1/128                        ::                         Un   0   2     0 lo
[::]/0                         ::                         !n   -1  lo
short                          ::                         U    1"""
IP4 = """default via 192.0.2.1 dev eth0 proto dhcp metric 100
default dev tun0 scope link
unreachable 198.51.100.0/24 metric 1
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2
203.0.113.7 via 192.0.2.9 dev eth0
10.1.2.3/8 dev wg0 scope link"""
IP6 = """fd00::/64 dev eth0 proto kernel metric 256 pref medium
unreachable default dev lo table unspec proto kernel metric 4294967295 error -101 pref medium
default via fd00::1 dev eth0 metric 1024 pref medium
local ::1 dev lo table local proto kernel metric 0 pref medium
local fd00::2 table local dev eth0 proto kernel
anycast fd00:: dev eth0 table local
fd01::/48 via fd00::9 dev eth0 metric 1024
multicast ff00::/8 dev eth0 table local proto kernel metric 256 pref medium"""
NETSTAT = """Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       User       Inode      PID/Program name
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      0          15432      801/sshd: /usr/sbin
tcp        0     36 192.0.2.2:22            192.0.2.9:51234         ESTABLISHED 0          22211      1234/sshd: root [pr
tcp6       0      0 :::80                   :::*                    LISTEN      33         15999      -
udp        0      0 127.0.0.53:53           0.0.0.0:*                           101        14555      600/systemd-resolve
udp6       0      0 :::5353                 :::*                                108        14556      -"""
SS = """Netid State  Recv-Q Send-Q      Local Address:Port  Peer Address:Port Process
tcp   LISTEN 0      128               0.0.0.0:22         0.0.0.0:*     users:(("sshd",pid=801,fd=3)) ino:15432 sk:1 cgroup:/system.slice/ssh.service <->
tcp   ESTAB  0      36              192.0.2.2:22       192.0.2.9:51234 users:(("sshd",pid=1234,fd=4),("sshd",pid=1,fd=5)) timer:(on,204ms,0) uid:33 ino:22211 sk:2 <->
udp   UNCONN 0      0              127.0.0.53%lo:53      0.0.0.0:*     uid:101 ino:14555 sk:3 <->
udp   UNCONN 0      0                       *:5353           *:*       ino:14556
tcp   LISTEN 0      5               127.0.0.1:631        0.0.0.0:*
icmp6 UNCONN 0      0                       *:58             *:*       users:(("x",pid=1,fd=1)) ino:1 sk:4"""


def case(fun, *args, missing=(), ip4=IP4, **kwargs):
    return {"fun": f"modules.network.{fun}", "args": list(args), "kwargs": kwargs, "missing": list(missing),
            "programs": [["netstat -A inet6", {"stdout": INET6}], ["netstat -A inet", {"stdout": INET}], ["netstat", {"stdout": NETSTAT}],
                         ["ip -4", {"stdout": ip4}], ["ip -6", {"stdout": IP6}], ["ss", {"stdout": SS}]]}


def of(programs, fun, *args, **kwargs):
    return {**case(fun, *args, **kwargs), "programs": programs}


CASES = [case(fun, *args, missing=missing) for missing in ([], ["netstat"]) for fun, *args in
         (["netstat"], ["routes"], ["routes", "inet"], ["routes", "inet6"], ["routes", "ipx"], ["default_route"], ["default_route", "inet"], ["default_route", "inet6"], ["default_route", "x"])]
CASES += [of([], fun, missing=missing) for missing in ([], ["netstat"]) for fun in ("netstat", "routes", "default_route")]


def utils(module, _):
    import salt.utils.network
    import salt.utils.path
    module.__utils__ = {"path.which": lambda name: salt.utils.path.which(name), "network.calc_net": salt.utils.network.calc_net}


if __name__ == "__main__":
    real = recorder.load

    def load(name, machine):
        module = real(name, machine)
        utils(module, machine)
        return module

    recorder.load = load
    recorder.main(CASES)
