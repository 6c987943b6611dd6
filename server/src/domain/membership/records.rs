//! The shapes of what a conversation is owed: tasks, reports, and what deciding about them looks at.

use std::collections::BTreeSet;

use bytes::Bytes;
use wardline_identity::UserId;
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis};

use super::Spans;

/// Something that a conversation is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which conversation.
    pub conversation: ConversationId,
    /// What.
    pub kind: TaskKind,
    /// Since when.
    pub made_at: UtcMillis,
}

/// What is owed. One of a kind with one subject is one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskKind {
    /// Remove the devices of a person who left.
    LetGo {
        /// Who.
        user: UserId,
        /// The encoded Leave.
        ground: Bytes,
    },
    /// Add a device that its person approved.
    AddDevice {
        /// Which.
        device: DeviceId,
        /// The encoded DeviceApproval.
        ground: Bytes,
    },
    /// Add a device that a member confirmed.
    LetBack {
        /// Which.
        device: DeviceId,
        /// The device that it replaces.
        replaces: DeviceId,
        /// The encoded Confirmation.
        ground: Bytes,
    },
    /// Remove and add the devices that cannot follow a commit.
    AddAnew {
        /// The commit.
        number: EntryNumber,
    },
    /// Commit: the epoch has lasted long enough.
    Renew {
        /// Which epoch.
        epoch: Epoch,
    },
    /// Make the conversation that goes on from a closed log.
    Succeed {
        /// The commit at which it was closed.
        number: EntryNumber,
    },
    /// Remove the devices in the fence. One a conversation.
    Remove,
    /// Confirm that a commit removed devices which a list names.
    Confirm {
        /// The commit.
        number: EntryNumber,
        /// Who made it, and does not confirm it.
        author: DeviceId,
    },
}

/// How clients and the job call a task: the same task always has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId([u8; 16]);

impl TaskId {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Task {
    /// The id of the task to remove the devices in a conversation's fence.
    #[must_use]
    pub fn removal_id(conversation: ConversationId) -> TaskId {
        Self { conversation, kind: TaskKind::Remove, made_at: UtcMillis::new(0) }.id()
    }

    /// The id of the task to add those anew who cannot follow a commit.
    #[must_use]
    pub fn add_anew_id(conversation: ConversationId, number: EntryNumber) -> TaskId {
        Self { conversation, kind: TaskKind::AddAnew { number }, made_at: UtcMillis::new(0) }.id()
    }

    /// Its id: from what it is, so that no randomness is needed and asking again is the same task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        let (kind, subject) = (self.kind.number(), self.kind.subject());
        let parts = [b"wardline task", self.conversation.as_bytes().as_slice(), &[kind], &subject];
        let digest = Digest::of(&parts.concat());
        TaskId(std::array::from_fn(|place| digest.as_bytes()[place]))
    }

    /// Whose turn comes when, as far as nothing else decides it: another order for each task, so that work on many
    /// conversations goes to many members.
    #[must_use]
    pub fn rank(&self, device: DeviceId) -> Digest {
        Digest::of(&[self.id().0.as_slice(), device.as_bytes().as_slice()].concat())
    }
}

