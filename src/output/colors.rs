//! The colours of the outputters: SGR escape sequences, replaced by a theme or by nothing. Salt: utils/color.py,
//! utils/textformat.py.

use std::borrow::Cow;

use super::OutputOptions;
use crate::value::str_of;

/// A colour by Salt's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Red,
    LightRed,
    Green,
    LightGreen,
    LightYellow,
    Blue,
    LightBlue,
    Magenta,
    LightMagenta,
    Cyan,
    White,
    LightGray,
    DarkGray,
    /// Back to normal.
    End,
}

impl Color {
    const fn name_and_sequence(self) -> (&'static str, &'static str) {
        match self {
            Color::Red => ("RED", "\x1b[0;31m"),
            Color::LightRed => ("LIGHT_RED", "\x1b[0;1;31m"),
            Color::Green => ("GREEN", "\x1b[0;32m"),
            Color::LightGreen => ("LIGHT_GREEN", "\x1b[0;1;32m"),
            Color::LightYellow => ("LIGHT_YELLOW", "\x1b[0;1;33m"),
            Color::Blue => ("BLUE", "\x1b[0;34m"),
            Color::LightBlue => ("LIGHT_BLUE", "\x1b[0;1;34m"),
            Color::Magenta => ("MAGENTA", "\x1b[0;35m"),
            Color::LightMagenta => ("LIGHT_MAGENTA", "\x1b[0;1;35m"),
            Color::Cyan => ("CYAN", "\x1b[0;36m"),
            Color::White => ("WHITE", "\x1b[0;1;37m"),
            Color::LightGray => ("LIGHT_GRAY", "\x1b[0;37m"),
            Color::DarkGray => ("DARK_GRAY", "\x1b[0;1;30m"),
            Color::End => ("ENDC", "\x1b[0;0m"),
        }
    }

    /// The escape sequence, empty when colours are off.
    pub(super) fn sequence(self, options: &OutputOptions) -> Cow<'static, str> {
        if !options.color {
            return Cow::Borrowed("");
        }
        let (name, sequence) = self.name_and_sequence();
        match options.theme.get(name) {
            Some(code) => Cow::Owned(format!("\x1b[{}m", str_of(code))),
            None => Cow::Borrowed(sequence),
        }
    }
}
