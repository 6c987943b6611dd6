//! What a closed vault says without its passcode: whose it is, and how many tries are left.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::vault::SealedVault;

/// A closed vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedStatus {
    /// "closed".
    pub state: String,
    /// The user id.
    pub user: String,
    /// The device.
    pub device: String,
    /// SHA-256 of the organisation's root certificate.
    pub root: String,
    /// Where the relay is.
    pub relay: Vec<String>,
    /// How many tries the relay left when it said so last; absent if none was wrong since the vault was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u8>,
}

/// Looks at the vault of a home, and opens nothing. It is what is on this disk: the relay is not asked.
///
/// # Errors
/// [`Failure`] of kind `NoVault` (also for one whose enrolment was not finished) or `Disk`.
pub fn closed_status(home: &Path) -> Result<ClosedStatus, Failure> {
    let (pair, tries_left) = SealedVault::look(home)?;
    Ok(ClosedStatus {
        state: "closed".to_owned(),
        user: pair.owner.user.clone(),
        device: pair.owner.device.to_string(),
        root: pair.root.to_string(),
        relay: pair.addresses.clone(),
        tries_left,
    })
}
