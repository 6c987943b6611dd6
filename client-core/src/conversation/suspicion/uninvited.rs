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
            relay_faults::RelayFaultKind,
        },
    },
};

/// With so many conversations, no more are shown that this device was never let into.
const CONVERSATIONS_MAX: usize = 1_000;

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
    if !show_uninvited(&mut tx, conversation, UtcMillis::new(entry.stamp_ms)).await? {
        return Ok(Vec::new());
    }
    let evidence = json!({ "came": entry.number });
    let (kind, number) = (RelayFaultKind::NoWelcome, entry.number);
    let suspicion = Suspicion { conversation: Some(conversation), kind, number, about: "", evidence };
    suspicion.note(&mut tx, now).await?;
    tx.commit().await?;
    Ok(vec![Effect::Again(conversation), Effect::Readable(conversation, EntryNumber::new(number))])
}

/// Stores a conversation of which only its id is known; answers whether it is new.
pub(crate) async fn show_uninvited(
    tx: &mut Transaction<'_>,
    conversation: ConversationId,
    last: UtcMillis,
) -> Result<bool, CoreError> {
    let rows = conversations::list(tx).await?;
    if rows.len() >= CONVERSATIONS_MAX || rows.iter().any(|row| row.conversation == conversation) {
        return Ok(false);
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
    Ok(true)
}

/// Whether a conversation is one that nothing has let this device into.
pub(crate) fn is_uninvited(row: &ConversationRow) -> bool {
    let nothing = row.joined == EntryNumber::ZERO && row.cursor == EntryNumber::ZERO;
    row.standing == Standing::OutOfStep && nothing
}
