//! Where the log stood before the commit that adds: travels in the Welcome's GroupInfo, read at the join.

use prost::Message as _;
use wardline_proto::{ChainHash, Digest, EntryNumber, content};

/// A place in a conversation's log with the chain hash up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    /// The entry's number.
    pub number: EntryNumber,
    /// The chain hash with it.
    pub chain_hash: ChainHash,
}

impl LogPosition {
    pub(super) fn encode(&self) -> Vec<u8> {
        content::LogPosition {
            number: self.number.get(),
            chain_hash: self.chain_hash.digest().as_bytes().to_vec(),
        }
        .encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let position = content::LogPosition::decode(bytes).ok()?;
        let chain_hash = Digest::try_from(position.chain_hash.as_slice()).ok()?;
        Some(Self {
            number: EntryNumber::new(position.number),
            chain_hash: ChainHash::from_digest(chain_hash),
        })
    }
}
