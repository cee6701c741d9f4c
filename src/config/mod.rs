//! Master and minion options: names, defaults, types, merging. Salt: config/__init__.py.
