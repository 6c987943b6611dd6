//! Errors inside the core, and their one translation into what people read.

use std::collections::HashMap;

use thiserror::Error;
use wardline_identity::{EntropyError, HoldError, RevocationError, RevocationReason};
use wardline_proto::{Reason, UtcMillis};

use crate::{
    api::{Failure, FailureKind, rfc3339},
    mls::MlsError,
    relay::RelayError,
    vault::VaultError,
};

/// What can go wrong inside the core, sorted by the room it comes from.
#[derive(Debug, Error)]
pub(crate) enum CoreError {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// MLS.
    #[error(transparent)]
    Mls(#[from] MlsError),
    /// The relay or the way to it.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A revocation list is not accepted.
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    /// A hold is not accepted.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Already in words.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The relay does not keep to the protocol.
    #[error("the relay broke the protocol: {0}")]
    Protocol(&'static str),
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Failure(failure) => failure,
            CoreError::Vault(error) => error.into(),
            CoreError::Relay(error) => error.into(),
            CoreError::Mls(error) => Self::defect(format!("The encryption layer refused: {error}.")),
            CoreError::Revocation(error) => Self::new(
                FailureKind::Untrusted,
                "The list of revoked devices cannot be right.",
                format!("{error}."),
                "Tell your administrator; the list that this device has stays in force.",
            ),
            CoreError::Hold(error) => Self::new(
                FailureKind::Untrusted,
                "That hold cannot be right.",
                format!("{error}."),
                "Tell your administrator; nothing was changed.",
            ),
            CoreError::Entropy(_) => Self::defect("The system gave no randomness."),
            CoreError::Protocol(what) => Self::new(
                FailureKind::Untrusted,
                "The relay does not keep to the protocol.",
                format!("It {what}."),
                "Tell your administrator; nothing that you sent is lost.",
            ),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let new = |kind, what: &str, why: &str, now: &str| Self::new(kind, what, why, now);
        match error {
            VaultError::WrongPasscode => new(
                FailureKind::Passcode,
                "The passcode is wrong.",
                "The vault does not open with it.",
                "Try again; the vault is unchanged.",
            ),
            VaultError::Missing => new(
                FailureKind::NoVault,
                "There is no vault in this home.",
                "No device was enrolled here.",
                "Enrol first: wardline enrol --home DIR INVITATION --device NAME.",
            ),
            VaultError::Unpaired => new(
                FailureKind::NoVault,
                "This vault was not opened since its device was enrolled.",
                "Its relay has no half of its key yet.",
                "Open it once: wardline sync.",
            ),
            VaultError::Unfinished => new(
                FailureKind::NoVault,
                "The enrolment of this home was not finished.",
                "There is nothing in its vault yet.",
                "Run the same wardline enrol command again; it goes on where it stopped.",
            ),
            VaultError::Exists => new(
                FailureKind::Exists,
                "There is a vault in this home already.",
                "A device was enrolled here.",
                "Choose another --home.",
            ),
            VaultError::Full => new(
                FailureKind::Disk,
                "The disk is full.",
                "The vault could not be written; nothing was changed.",
                "Free some space and try again.",
            ),
            VaultError::ReadOnly => new(
                FailureKind::Disk,
                "The vault cannot be written.",
                "The disk or the folder is read-only.",
                "Make the home writable and try again.",
            ),
            VaultError::NewerVersion { .. } => new(
                FailureKind::Disk,
                "The vault was written by a newer Wardline.",
                "This version does not know its format.",
                "Update Wardline.",
            ),
            VaultError::OlderVersion { .. } => new(
                FailureKind::Disk,
                "The vault was written by an older Wardline, whose vaults are not read any more.",
                "Before version 1.0 no vault is carried over.",
                "Ask your administrator for a new invitation and enrol in another --home.",
            ),
            VaultError::Corrupt { .. } => new(
                FailureKind::Disk,
                "The vault is damaged.",
                "A part of it does not read.",
                "Ask your administrator for a new invitation and enrol in another --home.",
            ),
            other => new(
                FailureKind::Disk,
                "The vault could not be used.",
                &format!("{other}."),
                "Check the disk and try again.",
            ),
        }
    }
}

impl From<RelayError> for Failure {
    fn from(error: RelayError) -> Self {
        match error {
            RelayError::Unavailable { .. } => Self::new(
                FailureKind::Unavailable,
                "The relay cannot be reached.",
                format!("{error}."),
                "Check the network; what waits goes out when the relay is back.",
            ),
            RelayError::Untrusted { .. } => Self::new(
                FailureKind::Untrusted,
                "The relay could not prove that it is your organisation's.",
                format!("{error}."),
                "Check this device's date and time; if they are right, tell your administrator.",
            ),
            RelayError::Refused { reason: Reason::DeviceRevoked, metadata, .. } => revoked(&metadata),
            RelayError::Refused { reason, message, .. } => refused(reason, &message),
            other => Self::new(
                FailureKind::Untrusted,
                "The relay does not keep to the protocol.",
                format!("{other}."),
                "Tell your administrator; nothing that you sent is lost.",
            ),
        }
    }
}

/// This device is out: why and since when, as far as the relay says, and what is left to do.
fn revoked(said: &HashMap<String, String>) -> Failure {
    let reason = said.get("reason").and_then(|reason| RevocationReason::parse(reason).ok());
    let since = said.get("since_ms").and_then(|since| since.parse().ok()).map(UtcMillis::new);
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let since = since.map_or_else(String::new, |since| format!(" at {}", rfc3339(since)));
    Failure::new(
        FailureKind::Refused,
        format!("This device was revoked{reason}{since}."),
        "It gets nothing more and can send nothing (DEVICE_REVOKED).",
        "Ask an administrator for a new invitation and enrol in another --home; say so at once if it was a mistake.",
    )
}

/// What a refusal means to a person.
fn refused(reason: Reason, message: &str) -> Failure {
    let (kind, what, now) = match reason {
        Reason::InvitationUnknown => (
            FailureKind::Unknown,
            "The relay does not know this invitation.",
            "Check that it was copied whole, or ask your administrator for a new one.",
        ),
        Reason::InvitationExpired => {
            (FailureKind::Refused, "The invitation has expired.", "Ask your administrator for a new one.")
        }
        Reason::InvitationSpent => (
            FailureKind::Refused,
            "The invitation has been used on another device.",
            "If that was not you, tell your administrator at once; ask for a new one.",
        ),
        Reason::InvitationCancelled => {
            (FailureKind::Refused, "The invitation was withdrawn.", "Ask your administrator for a new one.")
        }
        Reason::UpgradeRequired => {
            (FailureKind::Refused, "This version of Wardline is too old for the relay.", "Update Wardline.")
        }
        Reason::SoftwareTooOld => (
            FailureKind::Refused,
            "This version of Wardline is older than your organisation permits.",
            "Update Wardline; what waits goes out by itself then.",
        ),
        Reason::PolicyRefused => (
            FailureKind::Refused,
            "Your organisation's policy does not permit it.",
            "See what it permits: wardline admin policy show; or ask an administrator.",
        ),
        Reason::CertificateInvalid | Reason::CertificateRequired => (
            FailureKind::Refused,
            "The relay does not accept this device's certificate.",
            "Check this device's date and time; if they are right, ask your administrator.",
        ),
        Reason::CertificateStruck => (
            FailureKind::Refused,
            "This device's certificate is no longer good.",
            "Ask an administrator for a new invitation and enrol in another --home; what it holds stays readable here.",
        ),
        Reason::IssuersConflict => (
            FailureKind::Refused,
            "Another list of issuers came first.",
            "Run the command again: it goes on from that one.",
        ),
        Reason::RoleRequired | Reason::MemberKeyRequired => (
            FailureKind::Refused,
            "This device's role does not permit that.",
            "Ask an administrator to do it.",
        ),
        Reason::NotAMember => {
            (FailureKind::Closed, "You are not in this conversation.", "Ask a member to add you.")
        }
        Reason::StorageFull | Reason::StorageUnavailable | Reason::ShuttingDown | Reason::LimitReached => (
            FailureKind::Unavailable,
            "The relay cannot take it now.",
            "Try again in a moment; tell your administrator if it goes on.",
        ),
        _ => {
            (FailureKind::Refused, "The relay refused.", "Try again; tell your administrator if it goes on.")
        }
    };
    Failure::new(kind, what, format!("{message} ({reason})."), now)
}
