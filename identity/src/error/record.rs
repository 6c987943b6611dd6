//! Errors about the record of acts: its entries, its head and the proofs about it (design 4.7).
//!
//! All are about what a peer sent; none carries what was refused.

use thiserror::Error;

use crate::SignatureError;

/// An entry of the record, its head, or a proof that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not a checkpoint of this organisation's record.
    #[error("the head of the record has a wrong {part}")]
    Note {
        /// Of the note.
        part: &'static str,
    },
    /// Nobody signed it with the key it must be signed with.
    #[error("the head of the record is not signed with the relay's key")]
    Unsigned,
    /// The signature does not verify.
    #[error("the head of the record: {0}")]
    Signature(#[source] SignatureError),
    /// The certificate is no relay's of ours in force.
    #[error("the head of the record is by no relay of the organisation")]
    OtherSigner,
    /// The entry is not in the record under this number.
    #[error("it is not proven that the entry is in the record")]
    Inclusion,
    /// The newer record does not go on from the older one.
    #[error("it is not proven that the record goes on from the one before")]
    Consistency,
    /// A field of an entry is missing or malformed.
    #[error("the entry's {field} is missing or malformed")]
    Field {
        /// Of the entry.
        field: &'static str,
    },
    /// An act that this build does not know.
    #[error("an act that this version does not know")]
    Act,
}
