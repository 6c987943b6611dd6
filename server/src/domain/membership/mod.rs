//! What conversations are owed (design 4.1, 4.3): membership tasks, devices out of step, closed logs and successors.
//!
//! A task is made by a signed word of a member or by the relay's clock, is asked of one connected member after the
//! other, and ends with the commit that shows it done, whoever made it, in that commit's own transaction. The relay
//! decides nothing by it: a client checks each ground as if it came from nobody.
//!
//! Who is asked, and for how long, is no business of the store: [`Turn`] is the memory of a running relay, and a
//! relay that starts again asks anew.

mod ask;
mod candidates;
mod close;
mod error;
mod followed;
mod put_out;
mod records;
mod report;
mod settle;
mod spans;
mod storage;
mod succeed;
#[cfg(test)]
mod tests;
mod turn;

use std::time::Duration;

pub use ask::{Ground, GroundFault, Request, ask_members};
pub use candidates::candidates;
pub use close::{Patience, close, counted, needed, patience, reported_numbers};
pub use error::MembershipError;
pub use records::{
    Barren, Circle, Closure, Member, PutOut, Report, Reporter, Task, TaskId, TaskKind, WaitingReplacement,
};
pub use report::{OutOfStep, report};
pub use settle::{Settled, settle};
pub use spans::{Span, Spans};
pub use storage::{MembershipStorage, MembershipView};
pub use succeed::{NewSuccessor, Succeeded, succeed};
pub use turn::{Step, Turn};

/// How long a task is asked of one device alone.
pub const LEASE: Duration = Duration::from_secs(2);

/// How many devices are asked in one round.
pub const ROUND_MAX: usize = 16;

/// The longest rest between two rounds; the first is [`LEASE`], and each is twice the one before.
pub const REST_MAX: Duration = Duration::from_secs(300);

/// How many tasks are asked of one device at one time.
pub const ASKED_AT_ONCE_MAX: usize = 32;

/// How long reports gather before the first member is asked: one commit then mends them all.
pub const GATHER: Duration = Duration::from_millis(250);

/// How long members have to add those anew who cannot follow, before the log is closed.
pub const MENDING: Duration = Duration::from_secs(10);

/// The same where nobody is connected who could.
pub const MENDING_ALONE: Duration = Duration::from_secs(2);

/// How long the maker of a successor has to let the others in, before somebody else may make another.
pub const SUCCEEDING: Duration = Duration::from_secs(10);

/// The most reports in one task or event, and the most devices that one commit adds anew.
pub const REPORTS_MAX: usize = 200;

/// How often a device is let into a conversation because it said that it cannot follow, within
/// [`LET_IN_WINDOW_SECONDS`]: one that says so again and again keeps nobody busy for ever. What nobody asked for does not
/// count, or whoever takes the others out and in again would silence them.
pub const LET_IN_MAX: usize = 20;

/// The window of [`LET_IN_MAX`].
pub const LET_IN_WINDOW_SECONDS: u64 = 600;

/// The most conversations in one request to members.
pub const CONVERSATIONS_MAX: usize = 500;

/// How long one whom a commit put out is heard that it cannot follow that commit, in seconds: a day. Who is connected says so
/// within a second; but where all were off when it came, in the night or between two shifts, nobody else can say it for
/// them. Any longer would serve those only who were removed rightly.
pub const PUT_OUT_HEARD_SECONDS: u64 = 86_400;

/// How long an epoch with a message in it lasts, in seconds: a day.
pub const EPOCH_SECONDS: u64 = 86_400;

/// How long what was asked for stands, in seconds: 30 days. Devices out of step and closed logs stand longer.
pub const TASK_KEPT_SECONDS: u64 = 30 * 86_400;

/// How long a closed log is told of, in seconds: 90 days.
pub const CLOSED_TOLD_SECONDS: u64 = 90 * 86_400;
