//! A member's leaf as MLS sees it: an opaque certificate and the key it signs with.
//!
//! The MLS credential is `x509` with the leaf certificate only: exactly one `opaque cert_data<V>` (RFC 9420
//! §5.3).

use openmls::prelude::{Credential, CredentialType, LeafNode, Member};
use tls_codec::{DeserializeBytes as _, Serialize as _, VLBytes};

/// A leaf of the ratchet tree. Nothing in it is verified but that its owner holds `signature_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its place in the tree.
    pub index: u32,
    /// What it gives as its certificate, DER; any bytes. Empty if the credential is not one certificate of
    /// type x509, or the key not an Ed25519 key: no judge accepts that.
    pub certificate_der: Vec<u8>,
    /// The Ed25519 key it signs with.
    pub signature_key: [u8; 32],
}

impl Leaf {
    pub(super) fn of_member(member: &Member) -> Self {
        Self::new(member.index.u32(), &member.credential, &member.signature_key)
    }

    pub(super) fn of_node(index: u32, node: &LeafNode) -> Self {
        Self::new(index, node.credential(), node.signature_key().as_slice())
    }

    fn new(index: u32, credential: &Credential, signature_key: &[u8]) -> Self {
        let unusable = Self { index, certificate_der: Vec::new(), signature_key: [0; 32] };
        let Ok(signature_key) = signature_key.try_into() else { return unusable };
        let certificate_der = single_certificate(credential).unwrap_or_default();
        Self { index, certificate_der, signature_key }
    }
}

/// The credential of one leaf certificate.
pub(super) fn credential_of(certificate_der: &[u8]) -> Option<Credential> {
    let content = VLBytes::new(certificate_der.to_vec()).tls_serialize_detached().ok()?;
    Some(Credential::new(CredentialType::X509, content))
}

fn single_certificate(credential: &Credential) -> Option<Vec<u8>> {
    if credential.credential_type() != CredentialType::X509 {
        return None;
    }
    VLBytes::tls_deserialize_exact_bytes(credential.serialized_content()).ok().map(Into::into)
}
