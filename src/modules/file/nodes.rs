//! Device nodes and named pipes. Salt: modules/file.py (`mknod`, `mknod_chrdev`, `mknod_blkdev`, `mknod_fifo`).

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rustix::fs::{CWD, FileType, Mode, major, makedev, minor, mknodat};

use super::paths::path;
use super::perms::{Perms, check};
use super::tree::make_parents;
use crate::loader::{Args, Context, Fault};
use crate::map;
use crate::value::{Map, Value, str_of};

/// The kinds of nodes.
#[derive(Clone, Copy)]
pub(super) enum Node {
    Character,
    Block,
    Pipe,
}

impl Node {
    fn words(self) -> &'static str {
        match self {
            Node::Character => "Character device",
            Node::Block => "Block device",
            Node::Pipe => "Fifo pipe",
        }
    }
}

pub(super) fn make(cx: &Context, args: &Args, node: Node) -> Result<Value, Fault> {
    let name = path(cx, args, "name")?;
    let created = || map! { "new" => format!("{} {name} created.", node.words()) };
    let mut ret =
        map! { "name" => name.as_str(), "changes" => Map::new(), "comment" => "", "result" => false };
    if cx.test() {
        ret.insert("changes", created());
        ret.insert("result", Value::Null);
        return Ok(ret.into());
    }
    let mode = str_of(args.get("mode"));
    let bits = u32::from_str_radix(mode.trim_start_matches(['0', 'o', 'O']), 8).map_err(|_| {
        Fault::exception("ValueError", format!("invalid literal for int() with base 8: '{mode}'"))
    })?;
    let number = |name: &str| args.int(name).ok().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let (kind, device) = match node {
        Node::Character => (FileType::CharacterDevice, makedev(number("major"), number("minor"))),
        Node::Block => (FileType::BlockDevice, makedev(number("major"), number("minor"))),
        Node::Pipe => (FileType::Fifo, 0),
    };
    match mknodat(CWD, &name, kind, Mode::from_raw_mode(bits & 0o7777), device) {
        Ok(()) => {
            ret.insert("changes", created());
            ret.insert("result", true);
        }
        Err(rustix::io::Errno::EXIST) => {
            ret.insert("comment", format!("File {name} exists and cannot be overwritten"));
        }
        Err(error) => return Err(Fault::os(&error.into(), &name)),
    }
    let wanted = Perms {
        user: args.get("user"),
        group: args.get("group"),
        mode: args.get("mode"),
        attrs: &Value::Null,
        follow_symlinks: false,
    };
    check(cx, &name, None, &wanted)?;
    Ok(ret.into())
}

pub(super) fn mknod(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = path(cx, args, "name")?;
    make_parents(cx, &name, args.get("user"), args.get("group"), &Value::Null)?;
    match str_of(args.get("ntype")).as_str() {
        "c" => make(cx, args, Node::Character),
        "b" => make(cx, args, Node::Block),
        "p" => make(cx, args, Node::Pipe),
        other => Err(Fault::invocation(format!(
            "Node type unavailable: '{other}'. Available node types are character ('c'), block ('b'), and pipe ('p')."
        ))),
    }
}

pub(super) fn get_devmm(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let name = path(cx, args, "name")?;
    let found = fs::metadata(&name).ok();
    let device = found
        .filter(|found| found.file_type().is_char_device() || found.file_type().is_block_device())
        .map_or((0, 0), |found| (major(found.rdev()), minor(found.rdev())));
    Ok(Value::list([device.0, device.1]))
}
