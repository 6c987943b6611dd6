//! The one place where errors become gRPC status: code, `ErrorInfo` (domain `wardline`), `RetryInfo`,
//! `BadRequest` (design 4.7).
//!
//! What a peer did wrong is told in full. What went wrong inside is logged here, once, and told by its reason
//! only: nothing of the database, of paths or of other people reaches a peer.

use std::{collections::HashMap, error::Error, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use wardline_identity::{Forbidden, HoldError, OprfError, UnlockTryError};
use wardline_proto::{IdError, Reason};

use crate::{
    domain::{
        conversation::ConversationError,
        key_package::KeyPackageError,
        membership::MembershipError,
        organisation::{OrganisationError, OrganisationRefusal},
        period::{PeriodError, PeriodRefusal},
        revocation::RevocationRefusal,
        unlock::{UnlockError, UnlockRefusal},
    },
    mls::MlsError,
    store::StoreError,
};

/// An answer that says no, before it is a [`Status`].
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    reason: Reason,
    message: String,
    details: ErrorDetails,
    metadata: HashMap<String, String>,
}

impl Refusal {
    /// With this reason; the code follows from it.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), details: ErrorDetails::new(), metadata: HashMap::new() }
    }

    /// Says when to try again.
    pub(crate) fn retry_after(mut self, delay: Duration) -> Self {
        self.details.set_retry_info(Some(delay));
        self
    }

    /// Adds a machine-readable fact.
    pub(crate) fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Names the field at fault.
    pub(crate) fn field(mut self, name: &str, description: &str) -> Self {
        self.details.add_bad_request_violation(name, description);
        self
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Refusal { reason, message, mut details, metadata } = refusal;
        details.set_error_info(reason.as_str(), Reason::DOMAIN, metadata);
        Self::with_error_details(code(reason), message, details)
    }
}

/// A field that is missing, malformed or beyond its limit.
pub(crate) fn field_invalid(field: &str, description: &str) -> Status {
    Refusal::new(Reason::FieldInvalid, format!("{field}: {description}")).field(field, description).into()
}

/// A field that should hold an id.
pub(crate) fn id_invalid(field: &str, error: IdError) -> Status {
    field_invalid(field, &error.to_string())
}

/// A defect of ours: the log gets the cause, the peer the reason.
pub(crate) fn internal(error: &(dyn Error + 'static)) -> Status {
    tracing::error!(error, "a request failed for a reason of ours");
    Refusal::new(Reason::Internal, "the relay failed; its operator can see why").into()
}

/// The code that each reason travels with.
fn code(reason: Reason) -> Code {
    use Reason as R;
    match reason {
        R::CertificateRequired | R::CertificateInvalid | R::CertificateStruck => Code::Unauthenticated,
        R::DeviceRevoked | R::RoleRequired | R::MemberKeyRequired | R::NotAMember | R::HoldRefused => {
            Code::PermissionDenied
        }
        R::FieldInvalid
        | R::StatementInvalid
        | R::CertificateMismatch
        | R::MessageMalformed
        | R::MessageKindRefused
        | R::GroupMismatch
        | R::DeclarationMismatch
        | R::WelcomeMismatch
        | R::KeyPackageInvalid
        | R::LifeOutOfRange
        | R::CursorBeyondHead => Code::InvalidArgument,
        R::InvitationUnknown | R::EnrolmentUnknown | R::PairUnknown => Code::NotFound,
        R::UpgradeRequired
        | R::InvitationExpired
        | R::InvitationSpent
        | R::InvitationCancelled
        | R::EpochFull
        | R::RevocationPending
        | R::JoinRevoked
        | R::JoinStruck
        | R::ConversationClosed
        | R::EntryMismatch
        | R::SoftwareTooOld
        | R::PolicyRefused
        | R::VaultClosed
        | R::VaultOlder
        | R::ConversationFull => Code::FailedPrecondition,
        R::EpochConflict | R::ListConflict | R::IssuersConflict | R::HoldsPending | R::StreamReplaced => {
            Code::Aborted
        }
        R::ConversationExists | R::SuccessorExists => Code::AlreadyExists,
        R::CommitRate | R::YieldTurn | R::LimitReached | R::StorageFull | R::UnlockSpaced => {
            Code::ResourceExhausted
        }
        R::StorageUnavailable | R::ShuttingDown => Code::Unavailable,
        R::CallUnknown => Code::Unimplemented,
        R::DeadlineExceeded => Code::DeadlineExceeded,
        // `Reason` grows by a line there and a line here; until both are written the relay is at fault.
        _ => Code::Internal,
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Full { .. } => {
                Refusal::new(Reason::StorageFull, "the relay's disk is full").retry_after(RETRY_FULL).into()
            }
            StoreError::Unavailable { .. } => {
                tracing::warn!(error = &error as &dyn Error, "the store cannot be used");
                Refusal::new(Reason::StorageUnavailable, "the relay cannot use its disk now")
                    .retry_after(RETRY_UNAVAILABLE)
                    .into()
            }
            StoreError::Closed => shutting_down(),
            _ => internal(&error),
        }
    }
}

