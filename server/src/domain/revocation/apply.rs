//! What an act does at the relay (design 4.4.1, 4.4.6).

use wardline_identity::{RevocationAct, RevocationKind};
use wardline_proto::{ConversationId, UtcMillis};

use super::RevocationStorage;
use crate::store::StoreError;

/// Carries out an act; gives the conversations that it concerns, ascending.
pub(super) async fn apply<S: RevocationStorage>(
    storage: &mut S,
    act: &RevocationAct,
    now: UtcMillis,
) -> Result<Vec<ConversationId>, StoreError> {
    match act.kind {
        RevocationKind::Revoked => {
            storage.end_device(act.device, now).await?;
            storage.raise_fences(act.device).await
        }
        RevocationKind::Held => storage.raise_fences(act.device).await,
        RevocationKind::Reinstated => storage.lower_fences(act.device).await,
    }
}
