//! `ConversationService`: the logs (design 4.3). Every call is for devices that can be members.

mod ack;
mod commit;
mod create;
mod get_winner;
mod header;
mod send;
mod subscribe;
mod wire;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::conversation_service_server::ConversationService;
use wardline_proto::relay::{
    AckRequest, AckResponse, CommitRequest, CommitResponse, CreateConversationRequest,
    CreateConversationResponse, GetWinnerRequest, GetWinnerResponse, SendRequest, SendResponse,
    SubscribeRequest,
};

use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Conversations {
    relay: Arc<Relay>,
}

impl Conversations {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl ConversationService for Conversations {
    async fn create_conversation(
        &self,
        request: Request<CreateConversationRequest>,
    ) -> Result<Response<CreateConversationResponse>, Status> {
        create::answer(&self.relay, request).await.map(Response::new)
    }

    async fn commit(&self, request: Request<CommitRequest>) -> Result<Response<CommitResponse>, Status> {
        commit::answer(&self.relay, request).await.map(Response::new)
    }

    async fn send(&self, request: Request<SendRequest>) -> Result<Response<SendResponse>, Status> {
        send::answer(&self.relay, request).await.map(Response::new)
    }

    type SubscribeStream = subscribe::EventStream;

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        subscribe::answer(&self.relay, request).await.map(Response::new)
    }

    async fn ack(&self, request: Request<AckRequest>) -> Result<Response<AckResponse>, Status> {
        ack::answer(&self.relay, request).await.map(Response::new)
    }

    async fn get_winner(
        &self,
        request: Request<GetWinnerRequest>,
    ) -> Result<Response<GetWinnerResponse>, Status> {
        get_winner::answer(&self.relay, request).await.map(Response::new)
    }
}

#[cfg(test)]
mod tests;
