"""
Records what Python's package toml writes (but for control characters, which it gets wrong), and whether it reads the same
again: pip install toml==0.10.2; python3 cases.py > cases.jsonl
"""

import json

import toml

DATA = [
    {},
    {"a": 1, "b": "text", "c": True, "d": 1.5, "e": [1, 2], "f": []},
    {"text": "quotes ' and \"", "lines": "a\nb\tc\r", "back": "C:\\temp", "e": "é\u2028\U0001f600"},
    {"single": "it's", "double": 'say "x"', "empty": ""},
    {"numbers": [0.1, 1e16, 1e-05, 100.0, -2.5e-10], "big": 12345678901234567890},
    {"a b": 1, "a.b": 2, "": 3, "ok-key_1": 4},
    {"t": {"x": 1, "u": {"y": 2, "v": {}}}, "first": 0},
    {"t": {"u": {"v": {"z": 1}}}},
    {"t": {}, "u": {"v": {}}},
    {"list": [[1, 2], ["a", "b"], []]},
    {"servers": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
    {"servers": [{"name": "a", "disk": {"size": 1, "more": {"x": 2}}}, {"name": "b"}], "z": 1},
    {"fruit": [{"name": "apple", "kinds": [{"name": "red"}, {"name": "green"}]}, {"name": "banana"}]},
    {"outer": {"inner": [{"a": 1}, {"a": 2, "b": {"c": 3}}], "x": "y"}},
    {"outer": {"only": [{"kinds": [{"n": 1}]}]}},
    {"with space": {"and.dot": {"x": 1}}},
    {"none": None, "some": 1, "list": [None]},
]

for data in DATA:
    text = toml.dumps(data)
    print(json.dumps({"data": data, "text": text, "same": toml.loads(text) == data}))
