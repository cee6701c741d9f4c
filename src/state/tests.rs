//! What single parts of the engine say; whole runs are held against real Salt in `tests/golden`.
