"""
Records whom real Salt means.

    python3 record.py PYTHON_WITH_SALT_3006.25 PYTHON_WITH_SALT_3007.14 > cases.jsonl

The first line is the fleet: accepted ids, what is cached of whom, nodegroups. Then one case a line:
- `glob`, `regex`: a pattern and a string of 1 and 0, one for each of the texts in the first line; `null`: it is refused.
- `subdict`: an expression, a delimiter, and 1 or 0 for each of the three comparisons on the data of the first line.
- `target`: what a master selects, greedy and not, with `missing`; what it selects without a data cache; and which of the
  fleet find themselves meant.
- `nodegroup`: what a client publishes for it.
A field with `_3007` at its end is there where 3007.14 differs.
"""

import base64
import json
import subprocess
import sys
import tempfile

TEXTS = [
    "", "a", "b", "A", "ab", "abc", "web1", "web12", "web1.example.com", "WEB1", "web-1", "a-b", "a]b", "[", "[a", "]",
    "-", "!", "^", "\\", "a\\b", "a\nb", "a\n", "\n", "é", "☃", "a b", " ", "a.b", "a/b", "{a,b}", "aaa", "aab", "abab",
    "123", "1", "٣", "foo_bar", "x&y", "x~y", "x|y", "#", "(", ")", "$", "+", "tab\there", "\x1c", "a1b2c3", "<a>", "..",
]
GLOBS = [
    "*", "**", "?", "??", "a*", "*b", "*a*", "web*", "web?", "web[0-9]", "web[0-9]*", "[a-c]", "[!a-c]", "[c-a]", "[!c-a]",
    "[]", "[]]", "[!]]", "[]-]", "[a-]", "[-a]", "[!-a]", "[a", "[", "[!", "[!a", "[a]", "[[]", "[[a]", "[^a]", "[\\]", "\\",
    "a\\*", "a?b", "*.example.com", "*-*", "[a-cx-z]*", "[b-aa-c]", "[b-a!x-z]", "[a-c-e]", "[--a]", "[!--a]", "[a--]", "[+--]",
    "[&&]", "[a&&b]", "[x~~y]", "[x||y]", "{a,b}", "(a|b)", "a.b", "+", "$", "^", "é", "?\n?", "*\n", "[é-☃]", "*?*?*", "a*b*c*",
    "[0-9][0-9][0-9]", "[!0-9]*", "web1", "WEB*", " ", "#", "[ ]", "*[.]*", "[a-b-c-d]", "[z-ab-a]", "[a-bc-bd]",
]
REGEXES = [
    "", "a", "b", ".", ".*", "a*", "a+", "a?", "ab|b", "a|b", "(a|b)c?", "^a", "a$", "^a$", "a\\Z", "\\Aa", "web\\d", "web\\d+$",
    "web\\d{2}", "web\\d{1,}", "web\\d{,2}$", "web\\d{,}$", "a{", "a{}", "a{x}", "a{1", "a{1,x}", "{a", "{", "}", "]", "a]b", "[]]",
    "[^]]", "[a-c]", "[^a-c]", "[c-a]", "[a", "[]", "[^]", "[a-]", "[-a]", "[]-a]", "[a-\\d]", "[\\d-a]", "[\\w-]", "[[a]", "[[]",
    "[a[b]", "[&&]", "[a&&b]", "[x~~y]", "[a--b]", "[[:alpha:]]", "[\\]a]", "[\\\\]", "\\\\", "\\", "(", ")", "()", "(a", "a)", "(?:a)b",
    "(?P<n>a)b", "(?P<n>a)(?P=n)", "(?P<n>a)(?P<n>b)", "(?P<1n>a)", "(?<n>a)", "(a)\\1", "(a)\\2", "\\1", "(a)(b)\\1\\2", "(a)\\11",
    "(?=a)", "(?=a)ab", "(?!a)", "(?!a).", "a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", "a(?<=a)b", "a(?#comment)b", "(?#open", "(?i)A",
    "(?i)web1", "(?i:A)b", "(?-i:a)", "(?i-s:A.)", "(?s)a.b", "(?m)a$", "(?m)^a$", "(?x)a b", "(?x) a # comment\n b", "(?x)a\\ b",
    "(?x)[a ]b", "(?ims)A", "(?u)a", "(?z)a", "(?)", "(?", "(?P", "(?P>n)", "a**", "a*?", "a+?", "a??", "a{2}?", "a{2}{3}", "*a", "+", "?",
    "|", "a|*", "(*)", "(|a)b", "^*", "$*", "\\b+", "a|", "|a", "\\d", "\\D", "\\s", "\\S", "\\w", "\\W", "\\w+$", "\\bweb", "\\Bweb",
    "a\\b", "\\x61", "\\x6", "\\u0061", "\\u006", "\\U00000061", "\\061", "\\0", "\\141", "\\400", "\\07", "\\t", "\\n", "a\\n", "\\q", "\\z",
    "\\p{L}", "\\<", "\\>", "\\#", "\\-", "\\&", "\\ ", "\\é", "é", "☃", "[é☃]", "[\\x61-\\x63]", "[\\t\\n]", "[\\b]", "[\\q]", "\\K", "\\G", "\\R",
    "\\h", "\\e", "#", "a b", "a.b", "a\\.b", "(ab)*$", "(ab){2}", "(?:ab)+$", "((a)b)+", "(a)?(?(1)b|c)", "(?P<x>a)?(?(x)b|.)", "(?(2)a)",
    "web.*\\.com", "[^.]+$", "[A-Z]+", "a{2,1}", "a{0}", "a{0,0}b", "x*", "a$b", "a$\\n", "(a$)", "(?:a|ab)$", "\\(", "\\)", "\\$", "\\+", "[$]",
    "[(]", "[)]", "[|]", "[*+?]", "[{}]", "\\{", "a{1}{", "\\w{3}", "\\s$", "(?=.*b)a", "(?=.*\\d)web", "^$", "^\\n", "$", "\\Z", "\\A", "(?:)",
    "(?:a{1,2}){2}", "web1|db", "(web|db)[0-9]*(\\..*)?$", "a\\Zb", "(a*)*", "(a*)+b", "(?!)", "(?=)", "[\\s\\S]", "[\\S\\s]b", "[^\\s]", "[^\\W\\d]",
]
DATA = {
    "os": "Debian", "num": 5, "float": 1.5, "yes": True, "none": None, "empty": {}, "list": ["one", "Two", 3, True],
    "nested": {"a": {"b": "deep", "c": ["x", "y"]}, "k": "v:w", "5": "text five", 6: "int six", True: "truth"},
    "maps": [{"name": "m1", "port": 80}, {"name": "m2", "tags": ["t1", {"u": "v"}]}, "plain", 7],
    "with:colon": "odd", "with": {"colon": "even"}, "urls": ["http://a:80/x", "https://b"], "bytes": b"raw",
    "wild": {"x": {"target": "hit"}, "y": ["other", "hit2"], "z": "direct"}, "lists": [["in", "ner"], []], "Upper": "CASE",
    "path": {"/etc/x": {"mode": "0644"}}, "pipe|key": "p", "pipe": {"key": "q"}, "text": "",
}
SUBDICTS = [
    "os:Debian", "os:debian", "os:Deb*", "os:D?bian", "os:^Deb", "os:deb", "os:.*an$", "OS:Debian", "os", "os:", ":Debian", "os:*", "*:Debian",
    "*:os", "*:*", "*", "*:hit", "*:hit*", "*:direct", "*:target", "*:x:target", "wild:*", "wild:*:hit", "wild:*:hit*", "wild:*:*", "wild:x:*",
    "wild:*:target:hit", "wild:x:target:hit", "num:5", "num:6", "num:*", "num:[0-9]", "float:1.5", "float:1.*", "yes:True", "yes:true", "none:None",
    "none:*", "empty:*", "empty:x", "list:one", "list:two", "list:Two", "list:3", "list:true", "list:0", "list:0:one", "list:1:two", "list:-1:true",
    "list:9:x", "list:t*", "list:t.*", "nested:a", "nested:b", "nested:a:b", "nested:a:b:deep", "nested:a:b:d*", "nested:a:c:x", "nested:a:c:0:x",
    "nested:a:c:1:y", "nested:a:*", "nested:*:b", "nested:*:b:deep", "nested:k:v:w", "nested:k:v", "nested:k:v*", "nested:5:text five", "nested:5:*",
    "nested:6:int six", "nested:6:int*", "nested:6", "nested:True:truth", "nested:true:truth", "maps:name", "maps:name:m1", "maps:name:m2",
    "maps:port:80", "maps:tags:t1", "maps:tags:u:v", "maps:plain", "maps:7", "maps:0:name:m1", "maps:1:name:m2", "maps:1:tags:t1", "maps:*:m1",
    "maps:*:m*", "maps:*", "maps:{*", "with:colon:odd", "with:colon:even", "with:colon", "urls:http://a:80/x", "urls:http*", "urls:https://b",
    "bytes:raw", "bytes:b'raw'", "bytes:*raw*", "lists:in", "lists:0:in", "lists:*in*", "lists:['in', 'ner']", "Upper:case", "Upper:CASE",
    "upper:case", "path:/etc/x:mode:0644", "path:/etc/x", "path:/etc/x:mode:06*", "path:*:mode:0644", "path:*:mode", "text:", "text:*", "text:x", "::", "os::Debian",
    "os:[", "os:(", "os:\\S+", "os:(?i)debian", "os:(?p<n>d)", "os:debian|x", "nested:a:b:de|x", "missing:x", "missing:*", "*:missing", "*:*:hit", "*:*:*",
    "*:x:*", "nested:a:b:deep:er", "nested:k", "nested:k:*", "list:*", "list:", "num:", "yes:y*", "yes:t*",
]
PIPED = [
    "os|Debian", "nested|a|b|deep", "nested|k|v:w", "with:colon|odd", "wild|*|hit", "wild|*:hit", "pipe|key|p", "pipe|key|q", "*|hit", "*|os", "urls|http://a:80/x",
    "maps|name:m1", "nested|a:b:deep", "nested|*:b:deep", "os:Debian", "path|/etc/x|mode|0644", "list|two",
]

