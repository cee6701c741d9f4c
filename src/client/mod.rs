//! The client of the local master: publishing a job, and following it until every minion has answered or been given
//! up.

mod presence;
mod watch;

pub use presence::Presence;
pub use watch::{LastSeen, Patience, Step, Watch};
