//! `RenewalService`: how a certificate is followed by the next.

mod issue_relay_certificates;
mod issue_renewal;
#[cfg(test)]
mod relay_tests;
mod renew_certificate;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::renewal_service_server::RenewalService;
use wardline_proto::relay::{
    IssueRelayCertificatesRequest, IssueRelayCertificatesResponse, IssueRenewalRequest, IssueRenewalResponse,
    RenewCertificateRequest, RenewCertificateResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Renewals {
    relay: Arc<Relay>,
}

impl Renewals {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl RenewalService for Renewals {
    async fn renew_certificate(
        &self,
        request: Request<RenewCertificateRequest>,
    ) -> Result<Response<RenewCertificateResponse>, Status> {
        renew_certificate::answer(&self.relay, request).await.map(Response::new)
    }

    async fn issue_renewal(
        &self,
        request: Request<IssueRenewalRequest>,
    ) -> Result<Response<IssueRenewalResponse>, Status> {
        issue_renewal::answer(&self.relay, request).await.map(Response::new)
    }

    async fn issue_relay_certificates(
        &self,
        request: Request<IssueRelayCertificatesRequest>,
    ) -> Result<Response<IssueRelayCertificatesResponse>, Status> {
        issue_relay_certificates::answer(&self.relay, request).await.map(Response::new)
    }
}
