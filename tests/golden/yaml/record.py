"""
Records how real Salt reads and writes YAML, for tests/golden/yaml.rs.

    python3 record.py PYTHON_WITH_SALT_3006.25 PYTHON_WITH_SALT_3007.14 > cases.jsonl

Each line is one case, told apart by `kind`:
  load   a text, and the value as Python prints it or the message of the error (`salt.utils.yaml.safe_load`)
  arg    a word of a command line and the value it becomes (`salt.utils.args.yamlify_arg`)
  input  words and the list that is published (`salt.utils.args.parse_input`)
  dump   a value (msgpack in base64), a style, and the text (`salt.utils.yaml.safe_dump`, `yaml.safe_dump`)
Sets and tuples are shown as lists. The two versions of Salt must agree; a case where they do not is an error here.
With --random N SEED, N random cases of each kind follow; they are for a wide comparison that is not kept.
"""

import base64
import datetime
import json
import random
import subprocess
import sys

SCALARS = """
yes Yes YES yEs no NO n y on off On OFF oN true True TRUE tRue false null Null NULL nUll ~ None
0 1 -1 +1 007 010 0010 08 09 0o17 0x1F 0X1F -0x1f +0x10 0b101 -0b11 0b 0x 0b2 0b_1 0x_ 00 000 -0 +0 -010 -08 0_7 1_000 1__0 _1 1_
12345678901234567890 -12345678901234567890 9223372036854775807 9223372036854775808
1:30 1:30:00 -1:30 01:30 1:60 1:5 10:20:30:40 1:2:3.5 12:30:45.25 -1:30.5 190:20:30.15 0:30
1.0 1. .5 -.5 +.5 1.5e3 1.5e+3 1.5E-3 1e5 1e+5 1.e+5 .5e+2 1_0.5 1._5 . -. +. .inf .Inf .INF -.inf +.inf .iNF .nan .NaN .NAN -.nan
1.7976931348623157e+308 1.0e+400 0.1 123456789.123456789 4.9e-324
2001-12-14 2001-1-1 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 2026-11-25 1.2.3 10.0.0.1 1-2 2001-12-1
<< = ! & * - -- --- ... ? : :: a:b :a a: #a a#b @a `a %a a% a&b a*b >a |a
/srv/salt salt://x/y.sls http://a:80/b 00:11:22:33:44:55 11:22:33 12:34:56:12:34:56 0644 0o644 '0644' "0644" '' "" ' ' "a\\tb" 'it''s' "\\u263a" "\\x41"
a-b -a a- --a [ ] { } [] {} [a] [a,b] {a} {a:b} [1,'1',yes,~] ['a',"b"] ,a a,b "a" 'a' "a 'a
1e3 0e0 0.0 -0.0 1e-7 1E400 0x7fffffffffffffff 0xffffffffffffffffffff 0b1111
!!str !!int !!null !local ! !a
""".split()

EXTRA_SCALARS = [
    "2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43", "a b", " a", "a ", "a: b", "a : b", "- a", "a #b", "a# b", "# b", "",
    "!!str 12", "!!int '12'", "!!int 0099", "!!int '01:30'", "!!float 1", "!!float '1e5'", "!!bool yes", "!!null x", "!!str",
    "!!binary aGVsbG8=", "!!binary aGVs bG8", "!!binary '%'", "!!timestamp 2001-12-14", "!!python/object:os.x {}", "!foo bar",
    "!!set {a, b}", "!!omap [a: 1, b: 2]", "!!pairs [a: 1, a: 2]", "!!seq a", "!!map [a]", "!!str [a]", "!!int {a: b}", "! 12", "! '12'",
    "!!int abc", "!!bool maybe", "!!float x", "!!python/unicode u", "!!merge <<", "!!str {=: x}",
    "{a: 1, b: [2, 3], c: {d: e}}", "[a, [b, c], {d: e}]", "{a, b: c}", "[a: b, c]", "{a: b, a: c}", "{1: a, true: b}", "{1: a, 1.0: b}",
    "{[a]: b}", "{{ pillar }}", "{{ pillar.get('x') }}", "{% if x %}", "{? a : b}", "[a, b,]", "{a: 1,}", "[,]", "[a b]", "[a\nb]",
    "\u00e9", "\u2603", "\U0001F600", "\u0085", "a\u00a0b", "\ufeffa", "a\ufeffb", "\x07", "a\x00b", "\x7f", "\u2028", "a\u2028b", "\ud7ff",
    "&a b", "*a", "[&a b, *a]", "[&a b, &a c]", "&a [*a]", "{a: &x {b: 1}, c: *x}", "&a", "[&a , *a]", "*a : b",
    "@", "`", "%", "%a b", "|", ">", "|\n a\n", ">-\n a\n b\n", "'a", "\"a", "\"\\q\"", "\"\\x4\"", "[a", "{a", "a]", "}", "'a'b", "\"a\" b",
    "a\tb", "\ta", "a:\tb", "a:\t- b", "!!binary é", "!!binary 'a é☃ b'", "[!a,b]", "[!!str,b]", "{!a : b}", "[? : a]", "[?]", "[?, a]", "[?,]", "[? : , a]", "[a, ?]", "[a: b, c: , : d]", "{: a}", "{a: : b}", "9" * 4300, "9" * 4301, "1:" + "59:" * 30 + "1",
]

