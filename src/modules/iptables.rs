//! `iptables`: rules of the kernel's filter of packets, by iptables(8) and ip6tables(8). Salt: modules/iptables.py.
//! Programs without `--check` (before 1.4.11) are not supported.

use std::path::Path;

use crate::loader::shlex;
use crate::loader::{
    Args, Context, Default, Fault, Function, Module, Param, keywords, opt, os_error_text, req,
};
use crate::map;
use crate::value::{Map, Value, str_of};

const TABLE: Param = opt("table", Default::Str("filter"));
const CHAIN: Param = opt("chain", Default::None);
const RULE: Param = opt("rule", Default::None);
const FAMILY: Param = opt("family", Default::Str("ipv4"));
const POSITION: Param = opt("position", Default::None);
const CONF_FILE: Param = opt("conf_file", Default::None);
const OF_CHAIN: &[Param] = &[TABLE, CHAIN, FAMILY];
const OF_RULE: &[Param] = &[TABLE, CHAIN, RULE, FAMILY];

pub(super) static MODULE: Module = Module {
    file: "iptables",
    provides: "iptables",
    available: |cx| {
        let missing = "The iptables execution module cannot be loaded: iptables not installed.";
        if cx.which("iptables").is_some() { Ok(()) } else { Err(missing.to_owned()) }
    },
    functions: &[
        Function::new(
            "append",
            OF_RULE,
            "Adds a rule at the end of a chain, unless it is there.",
            |cx, args| {
                if let Some(wrong) = missing(args, &["chain", "rule"]) {
                    return Ok(wrong);
                }
                if check(cx, args)? {
                    return Ok(false.into());
                }
                Ok(act(cx, args, "-A", &words(args, &["chain", "rule"]))?.is_empty().into())
            },
        ),
        Function::new(
            "build_rule",
            &[
                TABLE,
                CHAIN,
                opt("command", Default::None),
                opt("position", Default::Str("")),
                opt("full", Default::None),
                FAMILY,
                keywords("kwargs"),
            ],
            "A rule as the words of iptables; with `full` the whole command.",
            build_rule,
        ),
        Function::new("check", OF_RULE, "Whether a rule is there.", |cx, args| {
            match missing(args, &["chain", "rule"]) {
                Some(wrong) => Ok(wrong),
                None => Ok(check(cx, args)?.into()),
            }
        }),
        Function::new("check_chain", OF_CHAIN, "Whether there is a chain.", |cx, args| {
            if let Some(wrong) = missing(args, &["chain"]) {
                return Ok(wrong);
            }
            let line = format!("{}-save -t {}", program(cx, args)?, word(args, "table"));
            let saved = said(cx, &line, "stdout")?;
            Ok(saved.contains(&format!(":{} ", word(args, "chain"))).into())
        }),
        Function::new(
            "delete",
            &[req("table"), CHAIN, POSITION, RULE, FAMILY],
            "Removes a rule, by its place or its words: what iptables says against it.",
            |cx, args| {
                let (position, rule) = (args.truthy("position"), args.truthy("rule"));
                if position && rule {
                    return Ok("Error: Only specify a position or a rule, not both".into());
                }
                let which = if position { "position" } else { "rule" };
                Ok(act(cx, args, "-D", &words(args, &["chain", which]))?.into())
            },
        ),
        Function::new(
            "delete_chain",
            OF_CHAIN,
            "Removes a chain: True, or what iptables says.",
            |cx, args| chain(cx, args, "-X"),
        ),
        Function::new(
            "flush",
            &[TABLE, opt("chain", Default::Str("")), FAMILY],
            "Removes the rules of a chain, or of all: what iptables says against it.",
            |cx, args| Ok(act(cx, args, "-F", &word(args, "chain"))?.into()),
        ),
        Function::new("get_policy", OF_CHAIN, "What becomes of packets that no rule is for.", |cx, args| {
            policy(args, &|| in_kernel(cx, args))
        }),
        Function::new(
            "get_rules",
            &[FAMILY],
            "The rules of the kernel: `{table: {chain: {policy, rules …}}}`.",
            |cx, args| Ok(parse(&in_kernel(cx, args)?)?.into()),
        ),
        Function::new(
            "get_saved_policy",
            &[TABLE, CHAIN, CONF_FILE, FAMILY],
            "The policy of a chain in the file that is read at the start.",
            |cx, args| policy(args, &|| saved(cx, args)),
        ),
        Function::new(
            "get_saved_rules",
            &[CONF_FILE, FAMILY],
            "The rules in the file that is read at the start.",
            |cx, args| Ok(parse(&saved(cx, args)?)?.into()),
        ),
        Function::new(
            "insert",
            &[TABLE, CHAIN, POSITION, RULE, FAMILY],
            "Puts a rule at a place of a chain (from its end, where negative), unless it is there.",
            insert,
        ),
        Function::new("new_chain", OF_CHAIN, "Makes a chain: True, or what iptables says.", |cx, args| {
            chain(cx, args, "-N")
        }),
        Function::new(
            "save",
            &[opt("filename", Default::None), FAMILY],
            "Writes the rules of the kernel to the file that is read at the start.",
            save,
        ),
        Function::new(
            "set_policy",
            &[TABLE, CHAIN, opt("policy", Default::None), FAMILY],
            "Sets the policy of a chain: what iptables says against it.",
            |cx, args| match missing(args, &["chain", "policy"]) {
                Some(wrong) => Ok(wrong),
                None => Ok(act(cx, args, "-P", &words(args, &["chain", "policy"]))?.into()),
            },
        ),
        Function::new("version", &[FAMILY], "The version of iptables.", |cx, args| {
            let said = said(cx, &format!("{} --version", program(cx, args)?), "stdout")?;
            Ok(said.split_whitespace().nth(1).unwrap_or_default().into())
        }),
    ],
};

