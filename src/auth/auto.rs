//! `auto`: everybody is who they say they are, for tests. Salt: auth/auto.py.

use super::Backend;

pub(super) static BACKEND: Backend =
    Backend { name: "auto", check: |_, _| Ok(true), groups: super::no_groups };
