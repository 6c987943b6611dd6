//! Entries that an honest relay would not have sent, or not so.

use data_encoding::HEXLOWER;
use serde_json::json;
use wardline_proto::{
    ChainHash, ConversationId, Digest, EntryNumber, UtcMillis, expiry, fault,
    relay::{Entry, EntryKind},
};

use super::{CLOCKS_AGREE_MS, Suspicion};
use crate::{
    conversation::{
        core::Core,
        receive::{Effect, Received},
    },
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            chain,
            conversations::{self, ConversationRow, Standing},
            relay_faults::RelayFaultKind,
        },
    },
};

/// Commits and Welcomes stay with the relay this long at most, in milliseconds (design 4.3).
pub(super) const COMMITS_STAY_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// What came after an entry that did not: it is asked for once more; after that the conversation waits for it, and the
/// others go on.
pub(crate) async fn left_out(
    core: &Core,
    received: &Received<'_>,
    row: &ConversationRow,
) -> Result<Vec<Effect>, CoreError> {
    if fault::planted("mutant.left_out") {
        return Ok(Vec::new());
    }
    missing(core, row, RelayFaultKind::LeftOut, json!({ "came": received.number.get() })).await
}

/// Bytes that are no entry, or not those of their digest: the entry has not come. One that cannot be told to a
/// conversation that this device reads changes nothing.
pub(crate) async fn damaged(core: &Core, entry: &Entry) -> Result<Vec<Effect>, CoreError> {
    if fault::planted("mutant.damaged") {
        return Ok(Vec::new());
    }
    let Ok(conversation) = ConversationId::try_from(&entry.conversation_id) else { return Ok(Vec::new()) };
    let mut tx = core.vault.begin("load_conversation").await?;
    let row = conversations::load(&mut tx, &conversation).await?;
    tx.commit().await?;
    match row {
        Some(row) if row.standing == Standing::Active => {
            missing(core, &row, RelayFaultKind::Altered, json!({ "came": entry.number })).await
        }
        _ => Ok(Vec::new()),
    }
}

/// The next entry has not come.
async fn missing(
    core: &Core,
    row: &ConversationRow,
    kind: RelayFaultKind,
    evidence: serde_json::Value,
) -> Result<Vec<Effect>, CoreError> {
    let number = row.cursor.next();
    let conversation = Some(row.conversation);
    let suspicion = Suspicion { conversation, kind, number: number.get(), about: "", evidence };
    let again = suspicion.note_alone(core).await?.then_some(Effect::Again(row.conversation));
    Ok(again.into_iter().chain([Effect::Readable(row.line.first, row.shown(number))]).collect())
}

/// An entry that this device has: the relay never sends what is behind the cursor.
pub(crate) async fn repeated(
    core: &Core,
    received: &Received<'_>,
    row: &ConversationRow,
) -> Result<Vec<Effect>, CoreError> {
    if fault::planted("mutant.repeated") {
        return Ok(Vec::new());
    }
    let (conversation, number) = (received.conversation, received.number);
    let now = core.clock.now();
    let mut tx = core.vault.begin("look_at_repeated").await?;
    let before = EntryNumber::new(number.get().saturating_sub(1));
    let before = chain::find(&mut tx, &conversation, before).await?;
    let had = chain::find(&mut tx, &conversation, number).await?;
    let came = before.map(|before: ChainHash| before.append(&received.link()));
    // Too old to be compared, or the same.
    let same = came.is_none() || had.is_none() || came == had;
    let kind = if same { RelayFaultKind::Repeated } else { RelayFaultKind::Changed };
    let hex = |hash: Option<ChainHash>| hash.map(|hash| hash.digest().to_string());
    let evidence = json!({ "first": hex(had), "then": hex(came) });
    let conversation = Some(conversation);
    Suspicion { conversation, kind, number: number.get(), about: "", evidence }.note(&mut tx, now).await?;
    tx.commit().await?;
    Ok(vec![Effect::Readable(row.line.first, row.shown(number))])
}

