//! Commands that change a conversation: a wish is stored, and answered when the log shows it.

use wardline_identity::UserId;
use wardline_proto::{LIFE_SECONDS_MAX, LIFE_SECONDS_MIN, Suite, relay::ask_members_request::Ground};

use super::{
    Answer, Changed, Failure, FailureKind,
    execute::{online, user_id},
    span,
    talk::queue,
};
use crate::{
    conversation::{self, encode, random},
    error::CoreError,
    session::{Delivery, Session, ask_members, ask_people, until_settled},
    vault::tables::{
        conversations::{ConversationRow, Standing},
        intents::{self, Outcome, Wish},
        outbox::OutboxKind,
    },
};

/// A conversation's name, or why it is none.
pub(super) fn conversation_name(name: &str) -> Result<String, CoreError> {
    let name = name.trim();
    let fits = (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned()).ok_or_else(|| {
        Failure::new(
            FailureKind::Input,
            "This name cannot be used.",
            "A conversation's name has 1 to 128 characters and must name no patient.",
            "Choose another.",
        )
        .into()
    })
}

/// Makes a conversation and waits until everybody is in.
pub(super) async fn create(
    session: &Session,
    name: &str,
    with: Vec<String>,
    suite: Option<u16>,
) -> Result<Answer, CoreError> {
    let name = conversation_name(name)?;
    let suite = match suite {
        None => Suite::MlKem768X25519,
        Some(code) => Suite::from_code(u32::from(code)).ok_or_else(|| {
            Failure::new(
                FailureKind::Input,
                "There is no such suite.",
                "Wardline uses 0x004F and 0x0001.",
                "Leave --suite out.",
            )
        })?,
    };
    let mut users = with.iter().map(|user| user_id(user)).collect::<Result<Vec<_>, _>>()?;
    let relay = online(session).await?;
    // Whom nobody knows is refused before anything is made.
    let known = if users.is_empty() { Vec::new() } else { ask_people(&relay, &users).await? };
    if let Some(unknown) = users.iter().find(|user| !known.iter().any(|one| one.user_id == user.as_str())) {
        return Err(conversation::nobody(unknown.as_str()).into());
    }
    let (conversation, intent) = {
        let mut core = session.core().await;
        // One's own other devices come in too: making the conversation on this one is their approval.
        users.push(core.device.user().clone());
        users.sort_unstable();
        users.dedup();
        let users = users.iter().map(ToString::to_string).collect();
        conversation::create(&mut core, &name, users, suite).await?
    };
    session.stepped(&[]);
    session.wake.notify_one();
    let people = with;
    finish(session, intent).await?;
    Ok(Answer::Changed(Changed {
        conversation: conversation.to_string(),
        change: "created".to_owned(),
        people,
    }))
}

/// Adds people by one change: a device makes few of them a minute.
pub(super) async fn add(session: &Session, name: &str, users: &[String]) -> Result<Answer, CoreError> {
    let mut people = users.iter().map(|user| user_id(user)).collect::<Result<Vec<_>, _>>()?;
    people.sort_unstable();
    people.dedup();
    if people.is_empty() {
        return Err(Failure::new(
            FailureKind::Input,
            "Nobody is named.",
            "Somebody is to be added, and nobody is said who.",
            "Name at least one person: wardline conversation add CONVERSATION USER…",
        )
        .into());
    }
    let people: Vec<String> = people.iter().map(ToString::to_string).collect();
    change(session, name, Wish::Add { users: people.clone() }, "added", people).await
}

/// Sets for how long messages are kept from now on; what was sent before keeps its life.
pub(super) async fn retain(session: &Session, name: &str, seconds: u32) -> Result<Answer, CoreError> {
    if !(LIFE_SECONDS_MIN..=LIFE_SECONDS_MAX).contains(&seconds) {
        return Err(Failure::new(
            FailureKind::Input,
            format!("Messages cannot be kept for {}.", span(seconds)),
            format!(
                "A conversation keeps them for {} to {}.",
                span(LIFE_SECONDS_MIN),
                span(LIFE_SECONDS_MAX)
            ),
            "Choose another --retention.",
        )
        .into());
    }
    if let Some(failure) = conversation::life_refusal(conversation::policy(&*session.core().await), seconds) {
        return Err(failure.into());
    }
    change(session, name, Wish::Retain { seconds }, "retention set", Vec::new()).await
}

