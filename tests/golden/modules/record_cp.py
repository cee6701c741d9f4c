#!/usr/bin/env python3
"""Records what real Salt's cp.* return into cp.json. Run it with the Python that Salt is installed in:

    python tests/golden/modules/record_cp.py > tests/golden/modules/cp.json

A directory is filled with files and calls are made one after the other with `file_client: local`; wherever its path
appears in arguments or returns, the record says @ROOT@.
"""
import json
import os
import shutil
import tempfile

import salt.config
import salt.loader
import salt.version

FILES = {
    "roots/a.txt": "hello\n",
    "roots/dir/b.sls": "b\n",
    "roots/dir/init.sls": "i\n",
    "roots/dir/sub/c.txt": "c\n",
    "roots/zero": "",
    "local/file": "local\n",
}
DIRECTORIES = ["dest", "roots/dir/empty"]

CASES = r"""
cp.get_file('salt://a.txt', '@ROOT@/dest/a')
cp.get_file('salt://nope', '@ROOT@/dest/a2')
cp.get_file('salt://a.txt', '@ROOT@/dest')
cp.get_file('salt://a.txt', '@ROOT@/dest/')
cp.get_file('salt://a.txt', '@ROOT@/nodir/x')
cp.get_file('salt://a.txt', '@ROOT@/nodir/x', makedirs=True)
cp.get_file('salt://b.sls?saltenv=dev', '@ROOT@/dest/b')
cp.get_file('a.txt', '@ROOT@/dest/a')
cp.get_file('@ROOT@/roots/a.txt', '@ROOT@/dest/a')
cp.get_file('salt://a.txt', '@ROOT@/dest/a', template='nope')
cp.get_file_str('salt://a.txt')
cp.get_file_str('salt://nope')
cp.get_file_str('@ROOT@/roots/a.txt')
cp.get_file_str('@ROOT@/nope')
cp.get_dir('salt://dir', '@ROOT@/dest')
cp.get_dir('salt://dir/', '@ROOT@/dest/q/')
cp.get_dir('salt://dir/sub', '@ROOT@/dest/r')
cp.get_dir('salt://nope', '@ROOT@/dest/r')
cp.get_dir('nope', '@ROOT@/dest/r')
cp.get_url('salt://a.txt')
cp.get_url('salt://a.txt', '@ROOT@/dest/u')
cp.get_url('salt://a.txt', None)
cp.get_url('salt://nope')
cp.get_url('salt://nope', None)
cp.get_url('@ROOT@/local/file')
cp.get_url('file://@ROOT@/local/file')
cp.get_url('file://@ROOT@/local/file', '@ROOT@/dest/h')
cp.get_url('file:///nope')
cp.get_url('file://@ROOT@/local/file', None)
cp.get_url('local/file')
cp.get_url('salt://a.txt', '@ROOT@/nodir2/x')
cp.cache_file('salt://a.txt')
cp.cache_file('salt://zero')
cp.cache_file('salt://nope')
cp.cache_file('@ROOT@/local/file')
cp.cache_file('/etc/nope')
cp.cache_files('salt://a.txt,salt://nope')
cp.cache_files(['salt://a.txt', 'salt://dir/b.sls'])
cp.cache_dir('salt://dir')
cp.cache_dir('salt://dir', include_empty=True)
cp.cache_dir('salt://dir', include_pat='*.sls')
cp.cache_dir('salt://dir', include_pat='E@.*c')
cp.cache_dir('salt://dir', exclude_pat='*.sls')
cp.cache_dir('salt://dir', exclude_pat=['*.sls', 'E@sub'])
cp.cache_dir('dir')
cp.cache_master()
cp.cache_local_file('@ROOT@/local/file')
cp.cache_local_file('@ROOT@/local/file')
cp.cache_local_file('/etc/nope')
cp.is_cached('salt://a.txt')
cp.is_cached('salt://nope')
cp.is_cached('@ROOT@/local/file')
cp.is_cached('/a.txt')
cp.is_cached('salt://|a.txt')
cp.is_cached('http://host/x')
cp.cache_dest('salt://a/b')
cp.cache_dest('/a/b')
cp.cache_dest('salt://a/b', saltenv='dev')
cp.cache_dest('https://u:p@foo.com:8080/bar.rpm?x=1')
cp.cache_dest('https://foo.com/bar.rpm')
cp.cache_dest('https://foo.com')
cp.cache_dest('https://foo.com/../../x')
cp.list_states()
cp.list_states('dev')
cp.list_master()
cp.list_master(prefix='dir')
cp.list_master_dirs()
cp.list_minion()
cp.hash_file('salt://a.txt')
cp.hash_file('salt://nope')
cp.hash_file('@ROOT@/local/file')
cp.hash_file('/etc/nope')
cp.stat_file('salt://a.txt')
cp.stat_file('salt://a.txt', octal=False)
cp.stat_file('salt://nope')
cp.stat_file('@ROOT@/local/file')
cp.stat_file('/etc/nope')
cp.push('rel')
cp.push('/etc/../etc/x')
cp.push('/nope')
cp.push_dir('rel')
cp.push_dir('@ROOT@/roots', glob='*.nope')
cp.recv({'/x/a': 'text'}, '@ROOT@/dest')
cp.recv({'/x/a': 'text'}, '@ROOT@/dest/a')
cp.recv({'/x/a': 'text'}, '@ROOT@/dest/z')
cp.recv({'/x/a': 'text'}, '@ROOT@/nope/z')
cp.recv({'/x/z': 'text'}, '@ROOT@/nope/z')
cp.recv_chunked('@ROOT@/dest/rc', 'aGVsbG8=', compressed=False)
cp.recv_chunked('@ROOT@/dest/rc', 'aGVsbG8=', True, False)
cp.recv_chunked('@ROOT@/dest/gz', 'H4sIAAAAAAAC/8tIzcnJBwCGphA2BQAAAA==', mode=0o600)
cp.get_file_str('@ROOT@/dest/gz')
cp.stat_file('@ROOT@/dest/gz')
cp.recv_chunked('@ROOT@/dest/newdir', None)
cp.recv_chunked('@ROOT@/dest/newdir', None)
cp.recv_chunked('@ROOT@/dest/rc', None)
cp.recv_chunked('@ROOT@/dest/rc/x', None)
cp.recv_chunked('@ROOT@/dest/new2/rc', 'aGVsbG8=', compressed=False, mode=0o640)
cp.stat_file('@ROOT@/dest/new2/rc')
cp.recv_chunked('@ROOT@/dest', 'aGVsbG8=', compressed=False)
cp.recv({'/x/a': 'text'}, '@ROOT@/nope/')
cp.get_file('salt://{{ "a" }}.txt', '@ROOT@/dest/of-{{ saltenv }}', template='jinja')
cp.get_file('salt://{{ "no" }}pe', '@ROOT@/dest/x', template='jinja')
cp.get_dir('salt://{{ "dir" }}/sub', '@ROOT@/dest/{{ saltenv }}', template='jinja')
cp.get_file('salt:///a.txt', '@ROOT@/dest/slash')
cp.get_file_str('salt:///dir/sub/c.txt')
cp.hash_file('salt:///a.txt')
cp.cache_dest('salt:///a/b')
"""


