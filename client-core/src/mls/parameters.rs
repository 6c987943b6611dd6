//! What every group and KeyPackage of ours has in common. Changing a value here changes the protocol.
//!
//! Handshakes are encrypted, past epochs are not kept, and a message can be opened only in the relay's order:
//! the relay orders, so windows are needless and keys go at once.

use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialType, Extension, ExtensionType, Extensions, GroupContext, Lifetime,
    MlsGroupCreateConfig, MlsGroupJoinConfig, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
    RequiredCapabilitiesExtension, SenderRatchetConfiguration, UnknownExtension,
};
use prost::Message as _;
use wardline_proto::Suite;
use wardline_proto::content::ConversationSettings;

use super::MlsError;

pub(super) fn ciphersuite(suite: Suite) -> Ciphersuite {
    match suite {
        Suite::MlKem768X25519 => Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
        Suite::X25519 => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
    }
}

pub(super) fn suite(ciphersuite: Ciphersuite) -> Result<Suite, MlsError> {
    Suite::from_code(u32::from(u16::from(ciphersuite))).ok_or(MlsError::SuiteUnknown)
}

/// How long the suite's HPKE public keys are: X-Wing is ML-KEM-768 beside X25519.
pub(super) const fn public_key_length(suite: Suite) -> usize {
    match suite {
        Suite::MlKem768X25519 => 1_184 + 32,
        Suite::X25519 => 32,
    }
}

/// What every leaf lists, from the first release: x509, last_resort, the settings, both suites.
pub(super) fn capabilities() -> Capabilities {
    let suites = Suite::ALL.map(ciphersuite);
    let extensions = [ExtensionType::LastResort, ExtensionType::Unknown(SETTINGS_EXTENSION)];
    Capabilities::new(None, Some(&suites), Some(&extensions), None, Some(&[CredentialType::X509]))
}

/// Unbounded: openmls checks it by the system clock of every receiver, also weeks later. Certificates carry
/// the dates.
pub(super) fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

pub(super) fn create_config(
    suite: Suite,
    settings: &ConversationSettings,
) -> Result<MlsGroupCreateConfig, MlsError> {
    Ok(MlsGroupCreateConfig::builder()
        .ciphersuite(ciphersuite(suite))
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING_BYTES)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .sender_ratchet_configuration(ratchet())
        .use_ratchet_tree_extension(true)
        .lifetime(lifetime())
        .capabilities(capabilities())
        .with_group_context_extensions(context_extensions(settings)?)
        .build())
}

pub(super) fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING_BYTES)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .sender_ratchet_configuration(ratchet())
        .use_ratchet_tree_extension(true)
        .build()
}

/// The GroupContext's extensions: the settings, and that every member must know them.
pub(super) fn context_extensions(
    settings: &ConversationSettings,
) -> Result<Extensions<GroupContext>, MlsError> {
    let required = RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(SETTINGS_EXTENSION)],
        &[],
        &[CredentialType::X509],
    );
    Extensions::from_vec(vec![
        Extension::RequiredCapabilities(required),
        Extension::Unknown(SETTINGS_EXTENSION, UnknownExtension(settings.encode_to_vec())),
    ])
    .map_err(|_| MlsError::Broken("building the group's extensions"))
}

/// The settings in a GroupContext; `None` if they are missing or malformed.
pub(super) fn settings(context: &GroupContext) -> Option<ConversationSettings> {
    let extension = context.extensions().unknown(SETTINGS_EXTENSION)?;
    ConversationSettings::decode(extension.0.as_slice()).ok()
}

/// Whether a GroupContext has exactly the extensions that ours have: settings and the requirement, no
/// external senders.
pub(super) fn is_ours(context: &GroupContext) -> bool {
    let Some(settings) = settings(context) else { return false };
    context_extensions(&settings).is_ok_and(|ours| {
        let requirement = ours.required_capabilities();
        context.extensions().iter().count() == ours.iter().count()
            && context.extensions().required_capabilities() == requirement
    })
}

fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER_MESSAGES, FORWARD_MESSAGES)
}

/// ConversationSettings in the GroupContext; private range of RFC 9420 §17.3.
pub(super) const SETTINGS_EXTENSION: u16 = 0xF057;
/// LogPosition in a Welcome's GroupInfo.
pub(super) const POSITION_EXTENSION: u16 = 0xF058;
/// Messages come in steps of this size: short texts look alike.
const PADDING_BYTES: usize = 256;
/// The relay orders: no key is kept for a message that was passed over.
const OUT_OF_ORDER_MESSAGES: u32 = 0;
/// Twice what the relay lets a device send in one epoch.
const FORWARD_MESSAGES: u32 = 4096;
