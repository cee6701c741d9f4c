//! `auth`: tokens of external users. Salt: runners/auth.py.

use crate::loader::{Args, Context, Fault, Function, Module, always, keywords, req};
use crate::value::{Map, Value};

pub(super) static MODULE: Module = Module {
    file: "auth",
    provides: "auth",
    available: always,
    functions: &[
        Function::new("del_token", &[req("token")], "Revokes a token: whether there was one.", |cx, args| {
            Ok(cx.master.revoke_token(&args.str("token")?)?.into())
        }),
        Function::new(
            "mk_token",
            &[keywords("load")],
            "Makes a token: `auth.mk_token username=fred password=… eauth=file [token_expire=seconds]`. Its data; empty \
             where the password is wrong.",
            mk_token,
        ),
    ],
};

fn mk_token(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let is_given = |(key, _): &(&Value, &Value)| key.as_str().is_some_and(|key| !key.starts_with("__"));
    let load: Map =
        args.keywords.iter().filter(is_given).map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(cx.master.make_token(load)?.into())
}