def main():
    os.umask(0o022)
    root = tempfile.mkdtemp(prefix="cp")
    for name in DIRECTORIES:
        os.makedirs(os.path.join(root, name), exist_ok=True)
    for name, text in FILES.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
    conf = os.path.join(root, "minion")
    with open(conf, "w") as out:
        json.dump(
            {
                "id": "web1",
                "root_dir": root + "/below",
                "file_client": "local",
                "enable_fqdns_grains": False,
                "file_roots": {"base": [root + "/roots"], "dev": [root + "/roots/dir"]},
            },
            out,
        )
    opts = salt.config.minion_config(conf)
    opts["grains"] = salt.loader.grains(opts)
    modules = salt.loader.minion_mods(opts, utils=salt.loader.utils(opts))
    cases = []
    for line in CASES.strip().splitlines():
        fun, rest = line.split("(", 1)
        args, kwargs = eval("(lambda *a, **k: (a, k))(" + rest.replace("@ROOT@", root))
        case = {"fun": fun, "args": list(args), "kwargs": kwargs}
        try:
            case["ret"] = modules[fun](*args, **kwargs)
        except Exception as error:
            case["error"] = {"kind": type(error).__name__, "text": str(error)}
        cases.append(case)
    shutil.rmtree(root)
    record = {"salt": salt.version.__version__, "files": FILES, "directories": DIRECTORIES, "cases": cases}
    print(json.dumps(record, indent=1).replace(root, "@ROOT@"))


main()
