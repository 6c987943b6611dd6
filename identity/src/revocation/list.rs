//! The signed list: the head that stands for all acts, and for how long it may be relied on.

use prost::{Message as _, bytes::Bytes};
use wardline_proto::{Digest, UtcMillis, fault, relay as pb};

use crate::{Policy, RevocationError, UserId};

/// For how long a list may be relied on when nothing else is said, in seconds: 72 hours.
pub const LIST_LIFE_SECONDS: u32 = 72 * 3_600;

/// The shortest and the longest life, in seconds: an hour and 14 days.
const LIFE: std::ops::RangeInclusive<u32> = 3_600..=14 * 86_400;

/// The most responders that a list names.
pub const RESPONDERS_MAX: usize = 100;

/// The checkpoint of the record has at most so many bytes.
const RECORD_HEAD_BYTES_MAX: usize = 1_024;

/// A revocation list that an issuer signed ([`Organisation::verify_revocation_list`](crate::Organisation::verify_revocation_list)).
#[derive(Debug, Clone, PartialEq)]
pub struct RevocationList {
    number: u64,
    signed_at: UtcMillis,
    life_seconds: u32,
    acts: u64,
    chain: Digest,
    policy: Policy,
    issuers_number: u64,
    issuers_digest: Digest,
    record_head: Bytes,
    responders: Vec<UserId>,
    statement: pb::SignedStatement,
}

impl RevocationList {
    /// From the body of a statement whose signature was checked.
    pub(crate) fn read(body: &Bytes, statement: pb::SignedStatement) -> Result<Self, RevocationError> {
        let list = pb::RevocationList::decode(body.clone())
            .map_err(|_| RevocationError::Statement(crate::StatementError::Undecodable))?;
        let field = |field| RevocationError::Field { field };
        if list.number == 0 {
            return Err(field("number"));
        }
        if !LIFE.contains(&list.life_seconds) {
            return Err(field("life"));
        }
        let policy = list.policy.as_ref().map_or(Ok(Policy::UNSET), Policy::read);
        // Each policy took a list of its own: so no single one uses up all the numbers.
        let beyond = list.policy.as_ref().is_some_and(|policy| policy.number > list.number);
        if beyond && !fault::planted("mutant.policy_number_leaps") {
            return Err(field("policy"));
        }
        if list.issuers_list_number == 0 {
            return Err(field("issuers' list"));
        }
        if list.record_head.len() > RECORD_HEAD_BYTES_MAX {
            return Err(field("record"));
        }
        let responders: Result<Vec<UserId>, _> =
            list.responders.iter().map(|user| UserId::parse(user)).collect();
        let responders = responders.map_err(|_| field("responders"))?;
        if responders.len() > RESPONDERS_MAX || !responders.is_sorted_by(|one, next| one < next) {
            return Err(field("responders"));
        }
        Ok(Self {
            responders,
            number: list.number,
            signed_at: list.signed_at.as_ref().map(UtcMillis::from).ok_or(field("time"))?,
            life_seconds: list.life_seconds,
            acts: list.acts,
            chain: Digest::try_from(&list.chain_hash).map_err(|_| field("chain"))?,
            policy: policy.map_err(|_| field("policy"))?,
            issuers_number: list.issuers_list_number,
            issuers_digest: Digest::try_from(&list.issuers_list_sha256)
                .map_err(|_| field("issuers' list"))?,
            record_head: list.record_head,
            statement,
        })
    }

    /// One that was checked when it was stored, as it was signed: its issuer may be struck by now.
    ///
    /// # Errors
    /// As [`Organisation::verify_revocation_list`](crate::Organisation::verify_revocation_list), but for the signature.
    pub fn stored(statement: pb::SignedStatement) -> Result<Self, RevocationError> {
        let body = statement.body.clone();
        Self::read(&body, statement)
    }

    /// Its number, from 1; rises by one with each change.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// When it was signed, by its issuer's clock.
    #[must_use]
    pub const fn signed_at(&self) -> UtcMillis {
        self.signed_at
    }

    /// It may be relied on before this instant.
    #[must_use]
    pub fn fresh_until(&self) -> UtcMillis {
        self.signed_at.plus_seconds(self.life_seconds.into())
    }

    /// How many acts it stands for.
    #[must_use]
    pub const fn acts(&self) -> u64 {
        self.acts
    }

    /// The chain of its acts.
    #[must_use]
    pub const fn chain(&self) -> &Digest {
        &self.chain
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Number of the issuers' list that its signer knew.
    #[must_use]
    pub const fn issuers_number(&self) -> u64 {
        self.issuers_number
    }

    /// SHA-256 of that list as it was signed.
    #[must_use]
    pub const fn issuers_digest(&self) -> &Digest {
        &self.issuers_digest
    }

    /// The checkpoint of the record that its signer knew, as it came; empty if none.
    #[must_use]
    pub fn record_head(&self) -> &[u8] {
        &self.record_head
    }

    /// The users whose devices may put others on hold, ascending.
    #[must_use]
    pub fn responders(&self) -> &[UserId] {
        &self.responders
    }

    /// As it was signed.
    #[must_use]
    pub const fn statement(&self) -> &pb::SignedStatement {
        &self.statement
    }
}
