//! `match`: is this minion meant by a target? Salt: modules/match.py.

use crate::loader::{Args, Call, Context, Default, Fault, Function, Module, Param, always, opt, req, rest};
use crate::matchers::{IpTarget, MinionView, ParseOptions, Target, TargetType};
use crate::patterns::Glob;
use crate::value::{DEFAULT_DELIMITER, Map, MergeStrategy, Value, merge, str_of};

const OF_ID: &[Param] = &[req("tgt"), opt("minion_id", Default::None)];
const OF_DATA: &[Param] = &[req("tgt"), opt("delimiter", Default::Str(DEFAULT_DELIMITER))];

pub(super) static MODULE: Module = Module {
    file: "match",
    provides: "match",
    available: always,
    functions: &[
        Function::new(
            "compound",
            OF_ID,
            "Whether a compound target means this minion, or `minion_id`.",
            |cx, args| asked(cx, args, TargetType::Compound),
        ),
        Function::new(
            "data",
            &[req("tgt")],
            "Whether a value of the minion's own store (`data.get`) fits: `key:pattern`.",
            data,
        ),
        Function::new(
            "filter_by",
            &[
                req("lookup"),
                opt("tgt_type", Default::Str("compound")),
                opt("minion_id", Default::None),
                opt("merge", Default::None),
                opt("merge_lists", Default::False),
                opt("default", Default::Str("default")),
            ],
            "The value of the first key that is a target which means this minion: `{'web*': 1, 'G@os:Debian': 2}`.",
            |cx, args| filter_by(cx, args, lookup(args)?, args.get("default")),
        ),
        Function::new("glob", OF_ID, "Whether a pattern fits the id.", |cx, args| {
            asked(cx, args, TargetType::Glob)
        }),
        Function::new("grain", OF_DATA, "Whether a grain fits: `os:Deb*`.", |cx, args| {
            asked(cx, args, TargetType::Grain)
        }),
        Function::new(
            "grain_pcre",
            OF_DATA,
            "Whether a grain fits a regular expression: `os:Deb.*`.",
            |cx, args| asked(cx, args, TargetType::GrainPcre),
        ),
        Function::new(
            "ifelse",
            &[
                rest("args"),
                opt("tgt_type", Default::Str("compound")),
                opt("minion_id", Default::None),
                opt("merge", Default::None),
                opt("merge_lists", Default::False),
            ],
            "`condition, value, condition, value, …, otherwise`: the value after the first condition that is true or a \
             target which means this minion.",
            ifelse,
        ),
        Function::new(
            "ipcidr",
            &[req("tgt")],
            "Whether the minion has an address, or one in a network.",
            |cx, args| match IpTarget::parse(&str_of(args.get("tgt"))) {
                Some(_) => asked(cx, args, TargetType::Ipcidr),
                // Salt quirk (all): what is no address means nobody in words of its own.
                None => Ok(Value::List(Vec::new())),
            },
        ),
        Function::new("list", OF_ID, "Whether the id is in a list.", |cx, args| {
            asked(cx, args, TargetType::List)
        }),
        Function::new("pcre", OF_ID, "Whether a regular expression fits the id.", |cx, args| {
            asked(cx, args, TargetType::Pcre)
        }),
        Function::new("pillar", OF_DATA, "Whether a value of the pillar fits: `role:web*`.", |cx, args| {
            asked(cx, args, TargetType::Pillar)
        }),
        Function::new(
            "pillar_pcre",
            OF_DATA,
            "Whether a value of the pillar fits a regular expression: `role:web.*`.",
            |cx, args| asked(cx, args, TargetType::PillarPcre),
        ),
        Function::new(
            "search_by",
            &[req("lookup"), opt("tgt_type", Default::Str("compound")), opt("minion_id", Default::None)],
            "The keys of `{key: [target]}` with a target that means this minion.",
            search_by,
        ),
    ],
};

fn asked(cx: &Context, args: &Args, kind: TargetType) -> Result<Value, Fault> {
    let id = args.given("minion_id").map(str_of);
    let delimiter = args.given("delimiter").map_or_else(|| DEFAULT_DELIMITER.to_owned(), str_of);
    Ok(is_meant(cx, args.get("tgt"), kind, id.as_deref(), &delimiter).into())
}

/// Salt: matchers/data_match.py, which asks `data.getval`; that function is no more, so there it means nobody.
fn data(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let target = str_of(args.get("tgt"));
    let mut parts = target.split(':');
    let (Some(key), Some(pattern)) = (parts.next(), parts.next()) else { return Ok(false.into()) };
    Ok(fits(&cx.call("data.get", Call::positional([key.into()]))?, pattern).into())
}