fn word(args: &Args, name: &str) -> String {
    str_of(args.get(name))
}

fn words(args: &Args, names: &[&str]) -> String {
    names.iter().map(|name| word(args, name)).collect::<Vec<_>>().join(" ")
}

/// Salt's words for an argument that is not given.
fn missing(args: &Args, names: &[&str]) -> Option<Value> {
    let name = names.iter().find(|name| !args.truthy(name))?;
    let (first, rest) = name.split_at_checked(1)?;
    Some(format!("Error: {}{rest} needs to be specified", first.to_uppercase()).into())
}

fn program(cx: &Context, args: &Args) -> Result<String, Fault> {
    let name = if args.get("family").as_str() == Some("ipv6") { "ip6tables" } else { "iptables" };
    cx.which(name).ok_or_else(|| Fault::execution(format!("{name} not installed")))
}

/// Runs a line without a shell: `{retcode, stdout, stderr}`.
fn run(cx: &Context, line: &str) -> Result<Value, Fault> {
    let options = map! { "python_shell" => false, "ignore_retcode" => true };
    cx.ask_with("cmd.run_all", &[line.into()], options)
}

fn said(cx: &Context, line: &str, stream: &str) -> Result<String, Fault> {
    Ok(run(cx, line)?.get(stream).map(str_of).unwrap_or_default())
}

/// The option by which iptables waits for others that change the same tables, where it has it.
fn wait(cx: &Context, program: &str) -> Result<&'static str, Fault> {
    let help = said(cx, &format!("{program} --help"), "stdout")?;
    Ok(if help.contains("--wait") { "--wait" } else { "" })
}

/// Runs iptables for a table: what it says on standard error.
fn act(cx: &Context, args: &Args, command: &str, rest: &str) -> Result<String, Fault> {
    let program = program(cx, args)?;
    let wait = wait(cx, &program)?;
    said(cx, &format!("{program} {wait} -t {} {command} {rest}", word(args, "table")), "stderr")
}

fn chain(cx: &Context, args: &Args, command: &str) -> Result<Value, Fault> {
    if let Some(wrong) = missing(args, &["chain"]) {
        return Ok(wrong);
    }
    let said = act(cx, args, command, &word(args, "chain"))?;
    Ok(if said.is_empty() { true.into() } else { said.into() })
}

fn check(cx: &Context, args: &Args) -> Result<bool, Fault> {
    let line =
        format!("{} -t {} -C {}", program(cx, args)?, word(args, "table"), words(args, &["chain", "rule"]));
    Ok(run(cx, &line)?.get("retcode").and_then(Value::as_int) == Some(0))
}

