//! The removal record of a device: what an administrator shows to others who trust nobody but the root.
//!
//! It holds signed statements and Merkle proofs, and is checked from beginning to end with nothing but the root's fingerprint
//! (`verify`): the root's issuers, the lists that name the device and the relay's signed answers to them (`lists`), what
//! members have signed of each removal (`removals`), and that all of it is in the relay's record. It proves what it says; that nothing
//! was done later it cannot prove.

mod error;
mod lists;
mod removals;
mod verify;

use wardline_proto::{ConversationId, Digest, EntryNumber, Epoch, UtcMillis, relay::SignedStatement};

use crate::{DeviceCertificate, Organisation, RevocationKind, RevocationReason};

pub use error::RemovalRecordError;

/// A removal record as it came: nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RemovalRecord {
    /// The root's certificate, DER.
    pub root: Vec<u8>,
    /// The issuers' list, signed by the root.
    pub issuers: SignedStatement,
    /// The device's certificate, DER.
    pub device: Vec<u8>,
    /// The checkpoint of the relay's record that all entries are in.
    pub checkpoint: Vec<u8>,
    /// The relay's certificate that verifies it, DER.
    pub relay: Vec<u8>,
    /// The lists that name the device.
    pub lists: Vec<NamingList>,
    /// The entries of the relay's record that name the device, ascending.
    pub entries: Vec<ProvenEntry>,
}

/// What an entry about a list does not hold: it stands in the list's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamingList {
    /// The chain of the acts before those that are new in it.
    pub chain_before: Vec<u8>,
    /// For each new act about the device, the conversations that it concerned, ascending.
    pub conversations: Vec<Vec<ConversationId>>,
}

/// An entry of the relay's record, and that it is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProvenEntry {
    /// Its number.
    pub number: u64,
    /// The `RecordEntry` as it is stored.
    pub entry: Vec<u8>,
    /// The inclusion proof.
    pub proof: Vec<Digest>,
}

/// What a removal record proves.
#[derive(Debug, Clone, PartialEq)]
pub struct ProvenRecord {
    /// The organisation.
    pub organisation: Organisation,
    /// The device.
    pub device: DeviceCertificate,
    /// How many entries the relay's record had.
    pub size: u64,
    /// What was done to the device, in order.
    pub acts: Vec<ProvenAct>,
    /// What became of it, by conversation.
    pub removals: Vec<ProvenRemoval>,
}

/// An act about the device that an issuer signed and the relay put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenAct {
    /// The list's number.
    pub list: u64,
    /// What was done.
    pub kind: RevocationKind,
    /// Why.
    pub reason: RevocationReason,
    /// When, by the clock of who signed it.
    pub at: UtcMillis,
    /// SHA-256 of the certificate of the issuer who signed the list.
    pub issuer: Digest,
    /// The instant: when the relay put it in force.
    pub in_force_at: UtcMillis,
    /// The conversations that it concerned.
    pub conversations: Vec<ConversationId>,
}

/// What became of the device in a conversation that it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenRemoval {
    /// The conversation.
    pub conversation: ConversationId,
    /// The list that named the device.
    pub list: u64,
    /// Since when nothing is taken there before the device is out.
    pub in_force_at: UtcMillis,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a removal ended, as far as the record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It had not.
    Open,
    /// Without a commit: a hold ended first, or all in it were revoked.
    Ended {
        /// When, by the relay's clock.
        at: UtcMillis,
    },
    /// By a commit.
    Out(Box<ProvenCommit>),
}

/// The commit by which the device went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenCommit {
    /// When the relay took it.
    pub at: UtcMillis,
    /// The log that has it: the conversation's or its successor's.
    pub log: ConversationId,
    /// Its number there.
    pub number: EntryNumber,
    /// The epoch it ended.
    pub epoch: Epoch,
    /// SHA-256 of its MLS message.
    pub sha256: Digest,
    /// Who signed that they made it.
    pub author: DeviceCertificate,
    /// Who signed that they have merged it and that the device is out.
    pub confirmed: Option<Box<ProvenConfirmation>>,
}

/// A second member's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenConfirmation {
    /// Who.
    pub by: DeviceCertificate,
    /// When the relay recorded it.
    pub at: UtcMillis,
    /// When they merged it, by their clock.
    pub merged_at: UtcMillis,
}
