//! The client of the local master: publishing a job, and following it until every minion has answered or been given
//! up.

mod batch;
mod error;
mod identity;
mod job;
mod known;
mod local;
mod presence;
mod watch;

pub use batch::{BadBatchSize, Batch, BatchSize};
pub use error::{ClientError, KeyProblem};
pub use identity::Identity;
pub use job::{Job, Published};
pub use known::MinionFiles;
pub use local::{LocalClient, Progress, Running};
pub use presence::Presence;
pub use watch::{LastSeen, Patience, Step, Watch};
