#!/usr/bin/env python3
"""
Records what real Salt's file.* states do in scratch roots: file.jsonl, a case on each line.

    python3 file.py        (with the Python of a Salt 3006 environment, as root)

A case makes files below an empty directory (`{root}`), then runs states one after the other; each answer is kept, and
what is below the root at the end.
"""

import json
import os
import pathlib
import shutil
import tempfile

import salt.config
import salt.loader
import salt.state

HERE = pathlib.Path(__file__).resolve().parent
SERVED = {
    "plain.txt": "one\ntwo\nthree\n",
    "tpl.j2": "name={{ name }} who={{ who }} {{ grains['id'] }}\n",
    "bad.j2": "a\n{{ nothing_here }}\nb\n",
    "syntax.j2": "{% if %}\n",
    "hashes": "",
    "fix.patch": "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n",
    "tree/a.txt": "a\n",
    "tree/b.conf": "b {{ who|default('x') }}\n",
    "tree/sub/c.txt": "c\n",
    "tree/sub/deep/d.txt": "d\n",
    "only/one.txt": "1\n",
}
CASES = []


def case(name, files=None, *steps, pillar=None):
    CASES.append({"name": name, "files": files or {}, "pillar": pillar or {}, "steps": list(steps)})


def st(fun, name="{root}/f", test=False, **kwargs):
    return {"fun": fun, "test": test, "args": {"name": name, **kwargs}}


def thrice(label, files, fun, *more, pillar=None, **kwargs):
    """test=True, a run, a second run, test=True again."""
    steps = [st(fun, test=test, **dict(kwargs)) for test in (True, False, False, True)]
    case(label, files, *steps, *more, pillar=pillar)


F3 = {"f": "one\ntwo\nthree\n"}
CONF = {"f": "# head\nkey = 1\nother = 2\n#key = 3\n  indented = 4\n"}

