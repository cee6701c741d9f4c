#!/usr/bin/env python3
"""
Records what real Salt says of web servers: web.jsonl, a case on each line.

    python3 record.py        (with the Python of a Salt 3006 environment)

The first line is what the server answers: `{path: [[status, content type, body] …]}`, one after the other, the last for
ever. Then cases of the filter `http_query` (`template`), of the states `http.*` (`state`, `test`, `args`) and of the external pillars `http_json` and `http_yaml`
(`pillar`, `args`): what they give and what the server was asked, in `{url}` its address.
"""

import http.server
import json
import pathlib
import threading

import salt.config
import salt.exceptions
import salt.loader
import salt.state

HERE = pathlib.Path(__file__).resolve().parent
ANSWERS = {
    "/ok": [[200, "text/plain", "all is well\n"]],
    "/gone": [[404, "text/plain", "no"]],
    "/broken": [[500, "text/plain", "oh"]],
    "/flaky": [[503, "text/plain", "wait"], [503, "text/plain", "wait"], [200, "text/plain", "ready"]],
    "/shy": [[200, "text/plain", "wait"], [200, "text/plain", "ready"]],
    "/pillar/m1": [[200, "application/json", '{"a": 1, "b": {"c": [true, null]}}']],
    "/pillar/m1/Debian": [[200, "application/json", '{"os": "Debian"}']],
    "/list": [[200, "application/json", "[1, 2]"]],
    "/empty": [[200, "application/json", "{}"]],
    "/bad": [[200, "application/json", "{not json"]],
    "/yaml": [[200, "text/yaml", "a: 1\nb:\n  - c\n  - d: on\n"]],
    "/yaml-bad": [[200, "text/yaml", "a: [1\n"]],
}
CASES = []


def st(fun, path, test=False, **args):
    CASES.append({"state": fun, "test": test, "args": {"name": "{url}" + path, **args}})


def pillar(name, path, **args):
    CASES.append({"pillar": name, "args": {"url": "{url}" + path, **args}})


def template(text):
    CASES.append({"template": text})


template("{{ '{url}/ok' | http_query | tojson }}")
template("{{ ('{url}/ok' | http_query('POST', data='a=b')) | tojson }}")
template("{{ ('{url}/gone' | http_query(status=True, text=False)) | tojson }}")
template("{{ ('{url}/gone' | http_query).error | tojson }}")
template("{{ ('{url}/pillar/m1' | http_query(decode=True, decode_type='json')).dict | tojson }}")
template("{{ ('{url}/yaml' | http_query(decode=True, decode_type='yaml')).dict | tojson }}")
template("{{ ('{url}/ok' | http_query('POST', none, 'a=b')) | tojson }}")
template("{{ ('{url}/ok' | http_query('GET', {'x': '1'})) | tojson }}")
template("{{ ('{url}/ok' | http_query('GET', none, none, none, {'X-One': 'y'})) | tojson }}")
template("{{ ('{url}/ok' | http_query('GET', none, none, none, none, ['X-Two: z'])) | tojson }}")
template("{{ ('{url}/ok' | http_query('GET', none, none, none, none, none, none, 'bo', 'pw')) | tojson }}")
template("{{ ('{url}/pillar/m1' | http_query('GET', none, none, none, none, none, none, none, none, none, True, 'json', True)).status | tojson }}")
st("query", "/ok")
st("query", "/ok", match="well")
st("query", "/ok", match="nothing of it")
st("query", "/ok", match="w.ll")
st("query", "/ok", match="w.ll", match_type="pcre")
st("query", "/ok", match="^well", match_type="pcre")
st("query", "/ok", match="well", match_type="glob")
st("query", "/ok", status=200)
st("query", "/ok", status="200")
st("query", "/ok", status=201)
st("query", "/ok", status=[200, 201], status_type="list")
st("query", "/ok", status=[201, 202], status_type="list")
st("query", "/ok", status="20.", status_type="pcre")
st("query", "/ok", status="30.", status_type="pcre")
st("query", "/ok", status=200, status_type="number")
st("query", "/ok", match="well", status=200)
st("query", "/ok", match="nothing", status=200)
st("query", "/ok", match="well", status=404)
st("query", "/gone", status=404)
st("query", "/gone", match="no", status=404)
st("query", "/broken", status=200)
st("query", "/ok", test=True, match="well", status=200)
st("query", "/ok", test=True, status=404)
st("query", "/ok", test=True, match="well", test_url="{url}/gone")
st("query", "/ok", status=200, method="POST", data="some text")
st("query", "/ok", status=200, method="PUT", header_dict={"X-One": "1", "X-Two": "two words"})
st("query", "/ok", status=200, username="ann", password="pass:word")
st("query", "/ok", status=200, params={"a": "1", "b": "two words"})
st("query", "/flaky", status=200, wait_for=20, request_interval=0.01)
st("query", "/flaky", status=200)
st("wait_for_successful_query", "/flaky", status=200, wait_for=20, request_interval=0.01)
st("wait_for_successful_query", "/shy", match="ready", wait_for=20, request_interval=0.01)
st("wait_for_successful_query", "/gone", status=200, wait_for=0.05, request_interval=0.01)
st("query", "/ok", match="nothing", status=[201, 200, "200"], status_type="list")
st("query", "/ok", match="well", status=[201, 200, "200"], status_type="list")
st("query", "/ok", match="well", status=[404], status_type="list")

