"""
Records what real Salt's outputters print, for tests/golden/output.rs.

    python3 record.py PYTHON_WITH_SALT_3006.25 PYTHON_WITH_SALT_3007.14 > cases.jsonl

Each line is one case: the value (msgpack in base64, and as Python shows it to readers), the outputter asked for by the
return (`out`), the options, and the text (`null`: Salt dies of an exception). `text_3007` is there when 3007.14 differs.
"""

import base64
import datetime
import json
import subprocess
import sys

LONG = "the quick brown fox jumps over the lazy dog and " * 4
VALUES = {
    "none": None,
    "true": True,
    "text": "hello",
    "text_empty": "",
    "text_lines": "one\ntwo\r\n\nfour\x0bfive\x85six\n",
    "text_escape": "\x1b[31mred\x1b[0m and\ttab",
    "text_unicode": "snow ☃ grün 😀 \u200b\xa0end",
    "text_long": LONG,
    "text_trailing": "x  \n\n",
    "int": 42,
    "big": 2**64 - 1,
    "float": 0.1,
    "list": [1, "a", None, 2.5],
    "ping": {"web1": True},
    "two": {"web2": "b", "web1": "a"},
    "cmd": {"web1": "line one\nline two\n"},
    "cmd_empty": {"web1": ""},
    "cmd_escape": {"web1": "\x1b[1mbold\x1b[0m"},
    "cmd_unicode": {"wéb": "grün ☃\u2028next"},
    "cmd_long": {"web1": LONG + "\n" + LONG},
    "map": {"web1": {"b": 1, "a": {"c": [1, 2], "d": {}}, "z": []}},
    "map_values": {"web1": {"none": None, "true": True, "float": 1e20, "int": -3, "empty": "", "big": 2**63}},
    "list_in_map": {"web1": ["x", "y\nz", 3, False]},
    "lists_in_lists": {"web1": [["a", ["b", ["c"]]], {"k": "v", "j": [1]}, [], {}, "end"]},
    "map_in_list": {"web1": [{"name": "a", "tags": ["t1", "t2"]}, {"name": "b", "tags": []}]},
    "int_keys": {"web1": {10: "ten", 9: "nine", 2: {1: "x"}}},
    "mixed_keys": {"web1": {"b": 1, 2: "two", None: "none", True: "yes", 1.5: "f"}},
    "number_keys": {"web1": {3: 1, 1.5: 2, True: 3}},
    "same_text_keys": {"web1": {1: "int", "1": "text", "0": "zero"}},
    "bytes": {"web1": b"abc\ndef"},
    "bytes_binary": {"web1": b"\xff\xfe\n\x00"},
    "bytes_long": {"web1": bytes(range(256))},
    "bytes_keys": {"web1": {b"k": 1, b"a": 2}},
    "bytes_bare": b"plain",
    "time": {"web1": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)},
    "time_whole": {"web1": [datetime.datetime(2026, 1, 2, 3, 4)]},
    "quotes": {"web1": ["it's", 'say "hi"', "both ' and \"", "back\\slash", "#hash", "- dash", "yes", "1", "1.0", "~", "a: b"]},
    "multi": {"web1": {"test.ping": True, "cmd.run": "out\nput"}},
    "cmd_run_all": {"web1": {"pid": 4711, "retcode": 0, "stderr": "", "stdout": "hello\nworld"}},
    "no_return": {"web1": "Minion did not return. [No response]\nThe minions may not have all finished"},
    "no_return_deep": {"web1": {"b": "x\n\ny", "a": {"c": "d"}, "n": 3}},
    "keys": {"minions": ["web10", "web2", "Web1"], "minions_pre": ["new"], "minions_denied": [], "minions_rejected": ["bad\x1b[0m"]},
    "keys_finger": {"minions": {"web2": "aa:bb", "web1": "cc:dd"}, "local": {"master.pub": "ee:ff", "master.pem": "00:11"}},
    "keys_odd": {"minions": "text", "minions_pre": {}},
    "keys_unknown": {"minions": ["a"], "other": ["b"]},
    "keys_number": {"minions": 3},
    "empty_map": {},
    "empty_list": [],
    "wide": {"web1": {f"key{i}": f"value {i}" * (i % 5) for i in range(12)}},
    "wide_list": {"web1": [f"item number {i}" for i in range(12)]},
    "nested_wide": {"web1": {"first": {"second": {"third": {"fourth": {"fifth": {"sixth": LONG, "list": list(range(40))}}}}}}},
    "edge_80": {"w": "x" * 72},
    "edge_81": {"w": "x" * 73},
    "edge_words": {"w": ["word " * 14 + "x", "word " * 15, " lead " * 14]},
    "edge_lines": {"w": "short\n" + "a" * 60 + "\n" + "b c " * 30 + "\n"},
    "edge_bytes": {"w": b"0123456789" * 8},
    "long_bare_bytes": b"0123456789" * 9,
    "long_bare_lines": "first line of some length\nsecond line of some length\nthird line of some length\n",
    "wide_unicode": {"w": "☃" * 70, "é" * 30: ["ü" * 40, "ü" * 40]},
    "nan": {"w": [float("nan"), float("inf"), -float("inf"), 1e16, 1.0, -0.0, 1e-5]},
    "control": {"w": "bell\x07 nul\x00 del\x7f ff\x0c us\x1f"},
    "table_maps": {"web1": {"out": [{"last_move": 0.0, "mac": "40:A6", "static": False}, {"last_move": 12.5, "mac": "", "static": None}]}},
    "table_rows": [["a", "long cell " * 8, "x"], ["b", "y", "one\ntwo"], ["c", "ü☃", "z"]],
    "table_uneven": {"web1": [["a", "b", "c"], ["d", "e"], ["f", "g", "h"]]},
    "table_lines": {"web1": [["a\nb", "c\nd\ne"], ["f", "g"]]},
    "table_texts": {"web1": ["x", "several words", ""]},
    "table_mixed": {"web1": [["a"], "b"], "web2": [["c"]]},
    "table_numbers": {"web1": [[1, 2]]},
    "table_empty_row": {"web1": [[], ["a"]]},
    "table_labels": {"web1": {"rows": [["a", "b"], ["c", "d"]], "labels": ["first", "second"], "other": [["x"]]}},
    "table_label_map": {"web1": {"rows": [{"z": 1, "b2a": [1, "x"]}], "labels": {"b": "two", "a": "one"}}},
    "table_deep": {"web1": {"a": {"b": {"rows": [["deep"]]}}, "c": {"rows": [["flat"]]}}},
    "profile": {"web1": {
        "file_|-a_|-/etc/motd_|-managed": {"name": "/etc/motd", "duration": 64.145, "result": True},
        "pkg_|-b_|-vim_|-installed": {"duration": 12345678.9, "__id__": "vim"},
        "cmd_|-c_|-c_|-run": {"name": "n" * 70, "duration": "1.5"},
        "cmd_|-d_|-d_|-run": {"result": False},
        "odd": ["no state"],
    }},
    "profile_bad": {"web1": {"cmd_|-d_|-d_|-run": {"name": "x", "duration": "1.5 ms"}}},
    "profile_errors": {"web1": ["Rendering SLS failed"], "web2": {}},
    "stages": [{"web": {"require": ["db"], "match": "web*", "sls": ["nginx"]}, "none": {}}, {"db": {"match": None}}, {}],
    "stages_bad": [{"web": {"a": 1, 2: 3}}],
    "stages_text": [{"web": "nginx"}],
    "surrounded": {"w": ["  lead", "trail  ", "\n", "\t", " "]},
}
OUTPUTTERS = [
    "json", "key", "nested", "newline_values_only", "no_return", "pprint", "quiet", "raw", "txt", "yaml",
]
TABLE_OPTIONS = [
    {}, {"has_header": False}, {"row_delimiter": "=*"}, {"delim": "  ", "prefix": "", "suffix": ""}, {"justify": "left"},
    {"justify": "Right"}, {"justify": "middle"}, {"separate_rows": False}, {"width": 12}, {"nested_indent": 3},
    {"rows_key": "rows"}, {"rows_key": "rows", "labels_key": "labels", "title": "Title"}, {"rows_key": "none"},
]