# managed
thrice("managed_contents", {}, "managed", contents="a\nb")
thrice("managed_contents_list", {}, "managed", contents=["a", "b", 3])
thrice("managed_contents_mode", {}, "managed", contents="a", mode="0640")
thrice("managed_contents_mode_int", {}, "managed", contents="a", mode=600)
thrice("managed_contents_change", F3, "managed", contents="one\n2\nthree\n")
thrice("managed_contents_no_newline", {}, "managed", contents="a\nb\n", contents_newline=False)
thrice("managed_contents_empty", {}, "managed", contents="")
thrice("managed_contents_not_empty", {}, "managed", contents="", allow_empty=False)
thrice("managed_contents_empty_list", {}, "managed", contents=[])
thrice("managed_contents_template", {}, "managed", contents="x={{ who }}\n", template="jinja", context={"who": "w"})
thrice("managed_contents_template_bad", {}, "managed", contents="x={{ nobody }}\n", template="jinja")
thrice("managed_contents_unknown_template", {}, "managed", contents="x", template="nope")
thrice("managed_contents_pillar", {}, "managed", contents_pillar="web:conf", pillar={"web": {"conf": "p\n"}})
thrice("managed_contents_pillar_list", {}, "managed", contents_pillar=["a", "b"], pillar={"a": "1", "b": "2"})
thrice("managed_contents_pillar_missing", {}, "managed", contents_pillar="web:none", pillar={"web": {}})
thrice("managed_contents_pillar_delimiter", {}, "managed", contents_pillar="web|conf", contents_delimiter="|", pillar={"web": {"conf": "p"}})
thrice("managed_contents_grains", {}, "managed", contents_grains="id")
thrice("managed_two_contents", {}, "managed", contents="a", contents_pillar="b")
thrice("managed_source_and_contents", {}, "managed", contents="a", source="salt://plain.txt")
thrice("managed_source", {}, "managed", source="salt://plain.txt")
thrice("managed_source_change", {"f": "one\n2\n"}, "managed", source="salt://plain.txt")
thrice("managed_source_missing", {}, "managed", source="salt://no.txt")
thrice("managed_source_list", {}, "managed", source=["salt://no.txt", "salt://plain.txt"])
thrice("managed_source_list_none", {}, "managed", source=["salt://no.txt", "salt://no2.txt"])
thrice("managed_source_list_map", {}, "managed", source=[{"salt://no.txt": None}, {"salt://plain.txt": None}])
thrice("managed_local_source", {"src": "s\n"}, "managed", source="{root}/src")
thrice("managed_local_source_missing", {}, "managed", source="{root}/src")
thrice("managed_file_url", {"src": "s\n"}, "managed", source="file://{root}/src")
thrice("managed_source_hash", {"src": "s\n"}, "managed", source="{root}/src", source_hash="md5=00000000000000000000000000000000")
thrice("managed_source_hash_right", {"src": "s\n"}, "managed", source="{root}/src", source_hash="md5=e1b849f9631ffc1829b2e31402373e3c")
thrice("managed_source_hash_bad", {"src": "s\n"}, "managed", source="{root}/src", source_hash="nonsense")
thrice("managed_source_hash_kind", {"src": "s\n"}, "managed", source="{root}/src", source_hash="crc=12345678")
thrice("managed_source_hash_length", {"src": "s\n"}, "managed", source="{root}/src", source_hash="sha256=e1b849f9631ffc1829b2e31402373e3c")
thrice("managed_source_hash_file", {"src": "s\n", "sums": "e1b849f9631ffc1829b2e31402373e3c  f\n"}, "managed", source="{root}/src", source_hash="{root}/sums")
thrice("managed_template", {}, "managed", source="salt://tpl.j2", template="jinja", context={"who": "me"})
thrice("managed_template_defaults", {}, "managed", source="salt://tpl.j2", template="jinja", defaults={"who": "you"})
thrice("managed_template_both", {}, "managed", source="salt://tpl.j2", template="jinja", defaults={"who": "you"}, context={"who": "me"})
thrice("managed_template_undefined", {}, "managed", source="salt://bad.j2", template="jinja")
thrice("managed_template_syntax", {}, "managed", source="salt://syntax.j2", template="jinja")
thrice("managed_template_unknown", {}, "managed", source="salt://tpl.j2", template="nope")
thrice("managed_context_list", {}, "managed", source="salt://tpl.j2", template="jinja", context=["a"])
thrice("managed_defaults_list", {}, "managed", source="salt://tpl.j2", template="jinja", defaults=["a"])
thrice("managed_mode", F3, "managed", source="salt://plain.txt", mode="0600")
thrice("managed_mode_keep", {"src": {"content": "s\n", "mode": "0751"}}, "managed", source="{root}/src", mode="keep")
thrice("managed_mode_keep_contents", {}, "managed", contents="a", mode="keep")
thrice("managed_user", F3, "managed", source="salt://plain.txt", user="nobody", group="nogroup")
thrice("managed_user_unknown", F3, "managed", source="salt://plain.txt", user="no_such_user", group="no_such_group")
thrice("managed_uid", F3, "managed", source="salt://plain.txt", user=65534)
thrice("managed_no_parent", {}, "managed", name="{root}/d/e/f", contents="a")
thrice("managed_makedirs", {}, "managed", name="{root}/d/e/f", contents="a", makedirs=True)
thrice("managed_makedirs_mode", {}, "managed", name="{root}/d/e/f", contents="a", makedirs=True, mode="0640")
thrice("managed_makedirs_dir_mode", {}, "managed", name="{root}/d/e/f", contents="a", makedirs=True, mode="0640", dir_mode="0711")
thrice("managed_no_replace", F3, "managed", contents="x", replace=False)
thrice("managed_no_replace_mode", F3, "managed", contents="x", replace=False, mode="0600")
thrice("managed_no_replace_new", {}, "managed", contents="x", replace=False)
thrice("managed_no_create", {}, "managed", contents="x", create=False)
thrice("managed_bare", {}, "managed")
thrice("managed_bare_mode", {}, "managed", mode="0600")
thrice("managed_bare_there", F3, "managed", mode="0600")
thrice("managed_backup", F3, "managed", contents="x", backup="minion")
thrice("managed_hide", F3, "managed", contents="x", show_changes=False)
thrice("managed_hide_source", {"f": "x\n"}, "managed", source="salt://plain.txt", show_changes=False)
thrice("managed_directory", {"f/": None}, "managed", contents="x")
thrice("managed_relative", {}, "managed", name="f", contents="x")
thrice("managed_link", {"t": "x\n", "f": {"link": "{root}/t"}}, "managed", contents="y")
thrice("managed_link_source", {"t": "x\n", "f": {"link": "{root}/t"}}, "managed", source="salt://plain.txt")
thrice("managed_link_not_followed", {"t": "x\n", "f": {"link": "{root}/t"}}, "managed", source="salt://plain.txt", follow_symlinks=False)
thrice("managed_check_cmd_good", F3, "managed", contents="x", check_cmd="grep -q x")
thrice("managed_check_cmd_bad", F3, "managed", contents="x", check_cmd="grep y")
thrice("managed_check_cmd_ext", F3, "managed", contents="x", check_cmd="ls >/dev/null", tmp_ext=".conf")
thrice("managed_encoding", {}, "managed", contents="ü", encoding="latin-1")
thrice("managed_encoding_errors", {}, "managed", contents="€", encoding="latin-1", encoding_errors="replace")
thrice("managed_encoding_fails", {}, "managed", contents="€", encoding="ascii")
thrice("managed_file_mode", {}, "managed", contents="x", file_mode="0600")
thrice("managed_binary", {"f": "a\u0000b"}, "managed", contents="text")
thrice("managed_crlf", {"f": "a\r\nb\r\n"}, "managed", contents="a\nb\n")
thrice("managed_long", {"f": "".join(f"line {i}\n" for i in range(300))}, "managed", contents="".join(f"line {i if i % 50 else 'x'}\n" for i in range(300)))
thrice("managed_repeated_lines", {"f": "".join(f"{i % 3}\n" for i in range(260))}, "managed", contents="".join(f"{i % 4}\n" for i in range(250)))

