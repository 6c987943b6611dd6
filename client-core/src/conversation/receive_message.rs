//! Taking in an application message: one's own that comes back, or another's.

use std::time::Duration;

use wardline_identity::StatementLabel;
use wardline_proto::{
    ClientMessageId, Digest, EntryNumber, Period, UtcMillis,
    content::{Content, content::Body},
    expiry, fault,
    relay::{AuthenticatedData, Leave, SignedStatement, authenticated_data::Kind},
};

use super::{
    core::{Core, random},
    instead::followed,
    line::behind,
    permitted::{policy, received_life},
    recall::{self, Target, unless_recalled},
    receive::{Effect, Received, decode, encode},
    roster::{Member, verify_leaf},
    spent::said_before,
    successor::vouch,
    suspicion,
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
            sent_again, stays,
        },
    },
};

/// How many numbers of an earlier sending are looked at.
const SENT_NUMBERS_MAX: usize = 100;

/// Stores what a message says and moves the cursor.
pub(crate) async fn receive_message(
    core: &mut Core,
    received: &Received<'_>,
    mut row: ConversationRow,
) -> Result<Vec<Effect>, CoreError> {
    if fault::planted("mutant.cursor_first") {
        move_cursor(core, &row).await?;
    }
    let mut tx = core.vault.begin("receive_message").await?;
    followed(&mut tx, received).await?;
    let mut effects = vec![Effect::Readable(row.line.first, row.shown(received.number))];
    let waiting = own_message(core, &mut tx, received).await?;
    if let Some(waiting) = waiting {
        effects.extend(take_back(core, &mut tx, received, &mut row, &waiting).await?);
    } else if received.entry.message.is_empty() {
        messages::insert(&mut tx, &blank(received, MessageKind::Expired)).await?;
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
    fault::crash("crash.message_opened");
    Core::finish(&core.store, tx).await?;
    fault::crash("crash.message_stored");
    Ok(effects)
}

/// A fault of tests: the cursor moves in a step of its own.
async fn move_cursor(core: &Core, row: &ConversationRow) -> Result<(), CoreError> {
    let mut tx = core.vault.begin("move_cursor").await?;
    conversations::store(&mut tx, row).await?;
    Ok(tx.commit().await?)
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

/// The row in the outbox that an entry brings back, if the relay says it is one of ours. One that it says is ours and
/// that is in no outbox is opened like any other: the relay's word makes nothing unreadable.
async fn own_message(
    core: &Core,
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
) -> Result<Option<OutboxRow>, CoreError> {
    if received.sender != core.device.id() {
        return Ok(None);
    }
    let Ok(message) = ClientMessageId::try_from(&received.entry.client_message_id) else { return Ok(None) };
    let waiting = outbox::find(tx, &message).await?;
    let Some(waiting) = waiting.filter(|waiting| waiting.conversation == received.conversation) else {
        return Ok(None);
    };
    let sent = waiting.sealed.as_ref().map(|(_, sealed)| Digest::of(sealed));
    let moved = waiting.accepted.is_some_and(|place| place != (received.number, received.stamp));
    let altered = sent != Some(received.digest);
    if (altered || moved) && !fault::planted("mutant.own_altered") {
        suspicion::own_altered(tx, received, core.clock.now()).await?;
        if altered {
            outbox::refuse(tx, (&received.conversation, &message), "the relay changed it on its way").await?;
            return Ok(None);
        }
    }
    Ok(Some(waiting))
}

/// A message of this device came back: it moves from the outbox into the log.
async fn take_back(
    core: &Core,
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    row: &mut ConversationRow,
    waiting: &OutboxRow,
) -> Result<Vec<Effect>, CoreError> {
    let mut effects = vec![Effect::Sent(waiting.message, received.number)];
    let shown = match waiting.kind {
        OutboxKind::Text => {
            let expires = ends(core, received, (waiting.life_seconds, waiting.expires));
            let left = unless_recalled(tx, own_text(core, received, waiting, expires)?).await?;
            effects
                .extend((left.kind == MessageKind::Recalled).then_some(Effect::Gone(received.conversation)));
            left
        }
        OutboxKind::Recall => {
            let (said, gone) = own_recall(core, tx, received, waiting).await?;
            effects.extend(gone);
            said
        }
        OutboxKind::Leave => {
            row.standing = Standing::Left;
            let text = format!("{} left", core.device.certificate.display_name());
            MessageRow { message: Some(waiting.message), ..event(core, received, text) }
        }
    };
    insert_text(core, tx, &shown).await?;
    if let Some(id) = &waiting.inner {
        sent_again::insert(tx, id, row.shown(received.number)).await?;
    }
    outbox::delete(tx, &waiting.message).await?;
    Ok(effects)
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
        message: Some(waiting.id()),
        expires: Some(expires),
        ..event(core, received, body.map_err(|_| CoreError::Protocol("returned a text that is none"))?)
    })
}