fn fits(value: &Value, pattern: &str) -> bool {
    match value {
        Value::List(items) => {
            let pattern = Glob::new(&pattern.to_lowercase());
            items.iter().any(|item| pattern.matches(&str_of(item).to_lowercase()))
        }
        Value::Map(map) => map.contains(pattern),
        Value::Null => false,
        value => Glob::new(pattern).matches(&str_of(value)),
    }
}

/// A target that cannot be read means nobody, as in Salt.
fn is_meant(cx: &Context, target: &Value, kind: TargetType, id: Option<&str>, delimiter: &str) -> bool {
    let none = Map::new();
    let nodegroups = cx.opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&none);
    let id = id.filter(|id| !id.is_empty()).unwrap_or(cx.opt_str("id"));
    let view = MinionView { id, grains: cx.grains.map(), pillar: cx.pillar.map() };
    match Target::parse(target, kind, &ParseOptions { delimiter, nodegroups }) {
        Ok(target) => {
            if let Some(problem) = target.minion_problem() {
                crate::log::error!(%problem, "a target that means nobody");
            }
            target.matches(&view)
        }
        Err(problem) => {
            crate::log::error!(%problem, "a target that means nobody");
            false
        }
    }
}

fn lookup(args: &Args) -> Result<&Map, Fault> {
    args.get("lookup")
        .as_map()
        .ok_or_else(|| Fault::exception("TypeError", "the argument 'lookup' is no map"))
}

fn kind_of(args: &Args) -> Result<TargetType, Fault> {
    let name = args.str("tgt_type")?;
    // Salt looks for a function of this file by that name.
    match name.parse() {
        Ok(kind) => Ok(kind),
        Err(_) => Err(Fault::exception("KeyError", format!("'{name}'"))),
    }
}

fn filter_by(cx: &Context, args: &Args, choices: &Map, default: &Value) -> Result<Value, Fault> {
    let (kind, id) = (kind_of(args)?, args.given("minion_id").map(str_of));
    let found =
        choices.iter().find(|(target, _)| is_meant(cx, target, kind, id.as_deref(), DEFAULT_DELIMITER));
    let Some((_, found)) = found else { return Ok(choices.get_value(default).cloned().unwrap_or_default()) };
    match args.get("merge") {
        more if !more.truthy() => Ok(found.clone()),
        more @ Value::Map(_) if found.is_null() => Ok(more.clone()),
        more @ Value::Map(_) => {
            let lists = args.truthy("merge_lists");
            let strategy = if lists { MergeStrategy::RecurseMergeLists } else { MergeStrategy::Recurse };
            Ok(merge(found.clone(), more.clone(), strategy))
        }
        _ => Err(Fault::exception(
            "salt.exceptions.SaltException",
            "filter_by merge argument must be a dictionary.",
        )),
    }
}

fn ifelse(cx: &Context, args: &Args) -> Result<Value, Fault> {
    const OTHERWISE: &str = "SALT_IFELSE_FUNCTION_DEFAULT";
    let Some((otherwise, pairs)) = args.rest.split_last().filter(|(_, pairs)| pairs.len() % 2 == 0) else {
        return Err(Fault::exception(
            "salt.exceptions.SaltException",
            "The ifelse function must have an odd number of arguments!",
        ));
    };
    let mut choices = Map::new();
    for pair in pairs.chunks(2) {
        let [condition, value] = pair else { continue };
        let target = match condition {
            Value::Bool(true) => "*".into(),
            Value::Bool(false) => "SALT_IFELSE_MATCH_NOTHING".into(),
            target => target.clone(),
        };
        choices.insert(target, value.clone());
    }
    choices.insert(OTHERWISE, otherwise.clone());
    filter_by(cx, args, &choices, &OTHERWISE.into())
}

fn search_by(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let (kind, id) = (kind_of(args)?, args.given("minion_id").map(str_of));
    let mut keys = Vec::new();
    for (key, targets) in lookup(args)? {
        for target in targets.as_list().unwrap_or_default() {
            if is_meant(cx, target, kind, id.as_deref(), DEFAULT_DELIMITER) {
                keys.push(key.clone());
            }
        }
    }
    Ok(if keys.is_empty() { Value::Null } else { Value::List(keys) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn a_value_of_the_store_fits_as_text_as_one_of_a_list_or_as_a_key() {
        for (value, pattern, expected) in [
            ("web1".into(), "web*", true),
            ("Web1".into(), "web*", false),
            (Value::list(["a", "Web1"]), "WEB*", true),
            (map! { "web1" => 1 }.into(), "web1", true),
            (map! { "web1" => 1 }.into(), "web*", false),
            (Value::Null, "*", false),
            (7.into(), "7", true),
        ] {
            assert_eq!(fits(&value, pattern), expected, "{value:?} {pattern}");
        }
    }
}
