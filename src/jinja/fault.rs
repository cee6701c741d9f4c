//! Why a template failed, and where: the frames it was in, innermost first. Salt: utils/templates.py.

use std::fmt;
use std::rc::Rc;

use super::surroundings::Surroundings;
use crate::value::{Map, Value, nearest};

/// The result of nearly everything here.
pub(super) type Res<T> = Result<T, Fault>;

/// What kind of failure it was; Salt words each kind differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Jinja's `UndefinedError`.
    Undefined,
    /// `TemplateSyntaxError`, `TemplateRuntimeError`, `SecurityError`.
    Template,
    /// `TemplateNotFound`: `include … ignore missing` forgives it.
    NotFound,
    /// A Salt function refused (`SaltInvocationError`, `CommandExecutionError`).
    Call,
    /// Any other exception: `TypeError`, `KeyError` …
    Other,
}

/// What a frame runs: Salt looks for the line of an error only in the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Root,
    Macro,
    Block,
}

/// One frame that an error passed.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub kind: FrameKind,
    /// The file, when the template came from one.
    pub path: Option<Rc<str>>,
    pub source: Rc<str>,
    pub line: u32,
}

/// A failure on its way out of a template.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    /// The line of a syntax error, until the frame of its template is known.
    line: Option<u32>,
    trail: Vec<Place>,
    /// The file whose data could not be read.
    data: Option<Rc<str>>,
}

impl Fault {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Fault(Box::new(Inner { kind, message: message.into(), line: None, trail: Vec::new(), data: None }))
    }

    /// A `TypeError`, `ValueError` or the like.
    pub(super) fn other(message: impl Into<String>) -> Self {
        Fault::new(Kind::Other, message)
    }

    /// A `TemplateRuntimeError` or `SecurityError`.
    pub(super) fn template(message: impl Into<String>) -> Self {
        Fault::new(Kind::Template, message)
    }

    pub(super) fn undefined(message: impl Into<String>) -> Self {
        Fault::new(Kind::Undefined, message)
    }

    pub(super) fn syntax(message: impl Into<String>, line: u32) -> Self {
        let mut fault = Fault::new(Kind::Template, message);
        fault.0.line = Some(line);
        fault
    }

    /// The failure of the data of a file.
    pub(super) fn of_data(mut self, file: Rc<str>) -> Self {
        self.0.data.get_or_insert(file);
        self
    }

    /// With other words for some of its message.
    pub(super) fn reworded(mut self, old: &str, new: &str) -> Self {
        self.0.message = self.0.message.replacen(old, new, 1);
        self
    }

    pub(super) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The template that is not there.
    pub(super) fn missing(&self) -> Option<String> {
        (self.0.kind == Kind::NotFound).then(|| self.0.message.clone())
    }

    /// The line of a syntax error that has no frame yet.
    pub(super) fn take_line(&mut self) -> Option<u32> {
        self.0.line.take()
    }

    pub(super) fn passed(&mut self, place: Place) {
        if self.0.trail.len() < 64 {
            self.0.trail.push(place);
        }
    }

    /// As Salt tells it: `main` is the template that was asked for, `sls` the name of its SLS file, if it is one. An
    /// error in another file is shown there, but for a template without that name in its path.
    pub(super) fn into_error(self, main: &Rc<str>, sls: Option<&str>) -> Error {
        let inner = *self.0;
        let what = match inner.kind {
            Kind::Undefined => "Jinja variable",
            Kind::Template => "Jinja syntax error:",
            Kind::Call => "Problem running salt function in Jinja template:",
            Kind::Other | Kind::NotFound => "Jinja error:",
        };
        let mut error = Error {
            message: format!("{what} {}", inner.message),
            line: 0,
            source: Rc::clone(main),
            column: 0,
            path: None,
            near: None,
            data: inner.data.as_deref().map(Box::from),
            trail: inner.trail.iter().map(|p| (p.path.as_deref().map(str::to_owned), p.line)).collect(),
        };
        let Some(place) = inner.trail.iter().find(|place| place.kind != FrameKind::Block) else {
            return error;
        };
        error.line = place.line;
        error.column = column(&place.source, place.line, &error.message);
        // Salt quirk: utils/templates.py tells another file only when its path does not end with the SLS name.
        let own = sls.map(|sls| sls.replace('.', "/"));
        if let Some(path) = &place.path
            && own.is_none_or(|own| !path.ends_with(own.as_str()))
        {
            let context = context(&place.source, place.line);
            error.message.push_str(&format!("\n{path}({}):\n{context}", place.line));
            error.path = Some(Box::from(&**path));
        }
        error
    }
}

/// A render that failed, in Salt's words.
#[derive(Clone, Debug)]
pub struct Error {
    /// `Jinja variable 'x' is undefined` and the like; for an error in an imported file with that file's name, line
    /// and surroundings.
    pub message: String,
    /// The line, from 1, in the file where it happened; 0 when it is not known.
    pub line: u32,
    /// From 1, at the word that the message tells of, else where the tag begins; 0 when the line is not known.
    pub column: u32,
    source: Rc<str>,
    /// The file, when it is not the template that was asked for.
    pub path: Option<Box<str>>,
    /// File and line of each call on the way, innermost first; `None` is the template that was asked for.
    pub trail: Vec<(Option<String>, u32)>,
    /// The name that was probably meant, for a variable, filter, function or file that is not there.
    pub near: Option<Box<str>>,
    /// The file of an `import_yaml` or its like whose data could not be read.
    pub data: Option<Box<str>>,
}

