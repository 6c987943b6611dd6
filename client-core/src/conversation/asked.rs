//! What the relay asks members for (membership tasks), each ground checked as if it came from nobody: the relay's word alone
//! moves nobody in or out.

use wardline_proto::{
    ConversationId,
    relay::{SignedStatement, membership_task::Task},
};

use super::{
    add_anew::add_anew,
    core::Core,
    grounds::{approval, confirmation, invited, leaving},
    receive::encode,
    revoked::{is_itself_out, out},
    roster::Roster,
    spent::{approval_is_spent, leave_is_spent},
    suspicion,
};
use crate::{
    error::CoreError,
    vault::tables::{
        conversations::{self, Standing},
        intents::Wish,
        stays,
    },
};

/// The wish that a task comes to, if its ground is one and there is something left to do.
pub(crate) async fn asked(
    core: &mut Core,
    conversation: &ConversationId,
    task: Task,
) -> Result<Option<Wish>, CoreError> {
    if let Task::Succeed(succeed) = &task {
        let reports = succeed.reports.iter().map(encode).collect();
        return Ok(Some(Wish::Succeed { number: succeed.number, reports }));
    }
    let mut tx = core.vault.begin("look_at_task").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    tx.commit().await?;
    let Some(row) = row.filter(|row| row.standing == Standing::Active) else { return Ok(None) };
    if !core.load_group(conversation).await? {
        return Ok(None);
    }
    if let Some(group) = core.groups.get(conversation) {
        let roster = Roster::read(&core.device.organisation, &group.roster());
        if is_spent(core, conversation, &roster, &task).await? {
            return Ok(None);
        }
        suspicion::look_at_task(core, &row, &roster, &task).await?;
    }
    if let Task::AddAnew(anew) = &task {
        let reports: Vec<Vec<u8>> = anew.reports.iter().map(encode).collect();
        let some = !add_anew(core, conversation, &reports).await?.is_empty();
        return Ok(some.then_some(Wish::AddAnew { reports }));
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(None) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    Ok(match task {
        Task::LetGo(leave) => let_go(core, &roster, conversation, &leave),
        Task::AddDevice(statement) => add_device(&roster, &statement),
        Task::LetBack(statement) => let_back(&roster, &statement),
        Task::Renew(_) => Some(Wish::Renew),
        Task::RemoveRevoked(_) if is_itself_out(core) => None,
        Task::RemoveRevoked(_) => {
            (!out(&core.revocations, &roster).is_empty()).then_some(Wish::RemoveRevoked)
        }
        Task::AddAnew(_) | Task::Succeed(_) | Task::ConfirmRemoval(_) => None,
    })
}

/// Whether it asks for what was done before: an old statement says nothing of now, and that it is asked for again is no lie.
async fn is_spent(
    core: &Core,
    conversation: &ConversationId,
    roster: &Roster,
    task: &Task,
) -> Result<bool, CoreError> {
    let mut tx = core.vault.begin("look_at_ground").await?;
    let stays = stays::load(&mut tx, conversation).await?;
    let spent = match task {
        Task::LetGo(leave) => leave_is_spent(&mut tx, conversation, (roster, &stays), leave).await?,
        Task::LetBack(confirmation) => !invited(&core.device.organisation, roster, confirmation),
        Task::AddDevice(approval) => approval_is_spent(&mut tx, conversation, approval).await?,
        _ => false,
    };
    tx.commit().await?;
    Ok(spent)
}

fn let_go(
    core: &Core,
    roster: &Roster,
    conversation: &ConversationId,
    leave: &SignedStatement,
) -> Option<Wish> {
    let signer = leaving(roster, leave, conversation.as_bytes())?;
    let user = signer.certificate.user();
    (user != core.device.user()).then(|| Wish::LetGo { user: user.to_string(), leave: encode(leave) })
}

fn add_device(roster: &Roster, statement: &SignedStatement) -> Option<Wish> {
    let (signer, device, _) = approval(roster, statement)?;
    roster.device(&device).is_none().then(|| Wish::AddDevice {
        user: signer.certificate.user().to_string(),
        device: device.to_string(),
        approval: encode(statement),
    })
}

fn let_back(roster: &Roster, statement: &SignedStatement) -> Option<Wish> {
    let confirmed = confirmation(roster, statement)?;
    roster.device(&confirmed.device).is_none().then(|| Wish::LetBack {
        user: confirmed.user,
        device: confirmed.device.to_string(),
        replaces: confirmed.replaces.to_string(),
        confirmation: encode(statement),
    })
}
