//! `KeyPackageService`: what others need to add a device while it sleeps.

mod claim;
mod count;
mod publish;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::key_package_service_server::KeyPackageService;
use wardline_proto::relay::{
    ClaimKeyPackagesRequest, ClaimKeyPackagesResponse, CountKeyPackagesRequest, CountKeyPackagesResponse,
    PublishKeyPackagesRequest, PublishKeyPackagesResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct KeyPackages {
    relay: Arc<Relay>,
}

impl KeyPackages {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl KeyPackageService for KeyPackages {
    async fn publish_key_packages(
        &self,
        request: Request<PublishKeyPackagesRequest>,
    ) -> Result<Response<PublishKeyPackagesResponse>, Status> {
        publish::answer(&self.relay, request).await.map(Response::new)
    }

    async fn claim_key_packages(
        &self,
        request: Request<ClaimKeyPackagesRequest>,
    ) -> Result<Response<ClaimKeyPackagesResponse>, Status> {
        claim::answer(&self.relay, request).await.map(Response::new)
    }

    async fn count_key_packages(
        &self,
        request: Request<CountKeyPackagesRequest>,
    ) -> Result<Response<CountKeyPackagesResponse>, Status> {
        count::answer(&self.relay, &request).await.map(Response::new)
    }
}
