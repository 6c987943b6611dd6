//! What can go wrong in MLS, sorted by blame: the peer, the caller, the store, us.
//!
//! Only the first group may depend on bytes from outside. Opening says "cannot open" and no more, so that
//! nobody learns from us which check failed.

use wardline_identity::CertificateError;
use wardline_proto::Epoch;

/// Why MLS could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MlsError {
    /// Peer: not an MLS message of the kind that belongs here.
    #[error("not an MLS message of this kind")]
    Malformed,
    /// Peer: the message belongs to another conversation.
    #[error("the message belongs to another conversation")]
    OtherConversation,
    /// Peer: the message's epoch has passed; its keys are gone.
    #[error("the message is of epoch {actual}, the group in epoch {expected}")]
    EpochPast {
        /// The group's epoch.
        expected: Epoch,
        /// The message's epoch.
        actual: Epoch,
    },
    /// Peer: the message's epoch has not begun for us.
    #[error("the message is of epoch {actual}, the group in epoch {expected}")]
    EpochAhead {
        /// The group's epoch.
        expected: Epoch,
        /// The message's epoch.
        actual: Epoch,
    },
    /// Peer: the message cannot be opened.
    #[error("cannot open the message")]
    CannotOpen,
    /// Peer: the KeyPackage does not verify, or lacks what every device lists.
    #[error("the KeyPackage does not verify")]
    KeyPackageInvalid,
    /// Peer: the KeyPackage or leaf is not that of this certificate.
    #[error("the leaf is not that of this certificate")]
    CertificateMismatch,
    /// Peer: the certificate does not verify.
    #[error("the leaf's certificate does not verify")]
    Certificate(#[from] CertificateError),
    /// Peer: the Welcome cannot be opened, or its group is not one of ours in form.
    #[error("cannot open the Welcome")]
    WelcomeInvalid,
    /// Peer: the Welcome is for none of this device's KeyPackages.
    #[error("the Welcome is for none of this device's KeyPackages")]
    NoKeyPackage,
    /// Peer or caller: a cipher suite that Wardline does not use.
    #[error("not a cipher suite of Wardline")]
    SuiteUnknown,

    /// Caller: this device was removed from the group.
    #[error("this device is not in the group any more")]
    NotActive,
    /// Caller: a commit of ours waits for the relay.
    #[error("a commit is pending")]
    CommitPending,
    /// Caller: no commit of ours is pending.
    #[error("no commit is pending")]
    NoCommitPending,
    /// Caller: the group exists already.
    #[error("the group exists already")]
    Exists,
    /// Caller: the identity is not the one of our leaf.
    #[error("the identity is not that of this device's leaf")]
    IdentityMismatch,
    /// Caller: no member has this leaf.
    #[error("no member has leaf {0}")]
    NoSuchLeaf(u32),
    /// Caller: a staged commit of another group or epoch.
    #[error("the staged commit is not for this group and epoch")]
    StaleCommit,
    /// Caller: no commit can be made of this plan, such as one that removes ourselves or adds a member again.
    #[error("no commit can be made of this plan")]
    PlanRefused,

    /// The store: see [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect: openmls refused what it never should.
    #[error("MLS failed while {0}")]
    Broken(&'static str),
}

/// Why a join did not happen; the KeyPackage can be used again.
#[derive(Debug, thiserror::Error)]
pub enum JoinError<E> {
    /// The judge refused.
    #[error("the group was refused")]
    Refused(E),
    /// MLS could not do it.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

/// Why the store of MLS rows failed. Never the doing of a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Caller: the rows of this conversation, or the device's KeyPackages, were not loaded.
    #[error("the rows were not loaded from the vault")]
    NotLoaded,
    /// A group whose id is no conversation id.
    #[error("the group id is no conversation id")]
    ForeignGroup,
    /// openmls asked to keep what Wardline never keeps: PSKs, signature keys, keys of Update proposals.
    #[error("not a thing Wardline keeps")]
    NotKept,
    /// A value could not be encoded.
    #[error("a row cannot be written")]
    Encode(#[from] rmp_serde::encode::Error),
    /// A row could not be decoded: written by another version, or damaged.
    #[error("a row cannot be read")]
    Decode(#[from] rmp_serde::decode::Error),
}