/// What this device took back.
async fn own_recall(
    core: &Core,
    tx: &mut Transaction<'_>,
    received: &Received<'_>,
    waiting: &OutboxRow,
) -> Result<(MessageRow, Option<Effect>), CoreError> {
    let target = Target::from_bytes(&waiting.body);
    let target = target.ok_or(CoreError::Protocol("returned a recall that is none"))?;
    let expires = ends(core, received, (waiting.life_seconds, waiting.expires));
    let said = event(core, received, String::new());
    let said = MessageRow { message: Some(waiting.id()), expires: Some(expires), ..said };
    recall::take_back(tx, target, (core.device.user().as_str(), true, expires), said).await
}

/// The instant at which a message ends here: by its life since it came or was stamped, whichever was first, and never later than it was to
/// end when it was sent first.
fn ends(core: &Core, received: &Received<'_>, (life_seconds, first): (u32, Option<UtcMillis>)) -> UtcMillis {
    let since = received.stamp.min(came(core));
    let end = expiry(since, life_seconds);
    first.map_or(end, |first| Period::of(since, first.min(end)).end())
}

/// When what comes now came. The machine's own clock has a part in it for as long as a list of revoked devices lives: by an older one nobody sends.
fn came(core: &Core) -> UtcMillis {
    let life = core.revocations.list().map_or(Duration::ZERO, |list| {
        Duration::from_millis(list.fresh_until().get().saturating_sub(list.signed_at().get()))
    });
    core.retention.received(&*core.clock, life)
}

