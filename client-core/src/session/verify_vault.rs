//! Looking at a vault for what should not be there any more: its tables, the file of its keys as it is on the disk, its write-ahead log.

use super::{Session, sweep::sweep};
use crate::{
    api::{LeftOver, VaultVerified, rfc3339},
    error::CoreError,
    vault::tables::sealed_messages::{self, Census},
};

/// Deletes what is over, and looks at what is left.
pub(crate) async fn verify_vault(session: &Session) -> Result<VaultVerified, CoreError> {
    let mut core = session.core().await;
    let now = sweep(&mut core).await?;
    core.vault.checkpoint().await?;
    let mut tx = core.vault.begin("verify_vault").await?;
    let Census { held, unreadable, over } = sealed_messages::census(&mut tx, now).await?;
    tx.commit().await?;
    let (known, stored) = (core.vault.periods(), core.vault.stored_periods()?);
    let ended = known.iter().chain(&stored).filter(|period| period.is_over(now)).count();
    let log_bytes = core.vault.log_bytes()?;
    let left = LeftOver { messages: over, keys: ended as u64, log_bytes };
    Ok(VaultVerified {
        time: rfc3339(now),
        messages: held,
        unreadable,
        periods: stored.len() as u64,
        next: stored.iter().find(|period| !period.is_over(now)).map(|period| rfc3339(period.end())),
        left,
        gone: left == LeftOver::default(),
    })
}
