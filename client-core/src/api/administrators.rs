//! Administrators: whose issuers there are, who asks to be one, and what the root's holder does about it.

use serde::{Deserialize, Serialize};

use super::{AdministratorTask, Answer, Failure, execute::online};
use crate::{
    error::CoreError,
    session::{self, Appointed, Appointing, Session},
};

/// Whether this device is an administrator's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdministratorState {
    /// "administrator", "requested", "expired" (the request counts no more) or "none".
    pub state: String,
    /// SHA-256 of its issuer's certificate, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The code of its issuer's key: whoever holds the root compares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// When the request, or the issuer's certificate, ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Who vouches, and who asks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrators {
    /// Those on the issuers' list, then those that were struck.
    pub issuers: Vec<IssuerPerson>,
    /// The requests that wait, newest first.
    pub requests: Vec<IssuerRequestShown>,
    /// The number of the issuers' list.
    pub issuers_list: u64,
}

/// An issuer and its person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerPerson {
    /// Its name.
    pub name: String,
    /// SHA-256 of its certificate.
    pub issuer: String,
    /// Whose it is; absent if its certificate does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// When its certificate ends.
    pub until: String,
    /// Whether this device holds its key.
    pub this: bool,
    /// Whether it was struck.
    pub struck: bool,
}

/// A request to be an issuer's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerRequestShown {
    /// The user id.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The device that asks.
    pub device: String,
    /// What its owner calls it.
    pub device_name: String,
    /// Compare it with what that device shows.
    pub code: String,
    /// When it asked, by its clock.
    pub requested: String,
}

/// Asks, or says how it stands.
pub(super) async fn administrators(session: &Session, what: AdministratorTask) -> Result<Answer, CoreError> {
    Ok(match what {
        AdministratorTask::Request => {
            Answer::Administrator(session::request_administrator(session, &online(session).await?).await?)
        }
        AdministratorTask::Status => Answer::Administrator(session::administrator_state(session).await?),
        AdministratorTask::List => {
            Answer::Administrators(session::list_administrators(session, &online(session).await?).await?)
        }
    })
}

/// Makes somebody an administrator whose device has asked, and whose code is `code`. Interrupted, the same again goes on.
///
/// # Errors
/// [`Failure`] of kind `Input`, `Passcode` (the code of the file, or the passcode), `Untrusted` (another organisation's file),
/// `Unknown` (nobody asks), `Refused` (the code is another, or the issuer was struck), `Unavailable` or `Disk`.
pub async fn add_administrator(appointing: &Appointing<'_>, code: &str) -> Result<Appointed, Failure> {
    session::add_administrator(appointing, code).await.map_err(Failure::from)
}

/// Strikes all issuers of somebody; what they had certified stays good. Interrupted, the same again goes on.
///
/// # Errors
/// As [`add_administrator`]; `Unknown` if the person has no issuer, `Refused` if it is one's own.
pub async fn remove_administrator(appointing: &Appointing<'_>) -> Result<Appointed, Failure> {
    session::remove_administrator(appointing).await.map_err(Failure::from)
}
