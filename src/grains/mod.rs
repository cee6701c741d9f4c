//! Core grains. Salt: grains/core.py.
