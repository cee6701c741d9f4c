//! `http`: asks web servers. Salt: modules/http.py.

use crate::http::query;
use crate::loader::{Function, Module, always, keywords, req};

pub(super) static MODULE: Module = Module {
    file: "http",
    provides: "http",
    available: always,
    functions: &[Function::new(
        "query",
        &[req("url"), keywords("kwargs")],
        "Asks a web server: `http.query http://host/path method=POST data='text' status=True`. Gives body, and with \
         `status`, `headers`, `text` and `decode` these.",
        |_, args| query(&args.str("url")?, &args.keywords),
    )],
};