impl TaskKind {
    /// The database's number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::LetGo { .. } => 1,
            Self::AddDevice { .. } => 2,
            Self::LetBack { .. } => 3,
            Self::AddAnew { .. } => 4,
            Self::Renew { .. } => 5,
            Self::Succeed { .. } => 6,
            Self::Remove => 7,
            Self::Confirm { .. } => 8,
        }
    }

    /// What makes it one task among those of its kind.
    #[must_use]
    pub fn subject(&self) -> Vec<u8> {
        match self {
            Self::LetGo { user, .. } => user.as_str().as_bytes().to_vec(),
            Self::AddDevice { device, .. } | Self::LetBack { device, .. } => device.as_bytes().to_vec(),
            Self::AddAnew { number } | Self::Succeed { number } => number.get().to_be_bytes().to_vec(),
            Self::Renew { epoch } => epoch.get().to_be_bytes().to_vec(),
            Self::Remove => Vec::new(),
            Self::Confirm { number, author } => {
                [number.get().to_be_bytes().as_slice(), author.as_bytes()].concat()
            }
        }
    }

    /// The statement that it is asked by.
    #[must_use]
    pub const fn ground(&self) -> Option<&Bytes> {
        match self {
            Self::LetGo { ground, .. } | Self::AddDevice { ground, .. } | Self::LetBack { ground, .. } => {
                Some(ground)
            }
            Self::AddAnew { .. }
            | Self::Renew { .. }
            | Self::Succeed { .. }
            | Self::Remove
            | Self::Confirm { .. } => None,
        }
    }

    /// The device that it lets in.
    #[must_use]
    pub const fn lets_in(&self) -> Option<DeviceId> {
        match self {
            Self::AddDevice { device, .. } | Self::LetBack { device, .. } => Some(*device),
            _ => None,
        }
    }
}

/// A device that says it cannot follow a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which device.
    pub device: DeviceId,
    /// Whose it is.
    pub user: String,
    /// The commit.
    pub number: EntryNumber,
    /// The encoded OutOfStep.
    pub statement: Bytes,
    /// When it came.
    pub reported_at: UtcMillis,
}

/// A closed log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// The commit that could not be followed.
    pub number: EntryNumber,
    /// The last entry.
    pub head: EntryNumber,
    /// When it was closed.
    pub at: UtcMillis,
    /// What goes on from it.
    pub successor: Option<ConversationId>,
    /// What closed it: at most [`REPORTS_MAX`](super::REPORTS_MAX) encoded statements.
    pub reports: Vec<Bytes>,
}

/// A conversation as far as its tasks need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle {
    /// Which.
    pub conversation: ConversationId,
    /// The commit at which it was closed.
    pub closed: Option<EntryNumber>,
    /// Its successor, while nobody but its maker is in it.
    pub barren: Option<Barren>,
    /// Who is in.
    pub members: Vec<Member>,
    /// Who was in at a commit that is reported, and is out since that commit or a later one. Empty without reports.
    pub put_out: Vec<PutOut>,
    /// Who must leave.
    pub fence: BTreeSet<DeviceId>,
    /// What it is owed.
    pub tasks: Vec<Task>,
    /// Who cannot follow.
    pub reports: Vec<Reporter>,
}

/// A successor that nobody was let into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barren {
    /// Which.
    pub conversation: ConversationId,
    /// Who made it.
    pub creator: DeviceId,
    /// When.
    pub made_at: UtcMillis,
}

/// A device in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which device.
    pub device: DeviceId,
    /// Whose it is; a device that the relay does not know is its own person.
    pub user: String,
    /// The entry that let it in.
    pub joined: EntryNumber,
    /// The last entry it said it has.
    pub acked: EntryNumber,
    /// Its stays: this one, and earlier ones in which a commit is reported.
    pub spans: Spans,
    /// When it last committed.
    pub committed_at: Option<UtcMillis>,
}

/// A device that went out of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOut {
    /// As it was when it was in.
    pub member: Member,
    /// The commit whose declaration put it out.
    pub departed: EntryNumber,
}

/// A member's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// Which device.
    pub device: DeviceId,
    /// Whose it is.
    pub user: String,
    /// The commit that it cannot follow.
    pub number: EntryNumber,
    /// When that was taken.
    pub taken: UtcMillis,
    /// The first commit so long after it that members who have that know no more who was in before it.
    pub far: Option<EntryNumber>,
    /// That commit's author.
    pub author: DeviceId,
    /// Whose that is.
    pub author_user: String,
}

/// A device that was invited in place of another, and the conversations where it waits for a member's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingReplacement {
    /// The conversations.
    pub conversations: Vec<ConversationId>,
    /// The new device's certificate, DER.
    pub certificate: Bytes,
    /// The encoded InvitationRecord statement.
    pub record: Bytes,
    /// When it enrolled.
    pub enrolled_at: UtcMillis,
}
