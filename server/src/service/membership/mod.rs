//! `MembershipService`: what conversations are owed (design 4.3). Every call is for devices that can be members.

mod ask_members;
mod report_out_of_step;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::membership_service_server::MembershipService;
use wardline_proto::relay::{
    AskMembersRequest, AskMembersResponse, ReportOutOfStepRequest, ReportOutOfStepResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Memberships {
    relay: Arc<Relay>,
}

impl Memberships {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl MembershipService for Memberships {
    async fn report_out_of_step(
        &self,
        request: Request<ReportOutOfStepRequest>,
    ) -> Result<Response<ReportOutOfStepResponse>, Status> {
        report_out_of_step::answer(&self.relay, request).await.map(Response::new)
    }

    async fn ask_members(
        &self,
        request: Request<AskMembersRequest>,
    ) -> Result<Response<AskMembersResponse>, Status> {
        ask_members::answer(&self.relay, request).await.map(Response::new)
    }
}
