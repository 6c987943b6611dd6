//! What a commit says about itself in its authenticated data: who comes, who goes, and who is in then.
//!
//! The relay cannot see into the commit; it routes by this, and members compare it with the tree.

use std::collections::BTreeSet;

use wardline_proto::relay::{CommitData, RemovalGround, removal_ground::Ground};
use wardline_proto::{DeviceId, Digest, EntryNumber, roster_digest};

use super::{BETWEEN_MAX, DEVICES_MAX};
use crate::domain::statement;

/// A declaration whose lists are well-formed; whether it fits a roster is asked of [`Self::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDeclaration {
    joins: Vec<DeviceId>,
    leaves: Vec<DeviceId>,
    roster_sha256: Digest,
    seen: EntryNumber,
    list: u64,
    issuers: u64,
    holds: BTreeSet<Digest>,
}

/// What is wrong with a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclarationFault {
    /// The authenticated data is not the kind that belongs to the message.
    #[error("the authenticated data does not belong to a message of this kind")]
    Undecodable,
    /// An id or digest in it has the wrong length, or there are more grounds than leaves, or more
    /// approvals or confirmations than joins.
    #[error("a field has the wrong length")]
    Field,
    /// A statement in it is not one of the kind that belongs there.
    #[error("a statement in it is none of its kind")]
    Statement,
    /// More joins or leaves than a conversation has devices.
    #[error("at most 500 devices join, and at most 500 leave")]
    TooMany,
    /// Joins or leaves are not ascending, or name a device twice.
    #[error("joins and leaves are ascending, each device once")]
    Order,
    /// A device leaves that is not in.
    #[error("a device leaves that is not a member")]
    LeaverNotAMember,
    /// A device joins that is in and does not leave.
    #[error("a device joins that is a member already")]
    JoinerIsAMember,
    /// Its author leaves: nobody can commit their own removal (RFC 9420 §12.2).
    #[error("the author leaves by its own commit")]
    AuthorLeaves,
    /// The first commit of a conversation that goes on from another lets nobody in.
    #[error("the first commit of a conversation that goes on from another lets somebody in")]
    NobodyJoins,
    /// The digest of the resulting roster is another.
    #[error("the resulting roster has another digest")]
    Roster,
    /// It names a revocation list that is not in force here yet: nobody could get it to judge the commit by.
    #[error("it names a revocation list above the relay's, number {relay}")]
    UnknownList {
        /// The relay's number.
        relay: u64,
    },
    /// It names an issuers' list that is not here: members would wait for it.
    #[error("it names an issuers' list above the relay's, number {relay}")]
    UnknownIssuers {
        /// The relay's number.
        relay: u64,
    },
    /// It carries a hold that was not taken here.
    #[error("it carries a hold that the relay has not taken")]
    UnknownHold,
    /// Somebody joins, and the last entry its author processed is not one of the last in the log: they could not
    /// check where they join.
    #[error("its author is not at one of the last {BETWEEN_MAX} entries, and somebody joins")]
    Behind,
}

impl CommitDeclaration {
    /// Takes the lists from the wire.
    ///
    /// # Errors
    /// [`DeclarationFault::TooMany`], [`DeclarationFault::Field`], [`DeclarationFault::Order`],
    /// [`DeclarationFault::Statement`].
    pub fn parse(data: &CommitData) -> Result<Self, DeclarationFault> {
        let ids = |list: &[bytes::Bytes]| -> Result<Vec<DeviceId>, DeclarationFault> {
            // Before anything is done for each of them.
            if list.len() > DEVICES_MAX {
                return Err(DeclarationFault::TooMany);
            }
            let ids: Result<Vec<_>, _> = list.iter().map(DeviceId::try_from).collect();
            let ids = ids.map_err(|_| DeclarationFault::Field)?;
            if ids.is_sorted_by(|a, b| a < b) { Ok(ids) } else { Err(DeclarationFault::Order) }
        };
        let (joins, leaves) = (ids(&data.joins)?, ids(&data.leaves)?);
        let seen = matches!(data.seen_hash.len(), 0 | Digest::LENGTH);
        let let_in = data.approvals.len().max(data.confirmations.len());
        if !seen || data.grounds.len() > leaves.len() || let_in > joins.len() {
            return Err(DeclarationFault::Field);
        }
        if !statements_fit(data) {
            return Err(DeclarationFault::Statement);
        }
        Ok(Self {
            joins,
            leaves,
            roster_sha256: Digest::try_from(&data.roster_sha256).map_err(|_| DeclarationFault::Field)?,
            seen: EntryNumber::new(data.seen_number),
            list: named_list(data),
            issuers: data.issuers_list_number,
            holds: named_holds(data),
        })
    }

    /// The devices that come in, ascending.
    #[must_use]
    pub fn joins(&self) -> &[DeviceId] {
        &self.joins
    }

    /// The devices that go out, ascending. One in both lists is added anew.
    #[must_use]
    pub fn leaves(&self) -> &[DeviceId] {
        &self.leaves
    }

