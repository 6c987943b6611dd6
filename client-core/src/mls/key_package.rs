//! KeyPackages (RFC 9420 §10): making our own, checking those of others.
//!
//! A package of another device can be added only as a [`VerifiedKeyPackage`], and that takes the verified
//! certificate of its device: openmls itself would take any bytes.

use openmls::prelude::{
    ExtensionType, KeyPackage, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, ProtocolVersion,
};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::{DeserializeBytes as _, Size as _, VLBytes};
use wardline_identity::DeviceCertificate;
use wardline_proto::{Suite, fault};

use super::certificate::belongs;
use super::parameters::{self, SETTINGS_EXTENSION};
use super::{Identity, Leaf, MlsError, MlsStore};

/// Makes `count` packages and keeps their private keys in the store. One-time packages serve one Welcome; a
/// last-resort package serves until [`delete`]d. Gives MLSMessages of wire format mls_key_package.
///
/// # Errors
/// [`MlsError::Store`] if the device's rows were not loaded; [`MlsError::Broken`].
pub fn generate(
    store: &MlsStore,
    identity: &Identity<'_>,
    suite: Suite,
    count: usize,
    last_resort: bool,
) -> Result<Vec<Vec<u8>>, MlsError> {
    store.require_device()?;
    (0..count)
        .map(|_| {
            let mut builder = KeyPackage::builder()
                .leaf_node_capabilities(parameters::capabilities())
                .key_package_lifetime(parameters::lifetime());
            if last_resort {
                builder = builder.mark_as_last_resort();
            }
            let bundle = builder
                .build(parameters::ciphersuite(suite), store, &identity.signer(), identity.credential()?)
                .map_err(|_| MlsError::Broken("making a KeyPackage"))?;
            MlsMessageOut::from(bundle.key_package().clone())
                .to_bytes()
                .map_err(|_| MlsError::Broken("encoding a KeyPackage"))
        })
        .collect()
}

/// Destroys the private keys of one of our packages, named by its reference. Nothing happens if there are
/// none.
///
/// # Errors
/// [`MlsError::Store`] if the device's rows were not loaded.
pub fn delete(store: &MlsStore, reference: &[u8]) -> Result<(), MlsError> {
    Ok(store.forget_key_package(reference)?)
}

/// The references of this device's packages that can still be joined with.
///
/// # Errors
/// [`MlsError::Store`] if the device's rows were not loaded.
pub fn references(store: &MlsStore) -> Result<Vec<Vec<u8>>, MlsError> {
    Ok(store.key_package_references()?)
}

/// The references of the packages that a Welcome is for; none if it is no Welcome.
pub fn references_of(welcome: &[u8]) -> Vec<Vec<u8>> {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome).map(MlsMessageIn::extract);
    let Ok(MlsMessageBodyIn::Welcome(welcome)) = message else { return Vec::new() };
    welcome.secrets().iter().map(|secrets| secrets.new_member().as_slice().to_vec()).collect()
}

/// A package whose signatures verify and that lists what every device lists. Whose it is, is not known yet.
#[derive(Debug, Clone)]
pub struct ParsedKeyPackage {
    /// Its cipher suite.
    pub suite: Suite,
    /// Its leaf; `index` is 0 and means nothing.
    pub leaf: Leaf,
    /// Its KeyPackageRef (RFC 9420 §5.2).
    pub reference: Vec<u8>,
    /// Whether it is a last-resort package.
    pub last_resort: bool,
    package: KeyPackage,
}

/// A package of the device with a verified certificate; can be added.
#[derive(Debug, Clone)]
pub struct VerifiedKeyPackage {
    pub(super) package: KeyPackage,
}

/// Parses and verifies a package: signatures, lifetime without bounds, suite, length of keys, extensions.
///
/// # Errors
/// [`MlsError::Malformed`], [`MlsError::KeyPackageInvalid`], [`MlsError::SuiteUnknown`].
pub fn parse_and_verify(bytes: &[u8]) -> Result<ParsedKeyPackage, MlsError> {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(|_| MlsError::Malformed)?;
    let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { return Err(MlsError::Malformed) };
    let store = MlsStore::new();
    let package =
        package.validate(store.crypto(), ProtocolVersion::Mls10).map_err(|_| MlsError::KeyPackageInvalid)?;
    let suite = parameters::suite(package.ciphersuite())?;
    let node = package.leaf_node();
    // A bounded lifetime would be judged by each member's own clock: some would merge the commit, some not.
    let listed = node.capabilities().extensions();
    let required = [ExtensionType::LastResort, ExtensionType::Unknown(SETTINGS_EXTENSION)];
    let suites = node.capabilities().ciphersuites();
    // openmls takes keys of any length here, and then cannot make the commit that adds the device.
    let length = parameters::public_key_length(suite);
    let encoded = VLBytes::new(vec![0; length]).tls_serialized_len();
    let fits = *package.life_time() == parameters::lifetime()
        && package.hpke_init_key().as_slice().len() == length
        && node.encryption_key().tls_serialized_len() == encoded
        && required.iter().all(|extension| listed.contains(extension))
        && Suite::ALL.iter().all(|suite| suites.contains(&parameters::ciphersuite(*suite).into()));
    if !fits {
        return Err(MlsError::KeyPackageInvalid);
    }
    let leaf = Leaf::of_node(0, node);
    let reference = package
        .hash_ref(store.crypto())
        .map_err(|_| MlsError::Broken("naming a KeyPackage"))?
        .as_slice()
        .to_vec();
    Ok(ParsedKeyPackage { suite, leaf, reference, last_resort: package.last_resort(), package })
}

impl ParsedKeyPackage {
    /// Binds the package to the verified certificate of its device.
    ///
    /// # Errors
    /// [`MlsError::CertificateMismatch`] if it is another's.
    pub fn verified(self, certificate: &DeviceCertificate) -> Result<VerifiedKeyPackage, MlsError> {
        if belongs(&self.leaf, certificate) {
            Ok(VerifiedKeyPackage { package: self.package })
        } else {
            Err(MlsError::CertificateMismatch)
        }
    }

    /// What a liar's client does: adds whom it likes. Nothing in a build without fault points.
    pub(crate) fn into_lie(self) -> Option<VerifiedKeyPackage> {
        fault::planted("member.add_uncertified").then_some(VerifiedKeyPackage { package: self.package })
    }

    /// What an attacker's client does: adds whom it likes.
    #[cfg(test)]
    pub(super) fn unchecked(self) -> VerifiedKeyPackage {
        VerifiedKeyPackage { package: self.package }
    }
}
