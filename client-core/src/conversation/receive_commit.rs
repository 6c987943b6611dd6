//! Taking in a commit: one's own that won its epoch, or another's; merge, then judge.

use wardline_identity::StatementLabel;
use wardline_proto::{
    content::ConversationSettings,
    relay::{AuthenticatedData, CommitAuthor, CommitData, authenticated_data::Kind},
};

use super::{
    core::Core,
    event::describe,
    hold::Hold,
    judge::{Judged, Verdict, judge},
    receive::{Effect, Received, decode},
    receive_message::{blank, unreadable},
    roster::{Member, Roster},
};
use crate::{
    error::CoreError,
    mls::{Group, Processed, StagedCommit},
    vault::{
        Transaction,
        tables::{
            chain,
            conversations::{self, ConversationRow, Standing},
            intents::{self, Outcome},
            messages::{self, MessageKind, MessageRow},
            pending_commits,
        },
    },
};

/// Whether this device is still in.
pub(crate) enum Merged {
    /// It is.
    Member(Vec<Effect>),
    /// It was removed: nothing of the group is left.
    Out(Vec<Effect>),
}

/// Merges a commit, judges what it did, moves the cursor.
pub(crate) async fn receive_commit(
    core: &mut Core,
    received: &Received<'_>,
    mut row: ConversationRow,
) -> Result<Merged, CoreError> {
    let mut tx = core.vault.begin("receive_commit").await?;
    let closed = CoreError::Protocol("sent an entry of a conversation that is not open");
    let group = core.groups.get_mut(&received.conversation).ok_or(closed)?;
    let pending = pending_commits::find(&mut tx, &received.conversation).await?;
    let mut effects = vec![Effect::Readable(received.conversation, received.number)];
    let mut out = false;

    match pending.filter(|pending| pending.sha256 == received.digest) {
        // 1. Our own commit won its epoch.
        Some(pending) => {
            group.merge_pending(&core.store)?;
            pending_commits::delete(&mut tx, &received.conversation).await?;
            intents::end(&mut tx, pending.intent, &Outcome::Done).await?;
            let row = MessageRow {
                sender_user: core.device.user().to_string(),
                sender_name: core.device.certificate.display_name().to_string(),
                body: pending.event,
                ..blank(received, MessageKind::Event)
            };
            store_event(&mut tx, &row).await?;
            effects.push(Effect::Settled(pending.intent));
        }
        // 2. Another's; ours, if there is one, has lost.
        None => match group.process(&core.store, &received.entry.message) {
            Ok(Processed::Commit(staged)) => {
                if let Some(lost) = pending_commits::find(&mut tx, &received.conversation).await? {
                    pending_commits::delete(&mut tx, &received.conversation).await?;
                    effects.push(Effect::Lost(lost.intent));
                }
                let merge = Merge { organisation: &core.device.organisation, store: &core.store };
                let merged = merge.merge(group, *staged, received, &mut row)?;
                out = merged.self_removed;
                store_event(&mut tx, &merged.event).await?;
            }
            Err(error) if !unreadable(&error) => return Err(error.into()),
            _ => {
                // Not readable from here on: the device has to be added again.
                stop(&mut tx, received).await?;
                tx.commit().await?;
                return Ok(Merged::Out(vec![Effect::Removed(received.conversation)]));
            }
        },
    }

    if out {
        row.standing = Standing::Removed;
        if let Some(group) = core.groups.remove(&received.conversation) {
            group.delete(&core.store)?;
        }
        effects.push(Effect::Removed(received.conversation));
    } else {
        let settings = group.settings();
        row.name = settings.name;
        row.retention_seconds = settings.retention_seconds;
    }
    conversations::store(&mut tx, &row).await?;
    chain::insert(&mut tx, &row.conversation, row.cursor, &row.chain).await?;
    Core::finish(&core.store, tx).await?;
    Ok(if out { Merged::Out(effects) } else { Merged::Member(effects) })
}

/// Marks the conversation as stopped. The cursor stays: the entry was not taken in.
async fn stop(tx: &mut Transaction<'_>, received: &Received<'_>) -> Result<(), CoreError> {
    if let Some(mut row) = conversations::load(tx, &received.conversation).await? {
        row.standing = Standing::Stopped;
        conversations::store(tx, &row).await?;
    }
    Ok(())
}

/// Stores what people are shown, if there is anything.
async fn store_event(tx: &mut Transaction<'_>, row: &MessageRow) -> Result<(), CoreError> {
    if !row.body.is_empty() {
        messages::insert(tx, row).await?;
    }
    Ok(())
}

