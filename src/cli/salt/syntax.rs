//! The command line of `salt`, and what its words mean. Salt: utils/parsers.py (`SaltCMDOptionParser`).

use crate::cli::options::{self, EXTERNAL_AUTH, LOGGING, OUTPUT, TARGET, TARGET_MORE};
use crate::cli::{Exit, Flag, Group, Parsed, Stop, Syntax, Takes};
use crate::value::Value;
use crate::value::yaml::condition_input;

pub(in crate::cli) const SYNTAX: Syntax = Syntax {
    usage: "[options] '<target>' <function> [arguments]",
    about: "Runs a function on every minion that the target names, and prints what comes back.",
    groups: &[
        Group { title: "", about: "", flags: OWN },
        TARGET,
        TARGET_MORE,
        EXTERNAL_AUTH,
        OUTPUT,
        LOGGING,
    ],
};

const OWN: &[Flag] = &[
    options::SALTFILE,
    options::CONFIG_DIR,
    Flag::value(
        &["--module-executors"],
        "module_executors",
        Takes::Text,
        "EXECUTOR_LIST",
        "Executors for this job in place of the minions' own.",
    ),
    Flag::value(
        &["--executor-opts"],
        "executor_opts",
        Takes::Text,
        "EXECUTOR_OPTS",
        "Options of these executors.",
    ),
    options::TIMEOUT,
    options::ARGS_STDIN,
    options::HARD_CRASH,
    options::NO_PARSE,
    Flag::new(&["-s", "--static"], "static", "Print all returns together when the last one is here."),
    Flag::new(&["-p", "--progress"], "progress", "Show on standard error how many minions have returned."),
    Flag::new(&["--failhard"], "failhard", "With --static or --batch: stop at the first return that failed."),
    Flag::new(&["--async"], "async", "Print the job id and do not wait for returns."),
    Flag::value(&["--subset"], "subset", Takes::Int, "SUBSET", "Only so many of the minions, at random."),
    Flag::new(&["-v", "--verbose"], "verbose", "Print the job id, and also the minions that stay silent."),
    Flag::off(&["--hide-timeout"], "show_timeout", "Do not print minions that stay silent."),
    Flag::new(&["--show-jid"], "show_jid", "Print the job id."),
    Flag::value(
        &["-b", "--batch", "--batch-size"],
        "batch",
        Takes::Text,
        "BATCH",
        "Only so many minions at a time, a number or a percentage.",
    ),
    Flag::value(
        &["--batch-wait"],
        "batch_wait",
        Takes::Float,
        "BATCH_WAIT",
        "Seconds between a return and the next minion.",
    ),
    Flag::value(
        &["--batch-safe-limit"],
        "batch_safe_limit",
        Takes::Int,
        "BATCH_SAFE_LIMIT",
        "Batches where so many minions match, or more.",
    ),
    Flag::value(
        &["--batch-safe-size"],
        "batch_safe_size",
        Takes::Text,
        "BATCH_SAFE_SIZE",
        "The size of such batches. Default: 8.",
    ),
    Flag::value(
        &["--return"],
        "return",
        Takes::Text,
        "RETURNER",
        "Returners that the minions also send their returns to.",
    ),
    Flag::value(
        &["--return_config"],
        "return_config",
        Takes::Text,
        "RETURNER_CONF",
        "The configuration of these returners.",
    ),
    Flag::value(
        &["--return_kwargs"],
        "return_kwargs",
        Takes::Text,
        "RETURNER_KWARGS",
        "Options of these returners.",
    ),
    Flag::new(&["-d", "--doc", "--documentation"], "doc", "Print the documentation of a function or module."),
    Flag::value(
        &["--args-separator"],
        "args_separator",
        Takes::Text,
        "ARGS_SEPARATOR",
        "The word between the arguments of several functions. Default: a comma.",
    ),
    Flag::new(&["--summary"], "cli_summary", "Print at the end how many minions returned."),
    Flag::value(&["--metadata"], "metadata", Takes::Text, "METADATA", "Kept with the job, to find it again."),
    Flag::new(&["--output-diff"], "state_output_diff", "Only states that changed something."),
    Flag::new(&["--config-dump"], "config_dump", "Print the master's configuration and exit."),
    Flag::new(&["--preview-target"], "preview_target", "Print the minions that would be asked, and exit."),
    Flag::new(
        &["--strict-exit"],
        "strict_exit",
        "Exit with 0 only if every minion of the target returned and succeeded; 2: no minion matched; 11: minions \
         stayed silent; 1: a minion failed; 69: the master could not be asked. (Not in Salt, whose codes are the \
         default: there it is also 0 when the master could not be asked.)",
    ),
];

/// What the words of the command line ask for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Words {
    /// Text, or the list of ids with `-L`.
    pub tgt: Value,
    /// Text, or a list of names.
    pub fun: Value,
    /// As it is published.
    pub arg: Vec<Value>,
}