def cases():
    for name, value in VALUES.items():
        for out in OUTPUTTERS:
            yield name, out, {"color": False}
        for out in ("nested", "key", "no_return"):
            yield name, out, {"color": True}
        for indent in (-1, 0, 2, 5, None, "pretty"):
            for out in ("json", "pprint", "yaml"):
                yield name, out, {"color": False, "output_indent": indent}
    for name in ("none", "text", "text_empty", "ping", "map", "empty_map", "empty_list", "stages", "stages_bad", "stages_text"):
        for out in ("overstatestage", "virt_query"):
            yield name, out, {"color": False}
    yield "stages", "overstatestage", {"color": True}
    for name, value in VALUES.items():
        for out in ("table", "profile"):
            yield name, out, {"color": False}
        for options in TABLE_OPTIONS if name.startswith(("table", "profile")) else []:
            options = {f"out.table.{key}": value for key, value in options.items()}
            yield name, "profile" if name.startswith("profile") else "table", {"color": True, **options}
    for out in ("dson", "pony", "progress"):
        for name in ("ping", "map"):
            yield name, out, {"color": False}
    for name in ("map", "lists_in_lists", "cmd_escape", "keys", "no_return_deep"):
        for out in ("nested", "key", "no_return"):
            for more in (
                {"_retcode": 2}, {"strip_colors": False}, {"nested_indent": 3}, {"__multi_key": True}, {"no_color": True},
                {"force_color": True, "color": False},
            ):
                yield name, out, {"color": True, **more}
    for name in ("ping", "cmd_escape", "text"):
        for out in (None, "", "text", "grains", "bogus", "no_out", "no_out_quiet", "json_out", "pprint_out", "yaml_out"):
            yield name, out, {"color": False}
        for more in (
            {"output": "json"}, {"output": "highstate"}, {"output": ""}, {"output": None}, {"static": True},
            {"static": True, "output": "raw"}, {"static": True, "fun": "test.ping"}, {"output": "bogus"},
        ):
            for out in (None, "", "txt"):
                yield name, out, {"color": False, **more}


def record():
    import logging

    logging.disable(logging.CRITICAL)
    import salt.config
    import salt.output
    import salt.payload

    base = salt.config.DEFAULT_MASTER_OPTS.copy()
    base["extension_modules"] = ""
    for name, out, options in cases():
        opts = base.copy()
        opts.update(options)
        retcode = opts.pop("_retcode", 0)
        try:
            text = salt.output.try_printout(VALUES[name], out, opts, _retcode=retcode)
        except Exception:  # recorded as null
            text = None
        packed = base64.b64encode(salt.payload.dumps(VALUES[name], use_bin_type=True)).decode()
        yield {"name": name, "out": out, "options": options, "packed": packed, "text": text}


def main():
    if len(sys.argv) == 1:
        for case in record():
            print(json.dumps(case))
        return
    runs = [subprocess.run([python, __file__], stdout=subprocess.PIPE, check=True) for python in sys.argv[1:3]]
    old, new = ([json.loads(line) for line in run.stdout.splitlines()] for run in runs)
    shown = set()
    for case, later in zip(old, new, strict=True):
        if case["text"] != later["text"]:
            case["text_3007"] = later["text"]
        if case["name"] in shown:
            del case["packed"]
        shown.add(case["name"])
        print(json.dumps(case))


main()
