//! The hash chain over a conversation's log, computed alike by relay and members.
//!
//! h(n) = SHA-256(h(n−1) ‖ n ‖ kind ‖ life ‖ stamp ‖ SHA-256(bytes)), big-endian;
//! h(0) = SHA-256("wardline log" ‖ conversation id). Two members with the same h(n) hold the same log up to n
//! (design 4.3). A link needs the digest of the bytes only, so it outlives the bytes.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{ConversationId, DeviceId, Digest, EntryNumber, UtcMillis};

/// h(n): what a log is up to and with entry n.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHash(Digest);

/// What one entry adds to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainLink {
    /// The entry's number.
    pub number: EntryNumber,
    /// The entry's kind as on the wire: 1 commit, 2 message.
    pub kind: u8,
    /// How long it may be kept, in seconds; 0 for commits.
    pub life_seconds: u32,
    /// The relay's clock when it was accepted.
    pub stamp: UtcMillis,
    /// SHA-256 of the MLSMessage.
    pub message: Digest,
}

impl ChainHash {
    /// h(0) of a conversation.
    #[must_use]
    pub fn genesis(conversation: &ConversationId) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"wardline log");
        hash.update(conversation.as_bytes());
        Self(Digest::from_bytes(hash.finalize().into()))
    }

    /// h(n) from h(n−1).
    #[must_use]
    pub fn append(&self, link: &ChainLink) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0.as_bytes());
        hash.update(link.number.get().to_be_bytes());
        hash.update([link.kind]);
        hash.update(link.life_seconds.to_be_bytes());
        hash.update(link.stamp.get().to_be_bytes());
        hash.update(link.message.as_bytes());
        Self(Digest::from_bytes(hash.finalize().into()))
    }

    /// From a stored or received digest.
    #[must_use]
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({})", self.0)
    }
}

/// SHA-256 over a roster: device ids, 16 bytes each, ascending. Repeated ids count once.
#[must_use]
pub fn roster_digest(devices: impl IntoIterator<Item = DeviceId>) -> Digest {
    let mut roster: Vec<DeviceId> = devices.into_iter().collect();
    roster.sort_unstable();
    roster.dedup();
    let mut hash = Sha256::new();
    roster.iter().for_each(|device| hash.update(device.as_bytes()));
    Digest::from_bytes(hash.finalize().into())
}

impl Digest {
    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(number: u64) -> ChainLink {
        ChainLink {
            number: EntryNumber::new(number),
            kind: 2,
            life_seconds: 300,
            stamp: UtcMillis::new(1_000 * number),
            message: Digest::of(&number.to_be_bytes()),
        }
    }

    #[test]
    fn every_field_of_an_entry_changes_the_chain() {
        let start = ChainHash::genesis(&ConversationId::from_bytes([7; 16]));
        let base = link(1);
        let changed = [
            ChainLink { number: EntryNumber::new(2), ..base },
            ChainLink { kind: 1, ..base },
            ChainLink { life_seconds: 301, ..base },
            ChainLink { stamp: UtcMillis::new(1_001), ..base },
            ChainLink { message: Digest::of(b"other"), ..base },
        ];
        for other in changed {
            assert_ne!(start.append(&base), start.append(&other), "{other:?}");
        }
        assert_ne!(start, ChainHash::genesis(&ConversationId::from_bytes([8; 16])));
    }

    #[test]
    fn swapped_entries_give_another_chain() {
        let start = ChainHash::genesis(&ConversationId::from_bytes([7; 16]));
        assert_ne!(start.append(&link(1)).append(&link(2)), start.append(&link(2)).append(&link(1)));
    }

    #[test]
    fn a_roster_is_a_set() {
        let (a, b) = (DeviceId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
        assert_eq!(roster_digest([a, b]), roster_digest([b, a, b]));
        assert_ne!(roster_digest([a]), roster_digest([a, b]));
    }
}
