//! Pipes from text to data.

use super::*;
use crate::host::FakeHost;
use crate::loader::{Context, Function, Module, Nowhere, Registry, Scope, always, req};
use crate::map;
use crate::value::{MergeStrategy, merge};

static MERGES: Module = Module {
    file: "defaults",
    provides: "defaults",
    available: always,
    functions: &[Function::new("merge", &[req("dest"), req("src")], "", |_, args| {
        Ok(merge(args.get("dest").clone(), args.get("src").clone(), MergeStrategy::Recurse))
    })],
};

fn with_context<T>(opts: &Map, pillar: &Map, run: impl FnOnce(&Context) -> T) -> T {
    let grains = map! { "os" => "Debian", "zz" => map! { "z" => 1, "a" => 2 } };
    let published = map! {};
    let registry = Registry::new(&[&[&MERGES]]);
    let host = FakeHost::default();
    run(&Context::new(Scope {
        opts,
        grains: (&grains).into(),
        pillar: pillar.into(),
        published: &published,
        registry: &registry,
        host: &host,
        minion: &Nowhere,
        master: &Nowhere,
    }))
}

fn rendered(text: &str, default: &str) -> Result<Value, String> {
    let variables = map! { "name" => "world" };
    let source = Source { text, path: None, saltenv: "base", sls: "", variables: &variables };
    with_context(&map! {}, &map! { "port" => 80 }, |cx| {
        render(cx, &source, default).map_err(|error| error.to_string())
    })
}

/// As `salt-call --local state.apply` of 3006.25 writes a file; a pillar from a master comes as plain dicts.
#[test]
fn dicts_of_sls_files_keep_their_order_in_yaml() {
    let plain: Value = map! { "z" => 1, "a" => map! { "y" => 1, "b" => 2 } }.into();
    let data = plain.clone().keeping_order();
    let pillar = map! { "p" => data.clone(), "a" => 0, "plain" => plain };
    let variables = map! { "ctx" => data };
    let opts = map! { "o" => map! { "z" => 1, "a" => 2 } };
    let filled = |text: &str| {
        with_context(&opts, &pillar, |cx| jinja_text(cx, text, &variables, "base").expect("rendered"))
    };
    for (text, expected) in [
        ("{{ pillar.p|yaml }}", "{z: 1, a: {y: 1, b: 2}}"),
        ("{{ pillar|yaml }}", "{a: 0, p: {z: 1, a: {y: 1, b: 2}}, plain: {a: {b: 2, y: 1}, z: 1}}"),
        ("{{ pillar.p|json }}", r#"{"a": {"b": 2, "y": 1}, "z": 1}"#),
        ("{{ pillar.p }}", "{'z': 1, 'a': {'y': 1, 'b': 2}}"),
        ("{{ '%s' % pillar.p.a }}", "OrderedDict([('y', 1), ('b', 2)])"),
        ("{{ ctx|yaml(False) }}", "z: 1\na:\n  y: 1\n  b: 2"),
        ("{{ grains.zz|yaml }}{{ opts.o|yaml }}", "{a: 2, z: 1}{a: 2, z: 1}"),
        ("{{ {'z': 1, 'a': 2}|yaml }}", "{a: 2, z: 1}"),
    ] {
        assert_eq!(filled(text), expected, "{text}");
    }
}

#[test]
fn jinja_then_yaml_is_the_usual_pipe() {
    let text = "os: {{ grains.os }}\nport: {{ pillar['port'] }}\nhello: {{ name }}\n";
    let expected: Value = map! { "os" => "Debian", "port" => 80, "hello" => "world" }.into();
    assert_eq!(rendered(text, "jinja|yaml"), Ok(expected));
}

#[test]
fn the_first_line_names_the_pipe() {
    assert_eq!(rendered("#!text\n{{ x }}\n", "jinja|yaml"), Ok("{{ x }}\n".into()));
    assert_eq!(rendered("#!jinja|json\n{\"a\": {{ 1 + 1 }}}\n", "yaml"), Ok(map! { "a" => 2 }.into()));
    assert_eq!(rendered("#!/bin/sh\n", "text"), Ok("#!/bin/sh\n".into()));
    assert_eq!(rendered("#!toml\n[a]\nb = 1\n", "yaml"), Ok(map! { "a" => map! { "b" => 1 } }.into()));
    assert!(rendered("#!mako\nx", "yaml").is_err_and(|error| error.contains("'mako' is not supported")));
    // This host runs no programs, whether the machine has a python3 or not.
    assert!(rendered("#!py\nx", "yaml").is_err_and(|error| error.contains("python3")));
}

#[test]
fn nothing_is_an_empty_map() {
    assert_eq!(rendered(" \n", "jinja|yaml"), Ok(Map::new().into()));
    assert_eq!(rendered("{# nothing #}", "jinja|yaml"), Ok(Map::new().into()));
}

#[test]
fn errors_say_where() {
    let error = rendered("a: 1\nb: {{ nope }}\n", "jinja|yaml").expect_err("an undefined variable");
    assert!(error.starts_with("Jinja variable 'nope' is undefined; line 2\n\n---\na: 1\n"), "{error}");
    let error = rendered("a: 1\n b: 2\n", "yaml").expect_err("bad YAML");
    assert!(error.contains("; line 2\n\n---\na: 1\n b: 2    <===="), "{error}");
}

#[test]
fn a_merge_in_place_changes_what_the_template_holds() {
    let text =
        "{% set all = {'a': {'b': 1}} %}{% do salt['defaults.merge'](all['a'], {'c': 2}) %}x: {{ all.a.c }}";
    assert_eq!(rendered(text, "jinja|yaml"), Ok(map! { "x" => 2 }.into()));
}
