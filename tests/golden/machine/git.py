"""Cases of git and states.git. Run with real Salt 3006.25: python git.py > git.jsonl"""

import recorder

recorder.REAL.update({"git": "modules.git"})
A, B, C = "a" * 40, "b" * 40, "c" * 40
EFFECTS = ["git." + name for name in ("clone", "fetch", "checkout", "reset", "merge", "branch", "tag", "remote_set", "submodule", "discard_local_changes", "config_set", "config_unset", "init")]
REFS = {"HEAD": B, "refs/heads/main": B, "refs/heads/dev": C, "refs/tags/v1": C, "refs/tags/v2": A, "refs/tags/v2^{}": B}


def latest(local=None, branch="main", changes="", ancestor=True, after=B, refs=None, upstream="origin/main", remotes=None, tags=("v1", "v2"), has=True, said=None, fun="latest", **kwargs):
    """`local`: the revision that is checked out, or None where there is no repository."""
    there = local is not None
    salt = {
        "git.version": {"is": "2.40.1"}, "git.config_get_regexp": {"is": {}}, "git.remote_refs": {"is": REFS if refs is None else refs},
        "git.is_worktree": {"is": there}, "git.list_branches": {"is": ["main", "old"]}, "git.list_tags": {"is": list(tags)},
        "git.revision": {"is": local, "after": {"is": after}}, "git.current_branch": {"is": branch}, "git.diff": {"is": changes},
        "git.remotes": {"is": {"origin": {"fetch": "/src", "push": "/src"}} if remotes is None else remotes},
        "git.rev_parse": {"is": upstream, "by": {}}, "git.merge_base": {"is": ancestor}, "git.symbolic_ref": {"is": "refs/heads/main"},
        "git.ls_remote": {"is": {"refs/tags/v1": C, "refs/tags/v2": A, "refs/tags/v2^{}": B}}, "git.fetch": {"is": {"new branches": ["x"]}}, "git.describe": {"is": "v1"}, "git.status": {"is": {}},
    }
    for name in EFFECTS:
        salt.setdefault(name, {"is": True})
    case = {"fun": f"states.git.{fun}", "kwargs": {"name": "/src", "target": "/usr" if there else "/no/such/new", **kwargs}, "salt": salt, "effects": EFFECTS}
    return [case, {**case, "test": True}]


def config(fun, was=None, after=None, **kwargs):
    salt = {"git.version": {"is": "2.40.1"}, "git.config_get": {"is": was}, "git.config_set": {"is": after}, "git.config_unset": {"is": True}, "git.config_get_regexp": {"is": was or {}, "after": {"is": after or {}}}}
    case = {"fun": f"states.git.{fun}", "kwargs": {"name": "user.name", **kwargs}, "salt": salt, "effects": EFFECTS}
    return [case, {**case, "test": True}]


def git(fun, *args, stdout="", stderr="", retcode=0, **kwargs):
    return {"fun": f"modules.git.{fun}", "args": list(args), "kwargs": kwargs, "programs": [["git", {"stdout": stdout, "stderr": stderr, "retcode": retcode}]]}


CASES = [
    *latest(), *latest(rev="main"), *latest(rev="v1", after=C), *latest(rev="v2"), *latest(rev="no"), *latest(rev=B), *latest(rev="dev", branch="dev", after=C), *latest(branch="new", rev="main"), *latest(bare=True), *latest(mirror=True), *latest(depth=1, rev="main"),
    *latest(depth=1), *latest(submodules=True), *latest(after=A), *latest(target=""), *latest(target="rel"), *latest(rev=""), *latest(force_reset="x"), *latest(identity=5), *latest(identity="rel"), *latest(odd=1), *latest(https_user="me"), *latest(refs={}), *latest(remote="up"), *latest(bare=True, rev="main"),
    *latest(B), *latest(B, upstream=None), *latest(B, changes="diff"), *latest(B, changes="diff", force_reset=True), *latest(B, changes="diff", force_reset="remote-changes"), *latest(A), *latest(A, rev="main"), *latest(A, rev="main", upstream="origin/x"), *latest(A, rev="v2"), *latest(A, rev="v1", after=C),
    *latest(A, ancestor=False), *latest(A, ancestor=False, rev="main"), *latest(A, ancestor=False, rev="dev", after=C), *latest(A, ancestor=False, force_reset=True), *latest(A, changes="diff"), *latest(A, changes="diff", force_reset=True), *latest(A, changes="diff", force_reset="remote-changes"),
    *latest(A, update_head=False), *latest(A, rev="main", update_head=False), latest(A, branch="main", rev="main", remotes={})[0], *latest(A, rev="main", remotes={"origin": {"fetch": "https://me:pw@host/x"}}), *latest(B, rev="main", remotes={"origin": {"fetch": "/other"}}),
    *latest(A, rev="main", tags=("v1", "v2", "v9")), *latest(A, rev="main", tags=("v1",)), *latest(A, rev="main", tags=("v9",), sync_tags=False), *latest(A, rev="main", submodules=True), *latest(A, rev="main", after=A), *latest(B, rev=B[:8]), latest(B, bare=True)[0], *latest(B, refs={}),
]
# The branch that a state is to be on is an argument of the same name as the one that is found.
for more in ({"branch": "old"}, {"branch": "fresh"}, {"branch": "fresh", "rev": "main"}, {"branch": "old", "force_checkout": True}):
    for case in latest(A):
        CASES.append({**case, "kwargs": {**case["kwargs"], **more}})
