//! SLS files held against everything that can be known without running them. Salt has nothing like it; the words of
//! mistakes are those of a run.

use std::collections::{HashMap, HashSet};

use super::call::{misprints, verify_chunk};
use super::chunks::Chunks;
use super::high::compile;
use super::keywords::REQUISITES;
use super::requisite::{item, items};
use super::tag::field;
use super::{Available, Compiler};
use crate::loader::{Context, Fault};
use crate::render::{Place, find_sls, read_template};
use crate::value::{Map, str_of};

/// One mistake in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The SLS file that was asked for; the mistake may be in one that it includes.
    pub sls: String,
    pub saltenv: String,
    pub place: Place,
    pub text: String,
}

/// Every mistake in these SLS files and in what they include, and how many files were read; without names in all of
/// the environment.
///
/// # Errors
/// When the file server cannot be asked.
pub fn lint(cx: &Context, saltenv: &str, wanted: &[String]) -> Result<(Vec<Mistake>, usize), Fault> {
    let available = Available::new(cx);
    let wanted = if wanted.is_empty() { available.states(saltenv)? } else { wanted.to_vec() };
    let mut linter = Linter {
        cx,
        sources: HashMap::new(),
        files: HashSet::new(),
        seen: HashSet::new(),
        mistakes: Vec::new(),
        saltenv,
    };
    for pattern in wanted {
        let mut names = available.matching(saltenv, &pattern)?;
        if names.is_empty() {
            names.push(pattern);
        }
        for sls in names {
            // The top file of an environment is no SLS file of states.
            if sls != "top" {
                linter.sls(&available, &sls)?;
            }
        }
    }
    Ok((linter.mistakes, linter.files.len()))
}

struct Linter<'l, 'c> {
    cx: &'l Context<'c>,
    saltenv: &'l str,
    /// Path and text of SLS files.
    sources: HashMap<String, (String, String)>,
    /// `saltenv:sls` of all that was rendered.
    files: HashSet<String>,
    /// Mistakes of files that several others include are told once.
    seen: HashSet<String>,
    mistakes: Vec<Mistake>,
}

impl Linter<'_, '_> {
    fn sls(&mut self, available: &Available<'_, '_>, sls: &str) -> Result<(), Fault> {
        let mut compiler = Compiler::new(self.cx, available);
        let (high, errors) = compiler.sls(sls, self.saltenv, None)?;
        self.files.extend(compiler.take_done());
        let broken = !errors.is_empty();
        for text in errors {
            let place = compiler.place(&text).cloned();
            let near = match place {
                None => available.near_missing(self.saltenv, &text)?,
                Some(_) => None,
            };
            self.add(sls, sls, text, place, near);
        }
        if broken {
            // Requisites upon what could not be read would all be missing.
            return Ok(());
        }
        match compile(high, self.cx.opts, None, Vec::new()) {
            Ok(chunks) => self.chunks(sls, chunks),
            Err(errors) => {
                for text in errors {
                    let of = text.split("SLS '").nth(1).and_then(|rest| rest.split('\'').next());
                    let of = of.map_or(sls, |of| of.rsplit(':').next().unwrap_or(of)).to_owned();
                    self.add(sls, &of, text, None, None);
                }
            }
        }
        Ok(())
    }

    fn chunks(&mut self, sls: &str, chunks: Vec<Map>) {
        let chunks = Chunks::new(chunks);
        for at in 0..chunks.len() {
            let low = chunks.low(at).clone();
            let of = field(&low, "__sls__").to_owned();
            let mut texts = verify_chunk(self.cx, &low);
            let near = texts.pop_if(|text| text.starts_with("did you mean "));
            let near = near.and_then(|text| text.split('\'').nth(1).map(str::to_owned));
            for text in texts {
                let near = near.clone().filter(|_| text.starts_with("Reason: "));
                let text = format!("{text} (ID '{}' in SLS '{of}')", field(&low, "__id__"));
                self.add(sls, &of, text, None, near);
            }
            for (word, meant) in misprints(self.cx, &low) {
                let text = format!(
                    "'{word}' is an invalid keyword argument for '{}.{}' (ID '{}' in SLS '{of}')",
                    field(&low, "state"),
                    field(&low, "fun"),
                    field(&low, "__id__")
                );
                self.add(sls, &of, text, None, meant.map(str::to_owned));
            }
            for kind in REQUISITES {
                for wanted in low.get(kind).map(items).unwrap_or_default() {
                    let Ok(Some((module, pattern))) = item(&wanted) else { continue };
                    if !chunks.matching(&module, &pattern).is_empty() {
                        continue;
                    }
                    let near = chunks.nearest(&module, &pattern);
                    let text = format!(
                        "ID '{}' in SLS '{of}' has the requisite '{kind}: {module}: {pattern}', which is not there",
                        field(&low, "__id__")
                    );
                    self.add(sls, &of, text, None, near);
                }
            }
        }
    }

    fn add(&mut self, sls: &str, of: &str, mut text: String, place: Option<Place>, near: Option<String>) {
        if !self.seen.insert(text.clone()) {
            return;
        }
        let place = place.unwrap_or_else(|| self.locate(of, &text));
        if let Some(near) = near {
            text.push_str(&format!("; did you mean '{near}'?"));
        }
        self.mistakes.push(Mistake { sls: sls.to_owned(), saltenv: self.saltenv.to_owned(), place, text });
    }

    /// The line of an SLS file that begins with the first id that the text names.
    fn locate(&mut self, sls: &str, text: &str) -> Place {
        let (cx, saltenv) = (self.cx, self.saltenv);
        let (path, source) = self.sources.entry(sls.to_owned()).or_insert_with(|| {
            let file = find_sls(cx, sls, saltenv).ok().flatten();
            let text = file.as_ref().and_then(|file| read_template(&file.path).ok());
            (
                file.map(|file| str_of(&file.path.display().to_string().into())).unwrap_or_default(),
                text.unwrap_or_default(),
            )
        });
        let mut place = Place { path: (!path.is_empty()).then(|| path.clone()), line: 0, column: 0 };
        for name in text.split(['\'', '"']).skip(1).step_by(2).filter(|name| !name.is_empty()) {
            for (index, line) in source.lines().enumerate() {
                let indent = line.len() - line.trim_start().len();
                let line = line.trim_start().trim_start_matches("- ").trim_start_matches(['\'', '"']);
                if line
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.trim_start_matches(['\'', '"']).starts_with(':'))
                {
                    place.line = u32::try_from(index + 1).unwrap_or(u32::MAX);
                    place.column = u32::try_from(indent + 1).unwrap_or(u32::MAX);
                    return place;
                }
            }
        }
        place
    }
}
