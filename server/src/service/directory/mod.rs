//! `DirectoryService`: the organisation as every device in force sees it.

mod get_organisation;
mod list_people;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::directory_service_server::DirectoryService;
use wardline_proto::relay::{
    GetOrganisationRequest, GetOrganisationResponse, ListPeopleRequest, ListPeopleResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Directory {
    relay: Arc<Relay>,
}

impl Directory {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl DirectoryService for Directory {
    async fn get_organisation(
        &self,
        request: Request<GetOrganisationRequest>,
    ) -> Result<Response<GetOrganisationResponse>, Status> {
        get_organisation::answer(&self.relay, &request).map(Response::new)
    }

    async fn list_people(
        &self,
        request: Request<ListPeopleRequest>,
    ) -> Result<Response<ListPeopleResponse>, Status> {
        list_people::answer(&self.relay, &request).map(Response::new)
    }
}
