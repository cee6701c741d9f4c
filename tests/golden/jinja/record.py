"""
Records what real Salt makes of small templates, for tests/golden/jinja.rs.

    PYTHONHASHSEED=0 TZ=UTC PYTHON_WITH_SALT_3006.25 record.py > cases.jsonl
    PYTHONHASHSEED=0 PYTHON_WITH_SALT_3006.25 record.py --random N SEED > /tmp/random.jsonl
    PYTHONHASHSEED=0 PYTHON_WITH_SALT_3007.14 record.py --later > later.jsonl
    PYTHON_WITH_SALT record.py --names VERSION >> names.jsonl

`common.jsonl` beside it holds older cases in the same form, `later.jsonl` filters that only 3007 has, `names.jsonl` the names
of all filters, tests and globals of a version. The first line holds the files and the variables that all templates see; each other line is one template with what it
renders to, or with the error. Rendered by `salt.utils.templates.render_jinja_tmpl`. `salt['cmd.run']`, `pillar.get` and
`grains.filter_by` are stand-ins that print their arguments; `test.refuse` raises CommandExecutionError, `test.fail`
ValueError. An error with `line` alone stands
for one with the usual surroundings; of a `problem`, which Salt prints with Python's traceback, only its text and line
are kept. Templates whose output
holds an address of an object, or whose order is that of a set, are left out.
"""

import itertools
import json
import os
import random
import re
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

import jinja2
import salt.exceptions
import salt.utils.jinja
import salt.utils.templates

FILES = {
    "lib.jinja": "{% set val='V' %}{% set _hidden = 1 %}{% set ctxval = grains is defined %}"
    "{% macro m(a,k='K') %}[{{a}}{{k}}]{% endmacro %}{% macro ctxm() %}{{ grains.os }}{% endmacro %}"
    "{% macro outer() %}{{ top is defined }}{% endmacro %}",
    "inc.txt": "INC{{ grains.os }}",
    "inc2.txt": "<{{ i }}>",
    "inctop.txt": "({{ top is defined }}{{ top|default('') }})",
    "base.txt": "[{% block b %}base{% endblock %}|{% block c scoped %}C{% endblock %}]",
    "mid.txt": "{% extends 'base.txt' %}{% block b %}mid-{{ super() }}{% endblock %}",
    "req.txt": "{% block r required %}{% endblock %}",
    "d.yaml": "a: 1\nb: [x, y]\nc: yes\nd:\n  e: 010\n",
    "d.json": '{"a": 1, "b": [true, null]}',
    "bad.yaml": "a: 1\n b: 2\n- c\n",
    "bad.jinja": "line one\n{% if x %}\n",
    "undef.jinja": "one\ntwo\n{{ nowhere.at.all }}\nfour\n",
    "undefmacro.jinja": "{% macro f(x) %}\n  {{ x }}\n  {{ nowhere }}\n{% endmacro %}\n",
    "sub/a.jinja": "A{% include './b.jinja' %}",
    "sub/b.jinja": "B",
    "sub/c.jinja": "{% from 'sub/d.jinja' import x %}{% set y = x %}",
    "sub/d.jinja": "{% set x = tpldir ~ '|' ~ tplfile %}",
    "sub/e.jinja": "{% include 'undef.jinja' %}",
    "ns.jinja": "{% set ns = namespace(n=0) %}{% macro inc() %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endmacro %}",
    "map.jinja": "{% import_yaml 'd.yaml' as defaults %}{% set m = defaults.d %}{% do m.update({'z': 26}) %}",
}

CONTEXT = {
    "mp": {"b": 2, "a": 1},
    "lst": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "people": [{"n": "Bo", "a": 3, "c": {"d": 1}}, {"n": "al", "a": 1, "c": {"d": 2}}, {"n": "Cy", "a": 3}],
    "tree": [{"v": 1, "c": [{"v": 2, "c": [{"v": 3, "c": []}]}]}, {"v": 4, "c": []}],
    "grains": {"os": "Debian", "os_family": "Debian", "id": "web1", "osmajorrelease": 12, "ipv4": ["127.0.0.1", "10.1.2.3"]},
    "pillar": {"x": {}, "users": {"bo": {"uid": 1000, "groups": ["a", "b"]}, "al": {"uid": 1001}}},
    "text": "The quick  brown\tfox\njumps over the lazy-dog",
    "empty": "",
    "none_": None,
    "f": 3.14159,
    "n": 42,
    "big": 123456789012345678901234567890,
    "yes_": True,
    "uni": "Grüße ☃ 𝒳",
    "html": "<b>a & 'b' \"c\"</b>",
    "sls": "",
    "tpldir": "sub",
    "tplfile": "sub/main.sls",
}


class Functions(dict):
    def __getattr__(self, name):
        found = {key.split(".", 1)[1]: val for key, val in self.items() if key.startswith(name + ".")}
        if not found:
            raise AttributeError(name)
        members = {key: staticmethod(val) for key, val in found.items()}
        return type("LoadedMod", (), {"__module__": "salt.loader.lazy", **members})()


# Messages name the class.
Functions.__name__ = "AliasedLoader"
Functions.__module__ = "salt.utils.templates"


def stand_in(name):
    return lambda *args, **kwargs: name + repr(list(args)) + repr(kwargs)


def refuse(*args, **kwargs):
    raise salt.exceptions.CommandExecutionError("not so")


def fail(*args, **kwargs):
    raise ValueError("went wrong")


SALT = Functions(
    {
        "cmd.run": stand_in("run"),
        "pillar.get": stand_in("pg"),
        "grains.filter_by": stand_in("fb"),
        "test.refuse": refuse,
        "test.fail": fail,
    }
)


class Loader(salt.utils.jinja.SaltCacheLoader):
    """Files from one folder, without a file client."""

    root = None

    def __init__(self, opts, *args, **kwargs):
        super().__init__(opts, *args, **kwargs)
        self.searchpath = [Loader.root]

    def check_cache(self, template):
        if template not in self.cached:
            self.cached.append(template)

    def destroy(self):
        pass


salt.utils.jinja.SaltCacheLoader = Loader


def render(template, env):
    opts = {"cachedir": "/nowhere", "file_client": "local", "file_roots": {}, "pillar_roots": {}}
    allow = env.pop("allow_undefined", False)
    opts["jinja_env"] = env
    opts["allow_undefined"] = allow
    context = json.loads(json.dumps(CONTEXT))
    if "sls" in env:
        context["sls"] = env.pop("sls")
        opts["jinja_sls_env"] = opts.pop("jinja_env")
    context.update(opts=opts, saltenv="base", salt=SALT)
    try:
        return {"render": salt.utils.templates.render_jinja_tmpl(template, context)}
    except salt.exceptions.SaltRenderError as exc:
        text = str(exc)
        if text.startswith("Jinja error") or text.startswith("Problem running"):
            text = exc.error if isinstance(exc.error, str) else text
            text = text.split("\nTraceback")[0]
            return {"problem": text, "line": exc.line_num}
        # The usual surroundings of a template of one line are not kept.
        usual = f"; line 1\n\n---\n{template}    <======================\n---"
        if "\n" not in template and text.endswith(usual):
            return {"error": text[: -len(usual)], "line": 1}
        return {"error": text}
    except Exception as exc:  # the renderer itself falls over
        return {"error": "CRASH " + type(exc).__name__ + ": " + str(exc)}


TEMPLATES = []


def add(text, **env):
    TEMPLATES.append((text, env))


def exprs(texts, **env):
    for text in texts:
        add("{{ " + text + " }}", **env)


VALUES = [
    "none", "true", "false", "0", "1", "-7", "42", "3.7", "-0.5", "1e20", "1e-7", "2**70", "''", "'a'", "'Abc dEf'",
    "'  pad '", "'12'", "'3.9'", "'0x1f'", "'yes'", "'<a href=\"x\">&</a>'", "uni", "text", "[]", "[1,2,3]", "['b','A','c']",
    "[[1,2],[3]]", "()", "(1,)", "(1,'a')", "{}", "{'a':1}", "mp", "{'x':{'y':[1]}}", "range(3)", "mp.items()", "mp.keys()",
    "nope", "mp.nope", "people", "'a'.encode()", "[none,0,'']", "'a,b'|safe", "[1,'1',1.0]", "'2 MB'",
]

FILTERS = """abs capitalize center count default d dictsort e escape filesizeformat first float forceescape format indent int
items|list join last length list lower max min pprint reverse|list round safe string striptags sum title tojson trim truncate
unique upper urlencode urlize wordcount wordwrap xmlattr yaml json python load_yaml load_json load_text yaml_dquote
yaml_squote yaml_encode to_bool to_num str_to_num is_hex contains_whitespace human_to_bytes to_bytes to_snake_case
to_camelcase quote regex_escape skip sequence avg is_list is_iter exactly_one_true sorted_ignorecase flatten base64_encode
base64_decode md5 sha1 sha256 sha512 uuid is_ip is_ipv4 is_ipv6 ipv4 ipv6 ipaddr ip_host network_hosts network_size
ipwrap mac_str_to_bytes xml dict_to_sls_yaml_params json_encode_list json_decode_dict sort groupby('a')|list|length map('string')|list
select|list reject|list batch(2)|list slice(2)|list attr('x') nofilter items""".split()

TESTS = """odd even defined undefined filter test none boolean false true integer float lower upper string mapping number
sequence iterable callable escaped list notest""".split()

STR_METHODS = [
    "capitalize()", "casefold()", "center(9)", "center(9,'*')", "center(10,'*')", "count('a')", "count('')", "count('b',1)", "encode()", "encode('ascii')",
    "endswith('c')", "endswith(('x','f'))", "endswith('b',0,2)", "expandtabs()", "expandtabs(3)", "find('b')", "find('zz')",
    "find('',1)", "index('b')", "index('zz')", "isalnum()", "isalpha()", "isascii()", "isdecimal()", "isdigit()",
    "isidentifier()", "islower()", "isnumeric()", "isprintable()", "isspace()", "istitle()", "isupper()", "join(['x','y'])",
    "join('xyz')", "join([1])", "join(5)", "join(mp)", "ljust(9)", "ljust(9,'-')", "lower()", "lstrip()", "lstrip('Aa')", "partition('b')",
    "partition('')", "removeprefix('A')", "removesuffix('f')", "replace('b','X')", "replace('','-')", "replace('b','X',1)",
    "replace('x')", "replace(1,2)", "rfind('b')", "rindex('q')", "rjust(9)", "rjust(9,'00')", "rpartition(' ')", "rsplit()",
    "rsplit(' ',1)", "rsplit('b')", "rstrip()", "rstrip('f')", "split()", "split(' ')", "split('b')", "split(' ',1)",
    "split(none,1)", "split('')", "split(1)", "split(sep='b', maxsplit=1)", "splitlines()", "splitlines(true)", "startswith('A')",
    "startswith(('x','A'))", "startswith(1)", "startswith('b',1)", "strip()", "strip('Af')", "strip(1)", "swapcase()", "title()", "upper()",
    "upper(1)", "zfill(9)", "zfill('x')", "translate({98:'Z',97:none})", "format()", "nomethod()", "nomethod", "__class__", "__len__()", "_x",
]

LIST_METHODS = [
    "append(4)", "append()", "clear()", "copy()", "count(1)", "extend([9])", "extend('ab')", "extend(5)", "index(2)", "index(99)",
    "index(1,2)", "insert(0,'z')", "insert(-1,'z')", "insert(99,'z')", "pop()", "pop(0)", "pop(99)", "pop(-1)", "remove(1)", "remove(99)", "reverse()",
    "sort()", "sort(reverse=true)", "sort(1)", "nomethod()", "__class__", "first", "length", "items()",
]

DICT_METHODS = [
    "clear()", "copy()", "fromkeys(['x'])", "fromkeys('ab',1)", "get('a')", "get('zz')", "get('zz',5)", "get()", "get([])", "items()", "keys()", "pop('a')",
    "pop('zz')", "pop('zz',1)", "popitem()", "setdefault('a',9)", "setdefault('q',9)", "setdefault('q')", "update({'q':1})",
    "update(q=1)", "update([('q',1)])", "update([1])", "update(5)", "update({'a':5}, z=1)", "values()", "nomethod()", "iteritems()", "has_key('a')",
    "a", "zz", "keys", "__class__", "__getitem__('a')",
]

