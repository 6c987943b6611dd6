//! `RecordService`: what was done, for those who answer for it; and proofs, for every device (design 4.7, P8).

mod get;
mod prove;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::record_service_server::RecordService;
use wardline_proto::relay::{
    GetRecordProofRequest, GetRecordProofResponse, GetRecordRequest, GetRecordResponse,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Record {
    relay: Arc<Relay>,
}

impl Record {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl RecordService for Record {
    async fn get_record(
        &self,
        request: Request<GetRecordRequest>,
    ) -> Result<Response<GetRecordResponse>, Status> {
        get::answer(&self.relay, request).await.map(Response::new)
    }

    async fn get_record_proof(
        &self,
        request: Request<GetRecordProofRequest>,
    ) -> Result<Response<GetRecordProofResponse>, Status> {
        prove::answer(&self.relay, request).await.map(Response::new)
    }
}
