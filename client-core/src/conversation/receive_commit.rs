//! Taking in a commit: one's own that won its epoch, or another's; merge, then judge.

use wardline_proto::{
    ConversationId, DeviceId, EntryNumber, Epoch, content::ConversationSettings, fault, relay::CommitData,
};

use super::{
    add_anew::{cut_off_from, unread_from},
    again::send_again,
    ask_in::joins,
    core::Core,
    correct,
    former::{Ending, Former},
    hold::Hold,
    instead::followed,
    merged::{Merged, Merging},
    receive::{Effect, Received},
    receive_message::{blank, unreadable},
    reinstated,
    report::{author_of, commit_row, declared, fall_out},
    revoked,
    roster::Roster,
    spent::{carried_out, spent},
    successor::told,
    suspicion,
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    mls::Processed,
    vault::{
        Transaction,
        tables::{
            chain,
            commits::{self, CommitRow, Effected},
            conversations::{self, ConversationRow, Standing},
            intents::{self, Outcome, Wish},
            messages::{self, MessageKind, MessageRow},
            pending_commits::{self, PendingCommit},
        },
    },
};

/// Whether this device is still in.
pub(crate) enum Membership {
    /// It is.
    In(Vec<Effect>),
    /// It is not: nothing of the group is left in memory.
    Out(Vec<Effect>),
}

/// Merges a commit, judges what it did, moves the cursor.
pub(crate) async fn receive_commit(
    core: &mut Core,
    received: &Received<'_>,
    mut row: ConversationRow,
) -> Result<Membership, CoreError> {
    let conversation = received.conversation;
    let mut tx = core.vault.begin("receive_commit").await?;
    let pending = pending_commits::find(&mut tx, &conversation).await?;
    let ours = pending.as_ref().is_some_and(|pending| pending.sha256 == received.digest);
    let mut effects = vec![Effect::Readable(row.line.first, row.shown(received.number))];

    // 1. Merge.
    let group = core.groups.get_mut(&conversation).ok_or_else(not_open)?;
    let mut merging = Merging::begin(
        (&core.device.organisation, &core.revocations),
        group,
        row.held.as_deref().map(Hold::parse),
    );
    correct::recall(&mut tx, &row, &mut merging).await?;
    let (epoch, kept) = (group.epoch(), kept(received, merging.before(), group.epoch()));
    if fault::planted("member.false_report") {
        return fall_out(core, tx, received).await.map(Membership::Out);
    }
    let (own, data) = (core.device.id(), declared(&received.entry.message));
    merging.spent =
        spent(&mut tx, (&core.device.organisation, &row), merging.before().0, data.as_ref()).await?;
    let unread = data.as_ref().and_then(|data| unread(&conversation, data, &merging));
    let merged = if ours {
        merging.merge_own(group, &core.store, (&core.device.certificate, data.as_ref()))?
    } else {
        match group.process(&core.store, &received.entry.message) {
            // Out and in: what lets it in is the Welcome, and until that has, it is a commit like any other that this device
            // cannot follow. Nothing it wants of the conversation is over.
            Ok(Processed::Commit(staged)) if staged.self_removed && lets_in_again(own, received) => {
                return fall_out(core, tx, received).await.map(Membership::Out);
            }
            Ok(Processed::Commit(staged)) => merging.merge(group, &core.store, *staged, received)?,
            Err(error) if !unreadable(&error) => return Err(error.into()),
            // Not readable from here on: the device has to be added anew, or a successor goes on.
            _ => return fall_out(core, tx, received).await.map(Membership::Out),
        }
    };

    // 2. What became of our own commit and wishes.
    followed(&mut tx, received).await?;
    if let Some(pending) = pending {
        pending_commits::delete(&mut tx, &conversation).await?;
        effects.push(settle(&mut tx, &pending, ours).await?);
    }
    carried_out(&mut tx, (&conversation, received.number), data.as_ref(), &merged.moved).await?;
    let gone = |wish: &Wish| matches!(wish, Wish::LetGo { user, .. } if merged.gone.contains(user));
    intents::end_where(&mut tx, &conversation, &Outcome::Done, gone).await?;
    let did = Effected { epoch, at: core.clock.now(), removed: merged.moved.out.clone() };
    commits::insert(&mut tx, &CommitRow { merged: Some(did), ..kept }).await?;
    if let Some(number) = unread {
        send_again(core, &mut tx, (&row, number), &conversation, &merged.roster.readers()).await?;
    }
    put_right(core, &mut tx, (received, &mut row), &merged).await?;

    // 3. What people see, and where this device stands.
    row.held = merged.hold.as_ref().map(Hold::to_text);
    note_lies(core, &mut tx, received, &merged).await?;
    tell(&mut tx, received, &row, &merged).await?;
    if merged.self_removed {
        row.standing = Standing::Removed;
        if let Some(group) = core.groups.remove(&conversation) {
            group.delete(&core.store)?;
        }
        let gone = closed_for("You were removed from it.");
        intents::end_where(&mut tx, &conversation, &gone, |_| true).await?;
        effects.push(Effect::Removed(conversation));
    } else {
        row.name = shown_name(&merged.right.name);
        row.retention_seconds = merged.right.retention_seconds;
    }
    conversations::store(&mut tx, &row).await?;
    chain::insert(&mut tx, &conversation, row.cursor, &row.chain).await?;
    fault::crash("crash.commit_unmerged");
    Core::finish(&core.store, tx).await?;
    fault::crash("crash.commit_merged");
    Ok(if merged.self_removed { Membership::Out(effects) } else { Membership::In(effects) })
}

