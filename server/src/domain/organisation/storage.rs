//! What the rules need stored, and the shapes it has. Implemented by the store; runs inside its transactions.

use std::future::Future;

use bytes::Bytes;
use wardline_identity::{DeviceCertificate, PendingHold, RevocationList, UserId};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, DeviceId, Digest, InvitationId, UtcMillis};

use super::{NewClaim, NewInvitation, StoredInvitation, StoredIssuerRequest, WaitingRenewal};
use crate::domain::record::RecordStorage;
use crate::store::StoreError;

/// The organisation that a database belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationPin {
    /// SHA-256 of the root's DER.
    pub root: Digest,
    /// Its id.
    pub organisation_id: String,
    /// The highest issuers' list seen.
    pub issuers_number: u64,
}

/// A device's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceOwner {
    /// Whose it is, for good.
    pub user: UserId,
    /// When it was revoked.
    pub revoked_at: Option<UtcMillis>,
}

/// Where a waiting claim stands: when it came, and the invitation it is for.
pub type PlaceInLine = (UtcMillis, InvitationId);

/// Reads and writes of one transaction.
pub trait OrganisationStorage: RecordStorage {
    /// One invitation.
    fn invitation(
        &mut self,
        id: InvitationId,
    ) -> impl Future<Output = Result<Option<StoredInvitation>, StoreError>> + Send;

    /// How many were published after an instant.
    fn invitation_count(
        &mut self,
        since: UtcMillis,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Opens an invitation.
    fn open_invitation(
        &mut self,
        invitation: &NewInvitation,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Withdraws an invitation.
    fn cancel_invitation(
        &mut self,
        id: InvitationId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps the claim that spends an invitation.
    fn keep_claim(
        &mut self,
        id: InvitationId,
        claim: &NewClaim,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps the certificate that ends an enrolment.
    fn keep_issued(
        &mut self,
        id: InvitationId,
        certificate_der: &[u8],
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps the refusal that ends an enrolment.
    fn keep_refused(
        &mut self,
        id: InvitationId,
        reason: &str,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether an id is revoked or on hold, also one that was never certified.
    fn is_out(&mut self, device: DeviceId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whose a device id is, if it was ever used.
    fn device_owner(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<DeviceOwner>, StoreError>> + Send;

    /// Keeps a device, if it is new, and its certificate.
    fn keep_device(
        &mut self,
        certificate: &DeviceCertificate,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps that a device was invited in place of another, and where it waits to be let in; returns those.
    fn keep_replacement(
        &mut self,
        device: DeviceId,
        replaces: DeviceId,
        id: InvitationId,
    ) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;

    /// The encoded request of a device that waits for its next certificate.
    fn renewal(&mut self, device: DeviceId)
    -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Keeps it, in place of the one before.
    fn keep_renewal(
        &mut self,
        device: DeviceId,
        request: &Bytes,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The device waits for no certificate any more.
    fn end_renewal(&mut self, device: DeviceId) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes the first pin, or raises the issuers' number of the same organisation. True: it did either.
    fn keep_pin(
        &mut self,
        pin: &OrganisationPin,
        now: UtcMillis,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Keeps an issuers' list in place of the one before.
    fn keep_issuers_list(
        &mut self,
        number: u64,
        list: &SignedStatement,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The newest request of a device to be an issuer's machine.
    fn issuer_request(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<StoredIssuerRequest>, StoreError>> + Send;

    /// Those taken after an instant.
    fn issuer_requests_since(
        &mut self,
        since: UtcMillis,
    ) -> impl Future<Output = Result<Vec<StoredIssuerRequest>, StoreError>> + Send;

    /// Keeps a request in place of the device's before, and forgets those taken up to `until`.
    fn keep_issuer_request(
        &mut self,
        request: &StoredIssuerRequest,
        until: UtcMillis,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The list of revoked devices in force.
    fn list_in_force(&mut self) -> impl Future<Output = Result<Option<RevocationList>, StoreError>> + Send;

    /// The holds of which some device is in no list.
    fn pending_holds(&mut self) -> impl Future<Output = Result<Vec<PendingHold>, StoreError>> + Send;

    /// A hold is nobody's any more: whom it alone keeps out is in again. Gives the conversations that they need not leave any
    /// more.
    fn drop_hold(
        &mut self,
        digest: &Digest,
        now: UtcMillis,
    ) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;

    /// The invitations that nobody has used and nobody has withdrawn, and those whose claim waits.
    fn undecided(&mut self) -> impl Future<Output = Result<Vec<StoredInvitation>, StoreError>> + Send;
}

/// Reads of one consistent view.
pub trait OrganisationView: Send {
    /// The organisation this database belongs to; `None` before the first import.
    fn pin(&mut self) -> impl Future<Output = Result<Option<OrganisationPin>, StoreError>> + Send;

    /// The issuers' list in force; `None` before the first that was kept.
    fn issuers_list(&mut self) -> impl Future<Output = Result<Option<SignedStatement>, StoreError>> + Send;

    /// The certificates, DER, of all devices, in order of issue.
    fn certificates(&mut self) -> impl Future<Output = Result<Vec<Vec<u8>>, StoreError>> + Send;

    /// Whose a device id is, if it was ever used.
    fn device_owner(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<DeviceOwner>, StoreError>> + Send;

    /// One invitation.
    fn invitation(
        &mut self,
        id: InvitationId,
    ) -> impl Future<Output = Result<Option<StoredInvitation>, StoreError>> + Send;

    /// Those published after an instant, newest first.
    fn invitations(
        &mut self,
        since: UtcMillis,
        most: usize,
    ) -> impl Future<Output = Result<Vec<StoredInvitation>, StoreError>> + Send;

    /// Those whose claim waits, oldest claim first; only those `behind` a place in that line.
    fn waiting(
        &mut self,
        behind: Option<PlaceInLine>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<StoredInvitation>, StoreError>> + Send;

    /// The encoded request of a device that waits for its next certificate.
    fn renewal(&mut self, device: DeviceId)
    -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Those that wait for their next certificate, the oldest first; only those behind so many.
    fn renewals(
        &mut self,
        behind: usize,
        most: usize,
    ) -> impl Future<Output = Result<Vec<WaitingRenewal>, StoreError>> + Send;

    /// The requests to be an issuer's machine taken after an instant, newest first.
    fn issuer_requests(
        &mut self,
        since: UtcMillis,
    ) -> impl Future<Output = Result<Vec<StoredIssuerRequest>, StoreError>> + Send;
}
