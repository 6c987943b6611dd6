//! Whether a KeyPackage may be stored for a device.
//!
//! openmls checks the package in itself (RFC 9420 §10.1) and treats the credential as opaque bytes; that it is
//! exactly the caller's certificate, over exactly its key, is checked here.

use bytes::Bytes;
use openmls::prelude::{
    Ciphersuite, CredentialType, ExtensionType, KeyPackage, KeyPackageIn, Lifetime, MlsMessageBodyIn,
    MlsMessageIn, ProtocolVersion, VerifiableCiphersuite,
};
use openmls_rust_crypto::RustCrypto;
use tls_codec::{DeserializeBytes as _, Size as _, VLBytes};
use wardline_proto::Suite;

use super::{KeyPackageFault, MlsError, SETTINGS_EXTENSION};

/// A KeyPackage that is the caller's and fit to be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKeyPackage {
    /// Its KeyPackageRef (RFC 9420 §5.2).
    pub reference: Bytes,
    /// Its suite.
    pub suite: Suite,
    /// Whether it has the last_resort extension.
    pub last_resort: bool,
    /// The MLSMessage.
    pub bytes: Bytes,
}

/// Checks a KeyPackage for the device with this certificate and key.
///
/// # Errors
/// - [`MlsError::Malformed`], [`MlsError::WrongKind`]: not exactly one MLSMessage, or another kind.
/// - [`MlsError::KeyPackage`]: not the caller's, or not fit to be handed out.
pub fn judge_key_package(
    bytes: &Bytes,
    certificate: &[u8],
    key: &[u8; 32],
) -> Result<PublishedKeyPackage, MlsError> {
    let package = unverified(bytes)?;
    let crypto = RustCrypto::default();
    let package = package
        .validate(&crypto, ProtocolVersion::Mls10)
        .map_err(|_| MlsError::KeyPackage(KeyPackageFault::Invalid))?;
    let suite =
        Suite::from_code(u32::from(u16::from(package.ciphersuite()))).ok_or(KeyPackageFault::Suite)?;
    leaf_is_the_callers(&package, certificate, key)?;
    leaf_is_capable(&package)?;
    keys_are_the_suites(&package, suite)?;
    // A bounded lifetime would be judged by each member's own clock: some would merge the commit, some not.
    if *package.life_time() != Lifetime::init(0, u64::MAX) {
        return Err(KeyPackageFault::Lifetime.into());
    }
    let reference = package.hash_ref(&crypto).map_err(|_| KeyPackageFault::Invalid)?;
    Ok(PublishedKeyPackage {
        reference: Bytes::copy_from_slice(reference.as_slice()),
        suite,
        last_resort: package.last_resort(),
        bytes: bytes.clone(),
    })
}

fn unverified(bytes: &[u8]) -> Result<KeyPackageIn, MlsError> {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(|_| MlsError::Malformed)?;
    match message.extract() {
        MlsMessageBodyIn::KeyPackage(package) => Ok(package),
        _ => Err(MlsError::WrongKind),
    }
}

/// RFC 9420 §5.3: an x509 credential is a chain; ours is the leaf certificate alone.
fn leaf_is_the_callers(
    package: &KeyPackage,
    certificate: &[u8],
    key: &[u8; 32],
) -> Result<(), KeyPackageFault> {
    let leaf = package.leaf_node();
    if leaf.credential().credential_type() != CredentialType::X509 {
        return Err(KeyPackageFault::Credential);
    }
    let content = leaf.credential().serialized_content();
    let only = VLBytes::tls_deserialize_exact_bytes(content).map_err(|_| KeyPackageFault::Credential)?;
    if only.as_slice() != certificate {
        return Err(KeyPackageFault::Credential);
    }
    if leaf.signature_key().as_slice() != key {
        return Err(KeyPackageFault::SignatureKey);
    }
    Ok(())
}

