//! Tasks that nobody's signature calls for: the relay asks for a removal on its own word.

use prost::Message as _;
use serde_json::json;
use wardline_proto::{
    ConversationId, DeviceId, Digest, fault,
    relay::{Confirmation, Leave, RemoveRevoked, SignedStatement, membership_task::Task},
};

use super::Suspicion;
use crate::{
    conversation::{
        core::Core,
        grounds::{confirmation, leaving, out_of_step},
        roster::Roster,
    },
    error::CoreError,
    vault::tables::{conversations::ConversationRow, relay_faults::RelayFaultKind},
};

/// Looks at what the relay asks for. Whose removal it asks for must have said so, or another member for them, in a
/// statement that verifies; about those who are not in any more nothing is noted: the task may be an old one.
pub(crate) async fn look_at_task(
    core: &Core,
    row: &ConversationRow,
    roster: &Roster,
    task: &Task,
) -> Result<(), CoreError> {
    let victim = match task {
        Task::RemoveRevoked(asked) => unlisted(core, roster, asked),
        task => baseless(roster, &row.conversation, task),
    };
    let Some(victim) = victim else { return Ok(()) };
    if fault::planted("mutant.baseless_task") {
        return Ok(());
    }
    let suspicion = Suspicion {
        conversation: Some(row.conversation),
        kind: RelayFaultKind::BaselessTask,
        number: row.cursor.get(),
        about: &victim,
        evidence: json!({ "after": row.cursor.get() }),
    };
    suspicion.note_alone(core).await?;
    Ok(())
}

/// The member whom a task would remove without a ground, if it does.
fn baseless(roster: &Roster, conversation: &ConversationId, task: &Task) -> Option<String> {
    let here = conversation.as_bytes().as_slice();
    match task {
        Task::LetGo(statement) if leaving(roster, statement, here).is_none() => {
            let user = Leave::decode(statement.body.clone()).ok()?.user_id;
            roster.members.iter().any(|member| member.certificate.user().as_str() == user).then_some(user)
        }
        Task::LetBack(statement) if confirmation(roster, statement).is_none() => {
            // Signed by a member or not at all: one who has left since may have signed it.
            let signer = Digest::try_from(&statement.signer).ok()?;
            roster.fingerprint(&signer)?;
            let said = Confirmation::decode(statement.body.clone()).ok()?;
            let replaced = roster.device(&DeviceId::try_from(&said.replaces_device_id).ok()?)?;
            Some(replaced.certificate.user().to_string())
        }
        Task::AddAnew(anew) => {
            let forged = |report: &&SignedStatement| out_of_step(roster, report, here).is_none();
            let report = anew.reports.iter().find(forged)?;
            let signer = roster.fingerprint(&Digest::try_from(&report.signer).ok()?)?;
            Some(signer.certificate.user().to_string())
        }
        _ => None,
    }
}

/// The member whom the relay would have removed as revoked by the list that this device has, or a lower one, which does not name
/// them.
fn unlisted(core: &Core, roster: &Roster, asked: &RemoveRevoked) -> Option<String> {
    if asked.list_number > core.revocations.number() {
        return None;
    }
    let devices = asked.device_ids.iter().filter_map(|bytes| DeviceId::try_from(bytes).ok());
    // One that was ever named may have been reinstated meanwhile.
    let mut never = devices.filter(|device| core.revocations.last_act(device).is_none());
    never.find_map(|device| Some(roster.device(&device)?.certificate.user().to_string()))
}
