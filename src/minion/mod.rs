//! The minion daemon. Salt: minion.py.
