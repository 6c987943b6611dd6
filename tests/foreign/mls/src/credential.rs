//! Whose leaf it is: what MLS asks of an application (RFC 9420 §5.3.1), for certificates of the organisation.

use mls_rs::{
    IdentityProvider,
    identity::{CredentialType, SigningIdentity},
};
use mls_rs_core::{
    crypto::{CipherSuite, CryptoProvider},
    extension::ExtensionList,
    identity::MemberValidationContext,
    time::MlsTime,
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

use crate::{Problem, statement};

/// The suite of its conversations.
pub const X25519: CipherSuite = CipherSuite::CURVE25519_AES128;

/// Listed in every leaf, as the relay demands; this client has no such suite, publishes no package of it and so is
/// in no conversation of it.
pub const X_WING: CipherSuite = CipherSuite::new(0x004F);

/// RustCrypto, with both suites in its leaves' capabilities.
#[derive(Clone, Debug)]
pub struct Crypto(RustCryptoProvider);

impl Default for Crypto {
    fn default() -> Self {
        Self(RustCryptoProvider::with_enabled_cipher_suites(vec![X25519]))
    }
}

impl CryptoProvider for Crypto {
    type CipherSuiteProvider = <RustCryptoProvider as CryptoProvider>::CipherSuiteProvider;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![X25519, X_WING]
    }

    fn cipher_suite_provider(&self, suite: CipherSuite) -> Option<Self::CipherSuiteProvider> {
        self.0.cipher_suite_provider(suite)
    }
}

/// Judges leaves by the organisation's issuers.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Their certificates.
    pub issuers: Vec<Vec<u8>>,
}

impl Organisation {
    fn check(&self, identity: &SigningIdentity) -> Result<(), Problem> {
        let certificate = certificate(identity)?;
        if statement::public_key(certificate)? != identity.signature_key.as_bytes() {
            return Err(Problem::Wrong("a leaf with another key than its certificate's"));
        }
        issuer_of(certificate, &self.issuers).map(drop)
    }
}

impl IdentityProvider for Organisation {
    type Error = NotOne;

    fn validate_member(
        &self,
        identity: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), NotOne> {
        self.check(identity).map_err(NotOne)
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), NotOne> {
        Err(NotOne(Problem::Wrong("there are no external senders")))
    }

    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, NotOne> {
        certificate(identity).and_then(device_of).map(|device| device.to_vec()).map_err(NotOne)
    }

    fn valid_successor(
        &self,
        before: &SigningIdentity,
        after: &SigningIdentity,
        extensions: &ExtensionList,
    ) -> Result<bool, NotOne> {
        Ok(self.identity(before, extensions)? == self.identity(after, extensions)?)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CredentialType::X509]
    }
}

/// A leaf that is none of the organisation's devices.
#[derive(Debug)]
pub struct NotOne(Problem);

impl std::fmt::Display for NotOne {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotOne {}

impl mls_rs_core::error::IntoAnyError for NotOne {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(Box::new(self))
    }
}

/// A leaf's certificate: the credential is the leaf certificate alone.
///
/// # Errors
/// [`Problem::Wrong`] if it is something else.
pub fn certificate(identity: &SigningIdentity) -> Result<&[u8], Problem> {
    match identity.credential.as_x509().map(|chain| chain.as_slice()) {
        Some([only]) => Ok(only.as_ref()),
        _ => Err(Problem::Wrong("a leaf's credential is not one certificate")),
    }
}

/// The device in a certificate: `wardline://<org>/<user>/<device-uuid>`.
///
/// # Errors
/// [`Problem::Wrong`] if it names none.
pub fn device_of(certificate: &[u8]) -> Result<[u8; 16], Problem> {
    let none = || Problem::Wrong("a certificate that names no device");
    let (_, parsed) = parse_x509_certificate(certificate).map_err(|_| none())?;
    let names = parsed.subject_alternative_name().ok().flatten().ok_or_else(none)?;
    let uuid = names.value.general_names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix("wardline://")?.rsplit('/').next(),
        _ => None,
    });
    let hex = uuid.ok_or_else(none)?.replace('-', "").into_bytes();
    let bytes = data_encoding::HEXLOWER.decode(&hex).map_err(|_| none())?;
    bytes.try_into().map_err(|_| none())
}

/// Which issuer signed a certificate.
///
/// # Errors
/// [`Problem::Wrong`] if none did.
pub fn issuer_of<'a>(certificate: &[u8], issuers: &'a [Vec<u8>]) -> Result<&'a [u8], Problem> {
    let (_, leaf) = parse_x509_certificate(certificate).map_err(|_| Problem::Wrong("not a certificate"))?;
    let signed = |issuer: &&Vec<u8>| {
        parse_x509_certificate(issuer)
            .is_ok_and(|(_, issuer)| leaf.verify_signature(Some(issuer.public_key())).is_ok())
    };
    issuers.iter().find(signed).map(Vec::as_slice).ok_or(Problem::Wrong("no issuer signed it"))
}
