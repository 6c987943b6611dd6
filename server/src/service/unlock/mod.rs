//! `UnlockService`: the relay's half of opening a vault.
//!
//! `Evaluate` is for whoever has a vault's unlock key, without a certificate: it says nothing about the passcode, and counts. `ConfirmUnlock` is for whoever has
//! the device's certified key, which is in the vault; `MakePair` and `GetPeriodSecrets` for the certified device.

mod confirm;
mod evaluate;
mod make_pair;
mod period_secrets;
#[cfg(test)]
mod period_secrets_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tonic::{Request, Response, Status};
use wardline_proto::relay::unlock_service_server::UnlockService;
use wardline_proto::relay::{
    ConfirmUnlockRequest, ConfirmUnlockResponse, EvaluateRequest, EvaluateResponse, GetPeriodSecretsRequest,
    GetPeriodSecretsResponse, MakePairRequest, MakePairResponse,
};

use wardline_proto::PairId;

use crate::domain::unlock::{Pair, UnlockError, UnlockRefusal, UnlockView as _};
use crate::service::authorise;
use crate::state::Relay;

/// The service over one relay.
#[derive(Debug, Clone)]
pub struct Unlocking {
    relay: Arc<Relay>,
}

impl Unlocking {
    /// Over `relay`.
    #[must_use]
    pub fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

/// The pair as it stands. Whoever asks for one that is destroyed is told whether its device is out.
async fn read_pair(relay: &Relay, id: PairId) -> Result<Pair, Status> {
    let read = relay.store.read("read_pair", move |tx| {
        Box::pin(async move { Ok::<_, UnlockError>((tx.pair(id).await?, tx.closed(id).await?)) })
    });
    let (pair, closed) = read.await?;
    if let Some(device) = closed {
        authorise::in_force(relay, device)?;
        return Err(UnlockRefusal::Closed.into());
    }
    Ok(pair.ok_or(UnlockRefusal::Unknown)?)
}

#[tonic::async_trait]
impl UnlockService for Unlocking {
    async fn make_pair(
        &self,
        request: Request<MakePairRequest>,
    ) -> Result<Response<MakePairResponse>, Status> {
        make_pair::answer(&self.relay, request).await.map(Response::new)
    }

    async fn evaluate(
        &self,
        request: Request<EvaluateRequest>,
    ) -> Result<Response<EvaluateResponse>, Status> {
        evaluate::answer(&self.relay, request).await.map(Response::new)
    }

    async fn confirm_unlock(
        &self,
        request: Request<ConfirmUnlockRequest>,
    ) -> Result<Response<ConfirmUnlockResponse>, Status> {
        confirm::answer(&self.relay, request).await.map(Response::new)
    }

    async fn get_period_secrets(
        &self,
        request: Request<GetPeriodSecretsRequest>,
    ) -> Result<Response<GetPeriodSecretsResponse>, Status> {
        period_secrets::answer(&self.relay, request).await.map(Response::new)
    }
}
