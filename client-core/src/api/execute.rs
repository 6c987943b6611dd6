//! One arm a command: check the input, do it, answer.

use std::sync::Arc;

use wardline_identity::{UserId, device_id_parse};
use wardline_proto::{ClientMessageId, EntryNumber, Suite, UtcMillis};

use super::{
    Answer, Changed, Command, Conversations, Failure, FailureKind, Messages, Outbox, OutboxMessage, People,
    Person, Reach, Sent, Status, Synced, devices, rfc3339,
};
use crate::{
    conversation::{self, TEXT_BYTES_MAX, encode, life_seconds, random},
    error::CoreError,
    relay::Relay,
    session::{Delivery, Link, Session, ask_people, invite, list_invitations, registrar_pass, until_settled},
    vault::tables::{
        conversations::{ConversationRow, Standing},
        intents::{self, Outcome, Wish},
        outbox::{self, OutboxKind, OutboxRow},
    },
};

/// Carries out a command.
pub(crate) async fn execute(session: &Session, command: Command, reach: Reach) -> Result<Answer, CoreError> {
    if reach == Reach::Online {
        // Sync first: what a command acts on is what the log shows.
        session.connected().await;
    }
    match command {
        Command::Status => status(session).await,
        Command::Sync => sync(session).await,
        Command::People { word } => people(session, word).await,
        Command::ConversationCreate { name, with, suite } => create(session, &name, with, suite).await,
        Command::ConversationList => {
            let conversations = conversation::list(&*session.core().await).await?;
            Ok(Answer::Conversations(Conversations { conversations }))
        }
        Command::ConversationShow { conversation } => {
            let mut core = session.core().await;
            let row = conversation::find(&core, &conversation).await?;
            Ok(Answer::Conversation(Box::new(conversation::detail(&mut core, &row).await?)))
        }
        Command::ConversationAdd { conversation, user } => {
            let user = user_id(&user)?;
            let wish = Wish::Add { users: vec![user.to_string()] };
            change(session, &conversation, wish, "added", vec![user.to_string()]).await
        }
        Command::ConversationRemove { conversation, user } => {
            let user = user_id(&user)?;
            let wish = Wish::Remove { user: user.to_string() };
            change(session, &conversation, wish, "removed", vec![user.to_string()]).await
        }
        Command::ConversationRename { conversation, name } => {
            let name = conversation_name(&name)?;
            change(session, &conversation, Wish::Rename { name }, "renamed", Vec::new()).await
        }
        Command::ConversationLeave { conversation } => leave(session, &conversation).await,
        Command::Send { conversation, text } => send(session, &conversation, text).await,
        Command::Read { conversation, since, new } => read(session, &conversation, since, new).await,
        Command::OutboxList => list_outbox(session).await,
        Command::OutboxRetry { message } => change_outbox(session, &message, true).await,
        Command::OutboxDiscard { message } => change_outbox(session, &message, false).await,
        Command::DeviceList => devices::list(session, &online(session)?).await,
        Command::DeviceApprove { device } => devices::approve(session, &online(session)?, &device).await,
        Command::Invite { people, valid_seconds } => {
            Ok(Answer::Invited(invite(session, &online(session)?, &people, valid_seconds).await?))
        }
        Command::InvitationList => {
            Ok(Answer::Invitations(list_invitations(session, &online(session)?, None).await?))
        }
        Command::InvitationCancel { invitation } => {
            Ok(Answer::Invitations(list_invitations(session, &online(session)?, Some(&invitation)).await?))
        }
        Command::RegistrarPass { wait_seconds } => {
            Ok(Answer::Judged(registrar_pass(session, &online(session)?, wait_seconds).await?))
        }
    }
}

/// The connection, or why there is none.
fn online(session: &Session) -> Result<Arc<dyn Relay>, CoreError> {
    match &*session.link.borrow() {
        Link::Online { relay, .. } => Ok(relay.clone()),
        Link::Offline(failure) => Err(failure.clone().into()),
        Link::Connecting => Err(Failure::new(
            FailureKind::Unavailable,
            "This needs a connection to the relay.",
            "",
            "Run it without --offline.",
        )
        .into()),
    }
}