# directory
thrice("directory", {}, "directory", name="{root}/d")
thrice("directory_mode", {}, "directory", name="{root}/d", mode="0750")
thrice("directory_dir_mode", {"d/": None}, "directory", name="{root}/d", dir_mode=700)
thrice("directory_user", {"d/": None}, "directory", name="{root}/d", user="nobody", group="nogroup")
thrice("directory_no_parent", {}, "directory", name="{root}/d/e")
thrice("directory_makedirs", {}, "directory", name="{root}/d/e", makedirs=True, mode="0711")
thrice("directory_slash", {}, "directory", name="{root}/d/")
thrice("directory_recurse", {"d/a": "1\n", "d/e/b": "2\n"}, "directory", name="{root}/d", mode="0700", file_mode="0600", recurse=["mode"])
thrice("directory_recurse_user", {"d/a": "1\n"}, "directory", name="{root}/d", user="nobody", recurse=["user"])
thrice("directory_recurse_no_user", {"d/a": "1\n"}, "directory", name="{root}/d", mode="0700", recurse=["user"])
thrice("directory_recurse_ignore_files", {"d/a": "1\n", "d/e/b": "2\n"}, "directory", name="{root}/d", mode="0700", recurse=["mode", "ignore_files"])
thrice("directory_recurse_ignore_dirs", {"d/a": "1\n", "d/e/b": "2\n"}, "directory", name="{root}/d", mode="0700", recurse=["mode", "ignore_dirs"])
thrice("directory_recurse_ignore_both", {"d/a": "1\n"}, "directory", name="{root}/d", mode="0700", recurse=["ignore_files", "ignore_dirs"])
thrice("directory_recurse_bad", {"d/a": "1\n"}, "directory", name="{root}/d", mode="0700", recurse=["nonsense"])
thrice("directory_recurse_text", {"d/a": "1\n"}, "directory", name="{root}/d", mode="0700", recurse="mode")
thrice("directory_recurse_silent", {"d/a": "1\n"}, "directory", name="{root}/d", mode="0700", recurse=["mode", "silent"])
thrice("directory_max_depth", {"d/a": "1\n", "d/e/b": "2\n", "d/e/g/h": "3\n"}, "directory", name="{root}/d", mode="0700", recurse=["mode"], max_depth=1)
thrice("directory_max_depth_clean", {"d/": None}, "directory", name="{root}/d", clean=True, max_depth=1)
thrice("directory_clean", {"d/a": "1\n"}, "directory", name="{root}/d", clean=True)
thrice("directory_clean_exclude", {"d/a": "1\n", "d/b.keep": "2\n"}, "directory", name="{root}/d", clean=True, exclude_pat="*.keep")
thrice("directory_clean_exclude_regex", {"d/a": "1\n", "d/b": "2\n"}, "directory", name="{root}/d", clean=True, exclude_pat="E@^b$")
thrice("directory_children_only", {"d/a": "1\n"}, "directory", name="{root}/d", mode="0700", recurse=["mode"], children_only=True)
thrice("directory_file", {"d": "1\n"}, "directory", name="{root}/d")
thrice("directory_file_force", {"d": "1\n"}, "directory", name="{root}/d", force=True)
thrice("directory_file_backup", {"d": "1\n"}, "directory", name="{root}/d", backupname="{root}/d.bak")
thrice("directory_link", {"t/": None, "d": {"link": "{root}/t"}}, "directory", name="{root}/d")
thrice("directory_link_refused", {"t/": None, "d": {"link": "{root}/t"}}, "directory", name="{root}/d", allow_symlink=False)
thrice("directory_link_force", {"t/": None, "d": {"link": "{root}/t"}}, "directory", name="{root}/d", force=True)
thrice("directory_relative", {}, "directory", name="d")
thrice("directory_user_unknown", {}, "directory", name="{root}/d", user="no_such_user")

# absent, exists, missing, pruned, tidied
thrice("absent_file", F3, "absent")
thrice("absent_directory", {"f/a": "1\n"}, "absent")
thrice("absent_link", {"f": {"link": "{root}/none"}}, "absent")
thrice("absent_root", {}, "absent", name="/")
thrice("absent_relative", {}, "absent", name="f")
thrice("exists", F3, "exists")
thrice("exists_not", {}, "exists")
thrice("missing", {}, "missing")
thrice("missing_not", F3, "missing")
thrice("pruned", {"f/": None}, "pruned")
thrice("pruned_full", {"f/a": "1\n"}, "pruned")
thrice("pruned_recurse", {"f/a/": None, "f/b/c/": None}, "pruned", recurse=True)
thrice("tidied", {"f/a": "1\n"}, "tidied", matches=["a"])
thrice("tidied_none", {"f/a": "1\n"}, "tidied", matches=["b"])
thrice("tidied_exclude", {"f/a1": "1\n", "f/a2": "1\n"}, "tidied", matches=["a.*"], exclude=["a2"])
thrice("tidied_size", {"f/a": "1\n", "f/b": "12345\n"}, "tidied", size=5, age=1, age_size_logical_operator="OR")
thrice("tidied_missing", {}, "tidied")