fn insert(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let specified = |name| missing(args, &[name]);
    if let Some(wrong) = specified("chain") {
        return Ok(wrong);
    }
    if !args.truthy("position") {
        return Ok("Error: Position needs to be specified or use append (-A)".into());
    }
    if let Some(wrong) = specified("rule") {
        return Ok(wrong);
    }
    let mut position = args.int("position")?;
    if position < 0 {
        let tables = parse(&in_kernel(cx, args)?)?;
        let rules = tables
            .get(&word(args, "table"))
            .and_then(|table| table.get(&word(args, "chain")))
            .and_then(|chain| chain.get("rules"))
            .and_then(Value::as_list)
            .ok_or_else(|| Fault::exception("KeyError", format!("'{}'", word(args, "chain"))))?;
        position = i64::try_from(rules.len()).unwrap_or(i64::MAX).saturating_add(position) + 1;
        if position == 0 {
            position = 1;
        }
    }
    if check(cx, args)? {
        return Ok(false.into());
    }
    Ok(act(cx, args, "-I", &format!("{} {position} {}", word(args, "chain"), word(args, "rule")))?.into())
}

/// Where the rules lie that are read at the start: of a family of systems, or of a system, for IPv4 and IPv6.
const FILES: &[(&str, &str, &str)] = &[
    ("RedHat", "/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
    ("Arch", "/etc/iptables/iptables.rules", "/etc/iptables/ip6tables.rules"),
    ("Debian", "/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
    ("Gentoo", "/var/lib/iptables/rules-save", "/var/lib/ip6tables/rules-save"),
    ("Suse", "/etc/sysconfig/scripts/SuSEfirewall2-custom", "/etc/sysconfig/scripts/SuSEfirewall2-custom"),
    ("Void", "/etc/iptables/iptables.rules", "/etc/iptables/ip6tables.rules"),
    ("Alpine", "/etc/iptables/rules-save", "/etc/iptables/rules6-save"),
];

fn file(cx: &Context, args: &Args, given: &str) -> Result<String, Fault> {
    if args.truthy(given) {
        return Ok(word(args, given));
    }
    let (family, os) = (cx.grain("os_family"), cx.grain("os"));
    let Some((_, four, six)) = FILES.iter().find(|(name, ..)| *name == family || *name == os) else {
        return Err(Fault::exception(
            "salt.exceptions.SaltException",
            format!("Saving iptables to file is not supported on {os}. Please file an issue with SaltStack"),
        ));
    };
    Ok((if args.get("family").as_str() == Some("ipv6") { *six } else { *four }).to_owned())
}

fn save(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let path = file(cx, args, "filename")?;
    if let Some(parent) = Path::new(&path).parent() {
        std::fs::create_dir_all(parent).map_err(|error| Fault::os(&error, &parent.to_string_lossy()))?;
    }
    let mut rules = in_kernel(cx, args)?;
    let filters = cx.ask("config.option", &["iptables.save_filters".into(), Value::List(Vec::new())])?;
    for filter in filters.as_list().unwrap_or_default() {
        match crate::patterns::PySearch::new(&str_of(filter), 0) {
            Ok(filter) => rules = rules.split_inclusive('\n').filter(|line| !filter.is_in(line)).collect(),
            Err(error) => crate::log::warn!("Skipping regex rule: '{}': {error}", str_of(filter)),
        }
    }
    cx.ask("file.write", &[path.into(), rules.into()])
}

fn in_kernel(cx: &Context, args: &Args) -> Result<String, Fault> {
    said(cx, &format!("{}-save", program(cx, args)?), "stdout")
}

fn saved(cx: &Context, args: &Args) -> Result<String, Fault> {
    let path = file(cx, args, "conf_file")?;
    std::fs::read_to_string(&path)
        .map_err(|error| Fault::exception("FileNotFoundError", os_error_text(&error, &path)))
}

fn policy(args: &Args, rules: &dyn Fn() -> Result<String, Fault>) -> Result<Value, Fault> {
    if let Some(wrong) = missing(args, &["chain"]) {
        return Ok(wrong);
    }
    let tables = parse(&rules()?)?;
    let chain = tables.get(&word(args, "table")).and_then(|table| table.get(&word(args, "chain")));
    Ok(chain.and_then(|chain| chain.get("policy")).cloned().unwrap_or_default())
}

/// The long names of options that iptables-save writes in short.
const NAMES: &[(&str, &str)] = &[
    ("A", "append"),
    ("c", "set-counters"),
    ("d", "destination"),
    ("destination-port", "destination_port"),
    ("dport", "destination_port"),
    ("dports", "destination-ports"),
    ("dst-cc", "destination-country"),
    ("f", "fragment"),
    ("g", "goto"),
    ("i", "in-interface"),
    ("j", "jump"),
    ("m", "match"),
    ("o", "out-interface"),
    ("p", "protocol"),
    ("s", "source"),
    ("source-port", "source_port"),
    ("sport", "source_port"),
    ("sports", "source-ports"),
    ("src-cc", "source-country"),
];

/// What iptables-save prints: `{table: {chain: {policy, packet count, byte count, rules, rules_comment}}}`.
fn parse(text: &str) -> Result<Map, Fault> {
    let mut tables = Map::new();
    let mut table = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.to_owned();
            tables.insert(name, Map::new());
        } else if let Some(chain) = line.strip_prefix(':') {
            let words: Vec<&str> = chain.split_whitespace().collect();
            let [name, policy, counters, ..] = words.as_slice() else { continue };
            let (packets, octets) = counters.trim_matches(['[', ']']).split_once(':').unwrap_or_default();
            let chain = map! {
                "policy" => *policy,
                "packet count" => packets,
                "byte count" => octets,
                "rules" => Value::List(Vec::new()),
                "rules_comment" => Map::new(),
            };
            if let Some(Value::Map(chains)) = tables.get_mut(&table) {
                chains.insert(*name, chain);
            }
        } else if line.starts_with("-A") {
            let mut rule = parse_rule(&shlex::split(line)?);
            let first =
                |value: Value| value.as_list().and_then(|all| all.first()).map(str_of).unwrap_or_default();
            let name = first(rule.remove("append").unwrap_or_default());
            let Some(Value::Map(chains)) = tables.get_mut(&table) else { continue };
            let Some(Value::Map(chain)) = chains.get_mut(&name) else { continue };
            if let Some(comment) = rule.get("comment").cloned()
                && let Some(Value::Map(comments)) = chain.get_mut("rules_comment")
            {
                comments.insert(first(comment).trim_matches('"'), rule.clone());
            }
            if let Some(Value::List(rules)) = chain.get_mut("rules") {
                rules.push(rule.into());
            }
        }
    }
    Ok(tables)
}

