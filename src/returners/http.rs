//! `http`: sends each return as JSON to a URL. Not in Salt.
//!
//! ```yaml
//! http.url: http://collector.example.org/salt
//! http.headers: {X-Token: secret}   # perhaps
//! ```

use super::options::option;
use crate::http::query;
use crate::loader::{Context, Fault, Returner};
use crate::map;
use crate::value::{JsonStyle, Map, Value, str_of};

pub(super) static RETURNER: Returner = Returner { name: "http", save };

fn save(cx: &Context, ret: &Map) -> Result<(), Fault> {
    let Some(url) = option(cx, ret, "http", "url") else {
        return Err(Fault::invocation("the option http.url is not set"));
    };
    let mut headers = map! { "Content-Type" => "application/json" };
    if let Some(Value::Map(more)) = option(cx, ret, "http", "headers") {
        headers.extend(more);
    }
    let style = JsonStyle { ensure_ascii: false, ..JsonStyle::default() };
    let data = Value::Map(ret.clone()).to_json(style);
    let said = query(&str_of(&url), &map! { "method" => "POST", "data" => data, "header_dict" => headers })?;
    match said.get("error") {
        Some(error) => Err(Fault::execution(format!("{}: {}", str_of(&url), str_of(error)))),
        None => Ok(()),
    }
}
