//! YAML read and written as real Salt does.
