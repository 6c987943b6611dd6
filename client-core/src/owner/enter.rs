//! Entering a home: as its owner if there is none, else through the one there is.

use std::{path::Path, time::Duration};

use tokio::time::{Instant, sleep};

use super::{call::Caller, lock::Ownership};
use crate::api::{Failure, FailureKind};

/// How long to wait for an owner that does not listen: a short command on the same home.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look.
const LOOK: Duration = Duration::from_millis(20);

/// How this process is in a home.
pub enum Entered {
    /// It owns it.
    Owner(Ownership),
    /// Another owns it and listens.
    Caller(Caller),
}

/// Enters a home.
///
/// # Errors
/// [`Failure`] of kind `Disk`; `Busy` if another process owns it and does not listen for a minute.
pub async fn enter(home: &Path) -> Result<Entered, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(ownership) = Ownership::take(home)? {
            return Ok(Entered::Owner(ownership));
        }
        if let Some(caller) = Caller::connect(home).await {
            return Ok(Entered::Caller(caller));
        }
        if Instant::now() >= until {
            return Err(Failure::new(
                FailureKind::Busy,
                "Another Wardline process is using this home.",
                "It has not finished for a minute.",
                "Wait for it, or end it; owner.lock in the home names its process.",
            ));
        }
        sleep(LOOK).await;
    }
}
