//! The relay asks whether a commit has removed devices: who has merged it says so, all others stay silent.

use std::sync::Arc;

use wardline_proto::{
    ConversationId,
    relay::{ConfirmRemoval, ConfirmRemovalRequest},
};

use super::Session;
use crate::{
    conversation,
    error::CoreError,
    relay::{Relay, RelayError},
};

/// Confirms a removal, if this device can.
pub(crate) async fn confirm(
    session: &Session,
    relay: &Arc<dyn Relay>,
    log: &ConversationId,
    asked: &ConfirmRemoval,
) -> Result<(), CoreError> {
    let said = conversation::confirmation(&mut *session.core().await, log, asked).await?;
    let Some(confirmation) = said else { return Ok(()) };
    match relay.confirm_removal(ConfirmRemovalRequest { confirmation: Some(confirmation) }).await {
        Ok(_) => Ok(()),
        // Somebody else was first, or the relay is busy: it asks others.
        Err(error @ RelayError::Refused { .. }) => {
            tracing::info!(%error, "a confirmation was not taken");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
