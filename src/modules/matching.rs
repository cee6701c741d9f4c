//! `match`: whether a target means this minion. Salt: modules/match.py.

use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, always, keywords, opt, req, rest,
};
use crate::matchers::{MinionView, ParseOptions, Target, TargetType};
use crate::value::{DEFAULT_DELIMITER, Map, MergeStrategy, Value, merge, str_of};

const OF_ID: &[Param] = &[req("tgt"), opt("minion_id", Default::None)];
const OF_DATA: &[Param] = &[req("tgt"), opt("delimiter", Default::Str(DEFAULT_DELIMITER))];
const DELIMITED: [TargetType; 4] =
    [TargetType::Grain, TargetType::GrainPcre, TargetType::Pillar, TargetType::PillarPcre];

pub(super) static MODULE: Module = Module {
    file: "match",
    provides: "match",
    available: always,
    functions: &[
        Function::new("compound", OF_ID, "Whether a compound target means this minion.", |cx, args| {
            named(cx, args, TargetType::Compound)
        }),
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
            "The value of the first target in a map that means this minion, or of the key `default`.",
            filter_by,
        ),
        Function::new("glob", OF_ID, "Whether a pattern fits the minion's id.", |cx, args| {
            named(cx, args, TargetType::Glob)
        }),
        Function::new("grain", OF_DATA, "Whether `grain:pattern` fits this minion.", |cx, args| {
            named(cx, args, TargetType::Grain)
        }),
        Function::new("grain_pcre", OF_DATA, "Whether `grain:expression` fits this minion.", |cx, args| {
            named(cx, args, TargetType::GrainPcre)
        }),
        Function::new(
            "ifelse",
            &[rest("args"), keywords("kwargs")],
            "Targets and values in turn, and a last value: the value of the first target that means this minion, or the \
             last.",
            ifelse,
        ),
        Function::new(
            "ipcidr",
            &[req("tgt")],
            "Whether the minion has an address in a network.",
            |cx, args| named(cx, args, TargetType::Ipcidr),
        ),
        Function::new("list", OF_ID, "Whether the minion's id is in a list.", |cx, args| {
            named(cx, args, TargetType::List)
        }),
        Function::new("pcre", OF_ID, "Whether an expression fits the minion's id.", |cx, args| {
            named(cx, args, TargetType::Pcre)
        }),
        Function::new("pillar", OF_DATA, "Whether `key:pattern` fits the minion's pillar.", |cx, args| {
            named(cx, args, TargetType::Pillar)
        }),
        Function::new(
            "pillar_pcre",
            OF_DATA,
            "Whether `key:expression` fits the minion's pillar.",
            |cx, args| named(cx, args, TargetType::PillarPcre),
        ),
        Function::new(
            "search_by",
            &[req("lookup"), opt("tgt_type", Default::Str("compound")), opt("minion_id", Default::None)],
            "The keys of a map of lists of targets of which one means this minion, or nothing.",
            |cx, args| {
                let kind = kind_of(args)?;
                let lookup = args.get("lookup").as_map().cloned().unwrap_or_default();
                let mut found = Vec::new();
                for (key, targets) in &lookup {
                    for target in targets.as_list().unwrap_or_default() {
                        if matches(cx, target, kind, args)? {
                            found.push(key.clone());
                        }
                    }
                }
                Ok(if found.is_empty() { Value::Null } else { found.into() })
            },
        ),
    ],
};

fn kind_of(args: &Args) -> Result<TargetType, Fault> {
    let name = args.str("tgt_type")?;
    name.parse().map_err(|_| Fault::exception("KeyError", format!("'{name}'")))
}

fn named(cx: &Context, args: &Args, kind: TargetType) -> Result<Value, Fault> {
    matches(cx, args.get("tgt"), kind, args).map(Value::from)
}

/// A target that cannot be read means nobody, with a line in the log.
fn matches(cx: &Context, target: &Value, kind: TargetType, args: &Args) -> Result<bool, Fault> {
    let id = args.given("minion_id").filter(|id| id.truthy()).map(str_of);
    let id = id.as_deref().unwrap_or_else(|| cx.opt_str("id"));
    let delimiter = args.given("delimiter").filter(|_| DELIMITED.contains(&kind)).map(str_of);
    let none = Map::new();
    let options = ParseOptions {
        delimiter: delimiter.as_deref().unwrap_or(DEFAULT_DELIMITER),
        nodegroups: cx.opts.get("nodegroups").and_then(Value::as_map).unwrap_or(&none),
    };
    Ok(match Target::parse(target, kind, &options) {
        Ok(target) => target.matches(&MinionView { id, grains: &cx.grains, pillar: &cx.pillar }),
        Err(problem) => {
            tracing::error!("{problem}");
            false
        }
    })
}