DOCUMENTS = [
    "", "\n", "# only a comment\n", "---\n", "---\n...\n", "--- a\n", "a\n---\nb\n", "---\na\n...\n---\nb\n", "%YAML 1.1\n---\na: b\n", "%YAML 2.0\n---\na\n",
    "%TAG ! tag:example.com,2000:\n---\n!foo a\n", "%FOO bar\n--- a\n",
    "a: 1\nb: 2\nc: 3\n", "b: 1\na: 2\n", "a: 1\na: 2\n", "a:\n  b: 1\n  c: 2\n  b: 3\n", "1: a\n'1': b\n", "yes: a\ntrue: b\n", "~: a\nnull: b\n", "0x10: a\n16: b\n",
    "a:\n  - 1\n  - 2\nb:\n- 3\n- 4\n", "- a\n- - b\n  - c\n- d: e\n  f: g\n", "-\n  a: b\n-\n  - c\n", "a: - b\n", "- a\nb\n", "a\nb: c\n", "a: b: c\n", "a: 'b\n",
    "a:\n    b: 1\n  c: 2\n", "a:\n\tb: 1\n", "a: b\n c: d\n", "  a: b\n  c: d\n", "  a: b\n c: d\n", "a:b\n", "a:b\nc:d\n", "a: b\nc\n", "a: |\n  x\n  y\n\nb: c\n",
    "a: |-\n  x\n\n  y\n", "a: |+\n  x\n\nb: >\n  p\n  q\n\n  r\n", "a: >-\n  p\n   q\n  r\n", "a: |2\n   x\n", "a: |0\n x\n", "a: >\n\n\n  x\n", "a: 'x\n  y\n\n  z'\n", "a: \"x \\\n   y\"\n",
    "a: x\n  y\n  z\n", "? a\n: b\n? c\n: d\n", "? - a\n: b\n", "? {a: b}\n: c\n", "? |\n  x\n: y\n",
    "base: &b\n  x: 1\n  y: 2\nd:\n  <<: *b\n  y: 3\n", "base: &b {x: 1}\nd:\n  y: 3\n  <<: *b\n  z: 4\n", "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc:\n  <<: [*a, *b]\n",
    "a: &a {x: 1}\nb: &b {y: 3}\nc:\n  <<: [*a, *b]\n  x: 9\n", "c: {<<: {x: 1}, <<: {y: 2}}\n", "c: {<<: {x: 1}, <<: {x: 2}}\n", "c:\n  <<: x\n", "c:\n  <<: [x]\n", "c:\n  <<: [[a]]\n",
    "a: &a\n  <<: {x: 1}\n  y: 2\nb:\n  <<: *a\n  z: 3\n", "a: &a\n  b:\n    <<: *a\n", "c:\n  '<<': {x: 1}\n", "c:\n  <<: {}\n  a: 1\n", "<<: {a: 1}\n", "- <<\n", "- =\n", "=: a\n", "{=: a, '=': b}\n",
    "c: {<<: {1: a}, '1': b}\n", "c: {<<: {'1': a}, 1: b}\n",
    "a: &x [1, 2]\nb: *x\nc: *x\n", "a: *x\n", "a: &x b\nb: &x c\n", "a: &x !!str b\nb: *x\n", "a: & b\n", "a: * b\n",
    "a: {b: c\n", "a: [b, c\nd: e\n", "a: [b]]\n", "a: }\n", "key: [a, b]: c\n", "a: @x\n", "a: `x\n", "a: %x\n", "a: b #c\n", "a: b#c\n", "a: 'b' #c\n", "a: #c\n",
    "a: !!foo b\n", "a: !<tag:yaml.org,2002:str> 1\n", "a: !<x\n", "a: !!python/tuple [1]\n", "a: !e!b c\n",
    "a:\r\n  b: c\r\n", "a: b\rc: d\r", "a: b", "a: \u2028b\n", "a: x\u0085y\n", "\ufeffa: b\n", "a: \x01\n", "é: ü\n☃: 1\n", "a: \U0001F600\n",
    "interface: 0.0.0.0\npublish_port: 4505\nfile_roots:\n  base:\n    - /srv/salt\n    - /srv/formulas/*\nnodegroups:\n  g1: 'L@a,b or c*'\nreactor:\n  - 'salt/minion/*/start':\n    - /srv/reactor/start.sls\n",
    "nginx:\n  pkg.installed: []\n  service.running:\n    - enable: True\n    - watch:\n      - file: /etc/nginx/*\n  file.managed:\n    - name: /etc/x\n    - mode: 0644\n    - contents: |\n        a\n          b\n        c\n",
    "a: {{ b }}\n", "{% set a = 1 %}\na: b\n", "a:\n  {{ b }}: c\n", "a: 'it''s'\nb: \"q\\\"q\"\nc: \"\\t\\n\\e\\0\\x0d\\u00e9\\U0001F600\\_\\N\\L\\P\"\n", "a: \"\\ud83d\\ude00\"\n",
    "schedule:\n  job1:\n    function: test.ping\n    seconds: 60\n    when: 5:00pm\n", "a: 12:30:45\nb: 5:00pm\nc: 1:00\n", "- 0644\n- 0755\n- '0644'\n- 08\n- 1_000\n",
    "a: >\n  folded\n  text\n\n   more\n  end\nb: 1\n", "a:\n  - b\n  -c\n", "a:\n- b\n - c\n", "a: [1, 2\n  , 3]\n", "a: {b: 1\n  , c: 2}\n", "a: [\n]\n", "- - - a\n    - b\n  - c\n", "[a, b]: c\n", "{a: b}: c\n",
    "? a\n? b\n", "a: ? b\n", "a:\n  ? b\n  : c\n", "- ? a\n  : b\n", "!!omap\n- a: 1\n- b: 2\n", "!!omap [a]\n", "!!omap {a: 1}\n", "!!pairs [{a: 1, b: 2}]\n", "!!set\n? a\n? b\n", "a:\n", "a:\nb:\n", "- \n- \n", "''\n", "'': a\n",
    "a: !e!b &a\n&a", "é" * 1020 + ": b\n", "é" * 1030 + ": b\n", "|", "a: |", "a: |\n  x", "- |", ">", "a: \"x\\", "'", "&a", "!", "- !\n- a\n", "%", "%YAML", "%YAML 1.1", "%TAG !e! tag:e,1:\n--- !e!x y\n", "%TAG !e! tag:e,1:\n%TAG !e! x\n--- a\n", "%YAML 1.1\n%YAML 1.1\n--- a\n", "%YAML 1.1 # c\n--- a\n", "%YAML 1.1 x\n--- a\n", "%YAML 1\n--- a\n", "%YAML 9999999999.1\n--- a\n", "a: !<%21%C3%A9> b\n", "a: !%C3x b\n", "a: !%4 b\n", "a: !%80 b\n", "a: !%FF b\n", "---\n---\n", "--- a\n...\n...\n", "...\n", "a\n...\n# x\n", "a: 1\n--- \n", "a: 1\n%YAML 1.1\n---\nb: 1\n", "'a\n---\nb'\n", "\"a\n...\"\n", "a\n--- b\n",
    "a: |\n\n\t x\n", "a: |\n x\n\ty\n", "a\n\tb\n", "- a\n\t- b\n", "a:\tb\n", "a:\n  - b\n\t- c\n", "a: |+\n\n\n", "a: |-\n\n", "a: >+\n x\n\n y\n\n", "a: |\n   \n  x\n", "a: |\n  x\n y\n", "a: |3-\n    x\n", "a: |-3\n    x\n", "a: |+3+\n    x\n", "a: | # c\n  x\n", "a: |x\n  y\n", "a: |#\n  y\n",
    "a" * 1025 + ": b\n", "a" * 1000 + ": b\n", "- " * 60 + "a\n", "[" * 60 + "]" * 60, "a: " + "x " * 500 + "\n",
]

