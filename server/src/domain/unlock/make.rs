//! Making a pair for a device.

use wardline_identity::{OprfKey, PublicKey};
use wardline_proto::{DeviceId, PairId, UtcMillis};

use super::{UnlockError, UnlockRefusal, UnlockStorage};

/// What a device asks for, and the key that the relay drew for it.
pub struct NewPair {
    /// Chosen by the device.
    pub id: PairId,
    /// What tries will be signed with.
    pub unlock_key: PublicKey,
    /// The relay's key.
    pub key: OprfKey,
}

/// Keeps a new pair; answers the public key of the one under this id, which may be of an earlier call.
///
/// # Errors
/// [`UnlockRefusal::Exists`] if the id has another unlock key or is another device's.
pub async fn make<S: UnlockStorage>(
    storage: &mut S,
    device: DeviceId,
    asked: &NewPair,
    now: UtcMillis,
) -> Result<[u8; 32], UnlockError> {
    let public = |key: &OprfKey| key.public().map_err(UnlockRefusal::Oprf);
    if let Some(pair) = storage.pair(asked.id).await? {
        if pair.device != device || pair.unlock_key != asked.unlock_key {
            return Err(UnlockRefusal::Exists.into());
        }
        return Ok(public(&pair.key)?);
    }
    if storage.closed(asked.id).await?.is_some() {
        return Err(UnlockRefusal::Closed.into());
    }
    let generation = storage.generation(device).await?;
    storage.keep_pair(asked.id, device, (&asked.unlock_key, &asked.key), (generation, now)).await?;
    Ok(public(&asked.key)?)
}
