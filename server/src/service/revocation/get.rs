//! `GetRevocationList`.

use tonic::{Request, Status};
use wardline_identity::RevocationAct;
use wardline_proto::relay::{GetRevocationListRequest, GetRevocationListResponse};

use crate::domain::revocation::{ACTS_MAX, RevocationView as _};
use crate::service::authorise;
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetRevocationListRequest>,
) -> Result<GetRevocationListResponse, Status> {
    authorise::device(relay, &request)?;
    let after = request.into_inner().acts;
    let read = relay.store.read("read_revocation_list", move |tx| {
        Box::pin(async move {
            let list = tx.revocation_list().await?;
            Ok::<_, StoreError>((list, tx.acts_after(after, ACTS_MAX).await?))
        })
    });
    let (list, acts) = read.await?;
    Ok(GetRevocationListResponse {
        list: list.map(|list| list.statement().clone()),
        acts: acts.iter().map(RevocationAct::to_wire).collect(),
    })
}
