//! `http`: asks web servers. Salt: runners/http.py.

use crate::http::query;
use crate::loader::{Default, Function, Module, always, keywords, opt, req};

pub(super) static MODULE: Module = Module {
    file: "http",
    provides: "http",
    available: always,
    functions: &[Function::new(
        "query",
        &[req("url"), opt("output", Default::True), keywords("kwargs")],
        "Asks a web server: `salt-run http.query http://host/path method=POST data='text' status=True`. Gives body, and \
         with `status`, `headers`, `text` and `decode` these.",
        |_, args| query(&args.str("url")?, &args.keywords),
    )],
};