fn filter_by(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let kind = kind_of(args)?;
    let lookup = args.get("lookup").as_map().cloned().unwrap_or_default();
    for (target, value) in &lookup {
        if !matches(cx, target, kind, args)? {
            continue;
        }
        return match args.given("merge").filter(|merge| merge.truthy()) {
            None => Ok(value.clone()),
            Some(Value::Map(more)) if value.is_null() => Ok(more.clone().into()),
            Some(more @ Value::Map(_)) => {
                let lists = args.truthy("merge_lists");
                let strategy = if lists { MergeStrategy::RecurseMergeLists } else { MergeStrategy::Recurse };
                Ok(merge(value.clone(), more.clone(), strategy))
            }
            Some(_) => {
                let text = "filter_by merge argument must be a dictionary.";
                Err(Fault::exception("salt.exceptions.SaltException", text))
            }
        };
    }
    Ok(lookup.get_value(args.get("default")).cloned().unwrap_or_default())
}

fn ifelse(cx: &Context, args: &Args) -> Result<Value, Fault> {
    const LAST: &str = "SALT_IFELSE_FUNCTION_DEFAULT";
    let (pairs, last) = match args.rest.as_slice().split_last() {
        Some((last, pairs)) if pairs.len() % 2 == 0 => (pairs, last),
        _ => {
            let text = "The ifelse function must have an odd number of arguments!";
            return Err(Fault::exception("salt.exceptions.SaltException", text));
        }
    };
    let mut lookup = Map::new();
    for pair in pairs.chunks(2) {
        let [target, value] = pair else { continue };
        let target = match target {
            Value::Bool(true) => "*".into(),
            Value::Bool(false) => "SALT_IFELSE_MATCH_NOTHING".into(),
            other => other.clone(),
        };
        lookup.insert(target, value.clone());
    }
    lookup.insert(LAST, last.clone());
    let mut kwargs = args.keywords.clone();
    kwargs.retain(|name, _| !name.as_str().is_some_and(|name| name.starts_with("__")));
    kwargs.insert("default", LAST);
    cx.ask_with("match.filter_by", &[lookup.into()], kwargs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;
    use crate::loader::{Call, Nowhere, Registry, Scope};
    use crate::map;

    fn call(fun: &str, args: Vec<Value>, kwargs: Map) -> Value {
        let opts = map! { "id" => "web1", "nodegroups" => map! { "webs" => "web*" } };
        let (grains, pillar) = (map! { "os" => "Debian" }, map! { "role" => map! { "name" => "db" } });
        let registry = Registry::new(&[crate::modules::ALL]);
        let scope = Scope {
            opts: &opts,
            grains: (&grains).into(),
            pillar: (&pillar).into(),
            published: &Map::new(),
            registry: &registry,
            host: &FakeHost::default(),
            minion: &Nowhere,
            master: &Nowhere,
        };
        Context::new(scope).call(&format!("match.{fun}"), Call { args, kwargs }).expect("called")
    }

    #[test]
    fn targets_mean_this_minion_or_another() {
        for (fun, target, expected) in [
            ("glob", "web*", true),
            ("pcre", "web[2-9]", false),
            ("list", "db1,web1", true),
            ("compound", "G@os:Debian and N@webs", true),
            ("compound", "and", false),
            ("grain", "os:Deb*", true),
            ("pillar", "role:name:db", true),
            ("pillar_pcre", "role:name:[a-c]", false),
        ] {
            assert_eq!(call(fun, vec![target.into()], map! {}), expected.into(), "{fun} {target}");
        }
        assert_eq!(call("glob", vec!["web*".into(), "db1".into()], map! {}), false.into());
        assert_eq!(call("pillar", vec!["role|name|db".into()], map! { "delimiter" => "|" }), true.into());
    }

    #[test]
    fn the_first_target_that_fits_is_taken() {
        let lookup = map! { "db*" => 1, "web*" => map! { "a" => 1 }, "*" => 3, "default" => 4 };
        let merged = call("filter_by", vec![lookup.into()], map! { "merge" => map! { "b" => 2 } });
        assert_eq!(merged, map! { "a" => 1, "b" => 2 }.into());
        assert_eq!(call("filter_by", vec![map! { "default" => 4 }.into()], map! {}), 4.into());
        assert_eq!(
            call("ifelse", vec!["db*".into(), 1.into(), true.into(), 2.into(), 3.into()], map! {}),
            2.into()
        );
        let lookup =
            map! { "a" => Value::list(["web1"]), "b" => Value::list(["x", "G@os:Debian"]), "c" => 1 };
        assert_eq!(call("search_by", vec![lookup.into()], map! {}), Value::list(["a", "b"]));
    }
}