FORMATS = [
    "'{}'.format(1)", "'{} {}'.format(1)", "'{0} {1} {0}'.format('a','b')", "'{a}'.format(a=1)", "'{a}'.format(b=1)",
    "'{0[x]}'.format({'x':5})", "'{0.a}'.format(mp)", "'{0[1]}'.format([1,2])", "'{:>8}'.format('a')", "'{:<8}|'.format('a')",
    "'{:^8}|'.format('a')", "'{:*^8}'.format('a')", "'{:08.3f}'.format(3.14159)", "'{:+d}'.format(5)", "'{: d}'.format(5)",
    "'{:x}'.format(255)", "'{:#x}'.format(255)", "'{:#o}'.format(8)", "'{:#b}'.format(5)", "'{:X}'.format(255)", "'{:c}'.format(65)",
    "'{:,}'.format(1234567)", "'{:_}'.format(1234567)", "'{:,.2f}'.format(1234567.891)", "'{:e}'.format(12345.678)",
    "'{:.2e}'.format(0)", "'{:g}'.format(0.0001)", "'{:g}'.format(1e10)", "'{:g}'.format(123456.0)", "'{:g}'.format(1234567.0)",
    "'{:.3g}'.format(3.14159)", "'{:%}'.format(0.25)", "'{:.1%}'.format(0.256)", "'{!r}'.format('a')", "'{!s:>5}'.format('a')",
    "'{!a}'.format('é')", "'{:{}}'.format('a', 5)", "'{:{w}.{p}}'.format('abcdef', w=10, p=3)", "'{{}}'.format()", "'{'.format()",
    "'}'.format()", "'{:d}'.format('a')", "'{:d}'.format(1.5)", "'{:s}'.format(5)", "'{:5}'.format(none)", "'{}'.format(none)",
    "'{}'.format([1,'a'])", "'{:5}'.format([1])", "'{0} {}'.format(1,2)", "'{:05}'.format(-42)", "'{:05}'.format('ab')", "'{:<5}|'.format(42)",
    "'{:.2f}'.format(2.675)", "'{:.0f}'.format(0.5)", "'{:.0f}'.format(1.5)", "'{:f}'.format(1)", "'{:10.4}|'.format('abcdefgh')",
    "'{:}'.format(3.0)", "'{:.3}'.format(3.0)", "'{:n}'.format(1234)", "'{0.__class__}'.format(1)", "'{:,}'.format(-1234)", "'{:010,}'.format(1234)",
    "'{:+.2f}'.format(-0.001)", "'{:x}'.format('a')", "'{:5}|'.format(true)", "'{}'.format(true)", "'%s' % 'a'", "'%s %s' % ('a', 1)",
    "'%d' % 3.9", "'%d' % 'a'", "'%i' % 5", "'%5d|' % 42", "'%-5d|' % 42", "'%05d' % -42", "'%+d' % 5", "'% d' % 5", "'%x' % 255",
    "'%#x' % 255", "'%o' % 8", "'%X' % 255", "'%e' % 12345.678", "'%.2f' % 3.14159", "'%g' % 0.00001", "'%g' % 1e6", "'%c' % 65",
    "'%c' % 'z'", "'%r' % 'a'", "'%a' % 'é'", "'%%' % ()", "'%s' % (1,)", "'%s' % [1,2]", "'%s' % {'a':1}", "'%(a)s' % {'a':1}",
    "'%(a)s %(b)d' % {'a':'x','b':2}", "'%(zz)s' % {'a':1}", "'%(a)s' % 5", "'%s %s' % 'a'", "'%s' % ('a','b')", "'a' % 5", "'a' % {}", "'a' % ()",
    "'%*d' % (5, 42)", "'%.3s' % 'abcdef'", "'%10.3s|' % 'abcdef'", "'%y' % 1", "'%' % 1", "'%s' % nope", "'%s' % none", "'%s' % 1.0", "'%d' % true",
    "'%.3d' % 5", "'%s' % 'a' ~ 'b'", "'%s-%s'|format('a','b')", "'%(x)s'|format(x=1)", "'%s'|format", "'%s %(a)s'|format(1, a=2)", "'%05.1f' % 3.14159", "'%.0f' % 2.5", "'%5s|%-5s|' % ('a','b')",
]

OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
OPERANDS = ["0", "7", "-3", "2.5", "true", "none", "'a'", "'ab'", "[1]", "(1,)", "{'a':1}", "nope", "2**65", "'x'|e"]

EXPRESSIONS = [
    # precedence and syntax
    "1 + 2 * 3", "(1 + 2) * 3", "2 ** 3 ** 2", "-2 ** 2", "2 ** -1", "-1|abs", "(-1)|abs", "1 - 1|abs", "not true and false", "not (true and false)",
    "1 < 2 < 3", "3 > 2 > 2", "1 == 1 == 1", "1 in [1] == true", "'a' ~ 1 + 2", "'a' ~ 1 ~ none ~ [1]", "1 + 1 ~ 'x'", "1 if true", "1 if false", "1 if false else 2",
    "1 if true else 2 if false else 3", "(1 if false) is defined", "[1 if false]", "'a' if mp.a else 'b'", "nope or 'x'", "nope and 'x'", "not nope", "mp.nope or 1",
    "1 is number", "1 is not number", "not 1 is number", "1 is divisibleby 1", "1 is divisibleby(1)", "4 is divisibleby 3", "1 is eq 1", "1 is eq(1)", "1 is ne 2", "1 is gt 0", "1 is lt 0",
    "1 is sameas 1", "'a' is in ['a']", "'a' is in 'abc'", "1 is defined and 2 is defined", "1 is odd is true", "mp is mapping", "mp.a is defined", "mp.zz is defined", "nope.x is defined", "nope is undefined",
    "'A' is upper", "'abc' is match('a')", "'abc' is match('b')", "'ABC' is match('a', true)", "'abc' is match '^a.c$'", "'upper' is filter", "'zz' is filter", "'odd' is test", "range is callable", "mp.get is callable", "salt is callable",
    "'x' is equalto 'x'", "[] is sequence", "'' is sequence", "5 is iterable", "mp is iterable", "none is none", "1.0 is integer", "true is number", "true is integer", "nope is none", "nope is string", "nope is iterable", "nope is mapping", "nope is sequence", "nope is number", "nope is list",
    "[1,2,3][0]", "[1,2,3][-1]", "[1,2,3][9]", "[1,2,3]['a']", "[1,2,3].0", "[1,2,3][1:]", "[1,2,3][:1]", "[1,2,3][::-1]", "[1,2,3][::2]", "[1,2,3][-2:]", "[1,2,3][5:]", "[1,2,3][2:1]", "[1,2,3][::0]", "'abcdef'[1:4]", "'abcdef'[::-2]", "'abc'[1]", "'abc'[9]", "'abc'['x']", "(1,2,3)[1:]", "range(10)[2:5]", "range(10)[3]", "mp['a']", "mp['zz']", "mp.a", "mp[1]", "{1:'x'}[1]", "{1:'x'}['1']", "{'a':{'b':1}}.a.b", "{'a':{'b':1}}['a'].b", "{'items':1}['items']", "none.x", "none[1]", "5.x", "5[0]", "true.x", "'a'.x", "uni[0]", "uni[-1]", "uni[6]", "mp[[1]]", "[1,2][none]", "[1,2][1.0]", "[1,2][true]", "mp[none]", "[1,2,3]['x':]",
    "[]", "[1,]", "[1, 'a', none, true, 1.5]", "()", "(1,)", "(1)", "1, 2", "1,", "{}", "{'a': 1,}", "{1: 2, 'a': [3]}", "{'a': 1, 'a': 2}", "{1: 'a', 1.0: 'b', true: 'c'}", "{(1,2): 3}", "{[1]: 2}", "{mp: 2}", "'a' 'b' \"c\"", "'\\n\\t\\x41\\u263a\\\\'", "'it\\'s'", "\"q'q\"", "'\\q'", "1_000", "0x1f", "0b101", "0o17", "1e3", "1.5e-3", "007", "1.", ".5", "1__0", "5.bit_length()", "5.real", "2.5.is_integer()", "1e400", "-1e400", "10**20", "7 // 0", "7 % 0", "7 / 0", "1.0 // 0", "1.0 % 0", "1.0 / 0", "0 ** -1", "0.0 ** -1", "7 // 2", "-7 // 2", "7 // -2", "-7 % 3", "7 % -3", "-7.5 // 2", "-7.5 % 2", "7.5 % -2", "1 / 3", "4 / 2", "2 ** 0.5", "10 ** -2", "2 ** 100", "2 ** 64 // 3", "2 ** 64 % 1000", "-(2 ** 64)", "+true", "-true", "-'a'", "+'a'", "-none", "9007199254740993 / 1", "0.1 + 0.2", "1e16", "1e15", "123456789.123456789", "-0.0", "1.0", "100000000000000000000.0", "0.0001", "0.00001", "3 == 3.0", "true == 1", "'a' == 1", "[1] == [1.0]", "(1,) == [1]", "{} == []", "none == false", "none is none", "mp == {'a':1,'b':2}", "'a' < 'b'", "[1,2] < [1,3]", "(1,'a') < (1,2)", "{} < {}", "none < 1", "'a' in 'abc'", "1 in 'abc'", "1 in [1]", "1 in 5", "'a' in mp", "1 in mp", "1 in mp.values()", "('a',1) in mp.items()", "[1] in mp", "3 in range(5)", "3 in range(0,10,2)", "1 not in []", "nope in [1]", "1 in nope", "'x' in none",
    "'ab' * 3", "3 * 'ab'", "'ab' * -1", "[0] * 2", "(1,) * 2", "'a' * 1.5", "'a' + 'b'", "[1] + [2]", "(1,) + (2,)", "[1] + (2,)", "'a' + 1", "1 + 'a'", "{} + {}", "'a' - 'b'", "mp.keys() | list", "mp.values()|list", "mp.items()|list", "mp.items()|list|first",
    # calls
    "range(3)", "range(1,4)", "range(5,0,-2)", "range(3)|list", "range(0)|list", "range()", "range('a')", "range(1,2,0)", "range(1000000)", "range(3)|sum", "dict()", "dict(a=1)", "dict([('a',1)])", "dict(mp, z=1)", "dict(5)", "dict([1])", "dict(mp, mp)", "odict([('a',1)])", "odict(a=1)|string", "[odict(a=1)]", "odict(a=1) == {'a':1}", "odict()|string", "namespace(a=1).a", "namespace(a=1).b", "cycler(1,2).next()", "cycler()", "cycler('a','b').current", "joiner()()", "lipsum(0)", "lipsum(1, false, 2, 3)|length > 5", "salt['cmd.run']('ls', x=1)", "salt.cmd.run('ls')", "salt['cmd.nope']()", "salt.cmd.nope()", "salt.nope.run()", "'cmd.run' in salt", "'cmd.nope' in salt", "salt['pillar.get']('a:b', {'x': [1]})", "salt['grains.filter_by']({'Debian': {'a': 1}}, merge=none, default='Debian')", "salt['test.refuse']()", "salt['test.fail']()", "salt.test.refuse(1)", "nope()", "mp()", "5()", "'a'()", "none()", "mp.nope()", "mp.a()", "raise('boo')", "raise(1)", "raise()", "show_full_context().keys()|list|length > 5", "range(*[1,4])|list", "dict(**{'a': 1})", "dict(*[mp])", "dict(**5)", "range(*5)", "dict(a=1, **{'a': 2})", "dict(**{1: 2})", "mp.get(*['a'])", "mp.get('a', **{})", "'{a}{b}'.format(**mp)", "'{}{}'.format(*lst[:2])", "f(1)", "self", "loop", "caller()", "super()", "varargs", "kwargs",
    # printing
    "none", "true", "[none, true, 'a', 1.0, (1,), {}]", "{'a': none, 'b': 'it\\'s', 'c': [1, {'d': 'x'}]}", "[[['a']]]", "('a', 'b')", "('a',)", "uni", "[uni]", "{'é': 'ü'}", "['\\n', '\\t', '\\\\', '\\x00', '\\x7f', '\\u200b']", "[\"it's\", 'q\"', 'both\\'\"']", "'a'.encode('utf-8')", "['a'.encode()]", "[1, nope]", "{'a': nope}", "(nope,)", "[[nope]]", "{'a': [nope]}", "['x'|e]", "{'a': 'x'|e}", "'x'|safe", "[range(2)]", "big", "[big]", "-big", "1e100", "[1e100]", "mp", "people", "text", "none_", "yes_", "mp.keys()", "mp.values()", "mp.items()", "range(2,5)", "namespace(a=1)", "nope", "nope.x", "nope['x']", "mp.nope.x", "mp['nope']['x']", "mp.nope['x'].y", "nope + 1", "1 + nope", "nope == 1", "nope ~ 'a'", "nope|length", "nope|upper", "nope|default('d')", "mp.x.y|default('d')", "nope|join", "nope|list", "nope < 1", "nope[0]", "-nope", "nope|int", "nope|string", "nope|tojson", "nope|yaml", "[nope]|yaml", "{'a':nope}|json", "nope|first", "nope is string", "nope|d(none)", "nope|default", "(nope|default([])).append", "nope.append(1)", "'a'|nofilter", "1 is notest", "'a'|upper|nofilter", "1 if false else 'a'|nofilter", "'a'|nofilter if false",
]

