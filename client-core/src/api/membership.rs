//! What the members of a conversation have to look at: what one of them did wrong, whose new device waits, and confirming it.

use serde::{Deserialize, Serialize};
use wardline_identity::UserId;
use wardline_proto::ConversationId;
use wardline_proto::relay::ask_members_request::Ground;

use super::{
    Answer, Changed, Failure, FailureKind, Message, change::finish, change::open_conversation,
    devices::said_in, execute::online, rfc3339,
};
use crate::{
    conversation::{self, Core, Voice, Waiting, encode, random},
    error::CoreError,
    session::{Session, ask_members, device_code},
    vault::tables::{
        conversations::ConversationRow,
        faults,
        intents::{self, Wish},
    },
};

/// Something that a member did beyond their rights.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberFault {
    /// The entry.
    pub number: u64,
    /// The user.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The device that did it.
    pub device: String,
    /// What it did.
    pub why: String,
    /// Whether it was put right.
    pub settled: bool,
}

/// A person's new device that is to replace their only one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WaitingDevice {
    /// The user.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The new device.
    pub device: String,
    /// What its owner calls it.
    pub device_name: String,
    /// The device it replaces.
    pub replaces: String,
    /// Compare with what the new device shows.
    pub code: String,
    /// Who invited it.
    pub invited_by: String,
    /// When it enrolled.
    pub enrolled: String,
    /// The conversations it waits for.
    pub conversations: Vec<String>,
}

impl From<&Waiting> for WaitingDevice {
    fn from(waiting: &Waiting) -> Self {
        let certificate = &waiting.certificate;
        Self {
            user: certificate.user().to_string(),
            name: certificate.display_name().to_string(),
            device: certificate.device().to_string(),
            device_name: certificate.device_name().to_string(),
            replaces: waiting.replaces.to_string(),
            code: device_code(certificate.key()),
            invited_by: waiting.invited_by.clone(),
            enrolled: rfc3339(waiting.enrolled),
            conversations: waiting.conversations.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What members did wrong in a conversation.
pub(crate) async fn member_faults(core: &Core, row: &ConversationRow) -> Result<Vec<MemberFault>, CoreError> {
    let mut tx = core.vault.begin("list_faults").await?;
    let rows = faults::list(&mut tx, &row.conversation).await?;
    tx.commit().await?;
    let shown = |fault: faults::FaultRow| MemberFault {
        number: row.shown(fault.number).get(),
        user: fault.user,
        name: fault.name,
        device: fault.device.to_string(),
        why: fault.why,
        settled: fault.settled,
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// The new devices that wait: in one conversation, or in any.
pub(crate) async fn waiting_devices(
    core: &mut Core,
    conversation: Option<&ConversationId>,
) -> Result<Vec<WaitingDevice>, CoreError> {
    let waiting = conversation::waiting(core).await?;
    let here = |one: &&Waiting| conversation.is_none_or(|here| one.conversations.contains(here));
    Ok(waiting.iter().filter(here).map(WaitingDevice::from).collect())
}

/// The new devices that wait in a conversation, as they are shown after its messages.
pub(crate) async fn waiting_events(
    core: &mut Core,
    row: &ConversationRow,
) -> Result<Vec<Message>, CoreError> {
    let waiting = conversation::waiting(core).await?;
    let here = waiting.iter().filter(|one| one.conversations.contains(&row.conversation));
    let shown = here.map(|one| Message {
        number: row.shown(row.cursor).get(),
        kind: "event".to_owned(),
        from: one.certificate.user().to_string(),
        name: one.certificate.display_name().to_string(),
        device: one.certificate.device().to_string(),
        time: rfc3339(one.enrolled),
        expires: None,
        text: one.told(),
    });
    Ok(shown.collect())
}

/// Confirms a person's new device, and waits until it is in all conversations shared with them.
pub(super) async fn confirm(session: &Session, name: &str, user: &UserId) -> Result<Answer, CoreError> {
    let relay = online(session).await?;
    let (row, statements, wishes) = {
        let mut core = session.core().await;
        let row = open_conversation(&core, name).await?;
        let waiting = conversation::waiting(&mut core).await?;
        let theirs =
            |one: &&Waiting| one.certificate.user() == user && one.conversations.contains(&row.conversation);
        let found: Vec<&Waiting> = waiting.iter().filter(theirs).collect();
        let [waiting] = found.as_slice() else {
            let is_in = conversation::is_in(&mut core, &row.conversation, user).await?;
            return Err(nothing_waits(user, found.len(), is_in).into());
        };
        let now = session.clock.now();
        for conversation in &waiting.conversations {
            core.load_group(conversation).await?;
        }
        let say = |voice: &Voice<'_>| conversation::confirmation_statement(voice, waiting, now);
        let statements = said_in(&core, waiting.conversations.clone(), say);
        let mut wishes = Vec::new();
        let mut tx = core.vault.begin("confirm").await?;
        for (statement, conversations) in &statements {
            let wish = Wish::LetBack {
                user: user.to_string(),
                device: waiting.certificate.device().to_string(),
                replaces: waiting.replaces.to_string(),
                confirmation: encode(statement),
            };
            for conversation in conversations {
                let request = random(&*session.entropy)?;
                let intent = intents::insert(&mut tx, conversation, &wish, &request, now, now).await?;
                wishes.push((*conversation, intent));
            }
        }
        tx.commit().await?;
        (row, statements, wishes)
    };
    session.wake.notify_one();
    // Whoever is asked first does it; if this device goes away, others do.
    for (statement, conversations) in statements {
        ask_members(&relay, &conversations, &Ground::Confirmation(statement)).await;
    }
    for (_, intent) in wishes {
        finish(session, intent).await?;
    }
    Ok(Answer::Changed(Changed {
        conversation: row.line.first.to_string(),
        change: "confirmed".to_owned(),
        people: vec![user.to_string()],
    }))
}

/// Why there is nothing to confirm. Who is out is added like anybody: that their only device was replaced says nothing here any more.
fn nothing_waits(user: &UserId, found: usize, is_in: bool) -> Failure {
    let what = format!("There is no new device of {user} to confirm.");
    match (found, is_in) {
        (0, false) => Failure::new(
            FailureKind::Unknown,
            what,
            "None of their devices is in this conversation: where a lost one was put out, they come back like anybody new.",
            format!(
                "Add them, with the device that they have now: wardline conversation add CONVERSATION {user}"
            ),
        ),
        (0, true) => Failure::new(
            FailureKind::Unknown,
            what,
            "None of their new devices waits here to replace their only one.",
            "See what waits: wardline conversation show CONVERSATION.",
        ),
        _ => Failure::new(
            FailureKind::Unknown,
            what,
            "Several of their new devices wait here; which one is theirs is for an administrator to settle.",
            "See what waits: wardline conversation show CONVERSATION.",
        ),
    }
}