# symlink, hardlink
thrice("symlink", F3, "symlink", name="{root}/l", target="{root}/f")
thrice("symlink_other", {"f": "1\n", "l": {"link": "{root}/g"}}, "symlink", name="{root}/l", target="{root}/f")
thrice("symlink_file", {"f": "1\n", "l": "2\n"}, "symlink", name="{root}/l", target="{root}/f")
thrice("symlink_file_force", {"f": "1\n", "l": "2\n"}, "symlink", name="{root}/l", target="{root}/f", force=True)
thrice("symlink_directory", {"f": "1\n", "l/": None}, "symlink", name="{root}/l", target="{root}/f")
thrice("symlink_backup", {"f": "1\n", "l": "2\n"}, "symlink", name="{root}/l", target="{root}/f", backupname="l.bak")
thrice("symlink_backup_relative", {"f": "1\n", "l": "2\n"}, "symlink", name="{root}/l", target="{root}/f", backupname="x/l.bak")
thrice("symlink_backup_there", {"f": "1\n", "l": "2\n", "l.bak": "3\n"}, "symlink", name="{root}/l", target="{root}/f", backupname="{root}/l.bak")
thrice("symlink_no_parent", {}, "symlink", name="{root}/d/l", target="{root}/f")
thrice("symlink_makedirs", {}, "symlink", name="{root}/d/l", target="{root}/f", makedirs=True)
thrice("symlink_user", F3, "symlink", name="{root}/l", target="{root}/f", user="nobody", group="nogroup")
thrice("symlink_owner_change", {"f": "1\n", "l": {"link": "{root}/f"}}, "symlink", name="{root}/l", target="{root}/f", user="nobody", group="nogroup")
thrice("symlink_user_unknown", F3, "symlink", name="{root}/l", target="{root}/f", user="no_such_user", group="no_such_group")
thrice("symlink_relative", {}, "symlink", name="l", target="{root}/f")
thrice("symlink_atomic", {"f": "1\n", "l": {"link": "{root}/g"}}, "symlink", name="{root}/l", target="{root}/f", atomic=True)
thrice("hardlink", F3, "hardlink", name="{root}/h", target="{root}/f")
thrice("hardlink_missing", {}, "hardlink", name="{root}/h", target="{root}/f")
thrice("hardlink_there", {"f": "1\n", "h": "2\n"}, "hardlink", name="{root}/h", target="{root}/f")
thrice("hardlink_force", {"f": "1\n", "h": "2\n"}, "hardlink", name="{root}/h", target="{root}/f", force=True)
thrice("hardlink_directory", {"f/": None}, "hardlink", name="{root}/h", target="{root}/f")

# append, prepend
thrice("append", F3, "append", text="four")
thrice("append_list", F3, "append", text=["two", "four", "five\nsix"])
thrice("append_new", {}, "append", text="one")
thrice("append_no_end", {"f": "one"}, "append", text="two")
thrice("append_makedirs", {}, "append", name="{root}/d/f", text="one", makedirs=True)
thrice("append_no_parent", {}, "append", name="{root}/d/f", text="one")
thrice("append_spaces", {"f": "a   b\tc\n"}, "append", text="a b c")
thrice("append_spaces_count", {"f": "a   b\tc\n"}, "append", text="a b c", ignore_whitespace=False)
thrice("append_quotes", {"f": "say \"a b\"\n"}, "append", text="say \"a b\" 'c d'")
thrice("append_source", F3, "append", source="salt://tpl.j2", context={"who": "me"})
thrice("append_sources", F3, "append", sources=["salt://plain.txt", "salt://only/one.txt"])
thrice("append_source_missing", F3, "append", source="salt://no.txt")
thrice("append_source_and_sources", F3, "append", source="salt://a", sources=["salt://b"])
thrice("append_relative", {}, "append", name="f", text="x")
thrice("prepend", F3, "prepend", text="zero")
thrice("prepend_list", F3, "prepend", text=["zero", "one"])
thrice("prepend_header", F3, "prepend", text=["one", "two"], header=True)
thrice("prepend_header_other", F3, "prepend", text=["#!"], header=True)
thrice("prepend_new", {}, "prepend", text="one")

