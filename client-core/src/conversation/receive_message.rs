//! Taking in an application message: one's own that comes back, or another's.

use wardline_identity::StatementLabel;
use wardline_proto::{
    ClientMessageId, EntryNumber, UtcMillis,
    content::{Content, content::Body},
    expiry,
    relay::{AuthenticatedData, Leave, SignedStatement, authenticated_data::Kind},
};

use super::{
    core::{Core, random},
    receive::{Effect, Received, decode, encode},
    roster::{Member, verify_leaf},
};
use crate::{
    error::CoreError,
    mls::{MlsError, Processed},
    vault::{
        Transaction,
        tables::{
            chain,
            conversations::{self, ConversationRow, Standing},
            intents::{self, Wish},
            messages::{self, MessageKind, MessageRow},
            outbox::{self, OutboxKind, OutboxRow},
        },
    },
};

/// Stores what a message says and moves the cursor.
pub(crate) async fn receive_message(
    core: &mut Core,
    received: &Received<'_>,
    mut row: ConversationRow,
) -> Result<Vec<Effect>, CoreError> {
    let mut tx = core.vault.begin("receive_message").await?;
    let mut effects = vec![Effect::Readable(received.conversation, received.number)];
    let own = received.sender == core.device.id();
    if received.entry.message.is_empty() {
        messages::insert(&mut tx, &blank(received, MessageKind::Expired)).await?;
    } else if own {
        effects.extend(take_back(core, &mut tx, received, &mut row).await?);
    } else {
        let group = core.groups.get_mut(&received.conversation);
        let group = group.ok_or(CoreError::Protocol("sent an entry of a conversation that is not open"))?;
        match group.process(&core.store, &received.entry.message) {
            Ok(Processed::Message { sender, aad, plaintext }) => {
                let member = verify_leaf(&core.device.organisation, &sender);
                let opened = Opened { member, aad: &aad, plaintext: &plaintext };
                effects.extend(store_opened(core, &mut tx, received, &mut row, &opened).await?);
            }
            Ok(_) => messages::insert(&mut tx, &blank(received, MessageKind::Unreadable)).await?,
            Err(error) if unreadable(&error) => {
                messages::insert(&mut tx, &blank(received, MessageKind::Unreadable)).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    conversations::store(&mut tx, &row).await?;
    chain::insert(&mut tx, &row.conversation, row.cursor, &row.chain).await?;
    Core::finish(&core.store, tx).await?;
    Ok(effects)
}

/// Whether an entry is at fault, rather than this device: then it is recorded and the cursor moves on.
pub(crate) fn unreadable(error: &MlsError) -> bool {
    matches!(
        error,
        MlsError::Malformed
            | MlsError::OtherConversation
            | MlsError::EpochPast { .. }
            | MlsError::EpochAhead { .. }
            | MlsError::CannotOpen
    )
}

/// A message that MLS opened.
struct Opened<'a> {
    /// Who sent it; `None` if the leaf is nobody's.
    member: Option<Member>,
    aad: &'a [u8],
    plaintext: &'a [u8],
}

/// A message of this device came back: it moves from the outbox into the log.
async fn take_back(
    core: &Core,
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    row: &mut ConversationRow,
) -> Result<Option<Effect>, CoreError> {
    let Ok(message) = ClientMessageId::try_from(&received.entry.client_message_id) else {
        messages::insert(tx, &blank(received, MessageKind::Unreadable)).await?;
        return Ok(None);
    };
    let Some(waiting) = outbox::find(tx, &message).await? else {
        // It was discarded after the relay had taken it; others read it, so the place is shown.
        messages::insert(tx, &blank(received, MessageKind::Unreadable)).await?;
        return Ok(None);
    };
    let same = waiting.sealed.as_ref().is_some_and(|(_, sealed)| sealed.as_slice() == received.entry.message);
    if !same || waiting.conversation != received.conversation {
        return Err(CoreError::Protocol("returned a message of this device altered"));
    }
    let expires = expiry(received.stamp, waiting.life_seconds);
    match waiting.kind {
        OutboxKind::Text => {
            let shown = own_text(core, received, &waiting, expires)?;
            messages::insert(tx, &shown).await?;
        }
        OutboxKind::Leave => {
            row.standing = Standing::Left;
            let text = format!("{} left", core.device.certificate.display_name());
            let shown = MessageRow { message: Some(message), ..event(core, received, text) };
            messages::insert(tx, &shown).await?;
        }
    }
    outbox::delete(tx, &message).await?;
    Ok(Some(Effect::Sent(message, received.number)))
}

fn own_text(
    core: &Core,
    received: &Received<'_>,
    waiting: &OutboxRow,
    expires: UtcMillis,
) -> Result<MessageRow, CoreError> {
    let body = String::from_utf8(waiting.body.clone());
    Ok(MessageRow {
        kind: MessageKind::Text,
        message: Some(waiting.message),
        expires: Some(expires),
        ..event(core, received, body.map_err(|_| CoreError::Protocol("returned a text that is none"))?)
    })
}

/// A row of this device about itself.
fn event(core: &Core, received: &Received<'_>, body: String) -> MessageRow {
    MessageRow {
        kind: MessageKind::Event,
        sender_user: core.device.user().to_string(),
        sender_name: core.device.certificate.display_name().to_string(),
        body,
        ..blank(received, MessageKind::Event)
    }
}

/// Stores what another member said.
async fn store_opened(
    core: &Core,
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    row: &mut ConversationRow,
    opened: &Opened<'_>,
) -> Result<Option<Effect>, CoreError> {
    let content: Option<Content> = decode(opened.plaintext);
    let life = declared_life(opened.aad);
    let (Some(member), Some(content), Some(life)) = (&opened.member, content, life) else {
        messages::insert(tx, &blank(received, MessageKind::Unreadable)).await?;
        return Ok(None);
    };
    // The sender's life counts, whatever the relay says; a relay that says another is seen in the chain.
    let expires = expiry(received.stamp.min(core.clock.now()), life);
    note_other_log(tx, row, received, &content).await?;
    let shown = MessageRow {
        sender_user: member.certificate.user().to_string(),
        sender_name: member.certificate.display_name().to_string(),
        sender_device: member.certificate.device(),
        message: ClientMessageId::try_from(content.message_id.as_slice()).ok(),
        expires: Some(expires),
        ..blank(received, MessageKind::Unsupported)
    };
    match content.body {
        Some(Body::Text(text)) if text_fits(&text.text) => {
            messages::insert(tx, &MessageRow { kind: MessageKind::Text, body: text.text, ..shown }).await?;
        }
        Some(Body::Leave(statement)) => return let_go(core, tx, &shown, member, statement).await,
        _ => messages::insert(tx, &shown).await?,
    }
    Ok(None)
}

fn text_fits(text: &str) -> bool {
    (1..=super::seal::TEXT_BYTES_MAX).contains(&text.len())
}

fn declared_life(aad: &[u8]) -> Option<u32> {
    match decode::<AuthenticatedData>(aad)?.kind? {
        Kind::Message(data) => Some(data.life_seconds),
        Kind::Commit(_) => None,
    }
}

/// Compares what the sender saw with what this device saw; a difference is the relay's doing and is kept.
async fn note_other_log(
    tx: &mut Transaction<'_>,
    row: &mut ConversationRow,
    received: &Received<'_>,
    content: &Content,
) -> Result<(), CoreError> {
    let number = EntryNumber::new(content.seen_number);
    let seen = chain::find(tx, &received.conversation, number).await?;
    let differs = seen.is_some_and(|hash| hash.digest().as_bytes().as_slice() != content.seen_hash);
    if differs && row.fault.is_none() {
        row.fault = Some(received.number);
    }
    Ok(())
}

/// Somebody left: shown, and every member wishes to let them go; the first commit grants all wishes.
async fn let_go(
    core: &Core,
    tx: &mut Transaction<'_>,
    shown: &MessageRow,
    member: &Member,
    statement: Vec<u8>,
) -> Result<Option<Effect>, CoreError> {
    let user = member.certificate.user();
    let true_leave = decode::<SignedStatement>(&statement)
        .and_then(|signed| member.certificate.verify_statement(StatementLabel::Leave, &signed).ok())
        .and_then(|body| decode::<Leave>(&body))
        .is_some_and(|leave| {
            leave.user_id == user.as_str()
                && leave.conversation_id.as_ref() == shown.conversation.as_bytes().as_slice()
        });
    if !true_leave {
        messages::insert(tx, shown).await?;
        return Ok(None);
    }
    let row = MessageRow {
        kind: MessageKind::Event,
        expires: None,
        body: format!("{} left", member.certificate.display_name()),
        ..shown.clone()
    };
    messages::insert(tx, &row).await?;
    // Spread over half a second by the device's own id, so that not all members commit at once.
    let now = core.clock.now();
    let spread = u64::from(core.device.id().as_bytes()[15]) * 2;
    let wish = Wish::LetGo { user: user.to_string(), leave: statement };
    let request = random(&*core.entropy)?;
    let not_before = UtcMillis::new(now.get() + spread);
    intents::insert(tx, &shown.conversation, &wish, &request, now, not_before).await?;
    Ok(Some(Effect::LetGo(shown.conversation)))
}

/// A row that says only who sent something and when.
pub(crate) fn blank(received: &Received<'_>, kind: MessageKind) -> MessageRow {
    MessageRow {
        conversation: received.conversation,
        number: received.number,
        kind,
        sender_user: String::new(),
        sender_name: String::new(),
        sender_device: received.sender,
        message: None,
        stamp: received.stamp,
        expires: None,
        body: String::new(),
    }
}

/// The encoded form of a message's authenticated data.
pub(crate) fn message_data(life_seconds: u32) -> Vec<u8> {
    encode(&AuthenticatedData {
        kind: Some(Kind::Message(wardline_proto::relay::MessageData { life_seconds })),
    })
}
