//! With which of its keys a device speaks: in a conversation with the key of its leaf there, which may be one that was followed
//! by another since (design 4.2); everywhere else with its newest.

use std::fmt;

use prost::Message;
use wardline_identity::{DeviceCertificate, SigningKey, StatementLabel, sign_statement};
use wardline_proto::{ConversationId, UtcMillis, fault::planted, relay::SignedStatement};

use super::core::{Core, Device};
use crate::{
    error::CoreError,
    mls::{Group, Identity},
};

/// A key of this device that was followed by another, and is still in use.
pub(crate) struct EarlierKey {
    /// The key.
    pub key: SigningKey,
    /// Its certificate, verified.
    pub certificate: DeviceCertificate,
    /// Since when another is the newest.
    pub since: UtcMillis,
}

/// One of this device's keys, with its certificate.
#[derive(Clone, Copy)]
pub(crate) struct Voice<'a> {
    key: &'a SigningKey,
    /// The certificate.
    pub certificate: &'a DeviceCertificate,
}

impl fmt::Debug for Voice<'_> {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice").field("certificate", self.certificate).finish_non_exhaustive()
    }
}

impl<'a> Voice<'a> {
    /// What signs as its leaf.
    pub(crate) fn identity(&self) -> Identity<'a> {
        Identity { key: self.key, certificate_der: self.certificate.der() }
    }

    /// Says something under this key.
    pub(crate) fn sign(&self, label: StatementLabel, message: &impl Message) -> SignedStatement {
        sign_statement(self.key, label, message, Some(self.certificate.der()))
    }
}

impl Device {
    /// Its newest key.
    pub(crate) fn newest(&self) -> Voice<'_> {
        Voice { key: &self.key, certificate: &self.certificate }
    }

    /// All its keys, the oldest first.
    pub(crate) fn voices(&self) -> impl Iterator<Item = Voice<'_>> {
        let earlier = self.earlier.iter().map(|one| Voice { key: &one.key, certificate: &one.certificate });
        earlier.chain([self.newest()])
    }

    /// The key of its leaf in a group; without a group its newest.
    pub(crate) fn voice_in(&self, group: Option<&Group>) -> Voice<'_> {
        let leaf = group.and_then(Group::own_key).filter(|_| !planted("mutant.newest_voice"));
        let of_leaf =
            |earlier: &&EarlierKey| leaf.is_some_and(|leaf| leaf == *earlier.key.public().as_bytes());
        let earlier = self.earlier.iter().find(of_leaf);
        earlier.map_or_else(
            || self.newest(),
            |earlier| Voice { key: &earlier.key, certificate: &earlier.certificate },
        )
    }

    /// Its newest key, where its leaf in a group is of an earlier one: the next commit takes the leaf along.
    pub(crate) fn next_voice(&self, group: &Group) -> Option<Voice<'_>> {
        let now = self.voice_in(Some(group)).certificate.fingerprint();
        Some(self.newest()).filter(|newest| newest.certificate.fingerprint() != now)
    }
}

impl Core {
    /// The key that this device speaks with in a conversation, whether or not the group is in memory.
    pub(crate) async fn voice_there(
        &mut self,
        conversation: &ConversationId,
    ) -> Result<Voice<'_>, CoreError> {
        if !planted("mutant.voice_unread") {
            self.load_group(conversation).await?;
        }
        Ok(self.voice(conversation))
    }

    /// The same; its newest, where the group is not in memory.
    pub(crate) fn voice(&self, conversation: &ConversationId) -> Voice<'_> {
        self.device.voice_in(self.groups.get(conversation))
    }
}