FILTER_CALLS = [
    "1.5|round", "2.5|round", "3.5|round", "2.675|round(2)", "42.55|round(1,'floor')", "42.55|round(1,'ceil')", "42|round", "12345|round(-2)", "12350|round(-2)", "1.5|round('x')", "'a'|round", "42.5|round(method='bad')", "-2.5|round", "1e300|round(2)", "1234.5|round(-2)", "'1.5'|round", "7|round(1,'ceil')",
    "'42'|int", "'42.7'|int", "'x'|int", "'x'|int(7)", "'ff'|int(0,16)", "'0xff'|int(base=16)", "'0b11'|int(0,2)", "none|int", "[]|int", "''|int", "' 5 '|int", "'1_000'|int", "'1e3'|int", "true|int", "3.99|int", "-3.99|int", "'-5'|int", "'z'|int(base=36)", "'inf'|int", "'nan'|int(3)", "1e400|int", "'0o7'|int(base=8)", "'10'|int(base=0)", "'0x10'|int(base=0)",
    "'3.5'|float", "'x'|float", "'x'|float(1.5)", "none|float", "'1e3'|float", "'inf'|float", "'nan'|float", "' 2 '|float", "'1_0.5'|float", "true|float", "10|float", "''|float",
    "[1,2,3]|sum", "[1.5,2]|sum", "[]|sum", "['a']|sum", "[[1],[2]]|sum(start=[])", "people|sum(attribute='a')", "people|sum('a')", "people|sum('a', 10)", "[1,'a']|sum", "[1]|sum(start='a')", "['a']|sum(start='')",
    "['a','b']|join", "['a','b']|join(', ')", "[1,none,2.5]|join('-')", "people|join(',', attribute='n')", "people|join(',', 'n')", "'abc'|join('-')", "mp|join(',')", "5|join", "[['a']]|join", "[1,nope]|join", "['<']|join(','|e)", "[]|join('x')", "['a','b']|join(d='+')", "['a']|join(1,2,3,4)", "none|join",
    "words|sort", "words|sort(case_sensitive=true)", "words|sort(true)", "words|sort(reverse=true, case_sensitive=true)", "people|sort(attribute='n')|map(attribute='n')|list", "people|sort(attribute='a,n')|map(attribute='n')|list", "people|sort(attribute='a', reverse=true)|map(attribute='n')|list", "people|sort(attribute='c.d')", "[3,'a']|sort", "['a',3]|sort", "[[2],[1]]|sort", "[(2,'a'),(1,'b')]|sort", "mp|sort", "'bca'|sort", "5|sort", "[none,1]|sort", "[{},{}]|sort", "[1.5,1,true]|sort", "mp.items()|sort", "people|sort", "[]|sort", "people|sort(attribute='zz')",
    "mp|dictsort", "mp|dictsort(by='value')", "mp|dictsort(reverse=true)", "{'B':1,'a':2}|dictsort", "{'B':1,'a':2}|dictsort(true)", "{'B':1,'a':2}|dictsort(case_sensitive=true)", "mp|dictsort(by='x')", "{1:2,'a':3}|dictsort", "[1]|dictsort", "{'a':'Z','b':'y'}|dictsort(false,'value')", "{}|dictsort",
    "people|groupby('a')|map(attribute='grouper')|list", "people|groupby('a')|map('last')|map('length')|list", "people|groupby('c.d', default=0)|map('first')|list", "people|groupby('a')|list", "people|groupby('zz')", "words|groupby(0)|map('first')|list", "people|groupby('n', case_sensitive=true)|map('first')|list", "(people|groupby('a'))[0].list|length", "(people|groupby('a'))[0]",
    "[1,2,3]|map('string')|list", "people|map(attribute='n')|list", "people|map(attribute='c.d')|list", "people|map(attribute='c.d', default=0)|list", "people|map(attribute='zz', default='-')|join", "people|map(attribute='zz')|list", "people|map(attribute='zz')|join", "['a','b']|map('upper')|join", "['a']|map('replace','a','b')|list", "['ab']|map('regex_replace','a','c')|list", "[1]|map|list", "[1]|map('nofilter')|list", "[1]|map(foo='x')|list", "[[1,2]]|map('first')|list", "[[1,2]]|map(attribute=0)|list", "none|map('upper')|list", "nope|map('upper')|list", "['a']|map('default','x')|list", "[1,2]|map('round', 1, method='floor')|list", "mp|map('upper')|list", "'ab'|map('upper')|list", "[1]|map(attribute='a', bad=1)|list",
    "[1,2,3,4]|select('odd')|list", "[1,2,3,4]|reject('odd')|list", "[0,1,none,'']|select|list", "[0,1]|reject|list", "[1,2,3]|select('gt',1)|list", "[1,2,3]|select('>',1)|list", "['a','b1']|select('match','.*[0-9]')|list", "['a','b']|reject('match','a')|list", "[1]|select('notest')|list", "people|selectattr('a')|list|length", "people|selectattr('c','defined')|map(attribute='n')|list", "people|selectattr('a','equalto',3)|map(attribute='n')|list", "people|selectattr('a','eq',3)|map(attribute='n')|join(',')", "people|rejectattr('c','defined')|list", "people|selectattr('c.d','defined')|list|length", "people|selectattr('n','in',['Bo'])|map(attribute='a')|list", "people|selectattr|list", "people|rejectattr('a','gt',2)|list", "people|selectattr('zz')|list", "none|select|list", "[1,2]|select('in',[1])|list", "[none,1]|select('none')|list", "[1,2,3]|select('divisibleby', 3)|list", "words|select('string')|list",
    "[1,2,3]|batch(2)|list", "[1,2,3]|batch(2,'x')|list", "[]|batch(2)|list", "[1,2,3]|batch(0)|list", "[1,2,3,4,5]|slice(2)|list", "[1,2,3,4,5]|slice(3,'x')|list", "[1]|slice(3)|list", "[1]|slice(0)|list",
    "[3,1,2]|min", "[3,1,2]|max", "[]|min", "['b','A']|min", "['b','A']|max", "mp|min", "[1,'a']|max", "'bac'|max", "5|min", "[1,2,4]|avg", "[]|avg", "5|avg", "(1,2)|avg", "['a']|avg", "'3'|avg",
    "[1,1,2]|unique", "[1,1.0,true]|unique", "['a','A']|unique", "[[1],[1]]|unique", "[]|unique", "mp|unique", "5|unique", "[1,2]|union([2,3])", "[1,2]|intersect([2,3])", "[1,2]|difference([2,3])", "[1,2]|symmetric_difference([2,3])", "[1]|union('a')", "[1]|union((2,))", "mp|union({})", "[[1]]|union([[1],[2]])", "[[1],[2]]|difference([[1]])", "[1,2]|intersect((2,))",
    "[1,[2,[3,[4]]]]|flatten", "[1,[2,[3]]]|flatten(1)", "[1,[2,[3]]]|flatten(levels=0)", "[none,1,'null']|flatten", "[none,1]|flatten(preserve_nulls=true)", "[[1,2],(3,4)]|flatten", "'abc'|flatten", "5|flatten", "[mp]|flatten", "[[]]|flatten",
    "'a-b'|replace('-','_')", "'aaa'|replace('a','b',2)", "123|replace(2,'x')", "'abc'|replace('','-')", "[1]|replace('1','2')", "'abc'|replace('b')", "'a'|replace('a', none)", "'x'|e|replace('x','<')",
    "'a b c'|truncate(3)", "'The quick brown fox'|truncate(10)", "'The quick brown fox'|truncate(10, true)", "'The quick brown fox'|truncate(10, false, '…')", "'The quick brown fox'|truncate(10, leeway=0)", "'short'|truncate(10)", "'abcdefghij'|truncate(2)", "'The quick'|truncate(9,leeway=0)", "5|truncate", "'a b c d e f g h'|truncate(5, true, '', 0)",
    "'a b c d e f'|wordwrap(3)", "text|wordwrap(10)", "'abcdefghij klm'|wordwrap(5)", "'abcdefghij'|wordwrap(5, false)", "'a-b-c hello-world foo--bar'|wordwrap(6)", "'aa bb'|wordwrap(2, true, '|')", "'hello-world'|wordwrap(8)", "'hello-world'|wordwrap(8, break_on_hyphens=false)", "'a  b'|wordwrap(2)", "''|wordwrap", "'x\\n\\ny'|wordwrap(5)", "5|wordwrap", "'the well-known re-use of e-mail'|wordwrap(9)",
    "'a\\nb'|indent", "'a\\nb'|indent(2)", "'a\\nb'|indent(2,true)", "'a\\n\\nb'|indent(2,false,true)", "'a\\nb'|indent('> ')", "'a\\nb\\n'|indent", "''|indent", "'a'|indent(first=true)", "5|indent", "'a\\nb'|indent(indentfirst=true)", "'a\\r\\nb'|indent(1)", "'a\\nb'|indent(width=4)", "mp|yaml(false)|indent(2)", "'a\\nb'|indent(-1)", "'a\\nb'|indent('x', 1, 1)",
    "'abc'|center(9)", "'abc'|center", "5|center(5)", "'  x '|trim", "'xxaxx'|trim('x')", "5|trim", "'a'|trim(5)", "'a,b'|trim(',a')", "'hello wORLD foo-bar (baz) [x]'|title", "\"it's\"|title", "'ÀÉ'|lower", "'straße'|upper", "'ǆ'|capitalize", "'ﬁx'|title", "5|upper", "none|lower", "[1]|upper", "'<a>'|e|upper", "'a<b'|escape", "5|escape", "'<'|e|e", "'<'|e|forceescape", "'<'|safe|e", "none|e", "'<p>a <b>x</b>\\n y</p><!-- c -->&amp;'|striptags", "'<'|striptags", "5|striptags", "'a b'|wordcount", "'a-b c_d'|wordcount", "''|wordcount", "5|wordcount",
    "0|filesizeformat", "1|filesizeformat", "999|filesizeformat", "1000|filesizeformat", "1000000|filesizeformat", "1024|filesizeformat(true)", "123456789|filesizeformat", "'1000'|filesizeformat", "1e30|filesizeformat", "-5|filesizeformat", "'x'|filesizeformat", "1.5|filesizeformat", "999999|filesizeformat",
    "'a b&c/d?é'|urlencode", "{'a b': 'c&d', 'x': 1}|urlencode", "[('a',1),('b','x y')]|urlencode", "5|urlencode", "'~-_.'|urlencode", "[1]|urlencode", "none|urlencode", "'http://a.b see www.x.org and bo@x.org.'|urlize", "'(http://x.y/z)'|urlize(5)", "'http://x.y'|urlize(nofollow=true, target='_blank')", "'mailto:a@b.co foo.com <x>'|urlize", "'ftp://a tel:5'|urlize(extra_schemes=['tel:'])",
    "{'a': 1, 'b': none, 'c': '<'}|xmlattr", "{'a': 1}|xmlattr(false)", "{}|xmlattr", "{'a b': 1}|xmlattr", "[1]|xmlattr", "{'a': nope}|xmlattr",
    "mp|tojson", "mp|tojson(2)", "mp|tojson(indent=1)", "{'a':'<&\\'>'}|tojson", "uni|tojson", "[1,none,true,1.5,'x']|tojson", "{1:2,none:3,true:4}|tojson", "mp|tojson(sort_keys=true)", "uni|tojson(ensure_ascii=false)", "{(1,):2}|tojson", "range(2)|tojson", "(1,2)|tojson", "1e400|tojson", "{}|tojson(2)", "[]|tojson(2)", "{'a':[]}|tojson(2)", "'a'.encode()|tojson", "mp.keys()|tojson", "big|tojson", "1e16|tojson",
    "mp|json", "mp|json(false)", "mp|json(indent=2)", "mp|json(true, 4)", "uni|json", "{1:2,'a':3}|json", "{10:1,9:2}|json", "{'a':{'c':1,'b':2}}|json", "[]|json", "'a\"b'|json", "none|json", "'\\u2028\\x7f\\x01'|json", "{'a': 'x'|e}|json",
    "mp|yaml", "mp|yaml(false)", "mp|yaml(none)", "people|yaml", "people|yaml(false)", "'a'|yaml", "5|yaml", "none|yaml", "true|yaml", "'yes'|yaml", "'010'|yaml", "''|yaml", "'a: b'|yaml", "[]|yaml(false)", "{}|yaml(false)", "uni|yaml", "['a\\nb']|yaml(false)", "{'a': 'x'|e}|yaml", "[nope]|yaml", "(1,2)|yaml", "range(2)|yaml", "{'a': 'it\\'s', 'b': '#x', 'c': '- y', 'd': '1.0', 'e': 'null', 'f': '@z'}|yaml(false)", "1.0|yaml", "1e20|yaml", "{1: 2, 'a': 3}|yaml", "odict([('z',1),('a',2)])|yaml", "mp.keys()|yaml", "text|yaml", "{'k': text}|yaml(false)", "{'a': {'b': [1, {'c': 2}]}}|yaml(false)", "{'x': ('long ' * 30)}|yaml(false)", "{'x': ('long ' * 30)}|yaml", "mp|dict_to_sls_yaml_params", "{'name': 'x', 'l': [1,2]}|dict_to_sls_yaml_params|indent", "[1]|dict_to_sls_yaml_params", "mp|dict_to_sls_yaml_params(true)",
    "mp|python", "people|python", "{'a': 'x' * 60, 'b': ['y' * 30, 'z' * 30]}|python", "[('word ' * 30)]|python", "'word ' * 30|int", "('word ' * 30)|pprint", "range(50)|list|pprint", "{'long_key_number_one': [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]}|pprint", "{3:1,'a':2}|pprint", "(('a' * 50), ('b' * 50))|pprint", "[[('a' * 50)], {'k': ('b' * 50)}]|pprint", "'x'|pprint", "5|pprint", "{'b': ('a' * 90)}|pprint", "text|pprint", "{}|pprint", "[[]]|pprint", "(1,)|pprint", "(('a' * 80),)|pprint",
    "{'root': mp}|xml", "{'root': {'a': 1, 'b': {'c': 'x'}, 'l': [1,2]}}|xml", "{'root': {'l': [{'a': 1}, {'a': 2}]}}|xml", "{'a': 'text'}|xml", "{'a': '<&>'}|xml", "{'a': {'b': '\"<'}}|xml", "5|xml", "[]|xml", "{'a': none}|xml", "{'r': {'x': {'y': {'z': 1}}}}|xml", "{'r': {}}|xml", "{'a': 1.5}|xml", "{'a': true}|xml", "{}|xml",
    "'a: 1'|load_yaml", "'[1, yes, 010]'|load_yaml", "'a: [1'|load_yaml", "''|load_yaml", "'a: b: c'|load_yaml", "5|load_yaml", "none|load_yaml", "'- a\\n- b'|load_yaml", "'a: &x 1\\nb: *x'|load_yaml", "'{a: 1, a: 2}'|load_yaml", "'!!python/object:x 1'|load_yaml", "'a:\\tb'|load_yaml", "'x: 2001-12-14'|load_yaml", "'1: a\\n1.5: b\\ntrue: c\\nnull: d'|load_yaml", "'{\"a\": [1, null]}'|load_json", "'{bad'|load_json", "''|load_json", "5|load_json", "none|load_json", "'[1.0, 1e3]'|load_json", "'NaN'|load_json", "'x'|load_text", "5|load_text", "mp|load_json",
    "'a\"b\\n\\t\\\\é☃'|yaml_dquote", "\"it's\"|yaml_squote", "'a\\nb'|yaml_squote", "5|yaml_dquote", "5|yaml_squote", "5|yaml_encode", "'x'|yaml_encode", "none|yaml_encode", "true|yaml_encode", "1.5|yaml_encode", "1e20|yaml_encode", "[]|yaml_encode", "{}|yaml_encode", "'a'.encode()|yaml_encode", "'a:\"b'|yaml_encode", "('x' * 100)|yaml_dquote", "'\\x00\\x1b\\u00a0\\u2028'|yaml_dquote",
    "'yes'|to_bool", "'YES'|to_bool", "'1'|to_bool", "'no'|to_bool", "1|to_bool", "0|to_bool", "-1|to_bool", "none|to_bool", "[]|to_bool", "[1]|to_bool", "{}|to_bool", "1.5|to_bool", "(1,)|to_bool", "'5'|to_num", "'5.5'|to_num", "'x'|to_num", "5.7|to_num", "none|to_num", "'1e3'|to_num", "'0x1'|to_num", "'ff'|is_hex", "'0xff'|is_hex", "'zz'|is_hex", "5|is_hex", "none|is_hex", "'a b'|contains_whitespace", "'ab'|contains_whitespace", "5|contains_whitespace", "['a',' ']|contains_whitespace",
    "'1K'|human_to_bytes", "'2G'|human_to_bytes", "'1.5MiB'|human_to_bytes", "'30MB'|human_to_bytes", "'30MB'|human_to_bytes(handle_metric=true)", "'5'|human_to_bytes", "'5'|human_to_bytes('M')", "'x'|human_to_bytes", "'5X'|human_to_bytes", "7|human_to_bytes", "''|human_to_bytes", "'1 Kib'|human_to_bytes", "'1..5K'|human_to_bytes", "'1b'|human_to_bytes", "'2YiB'|human_to_bytes",
    "'a'|to_bytes", "5|to_bytes", "'abcDef'|to_snake_case", "'HTTPServer'|to_snake_case", "'ABC'|to_snake_case", "''|to_snake_case", "'a'|to_snake_case", "'snake_case_word'|to_camelcase", "'snake_case'|to_camelcase(true)", "'x'|to_camelcase(uppercamel=True)", "5|to_camelcase", "'a b'|quote", "'ab'|quote", "\"it's\"|quote", "''|quote", "5|quote", "none|quote", "'$x;'|quote", "'a+b.c*d'|regex_escape", "'a b-c_d/e#f&g~h'|regex_escape", "'é☃'|regex_escape", "5|regex_escape", "'x'|skip",
    "'abcd'|regex_search('^(.*)BC(.*)$', ignorecase=True)", "'abcd'|regex_search('z')", "'abcd'|regex_search('b')", "'abcd'|regex_search('(b)(c)?(x)?')", "'abcd'|regex_match('b')", "'abcd'|regex_match('(a)(.)')", "'ab\\ncd'|regex_search('^(c)', multiline=True)", "'abcd'|regex_search('(')", "5|regex_search('a')", "'abc'|regex_search(5)", "'a1b2'|regex_replace('[0-9]', '#')", "'john smith'|regex_replace('(\\\\w+) (\\\\w+)', '\\\\2 \\\\1')", "'aaa'|regex_replace('a*', 'x')", "'abc'|regex_replace('', '-')", "'abc'|regex_replace('(?P<x>b)', '<\\\\g<x>>')", "'abc'|regex_replace('b', '\\\\n')", "'ABC'|regex_replace('b', 'x', ignorecase=true)", "'a\\nb'|regex_replace('^', '> ', multiline=true)", "'abc'|regex_replace('(z)?b', '[\\\\1]')", "'abc'|regex_replace('b', '\\\\5')", "'x.y.z'|regex_replace('\\\\.', '/')", "'lets replace spaces'|regex_replace('\\\\s+', '__')", "'a{b}'|regex_replace('{b}', 'x')", "'foo.bar'|regex_search('(?<=foo)(.)')", "'aXbX'|regex_replace('X$', '')", "'v1.2.3'|regex_replace('^v?(\\\\d+)\\\\.(\\\\d+).*$', '\\\\1-\\\\2')", "'a/b'|regex_replace('[/]', '_')", "'[x]'|regex_replace('[][]', '')", "'abab'|regex_search('(ab)\\\\1')", "'tést'|regex_match('(\\\\w+)')",
    "'example'|uuid", "5|uuid", "'abc'|md5", "'abc'|sha1", "'abc'|sha256", "'abc'|sha512", "'é'|md5", "5|md5", "'abc'|base64_encode", "'YWJj'|base64_decode", "'YWJ'|base64_decode", "'YQ=='|base64_decode", "'!!YWJj'|base64_decode", "'/w=='|base64_decode", "'a'|base64_decode", "5|base64_encode", "'get salted'|hmac('shared secret', 'eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ=')", "'get salted'|hmac('x', 'y')", "'get salted'|hmac_compute('shared secret')", "'rand'|random_hash|length" , "''|rand_str", "8|random_str|length", "10|rand_str|length", "100|random_hash('sha1')|length", "100|random_hash('zz')",
    "[1,2,3,4,5]|random_shuffle(seed='x')", "range(100)|list|random_sample(5, seed='static')", "[1,2,3]|random_sample(2, seed='web1')", "['a','b','c','d','e','f']|random_shuffle(seed='minion1')", "[1]|random_sample(5)", "'abc'|random_sample(1, seed=5)", "range(30)|list|random_sample(25, 's')", "mp|random_sample(1)",
    "[1,2,3]|combinations(2)|list", "[1,2,3]|permutations(2)|list", "[1,2,3]|permutations|list|length", "[1,2]|combinations_with_replacement(2)|list", "[1,2]|product([3,4])|list", "[0,1]|product(repeat=2)|list", "'ABCD'|compress([1,0,1])|list", "[1,2]|zip(['a','b'])|list", "[1,2,3]|zip(['a'])|list", "[1,2]|zip_longest(['a'])|list", "[1,2]|zip_longest(['a'], fillvalue='-')|list", "[1,2,3]|combinations(5)|list", "[1,2,3]|combinations(-1)|list", "[1]|zip|list", "5|zip([1])",
    "[true,false]|exactly_one_true", "[1,0,0]|exactly_one_true", "[1,1]|exactly_one_true", "[1,1,0]|exactly_n_true(2)", "[]|exactly_n_true(0)", "['b','A','a','B']|sorted_ignorecase", "[1]|sorted_ignorecase", "'a'|substring_in_list(['xay','b'])", "'z'|substring_in_list(['x'])", "1|substring_in_list(['x'])", "[1]|sequence|first", "'foo'|sequence|first", "mp|sequence", "none|sequence", "5|is_list", "[]|is_list", "()|is_iter", "'a'|is_iter", "5|is_iter", "mp|is_iter", "'abc'|method_call('upper')", "'abc'|method_call('replace','a','b')", "'abc'|method_call('nope')", "[3,1]|method_call('count', 3)", "5|method_call('bit_length')",
    "{'a':1}|compare_dicts({'a':2})", "{'a':1}|compare_dicts({'b':2})", "{}|compare_dicts({})", "{'a':1}|compare_dicts({})", "[1,2]|compare_lists([2,3])", "[1]|compare_lists([1])", "{'a':{'b':[1,2]}}|traverse('a:b:1')", "{'a':{'b':[1,2]}}|traverse('a:z','d')", "{'a':[{'b':5}]}|traverse('a:b')", "{'a':[{'b':5}]}|traverse('a:0:b')", "{'a':{1:'x'}}|traverse('a:1')", "{'a':1}|traverse('a:b','d')", "{'a/b':1,'a':{'b':2}}|traverse('a/b', delimiter='/')", "{'a':'str'}|traverse('a:0','d')", "[1,2]|traverse('1')", "[1,2]|traverse(1)", "[1,2]|traverse('5','d')", "{'a':1}|traverse(['a'])", "5|traverse('a','d')", "pillar|traverse('users:bo:uid')", "{'a':[{'b':1},{'c':2}]}|traverse('a:c')", "{'a':none}|traverse('a:b','d')",
    "{}|set_dict_key_value('a:b','c')", "{'a':{}}|set_dict_key_value('a/b',1,'/')", "{}|append_dict_key_value('a:b',1)", "{'a':[1]}|append_dict_key_value('a',2)", "{'a':1}|append_dict_key_value('a',2)", "{}|extend_dict_key_value('a:b',[1,2])", "{'a':[1]}|extend_dict_key_value('a','xy')", "{'a':[1]}|extend_dict_key_value('a',5)", "{}|update_dict_key_value('a:b',{'c':1})", "{'a':{'x':1}}|update_dict_key_value('a',{'y':2})", "{'a':1}|update_dict_key_value('a',{'y':2})", "{'a':{}}|update_dict_key_value('a',5)", "{'a':5}|set_dict_key_value('a:b',1)", "['+---+', '| a | b |', '+---+', '| x | 1 |']|mysql_to_dict('a')",
    "'1.2.3.4'|is_ip", "'1.2.3.4/24'|is_ip", "'::1'|is_ipv6", "'1.2.3.4'|is_ipv6", "'x'|is_ip", "5|is_ip", "'127.0.0.1'|is_ip(options='loopback')", "'10.0.0.1'|is_ipv4(options='public')", "['10.0.0.1','::1','x','8.8.8.8']|ipv4", "['10.0.0.1','::1','x']|ipv6", "['10.0.0.1','fe80::1','x']|ipaddr", "'10.0.0.1'|ipaddr", "'::1'|ipaddr", "'x'|ipaddr", "['10.0.0.1','8.8.8.8']|ipv4(options='private')", "['224.0.0.1','169.254.1.1','240.0.0.1']|ipv4(options='multicast')", "['fe80::1','fec0::1','2001:db8::1']|ipv6(options='ll')", "'192.168.0.1/28'|ip_host", "['192.168.0.1/28','fe80::1/64']|ip_host", "'192.168.0.1'|ip_host", "'192.168.0.0/30'|network_hosts", "'192.168.0.0/31'|network_hosts", "'fe80::/126'|network_hosts", "'192.168.0.1/28'|network_size", "'fe80::/64'|network_size", "['10.0.0.0/8','x']|network_size", "'10.0.0.1/255.255.0.0'|ip_host", "'::ffff:1.2.3.4'|ipv6", "'2001:0db8:0:0:0:0:0:1'|ipv6", "['192.168.0.5','10.0.0.1']|filter_by_networks(['192.168.0.0/24'])", "{'eth0':['192.168.0.5']}|filter_by_networks(['10.0.0.0/8'])", "['10.0.0.1']|filter_by_networks(none)", "['10.0.0.1']|filter_by_networks(['10.0.0.1/8'])", "5|filter_by_networks([])", "['::1','1.2.3.4','x']|ipwrap", "'fe80::1'|ipwrap", "'x'|ipwrap", "'[::1]'|ipwrap", "'08:00:27:13:69:77'|mac_str_to_bytes", "'080027136977'|mac_str_to_bytes", "'xx'|mac_str_to_bytes", "'AC:DE'|gen_mac|length",
    "'/a'|path_join('b','/c')", "'a'|path_join", "'a//b'|path_join('../c')", "'/'|path_join('a')", "'a'|path_join(5)", "''|path_join('x')", "'/a/'|path_join('b/', use_posixpath=true)", "'web1'|check_whitelist_blacklist(['web*'])", "'web1'|check_whitelist_blacklist(blacklist=['web.'])", "'web1'|check_whitelist_blacklist(whitelist='db*')", "'web1'|check_whitelist_blacklist(['web*'],['web1'])", "'web1'|check_whitelist_blacklist", "'x'|check_whitelist_blacklist(5)", "'w[e]b'|check_whitelist_blacklist(['w[[]e[]]b'])",
    "1040814000|strftime", "'1040814000'|strftime('%Y')", "1457456400|date_format('%d.%m.%Y %H:%M')", "1457456400.5|strftime('%H:%M:%S.%f')", "1457456400|strftime('%j %U %a %A %b %B %y %I %p %%')", "1457456400|strftime('%e %c|%x|%X|%D|%T')", "'xx'|strftime", "[1]|strftime", "1457456400|strftime(5)", "none|strftime|length",
    "['a','b']|first", "[]|first", "[]|first|default('d')", "'abc'|first", "mp|first", "5|first", "['a','b']|last", "[]|last", "'abc'|last", "mp|last", "5|last", "range(3)|last", "{'a':1}.items()|last", "[1]|map('string')|last", "[1,2]|reverse|list", "'abc'|reverse", "mp|reverse|list", "5|reverse", "(1,2)|reverse|list", "{'a':1,'b':2}|items|list", "[1]|items", "nope|items|list", "[1]|length", "'é☃'|length", "mp|length", "5|length", "none|length", "range(3)|length", "mp.items()|length", "[1]|map('string')|length", "'abc'|list", "mp|list", "5|list", "mp.items()|list", "[1,2,3]|random in [1,2,3]", "[]|random", "mp|attr('a')", "mp|attr('keys')", "'a'|attr('upper')", "'a'|attr('upper')()", "'a'|attr('__class__')", "mp|attr(5)", "5|string", "[1]|string", "mp|string", "none|string", "'a'|string", "5|default('x')", "none|default('x')", "none|default('x', true)", "''|default('x', boolean=true)", "nope|default(default_value='x')", "nope|default(1,2,3)", "nope|default(foo=1)", "nope|d", "''|d('x',true)", "'a'|upper()", "'a'|upper('x')", "'a'|lower(x=1)", "'a b'|replace(old=' ', new='_')", "'x' | upper | lower", "'a'|safe ~ '<'", "('a'|safe) + '<'", "'<' + ('a'|safe)", "('%s'|safe) % '<'", "('a'|safe).join(['<','b'])", "('<a>'|safe).replace('a','<')", "('{}'|safe).format('<')", "('a'|e)|upper", "('a,b'|safe).split(',')", "('a'|safe) * 2", "('abc'|safe)[1:]", "('a'|safe) == 'a'", "'a' in ('abc'|safe)", "('<'|e).unescape()", "('<b>x</b>'|safe).striptags()", "mp|json ~ '<'", "(mp|json) + '<'", "(mp|yaml).split(',')",
]