# replace
thrice("replace", CONF, "replace", pattern="^key = .*$", repl="key = 9")
thrice("replace_group", CONF, "replace", pattern=r"^(\w+) = (\d)$", repl=r"\1: \2")
thrice("replace_none", CONF, "replace", pattern="^nothing$", repl="x")
thrice("replace_append", CONF, "replace", pattern="^new = .*$", repl="new = 1", append_if_not_found=True)
thrice("replace_prepend", CONF, "replace", pattern="^new = .*$", repl="new = 1", prepend_if_not_found=True)
thrice("replace_not_found_content", CONF, "replace", pattern="^new = .*$", repl="new = 1", append_if_not_found=True, not_found_content="fresh = 1")
thrice("replace_both", CONF, "replace", pattern="x", repl="y", append_if_not_found=True, prepend_if_not_found=True)
thrice("replace_count", {"f": "a a a\n"}, "replace", pattern="a", repl="b", count=2)
thrice("replace_flags", {"f": "A\nb\n"}, "replace", pattern="a.b", repl="x", flags=["IGNORECASE", "DOTALL"])
thrice("replace_bad_flag", {"f": "A\n"}, "replace", pattern="a", repl="x", flags=["NOPE"])
thrice("replace_no_backup", CONF, "replace", pattern="key", repl="KEY", backup=False)
thrice("replace_backup", CONF, "replace", pattern="key", repl="KEY", backup=".orig")
thrice("replace_hide", CONF, "replace", pattern="key", repl="KEY", show_changes=False)
thrice("replace_missing", {}, "replace", pattern="key", repl="KEY")
thrice("replace_ignore_missing", {}, "replace", pattern="key", repl="KEY", ignore_if_missing=True)
thrice("replace_backslash", CONF, "replace", pattern="key", repl="k\\ey", backslash_literal=True)
thrice("replace_bad_pattern", CONF, "replace", pattern="(key", repl="x")
thrice("replace_binary", {"f": "a\u0000b"}, "replace", pattern="a", repl="x")
thrice("replace_utf8", {"f": "grün\nblau\n"}, "replace", pattern="ü", repl="ue")
thrice("replace_empty", {"f": ""}, "replace", pattern="a", repl="x", append_if_not_found=True)
thrice("replace_lookahead", CONF, "replace", pattern=r"^key(?= = 1)", repl="lock")
thrice("replace_link", {"t": "a\n", "f": {"link": "{root}/t"}}, "replace", pattern="a", repl="b")
thrice("replace_mode", {"f": {"content": "a\n", "mode": "0640"}}, "replace", pattern="a", repl="b")

# line
for label, kwargs in {
    "ensure_after": dict(mode="ensure", content="new", after="key = 1"),
    "ensure_before": dict(mode="ensure", content="new", before="other"),
    "ensure_between": dict(mode="ensure", content="new", after="key = 1", before="other"),
    "ensure_nowhere": dict(mode="ensure", content="new"),
    "ensure_not_found": dict(mode="ensure", content="new", after="zzz"),
    "ensure_many": dict(mode="ensure", content="new", after="key"),
    "insert_end": dict(mode="insert", content="new", location="end"),
    "insert_start": dict(mode="insert", content="new", location="start"),
    "insert_after": dict(mode="insert", content="new", after="indented"),
    "insert_before": dict(mode="insert", content="new", before="indented"),
    "insert_no_indent": dict(mode="insert", content="new", before="indented", indent=False),
    "insert_nowhere": dict(mode="insert", content="new"),
    "replace_match": dict(mode="replace", content="key = 9", match="^key"),
    "replace_content": dict(mode="replace", content="other = 2", match="other"),
    "replace_none": dict(mode="replace", content="x", match="zzz"),
    "delete": dict(mode="delete", content="other = 2"),
    "delete_match": dict(mode="delete", match="indented"),
    "delete_none": dict(mode="delete", match="zzz"),
    "no_mode": dict(content="x"),
    "unknown_mode": dict(mode="nope", content="x"),
    "no_content": dict(mode="insert", location="end"),
    "backup": dict(mode="insert", content="new", location="start", backup=False),
    "hide": dict(mode="insert", content="new", location="start", show_changes=False),
    "bad_pattern": dict(mode="replace", content="x", match="["),
}.items():
    thrice(f"line_{label}", CONF, "line", **kwargs)
thrice("line_missing", {}, "line", mode="insert", content="x", location="end")
thrice("line_create", {}, "line", mode="insert", content="x", location="end", create=True, file_mode="0600")
thrice("line_empty", {"f": ""}, "line", mode="insert", content="x", location="start")
thrice("line_crlf", {"f": "a\r\nb\r\n"}, "line", mode="ensure", content="c", after="a")

# blockreplace
BLOCK = {"f": "top\n# START\nold\n# END\nbottom\n"}
MARKS = dict(marker_start="# START", marker_end="# END")
thrice("block", BLOCK, "blockreplace", content="new 1\nnew 2", **MARKS)
thrice("block_newline", BLOCK, "blockreplace", content="new\n", **MARKS)
thrice("block_append_newline", BLOCK, "blockreplace", content="new", append_newline=False, **MARKS)
thrice("block_append_newline_true", BLOCK, "blockreplace", content="new\n", append_newline=True, **MARKS)
thrice("block_not_found", F3, "blockreplace", content="new", **MARKS)
thrice("block_append", F3, "blockreplace", content="new", append_if_not_found=True, **MARKS)
thrice("block_append_no_end", {"f": "one"}, "blockreplace", content="new", append_if_not_found=True, **MARKS)
thrice("block_prepend", F3, "blockreplace", content="new", prepend_if_not_found=True, **MARKS)
thrice("block_before", F3, "blockreplace", content="new", insert_before_match="two", **MARKS)
thrice("block_after", F3, "blockreplace", content="new", insert_after_match="two", **MARKS)
thrice("block_before_none", F3, "blockreplace", content="new", insert_before_match="zzz", **MARKS)
thrice("block_two_ways", F3, "blockreplace", content="new", append_if_not_found=True, prepend_if_not_found=True, **MARKS)
thrice("block_unterminated", {"f": "# START\nx\n"}, "blockreplace", content="new", **MARKS)
thrice("block_no_backup", BLOCK, "blockreplace", content="new", backup=False, **MARKS)
thrice("block_hide", BLOCK, "blockreplace", content="new", show_changes=False, **MARKS)
thrice("block_source", BLOCK, "blockreplace", source="salt://tpl.j2", context={"who": "me"}, **MARKS)
thrice("block_missing", {}, "blockreplace", content="new", **MARKS)
thrice("block_crlf", {"f": "a\r\n# START\r\nx\r\n# END\r\n"}, "blockreplace", content="new", **MARKS)
thrice("block_end_tail", {"f": "# START\nx\n# END tail\nz\n"}, "blockreplace", content="new", **MARKS)

