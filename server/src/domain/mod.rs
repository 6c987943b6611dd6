//! The rules of the relay, by verb. Nothing here knows gRPC, SQL or the clock: requests come parsed, storage is a
//! trait per subject, the instant is an argument.

pub mod conversation;
pub mod key_package;
pub mod membership;
pub mod organisation;
pub mod period;
pub mod record;
pub mod revocation;
pub mod statement;
pub mod unlock;

#[cfg(test)]
pub(crate) mod ward;
