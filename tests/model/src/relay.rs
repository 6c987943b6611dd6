//! What the relay does, each in one transaction.

use crate::{
    clinic::{Clinic, Guard, Outgoing, Scene, State},
    log::{Accepted, Commit, Entry, Message, read},
    set::{Device, Set},
};

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SendOutcome {
    /// It is in the log.
    Accepted,
    /// Somebody must be removed first, or the epoch is over: encrypt again.
    Again,
    /// Its sender is not in.
    Refused,
}

impl Clinic {
    /// Takes a message that is on its way, in the order of checks of `Send`.
    pub(crate) fn send(&self, state: &mut State, device: Device, conversation: usize) -> SendOutcome {
        let Outgoing::Sent { epoch, readers, known, .. } = state.chat(device, conversation).message else {
            return SendOutcome::Refused;
        };
        let revoked = state.list.1;
        let log = &mut state.logs[conversation];
        let is_it = |entry: &Entry| matches!(entry, Entry::Message(message) if message.sender == device);
        if log.entries.iter().any(is_it) && self.guards(Guard::KnownId) {
            return SendOutcome::Accepted;
        }
        if !log.roster.has(device) {
            return SendOutcome::Refused;
        }
        let fenced = !log.fence.is_empty() && self.scene != Scene::HostileRelay;
        if fenced && self.guards(Guard::FenceOnSend) {
            return SendOutcome::Again;
        }
        let now = read(&log.entries, Self::everybody()).epoch;
        if epoch != now && self.guards(Guard::EpochOfSend) {
            return SendOutcome::Again;
        }
        log.entries.push(Entry::Message(Message { sender: device, readers, known, revoked }));
        SendOutcome::Accepted
    }

    /// Takes a commit, in the order of checks of `Commit`; whether it did.
    pub(crate) fn commit(&self, state: &mut State, conversation: usize, commit: Commit) -> bool {
        let revoked = state.list.1;
        let log = &mut state.logs[conversation];
        if !log.roster.has(commit.author) {
            return false;
        }
        let hostile = self.scene == Scene::HostileRelay;
        if !log.fence.is_empty() && !hostile {
            if log.fence.has(commit.author) && self.guards(Guard::FencedCommit) {
                return false;
            }
            if commit.leaves.and(log.fence).is_empty() && self.guards(Guard::LeavesMeetTheFence) {
                return false;
            }
        }
        if !commit.joins.and(revoked).is_empty() && self.guards(Guard::RevokedJoins) {
            return false;
        }
        // The roster that it declares shows that as well.
        let late = commit.epoch != read(&log.entries, Self::everybody()).epoch;
        let never_had = !commit.leaves.less(log.roster).is_empty();
        if (late || never_had) && self.guards(Guard::EpochOfCommit) {
            return false;
        }
        let accepted = Accepted {
            by_revoked: revoked.has(commit.author),
            passed_fence: !log.fence.is_empty() && commit.leaves.and(log.fence).is_empty(),
        };
        log.roster = log.roster.less(commit.leaves).or(commit.joins);
        log.fence = log.fence.less(commit.leaves);
        if log.fence.is_empty() {
            log.lease = None;
        }
        log.entries.push(Entry::Commit(Commit { accepted, ..commit }));
        true
    }

    /// Takes an administrator's list by compare-and-set, with all that follows from it; whether it did.
    pub(crate) fn publish(&self, state: &mut State, desk: usize) -> bool {
        let (number, devices) = state.desks[desk].signed;
        let goes_on = number == state.list.0 + 1 && state.list.1.less(devices).is_empty();
        if !goes_on && self.guards(Guard::CompareAndSet) {
            return false;
        }
        let new = devices.less(state.list.1);
        state.list = (number, devices);
        for log in &mut state.logs {
            let inside = new.and(log.roster);
            match self.guards(Guard::FenceInOneStep) {
                true => log.fence = log.fence.or(inside),
                false => log.late = log.late.or(inside),
            }
            if !inside.is_empty() {
                (log.lease, log.asked) = (None, Set::NOBODY);
            }
        }
        state.desks[desk].answered = true;
        true
    }
}
