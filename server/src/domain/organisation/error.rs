//! Why a step of enrolment is refused, and what the store adds to that.

use wardline_identity::RenewalError;

use crate::store::StoreError;

/// Why a use-case of this room failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OrganisationError {
    /// The caller's doing.
    #[error(transparent)]
    Refused(#[from] OrganisationRefusal),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A step that the rules do not permit. Nothing was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrganisationRefusal {
    /// The record is not one that an issuer of the organisation signed, in force now.
    #[error("the invitation record does not verify against an issuer of this organisation")]
    RecordInvalid,
    /// The claim is not signed by the invitation's key, over this connection, for this record.
    #[error("the claim does not verify with the invitation's key over this connection")]
    ClaimInvalid,
    /// No such invitation.
    #[error("the relay knows no such invitation; ask for a new one")]
    InvitationUnknown,
    /// Its time is over.
    #[error("the invitation has expired; ask for a new one")]
    InvitationExpired,
    /// Another device was first, or, for its issuer, any device was.
    #[error("a device has used the invitation; ask for a new one")]
    InvitationSpent,
    /// An issuer withdrew it, or its issuer is one no more.
    #[error("the invitation was withdrawn; ask for a new one")]
    InvitationCancelled,
    /// The list is not one of this root's, or forgets who was struck.
    #[error(
        "the issuers' list is not one that the organisation's root signed, or somebody is struck no more"
    )]
    IssuersInvalid,
    /// The list does not go on from the relay's.
    #[error("the issuers' list does not go on from the relay's, number {number}")]
    IssuersConflict {
        /// The relay's number.
        number: u64,
    },
    /// The revocation list in force would not count any more, or the strike was not signed on top of it.
    #[error(
        "the issuers' list does not leave the list of revoked devices standing that is in force, number {number}"
    )]
    ListConflict {
        /// That list's number; 0 if there is none.
        number: u64,
        /// How many acts it stands for.
        acts: u64,
    },
    /// The device that comes with a list is not an administrator's, by an issuer on it, in force now.
    #[error("the first device is not an administrator's by an issuer on the list")]
    FirstDeviceInvalid,
    /// The id is another record's.
    #[error("another record with this invitation's id is published")]
    InvitationTaken,
    /// The relay keeps as many as it lists.
    #[error("the relay holds {limit} invitations of the last 90 days and takes no more", limit = super::INVITATIONS_MAX)]
    InvitationsFull,
    /// The device has asked to be an issuer's machine since.
    #[error("the device has asked again since; only its newest request counts")]
    IssuerRequestOlder,
    /// As many devices ask to be issuers' machines as the relay keeps.
    #[error("{limit} devices ask to be issuers' machines already", limit = super::ISSUER_REQUESTS_MAX)]
    IssuerRequestsFull,
    /// Nothing waits under this invitation, or it was judged otherwise.
    #[error("no enrolment waits for this invitation")]
    EnrolmentUnknown,
    /// The certificate does not chain to the organisation, or has lapsed.
    #[error("the certificate does not verify against this organisation")]
    CertificateInvalid,
    /// The certificate says something else than record and claim.
    #[error("the certificate's {field} is not what the invitation and the claim say")]
    CertificateMismatch {
        /// What differs.
        field: &'static str,
    },
    /// A claim for a device id that was certified before: whosever it is, it is never certified by an enrolment
    /// again.
    #[error("the device id is in use or was; enrol with a new one")]
    DeviceIdUsed,
    /// What a device asks for instead of its certificate cannot be granted.
    #[error("the renewal is refused: {0}")]
    RenewalInvalid(RenewalError),
    /// Nothing is issued to a device that is revoked or on hold.
    #[error("the device is revoked or on hold; nothing is issued to it")]
    DeviceOut,
    /// A certificate for an id that is another enrolment's, or another person's.
    #[error("the device id was certified before, for another enrolment")]
    DeviceTaken,
}