STATEMENTS = [
    "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set (x, y) = [1, 2] %}{{ x }}{{ y }}", "{% set x, y = [1] %}", "{% set x, y = [1,2,3] %}", "{% set x, y = 5 %}", "{% set x = x %}{{ x }}", "{% set mp = 1 %}{{ mp }}", "{% set x.y = 1 %}", "{% set x = namespace() %}{% set x.y = 1 %}{{ x.y }}", "{% set mp.z = 1 %}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{% set [a] = 1 %}", "{% set x %}", "{% set x %}a{{ 1 }}{% endset %}{{ x }}|{{ x|length }}", "{% set x|upper %}a{% endset %}{{ x }}", "{% set x|replace('a','b')|upper %}a{% endset %}{{ x }}", "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}", "{% set ns = namespace(a=1) %}{% set ns.b %}blk{% endset %}{{ ns.b }}", "{% set x = 1, %}{{ x }}", "{% set x = 1 if false %}{{ x is defined }}", "{% set _x = 1 %}{{ _x }}",
    "{% if 1 %}a{% endif %}", "{% if 0 %}a{% else %}b{% endif %}", "{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}", "{% if nope %}a{% endif %}", "{% if nope is defined %}a{% else %}b{% endif %}", "{% if true %}{% set x = 1 %}{% endif %}{{ x }}", "{% if false %}{% set mp = 1 %}{% endif %}{{ mp }}", "{% if 1: %}a{% endif %}", "{% if %}a{% endif %}", "{% if 1 %}a", "{% if 1 %}{% for x in [] %}{% endif %}", "{% endif %}", "{% else %}", "{% elif 1 %}", "{% if 1 %}a{% else %}b{% else %}c{% endif %}", "{% if 1, 2 %}x{% endif %}", "{% if false %}{{ 'a'|nofilter }}{% endif %}ok", "{% if true %}{{ 'a'|nofilter }}{% endif %}", "{% if false %}{{ 1 is notest }}{% endif %}ok", "{% if false %}{% for i in [1] %}{{ i|nofilter }}{% endfor %}{% endif %}ok", "{% if false %}{% set x = 'a'|nofilter %}{% endif %}ok", "{% if false %}{% macro m() %}{{ 1|nofilter }}{% endmacro %}{% endif %}ok",
    "{% for x in lst %}{{ x }},{% endfor %}", "{% for x in [] %}a{% else %}empty{% endfor %}", "{% for k, v in mp.items() %}{{ k }}{{ v }}{% endfor %}", "{% for k in mp %}{{ k }}{% endfor %}", "{% for x in 'abc' %}{{ x }}-{% endfor %}", "{% for x in nope %}{% endfor %}", "{% for x in none %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for a, b in [[1,2],[3,4]] %}{{ a }}{{ b }};{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for (a, (b, c)) in [(1,(2,3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for x in lst if x > 1 %}{{ x }}{{ loop.index }}{{ loop.length }}{% endfor %}", "{% for x in lst if x > 9 %}{{ x }}{% else %}none{% endfor %}", "{% for x in lst %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}", "{% for x in lst %}{{ loop.previtem|default('-') }}{{ loop.nextitem|default('-') }};{% endfor %}", "{% for x in lst %}{{ loop.cycle('a','b') }}{% endfor %}", "{% for x in lst %}{{ loop.cycle() }}{% endfor %}", "{% for x in [1,1,2] %}{{ loop.changed(x) }}{% endfor %}", "{% for x in lst %}{{ loop }}{% endfor %}", "{% for x in lst %}{{ loop.nope }}{% endfor %}", "{% for x in lst %}{% for y in [1,2] %}{{ loop.index }}{{ loop.length }}{% endfor %}{{ loop.index }};{% endfor %}", "{% for n in tree recursive %}{{ n.v }}{{ loop.depth }}{% if n.c %}[{{ loop(n.c) }}]{% endif %}{% endfor %}", "{% for x in lst %}{{ loop(x) }}{% endfor %}", "{% for x in lst %}{% set y = x %}{% endfor %}{{ y is defined }}", "{% set y = 0 %}{% for x in lst %}{% set y = y + x %}{{ y }}{% endfor %}{{ y }}", "{% for x in lst %}{% endfor %}{{ x is defined }}", "{% for x in lst %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in lst %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in lst %}{% break %}{% else %}E{% endfor %}", "{% for x in lst %}{% continue %}{% else %}E{% endfor %}", "{% break %}", "{% continue %}", "{% for x in lst %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for x in [1,2] %}{% for y in [1,2] %}{% break %}{% endfor %}{{ x }}{% endfor %}", "{% for x in lst|sort %}{{ x }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}", "{% for x in lst %}{% do lst.append(9) if loop.index < 3 %}{{ x }}{% endfor %}", "{% for k in mp %}{% do mp.update({'z' ~ k: 1}) %}{% endfor %}", "{% set seen = [] %}{% for x in [1,1,2] if x not in seen %}{% do seen.append(x) %}{{ x }}{% endfor %}", "{% for x in lst %}{{ x }}{% endfor", "{% for x lst %}", "{% for in lst %}{% endfor %}", "{% for x in %}{% endfor %}", "{% for x.y in lst %}{% endfor %}", "{% for x in lst %}", "{% for x in lst recursive if x %}{% endfor %}", "{% for loop in lst %}{{ loop }}{% endfor %}", "{% for x in [1,2,3]|batch(2) %}{{ x }}{% endfor %}", "{% for x in lst %}{{ loop.last }}{% do lst.pop() if loop.first %}{% endfor %}", "{% for x in (1,2) %}{{ x }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in mp.values()|list + [5] %}{{ x }}{% endfor %}", "{% for g in people|groupby('a') %}{{ g.grouper }}:{{ g.list|length }} {% endfor %}", "{% for a, b in people|groupby('a') %}{{ a }}:{{ b|length }} {% endfor %}", "{% for x in lst %}{% set loop = 1 %}{% endfor %}",
    "{% macro m() %}x{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}", "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1,3) }}{{ m(b=4,a=5) }}", "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(a=b, b=1) %}{{ a }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{% endmacro %}{{ m(1,2) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1,2,x=3) }}", "{% macro m(a) %}{{ varargs }}{% endmacro %}{{ m(1,2,3) }}", "{% macro m(a) %}{{ kwargs }}{% endmacro %}{{ m(1,b=2) }}", "{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}{{ m(1) }}", "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}body{% endcall %}", "{% macro m() %}{{ caller(1,2) }}{% endmacro %}{% call(a,b) m() %}{{ a }}{{ b }}{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m() %}x{% endmacro %}{% call m() %}body{% endcall %}", "{% macro m(caller) %}{{ caller() }}{% endmacro %}", "{% macro m(caller=none) %}{{ caller() }}{% endmacro %}{% call m() %}b{% endcall %}", "{% call 5 %}{% endcall %}", "{% call m %}{% endcall %}", "{% macro m(a, b=1, c) %}{% endmacro %}", "{% macro m(1) %}{% endmacro %}", "{% macro m %}{% endmacro %}", "{% macro m() %}", "{% macro m() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}", "{% set x = 1 %}{% macro m() %}{% set x = 2 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(3) }}", "{% macro m() %}{{ grains.os }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}", "{% macro m() %}{% endmacro %}{{ m }}", "{% macro m() %} a {% endmacro %}[{{ m()|trim }}]", "{% for x in lst %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro a() %}A{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "{% macro m(x) %}{{ x|upper }}{% endmacro %}{{ ['a']|map('upper')|join }}{{ m('z')|lower }}", "{% macro m() %}{{ m2() }}{% endmacro %}{{ m() }}", "{% macro m(*a) %}{% endmacro %}", "{% macro m(a,) %}{{ a }}{% endmacro %}{{ m(1,) }}", "{% macro m(a=[]) %}{% do a.append(1) %}{{ a }}{% endmacro %}{{ m() }}{{ m() }}", "{% if 1 %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}", "{% macro m() %}{% call m2() %}x{% endcall %}{% endmacro %}{% macro m2() %}<{{ caller() }}>{% endmacro %}{{ m() }}", "{% macro list_of(items) %}{% for i in items %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(x) list_of([1,2]) %}({{ x }}){% endcall %}", "{% macro m() %}{{ loop is defined }}{% endmacro %}{% for i in [1] %}{{ m() }}{% endfor %}",
    "{% do lst.append(4) %}{{ lst }}", "{% do mp.update({'c': 3}) %}{{ mp }}", "{% do nope.x() %}", "{% do 1 %}x", "{% do %}", "{% do mp.update({'x': 1}), mp.update({'y': 2}) %}{{ mp.y }}", "{% set l = [] %}{% do l.append(l) %}{{ l|length }}", "{% set a = mp %}{% do a.pop('a') %}{{ mp }}", "{% set c = mp.copy() %}{% do c.update({'q': 1}) %}{{ mp }}{{ c }}", "{% set l = [[0]] * 2 %}{% do l[0].append(1) %}{{ l }}", "{% set d = {} %}{% do d.setdefault('a', []).append(1) %}{{ d }}",
    "{% with %}a{% endwith %}", "{% with a=1 %}{{ a }}{% endwith %}{{ a is defined }}", "{% with a=1, b=2 %}{{ a }}{{ b }}{% endwith %}", "{% set a = 5 %}{% with a=1, b=a %}{{ b }}{% endwith %}", "{% with a=1 b=2 %}{% endwith %}", "{% with a %}{% endwith %}", "{% with %}{% set z = 1 %}{% endwith %}{{ z is defined }}", "{% with a, b = [1,2] %}{{ a }}{% endwith %}",
    "{% filter upper %}abc{{ 'd' }}{% endfilter %}", "{% filter replace('a','b')|upper %}abc{% endfilter %}", "{% filter nofilter %}a{% endfilter %}", "{% filter %}a{% endfilter %}", "{% filter indent(2) %}a\nb{% endfilter %}", "{% filter upper %}{% set x = 'q' %}{{ x }}{% endfilter %}{{ x is defined }}", "{% filter upper", "{% filter trim %}  {% for i in lst %} {{ i }} {% endfor %}  {% endfilter %}",
    "{% raw %}{{ x }}{% endraw %}", "{% raw %}{% if %}{% endraw %}", "{%- raw -%} a {%- endraw -%} b", "{% raw %}abc", "{% raw %}{# c #}{% endraw %}", "{% raw %} {% endraw %}x", "a {%- raw %} b {% endraw -%} c", "{%raw%}x{%endraw%}", "{% raw %}{% raw %}{% endraw %}", "{% raw x %}{% endraw %}",
    "{# comment #}a", "a{#- c -#} b", "{# a", "{# {{ x }} {% if %} #}b", "{##}x", "{#-#}x", "{# a\nb #}c", "#}", "}}", "%}", "{ { x } }", "{{ '{{' }}{{ '}}' }}", "{{ '%}' }}", "{% set x = '%}' %}{{ x }}", "{{ {'a': {'b': 1}} }}", "{{ {'a':{'b':1}}}}", "{{{'a':1}.a}}", "{{1}}{{2}}", "{{ 1", "{% set x = 1", "{{ }}", "{{", "{%", "{% %}", "{{ ( }}", "{{ ) }}", "{{ [1) }}", "{{ 'a }}", "{{ $x }}", "{{ a b }}", "{{ 1 2 }}", "{{ x! }}", "{{ x? }}", "{{ a.b. }}", "{{ a..b }}", "{{ .a }}", "{{ a[ }}", "{{ a[] }}", "{{ a[1 }}", "{{ f( }}", "{{ f(,) }}", "{{ f(a=1, 2) }}", "{{ f(*a, *b) }}", "{{ f(**a, b) }}", "{{ f(a b) }}", "{{ x | }}", "{{ | x }}", "{{ x|5 }}", "{{ x is }}", "{{ x is 5 }}", "{{ not }}", "{{ 1 + }}", "{{ * 1 }}", "{{ 1 if }}", "{{ 1 else 2 }}", "{{ lambda x: x }}", "{{ x = 1 }}", "{{ x == }}", "{{ {1} }}", "{{ {1: } }}", "{{ {1:2, 3} }}", "{{ [1 2] }}", "{{ é }}", "{{ 'a'; 1 }}", "{% foo %}", "{% endfor %}", "{% if 1 %}{% endfor %}{% endif %}", "{% for x in lst %}{% endif %}{% endfor %}", "{% block %}{% endblock %}", "{% block a %}{% endblock b %}", "{% block a-b %}{% endblock %}", "{% block a %}1{% endblock %}{% block a %}2{% endblock %}", "{% 5 %}", "{% 'a' %}", "{% set %}", "{% from %}", "{% import %}", "{% include %}", "{% extends %}", "{% print 1 %}", "{% print 1, 2 %}", "{% print %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}", "{% autoescape false %}{{ '<' }}{% endautoescape %}", "{% debug %}", "{% trans %}x{% endtrans %}", "{% scoped %}", "{% call %}", "{% endmacro %}", "{% endcall %}", "{% do", "{% if 1 %}{% else if 2 %}{% endif %}", "{{ 1 }", "{{ 1 }} }}", "{% set x = {'a': 1} %}{{ x.a }}", "{% set x = [1, 2 %}", "{% set x = (1 %}",
    "{% import 'lib.jinja' as l %}{{ l.val }}{{ l.m(1) }}{{ l.ctxval }}{{ l.ctxm() }}", "{% import 'lib.jinja' as l with context %}{{ l.m('a') }}{{ l.ctxm() }}", "{% import 'lib.jinja' as l %}{{ l._hidden is defined }}", "{% import 'lib.jinja' as l %}{{ l.nope }}", "{% import 'lib.jinja' as l %}{{ l.nope() }}", "{% import 'lib.jinja' as l %}{{ l }}", "{% import 'lib.jinja' as l without context %}{{ l.val }}", "{% from 'lib.jinja' import m %}{{ m(1) }}", "{% from 'lib.jinja' import m as q, val %}{{ q(1) }}{{ val }}", "{% from 'lib.jinja' import m, val with context %}{{ m(1) }}{{ val }}", "{% from 'lib.jinja' import nope %}x", "{% from 'lib.jinja' import nope %}{{ nope }}", "{% from 'lib.jinja' import nope %}{{ nope() }}", "{% from 'lib.jinja' import _hidden %}", "{% from 'nofile' import x %}", "{% import 'nofile' as x %}", "{% include 'nofile' %}", "{% include 'nofile' ignore missing %}x", "{% include ['nofile','inc.txt'] %}", "{% include ['nofile','nofile2'] %}", "{% include ['nofile'] ignore missing %}x", "{% include [] %}", "{% include 'inc.txt' %}", "{% include 'inc.txt' without context %}", "{% include 'inc.txt' with context %}", "{% set i = 5 %}{% include 'inc2.txt' %}", "{% for i in [1,2] %}{% include 'inc2.txt' %}{% endfor %}", "{% set top = 1 %}{% include 'inctop.txt' %}", "{% set top = 1 %}{% include 'inctop.txt' without context %}", "{% set top = 1 %}{% import 'lib.jinja' as l with context %}{{ l.outer() }}", "{% set top = 1 %}{% import 'lib.jinja' as l %}{{ l.outer() }}", "{% set top=1 %}{% from 'lib.jinja' import outer with context %}{% set top=2 %}{{ outer() }}", "{% include nope %}", "{% import nope as x %}", "{% include 5 %}", "{% set f = 'lib.jinja' %}{% from f import val %}{{ val }}", "{% from 'lib' ~ '.jinja' import val %}{{ val }}", "{% from 'lib.jinja' import val with %}", "{% from 'lib.jinja' import (val) %}", "{% from 'lib.jinja' import val, %}", "{% from 'lib.jinja' import with context %}", "{% import 'lib.jinja' %}", "{% import 'lib.jinja' as 5 %}", "{% include 'bad.jinja' %}", "{% import 'bad.jinja' as x %}", "{% include 'undef.jinja' %}", "{% from 'undefmacro.jinja' import f %}\n{{ f(1) }}", "a\nb\n{% include 'undef.jinja' %}", "{% include './b.jinja' %}", "{% include 'sub/a.jinja' %}", "{% from './d.jinja' import x %}{{ x }}", "{% from 'sub/c.jinja' import y %}{{ y }}", "{% include '../inc.txt' %}", "{% include '../../inc.txt' %}", "{% from 'sub/d.jinja' import x %}{{ x }}|{{ tpldir }}", "{% import 'ns.jinja' as a %}{% import 'ns.jinja' as b %}{{ a.inc() }}{{ b.inc() }}", "{% import 'ns.jinja' as a with context %}{% import 'ns.jinja' as b with context %}{{ a.inc() }}{{ b.inc() }}", "{% from 'map.jinja' import m with context %}{{ m }}", "{% from 'map.jinja' import m, defaults %}{{ m.z }}{{ defaults.a }}", "{% include 'lib.jinja' %}x", "{% if true %}{% from 'lib.jinja' import val %}{% endif %}{{ val }}", "{% for i in [1] %}{% from 'lib.jinja' import val %}{{ val }}{% endfor %}{{ val is defined }}", "{% macro q() %}{% from 'lib.jinja' import val %}{{ val }}{% endmacro %}{{ q() }}",
    "{% extends 'base.txt' %}", "{% extends 'base.txt' %}{% block b %}X{% endblock %}", "{% extends 'base.txt' %}{% block b %}X{{ super() }}{% endblock %}", "{% extends 'mid.txt' %}{% block b %}X{{ super() }}{% endblock %}", "{% extends 'mid.txt' %}{% block b %}{{ super.super() }}{% endblock %}", "{% extends 'base.txt' %}{% block b %}{{ super.super() }}{% endblock %}", "{% extends 'base.txt' %}ignored{% block c %}{{ 1 }}{% endblock %}", "before{% extends 'base.txt' %}after", "{% extends 'base.txt' %}{% set z = 5 %}{% block b %}{{ z }}{% endblock %}", "{% extends 'nofile' %}", "{% extends nope %}", "{% extends 'base.txt' %}{% extends 'base.txt' %}", "{% if true %}{% extends 'base.txt' %}{% endif %}", "{% extends 'req.txt' %}", "{% extends 'req.txt' %}{% block r %}R{% endblock %}", "{% include 'req.txt' %}", "{% block a %}A{% endblock %}{{ self.a() }}", "{{ self.zz() }}", "{% block a %}{% set q = 1 %}{% endblock %}{{ q is defined }}", "{% set q = 1 %}{% block a %}{{ q }}{% endblock %}", "{% for i in [1,2] %}{% block a %}{{ i is defined }}{% endblock %}{% endfor %}", "{% for i in [1,2] %}{% block a scoped %}{{ i }}{% endblock %}{% endfor %}", "{% block a required %}x{% endblock %}", "{% block a required %} {% endblock %}", "{% block a %}{{ super() }}{% endblock %}", "{% block a %}{% block b %}B{% endblock %}A{% endblock %}", "{% extends 'base.txt' %}{% block b %}{{ nowhere }}{% endblock %}", "{% extends 'base.txt' %}{% macro m() %}M{% endmacro %}{% block b %}{{ m() }}{% endblock %}", "{% extends 'base.txt' %}{% for i in [1] %}x{% endfor %}{% block b %}y{% endblock %}", "{% extends 'base.txt' %}{% include 'inc.txt' %}",
    "{% load_yaml as x %}\na: 1\nb: [x]\n{% endload %}{{ x }}", "{% load_json as x %}{\"a\": [1]}{% endload %}{{ x.a }}", "{% load_text as x %}t{{ 1 }}{% endload %}{{ x }}", "{% load_yaml as x %}a: {{ n }}{% endload %}{{ x.a + 1 }}", "{% load_yaml as x %}a: [{% endload %}", "{% load_yaml as x %}\nok: 1\nbad: [1\nmore: 2\n{% endload %}", "{% load_json as x %}{bad}{% endload %}", "{% load_yaml x %}{% endload %}", "{% load_yaml as x %}a", "{% load_yaml as x, y %}[1, 2]{% endload %}{{ x }}{{ y }}", "{% load_xml as x %}{% endload %}", "{% load_yaml as x %}{% set inner = 1 %}a: 1{% endload %}{{ inner is defined }}", "{% import_yaml 'd.yaml' as x %}{{ x }}", "{% import_json 'd.json' as x %}{{ x }}", "{% import_text 'd.json' as x %}{{ x }}", "{% import_yaml 'nofile' as x %}", "{% import_yaml 'bad.yaml' as x %}", "{% import_json 'd.yaml' as x %}", "{% import_yaml 'd.yaml' as x with context %}{{ x.a }}", "{% import_yaml 'd.yaml' %}", "{% import_yaml nope as x %}", "{% set f = 'd.yaml' %}{% import_yaml f as x %}{{ x.c }}", "{% import_yaml 'd.yaml' as x %}{% do x.update({'q': 1}) %}{% import_yaml 'd.yaml' as y %}{{ y }}", "{% profile as 'x' %}a{% set v = 1 %}{% endprofile %}{{ v }}", "{% profile 'x' %}{% endprofile %}", "{% profile as nope %}a{% endprofile %}", "{% load_yaml as x %}{% for i in lst %}\n- {{ i }}{% endfor %}\n{% endload %}{{ x }}", "{% load_yaml as x %}{{ nowhere }}{% endload %}", "{% for i in [1] %}{% load_yaml as x %}a: {{ i }}{% endload %}{{ x }}{% endfor %}{{ x is defined }}",
]

