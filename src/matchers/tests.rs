//! Laws of targets. What real Salt decides is in `tests/golden/target`.

use proptest::prelude::*;

use super::*;
use crate::map;

fn minion(number: usize) -> (String, MinionData) {
    let id = format!("web{number}");
    let grains = map! {
        "id" => id.as_str(),
        "os" => if number.is_multiple_of(2) { "Debian" } else { "Alpine" },
        "roles" => Value::list([format!("role{}", number % 3), "all".to_owned()]),
        "ipv4" => Value::list([format!("10.0.{}.{}", number / 256, number % 256)]),
    };
    (id, MinionData { grains, pillar: map! { "tier" => (number % 4) as i64 } })
}

fn fleet(size: usize) -> FixedMinions {
    let minions: Vec<_> = (0..size).map(minion).collect();
    FixedMinions::new(minions.iter().map(|(id, _)| id.clone()), minions.clone())
}

fn chosen(text: &str, known: &FixedMinions) -> Vec<String> {
    let target = Target::parse(&text.into(), TargetType::Compound, &ParseOptions::default());
    target.expect("a target").select(known, Greedy::Yes).minions
}

/// Those who find themselves meant.
fn volunteers(text: &str, size: usize) -> Vec<String> {
    let target =
        Target::parse(&text.into(), TargetType::Compound, &ParseOptions::default()).expect("a target");
    let mut ids: Vec<String> = (0..size)
        .map(minion)
        .filter(|(id, data)| target.matches(&MinionView { id, grains: &data.grains, pillar: &data.pillar }))
        .map(|(id, _)| id)
        .collect();
    ids.sort();
    ids
}

/// Well-formed compound targets.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "web*",
        "web1*",
        "web?",
        "L@web1,web5,web11",
        "G@os:Debian",
        "G@os:deb*",
        "P@roles:role[01]$",
        "I@tier:2",
        "J@tier:[13]",
        "S@10.0.0.0/29",
        "S@10.0.0.7",
        "E@web\\d$",
        "nobody",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not ( {a} )")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("( {a} ) and ( {b} )")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("( {a} or {b} ) and not web3")),
        ]
    })
}

proptest! {
    #[test]
    fn master_and_minions_agree_where_everything_is_cached(text in expressions()) {
        let mut ids = chosen(&text, &fleet(20));
        ids.sort();
        prop_assert_eq!(ids, volunteers(&text, 20));
    }

    #[test]
    fn targets_are_set_algebra(a in expressions(), b in expressions()) {
        let known = fleet(20);
        let (in_a, in_b) = (chosen(&a, &known), chosen(&b, &known));
        let all = chosen("*", &known);
        let filtered = |keep: &dyn Fn(&String) -> bool| all.iter().filter(|id| keep(id)).cloned().collect::<Vec<_>>();
        prop_assert_eq!(
            chosen(&format!("( {a} ) and ( {b} )"), &known),
            filtered(&|id| in_a.contains(id) && in_b.contains(id))
        );
        prop_assert_eq!(chosen(&format!("( {a} ) or {b}"), &known), filtered(&|id| in_a.contains(id) || in_b.contains(id)));
        prop_assert_eq!(chosen(&format!("not ( {a} )"), &known), filtered(&|id| !in_a.contains(id)));
        prop_assert_eq!(chosen(&format!("( {a} )"), &known), in_a);
    }

    #[test]
    fn text_without_wildcards_is_a_glob_for_itself_only(text in "[^*?\\[]{0,12}", other in ".{0,12}") {
        let glob = Glob::new(&text);
        prop_assert!(glob.matches(&text));
        prop_assert_eq!(glob.matches(&other), text == other);
        let (around, longer) = (format!("*{text}*"), format!("{other}{text}{other}"));
        prop_assert!(Glob::new(&around).matches(&longer));
    }

    #[test]
    fn any_text_is_decided(text in "([GPIJLNSER]?[:|]?@?[a-z*()\\[\\]]{0,4}|and|or|not|\\(|\\)|[ ])( ([GPIJLNSER]?@?[a-z0-9*:.]{0,6}|and|or|not|\\(|\\))){0,12}") {
        fuzzing::compound_target(text.as_bytes());
    }

    #[test]
    fn any_octets_are_decided(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        fuzzing::compound_target(&octets);
    }
}

#[test]
fn minions_without_cached_data_are_kept_for_jobs_only() {
    let (id, data) = minion(1);
    let known = FixedMinions::new(["web1", "web2"].map(str::to_owned), [(id, data)]);
    let target =
        Target::parse(&"os:Debian".into(), TargetType::Grain, &ParseOptions::default()).expect("a target");
    assert_eq!(target.select(&known, Greedy::Yes).minions, ["web2"]);
    assert_eq!(target.select(&known, Greedy::No).minions, Vec::<String>::new());
}

#[test]
fn names_in_lists_that_are_not_accepted_are_missing() {
    let target = Target::parse(&"web1,ghost,web1".into(), TargetType::List, &ParseOptions::default())
        .expect("a target");
    let selection = target.select(&fleet(3), Greedy::Yes);
    assert_eq!((selection.minions, selection.missing), (vec!["web1".to_owned()], vec!["ghost".to_owned()]));
    let target =
        Target::parse(&"web1 and not L@ghost".into(), TargetType::Compound, &ParseOptions::default())
            .expect("a target");
    assert_eq!(target.select(&fleet(3), Greedy::Yes).missing, Vec::<String>::new());
}

#[test]
fn range_is_refused_by_name() {
    let target = Target::parse(&"%web".into(), TargetType::Range, &ParseOptions::default());
    assert_eq!(target.err(), Some(TargetError::RangeNotSupported("%web".to_owned())));
}

#[test]
fn a_compound_target_that_cannot_be_read_says_where() {
    let check = |target: &str, expected: Option<usize>| {
        let found = compound_problem(target, &ParseOptions::default());
        assert_eq!(found.as_ref().map(|(column, _)| *column), expected, "{target:?}: {found:?}");
    };
    for good in ["web*", "web1 and not G@os:x", "( a or b ) and not ( c or not d )", "not a", "a not b"] {
        check(good, None);
    }
    check("and web1", Some(0));
    check("web1 and", Some(8));
    check("web1 and or x", Some(9));
    check("web1 web2", Some(5));
    check("grün und x", Some(5));
    check("web1 and ( or x )", Some(11));
    check("web1 )", Some(5));
    check("( )", Some(2));
    check("a and E@[", Some(6));
    check("a and R@x", Some(6));
    check("", Some(0));
    check("a and ( b or ( c and d )", Some(6));
    check("a and not not b", Some(10));

    let nodegroups = map! { "web" => "web*", "lost" => "N@nowhere" };
    let options = ParseOptions { nodegroups: &nodegroups, ..ParseOptions::default() };
    let found = |target: &str| compound_problem(target, &options).map(|(column, _)| column);
    assert_eq!(found("N@web and a"), None);
    assert_eq!(found("N@web or N@lost"), Some(9));
}
