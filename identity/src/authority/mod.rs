//! Those who sign others' certificates: the root, which makes issuers, and issuers, which make devices.

mod address;
mod issuer;
mod root;
mod template;

pub(crate) use address::host_of;
pub use issuer::IssuerAuthority;
pub(crate) use root::ISSUERS_MAX;
pub use root::{KEPT_MAX, RootAuthority, Strike};
