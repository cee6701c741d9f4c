//! Where the parts of a rendered text come from, so that a mistake in it can be shown in the template.

use super::run::Written;

/// The places of one render.
#[derive(Debug, Default)]
pub struct Places(Vec<Written>);

impl Places {
    pub(super) fn new(written: Vec<Written>) -> Self {
        Places(written)
    }

    /// The file (`None`: the template that was asked for) and the line behind an octet of `output`, the rendered text.
    pub fn of(&self, output: &str, offset: usize) -> Option<(Option<&str>, u32)> {
        let index = self.0.partition_point(|written| written.at <= offset).checked_sub(1)?;
        let written = self.0.get(index)?;
        let mut line = written.line;
        if written.data {
            let ends = output.get(written.at..offset)?.matches('\n').count();
            line = line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        }
        Some((written.path.as_deref(), line))
    }
}