# comment, uncomment
thrice("comment", CONF, "comment", regex="^key")
thrice("comment_anchored", CONF, "comment", regex="^key = 1$")
thrice("comment_char", CONF, "comment", regex="^other", char=";")
thrice("comment_not_found", CONF, "comment", regex="^zzz")
thrice("comment_ignore", CONF, "comment", regex="^zzz", ignore_missing=True)
thrice("comment_already", {"f": "#key\n"}, "comment", regex="^key")
thrice("comment_backup", CONF, "comment", regex="^other", backup=".old")
thrice("comment_no_backup", CONF, "comment", regex="^other", backup=False)
thrice("comment_missing", {}, "comment", regex="^other")
thrice("uncomment", CONF, "uncomment", regex="key = 3")
thrice("uncomment_anchored", CONF, "uncomment", regex="^key = 3$")
thrice("uncomment_already", {"f": "key = 3\n"}, "uncomment", regex="key = 3")
thrice("uncomment_not_found", CONF, "uncomment", regex="zzz")
thrice("uncomment_char", {"f": "; a\n//b\n"}, "uncomment", regex="b", char="//")

# keyvalue
thrice("keyvalue", CONF, "keyvalue", key="key", value="9", separator=" = ")
thrice("keyvalue_same", CONF, "keyvalue", key="key", value="1", separator=" = ")
thrice("keyvalue_int", CONF, "keyvalue", key="key", value=5, separator=" = ")
thrice("keyvalue_many", CONF, "keyvalue", key_values={"key": "8", "other": "7"}, separator=" = ")
thrice("keyvalue_uncomment", {"f": "#a=1\nb=2\n"}, "keyvalue", key="a", value="2", uncomment="#")
thrice("keyvalue_append", {"f": "b=2\n"}, "keyvalue", key="a", value="2", append_if_not_found=True)
thrice("keyvalue_prepend", {"f": "b=2\n"}, "keyvalue", key_values={"a": "2", "c": "3"}, prepend_if_not_found=True)
thrice("keyvalue_none", {"f": "b=2\n"}, "keyvalue", key="a", value="2")
thrice("keyvalue_hide", {"f": "a=1\n"}, "keyvalue", key="a", value="2", show_changes=False)
thrice("keyvalue_count", {"f": "a=1\na=1\na=1\n"}, "keyvalue", key="a", value="2", count=2)
thrice("keyvalue_case", {"f": "A=X\n"}, "keyvalue", key="a", value="x", key_ignore_case=True, value_ignore_case=True)
thrice("keyvalue_missing", {}, "keyvalue", key="a", value="2")
thrice("keyvalue_ignore_missing", {}, "keyvalue", key="a", value="2", ignore_if_missing=True)
thrice("keyvalue_empty", F3, "keyvalue")
thrice("keyvalue_list", F3, "keyvalue", key_values=["a"])

# copy, rename, touch
thrice("copy", {"s": "1\n"}, "copy", source="{root}/s")
thrice("copy_there", {"s": "1\n", "f": "2\n"}, "copy", source="{root}/s")
thrice("copy_force", {"s": "1\n", "f": "2\n"}, "copy", source="{root}/s", force=True)
thrice("copy_mode", {"s": "1\n"}, "copy", source="{root}/s", mode="0600")
thrice("copy_preserve", {"s": {"content": "1\n", "mode": "0751"}}, "copy", source="{root}/s", preserve=True)
thrice("copy_missing", {}, "copy", source="{root}/s")
thrice("copy_no_parent", {"s": "1\n"}, "copy", name="{root}/d/f", source="{root}/s")
thrice("copy_makedirs", {"s": "1\n"}, "copy", name="{root}/d/f", source="{root}/s", makedirs=True)
thrice("copy_directory", {"s/a": "1\n", "s/b/c": "2\n"}, "copy", source="{root}/s")
thrice("copy_subdir", {"s": "1\n", "f/": None}, "copy", source="{root}/s", subdir=True)
thrice("rename", {"s": "1\n"}, "rename", source="{root}/s")
thrice("rename_there", {"s": "1\n", "f": "2\n"}, "rename", source="{root}/s")
thrice("rename_force", {"s": "1\n", "f": "2\n"}, "rename", source="{root}/s", force=True)
thrice("rename_no_parent", {"s": "1\n"}, "rename", name="{root}/d/f", source="{root}/s")
thrice("rename_makedirs", {"s": "1\n"}, "rename", name="{root}/d/f", source="{root}/s", makedirs=True)
thrice("rename_link", {"t": "1\n", "s": {"link": "{root}/t"}}, "rename", source="{root}/s")
thrice("touch", {}, "touch")
thrice("touch_times", F3, "touch", atime=1000, mtime=2000)
thrice("touch_directory", {"f/": None}, "touch")
thrice("touch_no_parent", {}, "touch", name="{root}/d/f")
thrice("touch_makedirs", {}, "touch", name="{root}/d/f", makedirs=True)