MULTILINE = [
    "a\n{{ nope }}\nb\n", "a\n\n{% if nope %}\n{% endif %}\n", "{% set x = {\n  'a': 1,\n  'b': nope\n} %}\n{{ x.b }}\n", "{{ {\n 'a': 1,\n 'b': nope.x\n} }}\n", "1\n2\n3\n4\n5\n6\n7\n{{ nope }}\n9\n10\n11\n12\n13\n14\n15\n", "{% macro m() %}\n{{ nope }}\n{% endmacro %}\n\n{{ m() }}\n", "{% for i in [1] %}\n{{ i }}\n{{ nope }}\n{% endfor %}\n", "{% if true %}\n{% foo %}\n{% endif %}", "x\n{% if 1 %}\ny", "x\n{{ 'a'|nofilter }}\n", "{#\n\n#}{{ nope }}", "{% raw %}\n\n{% endraw %}{{ nope }}", "a\n{%- set x = 1 -%}\n\nb {{ nope }}", "{{ 1 +\n 'a' }}", "{{ '%s\n' % nope }}", "line\n{{ salt['test.refuse']() }}\n", "line\n{{ salt['test.fail']() }}\n", "\n\n{{ raise('x') }}", "{% set x = [\n1,\n2,\n nope + 1] %}", "{% call nope() %}\n{% endcall %}", "{% do\n nope.x() %}", "a\n{% import_yaml 'bad.yaml' as x %}", "a\n{% include 'nofile' %}\n", "{% block a %}\n{{ nope }}\n{% endblock %}", "{% extends 'base.txt' %}\n\n{% block b %}\n{{ nope.x }}{% endblock %}", "{% filter upper %}\n{{ nope }}\n{% endfilter %}", "{% set x %}\n{{ nope }}\n{% endset %}", "{% with a = 1 %}\n{{ nope }}\n{% endwith %}", "{% with a = nope.x %}\n{% endwith %}", "a\r\nb\r\n{{ nope }}\r\nc", "{{ nope\n\n}}", "{{\nnope }}", "{{ mp\n.nope\n.x }}", "{{ 'a'\n|upper\n|nofilter }}", "{% if 0 %}\n{% elif nope %}\n{% endif %}", "{% for x in nope %}\n{% endfor %}", "{% for x in [1] if nope %}\n{% endfor %}", "{{ [\n nope,\n 1][0] }}", "{% macro m(a,\n b=nope) %}\n{{ b }}\n{% endmacro %}\n{{ m(1) }}", "{{ m() }}\n{% macro m() %}{% endmacro %}", "{% from 'lib.jinja' import m %}\n\n{{ m() }}",
]