/// `{long name of an option: [values]}`; the value of a negated one begins with `!`.
fn parse_rule(words: &[String]) -> Map {
    let mut rule = Map::new();
    let mut words = words.iter().peekable();
    let mut negated = false;
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            negated = word == "!";
            continue;
        }
        let name = word.trim_start_matches('-');
        let name = NAMES.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| *long);
        let mut values: Vec<&str> = if negated { vec!["!"] } else { Vec::new() };
        while let Some(value) = words.next_if(|word| *word != "!" && !word.starts_with('-')) {
            values.push(value);
        }
        negated = false;
        if let Value::List(all) = rule.entry(name, || Value::List(Vec::new())) {
            all.push(values.join(" ").into());
        }
    }
    rule
}

/// What follows the jump, since it is the jump's.
const AFTER_JUMP: &str = "j jump add-set and-mark and-tos checksum-fill clamp-mss-to-pmtu clustermac ctevents ctmask \
     del-set ecn-tcp-remove exist expevents gateway hash-init hashmode helper label local-node log-ip-options log-level \
     log-prefix log-tcp-options log-tcp-sequence log-uid mask new nfmask nflog-group nflog-prefix nflog-range \
     nflog-threshold nodst notrack on-ip on-port or-mark or-tos persistent queue-balance queue-bypass queue-num random \
     rateest-ewmalog rateest-interval rateest-name reject-with restore restore-mark save-mark selctx set-class set-dscp \
     set-dscp-class set-mark set-mss set-tos set-xmark strip-options timeout to to-destination to-ports to-source \
     total-nodes tproxy-mark ttl-dec ttl-inc ttl-set type ulog-cprange ulog-nlgroup ulog-prefix ulog-qthreshold xor-mark \
     xor-tos zone dst-pfx hl-dec hl-inc hl-set hmark-dport-mask hmark-dst-prefix hmark-mod hmark-offset hmark-proto-mask \
     hmark-rnd hmark-spi-mask hmark-sport-mask hmark-src-prefix hmark-tuple led-always-blink led-delay led-trigger-id \
     queue-cpu-fanout src-pfx to-port addr and-mask delude honeypot or-mask prefix reset reuse set-mac shift static tarpit \
     tname ttl";

/// `! ` for what is negated by `!` or `not`, and the text without these.
fn negation(value: &Value) -> (&'static str, String) {
    let text = str_of(value);
    if !text.starts_with('!') && !text.starts_with("not") {
        return ("", text);
    }
    ("! ", ["! ", "!", "not ", "not"].into_iter().fold(text, |text, word| text.replace(word, "")))
}

