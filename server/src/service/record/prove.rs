//! `GetRecordProof`: that entries are in the record, and that it goes on from what it was.

use tonic::{Request, Status};
use wardline_proto::Digest;
use wardline_proto::relay::{GetRecordProofRequest, GetRecordProofResponse, InclusionProof};

use crate::domain::record::{PROOFS_MAX, RecordView as _, consistency, hashes, inclusion};
use crate::service::{authorise, status};
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetRecordProofRequest>,
) -> Result<GetRecordProofResponse, Status> {
    authorise::device(relay, &request)?;
    let GetRecordProofRequest { size, goes_on_from, numbers } = request.into_inner();
    if numbers.len() > PROOFS_MAX {
        return Err(status::field_invalid("numbers", "at most 100"));
    }
    if numbers.iter().any(|number| *number >= size) {
        return Err(status::field_invalid("numbers", "not an entry of a record of that size"));
    }
    if goes_on_from > size {
        return Err(status::field_invalid("goes_on_from", "larger than the record of that size"));
    }
    let read = relay.store.read("prove_record", move |tx| {
        Box::pin(async move {
            if size > tx.record_size().await? {
                return Ok(None);
            }
            let before = hashes(tx, consistency(goes_on_from, size)).await?;
            let mut inclusions = Vec::with_capacity(numbers.len());
            for number in numbers {
                let path = hashes(tx, inclusion(number, size)).await?;
                inclusions.push(InclusionProof { number, hashes: wire(path) });
            }
            Ok::<_, StoreError>(Some(GetRecordProofResponse { consistency: wire(before), inclusions }))
        })
    });
    read.await?.ok_or_else(|| status::field_invalid("size", "the record was never that large"))
}

fn wire(hashes: Vec<Digest>) -> Vec<bytes::Bytes> {
    hashes.into_iter().map(Digest::to_wire).collect()
}