/// Stores a text under the keys of its period. Of one that is over by this device's time, that it was there: the relay's bare word makes none gone.
async fn insert_text(core: &Core, tx: &mut Transaction<'_>, text: &MessageRow) -> Result<(), CoreError> {
    let period = text.expires.and_then(Period::ending);
    let now = core.retention_now().max(came(core));
    if text.kind == MessageKind::Text && period.is_some_and(|period| period.is_over(now)) {
        let gone =
            MessageRow { kind: MessageKind::Expired, expires: None, body: String::new(), ..text.clone() };
        return Ok(messages::insert(tx, &gone).await?);
    }
    Ok(messages::insert_text(tx, text, &*core.entropy).await?)
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
) -> Result<Vec<Effect>, CoreError> {
    let content: Option<Content> = decode(opened.plaintext);
    let life = declared_life(opened.aad);
    let (Some(member), Some(content), Some(life)) = (&opened.member, content, life) else {
        messages::insert(tx, &blank(received, MessageKind::Unreadable)).await?;
        return Ok(Vec::new());
    };
    // The sender's life counts, whatever the relay says; a relay that says another is seen in the chain. Never more than is
    // permitted here.
    let life = received_life(policy(core), row, (life, content.policy_number));
    // And of what is sent again the life it had the first time.
    let first = Some(content.expires_at_ms).filter(|first| *first != 0).map(UtcMillis::new);
    let expires = ends(core, received, (life, first));
    vouch(tx, row, member).await?;
    let seen = EntryNumber::new(content.seen_number);
    let said_by = (member.certificate.user().as_str(), core.clock.now());
    suspicion::compare_logs(tx, received, said_by, (seen, &content.seen_hash)).await?;
    let shown = MessageRow {
        sender_user: member.certificate.user().to_string(),
        sender_name: member.certificate.display_name().to_string(),
        sender_device: member.certificate.device(),
        message: ClientMessageId::try_from(content.message_id.as_slice()).ok(),
        expires: Some(expires),
        ..blank(received, MessageKind::Unsupported)
    };
    // It is sent again: what stood for it where this device missed it goes.
    for number in content.sent_numbers.iter().take(SENT_NUMBERS_MAX) {
        if let Some((log, number)) = behind(tx, row, EntryNumber::new(*number)).await? {
            messages::found_again(tx, &log, &shown.sender_device, number).await?;
        }
    }
    let list = content.revocation_list_number;
    let higher = list > core.revocations.number() && !fault::planted("mutant.list_unheard");
    let higher = higher.then(|| Effect::List(list, member.certificate.user().to_string()));
    match content.body {
        Some(Body::Text(text)) if text_fits(&text.text) => {
            let text = MessageRow { kind: MessageKind::Text, body: text.text, ..shown };
            let left = unless_recalled(tx, text).await?;
            insert_text(core, tx, &left).await?;
        }
        Some(Body::Recall(recall)) => {
            let Some(target) = Target::read(&recall) else {
                messages::insert(tx, &shown).await?;
                return Ok(higher.into_iter().collect());
            };
            let by = shown.sender_user.clone();
            let own = by == core.device.user().as_str();
            let (said, gone) = recall::take_back(tx, target, (&by, own, expires), shown).await?;
            messages::insert(tx, &said).await?;
            return Ok(gone.into_iter().chain(higher).collect());
        }
        Some(Body::Leave(statement)) => {
            let effect = let_go(core, tx, row, &shown, member, statement).await?;
            return Ok(effect.into_iter().chain(higher).collect());
        }
        _ => messages::insert(tx, &shown).await?,
    }
    Ok(higher.into_iter().collect())
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

/// How long a member who saw somebody leave waits for another to be asked, in milliseconds.
const LET_GO_MS: u64 = 6_000;

/// Somebody left: shown, and every member wishes to let them go; the first commit grants all wishes.
async fn let_go(
    core: &Core,
    tx: &mut Transaction<'_>,
    row: &mut ConversationRow,
    shown: &MessageRow,
    member: &Member,
    statement: Vec<u8>,
) -> Result<Option<Effect>, CoreError> {
    let user = member.certificate.user();
    let stays = stays::load(tx, &shown.conversation).await?;
    let true_leave = decode::<SignedStatement>(&statement)
        .and_then(|signed| member.certificate.verify_statement(StatementLabel::Leave, &signed).ok())
        .and_then(|body| decode::<Leave>(&body))
        .is_some_and(|leave| {
            leave.user_id == user.as_str()
                && !said_before(&stays, &member.certificate.device(), &leave)
                && leave.conversation_id.as_ref() == shown.conversation.as_bytes().as_slice()
        });
    if !true_leave {
        messages::insert(tx, shown).await?;
        return Ok(None);
    }
    let event = MessageRow {
        kind: MessageKind::Event,
        expires: None,
        body: format!("{} left", member.certificate.display_name()),
        ..shown.clone()
    };
    messages::insert(tx, &event).await?;
    if user == core.device.user() {
        // Said on another device of this person: this one is let go of with it.
        row.standing = Standing::Left;
        return Ok(None);
    }
    let same = |wish: &intents::IntentRow| matches!(&wish.wish, Wish::LetGo { user: going, .. } if going == user.as_str());
    if intents::open_in(tx, &shown.conversation).await?.iter().any(same) {
        return Ok(None);
    }
    // Usually one of them is asked before that. Spread by the device's own id, so that not all commit at once.
    let now = core.clock.now();
    let spread = u64::from(core.device.id().as_bytes()[15]) * 2;
    let wish = Wish::LetGo { user: user.to_string(), leave: statement };
    let request = random(&*core.entropy)?;
    let not_before = UtcMillis::new(now.get() + LET_GO_MS + spread);
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
