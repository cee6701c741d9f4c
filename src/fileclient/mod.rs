//! The minion's side of the file server. Salt: fileclient.py.
