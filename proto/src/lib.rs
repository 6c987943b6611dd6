//! The wire of Wardline: generated protobuf types, the newtypes they convert to, the log's chain hash and
//! the stable error reasons.
//!
//! The `.proto` files under `proto/proto` are the contract (design 4); this crate adds no rule of its own.
//! It trusts nothing: a decoded message is a claim until a newtype or a signature check says otherwise.

mod chain;
pub mod closing;
mod expiry;
pub mod fault;
pub mod h3;
mod ids;
pub mod in_place;
mod period;
mod reason;

pub use chain::{ChainHash, ChainLink, roster_digest};
pub use expiry::{LIFE_SECONDS_MAX, LIFE_SECONDS_MIN, expiry};
pub use ids::{
    ClientMessageId, ConversationId, DeviceId, Digest, EntryNumber, Epoch, IdError, InvitationId, PairId,
    Suite, TryId, UtcMillis,
};
pub use period::Period;
pub use reason::Reason;

/// `wardline.relay.v1`: what clients and relay say to each other.
// Generated; the .proto files carry the docs.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::too_many_lines,
    clippy::module_inception,
    clippy::large_enum_variant
)]
pub mod relay {
    tonic::include_proto!("wardline.relay.v1");
}

/// `wardline.content.v1`: what members say to each other inside MLS; the relay never sees it.
// Generated; the .proto files carry the docs.
#[allow(missing_docs, unreachable_pub, clippy::module_inception)]
pub mod content {
    tonic::include_proto!("wardline.content.v1");
}

/// The encoded `FileDescriptorSet` of all files, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wardline.descriptors"));

/// How many tries a person has at a passcode until their vault is opened (design 4.5).
pub const TRIES_MAX: u32 = 10;

/// The protocol versions this build speaks.
pub const VERSIONS: relay::VersionRange = relay::VersionRange { lowest: 1, highest: 1 };