/// The device has as many writes under way as it may.
pub(crate) fn too_many_writes() -> Status {
    Refusal::new(Reason::LimitReached, "the device has too many writes under way; wait for their answers")
        .retry_after(RETRY_WRITES)
        .into()
}

/// The relay is stopping.
pub(crate) fn shutting_down() -> Status {
    Refusal::new(Reason::ShuttingDown, "the relay is stopping").retry_after(RETRY_UNAVAILABLE).into()
}

impl From<ConversationError> for Status {
    fn from(error: ConversationError) -> Self {
        use ConversationError as E;
        let message = error.to_string();
        let refuse = |reason| Refusal::new(reason, message.clone());
        match error {
            E::NotAMember => refuse(Reason::NotAMember).into(),
            E::Exists => refuse(Reason::ConversationExists).into(),
            E::EpochConflict { current } => refuse(Reason::EpochConflict).with("epoch", current).into(),
            E::EpochFull => refuse(Reason::EpochFull).into(),
            E::RevocationPending => refuse(Reason::RevocationPending).into(),
            E::Closed { successor: None } => refuse(Reason::ConversationClosed).into(),
            E::Closed { successor: Some(successor) } => {
                refuse(Reason::ConversationClosed).with("successor", successor).into()
            }
            E::SuccessorExists { successor } => {
                refuse(Reason::SuccessorExists).with("successor", successor).into()
            }
            E::EntryMismatch => refuse(Reason::EntryMismatch).into(),
            E::LifeOutOfRange { .. } => refuse(Reason::LifeOutOfRange).into(),
            E::Forbidden { ref forbidden, policy } => {
                let rule = match forbidden {
                    Forbidden::Life(_) => "life",
                    Forbidden::Text(_) => "text",
                    Forbidden::Software(_) => "software",
                };
                refuse(Reason::PolicyRefused).with("rule", rule).with("policy", policy).into()
            }
            E::CursorBeyondHead { conversation, head } => {
                refuse(Reason::CursorBeyondHead).with("conversation", conversation).with("head", head).into()
            }
            E::Declaration(_) => refuse(Reason::DeclarationMismatch).into(),
            E::Welcome(_) => refuse(Reason::WelcomeMismatch).into(),
            E::JoinRevoked { device } => refuse(Reason::JoinRevoked).with("device", device).into(),
            E::JoinStruck { device, number } => {
                refuse(Reason::JoinStruck).with("device", device).with("number", number).into()
            }
            E::Full => refuse(Reason::ConversationFull).into(),
            E::CommitRate { retry_after } => refuse(Reason::CommitRate).retry_after(retry_after).into(),
            E::LetInTooOften { retry_after } => refuse(Reason::LimitReached).retry_after(retry_after).into(),
            E::YieldTurn { retry_after } => refuse(Reason::YieldTurn).retry_after(retry_after).into(),
            E::Store(error) => error.into(),
        }
    }
}

