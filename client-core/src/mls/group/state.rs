//! What a group is: its reading side, loading and deleting it.

use std::fmt;

use openmls::prelude::{GroupId, MlsGroup};
use openmls_traits::OpenMlsProvider as _;
use wardline_proto::content::ConversationSettings;
use wardline_proto::{ConversationId, Epoch, Suite};

use crate::mls::{Identity, Leaf, MlsError, MlsStore, parameters};

/// A group in memory. It is ahead of the vault between a call that changes it and the store's transaction.
pub struct Group {
    pub(super) mls: MlsGroup,
    conversation: ConversationId,
    suite: Suite,
}

/// Loads a group from the store; `None` if this device has none of that id.
///
/// # Errors
/// [`MlsError::Store`] if the conversation's rows were not loaded or cannot be read.
pub fn load(store: &MlsStore, conversation: ConversationId) -> Result<Option<Group>, MlsError> {
    let mls = MlsGroup::load(store.storage(), &group_id(conversation))?;
    mls.map(|mls| Group::new(mls, conversation)).transpose()
}

impl Group {
    pub(super) fn new(mls: MlsGroup, conversation: ConversationId) -> Result<Self, MlsError> {
        let suite = parameters::suite(mls.ciphersuite())?;
        Ok(Self { mls, conversation, suite })
    }

    /// The conversation; also the MLS group id.
    #[must_use]
    pub const fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// The epoch we are in.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch::new(self.mls.epoch().as_u64())
    }

    /// The cipher suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The settings in force. Empty ones (number 0, no keepers) if a commit made them unreadable.
    #[must_use]
    pub fn settings(&self) -> ConversationSettings {
        parameters::settings(self.mls.public_group().group_context()).unwrap_or_default()
    }

    /// Whether the group's extensions are readable settings and nothing of which we do not know.
    #[must_use]
    pub fn context_is_ours(&self) -> bool {
        parameters::is_ours(self.mls.public_group().group_context())
    }

    /// All members, in the order of the tree.
    #[must_use]
    pub fn roster(&self) -> Vec<Leaf> {
        self.mls.members().map(|member| Leaf::of_member(&member)).collect()
    }

    /// Our own leaf's place in the tree.
    #[must_use]
    pub fn own_index(&self) -> u32 {
        self.mls.own_leaf_index().u32()
    }

    /// The key that our leaf has; `None` where this device is not in any more.
    #[must_use]
    pub fn own_key(&self) -> Option<[u8; 32]> {
        let leaf = self.mls.own_leaf_node().filter(|_| self.is_active())?;
        Some(Leaf::of_node(self.own_index(), leaf).signature_key)
    }

    /// Whether this device is in the group; false after a merged commit removed it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.mls.is_active()
    }

    /// Whether a commit of ours waits for the relay's word.
    #[must_use]
    pub fn pending_commit(&self) -> bool {
        self.mls.pending_commit().is_some()
    }

    /// Deletes the group: every row of it, also those openmls forgets (the keys of the last epoch).
    ///
    /// # Errors
    /// [`MlsError::Store`] if the conversation's rows were not loaded.
    pub fn delete(self, store: &MlsStore) -> Result<(), MlsError> {
        delete(store, self.conversation)
    }

    /// openmls' group, for tests that look deeper or do what no client of ours does.
    #[cfg(test)]
    pub(in crate::mls) const fn mls_for_tests(&self) -> &MlsGroup {
        &self.mls
    }

    /// The same, to change it.
    #[cfg(test)]
    pub(in crate::mls) const fn mls_mut_for_tests(&mut self) -> &mut MlsGroup {
        &mut self.mls
    }

    pub(super) fn require_active(&self) -> Result<(), MlsError> {
        if self.is_active() { Ok(()) } else { Err(MlsError::NotActive) }
    }

    /// Signing with another key than our leaf's would make messages nobody accepts.
    pub(super) fn require_own(&self, identity: &Identity<'_>) -> Result<(), MlsError> {
        let leaf = self.mls.own_leaf_node().ok_or(MlsError::NotActive)?;
        let same = Leaf::of_node(self.own_index(), leaf).signature_key == *identity.key.public().as_bytes();
        if same { Ok(()) } else { Err(MlsError::IdentityMismatch) }
    }
}

/// Deletes every row of a conversation's group, readable or not.
///
/// # Errors
/// [`MlsError::Store`] if the conversation's rows were not loaded.
pub fn delete(store: &MlsStore, conversation: ConversationId) -> Result<(), MlsError> {
    Ok(store.purge(conversation)?)
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("conversation", &self.conversation)
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}

pub(super) fn group_id(conversation: ConversationId) -> GroupId {
    GroupId::from_slice(conversation.as_bytes())
}