/// Looks at what an entry says of itself, before it is opened; answers whether it is to be asked for once more: what it
/// says may be withheld from this device only.
pub(crate) async fn look(
    core: &Core,
    received: &Received<'_>,
    row: &ConversationRow,
) -> Result<bool, CoreError> {
    let now = core.clock.now();
    let suspicion = |kind, evidence| Suspicion {
        conversation: Some(received.conversation),
        kind,
        number: received.number.get(),
        about: "",
        evidence,
    };
    // 1. In a log time never goes back, and it is not ahead of the clock.
    let backwards = received.stamp < row.last && received.number > row.joined.next();
    let ahead = received.stamp.get() > now.get().saturating_add(CLOCKS_AGREE_MS);
    if (backwards || ahead) && !fault::planted("mutant.misdated") {
        let evidence =
            json!({ "stamp_ms": received.stamp.get(), "before_ms": row.last.get(), "now_ms": now.get() });
        suspicion(RelayFaultKind::Misdated, evidence).note_alone(core).await?;
    }
    // 2. Bytes are there until their time is up.
    let until = match received.kind {
        EntryKind::Message => expiry(received.stamp, received.life_seconds).get(),
        _ => received.stamp.get().saturating_add(COMMITS_STAY_MS),
    };
    let early = received.entry.message.is_empty() && until > now.get().saturating_add(CLOCKS_AGREE_MS);
    if early && !fault::planted("mutant.withheld") {
        let evidence = json!({ "until_ms": until, "now_ms": now.get() });
        return suspicion(RelayFaultKind::Withheld, evidence).note_alone(core).await;
    }
    Ok(false)
}

/// Compares the place in the log that a member had seen with what this device saw. A member that has seen the entry that
/// it sends, or one after it, was shown another log as well.
pub(crate) async fn compare_logs(
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    (user, now): (&str, UtcMillis),
    (number, theirs): (EntryNumber, &[u8]),
) -> Result<(), CoreError> {
    let ours = chain::find(tx, &received.conversation, number).await?;
    let differs = ours.is_some_and(|ours| ours.digest().as_bytes().as_slice() != theirs);
    if !differs && number < received.number || fault::planted("mutant.other_log") {
        return Ok(());
    }
    let evidence = json!({
        "ours": ours.map(|ours| ours.digest().to_string()),
        // What a member writes there is the member's: no more of it is kept than a hash is long.
        "theirs": hex(&theirs[..theirs.len().min(Digest::LENGTH)]),
        "said_in": received.number.get(),
        "device": received.sender.to_string(),
    });
    let suspicion = Suspicion {
        conversation: Some(received.conversation),
        kind: RelayFaultKind::OtherLog,
        number: number.get(),
        about: user,
        evidence,
    };
    suspicion.note(tx, now).await?;
    Ok(())
}

/// The relay's place for the entry that let this device in is not where the log leads.
pub(crate) async fn joined_elsewhere(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    (promised, now): (&ChainHash, UtcMillis),
) -> Result<(), CoreError> {
    let evidence =
        json!({ "promised": promised.digest().to_string(), "came": row.chain.digest().to_string() });
    let (conversation, number) = (Some(row.conversation), row.cursor.get());
    let kind = RelayFaultKind::OtherLog;
    Suspicion { conversation, kind, number, about: "", evidence }.note(tx, now).await?;
    Ok(())
}

/// Something about an entry that only this device can know: whose commit it is, or what it sent itself.
pub(crate) async fn own_altered(
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    now: UtcMillis,
) -> Result<(), CoreError> {
    note(tx, received, RelayFaultKind::OwnAltered, now).await
}

/// The author's signature beside a commit is not over its bytes.
pub(crate) async fn false_author(
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    now: UtcMillis,
) -> Result<(), CoreError> {
    if fault::planted("mutant.false_author") {
        return Ok(());
    }
    note(tx, received, RelayFaultKind::FalseAuthor, now).await
}

async fn note(
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    kind: RelayFaultKind,
    now: UtcMillis,
) -> Result<(), CoreError> {
    let evidence = json!({ "sha256": received.digest.to_string() });
    let (conversation, number) = (Some(received.conversation), received.number.get());
    Suspicion { conversation, kind, number, about: "", evidence }.note(tx, now).await?;
    Ok(())
}

/// The relay says that this device is out, and the log does not.
pub(crate) async fn false_removal(
    core: &Core,
    row: &ConversationRow,
    number: EntryNumber,
) -> Result<(), CoreError> {
    if row.standing != Standing::Active || fault::planted("mutant.false_removal") {
        return Ok(());
    }
    let evidence = json!({ "cursor": row.cursor.get() });
    let (conversation, kind) = (Some(row.conversation), RelayFaultKind::FalseRemoval);
    Suspicion { conversation, kind, number: number.get(), about: "", evidence }.note_alone(core).await?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