impl From<UnlockRefusal> for Status {
    fn from(refusal: UnlockRefusal) -> Self {
        use UnlockRefusal as R;
        let refuse = |reason| Refusal::new(reason, refusal.to_string());
        match refusal {
            R::Unknown => refuse(Reason::PairUnknown).into(),
            R::Closed => refuse(Reason::VaultClosed).into(),
            R::Soon { retry_after } => refuse(Reason::UnlockSpaced).retry_after(retry_after).into(),
            R::Try(UnlockTryError::Field { field }) => {
                field_invalid(field, "is missing or of the wrong length")
            }
            R::Try(_) => refuse(Reason::StatementInvalid).into(),
            R::Oprf(OprfError::NoEntropy) => refuse(Reason::Internal).into(),
            R::Oprf(_) => field_invalid("blinded", "is no element of the group"),
            R::Older { generation } => refuse(Reason::VaultOlder).with("generation", generation).into(),
            R::Exists => field_invalid("pair_id", "is another pair's"),
        }
    }
}

impl From<PeriodRefusal> for Status {
    fn from(refusal: PeriodRefusal) -> Self {
        field_invalid("period_ends_ms", &refusal.to_string())
    }
}

impl From<PeriodError> for Status {
    fn from(error: PeriodError) -> Self {
        match error {
            PeriodError::Entropy(error) => Refusal::new(Reason::Internal, error.to_string()).into(),
            PeriodError::Store(error) => error.into(),
        }
    }
}

impl From<UnlockError> for Status {
    fn from(error: UnlockError) -> Self {
        match error {
            UnlockError::Refused(refusal) => refusal.into(),
            UnlockError::Store(error) => error.into(),
        }
    }
}

impl From<MembershipError> for Status {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::Conversation(error) => error.into(),
            MembershipError::Ground(_) => Refusal::new(Reason::StatementInvalid, error.to_string()).into(),
            MembershipError::Store(error) => error.into(),
        }
    }
}

impl From<KeyPackageError> for Status {
    fn from(error: KeyPackageError) -> Self {
        match error {
            KeyPackageError::TooMany => {
                Refusal::new(Reason::LimitReached, error.to_string()).retry_after(RETRY_LIMIT).into()
            }
            KeyPackageError::Revoked => Refusal::new(Reason::DeviceRevoked, error.to_string()).into(),
            KeyPackageError::AnotherDevices => {
                Refusal::new(Reason::KeyPackageInvalid, error.to_string()).into()
            }
            KeyPackageError::Store(error) => error.into(),
        }
    }
}

impl From<OrganisationRefusal> for Status {
    fn from(refusal: OrganisationRefusal) -> Self {
        use OrganisationRefusal as E;
        let message = refusal.to_string();
        let refuse = |reason| Refusal::new(reason, message.clone());
        match refusal {
            E::RecordInvalid => refuse(Reason::StatementInvalid).field("record", &message).into(),
            E::ClaimInvalid => refuse(Reason::StatementInvalid).field("claim", &message).into(),
            E::InvitationUnknown => refuse(Reason::InvitationUnknown).into(),
            E::InvitationExpired => refuse(Reason::InvitationExpired).into(),
            E::InvitationSpent => refuse(Reason::InvitationSpent).into(),
            E::InvitationCancelled => refuse(Reason::InvitationCancelled).into(),
            E::DeviceIdUsed => refuse(Reason::FieldInvalid).field("claim", &message).into(),
            E::IssuersInvalid => refuse(Reason::StatementInvalid).field("list", &message).into(),
            E::IssuersConflict { number } => refuse(Reason::IssuersConflict).with("number", number).into(),
            E::ListConflict { number, acts } => {
                refuse(Reason::ListConflict).with("number", number).with("acts", acts).into()
            }
            E::FirstDeviceInvalid => {
                refuse(Reason::CertificateMismatch).field("first_device", &message).into()
            }
            E::InvitationTaken => refuse(Reason::FieldInvalid).field("record", &message).into(),
            E::IssuerRequestOlder => refuse(Reason::FieldInvalid).field("request", &message).into(),
            E::InvitationsFull | E::IssuerRequestsFull => {
                refuse(Reason::LimitReached).retry_after(RETRY_LIMIT).into()
            }
            E::EnrolmentUnknown | E::DeviceOut => refuse(Reason::EnrolmentUnknown).into(),
            E::RenewalInvalid(_) => refuse(Reason::StatementInvalid).field("request", &message).into(),
            E::CertificateInvalid | E::DeviceTaken => {
                refuse(Reason::CertificateMismatch).field("certificate", &message).into()
            }
            E::CertificateMismatch { field } => {
                refuse(Reason::CertificateMismatch).field("certificate", &message).with("field", field).into()
            }
        }
    }
}

