//! Who we are in MLS: the device's key and its certificate.
//!
//! openmls' own signer rebuilds the key from its seed at every signature; ours keeps it expanded.

use openmls::prelude::CredentialWithKey;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use wardline_identity::SigningKey;

use super::MlsError;
use super::leaf::credential_of;

/// The device's key with its certificate.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The device's key.
    pub key: &'a SigningKey,
    /// Its certificate, DER. Not checked here.
    pub certificate_der: &'a [u8],
}

impl Identity<'_> {
    pub(super) fn credential(&self) -> Result<CredentialWithKey, MlsError> {
        let credential = credential_of(self.certificate_der).ok_or(MlsError::IdentityMismatch)?;
        Ok(CredentialWithKey { credential, signature_key: self.key.public().as_bytes().to_vec().into() })
    }

    pub(super) fn signer(&self) -> MlsSigner<'_> {
        MlsSigner(self.key)
    }
}

/// The device's key as openmls wants it.
pub(super) struct MlsSigner<'a>(&'a SigningKey);

impl Signer for MlsSigner<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign_raw(payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
