"""
Records how real Salt builds its options, for tests/golden/config.rs, and its log lines, for src/cli/logging/format.rs.

    python3 record.py PYTHON_WITH_SALT_3006.25 cases.jsonl log_lines.jsonl

A case is a role and files of a configuration directory; `@ROOT@` in them is that directory, which is also `root_dir`
where the file says so. The answer is all options (`opts`), or only those that differ from the case named by `base`,
the warnings, and the error if Salt gives up. `@USER@` and `@HOME@` stand for those of whoever runs it.
"""

import json
import subprocess
import sys

ROOT = "root_dir: @ROOT@\nid: web1\n"
CASES = [
    ("master", "defaults", {"master": "id: m\n"}),
    ("minion", "defaults", {"minion": "id: web1\n"}),
    ("client", "defaults", {"master": "id: m\n"}),
    ("master", "root_dir", {"master": ROOT}),
    ("minion", "root_dir", {"minion": ROOT}),
    ("minion", "empty file", {"minion": "root_dir: @ROOT@\n", "etc/salt/minion_id": "cached.example.com\n"}),
    ("minion", "cached id", {"minion": "root_dir: @ROOT@\n", "etc/salt/minion_id": " web2 \nmore\n"}),
    ("minion", "cached id and domain", {"minion": "root_dir: @ROOT@\nappend_domain: example.com\n", "etc/salt/minion_id": "web2\n"}),
    ("minion", "domain is there", {"minion": "root_dir: @ROOT@\nid: web2.example.com\nappend_domain: example.com\n"}),
    ("minion", "domain behind a dot", {"minion": "root_dir: @ROOT@\nid: web2.\nappend_domain: example.com\n"}),
    ("master", "cached id", {"master": "root_dir: @ROOT@\nappend_domain: example.com\n", "etc/salt/minion_id": "web2\n"}),
    ("master", "own id", {"master": "root_dir: @ROOT@\nid: head\nappend_domain: example.com\n"}),
    ("minion", "number id", {"minion": "root_dir: @ROOT@\nid: 1234\n"}),
    ("minion", "octal id", {"minion": "root_dir: @ROOT@\nid: 0012\n"}),
    ("minion", "include", {"minion": ROOT + "include: [extra.conf, 'more/*.conf']\nmaster: a\nmultiprocessing: false\n", "minion.d/b.conf": "master: c\n", "minion.d/a.conf": "master: b\nlog_level: info\n", "extra.conf": "master: d\n", "more/1.conf": "timeout: 7\n", "more/0.conf": "timeout: 8\nmaster: e\n"}),
    ("minion", "nested include", {"minion": ROOT + "include: a.inc\n", "a.inc": "include: sub/*.inc\nmaster: a\nsls_list: [x]\n", "sub/b.inc": "master: b\nsls_list: [y]\n", "sub/c.inc": "master: c\nsls_list: [y, z]\n"}),
    ("minion", "lists of includes", {"minion": ROOT, "minion.d/a.conf": "sls_list: [a, b]\ngrains: {x: {y: 1}, l: [1]}\n", "minion.d/b.conf": "sls_list: [b, c]\ngrains: {x: {z: 2}, l: [2, 1]}\n"}),
    ("minion", "main file and include", {"minion": ROOT + "sls_list: [m]\ngrains: {m: 1}\n", "minion.d/a.conf": "sls_list: [a]\ngrains: {a: 1}\n"}),
    ("minion", "schedules", {"minion": ROOT, "minion.d/a.conf": "schedule: {j: {function: a.b, seconds: 1, x: 1}, k: {function: c.d}}\n", "minion.d/b.conf": "schedule: {j: {function: e.f, minutes: 1}}\n"}),
    ("minion", "other default_include", {"minion": ROOT + "default_include: conf/*\n", "conf/a": "master: x\n", "minion.d/a.conf": "master: y\n"}),
    ("minion", "hidden include", {"minion": ROOT, "minion.d/.a.conf": "master: y\n", "minion.d/b.cnf": "master: z\n"}),
    ("minion", "include of nothing", {"minion": ROOT + "include: nothing/*.conf\n"}),
    ("master", "include", {"master": ROOT + "include: x.conf\ninterface: 10.0.0.1\n", "x.conf": "interface: 10.0.0.2\nret_port: 14506\n", "master.d/a.conf": "publish_port: 14505\nret_port: 1\n"}),
    ("client", "ports", {"master": ROOT + "interface: 10.0.0.2\nret_port: 14506\n"}),
    ("client", "any v6", {"master": ROOT + "interface: '::'\nipv6: true\n"}),
    ("client", "any v4", {"master": ROOT + "interface: 0.0.0.0\n"}),
    ("client", "v6", {"master": ROOT + "interface: 'fe80::1'\n"}),
    ("master", "relative paths", {"master": ROOT + "pki_dir: pki\ncachedir: var/cache\nsock_dir: run\nlog_file: log/master\nautosign_file: autosign.conf\nautoreject_file: /etc/x/reject\nautosign_grains_dir: a/../b\npidfile: ./m.pid\nkey_logfile: /k\n"}),
    ("minion", "relative paths", {"minion": ROOT + "pki_dir: pki\ncachedir: @ROOT@/c\nsock_dir: //run//x/\nlog_file: file:///dev/log\nextension_modules: ext\npidfile: m.pid\n"}),
    ("minion", "log to udp", {"minion": ROOT + "log_file: udp://loghost:10514/LOG_DAEMON\n"}),
    ("minion", "log_dir", {"minion": ROOT + "log_dir: /logs\n"}),
    ("minion", "log_dir and log_file", {"minion": ROOT + "log_dir: /logs\nlog_file: own\n"}),
    ("master", "log_dir and absolute log_file", {"master": ROOT + "log_dir: /logs\nlog_file: /own/master\n"}),
    ("minion", "long sock_dir", {"minion": ROOT + "cachedir: /c\nsock_dir: /a/very/long/path/indeed\n"}),
    ("minion", "own directories", {"minion": ROOT + "append_minionid_config_dirs: [pki_dir, cachedir, extension_modules, pidfile, default_include, log_file]\n"}),
    ("master", "roots", {"master": ROOT + "file_roots:\n  base: [/srv/a, /srv/b]\n  dev: /srv/dev\n  nothing:\npillar_roots:\n  base:\n"}),
    ("minion", "roots", {"minion": ROOT + "pillar_roots:\n  base:\n  - '@ROOT@/p*'\n  - /other\n", "p1/x": "", "p2/x": ""}),
    ("master", "backends", {"master": ROOT + "fileserver_backend: [roots, git, minion, hgfs]\n"}),
    ("master", "ignores", {"master": ROOT + "file_ignore_regex: '/\\.svn($|/)'\nfile_ignore_glob: '*.pyc'\n"}),
    ("master", "bad ignores", {"master": ROOT + "file_ignore_regex: ['(', 'ok$']\nfile_ignore_glob: ['*.a', b]\n"}),
    ("master", "open mode true", {"master": ROOT + "open_mode: yes\nauto_accept: on\n"}),
    ("master", "few workers", {"master": ROOT + "worker_threads: 1\npeer: {'.*': ['.*']}\n"}),
    ("master", "few workers without peers", {"master": ROOT + "worker_threads: 1\n"}),
    ("master", "rest", {"master": ROOT + "external_auth: {rest: {'^url': http://x}}\n"}),
    ("master", "nodegroups", {"master": ROOT + "nodegroups:\n  - g1: 'a*'\n  - g2: [b, c]\n"}),
    ("master", "nodegroup map", {"master": ROOT + "nodegroups: {g1: L@a}\n"}),
    ("master", "hash type", {"master": ROOT + "hash_type: SHA512\n"}),
    ("minion", "environment", {"minion": ROOT + "environment: dev\n"}),
    ("minion", "environment and saltenv", {"minion": ROOT + "environment: dev\nsaltenv: prod\n"}),
    ("minion", "return list", {"minion": ROOT + "return: [a, b]\n"}),
    ("minion", "discovery", {"minion": ROOT + "discovery: {port: 1, mapping: {a: b}}\n"}),
    ("master", "discovery", {"master": ROOT + "discovery: true\n"}),
    ("master", "unknown discovery", {"master": ROOT + "discovery: {nope: 1}\n"}),
    ("minion", "ssl off", {"minion": ROOT + "ssl: false\n"}),
    ("minion", "ssl on", {"minion": ROOT + "ssl: true\n"}),
    ("minion", "encryption", {"minion": ROOT + "encryption_algorithm: OAEP-SHA224\nsigning_algorithm: PKCS1v15-SHA224\n"}),
    ("minion", "bad encryption", {"minion": ROOT + "encryption_algorithm: ROT13\n"}),
    ("minion", "bad signing", {"minion": ROOT + "signing_algorithm: ROT13\n"}),
    ("master", "bad signing", {"master": ROOT + "publish_signing_algorithm: ROT13\n"}),
    ("master", "ssh minion opts", {"master": ROOT + "ssh_minion_opts: {gitfs_remotes: [], pillar_roots: {}, fileserver_backend: [], ssh_merge_pillar: false, log_level: debug, x_fs_y: 1}\n"}),
    ("master", "ipc buffer", {"master": ROOT + "ipc_write_buffer: 12345\n"}),
    ("minion", "unknown options", {"minion": ROOT + "my.option: [1, {a: b}]\nmine: 0644\nmysql.host: x\n1: 2\n"}),
    ("minion", "texts for numbers", {"minion": ROOT + "master_port: '4510'\nauth_timeout: '7'\nacceptance_wait_time: '1.5'\nretry_dns: 0\n"}),
    ("minion", "numbers for texts", {"minion": ROOT + "log_level: 10\nuser: 1000\nbackup_mode: true\n"}),
    ("minion", "several masters", {"minion": ROOT + "master: [a, 'b:4506', '[::1]:1']\nmaster_type: failover\n"}),
    ("minion", "sdb", {"minion": ROOT + "auth_timeout: sdb://x/y\n"}),
    ("minion", "not a mapping", {"minion": "- a\n"}),
    ("minion", "just text", {"minion": "master salt\n"}),
    ("minion", "key twice", {"minion": "master: a\nmaster: b\n"}),
    ("minion", "broken", {"minion": "master: [a\nid: b\n"}),
    ("minion", "tab", {"minion": "id: a\n\tmaster: b\n"}),
    ("minion", "broken schedule", {"minion": ROOT, "minion.d/_schedule.conf": "schedule: {\n"}),
    ("minion", "empty documents", {"minion": ROOT, "minion.d/a.conf": "", "minion.d/b.conf": "# nothing\n", "minion.d/c.conf": "[]\n"}),
]
# Values that every option is tried with: those it refuses are recorded, and the sentence for the first of them.
WRONG = ["text", "5", 5, 1.5, True, None, ["a"], {"a": 1}]