impl From<OrganisationError> for Status {
    fn from(error: OrganisationError) -> Self {
        match error {
            OrganisationError::Refused(refusal) => refusal.into(),
            OrganisationError::Store(error) => error.into(),
        }
    }
}

impl From<RevocationRefusal> for Status {
    fn from(refusal: RevocationRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            RevocationRefusal::Conflict { number, acts } => {
                let refusal = Refusal::new(Reason::ListConflict, message);
                refusal.with("number", number).with("acts", acts).into()
            }
            RevocationRefusal::List(_) => {
                Refusal::new(Reason::StatementInvalid, message.clone()).field("list", &message).into()
            }
            RevocationRefusal::HoldsPending { holds } => {
                Refusal::new(Reason::HoldsPending, message).with("holds", holds).into()
            }
            RevocationRefusal::Hold(HoldError::NotPermitted { device }) => {
                Refusal::new(Reason::HoldRefused, message).with("device", device).into()
            }
            RevocationRefusal::Hold(HoldError::OwnDevice | HoldError::SignerOut | HoldError::Over) => {
                Refusal::new(Reason::HoldRefused, message).into()
            }
            RevocationRefusal::Hold(_) => {
                Refusal::new(Reason::StatementInvalid, message.clone()).field("statement", &message).into()
            }
            RevocationRefusal::TooManyHeld { retry_after } => {
                Refusal::new(Reason::LimitReached, message).retry_after(retry_after).into()
            }
            RevocationRefusal::NotAMember => Refusal::new(Reason::NotAMember, message).into(),
            RevocationRefusal::OtherCommit => Refusal::new(Reason::EntryMismatch, message).into(),
            RevocationRefusal::OwnCommit => {
                Refusal::new(Reason::FieldInvalid, message.clone()).field("confirmation", &message).into()
            }
            RevocationRefusal::Store(error) => error.into(),
        }
    }
}

impl From<MlsError> for Status {
    fn from(error: MlsError) -> Self {
        let reason = match error {
            MlsError::Malformed => Reason::MessageMalformed,
            MlsError::WrongKind => Reason::MessageKindRefused,
            MlsError::KeyPackage(_) => Reason::KeyPackageInvalid,
        };
        Refusal::new(reason, error.to_string()).into()
    }
}

/// A statement that does not verify.
pub(crate) fn statement_invalid(field: &str, description: &str) -> Status {
    Refusal::new(Reason::StatementInvalid, format!("{field}: {description}")).into()
}

/// Somebody has to free space.
const RETRY_FULL: Duration = Duration::from_secs(30);

/// Long enough for a remount or a restart to have begun.
const RETRY_UNAVAILABLE: Duration = Duration::from_secs(2);

/// Writes take milliseconds; this spares the relay a client that does nothing but ask.
const RETRY_WRITES: Duration = Duration::from_secs(1);

/// Packages go out as people are added: a minute brings no change.
const RETRY_LIMIT: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_own_choosing() {
        for reason in Reason::ALL {
            let internal = *reason == Reason::Internal;
            assert_eq!(code(*reason) == Code::Internal, internal, "{reason}");
        }
    }

    #[test]
    fn a_conflict_names_the_epoch() {
        let status =
            Status::from(ConversationError::EpochConflict { current: wardline_proto::Epoch::new(7) });
        assert_eq!(status.code(), Code::Aborted);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("EPOCH_CONFLICT", "wardline"));
        assert_eq!(info.metadata["epoch"], "7");
    }

    #[test]
    fn nothing_of_the_database_reaches_a_peer() {
        let source = Arc::new(std::io::Error::other("/var/lib/secret.sqlite"));
        for error in [
            StoreError::Full { source: source.clone() },
            StoreError::Unavailable { source: source.clone() },
            StoreError::Broken { source: source.clone() },
            StoreError::Damaged { source },
        ] {
            let status = Status::from(error);
            let details = String::from_utf8_lossy(status.details()).into_owned();
            assert!(!status.message().contains("secret") && !details.contains("secret"));
        }
    }
}
