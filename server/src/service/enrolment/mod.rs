//! `EnrolmentService`: how a device gets its certificate. The one service that asks for none.
//!
//! What a caller may do here follows from the invitation key alone: claims are signed with it over the TLS
//! exporter of their own connection, so that nobody in between can use what they saw.

mod enrol;
mod get_invitation;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::enrolment_service_server::EnrolmentService;
use wardline_proto::relay::{EnrolRequest, EnrolResponse, GetInvitationRequest, GetInvitationResponse};

use wardline_proto::InvitationId;

use crate::domain::organisation::{
    OrganisationError, OrganisationRefusal, OrganisationView as _, StoredInvitation,
};
use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Enrolment {
    relay: Arc<Relay>,
}

impl Enrolment {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

/// The invitation as it stands.
async fn read_invitation(relay: &Relay, id: InvitationId) -> Result<StoredInvitation, OrganisationError> {
    let read = relay.store.read("read_invitation", move |tx| {
        Box::pin(async move { Ok::<_, OrganisationError>(tx.invitation(id).await?) })
    });
    Ok(read.await?.ok_or(OrganisationRefusal::InvitationUnknown)?)
}

#[tonic::async_trait]
impl EnrolmentService for Enrolment {
    async fn get_invitation(
        &self,
        request: Request<GetInvitationRequest>,
    ) -> Result<Response<GetInvitationResponse>, Status> {
        get_invitation::answer(&self.relay, request).await.map(Response::new)
    }

    async fn enrol(&self, request: Request<EnrolRequest>) -> Result<Response<EnrolResponse>, Status> {
        enrol::answer(&self.relay, request).await.map(Response::new)
    }
}