/// openmls takes keys of any length, and whoever adds the device finds out only when the commit cannot be made.
fn keys_are_the_suites(package: &KeyPackage, suite: Suite) -> Result<(), KeyPackageFault> {
    let length = super::public_key_length(suite);
    // The leaf's key shows its encoded length only.
    let encoded = VLBytes::new(vec![0; length]).tls_serialized_len();
    let fit = package.hpke_init_key().as_slice().len() == length
        && package.leaf_node().encryption_key().tls_serialized_len() == encoded;
    if fit { Ok(()) } else { Err(KeyPackageFault::Keys) }
}

/// What every leaf lists from the first release (design 4.3), so that no later commit is stopped by one leaf.
fn leaf_is_capable(package: &KeyPackage) -> Result<(), KeyPackageFault> {
    let capabilities = package.leaf_node().capabilities();
    let suites = [
        Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
        Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
    ];
    let has = capabilities.versions().contains(&ProtocolVersion::Mls10)
        && capabilities.credentials().contains(&CredentialType::X509)
        && [ExtensionType::LastResort, ExtensionType::Unknown(SETTINGS_EXTENSION)]
            .iter()
            .all(|extension| capabilities.extensions().contains(extension))
        && suites
            .iter()
            .all(|suite| capabilities.ciphersuites().contains(&VerifiableCiphersuite::from(*suite)));
    if has { Ok(()) } else { Err(KeyPackageFault::Capabilities) }
}

#[cfg(test)]
mod tests {
    use openmls::prelude::Capabilities;
    use proptest::prelude::*;
    use wardline_identity::SigningKey;
    use wardline_proto::ConversationId;

    use super::*;
    use crate::mls::real::{self, Leaf};
    use crate::mls::{ContentType, PrivateMessage, Welcome};

    const CERTIFICATE: &[u8] = b"a certificate is opaque here";

    fn phone() -> SigningKey {
        SigningKey::from_seed([1; 32])
    }

    fn judge(bytes: &Bytes) -> Result<PublishedKeyPackage, MlsError> {
        judge_key_package(bytes, CERTIFICATE, phone().public().as_bytes())
    }

    #[test]
    fn the_callers_own_package_is_taken_in_both_suites_and_both_kinds() {
        let leaf = Leaf { key: &phone(), certificate: CERTIFICATE };
        for suite in Suite::ALL {
            for last_resort in [false, true] {
                let bytes = real::key_package(&leaf, suite, last_resort);
                let taken = judge(&bytes).unwrap();
                assert_eq!((taken.suite, taken.last_resort), (suite, last_resort));
                assert_eq!(taken.reference.len(), 32);
                assert_eq!(taken.bytes, bytes);
            }
        }
    }

    #[test]
    fn a_package_of_another_certificate_or_key_is_refused() {
        let tablet = SigningKey::from_seed([2; 32]);
        let other_key = Leaf { key: &tablet, certificate: CERTIFICATE };
        let refused = judge(&real::key_package(&other_key, Suite::X25519, false));
        assert_eq!(refused, Err(KeyPackageFault::SignatureKey.into()));
        let other_certificate = Leaf { key: &phone(), certificate: b"another" };
        let refused = judge(&real::key_package(&other_certificate, Suite::X25519, false));
        assert_eq!(refused, Err(KeyPackageFault::Credential.into()));
    }

