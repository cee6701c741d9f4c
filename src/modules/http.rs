//! `http`: asks web servers. Salt: modules/http.py.

use crate::http::{BUNDLE, query, update_ca_bundle};
use crate::loader::{Function, Module, always, keywords, req};

pub(super) static MODULE: Module = Module {
    file: "http",
    provides: "http",
    available: always,
    functions: &[
        Function::new(
            "query",
            &[req("url"), keywords("kwargs")],
            "Asks a web server: `http.query http://host/path method=POST data='text' status=True`. Gives body, and with \
             `status`, `headers`, `text` and `decode` these.",
            |_, args| query(&args.str("url")?, &args.keywords),
        ),
        Function::new(
            "update_ca_bundle",
            BUNDLE,
            "Fetches certificates of authorities into a file: `http.update_ca_bundle target=/path/cacert.pem \
             source=https://host/cacert.pem merge_files=/path/own.pem`.",
            |cx, args| update_ca_bundle(cx.opts, args),
        ),
    ],
};
