//! `quiet`: prints nothing. Salt: output/no_out_quiet.py.

use super::Outputter;

pub(super) static OUTPUTTER: Outputter = Outputter { name: "quiet", render: |_, _| Ok(String::new()) };