for more in ({"branch": "old"}, {"branch": "fresh"}, {"branch": "main"}, {"branch": ""}, {"target": "rel"}, {"target": None}, {}):
    for local in (None, A):
        for case in latest(local, fun="cloned"):
            CASES.append({**case, "kwargs": {**case["kwargs"], **more}})
CASES += [
    *latest(fun="detached", rev=B), *latest(A, fun="detached", rev=B), *latest(B, fun="detached", rev=B), *latest(A, fun="detached", rev="v1", refs={"refs/tags/v1": C}, after=C), *latest(A, fun="detached", rev="no"), *latest(A, fun="detached", rev="v1", remotes={}, refs={"refs/tags/v1": C}),
    *latest(A, fun="detached", rev=B, hard_reset=True), *latest(A, fun="detached", rev="", target="/x"), *latest(A, fun="detached", rev=B, fetch_remote=False),
    *config("config_set", None, ["me"], value="me", repo="/r"), *config("config_set", ["me"], value="me", repo="/r"), *config("config_set", ["you"], ["me"], value="me", repo="/r"), *config("config_set", ["a"], ["a", "b"], multivar=["a", "b"], **{"global": True}),
    *config("config_set", None, ["x"], value="me", repo="/r"), *config("config_set", value="me"), *config("config_set", value="me", multivar="x", repo="/r"), *config("config_set", value="me", repo="/r", odd=1),
    *config("config_unset", repo="/r"), config("config_unset", {"user.name": ["me"]}, repo="/r")[1], *config("config_unset", {"user.name": ["me", "you"]}, repo="/r"), config("config_unset", {"user.name": ["me", "you"]}, repo="/r", all=True)[1], *config("config_unset"),
    git("version", stdout="git version 2.39.5 (Apple)"), git("version", versioninfo=True, stdout="git version 2.39.5"), git("current_branch", "/r", stdout="main"), git("current_branch", "/r", stderr="fatal: no", retcode=128), git("describe", "/r"), git("list_branches", "/r", stdout="a\nb"), git("list_branches", "/r", remote=True, stdout="a"), git("list_tags", "/r", stdout="a"),
    git("clone", "/r", "https://host/x"), git("clone", "/r", "https://host/x", opts="--depth 1 --branch 'a b'", https_user="me", https_pass="pw"), git("clone", "/r", "http://host/x", https_user="me"), git("clone", "/r"), git("clone", "/r", "https://me:pw@host/x", stderr="fatal: https://me:pw@host/x", retcode=128),
    git("checkout", "/r", "main"), git("checkout", "/r", "main", force=True, opts="-b x"), git("checkout", "/r"), git("checkout", "/r", "x", stdout="error", retcode=1), git("branch", "/r"), git("branch", "/r", "x", opts="-d"), git("reset", "/r", opts="--hard HEAD"), git("merge", "/r", "x", opts=["--ff-only"]),
    git("merge_base", "/r", ["a", "b"], stdout=A), git("merge_base", "/r", "a,b", is_ancestor=True), git("merge_base", "/r", ["a"], is_ancestor=True), git("merge_base", "/r", ["a", "b"], is_ancestor=True, retcode=1), git("merge_base", "/r", ["a", "b"], octopus=True, independent=True), git("rev_parse", "/r", "HEAD", opts="--short"), git("revision", "/r", short=True, stdout="aaa"),
    git("fetch", "/r", stdout="From /x\n * [new tag]         v1     -> v1\n * [new branch]      main   -> origin/main\n   1234567..89abcde  dev    -> origin/dev\n - [tag update]      v3    -> v3"), git("fetch", "/r", "origin", force=True, refspecs=["a:b", "c"], opts="-f --tags"),
    git("remotes", "/r", stdout="origin\thttps://me:pw@host/x (fetch)\norigin\thttps://me:pw@host/x (push)\nodd"), git("remotes", "/r", redact_auth=False, stdout="origin\thttps://me:pw@host/x (fetch)"), git("remote_get", "/r", stdout=""), git("remote_get", "/r", stdout="origin\t/x (fetch)"), git("remote_refs", "/x", stdout=f"{A}\tHEAD\n{B}\trefs/heads/main"),
    git("remote_refs", "/x", heads=True, tags=True, filter="v*"), git("ls_remote", "/r", stdout=f"{A}\tHEAD"), git("ls_remote", "/r", "up", "x", opts="--tags"), git("status", "/r", stdout=" M a b\0?? c\0D  d\0"), git("diff", "/r", "HEAD"), git("diff", "/r", "a", "b", cached=False, paths=["x"]), git("tag", "/r", "v1"), git("tag", "/r", "v1", opts="-d"),
    git("tag", "/r", "v1", opts="-m x"), git("submodule", "/r", "update", opts="--init --recursive"), git("symbolic_ref", "/r", "HEAD", opts="--quiet"), git("init", "/r", bare=True, shared=True, template="/t"), git("init", "/r", shared=775), git("add", "/r", "f", opts="-v -n"), git("commit", "/r", "msg", filename="f"), git("pull", "/r"), git("push", "/r", "origin", "main"),
    git("archive", "/r", "/o.tar"), git("archive", "/a/r", "/o.zip", rev="v1", prefix="", format="zip"), git("archive", "/r", "/o.tar", prefix="p/", odd=1), git("archive", "/r", "/o.tar", "no", stderr="fatal: no", retcode=128),
    git("rebase", "/r"), git("rebase", "/r", "up 'my branch'", opts="--onto x"), git("rebase", "/r", opts="-i"), git("merge_tree", "/r", "a", "b", base=A, stdout="added"), git("merge_tree", "/r", "a", "b", stdout=A), git("merge_tree", "/r", "a", "b", retcode=1),
    git("worktree_add", "/r", "/w/t"), git("worktree_add", "/r", "/w/t", ref="v1", branch="b", reset_branch=True, force=True, opts="--lock"), git("worktree_add", "/r", "/w/t", detach=True), git("worktree_add", "/r", "/w/t", detach=True, branch="b"),
    git("worktree_prune", "/r", stdout="out", stderr="err"), git("worktree_prune", "/r", dry_run=True, verbose=False, expire="now"), git("worktree_rm", "/no/such"), git("worktree_rm", "/usr", retcode=128), git("config_get_regex", "a.*", cwd="/r", stdout="a.b x"),
    git("list_worktrees", "/r", stdout=f"worktree /usr\nHEAD {A}\nbranch refs/heads/main\n\nworktree /no/such\nHEAD {B}\ndetached\n\nworktree /odd\nbare\n"), git("list_worktrees", "/r", stale=True, stdout=f"worktree /usr\nHEAD {A}\nbranch refs/heads/main\n\nworktree /no/such\nHEAD {B}\ndetached\nprunable why\n"),
    git("list_worktrees", "/r", all=True, stdout=f"worktree /usr\nHEAD {A}\nbranch refs/heads/main\n\nworktree /no/such\nHEAD {B}\nbranch refs/heads/x\n"), git("list_worktrees", "/r", all=True, stale=True), git("list_worktrees", "/r", odd=1), git("list_worktrees", "/r", stderr="no", retcode=128),
    git("rm", "/r", "f"), git("stash", "/r", "pop"), git("config_get", "a.b", "/r", stdout="x\ny"), git("config_get", "a.b", "/r", stdout="x\ny", all=True), git("config_get", "a.b", "/r", retcode=1), git("config_get", "a.b"), git("config_get_regexp", "a.*", cwd="/r", stdout="a.b x y\na.b z\na.c q"), git("config_set", "a.b", "x", cwd="/r", stdout="x"), git("config_set", "a.b", multivar="x,y", **{"global": True}),
    git("config_set", "a.b", "x", multivar="y", cwd="/r"), git("config_unset", "a.b", cwd="/r"), git("config_unset", "a.b", cwd="/r", retcode=1), git("config_unset", "a.b", "x", cwd="/r", retcode=6), git("discard_local_changes", "/r"), git("is_worktree", "/r", stdout="/no/such"), git("is_worktree", "/r", retcode=128),
]

if __name__ == "__main__":
    def before(module, machine):
        # Which git it is decides nothing here; Salt asks before some calls.
        if module.__name__ == "salt.modules.git" and not machine.case["fun"].endswith(".version"):
            module.__context__["git.version"] = "2.40.1"
    recorder.main(CASES, before)
