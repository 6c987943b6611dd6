//! What makes a home: founding an organisation, enrolling a device, restoring an administrator from the root's file; and its passcode.

use std::{path::Path, sync::Arc};

use wardline_identity::{Entropy, SystemClock, SystemEntropy};

use super::Failure;
use crate::session::{
    self, BackedUpRoot, Enrolled, Enrolment, Founded, Founding, Opening, PasscodeChange, Progress, Restored,
    Restoring, ShownRoot, Ways,
};
use crate::vault::{Passcode, Vault};

/// Founds an organisation: root, first issuer, the administrator's device, the relay's certificates.
///
/// Writes the recovery file (age, under the code in the answer) and the vault; the relay's bundle is in the answer,
/// the caller's to hand over.
///
/// # Errors
/// [`Failure`] of kind `Exists`, `Input` or `Disk`; nothing is left behind that a second try would trip over, except
/// a recovery file that was written already.
pub async fn found(founding: &Founding<'_>) -> Result<Founded, Failure> {
    session::found(founding).await.map_err(Failure::from)
}

/// Enrols a device with an invitation; returns when its certificate is in the vault. Interrupted, it goes on where it
/// stopped when called again with the same invitation and home.
///
/// # Errors
/// [`Failure`] of kind `Input` (not an invitation), `Unavailable`, `Untrusted`, `Refused` (spent, expired, withdrawn),
/// `Exists`, `Passcode` or `Disk`.
pub async fn enrol(
    enrolment: &Enrolment<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Enrolled, Failure> {
    session::enrol(enrolment, progress).await.map_err(Failure::from)
}

/// Restores an administrator from the root's file: a new issuer and device, and the lost issuers struck. Interrupted, it goes on
/// where it stopped when called again with the same file and home.
///
/// # Errors
/// [`Failure`] of kind `Input`, `Passcode` (the code or the passcode), `Exists` (the home is another device's), `Unavailable`,
/// `Untrusted`, `Unknown` (no such issuer), `Refused` or `Disk`.
pub async fn restore_root(restoring: &Restoring<'_>) -> Result<Restored, Failure> {
    session::restore(restoring).await.map_err(Failure::from)
}

/// Changes the passcode of a home's vault, with its relay. Nobody else may have the vault open.
///
/// # Errors
/// [`Failure`] as [`Client::open`](super::Client::open); with nothing changed, or, if only the relay's last answer was lost, with the new
/// passcode in force: exactly one of the two opens the vault.
pub async fn change_passcode(changing: &PasscodeChange<'_>) -> Result<(), Failure> {
    session::change_passcode(changing).await.map_err(Failure::from)
}

/// Opens a copy of a vault as a thief does who knows its passcode: its relay answers, and is not told that it is open. For whoever
/// examines what such a copy holds, as the demo does.
///
/// # Errors
/// As [`Client::open`](super::Client::open).
pub async fn open_copy(home: &Path, passcode: &Passcode) -> Result<Vault, Failure> {
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let ways = Ways::product(clock.clone());
    session::unseal_copy(&Opening { home, passcode, clock, entropy }, &ways).await.map_err(Failure::from)
}

/// Copies a recovery file under a new code, once it has opened.
///
/// # Errors
/// [`Failure`] of kind `Input`, `Passcode` (the code) or `Disk` (also for a file that is there).
pub fn back_up_root(file: (&Path, &str), out: &Path, entropy: &dyn Entropy) -> Result<BackedUpRoot, Failure> {
    session::back_up_root(file, out, entropy).map_err(Failure::from)
}

/// Looks at a recovery file.
///
/// # Errors
/// [`Failure`] of kind `Input` or `Passcode` (the code).
pub fn show_root(file: &Path, code: &str) -> Result<ShownRoot, Failure> {
    session::show_root(file, code).map_err(Failure::from)
}
