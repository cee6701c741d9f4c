//! The master's file server: backends that answer `_file_*` and `_serve_file`. Salt: fileserver/.

mod changes;
pub mod listing;
pub mod roots;
