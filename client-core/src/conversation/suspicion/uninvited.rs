//! A conversation that this device is in and was not let into: its Welcome was withheld, or made for a package that it has
//! used before. It is shown, and the other members are asked to let the device in anew.

use serde_json::json;
use wardline_proto::{ChainHash, ConversationId, EntryNumber, Suite, UtcMillis, fault, relay::Entry};

use super::{Suspicion, entry::COMMITS_STAY_MS};
use crate::{
    conversation::{core::Core, receive::Effect},
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::{self, ConversationRow, Line, Standing},
            messages,
            relay_faults::{self, RelayFaultKind},
            reports,
        },
    },
};

/// So many conversations are shown that this device was never let into: of more, the newest.
const UNINVITED_MAX: usize = 100;

/// What became of a conversation of which only its id is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It was there already.
    Known,
    /// It is shown from now on.
    New,
    /// It is shown in place of the oldest one.
    InPlaceOfAnother,
}

/// An entry of a conversation that nothing has let this device into. It is shown, so that its person asks; what lets it in
/// is asked for once more. What is older than the relay keeps such things is no lie.
pub(crate) async fn uninvited(core: &Core, entry: &Entry) -> Result<Vec<Effect>, CoreError> {
    let Ok(conversation) = ConversationId::try_from(&entry.conversation_id) else { return Ok(Vec::new()) };
    let now = core.clock.now();
    let kept = entry.stamp_ms.saturating_add(COMMITS_STAY_MS) > now.get();
    if !kept || fault::planted("mutant.no_welcome") {
        return Ok(Vec::new());
    }
    let mut tx = core.vault.begin("note_uninvited").await?;
    let shown = show_uninvited(&mut tx, conversation, UtcMillis::new(entry.stamp_ms)).await?;
    if shown == Shown::Known {
        return Ok(Vec::new());
    }
    let evidence = json!({ "came": entry.number });
    let (kind, number) = (RelayFaultKind::NoWelcome, entry.number);
    let suspicion = Suspicion { conversation: Some(conversation), kind, number, about: "", evidence };
    suspicion.note(&mut tx, now).await?;
    tx.commit().await?;
    // Where others had to make room nothing is asked for: it would go round for ever.
    let again = (shown == Shown::New).then_some(Effect::Again(conversation));
    let readable = Effect::Readable(conversation, EntryNumber::new(number));
    Ok(again.into_iter().chain([readable]).collect())
}

/// Stores a conversation of which only its id is known. However many there are, whether a relay made them up or not: the next
/// one is shown as well.
pub(crate) async fn show_uninvited(
    tx: &mut Transaction<'_>,
    conversation: ConversationId,
    last: UtcMillis,
) -> Result<Shown, CoreError> {
    let rows = conversations::list(tx).await?;
    if rows.iter().any(|row| row.conversation == conversation) {
        return Ok(Shown::Known);
    }
    let uninvited: Vec<&ConversationRow> = rows.iter().filter(|row| is_uninvited(row)).collect();
    let is_full = uninvited.len() >= UNINVITED_MAX;
    if rows.len() >= UNINVITED_MAX && fault::planted("mutant.uninvited_full") {
        return Ok(Shown::Known);
    }
    let oldest = uninvited.last().filter(|_| is_full);
    if let Some(oldest) = oldest {
        forget(tx, &oldest.conversation).await?;
    }
    let row = ConversationRow {
        conversation,
        suite: Suite::MlKem768X25519,
        name: String::new(),
        retention_seconds: 0,
        standing: Standing::OutOfStep,
        held: None,
        joined: EntryNumber::ZERO,
        cursor: EntryNumber::ZERO,
        chain: ChainHash::genesis(&conversation),
        read: EntryNumber::ZERO,
        last,
        line: Line::alone(conversation),
    };
    conversations::store(tx, &row).await?;
    Ok(if oldest.is_some() { Shown::InPlaceOfAnother } else { Shown::New })
}

/// Nothing let this device into a conversation, and it is out by now: there is nothing left to be asked for. Answers whether it was
/// one of those.
pub(crate) async fn forget_uninvited(core: &Core, row: &ConversationRow) -> Result<bool, CoreError> {
    if !is_uninvited(row) || fault::planted("mutant.uninvited_stays") {
        return Ok(false);
    }
    let mut tx = core.vault.begin("forget_uninvited").await?;
    forget(&mut tx, &row.conversation).await?;
    tx.commit().await?;
    Ok(true)
}

async fn forget(tx: &mut Transaction<'_>, conversation: &ConversationId) -> Result<(), CoreError> {
    reports::delete(tx, conversation).await?;
    messages::clear(tx, conversation, EntryNumber::ZERO).await?;
    relay_faults::forget(tx, conversation).await?;
    Ok(conversations::delete(tx, conversation).await?)
}

/// Whether a conversation is one that nothing has let this device into.
pub(crate) fn is_uninvited(row: &ConversationRow) -> bool {
    let nothing = row.joined == EntryNumber::ZERO && row.cursor == EntryNumber::ZERO;
    row.standing == Standing::OutOfStep && nothing
}