# recurse
thrice("recurse", {}, "recurse", name="{root}/d", source="salt://tree")
thrice("recurse_modes", {}, "recurse", name="{root}/d", source="salt://tree", dir_mode="0711", file_mode="0600")
thrice("recurse_keep", {}, "recurse", name="{root}/d", source="salt://tree", file_mode="keep")
thrice("recurse_template", {}, "recurse", name="{root}/d", source="salt://tree", template="jinja", context={"who": "me"})
thrice("recurse_include", {}, "recurse", name="{root}/d", source="salt://tree", include_pat="*.txt")
thrice("recurse_exclude", {}, "recurse", name="{root}/d", source="salt://tree", exclude_pat="E@sub")
thrice("recurse_depth", {}, "recurse", name="{root}/d", source="salt://tree", maxdepth=0)
thrice("recurse_change", {"d/a.txt": "x\n"}, "recurse", name="{root}/d", source="salt://tree")
thrice("recurse_no_replace", {"d/a.txt": "x\n"}, "recurse", name="{root}/d", source="salt://tree", replace=False)
thrice("recurse_clean", {"d/old": "x\n"}, "recurse", name="{root}/d", source="salt://only", clean=True)
thrice("recurse_clean_kind", {"d/one.txt/x": "x\n"}, "recurse", name="{root}/d", source="salt://only", clean=True)
thrice("recurse_mode", {}, "recurse", name="{root}/d", source="salt://tree", mode="0600")
thrice("recurse_missing", {}, "recurse", name="{root}/d", source="salt://nothing")
thrice("recurse_not_salt", {}, "recurse", name="{root}/d", source="/etc")
thrice("recurse_file", {"d": "x\n"}, "recurse", name="{root}/d", source="salt://tree")

# serialize, decode
DATA = {"b": [1, 2, {"x": None}], "a": {"k": "v", "t": True}, "s": "tex t"}
thrice("serialize", {}, "serialize", dataset=DATA)
thrice("serialize_json", {}, "serialize", dataset=DATA, formatter="json")
thrice("serialize_json_opts", {}, "serialize", dataset=DATA, serializer="json", serializer_opts=[{"indent": 4}, {"sort_keys": False}])
thrice("serialize_python", {}, "serialize", dataset=DATA, formatter="python")
thrice("serialize_configparser", {}, "serialize", dataset={"sec": {"a": "1", "b": "x"}}, formatter="configparser")
thrice("serialize_both", {}, "serialize", dataset=DATA, formatter="json", serializer="yaml")
thrice("serialize_unknown", {}, "serialize", dataset=DATA, serializer="nope")
thrice("serialize_none", {}, "serialize")
thrice("serialize_pillar", {}, "serialize", dataset_pillar="p", pillar={"p": {"x": 1}})
thrice("serialize_merge", {"f": '{"a": {"z": 1}, "q": 2}\n'}, "serialize", dataset=DATA, formatter="json", merge_if_exists=True)
thrice("serialize_merge_yaml", {"f": "q: 2\n"}, "serialize", dataset={"r": 3}, merge_if_exists=True)
thrice("serialize_merge_bad", {"f": "{"}, "serialize", dataset=DATA, formatter="json", merge_if_exists=True)
thrice("serialize_mode", {}, "serialize", dataset=DATA, mode="0600")
thrice("serialize_no_create", {}, "serialize", dataset=DATA, create=False)
thrice("serialize_deserializer_opts", {}, "serialize", dataset=DATA, deserializer_opts=[{"a": 1}])
thrice("serialize_unicode", {}, "serialize", dataset={"k": "ü"})
thrice("serialize_unicode_encoding", {}, "serialize", dataset={"k": "ü"}, encoding="utf-8")
thrice("decode", {}, "decode", encoded_data="aGVsbG8K")
thrice("decode_change", F3, "decode", encoded_data="aGVsbG8K")
thrice("decode_none", {}, "decode")

# patch, mknod, cached
thrice("patch", F3, "patch", source="salt://fix.patch")
thrice("patch_not_clean", {"f": "x\ny\n"}, "patch", source="salt://fix.patch")
thrice("patch_missing", {}, "patch", source="salt://fix.patch")
thrice("patch_source_missing", F3, "patch", source="salt://no.patch")
thrice("patch_options", F3, "patch", source="salt://fix.patch", options="-N")
thrice("patch_strip", F3, "patch", source="salt://fix.patch", options="-px")
thrice("mknod_pipe", {}, "mknod", ntype="p", mode="0600")
thrice("mknod_char", {}, "mknod", ntype="c", major=1, minor=3, mode="0600")
thrice("mknod_file", F3, "mknod", ntype="p")
thrice("mknod_kind", {}, "mknod", ntype="x")
thrice("cached", {}, "cached", name="salt://plain.txt")
thrice("cached_missing", {}, "cached", name="salt://no.txt")
thrice("cached_local", F3, "cached")
thrice("cached_local_hash", {"f": "s\n"}, "cached", source_hash="md5=e1b849f9631ffc1829b2e31402373e3c")
thrice("cached_http", {}, "cached", name="http://127.0.0.1:1/x")
thrice("not_cached", {}, "not_cached", name="salt://plain.txt")
thrice("not_cached_local", F3, "not_cached")
thrice("retention", {"f/2020-01-01": "", "f/2020-01-02": "", "f/2020-02-01": "", "f/other": ""}, "retention_schedule", strptime_format="%Y-%m-%d", retain={"most_recent": 1, "first_of_month": 1})

