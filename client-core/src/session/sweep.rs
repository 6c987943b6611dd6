//! Deleting what has passed its retention: keys before rows, rows before the write-ahead log (design 4.6).
//!
//! It can be cut anywhere: a key that is gone opens nothing whatever became of its rows, and rows that are over go with the next pass.

use std::time::Duration;

use wardline_proto::{Period, UtcMillis, fault::planted};

use super::Session;
use crate::{
    conversation::Core,
    error::CoreError,
    vault::tables::{intents, messages, recalled, retention_time, sealed_messages, sent_again},
};

/// How long at most between two looks whether something is over.
const LOOK: Duration = Duration::from_secs(60);

/// Deletes what is over by the time that counts here, and stores that time; says which it was.
pub(super) async fn sweep(core: &mut Core) -> Result<UtcMillis, CoreError> {
    let now = core.retention_now();
    // 1. The time first: whatever clocks say later, nothing of before it comes back.
    let mut tx = core.vault.begin("reach_retention_time").await?;
    retention_time::store(&mut tx, &core.retention.row(&*core.clock)).await?;
    tx.commit().await?;

    // 2. The keys.
    if core.vault.has_period_over(now) {
        // What fails from here on is tried again.
        core.vault.owe_checkpoint();
    }
    core.vault.destroy_period_keys(now, &*core.entropy)?;

    // 3. What they opened, and what goes with it.
    let mut tx = core.vault.begin("sweep").await?;
    let deleted = messages::sweep(&mut tx, now).await?;
    sent_again::sweep(&mut tx).await?;
    recalled::sweep(&mut tx, now).await?;
    intents::prune(&mut tx, now).await?;
    let owed = deleted > 0 || core.vault.owes_checkpoint();
    let sealed = if owed { Some(sealed_messages::sealed_in(&mut tx).await?) } else { None };
    tx.commit().await?;
    if let Some(sealed) = sealed {
        core.vault.owe_checkpoint();
        core.vault.forget_conversation_keys(&sealed, &*core.entropy)?;
        core.vault.checkpoint().await?;
    }
    Ok(now)
}

impl Session {
    /// Deletes what is over.
    pub(super) async fn sweep(&self) -> Result<(), CoreError> {
        sweep(&mut *self.core().await).await.map(drop)
    }

    /// Deletes what is over as soon as it is, connected or not, for as long as it is polled.
    pub(crate) async fn keep_swept(&self) {
        loop {
            tokio::time::sleep(self.until_next().await).await;
            if planted("mutant.swept_when_asked") {
                std::future::pending::<()>().await;
            }
            if !self.sweep_due().await {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Deletes what is over, if anything is. Where that fails nothing of it is shown any more all the same, and it is tried again.
    pub(crate) async fn sweep_due(&self) -> bool {
        let mut core = self.core().await;
        let now = core.retention_now();
        if !core.vault.has_period_over(now) && !core.vault.owes_checkpoint() {
            return true;
        }
        let swept = sweep(&mut core).await;
        if let Err(error) = &swept {
            tracing::warn!(%error, "what is over was not deleted");
        }
        swept.is_ok()
    }

    async fn until_next(&self) -> Duration {
        let core = self.core().await;
        let now = core.retention_now();
        let left = |period: &Period| Duration::from_millis(period.end().get().saturating_sub(now.get()));
        core.vault.periods().first().map_or(LOOK, left).min(LOOK)
    }
}