impl Error {
    /// An error without a place.
    pub fn plain(message: impl Into<String>) -> Self {
        Error {
            message: message.into(),
            line: 0,
            source: Rc::from(""),
            column: 0,
            path: None,
            trail: Vec::new(),
            near: None,
            data: None,
        }
    }

    /// Looks for the name that was meant among what the template sees.
    pub(super) fn with_near(mut self, missing: Option<&str>, vars: &Map, around: &dyn Surroundings) -> Self {
        if let Some(path) = missing {
            self.near = around.source_near(path).map(String::into_boxed_str);
            return self;
        }
        let quoted = |text: &str| text.split('\'').nth(1).map(str::to_owned);
        let near = if let Some((_, name)) = self.message.split_once("AliasedLoader object' has no attribute")
        {
            self.near = around.function_near(&quoted(name).unwrap_or_default()).map(String::into_boxed_str);
            return self;
        } else if let Some((_, told)) = self.message.split_once("No filter named ") {
            nearest(&quoted(told).unwrap_or_default(), &mut super::filters::names())
        } else if let Some((_, told)) = self.message.split_once("No test named ") {
            nearest(&quoted(told).unwrap_or_default(), &mut super::tests::names())
        } else if let Some((_, told)) = self.message.split_once("unknown tag ") {
            // What the parser looked for stands in the message, too.
            let name = quoted(told).unwrap_or_default();
            let ends = told.split('\'').skip(3).step_by(2);
            nearest(&name, &mut ends.chain(["if", "for", "set", "macro", "import", "include", "from", "do"]))
        } else if let Some((head, _)) = self.message.split_once("' is undefined") {
            let name = head.rsplit('\'').next().unwrap_or_default();
            let given = vars.keys().filter_map(Value::as_str).chain(around.large_names().iter().copied());
            nearest(name, &mut given.chain(names_set(&self.source)))
        } else if let Some((_, name)) = self.message.split_once("object' has no attribute") {
            // Most are of the pillar or of grains.
            let maps = ["pillar", "grains"]
                .into_iter()
                .filter_map(|of| vars.get(of).and_then(Value::as_map).or_else(|| around.large(of)));
            let name = quoted(name).unwrap_or_default();
            nearest(&name, &mut maps.flat_map(|map| map.keys().filter_map(Value::as_str)))
        } else {
            None
        };
        self.near = near.map(Box::from);
        self
    }
}

fn column(source: &str, line: u32, message: &str) -> u32 {
    let Some(text) = line.checked_sub(1).and_then(|index| source.lines().nth(index as usize)) else {
        return 0;
    };
    let told = message.split('\'').skip(1).step_by(2).filter(|word| !word.is_empty());
    let at = told.filter_map(|word| find_word(text, word)).last();
    let at = at.or_else(|| text.find("{{")).or_else(|| text.find("{%"));
    let at = at.unwrap_or_else(|| text.len() - text.trim_start().len());
    let before = text.get(..at).unwrap_or_default();
    u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX)
}

/// Where a word stands in a line, not as a part of a longer one.
fn find_word(line: &str, word: &str) -> Option<usize> {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_name = word.chars().all(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = line.get(..*at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !is_name || !(inside(before) || inside(after))
    })
}

/// Names that a template gives to something.
fn names_set(source: &str) -> impl Iterator<Item = &str> {
    let mut words = source.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let mut last = "";
    std::iter::from_fn(move || {
        loop {
            let word = words.next()?;
            let before = std::mem::replace(&mut last, word);
            if matches!(before, "set" | "for" | "macro" | "import" | "as") {
                return Some(word);
            }
        }
    })
}

impl fmt::Display for Error {
    /// The text of Salt's `SaltRenderError`: with the line and its surroundings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.line > 0 && self.path.is_none() && !self.source.is_empty() {
            write!(f, "; line {}\n\n{}", self.line, context(&self.source, self.line))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Five lines before and after a line, which gets a marker. Salt: `stringutils.get_context`.
pub fn context(source: &str, line: u32) -> String {
    let lines: Vec<&str> = super::methods::text::split_lines(source, false);
    let line = line as usize;
    if line > lines.len() || line == 0 {
        return source.to_owned();
    }
    let start = line.saturating_sub(6);
    let end = lines.len().min(line + 5);
    let mut out = String::from("---\n");
    if start > 0 {
        out.push_str("[...]\n");
    }
    for (index, text) in lines.iter().enumerate().take(end).skip(start) {
        out.push_str(text);
        if index + 1 == line {
            out.push_str("    <======================");
        }
        out.push('\n');
    }
    if end < lines.len() {
        out.push_str("[...]\n");
    }
    out.push_str("---");
    out
}
