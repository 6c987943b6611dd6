//! Reading certificates and requests, strictly.
//!
//! A certificate is refused unless it looks exactly as this crate issues it: DER with nothing after it, X.509
//! v3, Ed25519 signatures, the key usages of its kind and no other, names that parse. What may differ are
//! extensions that are unknown and not critical, so that later versions can add some (RFC 5280 §4.2).
//! Nothing here decides whom to trust: that is [`crate::Organisation`].

mod authority;
mod device;
mod fingerprint;
mod frame;
mod nesting;
mod profile;
mod relay;
mod request;
mod validity;

pub use authority::IssuerCertificate;
pub(crate) use authority::RootCertificate;
pub use device::{DeviceCertificate, DeviceSubject};
pub use fingerprint::RootFingerprint;
pub(crate) use profile::ROLE_OID;
pub use relay::RelayCertificate;
pub(crate) use relay::{issuer_uri, relay_uri, root_uri};
pub use request::{certificate_request, verify_certificate_request};
pub use validity::DateCheck;
