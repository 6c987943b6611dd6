//! A commit that this device cannot follow: it stops there, says so under its own key, and waits to be added anew or for a
//! successor. The report is in the vault before it is sent.

use wardline_identity::StatementLabel;
use wardline_proto::{
    ConversationId, Digest, EntryNumber, Epoch, UtcMillis, fault,
    relay::{CommitAuthor, CommitData, OutOfStep, SignedStatement},
};

use super::{
    ask_in::{self, TRIES_MAX, joins},
    core::Core,
    former::{Ending, Former},
    hold::Hold,
    instead,
    merged::commit_data,
    receive::{Effect, Received, decode},
    receive_message::blank,
    roster::{Member, Roster},
    suspicion::{self, Suspicion},
    voice::Voice,
};
use crate::{
    error::CoreError,
    mls::{Group, inspect},
    vault::{
        Transaction,
        tables::{
            commits::{self, CommitRow},
            conversations::{self, ConversationRow, Standing},
            messages::{self, MessageKind, MessageRow},
            pending_commits,
            relay_faults::{self, RelayFaultKind},
            reports::{self, ReportRow},
        },
    },
};

/// Stops at a commit that cannot be followed. The cursor stays before it; what this device wants of the conversation
/// waits.
pub(crate) async fn fall_out(
    core: &Core,
    mut tx: Transaction<'_>,
    received: &Received<'_>,
) -> Result<Vec<Effect>, CoreError> {
    let conversation = received.conversation;
    let (Some(mut row), Some(group)) =
        (conversations::load(&mut tx, &conversation).await?, core.groups.get(&conversation))
    else {
        return Err(CoreError::Protocol("sent an entry of a conversation that is not open"));
    };
    // 1. Who signed for it, and what it declares: neither needs MLS.
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let author = author_of(&roster, received, group.epoch());
    let data = declared(&received.entry.message);
    let ending = Ending { author, data: data.as_ref(), conversation: &conversation };
    let former = former(&row, group, (&roster, &ending));
    commits::insert(&mut tx, &commit_row(received, author, &former)).await?;

    // 2. What this device says of it.
    let now = core.clock.now();
    say_so(&core.voice(&received.conversation), &mut tx, received, now).await?;

    // 3. Where it stands, and what people see. A commit of its own that is under way stays: this one may be the relay's
    //    invention, and only the log names the winner.
    if fault::planted("mutant.fall_out_forgets") {
        pending_commits::delete(&mut tx, &conversation).await?;
    }
    row.standing = Standing::OutOfStep;
    let lie = author.is_none() && !received.entry.message.is_empty();
    if lie {
        suspicion::false_author(&mut tx, received, now).await?;
    }
    conversations::store(&mut tx, &row).await?;
    let anew = joins(received, &core.device.id());
    let event = MessageRow { body: said((author, anew), received), ..by(author, received) };
    // Another may have come before it.
    messages::forget(&mut tx, &conversation, received.number).await?;
    messages::insert(&mut tx, &event).await?;
    tx.commit().await?;
    fault::crash("crash.out_of_step");
    let shown = Effect::Readable(row.line.first, row.shown(received.number));
    Ok(vec![Effect::OutOfStep(conversation), shown])
}