async fn status(session: &Session) -> Result<Answer, CoreError> {
    let connection = match &*session.link.borrow() {
        Link::Online { transport, .. } => *transport,
        _ => "offline",
    };
    let core = session.core().await;
    let conversations = conversation::list(&core).await?;
    let device = &core.device;
    let certificate = &device.certificate;
    Ok(Answer::Status(Box::new(Status {
        organisation: device.organisation.name().to_string(),
        root: device.organisation.root_fingerprint().to_string(),
        user: certificate.user().to_string(),
        name: certificate.display_name().to_string(),
        role: certificate.role().as_str().to_owned(),
        device: certificate.device().to_string(),
        device_name: certificate.device_name().to_string(),
        certificate_until: Some(rfc3339(certificate.not_after())),
        relay: device.addresses.clone(),
        connection: connection.to_owned(),
        conversations: conversations.iter().filter(|one| one.state == Standing::Active.as_str()).count(),
        queued: queued(&core).await?,
    })))
}

async fn queued(core: &conversation::Core) -> Result<usize, CoreError> {
    let mut tx = core.vault.begin("count_outbox").await?;
    let rows = outbox::list(&mut tx).await?;
    tx.commit().await?;
    Ok(rows.iter().filter(|row| row.accepted.is_none() && row.refusal.is_none()).count())
}

async fn sync(session: &Session) -> Result<Answer, CoreError> {
    let Link::Online { transport, .. } = session.connected().await else {
        online(session)?;
        return Err(CoreError::Protocol("did not finish the sync"));
    };
    session.drained().await?;
    let core = session.core().await;
    let conversations = conversation::list(&core).await?;
    Ok(Answer::Synced(Synced {
        connection: transport.to_owned(),
        unread: conversations.iter().map(|one| one.unread).sum(),
        queued: queued(&core).await?,
    }))
}

async fn people(session: &Session, word: Option<String>) -> Result<Answer, CoreError> {
    let listed = ask_people(&online(session)?, &[]).await?;
    let word = word.unwrap_or_default().to_lowercase();
    let fits = |person: &&wardline_proto::relay::Person| {
        person.user_id.to_lowercase().contains(&word) || person.display_name.to_lowercase().contains(&word)
    };
    let people = listed
        .iter()
        .filter(fits)
        .map(|person| Person {
            user: person.user_id.clone(),
            name: person.display_name.clone(),
            role: wardline_identity::Role::try_from(person.role)
                .map_or_else(|_| String::new(), |role| role.as_str().to_owned()),
            devices: person.devices.len(),
        })
        .collect();
    Ok(Answer::People(People { people }))
}

fn user_id(text: &str) -> Result<UserId, CoreError> {
    UserId::parse(text).map_err(|_| conversation::nobody(text).into())
}

fn conversation_name(name: &str) -> Result<String, CoreError> {
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

async fn create(
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
    let relay = online(session)?;
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

/// Wishes for a change and waits until the log shows it.
async fn change(
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
        conversation: row.conversation.to_string(),
        change: change.to_owned(),
        people,
    }))
}

/// Waits for a wish's outcome.
pub(super) async fn finish(session: &Session, intent: i64) -> Result<(), CoreError> {
    match until_settled(session, intent).await? {
        Outcome::Done => Ok(()),
        Outcome::Failed { kind, why } => Err(Failure::new(kind, why, "", "").into()),
    }
}