/// Reads target, function and arguments.
///
/// # Errors
/// With exit code 42, when words are missing or do not go together.
pub(super) fn words(parsed: &Parsed) -> Result<Words, Stop> {
    let mut words = parsed.words.clone();
    if parsed.flag("doc") {
        if words.is_empty() {
            words.push("*".to_owned());
        }
        if words.get(1).is_none_or(|fun| fun != "sys.doc") {
            words.insert(1, "sys.doc".to_owned());
        }
        if words.len() > 3 {
            let complaint = "You can only get documentation for one method at one time.";
            return Err(SYNTAX.wrong(&parsed.prog, complaint));
        }
    }
    let too_few = words.len() < 2 && !parsed.flag("preview_target");
    let help = if too_few { SYNTAX.help(&parsed.prog) } else { String::new() };
    let incomplete = |text: &str| Stop { stdout: help.clone(), ..Stop::failed(Exit::INCOMPLETE, text) };
    let mut words = words.into_iter();
    let tgt =
        words.next().ok_or_else(|| incomplete("\nCannot execute command without defining a target.\n\n"))?;
    let tgt = match (parsed.flag("list"), tgt.contains(',')) {
        (false, _) => Value::Text(tgt),
        (true, true) => Value::list(
            tgt.replace(' ', "")
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        ),
        (true, false) => Value::list(tgt.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
    };
    let fun = match words.next() {
        Some(fun) => fun,
        None if parsed.flag("preview_target") => String::new(),
        None => return Err(incomplete("\nIncomplete options passed.\n\n")),
    };
    let rest: Vec<String> = words.collect();
    let arguments = |words: &[String]| {
        let (args, kwargs) = options::arguments(parsed, words);
        condition_input(args, kwargs)
    };
    if !fun.contains(',') {
        return Ok(Words { tgt, fun: fun.into(), arg: arguments(&rest) });
    }
    let funs: Vec<&str> = fun.split(',').collect();
    let separator = parsed.text("args_separator").unwrap_or(",");
    let groups = separate(&rest, separator, funs.len()).map_err(incomplete)?;
    let arg = groups.iter().map(|group| Value::List(arguments(group))).collect();
    Ok(Words { tgt, fun: Value::list(funs), arg })
}

/// Gives each of `count` functions its words: between lone separators, or else wherever a word holds one.
fn separate(words: &[String], separator: &str, count: usize) -> Result<Vec<Vec<String>>, &'static str> {
    let mut groups: Vec<Vec<String>> = vec![Vec::new()];
    let mut put = |piece: Option<&str>| match (piece, groups.last_mut()) {
        (Some(piece), Some(group)) => group.push(piece.to_owned()),
        _ => groups.push(Vec::new()),
    };
    if words.iter().filter(|word| *word == separator).count() + 1 == count {
        for word in words {
            put(Some(word.as_str()).filter(|word| *word != separator));
        }
        return Ok(groups);
    }
    for word in words {
        for (place, piece) in word.split(separator).enumerate() {
            if place > 0 {
                put(None);
            }
            if !piece.is_empty() {
                put(Some(piece));
            }
        }
    }
    match groups.len() {
        given if given < count => Err("Cannot execute compound command without defining all arguments.\n"),
        given if given > count => Err("Cannot execute compound command with more arguments than commands.\n"),
        _ => Ok(groups),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    fn read(line: &[&str]) -> Result<Words, Stop> {
        let line: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        words(&SYNTAX.parse("salt", &line)?)
    }

    fn check(line: &[&str], fun: Value, arg: Vec<Value>) {
        let words = read(line).unwrap_or_else(|stop| panic!("{line:?}: {stop}"));
        assert_eq!((words.fun, words.arg), (fun, arg), "{line:?}");
    }

    #[test]
    fn words_become_arguments() {
        check(&["*", "test.ping"], "test.ping".into(), vec![]);
        let kwargs: Value = map! { "__kwarg__" => true, "a" => 1 }.into();
        check(&["*", "test.arg", "x", "a=1"], "test.arg".into(), vec!["x".into(), kwargs]);
        assert_eq!(read(&["-L", "a, b", "test.ping"]).expect("a list").tgt, Value::list(["a", "b"]));
        assert_eq!(read(&["-L", "a b", "test.ping"]).expect("a list").tgt, Value::list(["a", "b"]));
    }

    #[test]
    fn several_functions_share_the_words() {
        let funs = || Value::list(["test.ping", "test.echo"]);
        let hello = || vec![Value::List(vec![]), Value::list(["hello"])];
        check(&["*", "test.ping,test.echo", ",hello"], funs(), hello());
        check(&["*", "test.ping,test.echo", ",", "hello"], funs(), hello());
        check(&["*", "test.ping,test.echo", "--args-separator=::", "::", "hello"], funs(), hello());
        check(
            &["*", "test.echo,test.echo", "a,b"],
            Value::list(["test.echo", "test.echo"]),
            vec![Value::list(["a"]), Value::list(["b"])],
        );
    }

    #[test]
    fn documentation_is_a_function_of_the_minions() {
        check(&["*", "-d", "test.ping"], "sys.doc".into(), vec!["test.ping".into()]);
        check(&["-d"], "sys.doc".into(), vec![]);
        assert!(
            read(&["*", "-d", "a", "b", "c"])
                .expect_err("too many")
                .stderr
                .contains("one method at one time")
        );
    }

    #[test]
    fn missing_words_end_with_42() {
        for (line, text) in [
            (&[][..], "\nCannot execute command without defining a target.\n\n"),
            (&["*"], "\nIncomplete options passed.\n\n"),
            (&["*", "a,b", "x"], "Cannot execute compound command without defining all arguments.\n"),
            (&["*", "a,b", "x,y,z"], "Cannot execute compound command with more arguments than commands.\n"),
        ] {
            let stop = read(line).expect_err("incomplete");
            assert_eq!((stop.exit, stop.stderr.as_str()), (Exit::INCOMPLETE, text));
        }
    }
}
