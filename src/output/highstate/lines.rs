//! One state, as a block or as a line. Salt: output/highstate.py (`_format_host`, `_format_terse`).

use super::Paint;
use super::options::Tabular;
use super::wrap::fill;
use crate::jinja;
use crate::map;
use crate::output::colors::Color;
use crate::value::{Map, Value, str_of};

pub(super) struct State<'s> {
    pub module: &'s str,
    pub fun: &'s str,
    pub id: &'s str,
    pub name: &'s str,
    pub ret: &'s Map,
    pub color: Color,
}

impl State<'_> {
    pub(super) fn full(&self, paint: &Paint, changes: &str, lines: &mut Vec<String>) {
        let (on, end) = (paint.on(self.color), paint.end());
        let of = |name: &str| self.ret.get(name).map(str_of);
        let mut block =
            vec![("      ID", self.id.to_owned()), ("Function", format!("{}.{}", self.module, self.fun))];
        if self.id != self.name {
            block.push(("    Name", self.name.to_owned()));
        }
        block.push(("  Result", of("result").unwrap_or_default()));
        block.push((" Comment", self.comment()));
        if paint.options.state.profile
            && let Some(start) = of("start_time")
        {
            block.push((" Started", start));
            let duration = of("duration").filter(|duration| !duration.is_empty());
            block.push(("Duration", duration.map(|duration| format!("{duration} ms")).unwrap_or_default()));
        }
        lines.push(format!("{on}----------{end}"));
        lines.extend(block.into_iter().map(|(label, text)| format!("    {on}{label}: {text}{end}")));
        lines.push(format!("{on}     Changes:   {changes}{end}"));
        if let Some(warnings) = self.ret.get("warnings") {
            let text = fill(&joined(warnings), 80, 14);
            let red = paint.on(Color::LightRed);
            lines.push(format!("   {red} Warnings: {}{end}", text.trim_start()));
        }
    }

    /// A line by a format string, which templates know how to follow.
    fn own_line(&self, format: &str, words: [&str; 6]) -> Result<String, jinja::Error> {
        let words = words.into_iter().map(Value::from).chain([self.ret.clone().into()]);
        let vars = map! { "format" => format, "words" => Value::list(words) };
        let template = "{{ format.format(*words) }}";
        jinja::render(template, &vars, &jinja::Nothing, &jinja::Options::default())
    }

    fn comment(&self) -> String {
        let comment = self.ret.get("comment").map(str_of).unwrap_or_default();
        let mut comment = comment.trim().replace('\n', &format!("\n{}", " ".repeat(14)));
        match self.ret.get("data") {
            None => {}
            Some(Value::List(items)) => {
                for item in items {
                    comment.push(' ');
                    comment.push_str(&str_of(item));
                }
            }
            Some(Value::Map(map)) => {
                for (key, value) in map {
                    comment.push_str(&format!("\n\t\t{}: {}", str_of(key), str_of(value)));
                }
            }
            Some(other) => comment.push_str(&format!(" {}", str_of(other))),
        }
        comment
    }

    pub(super) fn terse(&self, paint: &Paint) -> String {
        let (on, end) = (paint.on(self.color), paint.end());
        let options = &paint.options.state;
        let result = match self.ret.get("result") {
            Some(Value::Bool(false)) => "Failed",
            None | Some(Value::Null) => "Differs",
            _ if self.ret.get("changes").is_some_and(Value::truthy) => "Changed",
            _ => "Clean",
        };
        let of = |name: &str| self.ret.get(name).map(str_of).unwrap_or_default();
        let timed = options.profile && self.ret.contains("start_time");
        let warnings = self
            .ret
            .get("warnings")
            .map(|warnings| format!("{}Warnings:\n{}{end}", paint.on(Color::LightRed), joined(warnings)));
        let (module, fun, name) = (self.module, self.fun, self.name);
        if let Tabular::Own(format) = &options.tabular {
            match self.own_line(format, [&on, name, module, fun, result, &end]) {
                Ok(line) => return line,
                Err(error) => crate::log::error!("state_tabular: {error}: the usual columns are used"),
            }
        }
        if options.tabular != Tabular::Off {
            let warnings = warnings.map(|text| text + "\n").unwrap_or_default();
            let time = if timed {
                format!("{} [{:>7} ms] ", of("start_time"), of("duration"))
            } else {
                String::new()
            };
            return format!("{warnings}{on}{time}{module:>10}.{fun:<10} {result:7}   Name: {name}{end}");
        }
        let time = if timed {
            format!(" - Started: {} - Duration: {} ms", of("start_time"), of("duration"))
        } else {
            String::new()
        };
        let warnings = warnings.unwrap_or_default();
        format!("{warnings} {on} Name: {name} - Function: {module}.{fun} - Result: {result}{time}{end}")
    }
}

fn joined(warnings: &Value) -> String {
    match warnings {
        Value::List(items) => items.iter().map(str_of).collect::<Vec<_>>().join("\n"),
        other => str_of(other),
    }
}
