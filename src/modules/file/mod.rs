//! `file`: files and directories of the minion. Salt: modules/file.py. Of its functions those that read, write and
//! manage single files are here; those that edit by pattern (`replace`, `line`, `blockreplace` …) come with the states.

mod attributes;
mod content;
mod paths;
mod tree;

use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::loader::{Default, Function, Module, Param, always, keywords, opt, req, rest};

const PATH: &[Param] = &[req("path")];
const PATH_FOLLOW: &[Param] = &[req("path"), opt("follow_symlinks", Default::True)];
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
        Function::new("basename", PATH, "The last part of a path.", |_, args| {
            Ok(paths::basename(&args.str("path")?).into())
        })
        .cheap(),
        Function::new(
            "check_hash",
            &[req("path"), req("file_hash")],
            "Whether a file has a hash: `md5:…`, `sha256=…`, or a hash whose length tells.",
            content::check_hash,
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
            "contains",
            &[req("path"), req("text")],
            "Whether a text stands in a file.",
            content::contains,
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
        Function::new("directory_exists", PATH, "Whether there is a directory.", |cx, args| {
            Ok(Path::new(&paths::path(cx, args, "path")?).is_dir().into())
        })
        .cheap(),
        Function::new("dirname", PATH, "A path without its last part.", |_, args| {
            Ok(paths::dirname(&args.str("path")?).into())
        })
        .cheap(),
        Function::new("file_exists", PATH, "Whether there is a file.", |cx, args| {
            Ok(Path::new(&paths::path(cx, args, "path")?).is_file().into())
        })
        .cheap(),
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
        Function::new("get_mode", PATH_FOLLOW, "The mode of a file, in octal digits.", |cx, args| {
            attributes::one(cx, args, "mode")
        }),
        Function::new("get_sum", SUM, "The hash of a file, or `File not found`.", content::get_sum),
        Function::new("get_uid", PATH_FOLLOW, "The number of a file's owner.", |cx, args| {
            attributes::one(cx, args, "uid")
        }),
        Function::new("get_user", PATH_FOLLOW, "The name of a file's owner.", |cx, args| {
            attributes::one(cx, args, "user")
        }),
        Function::new("gid_to_group", &[req("gid")], "The name of a group.", attributes::gid_to_group),
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
        Function::new("link", &[req("src"), req("path")], "Makes a hard link.", tree::link),
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
            "mkdir",
            MKDIR,
            "Makes a directory and those above it, unless it is there.",
            tree::mkdir,
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
        Function::new("pardir", &[], "The name of the directory above.", |_, _| Ok("..".into())).cheap(),
        Function::new("prepend", LINES, "Adds lines at the beginning of a file.", content::prepend),
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
        Function::new("rename", &[req("src"), req("dst")], "Renames a file or a directory.", tree::rename),
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
            "seek_read",
            &[req("path"), req("size"), req("offset")],
            "Some octets of a file.",
            content::seek_read,
        ),
        Function::new(
            "set_mode",
            &[req("path"), req("mode")],
            "Sets the mode of a file and returns it.",
            attributes::set_mode,
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
            &[req("src"), req("path"), opt("force", Default::False), opt("atomic", Default::False)],
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
        Function::new("user_to_uid", &[req("user")], "The number of a user.", attributes::user_to_uid),
        Function::new("write", LINES, "Makes a file of lines.", content::write),
    ],
};
