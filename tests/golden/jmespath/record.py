"""
Makes `compliance.jsonl` of the compliance suite of JMESPath, for tests/golden/jmespath.rs.

    git clone https://github.com/jmespath/jmespath.py
    PYTHON_WITH_SALT_3006.25 record.py jmespath.py/tests/compliance > compliance.jsonl
    PYTHON_WITH_SALT_3006.25 record.py --random N SEED > /tmp/random.jsonl

The suite is that of jmespath.py at commit 2ad18b0e51ef3c22ef0d4bbeb11506746a39e228, the newest; it is under the licence
beside this file (MIT, Copyright 2013 Amazon.com, Inc. or its affiliates). Each line is the data of one suite with its
cases: an expression, and what the package jmespath that Salt uses (1.1.0) makes of it, as JSON or as the text of its error.
The script fails when that is not what the suite asks for. The second form makes expressions of its own, of which
`HALITE_JMESPATH_CASES=/tmp/random.jsonl` has the test look at all.
"""

import json
import pathlib
import random
import sys

import jmespath
from jmespath import exceptions

KINDS = {
    "invalid-arity": exceptions.ArityError,
    "invalid-type": exceptions.JMESPathTypeError,
    "invalid-value": ValueError,
    "syntax": (exceptions.ParseError, exceptions.EmptyExpressionError),
    "unknown-function": exceptions.UnknownFunctionError,
}


def outcome(case, given):
    text = case["expression"]
    try:
        result = jmespath.search(text, given)
    except ValueError as exc:
        assert isinstance(exc, KINDS[case["error"]]), (case, exc)
        return {"expression": text, "error": str(exc)}
    assert "error" not in case, case
    # A benchmark says nothing of the result.
    assert "bench" in case or result == case["result"], (case, result)
    return {"expression": text, "result": json.dumps(result)}


GIVEN = {
    "a": {"b": [1, 2.5, 0, -3], "c": {"d": "x", "e": None}, "g": [[1, [2]], [], [3], "x"]},
    "l": [{"n": "bo", "v": 3, "t": ["x"]}, {"n": "al", "v": 1}, {"n": "Cy", "v": 2.0, "t": []}, {"n": "é"}],
    "s": "héllo",
    "e": "",
    "t": True,
    "f": False,
    "z": 0,
    "o": 1,
    "m": {},
    "w": ["b", "a", "C"],
    "h": [1, "a", None, True, [], {}],
}
NAMES = ["a", "b", "c", "l", "n", "v", "t", "s", "w", "h", "m", "zz", '"a"', '"\\u0061"', "o", "z", "e", "f", "g"]
LITERALS = ["`1`", "`0`", "`-2.5`", '`"x"`', "`true`", "`null`", "`[1, 2]`", "`{\"a\": 1}`", "`x y`", "'raw'", "''", "`[]`", "`\\``"]
FUNCTIONS = {
    "abs": 1, "avg": 1, "ceil": 1, "contains": 2, "ends_with": 2, "floor": 1, "join": 2, "keys": 1, "length": 1, "map": 2,
    "max": 1, "max_by": 2, "merge": 2, "min": 1, "min_by": 2, "not_null": 2, "reverse": 1, "sort": 1, "sort_by": 2,
    "starts_with": 2, "sum": 1, "to_array": 1, "to_number": 1, "to_string": 1, "type": 1, "values": 1, "nope": 1,
}
MARKS = list(".*[]{}()&|!<>=,:@'`\"-\\?0 a") + ["[?", "[]", "||", "&&", "==", "&"]


class Random:
    """Expressions of every kind; most can be read, and some find something."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def expression(self, depth=0):
        pick = self.random
        sub = lambda: self.expression(depth + 1)
        if depth > 3 or pick.random() < 0.25:
            return pick.choice(NAMES + NAMES + ["@", "*"] + LITERALS)
        number = lambda: str(pick.choice([0, 1, 2, -1, -2, 5, -9, 99999999999999999999]))
        maybe = lambda: pick.choice(["", number()])
        kinds = [
            lambda: f"{sub()}.{sub()}",
            lambda: f"{sub()}.{pick.choice(NAMES)}",
            lambda: f"{sub()}[{number()}]",
            lambda: f"{sub()}[{maybe()}:{maybe()}{pick.choice(['', ':', ':2', ':-1', ':0'])}]",
            lambda: f"{sub()}[*]{pick.choice(['', '.'])}{pick.choice(NAMES)}",
            lambda: f"{pick.choice(['l', 'w', 'h', 'a.g', 'a.b'])}{pick.choice(['[*]', '[]', '[0]', '[?@]', '[1:]', '[::-1]'])}",
            lambda: f"{sub()}.*",
            lambda: f"{sub()}[]",
            lambda: f"{sub()}[?{sub()}]{pick.choice(['', '.', '|'])}{pick.choice(NAMES)}",
            lambda: f"{sub()} {pick.choice(['==', '!=', '<', '<=', '>', '>='])} {sub()}",
            lambda: f"{sub()} {pick.choice(['||', '&&', '|'])} {sub()}",
            lambda: f"!{sub()}",
            lambda: f"({sub()})",
            lambda: "[" + ", ".join(sub() for _ in range(pick.randrange(1, 4))) + "]",
            lambda: "{" + ", ".join(f"{pick.choice(NAMES)}: {sub()}" for _ in range(pick.randrange(1, 4))) + "}",
            self.call,
            self.call,
            lambda: f"{sub()} | {self.call()}",
        ]
        return pick.choice(kinds)()

    def call(self):
        pick = self.random
        name = pick.choice(list(FUNCTIONS))
        count = FUNCTIONS[name] if pick.random() < 0.9 else pick.randrange(4)
        args = []
        for _ in range(count):
            reference = pick.random() < (0.5 if name in ("map", "max_by", "min_by", "sort_by") else 0.05)
            simple = pick.choice(["@", "l", "w", "h", "a.b", "a.g", "s", "e", "m", "l[*].v", "l[].n", "a", "n", "v"])
            args.append(("&" if reference else "") + pick.choice([simple, simple, self.expression(3)]))
        return f"{name}({', '.join(args)})"

    def text(self):
        text = self.expression()
        pick = self.random
        for _ in range(pick.choice([0, 0, 0, 1, 2])):
            at = pick.randrange(len(text) + 1)
            text = pick.choice(
                [text[:at], text[:at] + pick.choice(MARKS) + text[at:], text[:at] + text[at + 1 :]]
            )
        return text or "@"


def anything(text):
    """What an expression finds, if that can be compared: an expression as a value has an address."""
    try:
        result = jmespath.search(text, GIVEN)
        return {"expression": text, "result": json.dumps(result)}
    except TypeError as exc:
        if "not JSON serializable" in str(exc):
            return None
        return {"expression": text, "error": str(exc)}
    except ValueError as exc:
        return {"expression": text, "error": str(exc)}


if sys.argv[1] == "--random":
    source = Random(int(sys.argv[3]))
    cases = [anything(source.text()) for _ in range(int(sys.argv[2]))]
    cases = [case for case in cases if case and " object at 0x" not in str(case)]
    print(json.dumps({"suite": "random", "given": GIVEN, "cases": cases}, ensure_ascii=False))
    sys.exit()

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    for suite in json.loads(path.read_text()):
        cases = [outcome(case, suite["given"]) for case in suite["cases"]]
        line = {"suite": path.stem, "given": suite["given"], "cases": cases}
        print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