WHITESPACE = [
    "a\n  {% if 1 %}\n  b\n  {% endif %}\nc\n", "a\n  {%- if 1 %}\n  b\n  {%- endif %}\nc\n", "a\n  {% if 1 -%}\n  b\n  {% endif -%}\nc\n", "  {% set x = 1 %}\n  {{ x }}\n", "a {{- 1 -}} b", "a\n{{ 1 }}\nb", "{% if 1 %}\n\na\n\n{% endif %}\n\n", "  {# c #}\nx", "  {#- c -#}\nx", "a\n{%+ if 1 %}b{% endif %}", "  {%+ if 1 %}b{%+ endif %}", "{% if 1 +%}\nb{% endif %}", "{{+ 1 }}", "{{ 1 +}}", "a\n\t{% if 1 %}x{% endif %}\t\n", "x  {% if 1 %}y{% endif %}  z", "\n\n{% set a = 1 %}\n\n", "{% for i in [1,2] %}\n{{ i }}\n{% endfor %}\n", "{% for i in [1,2] -%}\n{{ i }}\n{%- endfor %}\n", "{%- for i in [1,2] %}\n- {{ i }}\n{%- endfor %}\n", "a\n", "a\n\n", "a", "\n", "", " ", "{{ 'a\n' }}", "a\r\nb\r\n", "a\rb", "{% raw %}\n  x\n{% endraw %}\ny", "  {% raw %}x{% endraw %}", "a {#+ c +#} b", "{% if 1 %}\r\nx\r\n{% endif %}\r\n", "x{% set a = 1 %}\n\ny", "{{ 1 }}\n\n", "{%- if 1 -%}   a   {%- endif -%}   b", "  {{ 1 }}", "a\n  {{- 1 }}\n", "a\n    {%- raw %} b {% endraw %}", "{% macro m() -%}\n  x\n{%- endmacro %}[{{ m() }}]", "{% block a %}\n  z\n{% endblock %}\n", "a\u00a0{%- if 1 %}b{% endif %}", "{#a#}\n{#b#}\nc",
]

