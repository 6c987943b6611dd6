//! `GetRevocationList`.

use tonic::{Request, Status};
use wardline_identity::{RevocationAct, RevocationList};
use wardline_proto::relay::{GetRevocationListRequest, GetRevocationListResponse};

use crate::domain::revocation::{ACTS_PAGE_MAX, RevocationView as _};
use crate::service::authorise;
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetRevocationListRequest>,
) -> Result<GetRevocationListResponse, Status> {
    authorise::device(relay, &request)?;
    let after = request.into_inner().acts;
    // The head that is in force in memory: whoever is told of it finds its acts on disk, and none beyond it.
    let (list, holds) = (relay.revocations.head(), relay.revocations.holds());
    let left = list.as_ref().map_or(0, RevocationList::acts).saturating_sub(after);
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(ACTS_PAGE_MAX);
    let read = relay
        .store
        .read("read_revocation_list", move |tx| Box::pin(async move { tx.acts_after(after, most).await }));
    let acts: Result<Vec<_>, StoreError> = read.await;
    let acts = acts?;
    Ok(GetRevocationListResponse {
        list: list.map(|list| list.statement().clone()),
        acts: acts.iter().map(RevocationAct::to_wire).collect(),
        holds: holds.iter().map(|hold| hold.to_wire().clone()).collect(),
    })
}