    #[test]
    fn a_package_without_a_capability_of_ours_is_refused() {
        let leaf = Leaf { key: &phone(), certificate: CERTIFICATE };
        let (suites, extensions) = (
            [
                Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
                Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            ],
            [ExtensionType::LastResort, ExtensionType::Unknown(SETTINGS_EXTENSION)],
        );
        let x509 = [CredentialType::X509];
        let full = Capabilities::new(None, Some(&suites), Some(&extensions), None, Some(&x509));
        assert!(judge(&real::key_package_with(&leaf, Suite::X25519, false, full)).is_ok(), "the control");
        let lacking = [
            Capabilities::new(None, Some(&suites[1..]), Some(&extensions), None, Some(&x509)),
            Capabilities::new(None, Some(&suites), Some(&extensions[..1]), None, Some(&x509)),
            Capabilities::new(None, Some(&suites), Some(&extensions[1..]), None, Some(&x509)),
        ];
        for capabilities in lacking {
            let refused = judge(&real::key_package_with(&leaf, Suite::X25519, false, capabilities));
            assert_eq!(refused, Err(KeyPackageFault::Capabilities.into()));
        }
    }

    #[test]
    fn a_package_with_keys_of_another_length_or_an_end_is_refused() {
        use crate::mls::real::Change;
        let leaf = Leaf { key: &phone(), certificate: CERTIFICATE };
        for (suite, length) in [(Suite::MlKem768X25519, 1_216), (Suite::X25519, 32)] {
            let good = real::key_package(&leaf, suite, false);
            let refused = |change| judge(&real::tampered(&leaf, &good, change));
            assert!(refused(Change::InitKey(length)).is_ok(), "the control: only its length is looked at");
            assert!(refused(Change::EncryptionKey(length)).is_ok(), "the control");
            for other in [0, 1, 31, 33, 64, length - 1, length + 1, 1_184, 8_000] {
                assert_eq!(refused(Change::InitKey(other)), Err(KeyPackageFault::Keys.into()), "{other}");
                assert_eq!(
                    refused(Change::EncryptionKey(other)),
                    Err(KeyPackageFault::Keys.into()),
                    "{other}"
                );
            }
            assert_eq!(refused(Change::Lifetime), Err(KeyPackageFault::Lifetime.into()));
        }
    }

    #[test]
    fn every_changed_byte_truncation_and_addition_is_refused() {
        let leaf = Leaf { key: &phone(), certificate: CERTIFICATE };
        let good = real::key_package(&leaf, Suite::X25519, false).to_vec();
        for place in 0..good.len() {
            let mut changed = good.clone();
            changed[place] ^= 1;
            assert!(judge(&changed.into()).is_err(), "{place}");
        }
        for length in (0..good.len()).step_by(7) {
            assert!(judge(&good[..length].to_vec().into()).is_err(), "{length}");
        }
        assert_eq!(judge(&[&good[..], &[0]].concat().into()), Err(MlsError::Malformed));
    }

    #[test]
    fn the_relays_parsers_agree_with_openmls() {
        let (phone, tablet) = (phone(), SigningKey::from_seed([2; 32]));
        let creator = Leaf { key: &phone, certificate: CERTIFICATE };
        let joiner = Leaf { key: &tablet, certificate: b"another" };
        let id = ConversationId::from_bytes([7; 16]);
        for suite in Suite::ALL {
            let traffic = real::traffic(&creator, &joiner, suite, id);
            for (bytes, epoch, content_type) in
                [(&traffic.commit, 0, ContentType::Commit), (&traffic.message, 1, ContentType::Application)]
            {
                let parsed = PrivateMessage::parse(bytes).unwrap();
                assert_eq!((parsed.group_id, parsed.epoch), (&id.as_bytes()[..], epoch));
                assert_eq!((parsed.content_type, parsed.authenticated_data), (content_type, &b"data"[..]));
            }
            let welcome = Welcome::parse(&traffic.welcome).unwrap();
            assert_eq!(welcome.cipher_suite, suite.code());
            assert_eq!(welcome.references, [traffic.reference.as_slice()]);
            assert_eq!(judge(&traffic.welcome.clone().into()), Err(MlsError::WrongKind));
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(judge(&bytes.clone().into()).is_err());
            let behind = [&[0, 1, 0, 5, 0, 1, 0, 1][..], &bytes].concat();
            prop_assert!(judge(&behind.into()).is_err());
        }
    }
}