/// Wishes for what is to be put right after a commit.
async fn put_right(
    core: &Core,
    tx: &mut Transaction<'_>,
    (received, row): (&Received<'_>, &mut ConversationRow),
    merged: &Merged,
) -> Result<(), CoreError> {
    correct::follow_up(core, tx, (received, row), merged).await?;
    if merged.self_removed {
        return Ok(());
    }
    reinstated::note(tx, &received.conversation, merged).await?;
    let place = (&received.conversation, &merged.roster);
    reinstated::look_in(core, tx, place, (core.clock.now(), revoked::by_itself(core))).await?;
    revoked::follow_up(core, tx, &received.conversation, &merged.roster).await
}

/// The first entry that devices which a commit adds anew have not read, if it adds any.
fn unread(conversation: &ConversationId, data: &CommitData, merging: &Merging<'_>) -> Option<EntryNumber> {
    let before = merging.before().0;
    let not_followed = unread_from(data, (before, conversation), &merging.spent);
    let cut_off = cut_off_from(data, before, (merging.declared.as_deref(), merging.declared_at));
    not_followed.into_iter().chain(cut_off).min()
}

/// Whether a commit that takes this device out says that it lets it in again.
fn lets_in_again(own: DeviceId, received: &Received<'_>) -> bool {
    joins(received, &own) && !fault::planted("mutant.out_is_out")
}

/// What the commit shows of the relay.
async fn note_lies(
    core: &Core,
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    merged: &Merged,
) -> Result<(), CoreError> {
    if merged.relay_fault {
        suspicion::false_author(tx, received, core.clock.now()).await?;
    }
    if let Some((number, hash)) = &merged.seen {
        let said_by = (merged.author_user.as_str(), core.clock.now());
        suspicion::compare_logs(tx, received, said_by, (*number, hash)).await?;
    }
    Ok(())
}

/// What people are told of the commit.
async fn tell(
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    row: &ConversationRow,
    merged: &Merged,
) -> Result<(), CoreError> {
    let event = MessageRow {
        sender_user: merged.author_user.clone(),
        sender_name: merged.author_name.clone(),
        body: told(tx, row, received.number).await?.unwrap_or_else(|| merged.event.clone()),
        ..blank(received, MessageKind::Event)
    };
    if !event.body.is_empty() {
        messages::insert(tx, &event).await?;
    }
    Ok(())
}

/// A conversation's name as it can be shown: peers write it.
pub(crate) fn shown_name(name: &str) -> String {
    name.chars().map(|one| if one.is_control() { '\u{fffd}' } else { one }).take(128).collect()
}

/// What is kept of a commit: its digest, and who was in before it.
fn kept(
    received: &Received<'_>,
    (before, right): (&Roster, &ConversationSettings),
    epoch: Epoch,
) -> CommitRow {
    let author = author_of(before, received, epoch);
    let data = declared(&received.entry.message);
    let ending = Ending { author, data: data.as_ref(), conversation: &received.conversation };
    commit_row(received, author, &Former::of(before, right, &ending))
}

/// Our commit won its epoch, or lost it. A wish to add stays open until nobody is missing.
async fn settle(tx: &mut Transaction<'_>, pending: &PendingCommit, won: bool) -> Result<Effect, CoreError> {
    if !won {
        return Ok(Effect::Lost(pending.intent));
    }
    let wish = intents::find(tx, pending.intent).await?.map(|row| row.wish);
    let lasts = matches!(wish, Some(Wish::Add { .. } | Wish::Restore { .. } | Wish::Correct));
    if !lasts && !fault::planted("member.commit_loop") {
        intents::end(tx, pending.intent, &Outcome::Done).await?;
    }
    Ok(Effect::Settled(pending.intent))
}

/// How the wishes for a conversation end that is closed for this device.
fn closed_for(why: &str) -> Outcome {
    Outcome::Failed(Failure::new(
        FailureKind::Closed,
        "The conversation is closed for you.",
        why,
        "Ask a member to add you again.",
    ))
}

fn not_open() -> CoreError {
    CoreError::Protocol("sent an entry of a conversation that is not open")
}
