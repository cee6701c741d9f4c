//! `file`: files, directories and links as they should be. Salt: states/file.py.

mod absent;
mod accumulated;
mod cached;
mod copy;
mod directory;
mod edit;
mod lines;
mod links;
mod managed;
mod patch;
mod recurse;
mod ret;
mod serialize;

use crate::loader::Default::{False, Int, None, Str, True};
use crate::loader::{Param, State, States, always, keywords, opt, req};

const fn none(name: &'static str) -> Param {
    opt(name, None)
}

pub(super) static STATES: States = States {
    file: "file",
    provides: "file",
    available: always,
    functions: &[
        State::new(
            "absent",
            &[req("name"), keywords("kwargs")],
            "There is nothing at this path.",
            absent::absent,
        ),
        State::new(
            "accumulated",
            &[req("name"), req("filename"), req("text"), keywords("kwargs")],
            "Collects text for a file that another state makes.",
            accumulated::accumulated,
        ),
        State::new(
            "append",
            &[req("name"), none("text"), opt("makedirs", False), none("source"), none("source_hash"), opt("template", Str("jinja")), none("sources"), none("source_hashes"), none("defaults"), none("context"), opt("ignore_whitespace", True)],
            "The file ends with these lines, or has them somewhere.",
            lines::append,
        ),
        State::new(
            "blockreplace",
            &[req("name"), opt("marker_start", Str("#-- start managed zone --")), opt("marker_end", Str("#-- end managed zone --")), none("source"), none("source_hash"), opt("template", Str("jinja")), none("sources"), none("source_hashes"), none("defaults"), none("context"), opt("content", Str("")), opt("append_if_not_found", False), opt("prepend_if_not_found", False), opt("backup", Str(".bak")), opt("show_changes", True), none("append_newline"), none("insert_before_match"), none("insert_after_match")],
            "This text stands between two markers of the file.",
            edit::blockreplace,
        ),
        State::new(
            "cached",
            &[req("name"), opt("source_hash", Str("")), none("source_hash_name"), opt("skip_verify", False), opt("saltenv", Str("base")), opt("use_etag", False)],
            "The file of a server is in the cache of the minion.",
            cached::cached,
        ),
        State::new(
            "comment",
            &[req("name"), req("regex"), opt("char", Str("#")), opt("backup", Str(".bak")), opt("ignore_missing", False)],
            "Lines that a pattern matches are commented out.",
            edit::comment,
        ),
        State::new(
            "copy",
            &[req("name"), req("source"), opt("force", False), opt("makedirs", False), opt("preserve", False), none("user"), none("group"), none("mode"), none("dir_mode"), opt("subdir", False), keywords("kwargs")],
            "The file is a copy of another one of the minion.",
            copy::copy,
        ),
        State::new(
            "decode",
            &[req("name"), none("encoded_data"), none("contents_pillar"), opt("encoding_type", Str("base64")), opt("checksum", Str("md5"))],
            "The file holds what this base64 text says.",
            serialize::decode,
        ),
        State::new(
            "directory",
            &[req("name"), none("user"), none("group"), none("recurse"), none("max_depth"), none("dir_mode"), none("file_mode"), opt("makedirs", False), opt("clean", False), none("require"), none("exclude_pat"), opt("follow_symlinks", False), opt("force", False), none("backupname"), opt("allow_symlink", True), opt("children_only", False), none("win_owner"), none("win_perms"), none("win_deny_perms"), opt("win_inheritance", True), opt("win_perms_reset", False), keywords("kwargs")],
            "There is such a directory, with these owners and modes, and nothing else in it if asked for.",
            directory::directory,
        ),
        State::new(
            "exists",
            &[req("name"), keywords("kwargs")],
            "Fails unless there is something at this path.",
            absent::exists,
        ),
        State::new(
            "hardlink",
            &[req("name"), req("target"), opt("force", False), opt("makedirs", False), none("user"), none("group"), none("dir_mode"), keywords("kwargs")],
            "The path is another name of a file.",
            links::hardlink,
        ),
        State::new(
            "keyvalue",
            &[req("name"), none("key"), none("value"), none("key_values"), opt("separator", Str("=")), opt("append_if_not_found", False), opt("prepend_if_not_found", False), opt("search_only", False), opt("show_changes", True), opt("ignore_if_missing", False), opt("count", Int(1)), none("uncomment"), opt("key_ignore_case", False), opt("value_ignore_case", False)],
            "Keys of the file have these values.",
            edit::keyvalue,
        ),
        State::new(
            "line",
            &[req("name"), none("content"), none("match"), none("mode"), none("location"), none("before"), none("after"), opt("show_changes", True), opt("backup", False), opt("quiet", False), opt("indent", True), opt("create", False), none("user"), none("group"), none("file_mode")],
            "One line of the file is there, is another one, or is gone.",
            edit::line,
        ),
        State::new(
            "managed",
            &[req("name"), none("source"), opt("source_hash", Str("")), none("source_hash_name"), opt("keep_source", True), none("user"), none("group"), none("mode"), none("attrs"), none("template"), opt("makedirs", False), none("dir_mode"), none("context"), opt("replace", True), none("defaults"), opt("backup", Str("")), opt("show_changes", True), opt("create", True), none("contents"), opt("tmp_dir", Str("")), opt("tmp_ext", Str("")), none("contents_pillar"), none("contents_grains"), opt("contents_newline", True), opt("contents_delimiter", Str(":")), none("encoding"), opt("encoding_errors", Str("strict")), opt("allow_empty", True), opt("follow_symlinks", True), none("check_cmd"), opt("skip_verify", False), none("selinux"), none("win_owner"), none("win_perms"), none("win_deny_perms"), opt("win_inheritance", True), opt("win_perms_reset", False), opt("verify_ssl", True), opt("use_etag", False), keywords("kwargs")],
            "The file has this content, owner and mode.",
            managed::managed,
        ),
        State::new(
            "missing",
            &[req("name"), keywords("kwargs")],
            "Fails if there is something at this path.",
            absent::missing,
        ),
        State::new(
            "mknod",
            &[req("name"), req("ntype"), opt("major", Int(0)), opt("minor", Int(0)), none("user"), none("group"), opt("mode", Str("0600"))],
            "There is such a device or pipe.",
            patch::mknod,
        ),
        State::new(
            "mod_run_check_cmd",
            &[req("cmd"), req("filename"), keywords("check_cmd_opts")],
            "Runs a command on a file: whether it has nothing against it.",
            managed::mod_run_check_cmd,
        ),
        State::new(
            "not_cached",
            &[req("name"), opt("saltenv", Str("base"))],
            "The file of a server is not in the cache of the minion.",
            cached::not_cached,
        ),
        State::new(
            "patch",
            &[req("name"), none("source"), none("source_hash"), none("source_hash_name"), opt("skip_verify", False), none("template"), none("context"), none("defaults"), opt("options", Str("")), none("reject_file"), none("strip"), none("saltenv"), keywords("kwargs")],
            "A patch is applied to the file or directory.",
            patch::patch,
        ),
        State::new(
            "prepend",
            &[req("name"), none("text"), opt("makedirs", False), none("source"), none("source_hash"), opt("template", Str("jinja")), none("sources"), none("source_hashes"), none("defaults"), none("context"), none("header")],
            "The file begins with these lines, or has them somewhere.",
            lines::prepend,
        ),
        State::new(
            "pruned",
            &[req("name"), opt("recurse", False), opt("ignore_errors", False), none("older_than")],
            "The directory is gone if it was empty, or with `recurse` all empty ones in it.",
            absent::pruned,
        ),
        State::new(
            "recurse",
            &[req("name"), req("source"), opt("keep_source", True), opt("clean", False), none("require"), none("user"), none("group"), none("dir_mode"), none("file_mode"), none("sym_mode"), none("template"), none("context"), opt("replace", True), none("defaults"), opt("include_empty", False), opt("backup", Str("")), none("include_pat"), none("exclude_pat"), none("maxdepth"), opt("keep_symlinks", False), opt("force_symlinks", False), none("win_owner"), none("win_perms"), none("win_deny_perms"), opt("win_inheritance", True), keywords("kwargs")],
            "The directory holds what a directory of the file server holds.",
            recurse::recurse,
        ),
        State::new(
            "rename",
            &[req("name"), req("source"), opt("force", False), opt("makedirs", False), keywords("kwargs")],
            "The file is moved here, unless it already was.",
            copy::rename,
        ),
        State::new(
            "replace",
            &[req("name"), req("pattern"), req("repl"), opt("count", Int(0)), opt("flags", Int(8)), opt("bufsize", Int(1)), opt("append_if_not_found", False), opt("prepend_if_not_found", False), none("not_found_content"), opt("backup", Str(".bak")), opt("show_changes", True), opt("ignore_if_missing", False), opt("backslash_literal", False)],
            "What a pattern matches in the file is replaced.",
            edit::replace,
        ),
        State::new(
            "retention_schedule",
            &[req("name"), req("retain"), none("strptime_format"), none("timezone")],
            "Of the files of a directory only so many of each period stay.",
            absent::retention_schedule,
        ),
        State::new(
            "serialize",
            &[req("name"), none("dataset"), none("dataset_pillar"), none("user"), none("group"), none("mode"), opt("backup", Str("")), opt("makedirs", False), opt("show_changes", True), opt("create", True), opt("merge_if_exists", False), none("encoding"), opt("encoding_errors", Str("strict")), none("serializer"), none("serializer_opts"), none("deserializer_opts"), keywords("kwargs")],
            "The file holds this data as YAML, JSON or the like.",
            serialize::serialize,
        ),
        State::new(
            "symlink",
            &[req("name"), req("target"), opt("force", False), none("backupname"), opt("makedirs", False), none("user"), none("group"), none("mode"), none("win_owner"), none("win_perms"), none("win_deny_perms"), none("win_inheritance"), opt("atomic", False), opt("disallow_copy_and_unlink", False), opt("inherit_user_and_group", False), keywords("kwargs")],
            "The path is a link to another one.",
            links::symlink,
        ),
        State::new(
            "tidied",
            &[req("name"), opt("age", Int(0)), none("matches"), opt("rmdirs", False), opt("size", Int(0)), none("exclude"), opt("full_path_match", False), opt("followlinks", False), opt("time_comparison", Str("atime")), opt("age_size_logical_operator", Str("OR")), none("age_size_only"), opt("rmlinks", True), keywords("kwargs")],
            "Old, big or matching files of the directory are gone.",
            absent::tidied,
        ),
        State::new(
            "touch",
            &[req("name"), none("atime"), none("mtime"), opt("makedirs", False)],
            "There is such a file, with these times.",
            copy::touch,
        ),
        State::new(
            "uncomment",
            &[req("name"), req("regex"), opt("char", Str("#")), opt("backup", Str(".bak"))],
            "Lines that a pattern matches are no longer commented out.",
            edit::uncomment,
        ),
    ],
    mod_watch: Option::None,
    mod_aggregate: Option::None,
};

/// The row of one of these states, for those that stand on another.
fn row(name: &str) -> Option<&'static State> {
    STATES.functions.iter().find(|state| state.name == name)
}