/// The last state that this device has, as that before a commit which it cannot follow.
pub(crate) fn former(
    row: &ConversationRow,
    group: &Group,
    (roster, ending): (&Roster, &Ending<'_>),
) -> Former {
    let hold = row.held.as_deref().map(Hold::parse);
    let right = hold.as_ref().and_then(Hold::right).unwrap_or_else(|| group.settings());
    Former::of(roster, &right, ending)
}

/// Keeps what this device says of a commit that it cannot go on from.
pub(crate) async fn say_so(
    voice: &Voice<'_>,
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    now: UtcMillis,
) -> Result<(), CoreError> {
    let place = (&received.conversation, received.number, &received.digest);
    let statement = ask_in::report(voice, now, place);
    let report = ReportRow { number: received.number, statement, tries: 1 };
    Ok(reports::insert(tx, &received.conversation, &report).await?)
}

/// What people are told.
fn said((author, anew): (Option<&Member>, bool), received: &Received<'_>) -> String {
    match author {
        Some(author) if anew => format!(
            "{} took this device out and means to let it in again; it waits for that",
            author.certificate.display_name()
        ),
        _ if received.entry.message.is_empty() => {
            "This device was away for so long that it has to be let in again".to_owned()
        }
        Some(author) => format!(
            "{} made a change that this device cannot follow; it waits to be let in again",
            author.certificate.display_name()
        ),
        None => "The relay brought a change that no member signed for; this device waits to be let in again"
            .to_owned(),
    }
}

fn by(author: Option<&Member>, received: &Received<'_>) -> MessageRow {
    let of = |what: fn(&Member) -> String| author.map(what).unwrap_or_default();
    MessageRow {
        sender_user: of(|author| author.certificate.user().to_string()),
        sender_name: of(|author| author.certificate.display_name().to_string()),
        ..blank(received, MessageKind::Event)
    }
}

/// The row of a commit that this device has not merged, with who was in before it.
pub(crate) fn commit_row(received: &Received<'_>, author: Option<&Member>, former: &Former) -> CommitRow {
    CommitRow {
        conversation: received.conversation,
        number: received.number,
        digest: received.digest,
        merged: None,
        author: author.map(|author| author.certificate.device()),
        stamp: received.stamp,
        before: Some(former.to_text()),
    }
}

/// The member whose signature over these bytes, in this conversation and epoch, came beside the commit. It is not part of
/// the commit: what does not match is the relay's doing (design 4.3).
pub(crate) fn author_of<'a>(roster: &'a Roster, received: &Received<'_>, epoch: Epoch) -> Option<&'a Member> {
    let statement = received.entry.author.as_ref()?;
    let author = roster.fingerprint(&Digest::try_from(&statement.signer).ok()?)?;
    let body = author.certificate.verify_statement(StatementLabel::CommitAuthor, statement).ok()?;
    let said: CommitAuthor = decode(&body)?;
    let fits = said.conversation_id.as_ref() == received.conversation.as_bytes().as_slice()
        && said.epoch == epoch.get()
        && said.commit_sha256.as_ref() == received.digest.as_bytes().as_slice();
    fits.then_some(author)
}

/// What a commit declares, whether or not it can be opened.
pub(crate) fn declared(commit: &[u8]) -> Option<CommitData> {
    commit_data(&inspect::authenticated_data(commit).ok()?)
}

/// What is to be said to the relay of a conversation, if this device is out of step there.
pub(crate) async fn report(
    core: &Core,
    conversation: &ConversationId,
) -> Result<Option<(EntryNumber, SignedStatement)>, CoreError> {
    let mut tx = core.vault.begin("look_for_report").await?;
    let report = reports::find(&mut tx, conversation).await?;
    tx.commit().await?;
    let report = report.filter(|one| one.tries <= TRIES_MAX || !fault::planted("mutant.asks_no_more"));
    Ok(report.and_then(|report| Some((report.number, decode(&report.statement)?))))
}

/// The same said by another of this device's keys: the one that comes so many after the one it is said by.
pub(crate) fn report_by(core: &Core, statement: SignedStatement, turn: usize) -> SignedStatement {
    let voices: Vec<Voice<'_>> = core.device.voices().collect();
    let first =
        voices.iter().position(|voice| *voice.certificate.fingerprint().as_bytes() == *statement.signer);
    let voice = first.and_then(|first| voices.get((first + turn) % voices.len()));
    match (voice, decode::<OutOfStep>(&statement.body)) {
        (Some(voice), Some(said)) if turn > 0 => voice.sign(StatementLabel::OutOfStep, &said),
        _ => statement,
    }
}

/// The relay has another entry there than it sent: that is noted, and the first time it is to be asked for it once more. After that
/// this device waits for it (see `instead`), and meanwhile says what it had to say before, if anything.
pub(crate) async fn look_again(
    core: &mut Core,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<bool, CoreError> {
    let was_in = core.load_group(conversation).await?;
    let mut tx = core.vault.begin("look_again").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    let Some(row) = row.filter(|row| row.standing == Standing::OutOfStep) else { return Ok(false) };
    let suspicion = Suspicion {
        conversation: Some(*conversation),
        kind: RelayFaultKind::Changed,
        number: number.get(),
        about: "",
        evidence: serde_json::json!({ "refused_report_of": number.get() }),
    };
    let new = suspicion.note(&mut tx, core.clock.now()).await?;
    if new || !was_in {
        put_back(&mut tx, row, was_in).await?;
    } else {
        instead::first_again(core, &mut tx, &row, number).await?;
    }
    tx.commit().await?;
    Ok(new)
}

/// The relay says that this device is not in. Where nothing let it in it was not: what it could not follow was no entry.
pub(crate) async fn not_in(core: &mut Core, conversation: &ConversationId) -> Result<(), CoreError> {
    if core.load_group(conversation).await? {
        return Ok(());
    }
    let mut tx = core.vault.begin("not_in").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    let Some(row) = row.filter(|row| row.standing == Standing::OutOfStep) else { return Ok(()) };
    put_back(&mut tx, row, false).await?;
    Ok(tx.commit().await?)
}

/// A conversation is what it was before an entry that there is not: one that this device is in, was put out of, or never was let
/// into. Open without a group it would be neither read nor let in to again.
async fn put_back(tx: &mut Transaction<'_>, mut row: ConversationRow, was_in: bool) -> Result<(), CoreError> {
    let conversation = row.conversation;
    // What came after it came of a log that may not be the real one.
    messages::clear(tx, &conversation, row.cursor.next()).await?;
    reports::delete(tx, &conversation).await?;
    let unread = fault::planted("mutant.open_without_group");
    if suspicion::is_uninvited(&row) && !unread {
        relay_faults::forget(tx, &conversation).await?;
        return Ok(conversations::delete(tx, &conversation).await?);
    }
    row.standing = if was_in || unread { Standing::Active } else { Standing::Removed };
    Ok(conversations::store(tx, &row).await?)
}

/// A message of another device that came while this one could not follow: it is counted, and goes from the count when its
/// sender sends it again.
pub(crate) async fn missed(core: &Core, received: &Received<'_>) -> Result<Vec<Effect>, CoreError> {
    if received.sender == core.device.id() {
        return Ok(Vec::new());
    }
    let mut tx = core.vault.begin("missed").await?;
    messages::insert(&mut tx, &blank(received, MessageKind::Missed)).await?;
    tx.commit().await?;
    Ok(Vec::new())
}
