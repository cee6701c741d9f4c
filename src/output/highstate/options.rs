//! How state runs are shown: the options `state_*`. Salt: config/__init__.py, output/highstate.py.

use crate::value::{Map, Value, str_of};

/// Those options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateOutput {
    /// `state_output`: `full`, `terse`, `mixed`, `changes`, `filter`, each also with `_id`.
    pub mode: String,
    /// `state_verbose`: also show what succeeded without changes.
    pub verbose: bool,
    /// `state_output_diff`: only what changed or failed.
    pub diff: bool,
    /// `state_output_profile`: when and how long.
    pub profile: bool,
    /// `state_output_pct`: percentages in the summary.
    pub pct: bool,
    /// `state_tabular`.
    pub tabular: Tabular,
    /// `state_compress_ids`: one entry for all names of an id with one result.
    pub compress_ids: bool,
    /// `state_output_exclude`, with `filter`: results that are left out (`True`, `False`, `None`).
    pub exclude: Vec<String>,
    /// `state_output_terse`, with `filter`: results that get one line.
    pub terse: Vec<String>,
}

/// `state_tabular`: columns for the lines of `terse`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tabular {
    #[default]
    Off,
    On,
    /// A format string of Python's. Its arguments: 0 the color, 1 the name, 2 the module, 3 the function, 4 `Clean`,
    /// `Changed`, `Failed` or `Differs`, 5 the end of the color, 6 the return.
    Own(String),
}

impl Default for StateOutput {
    fn default() -> Self {
        StateOutput {
            mode: "full".to_owned(),
            verbose: true,
            diff: false,
            profile: true,
            pct: false,
            tabular: Tabular::Off,
            compress_ids: false,
            exclude: Vec::new(),
            terse: Vec::new(),
        }
    }
}

impl StateOutput {
    /// Reads the options of configuration and command line together.
    pub fn from_opts(opts: &Map) -> Self {
        let flag = |name: &str, default: bool| opts.get(name).map_or(default, Value::truthy);
        let tabular = match opts.get("state_tabular") {
            Some(Value::Text(format)) => Tabular::Own(format.clone()),
            Some(Value::Bool(true)) => Tabular::On,
            _ => Tabular::Off,
        };
        // `salt '*' state.apply exclude=True` goes before the options.
        let words = opts.get("arg").and_then(Value::as_list).unwrap_or_default();
        let words = words.iter().rfind(|word| word.get("__kwarg__").is_some());
        let list = |word: &str, option: &str| -> Vec<String> {
            match words.and_then(|words| words.get(word)).or_else(|| opts.get(option)) {
                Some(Value::Text(text)) => text.split(',').map(str::to_owned).collect(),
                Some(Value::List(items)) => items.iter().map(str_of).collect(),
                _ => Vec::new(),
            }
        };
        StateOutput {
            mode: opts.str("state_output").unwrap_or("full").to_owned(),
            verbose: flag("state_verbose", true),
            diff: flag("state_output_diff", false),
            profile: flag("state_output_profile", true),
            pct: flag("state_output_pct", false),
            tabular,
            compress_ids: flag("state_compress_ids", false),
            exclude: list("exclude", "state_output_exclude"),
            terse: list("terse", "state_output_terse"),
        }
    }
}