ACCEPTED = ["web1", "web2", "Web3", "web10.example.com", "db1", "db2.example.com", "a,b", "x[1]", "new", "new2", "empty", "lb-1", "S@x"]


def grains(name, os, ips, **more):
    return {"id": name, "os": os, "ipv4": ips, "ipv6": ["::1", "fe80::1"], "roles": ["all"], **more}


CACHED = {
    "web1": {"grains": grains("web1", "Debian", ["127.0.0.1", "10.0.0.1"], roles=["web", "front"], deep={"x": {"y": "z"}}), "pillar": {"tier": 1, "app": {"name": "shop", "ports": [80, 443]}}},
    "web2": {"grains": grains("web2", "Ubuntu", ["127.0.0.1", "10.0.0.2", "192.168.1.2"], roles=["web"]), "pillar": {"tier": 2, "app": {"name": "shop"}}},
    "Web3": {"grains": grains("Web3", "Debian", ["10.0.1.3"], roles=["WEB"]), "pillar": {"tier": "1", "app": {"name": "blog"}}},
    "web10.example.com": {"grains": grains("web10.example.com", "CentOS", ["10.1.0.10"], ipv6=["2001:db8::10"]), "pillar": {}},
    "db1": {"grains": grains("db1", "Debian", ["10.0.0.101"], roles=["db", "primary"]), "pillar": {"tier": 3, "secret": "s3cr3t"}},
    "db2.example.com": {"grains": grains("db2.example.com", "Windows", [], roles="db"), "pillar": {"tier": 3, "list": ["a", {"b": "c"}]}},
    "a,b": {"grains": grains("a,b", "Debian", ["172.16.0.1"]), "pillar": {"tier": 1}},
    "x[1]": {"grains": {"id": "x[1]", "os": "Alpine"}, "pillar": {"tier": None}},
    "empty": {"grains": {}, "pillar": {}},
    "lb-1": {"grains": grains("lb-1", "Debian", ["10.0.0.50"], ipv6=["2001:db8::50"]), "pillar": None},
    "S@x": {"grains": grains("S@x", "Debian", ["10.0.0.60"]), "pillar": {"tier": 2}},
    "ghost": {"grains": grains("ghost", "Debian", ["10.0.0.99"]), "pillar": {"tier": 1}},
}
NODEGROUPS = {
    "web": "web*", "names": "web1,db1", "two": "web1 db1", "pattern": "web[12]", "patterns": "web[0-9] db.*", "os": "G@os:Debian", "mixed": "G@os:Debian and web*",
    "nested": "N@web or N@db", "db": "L@db1,db2.example.com", "deeper": "N@nested and not N@os", "loop1": "N@loop2 or web1", "loop2": "N@loop1 or db1", "self": "N@self or web1",
    "onlyself": "N@self2", "self2": "N@self2", "list": ["web1", "db1"], "listops": ["web*", "or", "db1"], "listnested": ["N@names", "and", "G@os:Debian"], "unknowninside": "N@nope or web1",
    "empty": "", "emptylist": [], "number": 5, "star": "*", "paren": "( web1 or db1 )", "bad": "web1 and", "onlynames": "N@two", "regexname": "N@pattern", "e": "E@web\\d$",
    "spaces": ["a b", "web1"], "two words": "web1", "notgroup": "not web1",
}
TARGETS = {
    "glob": ["*", "web*", "web?", "web1", "Web*", "[wW]eb*", "*.example.com", "a,b", "x[1]", "x[[]1]", "nobody", "", "new*", "ghost", "[", "S@x", "*1*"],
    "pcre": ["web", "web.*", "web\\d$", ".*example", "(web|db)\\d+", "web1|db1", "^x\\[1\\]$", "", "[", "(?i)web", "ghost", ".*", "a,b", "*", "(?=.*1)"],
    "list": ["web1", "web1,db1", "web1,web1", "db1,web1", "web1,nobody", "nobody,ghost", "a,b", "web1,a,b", "", ",", ",web1,", "new,new2", "web1, db1", ["web1", "nobody"], ["a,b"], []],
    "grain": ["os:Debian", "os:debian", "os:*", "os:Deb*", "os", "roles:web", "roles:db", "roles:all", "deep:x:y:z", "deep:x", "*:z", "id:web1", "ipv4:10.0.0.*", "nope:x", "roles:*", "os:", "*:*", ""],
    "grain_pcre": ["os:Deb", "os:(Debian|Ubuntu)", "os:.*", "roles:^w", "os:[", "id:web\\d$", "os", "deep:x:y:z$", "ipv4:10\\.0\\.0\\.\\d$"],
    "pillar": ["tier:1", "tier:*", "tier:[12]", "app:name:shop", "app:name", "app:ports:80", "secret:*", "list:b:c", "list:a", "tier:None", "tier", "app:*", "*:shop"],
    "pillar_exact": ["tier:1", "tier:*", "app:name:shop", "app:name:sh*", "secret:S3CR3T", "list:a", "tier"],
    "pillar_pcre": ["tier:1", "tier:[12]", "app:name:s.*", "app:name:(shop|blog)$", "tier:(", "list:b:."],
    "ipcidr": ["10.0.0.1", "10.0.0.0/24", "10.0.0.0/8", "10.0.0.1/24", "0.0.0.0/0", "192.168.0.0/16", "127.0.0.1", "::1", "fe80::/64", "2001:db8::/32", "2001:db8::10", "10.0.0.0/255.255.255.0", "10.0.0.0/0.0.0.255", "10.0.0", "x", "", "10.0.0.0/33", "10.0.0.01", "::/0", "2001:0db8::0010"],
    "range": ["%web", "web1"],
    "nodegroup": list(NODEGROUPS) + ["nope"],
    "compound": [
        "*", "web*", "web1", "web1 or db1", "web* and G@os:Debian", "web* and not web1", "not web1", "not web*", "* and not web*", "not not web1", "not ( web1 or db1 )", "( web1 or db1 )",
        "( web1 or db1 ) and G@os:Debian", "web1 or db1 and G@os:Ubuntu", "( web1 or db1 ) and G@os:Ubuntu", "web1 and", "and web1", "or web1", "not", "(", ")", "( )", "not ( )", "( web1",
        "web1 )", "( ( web1 )", "( web1 ) )", "web1 db1", "web1 not db1", "web* not web1", "web1 ( db1 )", "( web1 ) ( db1 )", "web1 or db1 ( web2 )", "db1 and web1 ( web2 )", "( and web1 )", "( or web1 )",
        "( not web1 )", "( not web1 ) and db*", "web1 and and db1", "web1 and or db1", "web1 or not db1", "web1 and ( not db1 )", "not web1 and db1", "not web1 or db1", "not ( not web1 )",
        "not web1 and not db1", "G@os:Debian", "G@os:Debian and not G@roles:db", "not G@os:Debian", "not G@roles:web", "P@os:Deb", "P@os:(Debian|Ubuntu)", "I@tier:1", "I@tier:* and G@os:Debian", "J@tier:[12]",
        "L@web1,db1", "L@web1,nobody", "not L@web1,nobody", "web* and not L@web1,nobody", "( not L@nobody )", "not ( L@nobody )", "L@web1,nobody or L@ghost,web2", "E@web\\d$", "E@(web|db)\\d", "E@[", "web1 or E@[",
        "S@10.0.0.0/24", "S@10.0.0.1", "S@bad", "not S@bad", "S@10.0.0.0/8 and not S@10.0.0.0/24", "S@10.0.0.1/24", "R@web", "web1 or R@web", "X@web", "X@*", "N@web", "N@names", "N@nope", "not N@nope", "web1 and N@nope", "N@nope web1",
        "N@nested", "N@deeper", "N@loop1", "N@self", "N@onlyself", "N@list", "N@listops", "N@empty", "N@number", "N@bad", "web1 or N@names", "not N@names", "N@two words", "( N@web )", "N@", "G@", "E@", "L@", "G@os", "G|@os|Debian",
        "G|@deep|x|y|z", "I/@app/name/shop", "J;@app;name;s.*", "P,@os,Deb", "G:@os:Debian", "G@@os:Debian", "G@@os@Debian", "E|@web1", "L,@web1", "S@x", "N|@web", "g@os:Debian", "G@os:Debian or", "web1 or", "  web1   or  db1  ", "",
        "web1 AND db1", "WEB1", "web1,db1", "a,b", "L@a,b", "( web1 or db1 ) and ( web1 or web2 )", "( web1 or ( db1 and G@os:Debian ) )", "* and not G@os:Debian", "G@os:Debian and I@tier:1 and E@web", "not G@os:Debian and not new",
        "new or new2", "new and G@os:x", "new and not G@os:x", "ghost", "ghost or web1", "G@id:ghost", "empty and G@os:*", "not I@tier:1", "lb-1 and I@tier:*", "G@os:Debian and ( L@web1 or L@db1 )", "( ( ( web1 ) ) )",
        "web1 and ( )", "( ) or web1", "web1 or ( )", "not web1 ( db1 )", "( web1 ( db1 ) ) or web2", "web2 or ( web1 ( db1 ) )", "not ( web1 ) ( db1 )", "( not )", "( web1 and )", "not and web1", "web1 ) or ( db1", ") web1", "web1 (", "( web1 or db1",
        "not ( web1 or db1", "( not ( web1", "web1 and not", "not not not web1", "G@ipv4:10.0.0.1", "S@::1", "S@2001:db8::/32", "I@app:ports:80", "I@app:name:shop", "J@app:name:^sh", "P@roles:^web$ or P@roles:^db$", "x[1]", "x[[]1]", "E@x\\[1\\]",
        "(web1 or db1)", "(web1)", "!web1", "web1&db1", ["web1", "or", "db1"], ["a b", "or", "web1"], ["web1"], [], ["(", "web1", ")"],
        " ".join(["("] * 199 + ["web1"] + [")"] * 199), " ".join(["("] * 200 + ["web1"] + [")"] * 200), " ".join(["("] * 201 + ["web1"] + [")"] * 201),
        " or ".join(["web1"] * 300), " and ".join(["web*"] * 300),
    ],
    "compound_pillar_exact": ["I@tier:1", "I@tier:*", "J@tier:[12]", "J@tier:1 or I@app:name:shop", "I@app:name:sh*"],
}
DELIMITED = [("grain", "os|Debian", "|"), ("grain", "deep|x|y|z", "|"), ("grain_pcre", "deep/x/y/z$", "/"), ("pillar", "app;name;shop", ";"), ("grain", "os:Debian", "|"), ("compound", "G@os|Debian", "|"), ("compound", "G@os:Debian", "|")]


