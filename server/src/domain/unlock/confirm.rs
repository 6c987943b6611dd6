//! A device says, from its opened vault, that it is open.

use wardline_proto::{DeviceId, PairId, TryId, fault::planted};

use super::{UnlockError, UnlockRefusal, UnlockStorage};

/// Forgives the tries of the pair that the vault was opened with, and destroys the device's other pairs.
///
/// # Errors
/// [`UnlockRefusal::Unknown`] for a pair or try that is not this device's last; [`UnlockRefusal::Older`].
pub async fn confirm<S: UnlockStorage>(
    storage: &mut S,
    device: DeviceId,
    (id, by): (PairId, TryId),
    generation: u64,
) -> Result<(), UnlockError> {
    let pair = storage.pair(id).await?.filter(|pair| pair.device == device);
    let pair = pair.ok_or(UnlockRefusal::Unknown)?;
    // The answer was lost: the same again.
    if pair.confirmed == Some(by) && pair.generation == generation {
        return Ok(());
    }
    if pair.last.is_none_or(|last| last.id != by) && !planted("mutant.any_try_confirms") {
        return Err(UnlockRefusal::Unknown.into());
    }
    let last = storage.generation(device).await?;
    if generation <= last && !planted("mutant.older_vaults") {
        return Err(UnlockRefusal::Older { generation: last }.into());
    }
    Ok(storage.open_pair(&pair, by, generation).await?)
}
