//! Encrypting an application message.

use openmls::prelude::CreateMessageError;
use openmls::prelude::MlsGroupStateError;

use super::Group;
use crate::mls::{Identity, MlsError, MlsStore};

impl Group {
    /// Encrypts `plaintext` for the members of this epoch, with `aad` in the clear but authenticated. Gives
    /// an MLSMessage, padded to steps of 256 bytes. Uses up one key of our ratchet: write the store together
    /// with the message before it is sent, and never encrypt on a state that was rolled back after sending.
    ///
    /// Allowed while a commit of ours is pending: the message is of the old epoch.
    ///
    /// # Errors
    /// [`MlsError::NotActive`], [`MlsError::IdentityMismatch`], [`MlsError::Store`], [`MlsError::Broken`].
    pub fn encrypt(
        &mut self,
        store: &MlsStore,
        identity: &Identity<'_>,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, MlsError> {
        self.require_active()?;
        self.require_own(identity)?;
        store.require_conversation(self.conversation())?;
        self.mls.set_aad(aad.to_vec());
        let message = self.mls.create_message(store, &identity.signer(), plaintext);
        self.mls.set_aad(Vec::new());
        message
            .map_err(|error| match error {
                CreateMessageError::GroupStateError(MlsGroupStateError::UseAfterEviction) => {
                    MlsError::NotActive
                }
                _ => MlsError::Broken("encrypting a message"),
            })?
            .to_bytes()
            .map_err(|_| MlsError::Broken("encoding a message"))
    }
}
