//! A conversation's log as a member checks it: numbers without a gap, bytes that fit their digest, and the chain
//! h(n) = SHA-256(h(n−1) ‖ n ‖ kind ‖ life ‖ stamp ‖ SHA-256(bytes)).

use crate::{
    Problem,
    statement::sha256,
    wire::relay::{Entry, EntryLink},
};

/// Where a member stands in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The last entry processed.
    pub number: u64,
    /// The chain hash with it.
    pub hash: [u8; 32],
}

impl Place {
    /// The place after `entry`.
    ///
    /// # Errors
    /// [`Problem::Wrong`] if the entry does not come next, or is not what its digest says.
    pub fn after(self, entry: &Entry) -> Result<Self, Problem> {
        if entry.number != self.number + 1 {
            return Err(Problem::Wrong("the log has a gap"));
        }
        if !entry.message.is_empty() && sha256(&entry.message)[..] != entry.message_sha256 {
            return Err(Problem::Wrong("an entry's bytes do not fit its digest"));
        }
        self.after_link(&EntryLink {
            kind: entry.kind,
            life_seconds: entry.life_seconds,
            stamp_ms: entry.stamp_ms,
            message_sha256: entry.message_sha256.clone(),
        })
    }

    /// The place after what one entry adds to the chain.
    ///
    /// # Errors
    /// [`Problem::Wrong`] for a kind that there is not.
    pub fn after_link(self, link: &EntryLink) -> Result<Self, Problem> {
        let kind = u8::try_from(link.kind).map_err(|_| Problem::Wrong("an unknown kind"))?;
        let number = self.number + 1;
        let hash = sha256(
            &[
                &self.hash[..],
                &number.to_be_bytes(),
                &[kind],
                &link.life_seconds.to_be_bytes(),
                &link.stamp_ms.to_be_bytes(),
                &link.message_sha256,
            ]
            .concat(),
        );
        Ok(Self { number, hash })
    }
}