pillar("http_json", "/pillar/%s")
pillar("http_json", "/pillar/%s", namespace="below")
pillar("http_json", "/pillar/%s/<os>", with_grains=True)
pillar("http_json", "/pillar/%s/<nothing>", with_grains=True)
pillar("http_json", "/pillar/%s", header_dict={"X-Token": "abc", "Accept": "application/json"})
pillar("http_json", "/pillar/%s", username="ann", password="secret")
pillar("http_json", "/pillar/%s", header_dict={"X-Token": "abc"}, username="ann", password="secret")
pillar("http_json", "/list")
pillar("http_json", "/empty")
pillar("http_json", "/empty", namespace="below")
pillar("http_json", "/bad")
pillar("http_json", "/gone")
pillar("http_yaml", "/yaml")
pillar("http_yaml", "/yaml", header_dict={"X-Token": "abc"}, username="ann", password="secret")
pillar("http_yaml", "/yaml-bad")
pillar("http_yaml", "/gone")

# Of the headers, those that a case can set.
SHOWN = ("authorization", "content-type", "accept", "x-one", "x-two", "x-token")
asked, told = [], {}


class Server(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        path = self.path.split("?")[0]
        headers = {name: self.headers[name] for name in SHOWN if name in self.headers}
        asked.append({"method": self.command, "path": self.path, "headers": headers, "body": body})
        answers = ANSWERS[path]
        at = told.get(path, 0)
        told[path] = at + 1
        status, kind, body = answers[min(at, len(answers) - 1)]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    grains = {"id": "m1", "os": "Debian", "os_family": "Debian", "kernel": "Linux"}
    common = {"id": "m1", "file_client": "local", "grains": grains, "pillar": {}, "log_level": "quiet",
              "fileserver_backend": ["roots"]}
    opts = dict(salt.config.DEFAULT_MINION_OPTS.copy(), **common)
    states = {test: salt.state.State(dict(opts, test=test), initial_pillar={"_": 1}) for test in (True, False)}
    functions = salt.loader.minion_mods(opts, utils=salt.loader.utils(opts))
    pillars = salt.loader.pillars(opts, functions)
    lines = [json.dumps(ANSWERS)]
    for case in CASES:
        asked.clear()
        told.clear()
        args = json.loads(json.dumps(case.get("args", {})).replace("{url}", url))
        if "template" in case:
            text = case["template"].replace("{url}", url)
            ret = functions["slsutil.renderer"](string=text, default_renderer="jinja|json")
        elif "state" in case:
            low = {"state": "http", "fun": case["state"], "__id__": "http", "__sls__": "golden", "__env__": "base", "order": 1}
            ret = states[case["test"]].call(dict(low, **args))
            if "Traceback" in ret["comment"]:
                ret["comment"] = ret["comment"].strip().splitlines()[-1]
            ret = {key: ret[key] for key in ("name", "changes", "result", "comment", "data") if key in ret}
            if ret.get("data", {}).get("headers"):
                del ret["data"]["headers"]
        else:
            try:
                ret = pillars[case["pillar"]]("m1", {}, **args)
            except salt.exceptions.CommandExecutionError:
                ret = None  # in the words of the parser
        line = dict(case, ret=ret, asked=asked)
        lines.append(json.dumps(line).replace(url, "{url}"))
    (HERE / "web.jsonl").write_text("\n".join(lines) + "\n")


main()
