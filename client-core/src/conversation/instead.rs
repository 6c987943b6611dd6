//! What comes in place of an entry that this device could not follow. The relay showed it one that there is not, perhaps more than
//! once: the true one, when it comes, is taken in like any other, and only then what was said of the false one goes. An entry that
//! cannot be followed either leaves the device where it was, with its report of that one: a true report is not lost by what a
//! relay shows after it, for the true commit is reported again when it is shown again.

use serde_json::json;
use wardline_proto::{
    Digest, EntryNumber, fault,
    relay::{OutOfStep, SignedStatement},
};

use super::{
    ask_in,
    core::Core,
    receive::{Received, decode},
    suspicion::Suspicion,
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            commits,
            conversations::{ConversationRow, Standing},
            messages,
            relay_faults::RelayFaultKind,
            reports::{self, ReportRow},
        },
    },
};

/// Whether an entry stands where this device, which has its group still, stopped at another. Both are never in one log: that is
/// noted.
pub(crate) async fn comes_instead(
    core: &mut Core,
    received: &Received<'_>,
    row: &ConversationRow,
) -> Result<bool, CoreError> {
    let (conversation, number) = (received.conversation, received.number);
    let next = row.standing == Standing::OutOfStep && number == row.cursor.next();
    if !next || fault::planted("mutant.second_lie") {
        return Ok(false);
    }
    let mut tx = core.vault.begin("look_at_stopped").await?;
    let had = stopped_at(&mut tx, row).await?;
    tx.commit().await?;
    let Some(had) = had.filter(|had| *had != received.digest) else { return Ok(false) };
    if !core.load_group(&conversation).await? {
        return Ok(false);
    }
    let evidence = json!({ "first": had.to_string(), "then": received.digest.to_string() });
    let (conversation, kind) = (Some(conversation), RelayFaultKind::Changed);
    Suspicion { conversation, kind, number: number.get(), about: "", evidence }.note_alone(core).await?;
    Ok(true)
}

/// The digest of the commit after its cursor that this device could not follow.
async fn stopped_at(tx: &mut Transaction<'_>, row: &ConversationRow) -> Result<Option<Digest>, CoreError> {
    let number = row.cursor.next();
    if let Some(report) = reports::find(tx, &row.conversation).await?.filter(|one| one.number == number) {
        let said: Option<SignedStatement> = decode(&report.statement);
        let said: Option<OutOfStep> = said.and_then(|said| decode(&said.body));
        return Ok(said.and_then(|said| Digest::try_from(&said.commit_sha256).ok()));
    }
    // It asked to be let in by a later one since.
    Ok(commits::find(tx, &row.conversation, number).await?.map(|commit| commit.digest))
}

/// An entry was taken in. If this device could not follow another there, what it said of that goes, and what is shown from there on:
/// it comes again after this one.
pub(crate) async fn followed(tx: &mut Transaction<'_>, received: &Received<'_>) -> Result<(), CoreError> {
    if received.instead {
        reports::delete(tx, &received.conversation).await?;
        messages::clear(tx, &received.conversation, received.number).await?;
    }
    Ok(())
}

/// What let this device in is not in the log, as the relay says by now: it says again where it stopped, as it did before.
pub(crate) async fn first_again(
    core: &Core,
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    refused: EntryNumber,
) -> Result<(), CoreError> {
    let first = row.cursor.next();
    let said = reports::find(tx, &row.conversation).await?;
    let later = refused > first && said.is_some_and(|said| said.number == refused);
    let commit = commits::find(tx, &row.conversation, first).await?;
    let Some(commit) = commit.filter(|_| later && !fault::planted("mutant.second_lie")) else {
        return Ok(());
    };
    let place = (&row.conversation, first, &commit.digest);
    let statement = ask_in::report(&core.voice(&row.conversation), core.clock.now(), place);
    messages::forget(tx, &row.conversation, refused).await?;
    Ok(reports::insert(tx, &row.conversation, &ReportRow { number: first, statement, tries: 1 }).await?)
}
