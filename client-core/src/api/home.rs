//! What makes a home: founding an organisation, enrolling a device.

use super::Failure;
use crate::session::{self, Enrolled, Enrolment, Founded, Founding, Progress};

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