/// The conversation people mean, if this device can act in it.
async fn open_conversation(core: &conversation::Core, name: &str) -> Result<ConversationRow, CoreError> {
    let row = conversation::find(core, name).await?;
    let why = match row.standing {
        Standing::Creating | Standing::Active => return Ok(row),
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

async fn leave(session: &Session, name: &str) -> Result<Answer, CoreError> {
    let (row, message) = {
        let core = session.core().await;
        let row = open_conversation(&core, name).await?;
        let statement = conversation::leave_statement(&core, &row.conversation, session.clock.now());
        let message = queue(&core, &row, OutboxKind::Leave, encode(&statement), session.clock.now()).await?;
        (row, message)
    };
    session.wake.notify_one();
    match session.delivered(&message).await? {
        Delivery::Sent(..) => Ok(Answer::Changed(Changed {
            conversation: row.conversation.to_string(),
            change: "left".to_owned(),
            people: Vec::new(),
        })),
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

/// Queues a message under a new id.
async fn queue(
    core: &conversation::Core,
    row: &ConversationRow,
    kind: OutboxKind,
    body: Vec<u8>,
    now: UtcMillis,
) -> Result<ClientMessageId, CoreError> {
    let message = ClientMessageId::from_bytes(random(&*core.entropy)?);
    let waiting = OutboxRow {
        message,
        conversation: row.conversation,
        kind,
        body,
        created: now,
        life_seconds: life_seconds(row),
        sealed: None,
        accepted: None,
        refusal: None,
    };
    let mut tx = core.vault.begin("queue").await?;
    outbox::insert(&mut tx, &waiting).await?;
    tx.commit().await?;
    Ok(message)
}

async fn send(session: &Session, name: &str, text: String) -> Result<Answer, CoreError> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err(Failure::new(
            FailureKind::Input,
            "This text cannot be sent.",
            "A message has 1 to 65,536 bytes.",
            "Shorten it, or send it in parts.",
        )
        .into());
    }
    let (row, message) = {
        let core = session.core().await;
        let row = open_conversation(&core, name).await?;
        let message = queue(&core, &row, OutboxKind::Text, text.into_bytes(), session.clock.now()).await?;
        (row, message)
    };
    session.wake.notify_one();
    // Offline, nothing was tried: it is queued.
    let delivery = match &*session.link.borrow() {
        Link::Connecting => Some(Delivery::Queued),
        _ => None,
    };
    let delivery = match delivery {
        Some(delivery) => delivery,
        None => session.delivered(&message).await?,
    };
    let sent = |state: &str| Sent {
        state: state.to_owned(),
        message: message.to_string(),
        conversation: row.conversation.to_string(),
        number: None,
        time: None,
        why: None,
    };
    Ok(Answer::Sent(match delivery {
        Delivery::Sent(number, stamp) => {
            Sent { number: Some(number.get()), time: Some(rfc3339(stamp)), ..sent("sent") }
        }
        Delivery::Queued => sent("queued"),
        Delivery::Refused(why) => Sent { why: Some(why), ..sent("refused") },
    }))
}

async fn read(session: &Session, name: &str, since: Option<u64>, new: bool) -> Result<Answer, CoreError> {
    let core = session.core().await;
    let row = conversation::find(&core, name).await?;
    let after = match since {
        Some(number) => EntryNumber::new(number),
        None if new => row.read,
        None => EntryNumber::ZERO,
    };
    let messages = conversation::read(&core, &row.conversation, after, new || since.is_none()).await?;
    Ok(Answer::Messages(Messages { conversation: row.conversation.to_string(), messages }))
}

async fn list_outbox(session: &Session) -> Result<Answer, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("list_outbox").await?;
    let rows = outbox::list(&mut tx).await?;
    tx.commit().await?;
    let outbox = rows
        .into_iter()
        .map(|row| OutboxMessage {
            message: row.message.to_string(),
            conversation: row.conversation.to_string(),
            state: match (&row.refusal, row.accepted) {
                (Some(_), _) => "refused",
                (None, Some(_)) => "sent",
                (None, None) => "queued",
            }
            .to_owned(),
            time: rfc3339(row.created),
            why: row.refusal,
        })
        .collect();
    Ok(Answer::Outbox(Outbox { outbox }))
}

/// Tries a returned message again, or gives up one that the relay does not have.
async fn change_outbox(session: &Session, prefix: &str, again: bool) -> Result<Answer, CoreError> {
    {
        let core = session.core().await;
        let mut tx = core.vault.begin("change_outbox").await?;
        let rows = outbox::list(&mut tx).await?;
        let prefix = prefix.to_ascii_lowercase();
        let matching: Vec<_> = rows
            .iter()
            .filter(|row| prefix.len() >= 4 && row.message.to_string().starts_with(&prefix))
            .filter(|row| row.accepted.is_none())
            .collect();
        let [row] = matching.as_slice() else {
            return Err(Failure::new(
                FailureKind::Unknown,
                format!("“{prefix}” names {} waiting messages, not one.", matching.len()),
                "",
                "List them: wardline outbox list.",
            )
            .into());
        };
        if again {
            outbox::retry(&mut tx, &row.message, session.clock.now()).await?;
        } else {
            outbox::delete(&mut tx, &row.message).await?;
        }
        tx.commit().await?;
    }
    session.wake.notify_one();
    list_outbox(session).await
}

/// A device id as people write it: a UUID, or hex.
pub(super) fn device_text(text: &str) -> String {
    device_id_parse(text).map_or_else(|_| text.to_ascii_lowercase(), |device| device.to_string())
}