LINES = [
    "# if 1\na\n# endif\nb", "  # for i in [1,2]\n{{ i }}\n  # endfor", "a # if 1", "# set x = 1\n{{ x }}", "x\n# foo\n", "a ## comment\nb", "## all\nb", "# if 1: ## c\na\n# endif", "# if (1 and\n 2)\na\n# endif\n", "-# if 1\na\n# endif", "a\n\n#- if 1\nb\n# endif\nc", "# raw\n", "#if 1\na\n#endif", "text\n   # set y = 2\nmore {{ y }}",
]


# Arguments of `json_query`, and more of what it is asked with.
QUERIES = [
    "people|json_query('[].n')", "people|json_query('[*].c.d')", "people|json_query(\"[?a > `1`].n\")", "people|json_query('[?c].n | [0]')",
    "people|json_query('[0]')", "people|json_query('[0].c')", "people|json_query('[-1].zz')", "people|json_query('length(@)')",
    "people|json_query('sort_by(@, &n)[].n')", "people|json_query('max_by(@, &a).n')", "people|json_query('min_by(@, &a)')",
    "people|json_query('[].{name: n, d: c.d}')", "people|json_query('[].[n, a]')", "people|json_query('map(&c.d, @)')",
    "people|json_query('sort_by(@, &c)')", "people|json_query('max_by(@, &c)')", "people|json_query('group_by(@, &n)')",
    "tree|json_query('[].c[].c[].v')", "tree|json_query('[].c[] | [].v')", "tree|json_query('[0].c[0].c')", "tree|json_query('**')",
    "pillar|json_query('users.*.uid')", "pillar|json_query('keys(users)')", "pillar|json_query('users.bo.groups[1]')", "pillar|json_query('users.values(@)[].uid')",
    "pillar|json_query('users | to_string(@)')", "pillar.users|json_query('bo.groups.join(`,`, @)')", "pillar|json_query('users.\"bo\".uid')",
    "grains|json_query('os')", "grains|json_query('[os, id]')", "grains|json_query('join(`-`, [os, id])')", "grains|json_query('ipv4[?starts_with(@, `10.`)] | [0]')",
    "grains|json_query('to_number(osmajorrelease)')", "grains|json_query('osmajorrelease == `12`')", "grains|json_query('merge(@, {x: `1`}).x')",
    "mp|json_query('a')", "mp|json_query('@')", "mp|json_query('*')", "mp|json_query('sum(*)')", "mp|json_query('avg(values(@))')", "mp|json_query(expr='a')",
    "lst|json_query('sort(@)')", "lst|json_query('reverse(@)')", "lst|json_query('[::-1]')", "lst|json_query('[1:]')", "lst|json_query('[::0]')", "lst|json_query('max(@)')",
    "lst|json_query('contains(@, `3`)')", "lst|json_query('[?@ >= `2`]')", "lst|json_query('[]|[0]')", "lst|json_query('avg(@)')", "lst|json_query('to_array(@)')",
    "words|json_query('sort(@)')", "words|json_query('join(`, `, @)')", "words|json_query('[?contains(@, `app`)]')", "words|json_query('max(@)')", "words|json_query('sum(@)')",
    "f|json_query('ceil(@)')", "f|json_query('floor(@)')", "f|json_query('abs(@)')", "n|json_query('@')", "n|json_query('@ == `42`')", "big|json_query('@ == `42`')", "big|json_query('to_string(@)')",
    "(2**70)|json_query('abs(@)')", "(-2**70)|json_query('abs(@)')", "1e300|json_query('ceil(@)')", "(f * 1e308)|json_query('ceil(@)')", "(f * 1e308)|json_query('to_string(@)')",
    "text|json_query('length(@)')", "uni|json_query('length(@)')", "uni|json_query('reverse(@)')", "uni|json_query('to_string([@])')", "uni|json_query(\"contains(@, '☃')\")", "none_|json_query('@')", "none_|json_query('a')", "none_|json_query('[@]')", "none_|json_query('`1`')",
    "yes_|json_query('@ == `1`')", "1|json_query('@ == `true`')", "0|json_query('!@')", "''|json_query('!@')", "0|json_query('@ || `5`')", "[]|json_query('@ || `5`')", "()|json_query('@ || `5`')", "{}|json_query('@ && `5`')",
    "(1,2)|json_query('[0]')", "(1,2)|json_query('[]')", "(1,2)|json_query('@')", "(1,2)|json_query('type(@)')", "(1,2)|json_query('length(@)')", "(1,2)|json_query('to_string(@)')", "(1,2)|json_query('to_number(@)')", "(1,2)|json_query('@ == `[1,2]`')",
    "range(3)|json_query('[0]')", "mp.keys()|json_query('[0]')", "mp.items()|json_query('length(@)')", "'a'.encode()|json_query('length(@)')", "'12'.encode()|json_query('to_number(@)')", "{'a': 'b'.encode()}|json_query('to_string(@)')",
    "'a'|safe|json_query('@')", "'a'|safe|json_query('length(@)')", "'a'|safe|json_query('type(@)')", "'a'|safe|json_query('@ < `b`')", "'12'|safe|json_query('to_number(@)')", "['b'|safe, 'a']|json_query('sort(@)')",
    "nope|json_query('a')", "nope|json_query('@')", "nope|json_query('[0]')", "nope|json_query('*')", "nope|json_query('@ || `1`')", "nope|json_query('length(@)')", "nope|json_query('`1`')", "mp.zz|json_query('a')", "{'a': nope}|json_query('a.b')", "mp|json_query(nope)",
    "mp|json_query", "mp|json_query()", "mp|json_query('a', 'b')", "mp|json_query('a', x=1)", "mp|json_query('')", "mp|json_query(none)", "mp|json_query(0)", "mp|json_query(5)", "mp|json_query([1])", "mp|json_query({})", "mp|json_query('a'|safe)",
    "{1: 'a', 'b': 2}|json_query('keys(@)')", "{1: 'a'}|json_query('to_string(@)')", "{(1,2): 'a'}|json_query('to_string(@)')", "{none: 1, true: 2, 1.5: 3}|json_query('to_string(@)')", "{'a': 1, 'b': 'x'}|json_query('sort(*)')", "{'a': 1, 'b': true}|json_query('sum(*)')",
    "mp|json_query('&a')|string|length > 10", "mp|json_query('type(&a)')", "[1, 'a']|json_query('min_by(@, &@)')", "['a', 1]|json_query('max_by(@, &@)')", "[1, 'a']|json_query('sort_by(@, &@)')", "[1, none]|json_query('sort_by(@, &@)')", "[none]|json_query('sort_by(@, &@)')", "[]|json_query('sort_by(@, &@)')", "[1, 2.0, true]|json_query('max(@)')",
    "'1'|json_query('@ < `2`')", "{'a': '1'}|json_query('a < `2`')", "'a'|json_query('@ < `2`')", "'abc'|json_query('contains(@, `1`)')", "['abc']|json_query('[?contains(@, `b`)]')", "['3', '2.5', 'x', '', ' 7 ', '0x1', '1_0', 'nan', 'inf']|json_query('[].to_number(@)')",
    "mp|json_query('a.')", "mp|json_query('a b')", "mp|json_query('a[')", "mp|json_query('[')", "mp|json_query('a]')", "mp|json_query('a[b]')", "mp|json_query('a.1')", "mp|json_query('1')", "mp|json_query('{a b}')", "mp|json_query('{a: b,}')", "mp|json_query('{')",
    "mp|json_query('a = b')", "mp|json_query('a =')", "mp|json_query('a # b')", "mp|json_query('`{`')", "mp|json_query('`a')", "mp|json_query(\"'a\")", "mp|json_query('\"a')", "mp|json_query('\"a\"(b)')", "mp|json_query('a(b')", "mp|json_query('@(b)')", "mp|json_query('length(a, b)')", "mp|json_query('length()')", "mp|json_query('merge()')", "mp|json_query('nope(a)')", "mp|json_query('-')", "mp|json_query('a[-]')",
    "mp|json_query('a[0:1:2:3]')", "mp|json_query('a[:x]')", "mp|json_query('*.a b')", "mp|json_query('a.*.')", "mp|json_query('foo.*bar')", "mp|json_query('a..b')", "mp|json_query('é')", "mp|json_query('a é')", "mp|json_query('\"é\"')", "mp|json_query('a\\n.b\\n.')", "mp|json_query('a || ')", "mp|json_query('!')", "mp|json_query('(a')", "mp|json_query('a)')", "mp|json_query('   ')",
    "mp|json_query('\"a\\\\x\"')", "mp|json_query('\"\\\\u00e\"')", "mp|json_query('\"a\\nb\"')", "mp|json_query('\"\\\\u0061\"')", "mp|json_query('`\"a\\nb\"`')", "mp|json_query('`01`')", "mp|json_query('` x y `')", "mp|json_query('`x\"y`')", "mp|json_query('``')", "mp|json_query('`[1, {\"a\": null}]`')", "mp|json_query('`1.5e3`')", "mp|json_query('`12345678901234567890`')",
    "[[0, 1], [2]]|json_query('[0][0:1]')", "[[0, 1], [2]]|json_query('[0][0:1].x')", "[[[0, 1], [2]]]|json_query('[0][0][*]')", "[[0, 1], [2]]|json_query('[:1][0]')", "[[0, 1], [2]]|json_query('[*][0]')", "[[0, 1], [2]]|json_query('[][0]')", "[1]|json_query('[99999999999999999999]')", "[1]|json_query('[-99999999999999999999:]')", "{'a': {'b': 1}, 'c': {'b': 2}}|json_query('*.b')", "{'a': {'b': 1}, 'c': {'b': 2}}|json_query('[*].b')", "[1]|json_query('[007]')", "[1]|json_query('[-0]')",
]

QUERY_STATEMENTS = [
    "{% set c = people|json_query('[0].c') %}{% do c.update({'d': 9}) %}{{ people[0].c.d }}", "{% set l = lst|json_query('@') %}{% do l.append(9) %}{{ lst }}", "{% set l = lst|json_query('[*]') %}{% do l.append(9) %}{{ lst }}",
    "{% for p in people|json_query('[?a > `1`]') %}{{ loop.index }}{{ p.n }}{% endfor %}", "{% if grains|json_query('os') == 'Debian' %}yes{% endif %}", "{{ people|json_query('[].n')|join(',') }}", "{{ people|map('json_query', 'n')|list }}", "{{ people|json_query('[].n')|yaml }}|{{ people|json_query('[].c')|json }}",
    "a\nb\n{{ mp|json_query('a.') }}\nc\n", "{% macro q(e) %}\n{{ mp|json_query(e) }}\n{% endmacro %}x\n{{ q('a[') }}\n", "{% set q = 'sort_by(@, &n)[].n' %}\n{{ people|json_query(q) }}", "{% set x = mp|json_query('{m: `[1]`}') %}{% do x.m.append(2) %}{{ x }}", "{% filter json_query('length(@)')|string %}abc{% endfilter %}", "{% filter json_query('@') %}abc{% endfilter %}", "{{ nope|json_query('@') is defined }}",
]