WORDS = SCALARS + EXTRA_SCALARS + [
    " ", "  ", " 1", "1 ", " yes ", "a=b", "[1, 2", "{1: 2}", " [1]", " {a: b}", "a\tb", "1\n", "1_2", "12_", "_12", " 1_2", "1#2", "1 #2", "[1] #2", "#", " #", "# x", "None", "none", " None", "NONE",
    "|", "||", ">", "!", " !", "!!", "20261125100000123456", "20261125100000123456_1", "---", " --- ", "...", "--- a", "a: b", "- a", "a:", "{a: }", "'a'", "\"a\"", "'a' ", "{'a': 1, \"b\": [x]}", "2026-11-25", "!!binary aGVsbG8=",
    "[2026-11-25]", "{a: !!binary aGVsbG8=}", "0123", "-0123", "true", "'true'", "1.0", "1e3", "1.5e+3", "[a, b, 3, yes, ~]", "uptime", "echo $HOME", "a && b", "ls -l | wc", "*", "a*", "%x", "@x", "50%", "`x`",
]

INPUTS = [
    ["a"], ["a", "b=1"], ["a=1", "b"], ["a==b"], ["a=b=c"], ["a="], ["=a"], ["1a=b"], ["_a=b"], ["a.b=c", "a-b=c"], ["é=1"], ["a b=c"], ["a=x y"], ["a=[1, 2]"], ["a={b: c}"], ["a=b\nc"], ["a=b\n"], ["x\ny=z"],
    ["20261125100000123456"], ["20261125100000123456", "a=20261125100000123456"], ["1", "2"], ["a=1", "a=2"], ["__kwarg__=True"], ["http://x/?a=b"], ["-x=1"], ["a=True", "test=False"], ["name=None"], ["pillar={\"a\": 1}"], [""], ["a= "], [" a=1"],
    ["99999999999999999999"], ["-1234567890123456789"], ["00000000000000000001"], ["uptime", "python_shell=True", "timeout=5"], ["²=1"], ["a²=1"], ["٣=1"], ["a٣=1"],
]

