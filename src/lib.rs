//! Halite.