    /// The last entry its author processed.
    #[must_use]
    pub const fn seen(&self) -> EntryNumber {
        self.seen
    }

    /// The highest revocation list that it names: the one it was judged by, or one by which somebody is removed.
    #[must_use]
    pub const fn list(&self) -> u64 {
        self.list
    }

    /// The issuers' list that it was judged by.
    #[must_use]
    pub const fn issuers(&self) -> u64 {
        self.issuers
    }

    /// The holds by which somebody is removed, by their digests.
    #[must_use]
    pub const fn holds(&self) -> &BTreeSet<Digest> {
        &self.holds
    }

    /// The roster after the commit by `author`.
    ///
    /// # Errors
    /// Which of the rules it breaks.
    pub fn apply(
        &self,
        author: DeviceId,
        roster: &BTreeSet<DeviceId>,
    ) -> Result<BTreeSet<DeviceId>, DeclarationFault> {
        if self.leaves.contains(&author) {
            return Err(DeclarationFault::AuthorLeaves);
        }
        let mut after = roster.clone();
        if !self.leaves.iter().all(|device| after.remove(device)) {
            return Err(DeclarationFault::LeaverNotAMember);
        }
        if !self.joins.iter().all(|device| after.insert(*device)) {
            return Err(DeclarationFault::JoinerIsAMember);
        }
        if roster_digest(after.iter().copied()) != self.roster_sha256 {
            return Err(DeclarationFault::Roster);
        }
        Ok(after)
    }
}

/// The highest revocation list that a commit names.
fn named_list(data: &CommitData) -> u64 {
    let by_list = data.grounds.iter().filter_map(|ground| match ground.ground {
        Some(Ground::RevocationListNumber(number)) => Some(number),
        _ => None,
    });
    by_list.fold(data.revocation_list_number, u64::max)
}

/// The digests of the holds that a commit carries.
fn named_holds(data: &CommitData) -> BTreeSet<Digest> {
    let holds = data.grounds.iter().filter_map(|ground| match &ground.ground {
        Some(Ground::Hold(hold)) => statement::hold(hold),
        _ => None,
    });
    holds.collect()
}