LONG = "the quick brown fox jumps over the lazy dog and " * 4
TEXTS = SCALARS + [
    "", " ", "a b", " a", "a ", "  ", "a\n", "\n", "\n\n", "a\nb", "a\nb\n", "a\n\nb", "\na", " a\nb", "a \nb", "a\n b", "a\tb", "\t", "a: b", "a:", ":", "a #b", "#", "it's", "\"q\"", "'", "'a'", "a'b\"c", "\\", "\\n",
    "\x00", "\x07", "\x1b[0m", "\x7f", "\x80", "\x85", "\xa0", "é", "☃", "\u2028", "a\u2028b", "\u2029", "\ufeff", "a\ufeff", "\U0001F600", "é\nü", "\r", "a\r\nb", "a\rb", "yes\n", "1\n", "null\n", "~\n",
    LONG, LONG.strip(), LONG + "\n", LONG.replace("and", "and\n"), "x" * 200, "x" * 200 + " y", ("é" * 50 + " ") * 3, ("☃" * 30 + " ") * 5, " " * 100, "a" + " " * 100 + "b", "- " * 50, ("'q' " * 30), ("\x07 a" * 30), ("\\" * 90 + " b"),
    "---", "--- a", "...", "a\n---\nb", "%a", "@a", "`a", "!a", "&a", "*a", "?", "? a", "-", "- a", "-a", ",", "a,b", "[a", "]", "{", "}", "a]", "a}", "a, b", "key: [a]", "|", ">", "=", "<<", "2001-12-14 21:59:43", "2001-12-14 21:59:43.10 -5",
]
VALUES = [
    None, True, False, 0, -1, 2**63 - 1, 2**64 - 1, -(2**63), 0.0, -0.0, 0.1, 1.0, 1e16, 1e-5, 1.5e300, 1e22, float("inf"), float("-inf"), float("nan"), 123456789.123,
    b"", b"hello", bytes(range(100)), b"\xff\xfe", [], {}, [[]], [{}], {"a": []}, {"a": {}}, [[[]]], [1, 2], ["a", ["b", ["c"]]], {"b": 1, "a": 2}, {"a": {"c": 1, "b": [1, {"x": None}]}},
    {1: "a", 2: "b"}, {2: "a", 1: "b", 10: "c"}, {1: "a", "b": 2}, {"z": 1, 3: 2, "a": 3}, {None: 1}, {None: 1, "a": 2}, {True: 1, False: 2}, {1.5: "a", 1: "b"}, {b"b": 1, b"a": 2}, {"": 1}, {"a b": {"c: d": "e #f"}}, {"é": 1, "z": 2, "Z": 3, "☃": 4},
    [{"a": 1, "b": 2}, {"c": [3]}], [["a", "b"], ["c"]], {"a": "x\ny\n", "b": "x\ny"}, {"a": LONG, "b": [LONG]}, {"a": b"hello" * 20}, [b"x"], {"x" * 130: 1}, {"x" * 128: 1}, {"x " * 70: 1}, {"a\nb": 1}, {"k": ["x\ny", {"z": "\n"}]},
    datetime.datetime(2026, 11, 25, 10, 0, 0), datetime.datetime(2026, 11, 25, 10, 0, 0, 123000), {"t": datetime.datetime(2026, 1, 2, 3, 4, 5, 6)}, {"web1": True}, {"web1": {"retcode": 0, "pid": 12, "stdout": "a\nb", "stderr": ""}}, [None, True, 1, 1.5, "1", "yes"],
    {"deep": {"er": {"and": {"er": [{"x": [{"y": 1}]}]}}}}, ["- a", "? b", ": c", "# d"], {"- a": 1, "? b": 2, ": c": 3, "# d": 4, "[e": 5, "f]": 6}, [[], {}, [[]], ""], {"a": [[1, 2], [3]], "b": [{"c": [{}]}]}, {"l": list(range(60))}, [LONG.split()], {w: w for w in LONG.split()},
]
STYLES = {
    "salt": {},
    "pyyaml": {},
    "leaves": {"default_flow_style": None},
    "flow": {"default_flow_style": True},
    "indent4": {"indent": 4},
    "width40": {"width": 40},
    "wide": {"width": 100000},
    "unsorted": {"sort_keys": False},
    "explicit": {"explicit_start": True, "explicit_end": True},
}

