//! `OrganisationService`: who may issue. Served at both doors: what permits a call is the root's signature in it.

mod get_issuers;
mod publish_issuers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::organisation_service_server::OrganisationService;
use wardline_proto::relay::{
    GetIssuersListRequest, GetIssuersListResponse, PublishIssuersListRequest, PublishIssuersListResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Issuing {
    relay: Arc<Relay>,
}

impl Issuing {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl OrganisationService for Issuing {
    async fn get_issuers_list(
        &self,
        request: Request<GetIssuersListRequest>,
    ) -> Result<Response<GetIssuersListResponse>, Status> {
        get_issuers::answer(&self.relay, request).await.map(Response::new)
    }

    async fn publish_issuers_list(
        &self,
        request: Request<PublishIssuersListRequest>,
    ) -> Result<Response<PublishIssuersListResponse>, Status> {
        publish_issuers::answer(&self.relay, request).await.map(Response::new)
    }
}