case("accumulated", F3,
     {"fun": "accumulated", "test": False, "args": {"name": "acc", "filename": "{root}/f", "text": ["x", "y"]}, "low": {"require_in": [{"file": "{root}/f"}]}},
     {"fun": "accumulated", "test": False, "args": {"name": "acc", "filename": "{root}/f", "text": "z"}, "low": {"require_in": [{"file": "{root}/f"}]}},
     {"fun": "accumulated", "test": False, "args": {"name": "acc", "filename": "{root}/f", "text": "z"}},
     st("blockreplace", content="", append_if_not_found=True, **MARKS),
     st("managed", contents="{% for k, v in accumulator.items() %}{{ k }}={{ v|join(',') }}{% endfor %}", template="jinja"))


def build(root, files):
    for path, what in files.items():
        target = root / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, dict) and "link" in what:
            target.symlink_to(what["link"].replace("{root}", str(root)))
        else:
            what = what if isinstance(what, dict) else {"content": what}
            # `octets` are characters up to 255.
            target.write_bytes(what["octets"].encode("latin-1") if "octets" in what else what["content"].encode())
            target.chmod(int(what.get("mode", "0644"), 8))


def without_trace(ret):
    """Where Python was when it failed is left out: what it said stays."""
    lines = (ret.get("comment") or "").split("\n")
    if lines[0].startswith("An exception occurred in this state: Traceback"):
        last = max(index for index, line in enumerate(lines) if line.startswith("  "))
        ret["comment"] = "An exception occurred in this state: " + "\n".join(lines[last + 1:])
    return ret


def look(root):
    found = {}
    for path in sorted(root.rglob("*")):
        stat = path.lstat()
        told = {"mode": oct(stat.st_mode & 0o7777), "uid": stat.st_uid, "gid": stat.st_gid}
        if path.is_symlink():
            told = {"link": os.readlink(path), "uid": stat.st_uid}
        elif path.is_dir():
            told["dir"] = True
        elif path.is_file():
            told["content"] = path.read_bytes().decode("latin-1")
        found[str(path.relative_to(root))] = told
    return found


def state_for(base, served, pillar, test):
    opts = salt.config.DEFAULT_MINION_OPTS.copy()
    opts.update(
        id="golden", file_client="local", file_roots={"base": [str(served)]}, pillar_roots={"base": []},
        cachedir=str(base / "cache"), root_dir=str(base), conf_file=str(base / "minion"), user="root",
        grains={"id": "golden", "shell": "/bin/sh", "kernel": "Linux", "os_family": "Debian", "os": "Debian"},
        pki_dir=str(base / "pki"), sock_dir=str(base / "sock"), extension_modules=str(base / "ext"), test=test,
        hash_type="sha256", log_level="quiet", pillar=pillar,
    )
    return salt.state.State(opts, initial_pillar=pillar or {"_": 1})


def main(name, served_files, cases):
    os.umask(0o022)
    os.chdir("/")
    base = pathlib.Path(tempfile.mkdtemp(prefix="golden-"))
    served = base / "served"
    build(served, served_files)
    lines = []
    common = {test: state_for(base, served, {}, test) for test in (True, False)}
    for number, one in enumerate(cases):
        root = base / f"r{number}"
        root.mkdir()
        build(root, one["files"])
        made = {}
        if one["pillar"]:
            made = {test: state_for(base, served, one["pillar"], test) for test in (True, False)}
        states = made or common
        kept = []
        for index, step in enumerate(one["steps"]):
            args = json.loads(json.dumps(step["args"]).replace("{root}", str(root)))
            low = json.loads(json.dumps(step.get("low", {})).replace("{root}", str(root)))
            low.update(args)
            low.update({"state": step.get("state", "file"), "fun": step["fun"], "__id__": args["name"], "__sls__": "golden", "__env__": "base", "order": index})
            ret = states[step["test"]].call(low)
            ret = without_trace({key: ret[key] for key in ("name", "changes", "result", "comment", "warnings") if key in ret})
            kept.append(json.loads(json.dumps(ret, default=repr).replace(str(root), "{root}").replace(str(base / "cache"), "{cache}").replace(str(base), "{base}")))
        one = dict(one, rets=kept, after=json.loads(json.dumps(look(root)).replace(str(root), "{root}")))
        lines.append(json.dumps(one))
    text = "\n".join([json.dumps({"served": served_files}), *lines]) + "\n"
    (HERE / name).write_text(text)
    shutil.rmtree(base)


if __name__ == "__main__":
    main("file.jsonl", SERVED, CASES)
