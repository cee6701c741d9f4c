//! `file`: files and directories of the minion. Salt: modules/file.py.

mod attributes;
mod backups;
mod block;
mod comment;
mod content;
mod diff;
mod edit;
mod encode;
mod find;
mod line;
mod managed;
mod nodes;
mod open_files;
mod paths;
mod perms;
mod place;
mod programs;
mod selinux;
mod source;
mod template;
mod tree;

use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::loader::{Default, Function, Module, Param, always, keywords, opt, req, rest};

const PATH: &[Param] = &[req("path")];
const PATH_FOLLOW: &[Param] = &[req("path"), opt("follow_symlinks", Default::True)];
const BACKUP: &[Param] = &[req("path"), req("backup_id")];
const BACKUPS: &[Param] = &[req("path"), opt("limit", Default::None)];
const LINES: &[Param] = &[req("path"), rest("args"), keywords("kwargs")];
const OWNED: &[Param] = &[req("path"), req("user"), req("group")];
const SUM: &[Param] = &[req("path"), opt("form", Default::Str("sha256"))];

const fn with_owner(name: &'static str, mode: Default) -> [Param; 4] {
    [req(name), opt("user", Default::None), opt("group", Default::None), opt("mode", mode)]
}
const MKDIR: &[Param] = &with_owner("dir_path", Default::None);
const MAKEDIRS: &[Param] = &with_owner("path", Default::None);
const MAKEDIRS_PERMS: &[Param] = &with_owner("name", Default::Str("0755"));

