"""Makes the seeds in fuzz/corpus from the vectors and goldens recorded from Salt. Run it from the top of the repository;
the seeds of the zmtp targets are kept by hand."""
import json
import pathlib
import re

CORPUS = pathlib.Path("fuzz/corpus")
VECTORS = pathlib.Path("tests/vectors")
LARGEST = 4096


def seed(target, name, octets):
    if not octets or len(octets) > LARGEST:
        return
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "empty"
    (folder / name[:60]).write_bytes(octets)


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


for vector in vectors("msgpack-3006"):
    bin_type = "bin" if vector["use_bin_type"] else "raw"
    seed("msgpack", f"{vector['name']}_{bin_type}", bytes.fromhex(vector["packed"]))

for vector in vectors("errors-3006"):
    seed("requests", vector["name"], bytes.fromhex(vector["request"]))

seen = set()
for vector in vectors("live-3006"):
    kind = (vector["type"], vector.get("cmd"), vector.get("case"))
    if kind in seen:
        continue
    seen.add(kind)
    name = "_".join(str(part) for part in kind)
    for index, frame in enumerate(vector.get("request_frames", [])):
        seed("requests", f"{name}_{index}", bytes.fromhex(frame))
        seed("msgpack", f"{name}_{index}", bytes.fromhex(frame))

for vector in vectors("crypticle-3006")["good"][:12]:
    seed("crypticle", vector["name"], bytes.fromhex(vector["ciphertext"]))

for name, pem in vectors("keys").items():
    if isinstance(pem, str):
        seed("pem", name, pem.encode())

for index, vector in enumerate(vectors("rsa-3006")):
    signature = vector.get("signature") or vector.get("ciphertext")
    if signature and index < 10:
        seed("x931", f"{vector['op']}_{index}", bytes.fromhex(signature))

TARGETS = [
    "*", "web* and not db", "G@os:Debian or L@web1,web2", "( P@os:(Deb|Ub).* and E@web[0-9] ) or N@a",
    "I@role:x and J@role:y", "S@10.0.0.0/8 and not N@b", "not ( G@a:b )", "web[!1]", "and or not", "((", "G@deep:a:a:1",
]
for index, target in enumerate(TARGETS):
    seed("targets", f"target_{index}", target.encode())

YAML = [
    "a: 1\nb: [x, 'y', \"z\\u00e9\"]\n", "- yes\n- 0o17\n- 017\n- 1e3\n- .inf\n- ~\n- 2026-01-02\n",
    "base: &b {x: 1}\nc:\n  <<: *b\n  y: |\n    text\n      more\n", "? complex\n: value\n", "a: >-\n  folded\n  text\n",
    "!!python/unicode 'x'", "{a: {b: [c, {d: e}]}}", "a:\n\t- tab", "'it''s': \"\\x41\\n\"", "---\na\n...\n---\nb\n",
    "a: !!binary aGVsbG8=\n", "1:2:3", "key: 'unclosed", "%YAML 1.1\n---\nx: y", "a: *nowhere", "- - - - 1",
]
for index, text in enumerate(YAML):
    seed("yaml", f"text_{index}", text.encode())


def frame(body):
    return b"\x82\xa4head\x80\xa4body\xc4" + bytes([len(body)]) + body


EVENTS = [
    frame(b"salt/auth\n\n\x81\xa2id\xa1a"), frame(b"x\n\n\x80") * 3, frame(b"no end"), b"\x82\xa4body\xa3x\n\n\xa4head\x80",
    b"\x81\xa4head\x80", b"\xc1", b"\xdf\xff\xff\xff\xff", b"\x82\xa4head\x80\xa4body\xc6\xff\xff\xff\xff",
]
for index, stream in enumerate(EVENTS):
    for size in (1, 7, 200):
        seed("events", f"stream_{index}_{size}", bytes([size]) + stream)

SUITES = pathlib.Path("tests/golden/jmespath/compliance.jsonl").read_text().splitlines()
EXPRESSIONS = [case["expression"] for suite in SUITES for case in json.loads(suite)["cases"]]
QUERIES = EXPRESSIONS[::24] + [
    "sort_by(a, &n)[].{n: n, t: t[0]} | [0]", "max_by(a, &a).n || min_by(a, &a)", "merge(o, {x: s}) == `{\"b\": true}`", "a[?a > `1` && !n].t[] | sum(@)",
    "to_string(@) | reverse(@)", "map(&[@, @], a[*].t)", " | ".join(["[@, @]"] * 60), "[" + " | ".join(["[@, @]"] * 60) + "] == [" + " | ".join(["[@, @]"] * 60) + "]",
    "(" * 900, "!" * 900 + "a", " || ".join(["a"] * 600), "a" + "[0]" * 900, "a" + "[]" * 900, "*" + ".*" * 900, "a" + ".b" * 900, "[" * 900 + "a" + "]" * 900, "`" + "[" * 300 + "]" * 300 + "`",
    "join(s, map(&s, a))", "[99999999999999999999:-99999999999999999999:-1]", "to_number(`1e400`)", "ceil(`1e300`)", "abs(f).floor(@)", "not_null(n, &a)", "contains(keys(@), 'a')",
]
for index, text in enumerate(QUERIES):
    seed("jmespath", f"query_{index}", text.encode())
