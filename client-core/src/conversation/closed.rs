//! A log that was closed: reports of enough people say that a commit cannot be followed. It takes nothing more, and goes on
//! in a successor; what waits to be sent waits for that.

use wardline_proto::{
    ConversationId, EntryNumber,
    relay::{Closed, SignedStatement},
};

use super::{core::Core, former::Former, receive::Effect, suspicion::Suspicion};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            commits,
            conversations::{self, Closure, ConversationRow, Standing},
            pending_commits,
            relay_faults::RelayFaultKind,
            reports,
        },
    },
};

/// Takes in that a log is closed. One that no reports close is not: that is the relay's doing, and nothing changes.
pub(crate) async fn closed(core: &Core, closed: &Closed) -> Result<Vec<Effect>, CoreError> {
    let malformed = |_| CoreError::Protocol("sent a malformed end of a log");
    let conversation = ConversationId::try_from(&closed.conversation_id).map_err(malformed)?;
    let closure = Closure { number: EntryNumber::new(closed.number), head: EntryNumber::new(closed.head) };
    let mut tx = core.vault.begin("closed").await?;
    let Some(mut row) = conversations::load(&mut tx, &conversation).await? else { return Ok(Vec::new()) };
    if row.line.closed.is_some() || !matches!(row.standing, Standing::Active | Standing::OutOfStep) {
        return Ok(Vec::new());
    }
    if row.standing == Standing::Active && row.cursor < closure.head {
        // Something before it has not come: it is told again with that.
        return Ok(Vec::new());
    }
    if !true_closure(&mut tx, &row, closure, &closed.reports).await? {
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
    }
    row.standing = Standing::Closed;
    row.line.closed = Some(closure);
    conversations::store(&mut tx, &row).await?;
    pending_commits::delete(&mut tx, &conversation).await?;
    reports::delete(&mut tx, &conversation).await?;
    tx.commit().await?;
    Ok(vec![Effect::Closed(conversation)])
}

/// Whether the reports close the log there, as far as this device can know: it knows the commit and who was in before it,
/// unless it came later or that is too long ago.
async fn true_closure(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    closure: Closure,
    said: &[SignedStatement],
) -> Result<bool, CoreError> {
    if closure.number > closure.head || row.cursor > closure.head {
        return Ok(false);
    }
    let commit = commits::find(tx, &row.conversation, closure.number).await?;
    let Some(commit) = commit else { return Ok(closure.number <= row.joined) };
    let Some(former) = commit.before.as_deref().and_then(Former::parse) else { return Ok(true) };
    Ok(former.closes((&row.conversation, closure.number, &commit.digest), said))
}
