//! The relay's record as this device knows it: it only ever grows (design 4.7, P8).
//!
//! Every greeting names its head, and so does every list, by the word of who signed it. One with as many entries as the newest
//! that is known is that one; one with more goes on from it. The proof of that is fetched beside the talk, which never waits for
//! it, and only what is proven is kept. Anything else is kept as what the relay did.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::Notify;
use wardline_identity::{Checkpoint, DateCheck, RecordError, RevocationList, verify_consistency};
use wardline_proto::{
    Digest, Reason, fault,
    relay::{GetRecordProofRequest, RelayGreeting},
};

use super::{Link, Session};
use crate::{
    conversation::{self, Core, ShownHead},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::record_head::{self, RecordHeadRow},
};

/// How many heads wait to be proven; one more takes the place of the oldest. A relay fills no memory with them.
const WAITING_MAX: usize = 8;

/// How long a command waits for them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Heads of this connection that are to be proven.
#[derive(Default)]
pub(crate) struct Heads {
    open: Mutex<Open>,
    /// Rung when there is one.
    rung: Notify,
}

#[derive(Default)]
struct Open {
    waiting: VecDeque<Head>,
    /// Whether one is being looked at.
    looking: bool,
}

/// A head that the relay has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The note as it came.
    pub note: Bytes,
    /// The certificate that verifies it.
    pub certificate: Bytes,
    /// Whether a list named it, and not the relay's greeting.
    pub by_list: bool,
}

impl Head {
    fn row(&self) -> RecordHeadRow {
        RecordHeadRow {
            size: self.checkpoint.size(),
            root: *self.checkpoint.root(),
            note: self.note.to_vec(),
            certificate: self.certificate.to_vec(),
        }
    }

    fn shown(&self) -> ShownHead<'_> {
        ShownHead { note: &self.note, certificate: &self.certificate, by_list: self.by_list }
    }
}

impl Heads {
    /// A connection begins.
    pub(crate) fn clear(&self) {
        *self.open() = Open::default();
    }

    fn push(&self, head: Head) {
        let mut open = self.open();
        if open.waiting.contains(&head) {
            return;
        }
        if open.waiting.len() == WAITING_MAX {
            open.waiting.pop_front();
        }
        open.waiting.push_back(head);
        drop(open);
        self.rung.notify_one();
    }

    fn take(&self) -> Option<Head> {
        let mut open = self.open();
        let head = open.waiting.pop_front();
        open.looking = head.is_some();
        head
    }

    fn is_done(&self) -> bool {
        let open = self.open();
        open.waiting.is_empty() && !open.looking
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest head that is known.
pub(crate) async fn known(core: &Core) -> Result<Option<RecordHeadRow>, CoreError> {
    let mut tx = core.vault.begin("look_for_record_head").await?;
    let row = record_head::load(&mut tx).await?;
    tx.commit().await?;
    Ok(row)
}

/// The head that the relay's greeting names, whose time was verified.
pub(crate) async fn greeted(
    session: &Session,
    greeting: &RelayGreeting,
    note: &Bytes,
) -> Result<(), CoreError> {
    let mut core = session.core().await;
    if note.is_empty() {
        let Some(known) = known(&core).await? else { return Ok(()) };
        return conversation::record_shortened(&core, &known, None).await;
    }
    let (organisation, now) = (&core.device.organisation, DateCheck::At(session.clock.now()));
    let certificate = greeting.relay_certificate.clone();
    match organisation.verify_checkpoint(&certificate, note, now) {
        Ok(checkpoint) => {
            let head = Head { checkpoint, note: note.clone(), certificate, by_list: false };
            look_at(&mut core, &session.heads, head).await
        }
        Err(error) => {
            tracing::warn!(%error, "the relay's greeting names no head of its record");
            let known = known(&core).await?;
            let head = ShownHead { note, certificate: &certificate, by_list: false };
            conversation::record_forked(&core, known.as_ref(), &head).await
        }
    }
}

/// The head that a list names: what its signer knew of the record. By whom the list is signed, the relay has signed the head.
pub(crate) async fn listed(session: &Session, list: &RevocationList) -> Result<(), CoreError> {
    let note = Bytes::copy_from_slice(list.record_head());
    let mut core = session.core().await;
    let Some(known) = known(&core).await?.filter(|_| !note.is_empty()) else { return Ok(()) };
    let certificate = Bytes::from(known.certificate);
    let organisation = &core.device.organisation;
    let checkpoint = match organisation.verify_checkpoint(&certificate, &note, DateCheck::Skip) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            // Its signer's doing, or the relay has another key by now: nothing that shows what the relay did.
            tracing::warn!(%error, "a list names no head of the record that can be checked");
            return Ok(());
        }
    };
    look_at(&mut core, &session.heads, Head { checkpoint, note, certificate, by_list: true }).await
}

