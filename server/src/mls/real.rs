//! For tests: KeyPackages, Welcomes and messages as openmls makes them.

use bytes::Bytes;
use openmls::prelude::*;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::{
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use tls_codec::{Serialize as _, VLBytes};
use wardline_identity::SigningKey;
use wardline_proto::{ConversationId, Suite};

use super::SETTINGS_EXTENSION;

/// A device's leaf.
pub(crate) struct Leaf<'a> {
    pub(crate) key: &'a SigningKey,
    pub(crate) certificate: &'a [u8],
}

impl Signer for Leaf<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.key.sign_raw(payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

fn ciphersuite(suite: Suite) -> Ciphersuite {
    Ciphersuite::try_from(suite.code()).unwrap()
}

/// What every leaf of Wardline lists.
pub(crate) fn capabilities() -> Capabilities {
    let suites = Suite::ALL.map(ciphersuite);
    let extensions = [ExtensionType::LastResort, ExtensionType::Unknown(SETTINGS_EXTENSION)];
    Capabilities::new(None, Some(&suites), Some(&extensions), None, Some(&[CredentialType::X509]))
}

fn credential(leaf: &Leaf<'_>) -> CredentialWithKey {
    let content = VLBytes::new(leaf.certificate.to_vec()).tls_serialize_detached().unwrap();
    CredentialWithKey {
        credential: Credential::new(CredentialType::X509, content),
        signature_key: leaf.key.public().as_bytes().to_vec().into(),
    }
}

fn build(leaf: &Leaf<'_>, suite: Suite, last_resort: bool, capabilities: Capabilities) -> KeyPackage {
    let builder = KeyPackage::builder()
        .leaf_node_capabilities(capabilities)
        .key_package_lifetime(Lifetime::init(0, u64::MAX));
    let builder = if last_resort { builder.mark_as_last_resort() } else { builder };
    let provider = OpenMlsRustCrypto::default();
    builder.build(ciphersuite(suite), &provider, leaf, credential(leaf)).unwrap().into_key_package()
}

/// A KeyPackage as an MLSMessage.
pub(crate) fn key_package(leaf: &Leaf<'_>, suite: Suite, last_resort: bool) -> Bytes {
    key_package_with(leaf, suite, last_resort, capabilities())
}

/// A KeyPackage that lists these capabilities.
pub(crate) fn key_package_with(
    leaf: &Leaf<'_>,
    suite: Suite,
    last_resort: bool,
    capabilities: Capabilities,
) -> Bytes {
    let package = build(leaf, suite, last_resort, capabilities);
    MlsMessageOut::from(package).tls_serialize_detached().unwrap().into()
}

/// The same one-time package with another init key, leaf encryption key or bounded lifetime, signed anew by its
/// own key: what openmls itself has nothing against.
pub(crate) fn tampered(leaf: &Leaf<'_>, package: &[u8], change: Change) -> Bytes {
    // MLSMessage { mls10, mls_key_package } KeyPackage { mls10, suite, init_key, leaf_node, [], signature }
    let (head, rest) = package.split_at(8);
    let (init_key, rest) = split_vector(rest);
    let (encryption_key, rest) = split_vector(rest);
    // The leaf's signature, no extensions, the package's signature.
    let inside = &rest[..rest.len() - 2 * SIGNATURE_VECTOR - 1];
    let (init_key, encryption_key, inside) = match change {
        Change::InitKey(length) => (vec![9; length], encryption_key.to_vec(), inside.to_vec()),
        Change::EncryptionKey(length) => (init_key.to_vec(), vec![9; length], inside.to_vec()),
        Change::Lifetime => {
            // Lifetime { not_before, not_after } ends before the leaf's extensions, of which there are none.
            let mut inside = inside.to_vec();
            let end = inside.len() - 1;
            inside[end - 8..end].copy_from_slice(&(u64::MAX - 1).to_be_bytes());
            (init_key.to_vec(), encryption_key.to_vec(), inside)
        }
    };
    let vector = |bytes: &[u8]| VLBytes::new(bytes.to_vec()).tls_serialize_detached().unwrap();
    let sign = |label: &str, content: &[u8]| {
        let labelled = [vector(format!("MLS 1.0 {label}").as_bytes()), vector(content)].concat();
        vector(&leaf.key.sign_raw(&labelled))
    };
    let node = [vector(&encryption_key), inside].concat();
    let node = [&node[..], &sign("LeafNodeTBS", &node)].concat();
    let body = [&head[4..], &vector(&init_key), &node, &[0]].concat();
    [&head[..4], &body, &sign("KeyPackageTBS", &body)].concat().into()
}

/// What [`tampered`] changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// To one of so many bytes.
    InitKey(usize),
    /// To one of so many bytes.
    EncryptionKey(usize),
    /// To one that ends.
    Lifetime,
}

fn split_vector(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (header, length) = match bytes[0] >> 6 {
        0 => (1, usize::from(bytes[0])),
        _ => (2, usize::from(u16::from_be_bytes([bytes[0] & 0x3f, bytes[1]]))),
    };
    bytes[header..].split_at(length)
}

/// An Ed25519 signature as `opaque<V>`.
const SIGNATURE_VECTOR: usize = 2 + 64;

/// One group's traffic.
pub(crate) struct Traffic {
    pub(crate) commit: Vec<u8>,
    pub(crate) welcome: Vec<u8>,
    pub(crate) message: Vec<u8>,
    /// The added package's reference.
    pub(crate) reference: Vec<u8>,
}

/// A group of `creator` that adds `joiner`, with "data" as authenticated data throughout.
pub(crate) fn traffic(creator: &Leaf<'_>, joiner: &Leaf<'_>, suite: Suite, id: ConversationId) -> Traffic {
    let provider = OpenMlsRustCrypto::default();
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(ciphersuite(suite))
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(256)
        .capabilities(capabilities())
        .use_ratchet_tree_extension(true)
        .build();
    let group_id = GroupId::from_slice(id.as_bytes());
    let mut group =
        MlsGroup::new_with_group_id(&provider, creator, &config, group_id, credential(creator)).unwrap();
    let package = build(joiner, suite, false, capabilities());
    let reference = package.hash_ref(provider.crypto()).unwrap().as_slice().to_vec();
    group.set_aad(b"data".to_vec());
    let (commit, welcome, _) = group.add_members(&provider, creator, &[package]).unwrap();
    group.merge_pending_commit(&provider).unwrap();
    group.set_aad(b"data".to_vec());
    let message = group.create_message(&provider, creator, b"bed 4 moved").unwrap();
    let bytes = |out: MlsMessageOut| out.tls_serialize_detached().unwrap();
    Traffic { commit: bytes(commit), welcome: bytes(welcome), message: bytes(message), reference }
}
