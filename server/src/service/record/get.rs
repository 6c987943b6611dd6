//! `GetRecord`: a page of entries, with the head of a record that has them.

use std::sync::Arc;

use tonic::{Request, Status};
use wardline_proto::relay::{GetRecordRequest, GetRecordResponse, NumberedEntry};
use wardline_proto::{DeviceId, fault};

use crate::domain::record::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, RecordView as _};
use crate::service::{authorise, decode};
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetRecordRequest>,
) -> Result<GetRecordResponse, Status> {
    if fault::planted("mutant.record_for_all") {
        authorise::device(relay, &request)?;
    } else {
        authorise::issuer(relay, &request)?;
    }
    let GetRecordRequest { from, device_id } = request.into_inner();
    let device = match device_id.is_empty() {
        true => None,
        false => Some(decode::id::<DeviceId>("device_id", &device_id)?),
    };
    let head = Arc::clone(&relay.record);
    let read = relay.store.read("read_record", move |tx| {
        Box::pin(async move {
            let (size, note) = head.note_in(tx).await?;
            // One more tells whether there are more.
            let most = PAGE_ENTRIES_MAX + 1;
            let mut page = tx.record_entries(from, device, most, PAGE_BYTES_MAX).await?;
            page.retain(|one| one.number < size);
            let more = match page.last() {
                None => false,
                Some(_) if page.len() > PAGE_ENTRIES_MAX => true,
                // The bytes may have ended it.
                Some(last) => {
                    let next = tx.record_entries(last.number + 1, device, 1, PAGE_BYTES_MAX).await?;
                    next.iter().any(|one| one.number < size)
                }
            };
            page.truncate(PAGE_ENTRIES_MAX);
            Ok::<_, StoreError>((page, more, note))
        })
    });
    let (page, more, head) = read.await?;
    let entries = page.into_iter().map(|one| NumberedEntry { number: one.number, entry: one.entry });
    Ok(GetRecordResponse { entries: entries.collect(), more, head })
}
