//! The logs that people see as one conversation: a log that broke, and those that go on from it. Their numbers go on, and
//! either id names them all.

use wardline_proto::{ConversationId, EntryNumber};

use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::conversations::{self, ConversationRow, Standing},
    },
};

/// How many logs a line has at most: more is a fault of the vault.
const LOGS_MAX: usize = 1_000;

/// The logs up to and with this one, the oldest first.
pub(crate) async fn line(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
) -> Result<Vec<ConversationRow>, CoreError> {
    let mut logs = vec![row.clone()];
    while let Some(predecessor) = logs.last().and_then(|log| log.line.predecessor) {
        match conversations::load(tx, &predecessor).await? {
            Some(log) if logs.len() < LOGS_MAX => logs.push(log),
            _ => break,
        }
    }
    logs.reverse();
    Ok(logs)
}

/// The conversations as people see them, the one with the newest entry first: the last log of each line. A successor that
/// the relay has not confirmed is none yet.
pub(crate) async fn heads(tx: &mut Transaction<'_>) -> Result<Vec<ConversationRow>, CoreError> {
    let mut rows = conversations::list(tx).await?;
    rows.retain(|row| {
        let candidate = row.line.predecessor.is_some() && row.standing == Standing::Creating;
        row.line.successor.is_none() && !candidate
    });
    Ok(rows)
}

/// The log and the entry behind a number that people see.
pub(crate) async fn behind(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    shown: EntryNumber,
) -> Result<Option<(ConversationId, EntryNumber)>, CoreError> {
    let logs = line(tx, row).await?;
    let log = logs.iter().rev().find(|log| log.line.offset < shown.get());
    Ok(log.map(|log| (log.conversation, EntryNumber::new(shown.get() - log.line.offset))))
}
