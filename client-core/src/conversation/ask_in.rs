//! A commit that lets this device in, while nothing does: its Welcome was withheld, does not open or is not what it should
//! be. The device says that it cannot follow that commit, and another member adds it anew. After so many in a row its person is
//! told; it goes on asking, as often as the relay lets it: who spoils it each time must not come to silence it.

use wardline_identity::StatementLabel;
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis, fault,
    relay::{CommitAuthor, EntryKind, OutOfStep},
};

use super::{
    core::Core,
    former::Ending,
    receive::{Effect, Received, decode, encode},
    receive_message::blank,
    report::{commit_row, declared, former},
    roster::{Member, Roster},
    suspicion,
    voice::Voice,
};
use crate::{
    error::CoreError,
    mls::Group,
    vault::{
        Transaction,
        tables::{
            commits,
            conversations::{self, ConversationRow, Standing},
            messages::{self, MessageKind, MessageRow},
            reports::{self, ReportRow},
        },
    },
};

/// After how many tries in a row the person is told what to do.
pub(super) const TRIES_MAX: u32 = 5;

/// Whether an entry is the commit by which the members have this device in, and it is not in: what let it in before is
/// over, or nothing ever did.
pub(crate) fn lets_in(core: &Core, received: &Received<'_>, row: &ConversationRow) -> bool {
    let out = matches!(row.standing, Standing::OutOfStep | Standing::Removed);
    if received.kind != EntryKind::Commit || !out || received.number <= row.cursor {
        return false;
    }
    if suspicion::is_uninvited(row) {
        return true;
    }
    joins(received, &core.device.id()) && !fault::planted("mutant.bad_welcome")
}

/// Whether a commit says that this device comes in.
pub(crate) fn joins(received: &Received<'_>, own: &DeviceId) -> bool {
    declared(&received.entry.message).is_some_and(|data| data.joins.contains(&own.to_wire()))
}

/// Says so, once for each such commit.
pub(crate) async fn ask_in(
    core: &mut Core,
    received: &Received<'_>,
    mut row: ConversationRow,
) -> Result<Vec<Effect>, CoreError> {
    let conversation = received.conversation;
    let anew = joins(received, &core.device.id());
    let known = !suspicion::is_uninvited(&row) && core.load_group(&conversation).await?;
    let mut tx = core.vault.begin("ask_in").await?;
    let before = reports::find(&mut tx, &conversation).await?;
    // The first that comes, and after it only one that lets in anew.
    if before.as_ref().is_some_and(|before| !anew || before.number >= received.number) {
        return Ok(Vec::new());
    }
    let group = core.groups.get(&conversation).filter(|_| known);
    let roster = group.map(|group| Roster::read(&core.device.organisation, &group.roster()));
    let since = group.map_or(Epoch::ZERO, Group::epoch);
    let author = roster.as_ref().and_then(|roster| signed_by(roster, (received, since)));
    // Where the log ends with this commit it goes on from the last state that this device has: who makes a second one that
    // nobody can follow does not make everybody forget the first.
    if let (Some(roster), Some(group)) = (&roster, group)
        && author.is_some()
        && anew
        && !fault::planted("mutant.second_forgets")
    {
        let data = declared(&received.entry.message);
        let ending = Ending { author, data: data.as_ref(), conversation: &conversation };
        let former = former(&row, group, (roster, &ending));
        commits::insert(&mut tx, &commit_row(received, author, &former)).await?;
    }
    let tries = before.map_or(0, |before| before.tries).saturating_add(1);
    let report = ReportRow {
        number: received.number,
        statement: report(
            &entering(core, &conversation, anew),
            core.clock.now(),
            (&conversation, received.number, &received.digest),
        ),
        tries,
    };
    reports::insert(&mut tx, &conversation, &report).await?;
    row.standing = Standing::OutOfStep;
    conversations::store(&mut tx, &row).await?;
    show(&mut tx, received, (author, tries)).await?;
    tx.commit().await?;
    fault::crash("crash.out_of_step");
    Ok(vec![Effect::OutOfStep(conversation), Effect::Readable(row.line.first, row.shown(received.number))])
}

/// The key that the members know this device by who have followed a commit which it cannot follow: where that lets it in anew, the one
/// of its packages. Should they know it by another, that one's turn comes (see `report_by`).
fn entering<'a>(core: &'a Core, conversation: &ConversationId, anew: bool) -> Voice<'a> {
    if anew && !fault::planted("mutant.asks_by_old_leaf") {
        return core.device.newest();
    }
    core.voice(conversation)
}

/// What this device says of a commit, under the key that the members know it by.
pub(crate) fn report(
    voice: &Voice<'_>,
    now: UtcMillis,
    (conversation, number, digest): (&ConversationId, EntryNumber, &Digest),
) -> Vec<u8> {
    let report = OutOfStep {
        conversation_id: conversation.to_wire(),
        number: number.get(),
        commit_sha256: digest.to_wire(),
        said_at: Some(now.into()),
    };
    encode(&voice.sign(StatementLabel::OutOfStep, &report))
}

/// The member of the roster that this device last knew whose signature came beside the commit. The epoch is whatever it
/// is by now, and none that was over when this device fell out.
fn signed_by<'a>(roster: &'a Roster, (received, since): (&Received<'_>, Epoch)) -> Option<&'a Member> {
    let statement = received.entry.author.as_ref()?;
    let author = roster.fingerprint(&Digest::try_from(&statement.signer).ok()?)?;
    let body = author.certificate.verify_statement(StatementLabel::CommitAuthor, statement).ok()?;
    let said: CommitAuthor = decode(&body)?;
    let fits = said.conversation_id.as_ref() == received.conversation.as_bytes().as_slice()
        && said.commit_sha256.as_ref() == received.digest.as_bytes().as_slice()
        && said.epoch >= since.get();
    fits.then_some(author)
}

/// What people are told, in place of what was told of this entry before.
async fn show(
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    (author, tries): (Option<&Member>, u32),
) -> Result<(), CoreError> {
    let of = |what: fn(&Member) -> String| author.map(what).unwrap_or_default();
    let name = of(|author| author.certificate.display_name().to_string());
    let who = if name.is_empty() { "Somebody" } else { name.as_str() };
    let then = if tries > TRIES_MAX {
        "it has asked often by now: ask a member to remove you and to add you again"
    } else {
        "it asks another member for that"
    };
    let event = MessageRow {
        sender_user: of(|author| author.certificate.user().to_string()),
        body: format!("{who} meant to let this device in, by something that it cannot open; {then}"),
        sender_name: name.clone(),
        ..blank(received, MessageKind::Event)
    };
    messages::clear(tx, &received.conversation, EntryNumber::new(received.number.get())).await?;
    Ok(messages::insert(tx, &event).await?)
}
