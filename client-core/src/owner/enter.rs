//! Entering a home: as its owner if there is none, else through the one there is.

use std::{path::Path, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

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

/// Has whoever owns a home close its vault and end, if anybody does; answers whether somebody did. Nobody has it open when this returns.
///
/// # Errors
/// [`Failure`] of kind `Disk`; `Busy` as [`enter`].
pub async fn lock(home: &Path) -> Result<bool, Failure> {
    let mut was_open = false;
    let until = Instant::now() + PATIENCE;
    loop {
        match enter(home).await? {
            Entered::Owner(_) => return Ok(was_open),
            Entered::Caller(mut caller) => match timeout_at(until, caller.lock()).await {
                Ok(told) => told?,
                Err(_) => return Err(busy("It was told to close the vault, and has not for a minute.")),
            },
        }
        was_open = true;
        sleep(LOOK).await;
    }
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
            return Err(busy("It has not finished for a minute."));
        }
        sleep(LOOK).await;
    }
}

fn busy(why: &str) -> Failure {
    Failure::new(
        FailureKind::Busy,
        "Another Wardline process is using this home.",
        why,
        "Wait for it, or end it; owner.lock in the home names its process.",
    )
}