fn build_rule(cx: &Context, args: &Args) -> Result<Value, Fault> {
    let mut given = args.keywords.clone();
    given.retain(|key, _| {
        let key = key.as_str().unwrap_or_default();
        !crate::state::is_internal(key) && !key.starts_with("__") && !["name", "save"].contains(&key)
    });
    if let Some(target) = given.remove("target") {
        given.insert("jump", target);
    }
    let policy = given.str("match") == Some("policy");
    if !policy && let Some(proto) = given.remove("proto") {
        given.insert("protocol", proto);
    }
    let mut rule: Vec<String> = Vec::new();
    let plain = |given: &mut Map, rule: &mut Vec<String>, key: &str, option: &str| {
        let value = given.remove(key)?;
        let (not, value) = negation(&value);
        rule.push(format!("{not}{option} {value}"));
        Some(())
    };
    let module = |rule: &mut Vec<String>, name: &str| {
        if !rule.iter().any(|word| word == name) {
            rule.push(name.to_owned());
        }
    };
    plain(&mut given, &mut rule, "if", "-i");
    plain(&mut given, &mut rule, "of", "-o");
    let protocol = plain(&mut given, &mut rule, "protocol", "-p").is_some();
    if let Some(matches) = given.remove("match") {
        let matches = match matches {
            Value::List(all) => all.iter().map(str_of).collect(),
            one => str_of(&one).split(',').map(str::to_owned).collect::<Vec<_>>(),
        };
        for name in matches {
            rule.push(format!("-m {name}"));
            if ["pknock", "quota2", "recent"].contains(&name.trim())
                && let Some(name) = given.remove("name_")
            {
                rule.push(format!("--name {}", str_of(&name)));
            }
        }
        if policy {
            plain(&mut given, &mut rule, "proto", "--proto");
        }
    }
    if let Some(sets) = given.remove("match-set") {
        for set in sets.as_list().unwrap_or(std::slice::from_ref(&sets)) {
            let (not, set) = negation(set);
            rule.push(format!("-m set {not}--match-set {set}"));
        }
    }
    if given.contains("connstate") {
        module(&mut rule, "-m state");
        plain(&mut given, &mut rule, "connstate", "--state");
    }
    plain(&mut given, &mut rule, "dport", "--dport");
    plain(&mut given, &mut rule, "sport", "--sport");
    for key in ["dports", "sports"] {
        let Some(ports) = given.remove(key) else { continue };
        module(&mut rule, "-m multiport");
        if !protocol {
            return Ok("Error: protocol must be specified".into());
        }
        let ports: Vec<_> =
            ports.as_list().unwrap_or(std::slice::from_ref(&ports)).iter().map(negation).collect();
        if ports.iter().any(|(not, _)| !not.is_empty()) {
            rule.push("!".to_owned());
        }
        let ports: Vec<String> = ports.into_iter().map(|(_, port)| port).collect();
        rule.push(format!("--{key} {}", ports.join(",")));
    }
    if let Some(comment) = given.remove("comment") {
        module(&mut rule, "-m comment");
        rule.push(format!("--comment \"{}\"", str_of(&comment)));
    }
    if given.get("set").is_some_and(Value::truthy) {
        plain(&mut given, &mut rule, "set", "--match-set");
    }
    let mut jump = Vec::new();
    for name in AFTER_JUMP.split_whitespace() {
        let Some(value) = given.remove(name) else { continue };
        let text = if value.is_null() { String::new() } else { str_of(&value) };
        jump.push(if text.is_empty() {
            format!("--{name}")
        } else if text.contains([' ', '\t', '\n']) {
            format!("--{name} \"{text}\"")
        } else {
            format!("--{name} {text}")
        });
    }
    for (key, value) in &given {
        let key = str_of(key);
        let (not, value) = if value.is_null() { ("", String::new()) } else { negation(value) };
        let blank = if value.is_empty() { "" } else { " " };
        rule.push(format!("{not}{}{key}{blank}{value}", if key.len() == 1 { "-" } else { "--" }));
    }
    rule.extend(jump);
    let rule = rule.join(" ");
    if !args.truthy("full") {
        return Ok(rule.into());
    }
    if let Some(wrong) = missing(args, &["table", "chain", "command"]) {
        return Ok(wrong);
    }
    let program = program(cx, args)?;
    let command = word(args, "command");
    let flag = if "ACDIRLSFZNXPE".contains(&command) { "-" } else { "--" };
    Ok(format!(
        "{program} {} -t {} {flag}{command} {} {} {rule}",
        wait(cx, &program)?,
        word(args, "table"),
        word(args, "chain"),
        word(args, "position")
    )
    .into())
}
