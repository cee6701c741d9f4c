//! `raw`: the value as Python prints it, on one line. Salt: output/raw.py.

use super::Outputter;
use crate::value::str_of;

pub(super) static OUTPUTTER: Outputter = Outputter { name: "raw", render: |value, _| Ok(str_of(value)) };
