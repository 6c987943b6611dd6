//! A conversation's log as the relay has it, and what it means to who has read so much of it.

use crate::set::{Device, Set};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    /// A message.
    Message(Message),
    /// A commit.
    Commit(Commit),
}

/// A message as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    /// Whose; each device has one message in a conversation, so this is its id as well.
    pub(crate) sender: Device,
    /// Who can open it: the roster of the group in which it was encrypted.
    pub(crate) readers: Set,
    /// Whom its sender knew to be revoked.
    pub(crate) known: Set,
    /// For whom a revocation was in force when it was accepted.
    pub(crate) revoked: Set,
}

/// A commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Commit {
    /// Whose.
    pub(crate) author: Device,
    /// The epoch that it ends.
    pub(crate) epoch: u8,
    /// Whom it tells the relay that it takes out.
    pub(crate) leaves: Set,
    /// Whom it takes out of the group.
    pub(crate) removes: Set,
    /// Whom it lets in, and says so.
    pub(crate) joins: Set,
    /// How it was accepted.
    pub(crate) accepted: Accepted,
}

/// What was so when a commit was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Accepted {
    /// A revocation of its author was in force.
    pub(crate) by_revoked: bool,
    /// Somebody was inside the fence, and it took out none of them.
    pub(crate) passed_fence: bool,
}

/// What so much of a log comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prefix {
    /// How many commits.
    pub(crate) epoch: u8,
    /// Who is in the group.
    pub(crate) group: Set,
    /// Who is in, as the relay was told.
    pub(crate) told: Set,
    /// Who told it something else than they did, and is still in.
    pub(crate) liars: Set,
}

/// What the first entries come to.
pub(crate) fn read(entries: &[Entry], everybody: Set) -> Prefix {
    let mut prefix = Prefix { epoch: 0, group: everybody, told: everybody, liars: Set::NOBODY };
    for entry in entries {
        let Entry::Commit(commit) = entry else { continue };
        prefix.epoch += 1;
        prefix.group = prefix.group.less(commit.removes).or(commit.joins);
        prefix.told = prefix.told.less(commit.leaves).or(commit.joins);
        if prefix.group != prefix.told {
            prefix.liars = prefix.liars.with(commit.author);
        }
        prefix.liars = prefix.liars.and(prefix.group);
    }
    prefix
}
