//! A log that was closed: reports of enough people say that a commit cannot be followed. It takes nothing more, and goes on
//! in a successor; what waits to be sent waits for that.
//!
//! The relay's word closes nothing and proves nothing against anybody: each report is checked under the certificate of the
//! member who signed it. Only which conversation came first as its successor is the relay's to say.

use std::collections::{BTreeSet, HashMap};

use wardline_identity::StatementLabel;
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber,
    closing::enough,
    fault,
    relay::{Closed, SignedStatement},
};

use super::{
    core::Core,
    former::Former,
    receive::Effect,
    roster::{Member, Roster},
    successor::came_to_nothing,
    suspicion::{Suspicion, is_uninvited},
    words::{Known, Word},
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            commits::{self, CommitRow},
            conversations::{self, Closure, ConversationRow, Standing},
            pending_commits,
            relay_faults::RelayFaultKind,
            reports, stays,
        },
    },
};

/// A log is never longer than this: what is said to be is the relay's doing, or a peer's.
pub(crate) const HEAD_MAX: u64 = 1 << 40;

/// Takes in that a log is closed. One that no reports close is not: that is the relay's doing, and nothing changes.
pub(crate) async fn closed(core: &mut Core, closed: &Closed) -> Result<Vec<Effect>, CoreError> {
    let malformed = |_| CoreError::Protocol("sent a malformed end of a log");
    let conversation = ConversationId::try_from(&closed.conversation_id).map_err(malformed)?;
    let named = match closed.successor_id.is_empty() {
        true => None,
        false => Some(ConversationId::try_from(&closed.successor_id).map_err(malformed)?),
    };
    let (number, head) = (EntryNumber::new(closed.number), EntryNumber::new(closed.head));
    let closure = Closure { number, head, first: number };
    let roster = match core.load_group(&conversation).await? {
        true => core.groups.get(&conversation).map(|group| group.roster()),
        false => None,
    };
    let roster = roster.map(|leaves| Roster::read(&core.device.organisation, &leaves));
    let mut tx = core.vault.begin("closed").await?;
    let Some(mut row) = conversations::load(&mut tx, &conversation).await? else { return Ok(Vec::new()) };
    if row.line.closed.is_some() {
        return name(tx, row, named).await;
    }
    if !matches!(row.standing, Standing::Active | Standing::OutOfStep) || is_uninvited(&row) {
        return Ok(Vec::new());
    }
    if row.standing == Standing::Active && row.cursor < closure.head {
        // Something before it has not come: it is told again with that.
        return Ok(Vec::new());
    }
    let Some(first) = true_closure(&mut tx, &row, closure, (roster.as_ref(), &closed.reports)).await? else {
        let suspicion = Suspicion {
            conversation: Some(conversation),
            kind: RelayFaultKind::BaselessTask,
            number: closed.number,
            about: "",
            evidence: serde_json::json!({ "closed_at": closed.number, "reports": closed.reports.len() }),
        };
        suspicion.note(&mut tx, core.clock.now()).await?;
        tx.commit().await?;
        return Ok(Vec::new());
    };
    row.standing = Standing::Closed;
    row.line.closed = Some(Closure { first, ..closure });
    row.line.named = named;
    conversations::store(&mut tx, &row).await?;
    pending_commits::delete(&mut tx, &conversation).await?;
    reports::delete(&mut tx, &conversation).await?;
    fault::crash("crash.closing_unstored");
    tx.commit().await?;
    fault::crash("crash.closing_stored");
    Ok(vec![Effect::Closed(conversation)])
}

/// The relay names the successor: the first that was made, or that came in place of one which came to nothing. Once one has
/// been entered no other is followed.
async fn name(
    mut tx: Transaction<'_>,
    mut row: ConversationRow,
    named: Option<ConversationId>,
) -> Result<Vec<Effect>, CoreError> {
    let entered = match row.line.successor {
        Some(successor) => !came_to_nothing(&mut tx, &successor).await?,
        None => false,
    };
    if named.is_none() || named == row.line.named || entered {
        return Ok(Vec::new());
    }
    row.line.named = named;
    conversations::store(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(vec![Effect::Closed(row.conversation)])
}

/// Whether the reports close the log there, and the first commit that somebody cannot follow. Who was in before the commit is
/// known from what was kept of it; where that is too long ago, or was before this device came, from who is in as far as this
/// device has followed. What it has long gone on from ends by the word of more than half of them.
async fn true_closure(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    closure: Closure,
    (roster, said): (Option<&Roster>, &[SignedStatement]),
) -> Result<Option<EntryNumber>, CoreError> {
    let possible =
        closure.number <= closure.head && row.cursor <= closure.head && closure.head.get() <= HEAD_MAX;
    if !possible {
        return Ok(None);
    }
    let commits = commits::newest(tx, &row.conversation, closure.number).await?;
    let commit = commits.iter().find(|commit| commit.number == closure.number).cloned();
    let former = commit.as_ref().and_then(|commit| commit.before.as_deref()).and_then(Former::parse);
    let known = Known::new(closure.number, commits, stays::load(tx, &row.conversation).await?);
    let conversation = &row.conversation;
    let (counted, ends) = match (commit, former, roster) {
        (Some(commit), Some(former), _) => {
            let words: Vec<Word> = said.iter().filter_map(|one| former.word(one, conversation)).collect();
            let counted = known.count(&words, &former.users());
            let ends = enough(counted.people, former.people(), false);
            if ends && !counted.one_author {
                name_nobody(tx, commit, former).await?;
            }
            (counted, ends)
        }
        _ if fault::planted("mutant.closed_unread") => return Ok(Some(closure.number)),
        (commit, _, Some(roster)) => {
            let far_back = commit.is_some()
                && commits::is_far_back(tx, conversation, closure.number).await?
                && !fault::planted("mutant.far_back");
            let words: Vec<Word> = said.iter().filter_map(|one| word(roster, one, conversation)).collect();
            let counted = known.count(&words, &users(roster));
            let people: BTreeSet<&str> =
                roster.members.iter().map(|one| one.certificate.user().as_str()).collect();
            let ends = enough(counted.people, people.len(), far_back);
            (counted, ends)
        }
        (_, _, None) => return Ok(None),
    };
    Ok(ends.then_some(counted.first))
}

/// Where commits of several authors were reported, it is not known whose broke the log.
async fn name_nobody(tx: &mut Transaction<'_>, commit: CommitRow, former: Former) -> Result<(), CoreError> {
    let before = Some(former.unnamed().to_text());
    Ok(commits::insert(tx, &CommitRow { author: None, before, ..commit }).await?)
}

/// What a member says.
fn word(roster: &Roster, statement: &SignedStatement, conversation: &ConversationId) -> Option<Word> {
    let signer = roster.fingerprint(&Digest::try_from(&statement.signer).ok()?)?;
    let body = signer.certificate.verify_statement(StatementLabel::OutOfStep, statement).ok()?;
    Word::read(&body, conversation, (signer.certificate.device(), signer.certificate.user().as_str()))
}

fn users(roster: &Roster) -> HashMap<DeviceId, String> {
    let user = |one: &Member| (one.certificate.device(), one.certificate.user().to_string());
    roster.members.iter().map(user).collect()
}