/// What merging needs.
struct Merge<'a> {
    organisation: &'a wardline_identity::Organisation,
    store: &'a crate::mls::MlsStore,
}

/// What merging did.
struct MergedCommit {
    event: MessageRow,
    self_removed: bool,
}

impl Merge<'_> {
    fn merge(
        &self,
        group: &mut Group,
        staged: StagedCommit,
        received: &Received<'_>,
        row: &mut ConversationRow,
    ) -> Result<MergedCommit, CoreError> {
        let before = Roster::read(self.organisation, &group.roster());
        let settings_before = group.settings();
        let author = before.members.iter().find(|member| member.index == staged.sender.index).cloned();
        let data = commit_data(&staged.aad);
        let self_removed = staged.self_removed;
        // Settings that are gone or malformed, and changes that no client of ours makes, are beyond anybody's rights.
        let ours = staged.context_is_ours && staged.foreign_proposals == 0;
        let settings_after = staged.settings_after.clone().unwrap_or_default();
        let after = Roster::read(self.organisation, &staged.roster_after);
        group.merge_staged(self.store, staged)?;

        let name = author.as_ref().map_or_else(String::new, |one| one.certificate.display_name().to_string());
        let shown = if name.is_empty() { "someone" } else { name.as_str() };
        let mut body = describe(shown, &before, &after, (&settings_before, &settings_after));
        if !self_removed {
            let settings = (&settings_before, &settings_after);
            let verdict = match judged(author.as_ref(), (&before, &after), settings, data.as_ref(), received)
            {
                Verdict::Sound | Verdict::Shown(_) if !ours => Verdict::Held(super::judge::SETTINGS),
                verdict => verdict,
            };
            self.apply(verdict, (&before, &after), settings, row, &mut body, shown);
        }
        let event = MessageRow {
            sender_user: author.as_ref().map_or_else(String::new, |one| one.certificate.user().to_string()),
            sender_name: name,
            body,
            ..blank(received, MessageKind::Event)
        };
        Ok(MergedCommit { event, self_removed })
    }

    /// Holds the conversation, or shows, or lets go of a hold whose cause is gone.
    fn apply(
        &self,
        verdict: Verdict,
        rosters: (&Roster, &Roster),
        settings: (&ConversationSettings, &ConversationSettings),
        row: &mut ConversationRow,
        body: &mut String,
        author: &str,
    ) {
        let held = row.held.as_deref().and_then(Hold::parse);
        let held = held.and_then(|hold| hold.after(rosters.1, settings, verdict == Verdict::Sound));
        let (held, note) = match verdict {
            Verdict::Sound => (held, None),
            Verdict::Shown(what) => (held, Some(format!("{author} {what}"))),
            Verdict::Held(what) => {
                (Some(Hold::new(what, rosters)), Some(format!("nothing is sent here for now: {what}")))
            }
        };
        row.held = held.map(|hold| hold.to_text());
        if let Some(note) = note {
            if !body.is_empty() {
                body.push_str("; ");
            }
            body.push_str(&note);
        }
    }
}

/// The verdict on a commit that was merged.
fn judged(
    author: Option<&Member>,
    (before, after): (&Roster, &Roster),
    (settings_before, settings_after): (&ConversationSettings, &ConversationSettings),
    data: Option<&CommitData>,
    received: &Received<'_>,
) -> Verdict {
    let Some(author) = author else { return Verdict::Held(super::judge::STRANGER) };
    let verdict = judge(&Judged {
        author,
        before,
        after,
        settings_before,
        settings_after,
        data,
        conversation: received.conversation.as_bytes(),
    });
    if verdict == Verdict::Sound && !authored(author, received) {
        return Verdict::Shown(super::judge::DECLARATION);
    }
    verdict
}

/// Whether the author's signature beside the commit is over these bytes in this conversation.
fn authored(author: &Member, received: &Received<'_>) -> bool {
    let Some(statement) = &received.entry.author else { return false };
    author
        .certificate
        .verify_statement(StatementLabel::CommitAuthor, statement)
        .ok()
        .and_then(|body| decode::<CommitAuthor>(&body))
        .is_some_and(|said| {
            said.conversation_id.as_ref() == received.conversation.as_bytes().as_slice()
                && said.epoch == received.entry.epoch
                && said.commit_sha256.as_ref() == received.digest.as_bytes().as_slice()
        })
}

fn commit_data(aad: &[u8]) -> Option<CommitData> {
    match decode::<AuthenticatedData>(aad)?.kind? {
        Kind::Commit(data) => Some(data),
        Kind::Message(_) => None,
    }
}
