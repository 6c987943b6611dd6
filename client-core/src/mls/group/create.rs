//! Making a group with ourselves as its only member.

use openmls::prelude::{MlsGroup, NewGroupError};
use wardline_proto::content::ConversationSettings;
use wardline_proto::{ConversationId, Suite};

use super::state::{Group, group_id, load};
use crate::mls::{Identity, MlsError, MlsStore, parameters};

/// Makes the group of a conversation, in epoch 0, with this device in it.
///
/// # Errors
/// [`MlsError::Exists`], [`MlsError::Store`] if the conversation's rows were not loaded,
/// [`MlsError::Broken`].
pub fn create(
    store: &MlsStore,
    identity: &Identity<'_>,
    suite: Suite,
    conversation: ConversationId,
    settings: &ConversationSettings,
) -> Result<Group, MlsError> {
    store.require_conversation(conversation)?;
    MlsGroup::new_with_group_id(
        store,
        &identity.signer(),
        &parameters::create_config(suite, settings)?,
        group_id(conversation),
        identity.credential()?,
    )
    .map_err(|error| match error {
        NewGroupError::GroupAlreadyExists => MlsError::Exists,
        NewGroupError::StorageError(error) => error.into(),
        _ => MlsError::Broken("making a group"),
    })?;
    // Loaded again from the overlay: openmls gives a creator 32 past resumption PSKs, the overlay keeps none.
    load(store, conversation)?.ok_or(MlsError::Broken("loading a new group"))
}