FORMATS = [
    ("", ""), ("[%(levelname)-8s] %(message)s", ""), ("%(asctime)s [%(levelname)s] %(message)s", "%H:%M:%S"), ("%(asctime)s,%(msecs)03d %(message)s", "%Y-%m-%d"), ("%(colorlevel)s %(colormsg)s", ""),
    ("%(colorname)s%(colorprocess)s", ""), ("%(bracketname)s%(bracketlevel)s%(bracketprocess)s", ""), ("%(name)s:%(lineno)d", ""), ("%(name)20s|%(lineno)6d|%(lineno)06d|%(lineno)-6d|", ""), ("100%% %(message)s", ""), ("%(levelno)s %(process)8d", ""),
    ("%(asctime)s,%(msecs)03.0f [%(name).4s|%(levelname)8.3s|%(levelname)-8.3s|%(process)6.1f]", "%H:%M:%S"),
]

WORKER = r'''
import json, logging, os, pathlib, sys, tempfile, shutil
import salt.config, salt.exceptions, salt.utils.user
import salt._logging.impl as impl
logging.addLevelName(impl.TRACE, "TRACE")

sys.argv[0] = "/usr/bin/halite"
warnings = []

class Collect(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING and "Features already setup" not in record.getMessage():
            warnings.append(record.getMessage())

logging.root.handlers = [Collect()]
logging.root.setLevel(logging.WARNING)
user, home = salt.utils.user.get_user(), os.path.expanduser("~")
os.environ["XDG_CONFIG_HOME"] = "/nonexistent"

def shown(value, root):
    text = json.dumps(value, default=lambda it: dict(it) if hasattr(it, "items") else list(it))
    return json.loads(text.replace(root, "@ROOT@").replace(home + "/", "@HOME@/"))

def plain(opts):
    opts = {str(key): value for key, value in opts.items()}
    if opts.get("user") == user:
        opts["user"] = "@USER@"
    return opts

def load(role, files):
    warnings.clear()
    root = tempfile.mkdtemp(prefix="halite-config-")
    try:
        for name, text in files.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("@ROOT@", root), encoding="utf-8")
        answer = {}
        try:
            if role == "minion":
                opts = salt.config.minion_config(root + "/minion", cache_minion_id=False, ignore_config_errors=False)
            elif role == "client":
                opts = salt.config.client_config(root + "/master")
            else:
                opts = salt.config.master_config(root + "/master")
            answer["opts"] = shown(plain(opts), root)
        except (salt.exceptions.SaltException, SystemExit) as error:
            answer["error"] = shown(str(error) if not isinstance(error, SystemExit) else "", root)
        except Exception as error:
            answer["raised"] = type(error).__name__
        answer["warnings"] = shown(warnings, root)
        return answer
    finally:
        shutil.rmtree(root)

bases = {}
for line in sys.stdin:
    case = json.loads(line)
    if case["kind"] == "load":
        answer = load(case["role"], case["files"])
        base = bases.setdefault(case["role"], answer)
        if base is not answer and "opts" in answer:
            case["gone"] = sorted(set(base["opts"]) - set(answer["opts"]))
            answer["opts"] = {key: value for key, value in answer["opts"].items() if key not in base["opts"] or base["opts"][key] != value}
        case.update(answer)
        print(json.dumps(case))
    elif case["kind"] == "types":
        for name in sorted(salt.config.VALID_OPTS):
            refused = {}
            for index, wrong in enumerate(case["wrong"]):
                warnings.clear()
                salt.config._validate_opts({name: wrong})
                if warnings:
                    refused[index] = warnings[0]
            print(json.dumps({"kind": "type", "option": name, "refused": sorted(refused), "sentence": next(iter(refused.values()), None)}))
        print(json.dumps({"kind": "values", "values": case["wrong"]}))
    else:
        for level in ("ERROR", "WARNING", "INFO", "DEBUG", "TRACE"):
            record = impl.SaltColorLogRecord("salt.minion", impl.LOG_LEVELS[level.lower()], "/x/salt/minion.rs", 123, "100% up", None, None)
            record.created, record.msecs, record.process = 1795600800.005, 5.0, 42
            for attribute in ("bracketprocess", "colorprocess"):
                setattr(record, attribute, getattr(record, attribute).replace(str(os.getpid()).rjust(5), "   42"))
            formatter = logging.Formatter(case["format"] or impl.DFLT_LOG_FMT_LOGFILE, datefmt=case["date"] or impl.DFLT_LOG_DATEFMT_LOGFILE)
            print(json.dumps({"kind": "log", "format": case["format"], "date": case["date"], "level": level, "line": formatter.format(record)}))
'''


def main(python, cases, log_lines):
    lines = [{"kind": "load", "role": role, "name": name, "files": files} for role, name, files in CASES]
    lines.append({"kind": "types", "wrong": WRONG})
    lines += [{"kind": "log", "format": text, "date": date} for text, date in FORMATS]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    worker = subprocess.run([python, "-c", WORKER], input=text, stdout=subprocess.PIPE, text=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent-home"})
    answers = worker.stdout.splitlines()
    with open(cases, "w") as out:
        out.writelines(line + "\n" for line in answers if '"kind": "log"' not in line)
    with open(log_lines, "w") as out:
        out.writelines(line + "\n" for line in answers if '"kind": "log"' in line)


main(*sys.argv[1:])
