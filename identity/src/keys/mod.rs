//! Keys: Ed25519 for everything that signs statements and certificates, P-256 for TLS with foreign peers.
//!
//! Secret keys are zeroized when dropped, never printed and leave only through methods that say so. Signatures
//! are checked strictly (RFC 8032 §5.1.7 with canonical encodings, no key of small order).

mod device;
mod p256;
mod public;
mod signing;

pub use device::DeviceKey;
pub use p256::P256SigningKey;
pub use public::PublicKey;
pub(crate) use signing::CertificateSigner;
pub use signing::SigningKey;
