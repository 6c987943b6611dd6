//! Who is in a conversation: MLS leaves with the certificates behind them.
//!
//! openmls treats a credential as opaque bytes (RFC 9420 §5.3.1 leaves it to the application). Here every leaf
//! becomes a verified device or a named fault; nothing else in the client reads a credential.

use std::collections::{BTreeMap, BTreeSet};

use wardline_identity::{DateCheck, DeviceCertificate, Organisation, UserId};
use wardline_proto::{DeviceId, Digest, roster_digest};

use crate::mls::{Leaf, leaf_certificate};

/// A leaf whose certificate chains to the organisation's root and certifies the leaf's own key.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The leaf's index.
    pub index: u32,
    /// The device behind it.
    pub certificate: DeviceCertificate,
}

impl Member {
    /// Who it is: device and user together. A device id in another person's certificate is another member.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.certificate.device(), self.certificate.user())
    }
}

/// A roster that was read from a group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    /// The verified leaves, by index.
    pub members: Vec<Member>,
    /// Indices of leaves that are nobody's: no chain, another key, or a device that is in twice.
    pub strangers: Vec<u32>,
}

/// The device behind a leaf, if it is one of the organisation's and the leaf's key is its certificate's.
///
/// A leaf's dates are not judged (design 4.3): members would disagree about them.
pub(crate) fn verify_leaf(organisation: &Organisation, leaf: &Leaf) -> Option<Member> {
    let certificate = leaf_certificate(leaf, organisation, DateCheck::Skip).ok()?;
    Some(Member { index: leaf.index, certificate })
}

impl Roster {
    /// Reads and verifies every leaf.
    pub(crate) fn read(organisation: &Organisation, leaves: &[Leaf]) -> Self {
        let mut roster = Self::default();
        let mut seen = BTreeMap::new();
        for leaf in leaves {
            match verify_leaf(organisation, leaf) {
                Some(member) if seen.insert(member.certificate.device(), member.index).is_none() => {
                    roster.members.push(member);
                }
                _ => roster.strangers.push(leaf.index),
            }
        }
        roster
    }

    /// The member with this device.
    pub(crate) fn device(&self, device: &DeviceId) -> Option<&Member> {
        self.members.iter().find(|member| member.certificate.device() == *device)
    }

    /// Whether this very member, device and user, is in.
    pub(crate) fn has(&self, member: &Member) -> bool {
        self.members.iter().any(|one| {
            one.certificate.device() == member.certificate.device()
                && one.certificate.user() == member.certificate.user()
        })
    }

    /// The members of this user.
    pub(crate) fn of_user<'a>(&'a self, user: &'a UserId) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(move |member| member.certificate.user() == user)
    }

    /// Whether this user is in.
    pub(crate) fn has_user(&self, user: &UserId) -> bool {
        self.of_user(user).next().is_some()
    }

    /// The member whose certificate has this fingerprint.
    pub(crate) fn fingerprint(&self, fingerprint: &Digest) -> Option<&Member> {
        self.members.iter().find(|member| member.certificate.fingerprint() == *fingerprint)
    }

    /// Whoever can read what is sent to it: the devices' ids; a leaf that is nobody's is one that nobody knows.
    pub(crate) fn readers(&self) -> BTreeSet<String> {
        let known = self.members.iter().map(|member| member.certificate.device().to_string());
        known.chain(self.strangers.iter().map(|leaf| format!("leaf {leaf}"))).collect()
    }

    /// The digest the relay keeps of it.
    pub(crate) fn digest(&self) -> Digest {
        roster_digest(self.members.iter().map(|member| member.certificate.device()))
    }

    /// Six groups of five digits over everybody's certificates: the same on every honest member's device, and
    /// another as soon as one device differs.
    pub(crate) fn safety_code(&self) -> String {
        let mut fingerprints: Vec<Digest> =
            self.members.iter().map(|member| member.certificate.fingerprint()).collect();
        fingerprints.sort_unstable();
        let all: Vec<u8> = fingerprints.iter().flat_map(|one| one.as_bytes().iter().copied()).collect();
        code_of(&Digest::of(&all))
    }
}

/// Six groups of five digits from a digest: 99.6 bits.
pub(crate) fn code_of(digest: &Digest) -> String {
    let group = |at: usize| -> u64 {
        digest.as_bytes()[at * 5..at * 5 + 5].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            % 100_000
    };
    (0..6).map(|at| format!("{:05}", group(at))).collect::<Vec<_>>().join(" ")
}
