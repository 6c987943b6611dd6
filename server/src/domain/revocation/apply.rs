//! What an act does at the relay (design 4.4.1, 4.4.3, 4.4.6).

use wardline_identity::{RevocationAct, RevocationKind};
use wardline_proto::{ConversationId, UtcMillis, fault};

use super::RevocationStorage;
use crate::store::StoreError;

/// Raises or lowers the fences of an act of the list with this number; gives the conversations that it concerns, ascending. A
/// device that is put out waits for no certificate any more.
pub(super) async fn fences<S: RevocationStorage>(
    storage: &mut S,
    list_number: u64,
    act: &RevocationAct,
    now: UtcMillis,
) -> Result<Vec<ConversationId>, StoreError> {
    if act.kind != RevocationKind::Reinstated && !fault::planted("mutant.renewal_outlives") {
        storage.drop_renewal(act.device).await?;
    }
    match act.kind {
        RevocationKind::Revoked | RevocationKind::Held if fault::planted("mutant.fence_later") => {
            Ok(Vec::new())
        }
        RevocationKind::Revoked | RevocationKind::Held => {
            storage.raise_fences(act.device, list_number, now).await
        }
        RevocationKind::Reinstated => storage.lower_fences(act.device, now).await,
    }
}

/// Ends the conversations of an act's device in which all are revoked: nobody is left who could speak there, or take anybody
/// out. One with a device on hold waits for it.
pub(super) async fn abandon<S: RevocationStorage>(
    storage: &mut S,
    act: &RevocationAct,
    now: UtcMillis,
) -> Result<(), StoreError> {
    for conversation in storage.enclosed(act.device).await? {
        let mut all = true;
        for device in storage.roster(conversation).await? {
            all &= storage.is_ended(device).await? || fault::planted("mutant.held_close");
        }
        if !all {
            continue;
        }
        let closed = storage.closure(conversation).await?.is_some();
        storage.abandon(conversation, now).await?;
        if !closed {
            for task in storage.tasks(conversation).await? {
                storage.drop_task(conversation, &task.kind).await?;
            }
        }
    }
    Ok(())
}
