//! Targeting: which minions a target names. Salt: matchers/, utils/minions.py.
