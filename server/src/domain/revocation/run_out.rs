//! Holds that have run out: from its end a hold counts as revoked, without a further act (design 4.4.6).
//!
//! Whom a hold names is out anyway, by memory and by its fences. What is done here is for good: a clock that is ahead must not
//! do it, so the job that calls this believes its clock first, and nothing else takes a hold for a revocation on disk.

use wardline_proto::{DeviceId, UtcMillis};

use super::RevocationStorage;
use super::apply::abandon;
use crate::store::StoreError;

/// Ends the devices whose hold has run out; gives them.
///
/// # Errors
/// Only those of the store.
pub async fn run_out<S: RevocationStorage>(
    storage: &mut S,
    now: UtcMillis,
) -> Result<Vec<DeviceId>, StoreError> {
    let mut ended = Vec::new();
    for (number, hold) in storage.holds().await? {
        if hold.ends_at() <= now {
            storage.end_device(hold.device, now).await?;
            storage.end_hold(number, now).await?;
            abandon(storage, &hold, now).await?;
            ended.push(hold.device);
        }
    }
    Ok(ended)
}
