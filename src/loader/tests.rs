//! Binding and its errors. Expected texts: CPython 3.11 and Salt 3006.25.

use super::*;
use crate::map;
use crate::value::{Map, Value};

static F: Function =
    Function::new("f", &[req("a"), req("b"), opt("c", Default::Int(1))], "A function.", |_, args| {
        Ok(Value::list([args.get("a").clone(), args.get("b").clone(), args.get("c").clone()]))
    });
static ECHO: Function = Function::new("echo", &[req("text")], "", |_, args| Ok(args.get("text").clone()));
static OPEN: Function = Function::new("open", &[rest("args"), keywords("kwargs")], "", |_, args| {
    Ok(args.keywords.clone().into())
});

fn type_error(function: &Function, args: &[i64], kwargs: Map) -> String {
    let call = Call { args: args.iter().map(|&int| int.into()).collect(), kwargs };
    bind(function, call).expect_err("does not bind").to_string()
}

#[test]
fn arguments_that_do_not_fit_are_refused_in_pythons_words() {
    assert_eq!(type_error(&ECHO, &[], map! {}), "echo() missing 1 required positional argument: 'text'");
    assert_eq!(type_error(&F, &[], map! {}), "f() missing 2 required positional arguments: 'a' and 'b'");
    assert_eq!(
        type_error(&F, &[1, 2, 3, 4], map! {}),
        "f() takes from 2 to 3 positional arguments but 4 were given"
    );
    assert_eq!(type_error(&ECHO, &[1, 2], map! {}), "echo() takes 1 positional argument but 2 were given");
    assert_eq!(type_error(&F, &[1, 2], map! { "d" => 3 }), "f() got an unexpected keyword argument 'd'");
    assert_eq!(type_error(&F, &[1, 2], map! { "a" => 3 }), "f() got multiple values for argument 'a'");
}

#[test]
fn defaults_rest_and_keywords_are_bound() {
    let args = bind(&F, Call { args: vec![1.into()], kwargs: map! { "b" => 2 } }).expect("binds");
    assert_eq!((args.get("a"), args.get("b"), args.get("c")), (&1.into(), &2.into(), &1.into()));
    let args =
        bind(&OPEN, Call { args: vec![1.into(), 2.into()], kwargs: map! { "x" => 3 } }).expect("binds");
    assert_eq!((args.rest.len(), args.keywords.get("x")), (2, Some(&3.into())));
}

#[test]
fn published_arguments_are_separated() {
    let published = map! { "jid" => "1", "fun" => "x.y" };
    let arg = [
        "plain".into(),
        "k=v".into(),
        "abc==".into(),
        map! { "__kwarg__" => true, "n" => 1 }.into(),
        map! { "n" => 2 }.into(),
    ];
    let call = Call::from_published(&OPEN, &arg, &published).expect("separates");
    assert_eq!(call.args, [Value::from("plain"), "abc==".into(), map! { "n" => 2 }.into()]);
    assert_eq!(call.kwargs, map! { "k" => "v", "n" => 1, "__pub_jid" => "1", "__pub_fun" => "x.y" });
    let fault = Call::from_published(&ECHO, &arg, &published).expect_err("no such keywords");
    assert_eq!(fault.to_string(), "The following keyword arguments are not valid: k=v, n=1");
}

/// Salt 3006.25 says so of `git.config_get user.name cwd=/ bogus=1 wrong=2`.
#[test]
fn functions_that_take_few_further_keywords_refuse_the_others_by_name() {
    const FEW: Function = Function::new("few", &[rest("names"), only(&["failhard"])], "", |_, args| {
        Ok(args.keyword("failhard").clone())
    });
    let with = |kwargs: Map| bind(&FEW, Call { args: Vec::new(), kwargs });
    let args = with(map! { "failhard" => 1, "__pub_jid" => "1" }).expect("binds");
    assert_eq!((args.keyword("failhard"), args.keyword("other")), (&1.into(), &Value::Null));
    let fault = with(map! { "bogus" => 1, "failhard" => true, "wrong" => 2 }).expect_err("refused");
    assert!(matches!(&fault, Fault::Invocation(_)));
    assert_eq!(fault.to_string(), "The following keyword arguments are not valid: bogus=1, wrong=2");
}

#[test]
fn a_master_shows_no_secret_of_a_pillar_in_its_log() {
    let (opts, none) = (map! { "__role" => "master" }, Map::new());
    let registry = Registry::new(&[]);
    let cx = Context::new(Scope {
        opts: &opts,
        grains: (&none).into(),
        pillar: (&none).into(),
        published: &none,
        registry: &registry,
        host: &crate::host::RealHost,
        minion: &Nowhere,
        master: &Nowhere,
    });
    cx.note_secret("hush-of-the-master");
    assert_eq!(cx.take_secrets(), ["hush-of-the-master"]);
    assert_eq!(crate::log::secrets::concealed("is hush-of-the-master.".to_owned()), "is ***.");
}

#[test]
fn failures_are_returned_in_salts_words() {
    let check = |fault: Fault, expected: &str| {
        let returned = settle("x.y", None, Err(fault), 0);
        assert_eq!((returned.value, returned.retcode, returned.success), (expected.into(), 1, false));
    };
    check(Fault::execution("no"), "ERROR: no");
    check(Fault::invocation("no"), "ERROR executing 'x.y': no");
    check(Fault::NotFound("no".to_owned()), "Command required for 'x.y' not found: no");
    let returned = settle("x.y", None, Ok(map! { "result" => false }.into()), 0);
    assert_eq!((returned.retcode, returned.success), (1, false));
}
