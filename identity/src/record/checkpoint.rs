//! The head of the record: a C2SP tlog-checkpoint, signed by the relay.
//!
//! It is not framed like our other signatures (decision 0010): its bytes are those of a public format, so that anybody's
//! witness can read and cosign them. They begin with "wardline.", ours with "Wardline 1.0 ", so neither passes for the other.

use prost::bytes::Bytes;
use wardline_proto::Digest;

use super::note;
use crate::{OrganisationId, PublicKey, RecordError, SigningKey};

/// A whole note has at most so many bytes: two hundred for the checkpoint, the rest for witnesses.
pub const CHECKPOINT_BYTES_MAX: usize = 1_024;

/// What a record was when its head was signed: its size stands for that many entries, its root for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Digest,
}

impl Checkpoint {
    /// Of a record with so many entries and this root.
    #[must_use]
    pub fn new(organisation: &OrganisationId, size: u64, root: Digest) -> Self {
        Self { origin: origin(organisation), size, root }
    }

    /// The note, signed with the relay's key.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Bytes {
        note::sign(&self.text(), &self.origin, key)
    }

    /// Checks a note: one of this organisation's record, signed with this key. Signatures of others are passed over.
    ///
    /// # Errors
    /// [`RecordError::Note`] for what is no such note, [`RecordError::Unsigned`], [`RecordError::Signature`].
    pub fn verify(note: &[u8], organisation: &OrganisationId, key: &PublicKey) -> Result<Self, RecordError> {
        let (claimed, signed) = Self::parse(note, organisation)?;
        note::verify(&signed, &claimed.origin, key)?;
        Ok(claimed)
    }

    /// What a note says, whoever signed it: for one that is under somebody else's signature, such as a list's, or that was
    /// checked when it was stored.
    ///
    /// # Errors
    /// [`RecordError::Note`].
    pub fn claimed(note: &[u8], organisation: &OrganisationId) -> Result<Self, RecordError> {
        Self::parse(note, organisation).map(|(claimed, _)| claimed)
    }

    fn parse<'a>(
        note: &'a [u8],
        organisation: &OrganisationId,
    ) -> Result<(Self, note::Signed<'a>), RecordError> {
        let wrong = |part| RecordError::Note { part };
        if note.len() > CHECKPOINT_BYTES_MAX {
            return Err(wrong("length"));
        }
        let signed = note::split(note)?;
        let mut lines = signed.text.split_terminator('\n');
        let (Some(first), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(wrong("lines"));
        };
        if first != origin(organisation) {
            return Err(wrong("origin"));
        }
        let number: u64 = size.parse().map_err(|_| wrong("size"))?;
        // One way to write each number, or two notes would say the same.
        if number.to_string() != size {
            return Err(wrong("size"));
        }
        let root = data_encoding::BASE64.decode(root.as_bytes()).map_err(|_| wrong("root"))?;
        let root = Digest::try_from(root.as_slice()).map_err(|_| wrong("root"))?;
        Ok((Self { origin: first.to_owned(), size: number, root }, signed))
    }

    /// Whose record: `wardline.<organisation id>/record`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of their tree.
    #[must_use]
    pub const fn root(&self) -> &Digest {
        &self.root
    }

    fn text(&self) -> String {
        let root = data_encoding::BASE64.encode(self.root.as_bytes());
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }
}

fn origin(organisation: &OrganisationId) -> String {
    format!("wardline.{organisation}/record")
}
