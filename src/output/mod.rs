//! Outputters: a value in, the text that Salt prints out. Salt: output/.