/// Refuses to remove somebody who is not in: that is a slip of the pen, and is said.
pub(super) async fn require_member(session: &Session, name: &str, user: &UserId) -> Result<(), CoreError> {
    let mut core = session.core().await;
    let row = open_conversation(&core, name).await?;
    let detail = conversation::detail(&mut core, &row).await?;
    if detail.members.iter().any(|member| member.user == user.as_str()) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Unknown,
        format!("{user} is not in “{}”.", row.name),
        "",
        "See who is: wardline conversation show CONVERSATION.",
    )
    .into())
}

/// Wishes for a change and waits until the log shows it.
pub(super) async fn change(
    session: &Session,
    name: &str,
    wish: Wish,
    change: &str,
    people: Vec<String>,
) -> Result<Answer, CoreError> {
    let (row, intent) = {
        let core = session.core().await;
        let row = open_conversation(&core, name).await?;
        let request = random(&*session.entropy)?;
        let now = session.clock.now();
        let mut tx = core.vault.begin("wish").await?;
        let intent = intents::insert(&mut tx, &row.conversation, &wish, &request, now, now).await?;
        tx.commit().await?;
        (row, intent)
    };
    session.wake.notify_one();
    finish(session, intent).await?;
    Ok(Answer::Changed(Changed {
        conversation: row.line.first.to_string(),
        change: change.to_owned(),
        people,
    }))
}

/// Waits for a wish's outcome.
pub(super) async fn finish(session: &Session, intent: i64) -> Result<(), CoreError> {
    match until_settled(session, intent).await? {
        Outcome::Done => Ok(()),
        Outcome::Failed(failure) => Err(failure.into()),
    }
}

/// The conversation people mean, if this device can act in it.
pub(super) async fn open_conversation(
    core: &conversation::Core,
    name: &str,
) -> Result<ConversationRow, CoreError> {
    let row = conversation::find(core, name).await?;
    let why = match row.standing {
        // What is wished for a conversation that broke waits until it goes on.
        Standing::Creating | Standing::Active | Standing::OutOfStep | Standing::Closed => return Ok(row),
        Standing::Left => "You left it.",
        Standing::Removed => "You were removed from it.",
        Standing::Stopped => "This device cannot follow it any more.",
    };
    Err(Failure::new(
        FailureKind::Closed,
        format!("“{}” is closed for you.", row.name),
        why,
        "Ask a member to add you again.",
    )
    .into())
}

/// Says that the person leaves.
pub(super) async fn leave(session: &Session, name: &str) -> Result<Answer, CoreError> {
    let (row, statement, message) = {
        let mut core = session.core().await;
        let row = open_conversation(&core, name).await?;
        let statement = conversation::leave_statement(
            &core.voice_there(&row.conversation).await?,
            (&row.conversation, row.seen()),
            session.clock.now(),
        );
        let life = conversation::longest_life(conversation::policy(&core), &row);
        let said = (OutboxKind::Leave, encode(&statement), life);
        let message = queue(&core, &row, said, session.clock.now()).await?;
        (row, statement, message)
    };
    session.wake.notify_one();
    match session.delivered(&message).await? {
        Delivery::Sent(..) => {
            // Usually one member who is asked does it; all others have seen it said.
            if let Ok(relay) = online(session).await {
                ask_members(&relay, &[row.conversation], &Ground::Leave(statement)).await;
            }
            Ok(Answer::Changed(Changed {
                conversation: row.line.first.to_string(),
                change: "left".to_owned(),
                people: Vec::new(),
            }))
        }
        Delivery::Queued => Err(Failure::new(
            FailureKind::Queued,
            "There is no connection to the relay; that you leave is kept.",
            "",
            "It is said by itself when the relay is back: wardline sync --follow.",
        )
        .into()),
        Delivery::Refused(why) => {
            Err(Failure::new(FailureKind::Refused, "You could not leave.", format!("{why}."), "").into())
        }
    }
}