WORKER = r'''
import base64, datetime, json, sys
import msgpack, yaml
import salt.utils.args, salt.utils.yaml

def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, set):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, dict):
        return {plain(key) if not isinstance(key, tuple) else key: plain(item) for key, item in value.items()}
    return value

def unpack(code, data):
    return datetime.datetime.strptime(data.decode(), "%Y%m%dT%H:%M:%S.%f")

for line in sys.stdin:
    case = json.loads(line)
    kind = case["kind"]
    try:
        if kind == "load":
            case["repr"] = repr(plain(salt.utils.yaml.safe_load(case["text"])))
        elif kind == "arg":
            case["repr"] = repr(plain(salt.utils.args.yamlify_arg(case["word"])))
        elif kind == "input":
            case["repr"] = repr(plain(salt.utils.args.parse_input(list(case["words"]))))
        else:
            value = msgpack.unpackb(base64.b64decode(case["packed"]), raw=False, strict_map_key=False, ext_hook=unpack)
            options = dict(case["options"])
            if case["style"] == "pyyaml":
                case["text"] = yaml.dump(value, Dumper=yaml.CSafeDumper, **options)
            else:
                options.setdefault("default_flow_style", False)
                case["text"] = salt.utils.yaml.safe_dump(value, **options)
    except yaml.YAMLError as error:
        case["error"] = str(error)
    except Exception as error:
        case["raised"] = type(error).__name__
    print(json.dumps(case))
'''