/// Holds a head against the newest that is known.
async fn look_at(core: &mut Core, heads: &Heads, head: Head) -> Result<(), CoreError> {
    let Some(known) = known(core).await? else { return keep(core, &head).await };
    if fault::planted("mutant.any_record") {
        return keep(core, &head).await;
    }
    let size = head.checkpoint.size();
    if size == known.size {
        return match *head.checkpoint.root() == known.root {
            true if known.certificate == head.certificate => Ok(()),
            // The relay has another key by now: what it signs from now on is checked by that.
            true => keep(core, &head).await,
            false => conversation::record_forked(core, Some(&known), &head.shown()).await,
        };
    }
    // A list may be older than what this device knows; the relay has signed its head just now.
    if size < known.size && !head.by_list {
        return conversation::record_shortened(core, &known, Some(&head.shown())).await;
    }
    heads.push(head);
    Ok(())
}

/// Keeps a head that is proven to go on from the one at hand, or the first; lists that are signed here name it.
async fn keep(core: &mut Core, head: &Head) -> Result<(), CoreError> {
    if fault::planted("mutant.record_unkept") {
        return Ok(());
    }
    let mut tx = core.vault.begin("keep_record_head").await?;
    record_head::store(&mut tx, &head.row()).await?;
    tx.commit().await?;
    core.revocations.name_record(&head.note);
    Ok(())
}

/// Has the heads of this connection proven, one after another, for as long as it lasts.
pub(crate) async fn prove(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    loop {
        while let Some(head) = session.heads.take() {
            prove_one(session, relay, &head).await?;
            session.heads.open().looking = false;
            session.stepped(&[]);
        }
        session.heads.rung.notified().await;
    }
}

/// Asks for the proof that the larger one of this head and that at hand goes on from the smaller one.
async fn prove_one(session: &Session, relay: &Arc<dyn Relay>, head: &Head) -> Result<(), CoreError> {
    let Some(known) = known(&*session.core().await).await? else { return Ok(()) };
    let organisation = session.core().await.device.organisation.id().clone();
    let at_hand = Checkpoint::new(&organisation, known.size, known.root);
    let newer = head.checkpoint.size() > known.size;
    let (before, after) = if newer { (&at_hand, &head.checkpoint) } else { (&head.checkpoint, &at_hand) };
    let request =
        GetRecordProofRequest { size: after.size(), goes_on_from: before.size(), numbers: Vec::new() };
    let needs_proof = before.size() > 0 && before.size() < after.size();
    let answer = if needs_proof {
        relay.get_record_proof(request).await.map(|it| it.consistency)
    } else {
        Ok(Vec::new())
    };
    let proof = match answer {
        Ok(proof) => proof,
        // What it has signed it does not have.
        Err(RelayError::Refused { reason: Reason::FieldInvalid, .. }) => {
            let core = session.core().await;
            return conversation::record_shortened(&core, &known, Some(&head.shown())).await;
        }
        Err(error @ RelayError::Refused { .. }) => {
            tracing::info!(%error, "the relay did not prove that its record goes on; it is asked again");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let hashes: Result<Vec<Digest>, _> = proof.iter().map(Digest::try_from).collect();
    let goes_on = match hashes {
        Ok(hashes) => verify_consistency(before, after, &hashes),
        Err(_) => Err(RecordError::Consistency),
    };
    let mut core = session.core().await;
    match goes_on {
        Ok(()) if newer => keep(&mut core, head).await,
        Ok(()) => Ok(()),
        Err(_) => conversation::record_forked(&core, Some(&known), &head.shown()).await,
    }
}

/// What this device knows of the relay's record, and whose certificate signed it.
pub(crate) struct KnownRecord {
    /// How many entries.
    pub size: u64,
    /// Whether all heads of this connection are proven to go on from one another, and none was found not to.
    pub goes_on: bool,
    /// The relay's certificate, DER.
    pub certificate: Vec<u8>,
}

impl Session {
    /// What is known of the relay's record.
    pub(crate) async fn record_shown(&self) -> Result<Option<KnownRecord>, CoreError> {
        let core = self.core().await;
        let Some(row) = known(&core).await? else { return Ok(None) };
        let goes_on = self.heads.is_done() && !conversation::record_is_doubted(&core).await?;
        Ok(Some(KnownRecord { size: row.size, goes_on, certificate: row.certificate }))
    }

    /// Waits a moment until what the relay has shown of its record is proven or not.
    pub(crate) async fn proven(&self) {
        let mut progress = self.progress();
        let wait = async {
            while !self.heads.is_done() && !matches!(*self.link.borrow(), Link::Offline(_)) {
                if progress.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, wait).await;
    }
}
