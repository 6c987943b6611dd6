//! Tables of the organisation: its pin, devices, invitations and enrolments. The rules are the domain's.

pub(in crate::store) mod devices;
mod enrolments;
mod invitations;
mod issuer_requests;
mod issuers;
mod pin;
pub(in crate::store) mod renewals;

use bytes::Bytes;
use wardline_identity::{DeviceCertificate, PendingHold, RevocationList};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, DeviceId, Digest, InvitationId, UtcMillis};

use super::{
    ReadTx, StoreError, WriteTx,
    membership::replacements,
    revocation::{fences, holds, list},
};
use crate::domain::organisation::{
    DeviceOwner, NewClaim, NewInvitation, OrganisationPin, OrganisationStorage, OrganisationView,
    PlaceInLine, StoredInvitation, StoredIssuerRequest, WaitingRenewal,
};

impl OrganisationStorage for WriteTx {
    async fn invitation(&mut self, id: InvitationId) -> Result<Option<StoredInvitation>, StoreError> {
        invitations::read(self.connection(), id).await
    }

    async fn invitation_count(&mut self, since: UtcMillis) -> Result<usize, StoreError> {
        invitations::count(self.connection(), since).await
    }

    async fn open_invitation(
        &mut self,
        invitation: &NewInvitation,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        invitations::insert(self.connection(), invitation, now).await
    }

    async fn cancel_invitation(&mut self, id: InvitationId, now: UtcMillis) -> Result<(), StoreError> {
        invitations::cancel(self.connection(), id, now).await
    }

    async fn keep_claim(
        &mut self,
        id: InvitationId,
        claim: &NewClaim,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        enrolments::insert(self.connection(), id, claim, now).await
    }

    async fn keep_issued(
        &mut self,
        id: InvitationId,
        certificate_der: &[u8],
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        enrolments::issue(self.connection(), id, certificate_der, now).await
    }

    async fn keep_refused(
        &mut self,
        id: InvitationId,
        reason: &str,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        enrolments::refuse(self.connection(), id, reason, now).await
    }

    async fn is_out(&mut self, device: DeviceId) -> Result<bool, StoreError> {
        list::is_out(self.connection(), device).await
    }

    async fn device_owner(&mut self, device: DeviceId) -> Result<Option<DeviceOwner>, StoreError> {
        devices::owner(self.connection(), device).await
    }

    async fn keep_device(
        &mut self,
        certificate: &DeviceCertificate,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        devices::insert(self.connection(), certificate, now).await
    }

    async fn keep_replacement(
        &mut self,
        device: DeviceId,
        replaces: DeviceId,
        id: InvitationId,
    ) -> Result<Vec<ConversationId>, StoreError> {
        replacements::keep(self.connection(), device, replaces, id).await
    }

    async fn renewal(&mut self, device: DeviceId) -> Result<Option<Bytes>, StoreError> {
        renewals::read(self.connection(), device).await
    }

    async fn keep_renewal(
        &mut self,
        device: DeviceId,
        request: &Bytes,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        renewals::keep(self.connection(), device, request, now).await
    }

    async fn end_renewal(&mut self, device: DeviceId) -> Result<(), StoreError> {
        renewals::end(self.connection(), device).await
    }

    async fn keep_pin(&mut self, pin: &OrganisationPin, now: UtcMillis) -> Result<bool, StoreError> {
        pin::write(self.connection(), pin, now).await
    }

    async fn keep_issuers_list(&mut self, number: u64, list: &SignedStatement) -> Result<(), StoreError> {
        issuers::keep(self.connection(), number, list).await
    }

    async fn issuer_request(&mut self, device: DeviceId) -> Result<Option<StoredIssuerRequest>, StoreError> {
        issuer_requests::of_device(self.connection(), device).await
    }

    async fn issuer_requests_since(
        &mut self,
        since: UtcMillis,
    ) -> Result<Vec<StoredIssuerRequest>, StoreError> {
        issuer_requests::since(self.connection(), since).await
    }

    async fn keep_issuer_request(
        &mut self,
        request: &StoredIssuerRequest,
        until: UtcMillis,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        issuer_requests::keep(self.connection(), request, (until, now)).await
    }

    async fn list_in_force(&mut self) -> Result<Option<RevocationList>, StoreError> {
        list::read(self.connection()).await
    }

    async fn pending_holds(&mut self) -> Result<Vec<PendingHold>, StoreError> {
        holds::pending(self.connection()).await
    }

    async fn drop_hold(
        &mut self,
        digest: &Digest,
        now: UtcMillis,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let mut lowered = Vec::new();
        for device in holds::drop_one(self.connection(), digest).await? {
            lowered.extend(fences::lower(self.connection(), device, now).await?);
        }
        Ok(lowered)
    }

    async fn undecided(&mut self) -> Result<Vec<StoredInvitation>, StoreError> {
        invitations::undecided(self.connection()).await
    }
}

impl OrganisationView for ReadTx {
    async fn pin(&mut self) -> Result<Option<OrganisationPin>, StoreError> {
        pin::read(self.connection()).await
    }

    async fn issuers_list(&mut self) -> Result<Option<SignedStatement>, StoreError> {
        issuers::read(self.connection()).await
    }

    async fn certificates(&mut self) -> Result<Vec<Vec<u8>>, StoreError> {
        devices::certificates(self.connection()).await
    }

    async fn device_owner(&mut self, device: DeviceId) -> Result<Option<DeviceOwner>, StoreError> {
        devices::owner(self.connection(), device).await
    }

    async fn invitation(&mut self, id: InvitationId) -> Result<Option<StoredInvitation>, StoreError> {
        invitations::read(self.connection(), id).await
    }

    async fn invitations(
        &mut self,
        since: UtcMillis,
        most: usize,
    ) -> Result<Vec<StoredInvitation>, StoreError> {
        invitations::since(self.connection(), since, most).await
    }

    async fn waiting(
        &mut self,
        behind: Option<PlaceInLine>,
        most: usize,
    ) -> Result<Vec<StoredInvitation>, StoreError> {
        invitations::waiting(self.connection(), behind, most).await
    }

    async fn renewal(&mut self, device: DeviceId) -> Result<Option<Bytes>, StoreError> {
        renewals::read(self.connection(), device).await
    }

    async fn renewals(&mut self, behind: usize, most: usize) -> Result<Vec<WaitingRenewal>, StoreError> {
        renewals::waiting(self.connection(), behind, most).await
    }

    async fn issuer_requests(&mut self, since: UtcMillis) -> Result<Vec<StoredIssuerRequest>, StoreError> {
        issuer_requests::since(self.connection(), since).await
    }
}

#[cfg(test)]
impl super::Store {
    /// Many invitations at once, with ids of their own and no record in them.
    pub(crate) async fn fill_invitations(&self, count: usize, now: UtcMillis) {
        let filled = self.write("fill_invitations", move |tx| {
            Box::pin(async move { invitations::fill(tx.connection(), count, now).await })
        });
        filled.await.map_err(|error: StoreError| error).unwrap();
    }
}
