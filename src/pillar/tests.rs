//! Top files, merges and environments.