def fleet_opts(directory):
    import os

    import salt.cache
    import salt.config

    opts = salt.config.DEFAULT_MASTER_OPTS.copy()
    opts.update(pki_dir=directory, cachedir=directory, nodegroups=NODEGROUPS, extension_modules="", cluster_id=None, key_cache="")
    os.makedirs(os.path.join(directory, "minions"))
    for name in ACCEPTED:
        with open(os.path.join(directory, "minions", name), "w") as key:
            key.write("key")
    # The cache and the keys both live in a directory `minions`.
    opts["cachedir"] = os.path.join(directory, "cache")
    cache = salt.cache.factory(opts)
    for name, data in CACHED.items():
        cache.store(f"minions/{name}", "data", data)
    return opts


def order(ids):
    return sorted(ids, key=lambda name: (name.lower(), name))


def record():
    import fnmatch
    import logging
    import re
    import warnings

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    import salt.client
    import salt.loader
    import salt.payload
    import salt.utils.data
    import salt.utils.minions

    def pack(value):
        return base64.b64encode(salt.payload.dumps(value, use_bin_type=True)).decode()

    yield {
        "texts": TEXTS, "data": pack(DATA), "accepted": ACCEPTED, "cached": pack(CACHED), "nodegroups": pack(NODEGROUPS),
        "fleet": ACCEPTED + ["ghost"],
    }
    for pattern in GLOBS:
        yield {"glob": pattern, "fits": "".join(str(int(fnmatch.fnmatch(text, pattern))) for text in TEXTS)}
    for pattern in REGEXES:
        try:
            regex = re.compile(pattern)
            fits = "".join(str(int(bool(regex.match(text)))) for text in TEXTS)
        except re.error:
            fits = None
        yield {"regex": pattern, "fits": fits}
    for delimiter, exprs in ((":", SUBDICTS), ("|", PIPED)):
        for expr in exprs:
            fits = ""
            for more in ({}, {"regex_match": True}, {"exact_match": True}):
                fits += str(int(bool(salt.utils.data.subdict_match(DATA, expr, delimiter=delimiter, **more))))
            yield {"subdict": expr, "delimiter": delimiter, "fits": fits}
    with tempfile.TemporaryDirectory() as directory:
        opts = fleet_opts(directory)
        chooser = salt.utils.minions.CkMinions(opts)
        uncached = salt.utils.minions.CkMinions({**opts, "minion_data_cache": False})
        matchers = salt.loader.matchers({**opts, "id": "x", "grains": {}, "pillar": {}})
        cases = [(kind, target, ":") for kind, targets in TARGETS.items() for target in targets] + DELIMITED
        for kind, target, delimiter in cases:
            case = {"target": target, "type": kind, "delimiter": delimiter}
            for name, greedy in (("greedy", True), ("sure", False)):
                chosen = chooser.check_minions(target, kind, delimiter, greedy)
                case[name] = order(set(chosen["minions"]))
                if greedy:
                    case["missing"] = sorted(set(chosen["missing"]))
            without = order(set(uncached.check_minions(target, kind, delimiter)["minions"]))
            case["uncached"] = "all" if without == order(ACCEPTED) else without
            if kind in ("compound_pillar_exact", "nodegroup"):
                yield case
                continue
            meant = []
            for name in ACCEPTED + ["ghost"]:
                data = CACHED.get(name, {"grains": {"id": name}, "pillar": {}})
                minion = {**opts, "id": name, "grains": data["grains"], "pillar": data["pillar"] or {}}
                more = {} if kind in ("glob", "pcre", "list", "compound", "ipcidr", "range") else {"delimiter": delimiter}
                try:
                    if matchers[f"{kind}_match.match"](target, opts=minion, **({"minion_id": name} if kind != "range" else {}), **more):
                        meant.append(name)
                except Exception:  # the job is dropped
                    pass
            case["meant"] = meant
            yield case
        client = salt.client.LocalClient.__new__(salt.client.LocalClient)
        client.opts = {**opts, "conf_file": "/etc/salt/master", "order_masters": False}
        client.key, client.salt_user, client.event = "", "", None
        for kind, targets in (("nodegroup", list(NODEGROUPS) + ["nope"]), ("compound", ["N@nested and web*", "N@nope", "web1 or N@two", "N@", "G@os:x", "N@self", "( N@names )"])):
            for target in targets:
                try:
                    published = client._prep_pub(target, "test.ping", [], kind, "", "", 5)["tgt"]
                except Exception:
                    published = None
                yield {"nodegroup": target, "type": kind, "published": published}


def main():
    if len(sys.argv) == 1:
        for case in record():
            print(json.dumps(case))
        return
    runs = [subprocess.run([python, __file__], stdout=subprocess.PIPE, check=True) for python in sys.argv[1:3]]
    old, new = ([json.loads(line) for line in run.stdout.splitlines()] for run in runs)
    for case, later in zip(old, new, strict=True):
        for field, value in later.items():
            if case[field] != value:
                case[f"{field}_3007"] = value
        print(json.dumps(case))


main()
