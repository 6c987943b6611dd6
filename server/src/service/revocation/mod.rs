//! `RevocationService`: putting a list in force, handing it out, and showing what came of it (design 4.4.1).

mod confirm;
mod get;
mod get_removals;
#[cfg(test)]
mod held_tests;
mod hold;
mod list_devices;
mod publish;
#[cfg(test)]
mod repeated_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::revocation_service_server::RevocationService;
use wardline_proto::relay::{
    ConfirmRemovalRequest, ConfirmRemovalResponse, GetRemovalsRequest, GetRemovalsResponse,
    GetRevocationListRequest, GetRevocationListResponse, HoldDevicesRequest, HoldDevicesResponse,
    ListDevicesRequest, ListDevicesResponse, PublishRevocationListRequest, PublishRevocationListResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Revocation {
    relay: Arc<Relay>,
}

impl Revocation {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl RevocationService for Revocation {
    async fn publish_revocation_list(
        &self,
        request: Request<PublishRevocationListRequest>,
    ) -> Result<Response<PublishRevocationListResponse>, Status> {
        publish::answer(&self.relay, request).await.map(Response::new)
    }

    async fn hold_devices(
        &self,
        request: Request<HoldDevicesRequest>,
    ) -> Result<Response<HoldDevicesResponse>, Status> {
        hold::answer(&self.relay, request).await.map(Response::new)
    }

    async fn get_revocation_list(
        &self,
        request: Request<GetRevocationListRequest>,
    ) -> Result<Response<GetRevocationListResponse>, Status> {
        get::answer(&self.relay, request).await.map(Response::new)
    }

    async fn list_devices(
        &self,
        request: Request<ListDevicesRequest>,
    ) -> Result<Response<ListDevicesResponse>, Status> {
        list_devices::answer(&self.relay, &request).await.map(Response::new)
    }

    async fn confirm_removal(
        &self,
        request: Request<ConfirmRemovalRequest>,
    ) -> Result<Response<ConfirmRemovalResponse>, Status> {
        confirm::answer(&self.relay, request).await.map(Response::new)
    }

    async fn get_removals(
        &self,
        request: Request<GetRemovalsRequest>,
    ) -> Result<Response<GetRemovalsResponse>, Status> {
        get_removals::answer(&self.relay, &request).await.map(Response::new)
    }
}
