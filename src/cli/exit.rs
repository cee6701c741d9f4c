//! Exit codes, by name. Salt: defaults/exitcodes.py and the bare numbers of cli/salt.py and utils/parsers.py.

/// What a program tells its caller when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// It worked.
    pub const OK: Exit = Exit(0);
    /// It failed, no better name for it.
    pub const GENERIC: Exit = Exit(1);
    /// `salt`: nobody answered, or nothing could be asked.
    pub const NO_RETURN: Exit = Exit(2);
    /// A state of a highstate failed.
    pub const STATE_FAILURE: Exit = Exit(2);
    /// The pillar could not be rendered.
    pub const PILLAR_FAILURE: Exit = Exit(5);
    /// `--strict-exit`: minions stayed silent.
    pub const MISSING_RETURNS: Exit = Exit(11);
    /// One of several failed.
    pub const AGGREGATE: Exit = Exit(20);
    /// A required word is missing, or the master is not the one it should be.
    pub const INCOMPLETE: Exit = Exit(42);
    /// The command line is wrong.
    pub const USAGE: Exit = Exit(64);
    /// There is no such user.
    pub const NO_USER: Exit = Exit(67);
    /// A service is not there.
    pub const UNAVAILABLE: Exit = Exit(69);
    /// A defect of this program.
    pub const SOFTWARE: Exit = Exit(70);
    /// A file cannot be made.
    pub const CANNOT_CREATE: Exit = Exit(73);
    /// Failed for now: try again.
    pub const TEMPORARY: Exit = Exit(75);
    /// Not permitted.
    pub const NO_PERMISSION: Exit = Exit(77);
    /// Start me again.
    pub const KEEPALIVE: Exit = Exit(99);
    /// Ended by Ctrl-C, as shells report it.
    pub const INTERRUPTED: Exit = Exit(130);
    /// The reader of our output went away, as shells report it.
    pub const BROKEN_PIPE: Exit = Exit(141);

    /// The code of a number from elsewhere; what does not fit a code becomes [`Exit::GENERIC`].
    pub fn of(code: i64) -> Exit {
        u8::try_from(code).map_or(Exit::GENERIC, Exit)
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.0)
    }
}