def packed(value):
    import msgpack

    def default(value):
        return msgpack.ExtType(78, value.strftime("%Y%m%dT%H:%M:%S.%f").encode())

    return base64.b64encode(msgpack.packb(value, use_bin_type=True, default=default)).decode()


def random_text(rng):
    alphabet = rng.choice(["abc \n:-#", "01_.:xbeE+-", "[]{},:'\" a\n", "a b\n- :&*!|>%@?", "yesnotrufal~ \n", "é☃\u2028\x85\U0001F600a \n:", "  - a:\n"])
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(24)))


def random_value(rng, depth=0):
    kind = rng.randrange(10 if depth < 4 else 7)
    if kind == 0:
        return rng.choice([None, True, False, rng.randrange(-100, 100), rng.random() * 10 ** rng.randrange(-8, 20)])
    if kind == 1:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(80)))
    if kind < 5:
        return rng.choice([random_text(rng), rng.choice(TEXTS), (random_text(rng) + " ") * rng.randrange(12)])
    if kind < 7:
        return rng.choice(SCALARS)
    if kind < 8:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {rng.choice([random_text(rng), rng.randrange(9), rng.choice(TEXTS)]): random_value(rng, depth + 1) for _ in range(rng.randrange(5))}


def mutated(rng, text):
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(["", " ", "\n", "- ", ": ", "#", "'", '"', "[", "]", "{", "}", ",", "&a ", "*a", "!", "|", ">", "<<: ", "\t"]) + text[at + rng.randrange(2) :]
    return text


def random_cases(count, seed):
    import yaml

    rng = random.Random(seed)
    for _ in range(count):
        value = random_value(rng)
        yield {"kind": "dump", "style": "salt", "options": {}, "packed": packed(value)}
        yield {"kind": "dump", "style": "pyyaml", "options": rng.choice(list(STYLES.values())), "packed": packed(value)}
        yield {"kind": "load", "text": rng.choice([random_text(rng), rng.choice(SCALARS) + rng.choice(["", " ", ": "]) + random_text(rng)])}
        text = yaml.safe_dump(value, default_flow_style=rng.choice([None, True, False]), allow_unicode=True)
        yield {"kind": "load", "text": mutated(rng, text)}
        yield {"kind": "load", "text": mutated(rng, rng.choice(DOCUMENTS))}
        yield {"kind": "arg", "word": rng.choice([random_text(rng), mutated(rng, rng.choice(WORDS))])}


def cases(arguments):
    for text in SCALARS + EXTRA_SCALARS:
        yield {"kind": "load", "text": text}
        yield {"kind": "load", "text": "a: " + text + "\n"}
    for text in DOCUMENTS:
        yield {"kind": "load", "text": text}
    for word in WORDS:
        yield {"kind": "arg", "word": word}
    for words in INPUTS:
        yield {"kind": "input", "words": words}
    for text in TEXTS:
        yield {"kind": "dump", "style": "salt", "options": {}, "packed": packed(text)}
    yield {"kind": "dump", "style": "salt", "options": {}, "packed": packed(TEXTS)}
    yield {"kind": "dump", "style": "salt", "options": {}, "packed": packed({text: text for text in TEXTS})}
    for style, options in STYLES.items():
        yield {"kind": "dump", "style": style, "options": options, "packed": packed(TEXTS)}
        for value in VALUES:
            yield {"kind": "dump", "style": style, "options": options, "packed": packed(value)}
    if arguments[:1] == ("--random",):
        yield from random_cases(int(arguments[1]), int(arguments[2]))


def main(new, old, *arguments):
    lines = "".join(json.dumps(case) + "\n" for case in cases(arguments))
    answers = [
        subprocess.run([python, "-c", WORKER], input=lines, capture_output=True, text=True, check=True).stdout
        for python in (new, old)
    ]
    for first, second in zip(*(answer.splitlines() for answer in answers)):
        if first != second:
            sys.exit(f"the versions differ:\n{first}\n{second}")
        print(first)


main(*sys.argv[1:])
