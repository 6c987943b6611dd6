//! The greeting that opens every stream, and what the relay's says.

use bytes::Bytes;
use prost::Message as _;
use wardline_identity::{DateCheck, Organisation, StatementLabel};
use wardline_proto::{
    UtcMillis, VERSIONS,
    relay::{ClientGreeting, RelayGreeting, RelayTime},
};

use crate::{conversation::software, error::CoreError};

/// What this client says first.
pub(crate) fn greeting(issuers_list_number: u64, revocation_list_number: u64) -> ClientGreeting {
    ClientGreeting {
        versions: Some(VERSIONS),
        software: software().to_owned(),
        revocation_list_number,
        issuers_list_number,
    }
}

/// What the relay said, once its signature verifies.
pub(crate) struct Greeted {
    /// The relay's clock.
    pub time: UtcMillis,
    /// Number of the issuers' list it applies.
    pub issuers_list_number: u64,
    /// SHA-256 of that list; empty if it does not say.
    pub issuers_list_sha256: Bytes,
    /// Number of the revocation list it applies; 0 before the first.
    pub revocation_list_number: u64,
    /// By what it tells of the holds that the list does not name; empty if there are none.
    pub holds_sha256: Bytes,
    /// The head of its record; empty before the first.
    pub record_head: Bytes,
}

/// Checks a relay's greeting: its certificate is one of ours and its time is signed with that key.
pub(crate) fn verify(
    organisation: &Organisation,
    greeting: &RelayGreeting,
    now: UtcMillis,
) -> Result<Greeted, CoreError> {
    let statement = greeting.time.as_ref().ok_or(CoreError::Protocol("did not sign its time"))?;
    let body = organisation
        .verify_relay_statement(
            StatementLabel::RelayTime,
            &greeting.relay_certificate,
            statement,
            DateCheck::At(now),
        )
        .map_err(|_| CoreError::Protocol("signed its time with a key that is not its own"))?;
    let time =
        RelayTime::decode(body).map_err(|_| CoreError::Protocol("signed something that is not a time"))?;
    let instant = time.time.as_ref().map(UtcMillis::from);
    Ok(Greeted {
        time: instant.ok_or(CoreError::Protocol("signed something that is not a time"))?,
        issuers_list_number: time.issuers_list_number,
        issuers_list_sha256: time.issuers_list_sha256,
        revocation_list_number: time.revocation_list_number,
        holds_sha256: time.holds_sha256,
        record_head: time.record_head,
    })
}