pub(super) static MODULE: Module = Module {
    file: "file",
    provides: "file",
    available: always,
    functions: &[
        Function::new(
            "access",
            &[req("path"), req("mode")],
            "Whether the minion may do `f` (find), `r`, `w` or `x` to a path.",
            attributes::access,
        ),
        Function::new("append", LINES, "Adds lines at the end of a file that exists.", content::append),
        Function::new(
            "apply_template_on_contents",
            &[req("contents"), req("template"), req("context"), req("defaults"), req("saltenv")],
            "A text through a template engine.",
            template::apply_template_on_contents,
        ),
        Function::new("basename", PATH, "The last part of a path.", |_, args| {
            Ok(paths::basename(&args.str("path")?).into())
        })
        .cheap(),
        Function::new(
            "blockreplace",
            &[
                req("path"),
                opt("marker_start", Default::Str("#-- start managed zone --")),
                opt("marker_end", Default::Str("#-- end managed zone --")),
                opt("content", Default::Str("")),
                opt("append_if_not_found", Default::False),
                opt("prepend_if_not_found", Default::False),
                opt("backup", Default::Str(".bak")),
                opt("dry_run", Default::False),
                opt("show_changes", Default::True),
                opt("append_newline", Default::False),
                opt("insert_before_match", Default::None),
                opt("insert_after_match", Default::None),
            ],
            "Puts a text between two markers of a file: what differs.",
            block::blockreplace,
        ),
        Function::new(
            "chattr",
            &[rest("files"), keywords("kwargs")],
            "Adds or removes attributes of the file system (`operator`, `attributes`).",
            programs::chattr,
        ),
        Function::new(
            "check_file_meta",
            &[
                req("name"),
                req("sfn"),
                req("source"),
                req("source_sum"),
                req("user"),
                req("group"),
                req("mode"),
                req("attrs"),
                req("saltenv"),
                opt("contents", Default::None),
                opt("seuser", Default::None),
                opt("serole", Default::None),
                opt("setype", Default::None),
                opt("serange", Default::None),
                opt("verify_ssl", Default::True),
                opt("follow_symlinks", Default::False),
            ],
            "What would change about a file: `{diff, user, group, mode, newfile}`.",
            managed::check_file_meta,
        ),
        Function::new(
            "check_hash",
            &[req("path"), req("file_hash")],
            "Whether a file has a hash: `md5:…`, `sha256=…`, or a hash whose length tells.",
            content::check_hash,
        ),
        Function::new(
            "check_managed",
            &[
                req("name"),
                req("source"),
                req("source_hash"),
                req("source_hash_name"),
                req("user"),
                req("group"),
                req("mode"),
                req("attrs"),
                req("template"),
                req("context"),
                req("defaults"),
                req("saltenv"),
                opt("contents", Default::None),
                opt("skip_verify", Default::False),
                opt("seuser", Default::None),
                opt("serole", Default::None),
                opt("setype", Default::None),
                opt("serange", Default::None),
                opt("follow_symlinks", Default::False),
                keywords("kwargs"),
            ],
            "Whether a managed file is as it should be: a pair of the answer and a text.",
            managed::check_managed,
        ),
        Function::new(
            "check_managed_changes",
            &[
                req("name"),
                req("source"),
                req("source_hash"),
                req("source_hash_name"),
                req("user"),
                req("group"),
                req("mode"),
                req("attrs"),
                req("template"),
                req("context"),
                req("defaults"),
                req("saltenv"),
                opt("contents", Default::None),
                opt("skip_verify", Default::False),
                opt("keep_mode", Default::False),
                opt("seuser", Default::None),
                opt("serole", Default::None),
                opt("setype", Default::None),
                opt("serange", Default::None),
                opt("verify_ssl", Default::True),
                opt("follow_symlinks", Default::False),
                keywords("kwargs"),
            ],
            "What `file.managed` would change: a map, or a pair of False and why it cannot be known.",
            managed::check_managed_changes,
        ),
        Function::new(
            "check_perms",
            &[
                req("name"),
                req("ret"),
                req("user"),
                req("group"),
                req("mode"),
                opt("attrs", Default::None),
                opt("follow_symlinks", Default::False),
                opt("seuser", Default::None),
                opt("serole", Default::None),
                opt("setype", Default::None),
                opt("serange", Default::None),
            ],
            "Makes owner, group and mode right: a pair of a return and what was and is wanted.",
            perms::check_perms,
        ),
        Function::new(
            "chgrp",
            &[req("path"), req("group")],
            "Changes the group of a file.",
            attributes::chgrp,
        ),
        Function::new(
            "chown",
            OWNED,
            "Changes owner and group of a file; returns what was wrong, or nothing.",
            |cx, args| attributes::chown(cx, args, false),
        ),
        Function::new(
            "comment",
            &[req("path"), req("regex"), opt("char", Default::Str("#")), opt("backup", Default::Str(".bak"))],
            "Puts a comment sign before the lines that a pattern matches.",
            |cx, args| comment::change(cx, args, true),
        ),
        Function::new(
            "comment_line",
            &[
                req("path"),
                req("regex"),
                opt("char", Default::Str("#")),
                opt("cmnt", Default::True),
                opt("backup", Default::Str(".bak")),
            ],
            "Puts a comment sign before lines, or with `cmnt=False` takes it away.",
            comment::comment_line,
        ),
        Function::new(
            "contains",
            &[req("path"), req("text")],
            "Whether a text stands in a file.",
            content::contains,
        ),
        Function::new(
            "contains_glob",
            &[req("path"), req("glob_expr")],
            "Whether a file is like a glob.",
            content::contains_glob,
        ),
        Function::new(
            "contains_regex",
            &[req("path"), req("regex"), opt("lchar", Default::Str(""))],
            "Whether a line of a file holds what a pattern describes.",
            content::contains_regex,
        ),
        Function::new(
            "copy",
            &[req("src"), req("dst"), opt("recurse", Default::False), opt("remove_existing", Default::False)],
            "Copies a file, or with `recurse` a directory.",
            tree::copy,
        ),
        Function::new("delete_backup", BACKUP, "Deletes a backup of a file.", backups::delete_backup),
        Function::new("directory_exists", PATH, "Whether there is a directory.", |cx, args| {
            Ok(Path::new(&paths::path(cx, args, "path")?).is_dir().into())
        })
        .cheap(),
        Function::new("dirname", PATH, "A path without its last part.", |_, args| {
            Ok(paths::dirname(&args.str("path")?).into())
        })
        .cheap(),
        Function::new(
            "diskusage",
            &[req("path")],
            "How many octets a file has, or all files below a directory.",
            content::diskusage,
        ),
        Function::new(
            "extract_hash",
            &[
                req("hash_fn"),
                opt("hash_type", Default::Str("sha256")),
                opt("file_name", Default::Str("")),
                opt("source", Default::Str("")),
                opt("source_hash_name", Default::None),
            ],
            "The hash of a file in a list of hashes: `{hash_type, hsum}`.",
            source::extract_hash,
        ),
        Function::new("file_exists", PATH, "Whether there is a file.", |cx, args| {
            Ok(Path::new(&paths::path(cx, args, "path")?).is_file().into())
        })
        .cheap(),
        Function::new(
            "find",
            &[req("path"), rest("args"), keywords("kwargs")],
            "Paths below one that meet criteria (`name`, `type`, `size`, `mtime`, `owner` …), and what `print`, `exec` or \
             `delete` make of them.",
            find::find,
        ),
        Function::new("get_devmm", &[req("name")], "Major and minor number of a device.", nodes::get_devmm),
        Function::new(
            "get_diff",
            &[
                req("file1"),
                req("file2"),
                opt("saltenv", Default::Str("base")),
                opt("show_filenames", Default::True),
                opt("show_changes", Default::True),
                opt("template", Default::False),
                opt("source_hash_file1", Default::None),
                opt("source_hash_file2", Default::None),
            ],
            "What differs between two files, which may be URLs.",
            diff::get_diff,
        ),
        Function::new("get_gid", PATH_FOLLOW, "The number of a file's group.", |cx, args| {
            attributes::one(cx, args, "gid")
        }),
        Function::new("get_group", PATH_FOLLOW, "The name of a file's group.", |cx, args| {
            attributes::one(cx, args, "group")
        }),
        Function::new(
            "get_hash",
            &[req("path"), opt("form", Default::Str("sha256")), opt("chunk_size", Default::Int(65_536))],
            "The hash of a file.",
            content::get_hash,
        ),
        Function::new(
            "get_managed",
            &[
                req("name"),
                req("template"),
                req("source"),
                req("source_hash"),
                req("source_hash_name"),
                req("user"),
                req("group"),
                req("mode"),
                req("attrs"),
                req("saltenv"),
                req("context"),
                req("defaults"),
                opt("skip_verify", Default::False),
                opt("verify_ssl", Default::True),
                opt("use_etag", Default::False),
                keywords("kwargs"),
            ],
            "Gets what a managed file should hold: where it lies, its hash, and what was wrong.",
            managed::get_managed,
        ),
        Function::new("get_mode", PATH_FOLLOW, "The mode of a file, in octal digits.", |cx, args| {
            attributes::one(cx, args, "mode")
        }),
        Function::new(
            "get_selinux_context",
            PATH,
            "The SELinux label of a file, or that there is none.",
            selinux::get,
        ),
        Function::new(
            "get_source_sum",
            &[
                opt("file_name", Default::Str("")),
                opt("source", Default::Str("")),
                opt("source_hash", Default::None),
                opt("source_hash_name", Default::None),
                opt("saltenv", Default::Str("base")),
                opt("verify_ssl", Default::True),
            ],
            "What a `source_hash` says: `{hash_type, hsum}`.",
            source::get_source_sum,
        ),
        Function::new("get_sum", SUM, "The hash of a file, or `File not found`.", content::get_sum),
        Function::new("get_uid", PATH_FOLLOW, "The number of a file's owner.", |cx, args| {
            attributes::one(cx, args, "uid")
        }),
        Function::new("get_user", PATH_FOLLOW, "The name of a file's owner.", |cx, args| {
            attributes::one(cx, args, "user")
        }),
        Function::new("gid_to_group", &[req("gid")], "The name of a group.", attributes::gid_to_group),
        Function::new(
            "grep",
            &[req("path"), req("pattern"), rest("opts")],
            "Runs `grep` with its options: what `cmd.run_all` returns.",
            programs::grep,
        ),
        Function::new("group_to_gid", &[req("group")], "The number of a group.", attributes::group_to_gid),
        Function::new("is_blkdev", &[req("name")], "Whether a path is a block device.", |cx, args| {
            attributes::is_kind(cx, args, FileTypeExt::is_block_device)
        }),
        Function::new("is_chrdev", &[req("name")], "Whether a path is a character device.", |cx, args| {
            attributes::is_kind(cx, args, FileTypeExt::is_char_device)
        }),
        Function::new("is_fifo", &[req("name")], "Whether a path is a named pipe.", |cx, args| {
            attributes::is_kind(cx, args, FileTypeExt::is_fifo)
        }),
        Function::new("is_hardlink", PATH, "Whether a file has further names.", attributes::is_hardlink),
        Function::new("is_link", PATH, "Whether a path is a symbolic link.", |cx, args| {
            Ok(Path::new(&paths::path(cx, args, "path")?).is_symlink().into())
        }),
        Function::new("join", &[rest("args")], "Joins the parts of a path.", |_, args| {
            Ok(paths::join(&args.rest)?.into())
        })
        .cheap(),
        Function::new("lchown", OWNED, "As `file.chown`, for a link itself.", |cx, args| {
            attributes::chown(cx, args, true)
        }),
        Function::new(
            "line",
            &[
                req("path"),
                opt("content", Default::None),
                opt("match", Default::None),
                opt("mode", Default::None),
                opt("location", Default::None),
                opt("before", Default::None),
                opt("after", Default::None),
                opt("show_changes", Default::True),
                opt("backup", Default::False),
                opt("quiet", Default::False),
                opt("indent", Default::True),
            ],
            "Inserts, ensures, replaces or deletes a line of a file: what differs.",
            line::line,
        ),
        Function::new("link", &[req("src"), req("path")], "Makes a hard link.", tree::link),
        Function::new("list_backup", BACKUPS, "As `file.list_backups`.", backups::list_backups),
        Function::new(
            "list_backups",
            BACKUPS,
            "What a file was before states replaced it, by number.",
            backups::list_backups,
        ),
        Function::new(
            "list_backups_dir",
            &[req("path"), opt("limit", Default::None)],
            "Backups of the files of a directory.",
            backups::list_backups_dir,
        ),
        Function::new(
            "lsattr",
            &[req("path")],
            "Attributes of the file system: `{path: [letter]}`.",
            programs::lsattr,
        ),
        Function::new(
            "lstat",
            PATH,
            "What the system knows of a path, which is not followed.",
            attributes::lstat,
        ),
        Function::new(
            "makedirs",
            MAKEDIRS,
            "Makes the directories that a path needs; a path that ends with `/` is one itself.",
            tree::makedirs,
        ),
        Function::new(
            "makedirs_perms",
            MAKEDIRS_PERMS,
            "Makes a directory and those above it, with owner and mode.",
            tree::makedirs_perms,
        ),
        Function::new(
            "manage_file",
            &[
                req("name"),
                req("sfn"),
                req("ret"),
                req("source"),
                req("source_sum"),
                req("user"),
                req("group"),
                req("mode"),
                req("attrs"),
                req("saltenv"),
                req("backup"),
                opt("makedirs", Default::False),
                opt("template", Default::None),
                opt("show_changes", Default::True),
                opt("contents", Default::None),
                opt("dir_mode", Default::None),
                opt("follow_symlinks", Default::True),
                opt("skip_verify", Default::False),
                opt("keep_mode", Default::False),
                opt("encoding", Default::None),
                opt("encoding_errors", Default::Str("strict")),
                opt("seuser", Default::None),
                opt("serole", Default::None),
                opt("setype", Default::None),
                opt("serange", Default::None),
                opt("verify_ssl", Default::True),
                opt("use_etag", Default::False),
                keywords("kwargs"),
            ],
            "Puts a file in place: a return with `changes`, `comment` and `result`.",
            managed::manage_file,
        ),
        Function::new(
            "mkdir",
            MKDIR,
            "Makes a directory and those above it, unless it is there.",
            tree::mkdir,
        ),
        Function::new(
            "mknod",
            &[
                req("name"),
                req("ntype"),
                opt("major", Default::Int(0)),
                opt("minor", Default::Int(0)),
                opt("user", Default::None),
                opt("group", Default::None),
                opt("mode", Default::Str("0600")),
            ],
            "Makes a character device (`c`), a block device (`b`) or a pipe (`p`).",
            nodes::mknod,
        ),
        Function::new(
            "mknod_blkdev",
            &[
                req("name"),
                req("major"),
                req("minor"),
                opt("user", Default::None),
                opt("group", Default::None),
                opt("mode", Default::Str("0660")),
            ],
            "Makes a block device.",
            |cx, args| nodes::make(cx, args, nodes::Node::Block),
        ),
        Function::new(
            "mknod_chrdev",
            &[
                req("name"),
                req("major"),
                req("minor"),
                opt("user", Default::None),
                opt("group", Default::None),
                opt("mode", Default::Str("0660")),
            ],
            "Makes a character device.",
            |cx, args| nodes::make(cx, args, nodes::Node::Character),
        ),
        Function::new(
            "mknod_fifo",
            &[
                req("name"),
                opt("user", Default::None),
                opt("group", Default::None),
                opt("mode", Default::Str("0660")),
            ],
            "Makes a named pipe.",
            |cx, args| nodes::make(cx, args, nodes::Node::Pipe),
        ),
        Function::new(
            "move",
            &[req("src"), req("dst"), opt("disallow_copy_and_unlink", Default::False)],
            "Moves a file or a directory.",
            tree::mv,
        ),
        Function::new("normpath", PATH, "A path without `.`, `..` and double slashes.", |_, args| {
            Ok(paths::normpath(&args.str("path")?).into())
        })
        .cheap(),
        Function::new(
            "open_files",
            &[opt("by_pid", Default::False)],
            "Which files are open: `{path: [pid]}`, or with `by_pid` `{pid: [path]}`.",
            open_files::open_files,
        ),
        Function::new("pardir", &[], "The name of the directory above.", |_, _| Ok("..".into())).cheap(),
        Function::new(
            "patch",
            &[
                req("originalfile"),
                req("patchfile"),
                opt("options", Default::Str("")),
                opt("dry_run", Default::False),
            ],
            "Applies a patch with the program: what `cmd.run_all` returns.",
            programs::patch,
        ),
        Function::new(
            "path_exists_glob",
            &[req("path")],
            "Whether any path matches a pattern.",
            content::path_exists_glob,
        ),
        Function::new("prepend", LINES, "Adds lines at the beginning of a file.", content::prepend),
        Function::new(
            "psed",
            &[
                req("path"),
                req("before"),
                req("after"),
                opt("limit", Default::Str("")),
                opt("backup", Default::Str(".bak")),
                opt("flags", Default::Str("gMS")),
                opt("escape_all", Default::False),
                opt("multi", Default::False),
            ],
            "Replaces by pattern. `file.replace` is better.",
            edit::psed,
        ),
        Function::new(
            "read",
            &[req("path"), opt("binary", Default::False)],
            "The content of a file.",
            content::read,
        ),
        Function::new("readdir", PATH, "The entries of a directory.", tree::readdir),
        Function::new(
            "readlink",
            &[req("path"), opt("canonicalize", Default::False)],
            "Where a link leads.",
            tree::readlink,
        ),
        Function::new(
            "remove",
            &[req("path"), keywords("kwargs")],
            "Removes a file, a link, or a directory with all in it.",
            tree::remove,
        ),
        Function::new("remove_backup", BACKUP, "As `file.delete_backup`.", backups::delete_backup),
        Function::new("rename", &[req("src"), req("dst")], "Renames a file or a directory.", tree::rename),
        Function::new(
            "replace",
            &[
                req("path"),
                req("pattern"),
                req("repl"),
                opt("count", Default::Int(0)),
                opt("flags", Default::Int(8)),
                opt("bufsize", Default::Int(1)),
                opt("append_if_not_found", Default::False),
                opt("prepend_if_not_found", Default::False),
                opt("not_found_content", Default::None),
                opt("backup", Default::Str(".bak")),
                opt("dry_run", Default::False),
                opt("search_only", Default::False),
                opt("show_changes", Default::True),
                opt("ignore_if_missing", Default::False),
                opt("preserve_inode", Default::True),
                opt("backslash_literal", Default::False),
            ],
            "Replaces what a pattern matches: what differs.",
            edit::replace,
        ),
        Function::new("restore_backup", BACKUP, "Puts a backup of a file back.", backups::restore_backup),
        Function::new(
            "restorecon",
            &[req("path"), opt("recursive", Default::False)],
            "Gives a path the SELinux label that the policy has for it: whether it worked.",
            selinux::restore,
        ),
        Function::new(
            "rmdir",
            &[
                req("path"),
                opt("recurse", Default::False),
                opt("verbose", Default::False),
                opt("older_than", Default::None),
            ],
            "Removes an empty directory, or with `recurse` a tree of such.",
            tree::rmdir,
        ),
        Function::new(
            "search",
            &[
                req("path"),
                req("pattern"),
                opt("flags", Default::Int(8)),
                opt("bufsize", Default::Int(1)),
                opt("ignore_if_missing", Default::False),
                opt("multiline", Default::False),
            ],
            "Whether a pattern matches in a file.",
            edit::search,
        ),
        Function::new(
            "sed",
            &[
                req("path"),
                req("before"),
                req("after"),
                opt("limit", Default::Str("")),
                opt("backup", Default::Str(".bak")),
                opt("options", Default::Str("-r -e")),
                opt("flags", Default::Str("g")),
                opt("escape_all", Default::False),
                opt("negate_match", Default::False),
            ],
            "Runs `sed` on a file: what `cmd.run_all` returns.",
            programs::sed,
        ),
        Function::new(
            "sed_contains",
            &[req("path"), req("text"), opt("limit", Default::Str("")), opt("flags", Default::Str("g"))],
            "Whether `sed` finds a text in a file.",
            programs::sed_contains,
        ),
        Function::new(
            "seek_read",
            &[req("path"), req("size"), req("offset")],
            "Some octets of a file.",
            content::seek_read,
        ),
        Function::new(
            "seek_write",
            &[req("path"), req("data"), req("offset")],
            "Writes octets into a file: how many.",
            content::seek_write,
        ),
        Function::new(
            "set_mode",
            &[req("path"), req("mode")],
            "Sets the mode of a file and returns it.",
            attributes::set_mode,
        ),
        Function::new(
            "set_selinux_context",
            &[
                req("path"),
                opt("user", Default::None),
                opt("role", Default::None),
                opt("type", Default::None),
                opt("range", Default::None),
                opt("persist", Default::False),
            ],
            "Gives a path an SELinux label: the new label, or False.",
            selinux::set,
        ),
        Function::new(
            "source_list",
            &[req("source"), req("source_hash"), req("saltenv")],
            "The first source of a list that is there, and its hash.",
            source::source_list,
        ),
        Function::new(
            "stats",
            &[req("path"), opt("hash_type", Default::None), opt("follow_symlinks", Default::True)],
            "What is known of a file: owner, mode, size, times, kind.",
            attributes::stats,
        ),
        Function::new("statvfs", PATH, "What is known of the file system below a path.", attributes::statvfs),
        Function::new(
            "symlink",
            &[
                req("src"),
                req("path"),
                opt("force", Default::False),
                opt("atomic", Default::False),
                // From 3007 on; it makes no difference there either.
                opt("follow_symlinks", Default::True),
            ],
            "Makes a symbolic link.",
            tree::symlink,
        ),
        Function::new(
            "touch",
            &[req("name"), opt("atime", Default::None), opt("mtime", Default::None)],
            "Makes an empty file, or sets the times of one that is there.",
            attributes::touch,
        ),
        Function::new("truncate", &[req("path"), req("length")], "Cuts a file off.", content::truncate),
        Function::new("uid_to_user", &[req("uid")], "The name of a user.", attributes::uid_to_user),
        Function::new(
            "uncomment",
            &[req("path"), req("regex"), opt("char", Default::Str("#")), opt("backup", Default::Str(".bak"))],
            "Takes the comment sign away from the lines that a pattern matches.",
            |cx, args| comment::change(cx, args, false),
        ),
        Function::new("user_to_uid", &[req("user")], "The number of a user.", attributes::user_to_uid),
        Function::new("write", LINES, "Makes a file of lines.", content::write),
    ],
};
