//! What people are shown of it: the lies about a conversation, in all the logs it went on in, and those about everything.

use wardline_proto::EntryNumber;

use crate::{
    api::RelayFault,
    conversation::{core::Core, line::line},
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::ConversationRow,
            relay_faults::{self, RelayFaultKind},
        },
    },
};

/// What the relay was caught doing in a conversation and to all of them, in the order it was noticed.
pub(crate) async fn shown(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
) -> Result<Vec<RelayFault>, CoreError> {
    let mut found = relay_faults::of_all(tx).await?;
    for log in line(tx, row).await? {
        for mut fault in relay_faults::of_conversation(tx, &log.conversation).await? {
            if fault.number > 0 {
                fault.number = log.shown(EntryNumber::new(fault.number)).get();
            }
            found.push(fault);
        }
    }
    found.sort_by_key(|fault| fault.noticed);
    Ok(found.iter().map(RelayFault::of).collect())
}

/// The same, looked up on its own.
pub(crate) async fn relay_faults(core: &Core, row: &ConversationRow) -> Result<Vec<RelayFault>, CoreError> {
    let mut tx = core.vault.begin("relay_faults").await?;
    let found = shown(&mut tx, row).await?;
    tx.commit().await?;
    Ok(found)
}

/// The person has seen all that there is.
pub(crate) async fn see_relay_faults(core: &Core) -> Result<(), CoreError> {
    let mut tx = core.vault.begin("see_relay_faults").await?;
    relay_faults::see(&mut tx, core.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// How many lies the relay was caught in altogether that the person has not seen.
pub(crate) async fn relay_fault_count(core: &Core) -> Result<u64, CoreError> {
    let mut tx = core.vault.begin("count_relay_faults").await?;
    let count = relay_faults::count(&mut tx).await?;
    tx.commit().await?;
    Ok(count)
}

/// Whether the relay was ever caught with another record than it had shown, or with less of it: seen or not, that stays so.
pub(crate) async fn record_is_doubted(core: &Core) -> Result<bool, CoreError> {
    let mut tx = core.vault.begin("doubts_record").await?;
    let found = relay_faults::of_all(&mut tx).await?;
    tx.commit().await?;
    let about_record = |kind| matches!(kind, RelayFaultKind::RecordForked | RelayFaultKind::RecordShortened);
    Ok(found.iter().any(|fault| about_record(fault.kind)))
}

/// The lowest entry of a conversation that one of them is about.
pub(crate) async fn first(tx: &mut Transaction<'_>, row: &ConversationRow) -> Result<Option<u64>, CoreError> {
    let mut first = None;
    for log in line(tx, row).await? {
        let found = relay_faults::of_conversation(tx, &log.conversation).await?;
        let numbers = found.iter().map(|fault| fault.number).filter(|number| *number > 0);
        let shown = numbers.map(|number| log.shown(EntryNumber::new(number)).get());
        first = first.into_iter().chain(shown).min();
    }
    Ok(first)
}
