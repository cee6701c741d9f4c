"""Calls every function of files of grains: {"files": [path], "grains": {}, "opts": {}} comes in as JSON, a line of JSON for
each that gives a map goes out. What fails is told on standard error."""
import inspect, json, os, sys, traceback

def wanted(said):
    return bool(said[0] if isinstance(said, tuple) else said)

answers, sys.stdout = sys.stdout, sys.stderr
given = json.load(sys.stdin)
grains = given["grains"]
sys.path[:0] = sorted({os.path.dirname(path) for path in given["files"]})
for path in given["files"]:
    name = os.path.basename(path)[:-3]
    scope = {"__name__": name, "__file__": path, "__opts__": given["opts"], "__grains__": grains}
    try:
        with open(path, encoding="utf-8") as source:
            exec(compile(source.read(), path, "exec"), scope)
        if "__virtual__" in scope and not wanted(scope["__virtual__"]()):
            continue
    except BaseException:
        traceback.print_exc()
        continue
    for key, function in sorted(scope.items(), key=lambda item: str(item[0])):
        own = inspect.isfunction(function) and function.__module__ == name
        if key.startswith("_") or not own:
            continue
        try:
            takes = inspect.signature(function).parameters
            words = {"grains": grains, "proxy": None}
            found = function(**{word: value for word, value in words.items() if word in takes})
            if isinstance(found, dict):
                grains.update(found)
                answers.write(json.dumps(found, default=str) + "\n")
                answers.flush()
        except BaseException:
            traceback.print_exc()
