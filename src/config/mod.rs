//! Options of masters and minions: the tables, the types, how defaults and files become the options of a daemon.
//! Pure: reading files is the command line's job. Salt: config/__init__.py.

mod address;
mod build;
mod defaults;
mod kind;
mod minion_id;
mod options;
mod opts;
mod paths;

pub use address::{AddressError, parse_host_port};
pub use build::{ConfigError, Facts, Id, Origin, Overrides, build, id_cache};
pub use kind::Kind;
pub use minion_id::{IdRules, first_name, is_ipv4, names_of_hosts_file};
pub use options::{Given, OPTIONS, Row, row};
pub use opts::{Notice, Opts, Severity};
pub use paths::{absolute, join, normalize};

/// Where the programs look for their files unless told otherwise.
pub const CONFIG_DIR: &str = "/etc/salt";

/// Which of Salt's option tables a program works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Master,
    Minion,
    /// A command of the master's host (`salt`, `salt-key`, `salt-run`): the master's options, seen from a client.
    Client,
}

impl Role {
    /// `__role` in the options.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Master | Role::Client => "master",
            Role::Minion => "minion",
        }
    }

    /// The name of the main configuration file.
    pub fn file_name(self) -> &'static str {
        self.as_str()
    }
}