# Octets, and what is done with them.
OCTETS = ["'Abc dEf'.encode()", "''.encode()", "'a,b,,c'.encode()", "'  pad '.encode()", "'Grüße'.encode()", "'12'.encode()", "'a\\r\\nb\\x0bc\\n'.encode()"]

BYTES_METHODS = [
    "capitalize()", "center(9)", "center(9, 'x'.encode())", "center(9, 'x')", "count('b'.encode())", "count('b')", "count(98)", "count(300)", "count(''.encode())", "decode()", "endswith('c'.encode())", "endswith('c')", "endswith(('f'.encode(), 'c'.encode()))",
    "expandtabs()", "find('b'.encode())", "find(98)", "find('b')", "find('z'.encode())", "index('z'.encode())", "hex()", "hex(':')", "hex(':', 2)", "hex('-', -2)", "hex('')", "hex(1)", "hex('::')", "hex(sep='.')", "isalnum()", "isalpha()", "isascii()", "isdigit()", "islower()",
    "isspace()", "istitle()", "isupper()", "join(['x'.encode(), 'y'.encode()])", "join(['x'])", "join([])", "ljust(9)", "lower()", "lstrip()", "lstrip('Aa'.encode())", "lstrip('A')", "partition('b'.encode())", "partition('b')", "partition(''.encode())", "removeprefix('A'.encode())", "removesuffix('f'.encode())",
    "replace('b'.encode(), 'XX'.encode())", "replace('b', 'X')", "replace('b'.encode(), ''.encode(), 1)", "rfind('b'.encode())", "rindex(98)", "rjust(9)", "rpartition(','.encode())", "rsplit()", "rsplit(','.encode(), 1)", "rstrip()", "rstrip('f'.encode())", "split()", "split(','.encode())", "split(',')", "split(','.encode(), 1)", "split(''.encode())",
    "splitlines()", "splitlines(true)", "startswith('A'.encode())", "startswith('A')", "strip()", "swapcase()", "title()", "upper()", "zfill(9)", "upper(1)", "isidentifier()", "casefold()", "encode()", "format()", "nomethod()", "__class__", "upper",
]

OCTET_EXPRESSIONS = [
    "octets + octets", "octets * 2", "octets == octets", "octets ~ 'x'", "octets|length", "octets|first", "octets|last", "octets|list", "octets[0]", "octets[1:3]", "octets[::-1]", "octets[99]", "98 in octets", "octets in octets", "'b' in octets", "octets|string", "octets|upper", "octets|base64_encode", "octets|sha256", "octets|join", "octets|sort", "octets is string",
    "octets is iterable", "octets|int", "octets|d('x')", "[octets]|yaml", "octets|tojson", "octets|replace('b', 'x')", "octets < octets", "octets + 'x'", "octets % 1", "octets|reverse|list", "octets|max", "octets|to_bytes", "octets|is_list",
]


# Filters that 3007 brought.
LATER = [
    "mp|to_entries", "lst|to_entries", "{}|to_entries", "(1, 2)|to_entries", "none_|to_entries", "text|to_entries", "nope|to_entries", "{1: [2]}|to_entries", "odict(z=1, a=2)|to_entries", "mp|to_entries|from_entries", "words|to_entries|from_entries",
    "[{'key': 'a', 'value': 1}, {'Name': 'b', 'VALUE': 2}]|from_entries", "[{'key': '', 'name': 'n', 'value': 1}]|from_entries", "[{'key': 0, 'value': 1}]|from_entries", "[{'key': 'a'}]|from_entries", "[{'k': 'a'}]|from_entries", "[]|from_entries", "{}|from_entries",
    "[{'key': 'a', 'value': 1}, {'key': 'a', 'value': 2}]|from_entries", "[{'key': 'a', 'Key': 'b', 'value': 2}]|from_entries", "[{1: 'a'}]|from_entries", "[1]|from_entries", "5|from_entries", "nope|from_entries", "[[('key', 'a'), ('value', 1)]]|from_entries", "[{'key': [1], 'value': 2}]|from_entries", "mp|to_entries(1)", "mp|from_entries(1)",
]


def systematic():
    for value in VALUES:
        for name in FILTERS:
            add("{{ " + (f"({value})" if re.match(r"[-\d]", value) else value) + "|" + name + " }}")
        for name in TESTS:
            add("{{ " + value + " is " + name + " }}")
    for subject in ["'Abc bad f'", "'  Aa b\\tf '", "''", "'x=1'|safe", "uni"]:
        exprs(f"({subject}).{method}" for method in STR_METHODS)
    for subject in ["[1,2,3]", "[]", "['b','a']", "(1,2)"]:
        for method in LIST_METHODS:
            add("{% set v = " + subject + " %}{{ v." + method + " }}|{{ v }}")
    for subject in ["{'a':1,'b':2}", "{}"]:
        for method in DICT_METHODS:
            add("{% set v = " + subject + " %}{{ v." + method + " }}|{{ v }}")
    exprs(FORMATS)
    for left, op, right in itertools.product(OPERANDS, OPERATORS, OPERANDS):
        add("{{ " + left + " " + op + " " + right + " }}")
    exprs(EXPRESSIONS)
    exprs(FILTER_CALLS)
    for text in STATEMENTS + MULTILINE:
        add(text)
    for text in ["{{ nope }}", "{{ nope.x }}", "{{ mp.zz }}", "{{ mp.zz.y }}", "[{{ nope }}]", "{% for x in nope %}a{% else %}b{% endfor %}", "{{ nope == 1 }}{{ not nope }}", "{{ nope ~ 'a' }}", "{{ nope + 1 }}", "{{ nope|length }}", "{{ nope() }}", "{{ [nope] }}", "{% if nope %}a{% else %}b{% endif %}", "{{ nope|default('x') }}", "{{ nope|upper }}", "{{ nope|int }}", "{{ nope|list }}", "{{ nope == nopetoo }}", "{{ nope in [1] }}", "{{ {'a': nope} }}", "{{ nope.__class__ }}", "{{ nope is iterable }}", "{{ nope|first }}", "{{ nope|yaml }}", "{{ nope|json }}"]:
        add(text, allow_undefined=True)
    for text in ["{% include 'undef.jinja' %}", "{% include 'bad.jinja' %}", "{% from 'undefmacro.jinja' import f %}\n{{ f(1) }}", "{{ nope }}", "{% extends 'base.txt' %}{% block b %}{{ nope }}{% endblock %}", "{% include 'sub/e.jinja' %}", "{{ 'a' + 1 }}", "{% import_yaml 'd.yaml' as x %}{{ x.nope }}", "a\n{% from 'lib.jinja' import m %}\n{{ m() }}"]:
        add(text, sls="web.init")
        add(text, sls="undef.jinja")
    for text in WHITESPACE:
        for env in [{}, {"trim_blocks": True}, {"lstrip_blocks": True}, {"trim_blocks": True, "lstrip_blocks": True}]:
            add(text, **env)
    for text in LINES:
        add(text, line_statement_prefix="#")
        add(text, line_statement_prefix="#", line_comment_prefix="##")
        add(text, line_statement_prefix="#", trim_blocks=True, lstrip_blocks=True)
    for octets in OCTETS:
        exprs(f"({octets}).{method}" for method in BYTES_METHODS)
    for text in OCTET_EXPRESSIONS:
        exprs([text.replace("octets", f"({OCTETS[0]})")])
    for text in ["odict([('z',1),('a',2)])|yaml(False)", "odict([('z',1),('a',{'y':1,'b':2})])|yaml", "{'z':1,'a':odict([('y',1),('b',2)])}|yaml", "[odict(z=1,a=2),{'z':1,'a':2}]|yaml(False)", "odict([(2,1),('a',2),(1,3)])|yaml", "{2:1,'a':2,1:3}|yaml", "{2:1,1.5:2,true:3}|yaml", "odict([('z',1),('a',2)])|json", "odict([('z',1),('a',2)])|dict_to_sls_yaml_params", "odict([('z',{'q':1,'c':2}),('a',2)]).items()|list|yaml"]:
        add("{{ " + text + " }}")
    exprs(QUERIES)
    for text in QUERY_STATEMENTS:
        add(text)
    for text in ["{{ nope|json_query('a') }}", "{{ nope|json_query('@') }}", "{{ nope|json_query('@ || `1`') }}", "{{ nope|json_query('[@]') }}", "{{ nope|json_query('[@] | to_string(@)') }}"]:
        add(text, allow_undefined=True)


class Random:
    """Small templates of everything, mostly well formed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def expr(self, depth=0):
        pick = self.random
        if depth > 3 or pick.random() < 0.25:
            return pick.choice(VALUES + ["x", "y", "lst", "words", "loop.index", "mp.a", "n", "f"])
        kind = pick.randrange(12)
        sub = lambda: self.expr(depth + 1)
        if kind < 3:
            return f"({sub()})|{pick.choice(FILTERS)}"
        if kind == 3:
            return f"({sub()}) {pick.choice(OPERATORS)} ({sub()})"
        if kind == 4:
            return f"({sub()}) is {pick.choice(['', 'not '])}{pick.choice(TESTS)}"
        if kind == 5:
            return f"({sub()}).{pick.choice(STR_METHODS + LIST_METHODS + DICT_METHODS)}"
        if kind == 6:
            return f"({sub()})[{pick.choice(['0', '-1', '1:', ':2', '::-1', repr('a')])}]"
        if kind == 7:
            return "[" + ", ".join(sub() for _ in range(pick.randrange(4))) + "]"
        if kind == 8:
            return "{" + ", ".join(f"'{k}': {sub()}" for k in "abc"[: pick.randrange(4)]) + "}"
        if kind == 9:
            return f"({sub()} if {sub()} else {sub()})"
        if kind == 10:
            return pick.choice(FILTER_CALLS + FORMATS + EXPRESSIONS)
        return f"({sub()}) ~ ({sub()})"

    def statement(self, depth=0):
        pick = self.random
        body = lambda: "".join(self.statement(depth + 1) for _ in range(pick.randrange(1, 3))) if depth < 3 else "b"
        kind = pick.randrange(13)
        dash = lambda: pick.choice(["", "", "", "-", "+"])
        o = lambda text: "{%" + dash() + " " + text + " " + pick.choice(["", "", "", "-"]) + "%}"
        if kind < 3:
            return "{{ " + self.expr() + " }}"
        if kind == 3:
            return pick.choice(["text ", "\n", "  ", "a\n  b\n", "{# c #}"])
        if kind == 4:
            return o(f"set {pick.choice('xy')} = {self.expr()}")
        if kind == 5:
            return o(f"if {self.expr()}") + body() + pick.choice(["", o("else") + body()]) + o("endif")
        if kind == 6:
            return o(f"for x in {self.expr()}" + pick.choice(["", " if x"])) + body() + pick.choice(["", o("else") + "E"]) + o("endfor")
        if kind == 7:
            return o(f"macro q(x, y={self.expr()})") + body() + o("endmacro") + "{{ q(" + self.expr() + ") }}"
        if kind == 8:
            return o("set x") + body() + o("endset")
        if kind == 9:
            return o(f"filter {pick.choice(['upper', 'trim', 'indent', 'length'])}") + body() + o("endfilter")
        if kind == 10:
            return o(f"with x={self.expr()}") + body() + o("endwith")
        if kind == 11:
            return o(f"do lst.append({self.expr()})") + "{{ lst }}"
        return pick.choice(STATEMENTS)

    def template(self):
        return "".join(self.statement() for _ in range(self.random.randrange(1, 4)))


def names():
    """The names that Salt's environment knows; the file of each version is made anew."""
    known = {"version": sys.argv[2]}

    def look(self, *args, **kwargs):
        known.update(filters=sorted(self.filters), tests=sorted(self.tests), globals=sorted(set(self.globals) - set(CONTEXT)))
        return from_string(self, *args, **kwargs)

    from_string = jinja2.Environment.from_string
    jinja2.Environment.from_string = look
    render("{{ 1 }}", {})
    print(json.dumps(known))


def main():
    Loader.root = tempfile.mkdtemp(prefix="jinja-golden-")
    for name, text in FILES.items():
        path = os.path.join(Loader.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    os.chdir("/")
    if "--names" in sys.argv:
        return names()
    if "--random" in sys.argv:
        at = sys.argv.index("--random")
        source = Random(int(sys.argv[at + 2]))
        for _ in range(int(sys.argv[at + 1])):
            add(source.template(), **source.random.choice([{}, {}, {"trim_blocks": True, "lstrip_blocks": True}]))
    elif "--later" in sys.argv:
        exprs(LATER)
    else:
        systematic()
    print(json.dumps({"files": FILES, "context": CONTEXT}, ensure_ascii=False))
    seen = set()
    for text, env in TEMPLATES:
        key = (text, json.dumps(env, sort_keys=True))
        if key in seen:
            continue
        seen.add(key)
        case = {"template": text}
        if env:
            case["env"] = dict(env)
        try:
            outcome = render(text, dict(env))
        except RecursionError:
            continue
        case.update(outcome)
        shown = json.dumps(case, ensure_ascii=False)
        if " at 0x" in shown or len(shown) > 20000 or "CRASH" in shown:
            continue
        if "|unique }}" in text and case.get("render", "").startswith("{"):
            continue
        print(shown.replace(Loader.root, "/srv"))


main()
