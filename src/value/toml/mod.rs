//! TOML as data and back. Salt: renderers/tomlmod.py, serializers/tomlmod.py.

mod read;
mod write;

pub use read::load;
pub use write::dump;
