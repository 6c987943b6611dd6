//! `RegistrarService`: for the machines of administrators and registrars, which hold an issuer's key.
//!
//! The caller's role opens these calls; what they hand in is judged by the issuer's signature on it.

mod cancel_invitation;
mod issue_certificate;
#[cfg(test)]
mod issuer_tests;
mod list_enrolments;
mod list_invitations;
mod publish_invitation;
mod refuse_enrolment;
mod request_issuer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::registrar_service_server::RegistrarService;
use wardline_proto::relay::{
    CancelInvitationRequest, CancelInvitationResponse, IssueCertificateRequest, IssueCertificateResponse,
    ListEnrolmentsRequest, ListEnrolmentsResponse, ListInvitationsRequest, ListInvitationsResponse,
    PublishInvitationRequest, PublishInvitationResponse, RefuseEnrolmentRequest, RefuseEnrolmentResponse,
    RequestIssuerRequest, RequestIssuerResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Registrar {
    relay: Arc<Relay>,
}

impl Registrar {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl RegistrarService for Registrar {
    async fn publish_invitation(
        &self,
        request: Request<PublishInvitationRequest>,
    ) -> Result<Response<PublishInvitationResponse>, Status> {
        publish_invitation::answer(&self.relay, request).await.map(Response::new)
    }

    async fn list_invitations(
        &self,
        request: Request<ListInvitationsRequest>,
    ) -> Result<Response<ListInvitationsResponse>, Status> {
        list_invitations::answer(&self.relay, request).await.map(Response::new)
    }

    async fn cancel_invitation(
        &self,
        request: Request<CancelInvitationRequest>,
    ) -> Result<Response<CancelInvitationResponse>, Status> {
        cancel_invitation::answer(&self.relay, request).await.map(Response::new)
    }

    async fn list_enrolments(
        &self,
        request: Request<ListEnrolmentsRequest>,
    ) -> Result<Response<ListEnrolmentsResponse>, Status> {
        list_enrolments::answer(&self.relay, request).await.map(Response::new)
    }

    async fn issue_certificate(
        &self,
        request: Request<IssueCertificateRequest>,
    ) -> Result<Response<IssueCertificateResponse>, Status> {
        issue_certificate::answer(&self.relay, request).await.map(Response::new)
    }

    async fn refuse_enrolment(
        &self,
        request: Request<RefuseEnrolmentRequest>,
    ) -> Result<Response<RefuseEnrolmentResponse>, Status> {
        refuse_enrolment::answer(&self.relay, request).await.map(Response::new)
    }

    async fn request_issuer(
        &self,
        request: Request<RequestIssuerRequest>,
    ) -> Result<Response<RequestIssuerResponse>, Status> {
        request_issuer::answer(&self.relay, request).await.map(Response::new)
    }
}