/// Whether each statement that it carries is one of the kind that belongs there.
fn statements_fit(data: &CommitData) -> bool {
    let ground = |ground: &RemovalGround| match &ground.ground {
        Some(Ground::Leave(said)) => statement::leave(said).is_some(),
        Some(Ground::OutOfStep(said)) => statement::out_of_step(said).is_some(),
        Some(Ground::Replaced(said)) => statement::confirmation(said).is_some(),
        Some(Ground::Hold(said)) => statement::hold(said).is_some(),
        None
        | Some(
            Ground::Keeper(_)
            | Ground::OwnDevice(_)
            | Ground::RevocationListNumber(_)
            | Ground::FaultEntryNumber(_),
        ) => true,
    };
    data.grounds.iter().all(ground)
        && data.approvals.iter().all(|said| statement::approval(said).is_some())
        && data.confirmations.iter().all(|said| statement::confirmation(said).is_some())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use wardline_proto::relay::{Confirmation, DeviceApproval, Leave, OutOfStep, SignedStatement};

    use super::*;

    fn signed(message: &impl Message) -> SignedStatement {
        let (signer, signature) = (vec![1; 32].into(), vec![2; 64].into());
        SignedStatement { body: message.encode_to_vec().into(), signer, signature }
    }

    fn now() -> Option<prost_types::Timestamp> {
        Some(wardline_proto::UtcMillis::new(1_800_000_000_000).into())
    }

    fn leave() -> SignedStatement {
        let conversation_id = vec![1; 16].into();
        signed(&Leave { conversation_id, user_id: "doctor-a".to_owned(), left_at: now(), seen_number: 9 })
    }

    fn approval() -> SignedStatement {
        let (device_id, certificate_sha256) = (vec![1; 16].into(), vec![2; 32].into());
        signed(&DeviceApproval { device_id, certificate_sha256, approved_at: now() })
    }

    fn confirmation() -> SignedStatement {
        signed(&Confirmation {
            device_id: vec![1; 16].into(),
            certificate_sha256: vec![2; 32].into(),
            replaces_device_id: vec![3; 16].into(),
            confirmed_at: now(),
            invitation: None,
        })
    }

    fn out_of_step() -> SignedStatement {
        let (conversation_id, commit_sha256) = (vec![1; 16].into(), vec![2; 32].into());
        signed(&OutOfStep { conversation_id, number: 3, commit_sha256, said_at: now() })
    }

    fn device(byte: u8) -> DeviceId {
        DeviceId::from_bytes([byte; 16])
    }

    fn data(joins: &[u8], leaves: &[u8], roster: &[u8]) -> CommitData {
        let wire = |list: &[u8]| list.iter().map(|byte| device(*byte).to_wire()).collect();
        let roster_sha256 = roster_digest(roster.iter().map(|byte| device(*byte))).to_wire();
        CommitData { joins: wire(joins), leaves: wire(leaves), roster_sha256, ..CommitData::default() }
    }

    fn judge(joins: &[u8], leaves: &[u8], roster: &[u8]) -> Result<(), DeclarationFault> {
        let before = [1, 2, 3].map(device).into();
        CommitDeclaration::parse(&data(joins, leaves, roster))?.apply(device(1), &before).map(drop)
    }

    #[test]
    fn a_declaration_that_fits_is_taken() {
        assert_eq!(judge(&[4], &[2], &[1, 3, 4]), Ok(()));
        assert_eq!(judge(&[], &[], &[1, 2, 3]), Ok(()));
        assert_eq!(judge(&[2], &[2], &[1, 2, 3]), Ok(()), "added anew");
    }

    #[test]
    fn each_broken_rule_has_its_name() {
        use DeclarationFault as Fault;
        assert_eq!(judge(&[5, 4], &[], &[1, 2, 3, 4, 5]), Err(Fault::Order));
        assert_eq!(judge(&[4, 4], &[], &[1, 2, 3, 4]), Err(Fault::Order));
        assert_eq!(judge(&[], &[3, 2], &[1]), Err(Fault::Order));
        assert_eq!(judge(&[], &[4], &[1, 2, 3]), Err(Fault::LeaverNotAMember));
        assert_eq!(judge(&[2], &[], &[1, 2, 3]), Err(Fault::JoinerIsAMember));
        assert_eq!(judge(&[], &[1], &[2, 3]), Err(Fault::AuthorLeaves));
        assert_eq!(judge(&[4], &[], &[1, 2, 3]), Err(Fault::Roster));
        let short = CommitData { roster_sha256: vec![1].into(), ..data(&[], &[], &[1, 2, 3]) };
        assert_eq!(CommitDeclaration::parse(&short), Err(Fault::Field));
    }

    #[test]
    fn nothing_readable_rides_in_a_declaration() {
        let honest = CommitData {
            seen_hash: vec![1; 32].into(),
            grounds: vec![RemovalGround::default()],
            approvals: vec![approval()],
            confirmations: vec![confirmation()],
            ..data(&[4], &[2], &[1, 3, 4])
        };
        assert!(CommitDeclaration::parse(&honest).is_ok(), "the control");
        let hash = CommitData { seen_hash: b"the patient in bed 4 ...".to_vec().into(), ..honest.clone() };
        let grounds = CommitData { grounds: vec![RemovalGround::default(); 2], ..honest.clone() };
        let approvals = CommitData { approvals: vec![approval(); 2], ..honest.clone() };
        let confirmations = CommitData { confirmations: vec![confirmation(); 2], ..honest };
        for changed in [hash, grounds, approvals, confirmations] {
            assert_eq!(CommitDeclaration::parse(&changed), Err(DeclarationFault::Field));
        }
    }

    #[test]
    fn each_statement_is_of_the_kind_that_belongs_to_its_place() {
        let honest = data(&[4], &[2], &[1, 3, 4]);
        let ground =
            |ground| CommitData { grounds: vec![RemovalGround { ground: Some(ground) }], ..honest.clone() };
        let fits = [
            ground(Ground::Leave(leave())),
            ground(Ground::OutOfStep(out_of_step())),
            ground(Ground::Replaced(confirmation())),
            ground(Ground::FaultEntryNumber(7)),
        ];
        for data in fits {
            assert!(CommitDeclaration::parse(&data).is_ok(), "the control: {data:?}");
        }
        let text = SignedStatement { body: b"the patient in bed 4".to_vec().into(), ..approval() };
        let wrong = [
            ground(Ground::Leave(out_of_step())),
            ground(Ground::OutOfStep(confirmation())),
            ground(Ground::Replaced(approval())),
            ground(Ground::Leave(text.clone())),
            CommitData { approvals: vec![text.clone()], ..honest.clone() },
            CommitData { confirmations: vec![text], ..honest.clone() },
            CommitData { approvals: vec![SignedStatement::default()], ..honest.clone() },
        ];
        for data in wrong {
            assert_eq!(CommitDeclaration::parse(&data), Err(DeclarationFault::Statement), "{data:?}");
        }
    }

    #[test]
    fn more_devices_than_a_conversation_has_are_refused_before_they_are_looked_at() {
        let many = |count: u16| -> Vec<bytes::Bytes> {
            (0..count).map(|n| [n.to_be_bytes(); 8].concat().into()).collect()
        };
        let fits = CommitData { joins: many(500), leaves: many(500), ..data(&[], &[], &[1]) };
        assert!(CommitDeclaration::parse(&fits).is_ok(), "the control");
        // Neither ids nor in order: nobody has looked.
        let crowd = vec![bytes::Bytes::from_static(b"?"); 501];
        for data in
            [CommitData { joins: crowd.clone(), ..fits.clone() }, CommitData { leaves: crowd, ..fits }]
        {
            assert_eq!(CommitDeclaration::parse(&data), Err(DeclarationFault::TooMany));
        }
    }
}
