//! The entries of the relay's record, page after page, and whether they are those that it has signed for.

use std::sync::Arc;

use bytes::Bytes;
use wardline_identity::{Checkpoint, DateCheck, RecordEntry, RecordTree};
use wardline_proto::{
    DeviceId,
    relay::{GetRecordRequest, GetRecordResponse},
};

use super::{
    Session,
    record::{Head, known},
};
use crate::{
    api::Event,
    conversation::{self, ShownHead},
    error::CoreError,
    relay::Relay,
};

/// An entry with its place.
pub(crate) struct Numbered {
    /// From 0.
    pub number: u64,
    /// What it says; `None` if this version does not know such an act.
    pub said: Option<RecordEntry>,
    /// As it is stored.
    pub bytes: Bytes,
}

/// What all entries together came to.
pub(crate) struct Rebuilt {
    /// How many the relay has signed for.
    pub size: u64,
    /// The head that it has signed.
    pub head: Checkpoint,
    /// Whether they are those.
    pub fits: bool,
}

/// The entries that name a device, or all; `each` is given one after the other. Answers the head that has all of them.
pub(crate) async fn read(
    session: &Session,
    relay: &Arc<dyn Relay>,
    device: Option<DeviceId>,
    mut each: impl FnMut(Numbered),
) -> Result<Option<Head>, CoreError> {
    let mut request =
        GetRecordRequest { from: 0, device_id: device.map(|device| device.to_wire()).unwrap_or_default() };
    loop {
        let page = relay.get_record(request.clone()).await?;
        let head = head_of(session, &page).await?;
        let Some(next) = take(&request, &page, &mut each)? else { return Ok(head) };
        request.from = next;
    }
}

/// All entries up to the head of the first page, and whether the root over them is the one that the relay has signed.
pub(crate) async fn rebuild(
    session: &Session,
    relay: &Arc<dyn Relay>,
    mut each: impl FnMut(Numbered),
) -> Result<Option<Rebuilt>, CoreError> {
    let known = known(&*session.core().await).await?;
    let mut tree = RecordTree::new();
    let mut pinned: Option<Head> = None;
    let mut fits = true;
    let mut request = GetRecordRequest::default();
    loop {
        let page = relay.get_record(request.clone()).await?;
        let head = match &pinned {
            Some(head) => head.clone(),
            None => match head_of(session, &page).await? {
                Some(head) => head,
                None => return Ok(None),
            },
        };
        let size = head.checkpoint.size();
        pinned = Some(head);
        let next = take(&request, &page, |entry| {
            if tree.size() == size {
                return;
            }
            fits &= entry.number == tree.size();
            tree.push(&entry.bytes);
            // What this device knew before is a part of it.
            if known.as_ref().is_some_and(|known| known.size == tree.size() && known.root != tree.root()) {
                fits = false;
            }
            each(entry);
        })?;
        session.tell(Event::RecordRead { have: tree.size(), of: size });
        match next {
            Some(next) if tree.size() < size => request.from = next,
            _ => break,
        }
    }
    let Some(head) = pinned else { return Ok(None) };
    let (size, root) = (head.checkpoint.size(), *head.checkpoint.root());
    fits &= tree.size() == size && tree.root() == root;
    if !fits {
        let shown = ShownHead { note: &head.note, certificate: &head.certificate, by_list: false };
        conversation::record_unlike_its_head(&*session.core().await, &shown, size).await?;
    }
    Ok(Some(Rebuilt { size, head: head.checkpoint, fits }))
}

/// Hands the entries of a page over; gives the number to go on from.
fn take(
    request: &GetRecordRequest,
    page: &GetRecordResponse,
    mut each: impl FnMut(Numbered),
) -> Result<Option<u64>, CoreError> {
    let mut next = request.from;
    for entry in &page.entries {
        // By number: a relay that goes round in a circle is left at once.
        if entry.number < next {
            return Err(CoreError::Protocol("does not list its record in order"));
        }
        next = entry.number.saturating_add(1);
        let said = RecordEntry::read(&entry.entry).ok();
        each(Numbered { number: entry.number, said, bytes: entry.entry.clone() });
    }
    Ok((page.more && !page.entries.is_empty()).then_some(next))
}

/// The head that a page names, by the certificate that verified the newest one that is known; `None`: there is no record yet.
async fn head_of(session: &Session, page: &GetRecordResponse) -> Result<Option<Head>, CoreError> {
    let core = session.core().await;
    let Some(known) = known(&core).await?.filter(|_| !page.head.is_empty()) else { return Ok(None) };
    let certificate = Bytes::from(known.certificate);
    let organisation = &core.device.organisation;
    let checkpoint = organisation
        .verify_checkpoint(&certificate, &page.head, DateCheck::Skip)
        .map_err(|_| CoreError::Protocol("did not sign the head of its record"))?;
    // An older head of its own would hide what came after it.
    let (size, root) = (checkpoint.size(), *checkpoint.root());
    if size < known.size || size == known.size && root != known.root {
        return Err(CoreError::Protocol("shows less of its record, or another, than it has shown before"));
    }
    Ok(Some(Head { checkpoint, note: page.head.clone(), certificate, by_list: false }))
}
