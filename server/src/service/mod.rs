//! The services, one file per RPC: decode, authorise, call the domain, encode. `status` alone makes errors of
//! the domain into gRPC status.

pub(crate) mod authorise;
pub(crate) mod decode;
pub(crate) mod greeting;
pub(crate) mod status;
pub(crate) mod write;

pub mod conversation;
pub mod directory;
pub mod enrolment;
pub mod key_package;
pub mod membership;
pub mod organisation;
pub mod record;
pub mod registrar;
pub mod renewal;
pub mod revocation;
pub mod unlock;
