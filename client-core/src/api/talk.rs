//! Sending and reading.

use wardline_proto::{ClientMessageId, EntryNumber, LIFE_SECONDS_MIN, UtcMillis, fault};

use super::{
    Answer, Failure, FailureKind, Messages, Sent, change::open_conversation, membership::waiting_events,
    rfc3339, span,
};
use crate::{
    conversation::{
        self, TEXT_BYTES_MAX, longest_life, policy, random, recall::Target, recallable, text_refusal,
    },
    error::CoreError,
    session::{Delivery, Link, Session},
    vault::tables::{
        conversations::{ConversationRow, Standing},
        outbox::{self, OutboxKind, OutboxRow},
    },
};

/// Queues a text and waits until the log has it, or there is no way to send it now.
pub(super) async fn send(
    session: &Session,
    name: &str,
    text: String,
    expires_seconds: Option<u32>,
) -> Result<Answer, CoreError> {
    let (row, message) = {
        let core = session.core().await;
        let row = open_conversation(&core, name).await?;
        may_be_text(&core, text.len())?;
        let longest = longest_life(policy(&core), &row);
        let life = expires_seconds.map_or(Ok(longest), |seconds| may_live(seconds, longest))?;
        let said = (OutboxKind::Text, text.into_bytes(), life);
        let message = queue(&core, &row, said, session.clock.now()).await?;
        (row, message)
    };
    deliver(session, name, (row, message)).await
}

/// Takes an own message back. It lives as long as a message may now.
pub(super) async fn recall(session: &Session, name: &str, number: u64) -> Result<Answer, CoreError> {
    let (row, message) = {
        let core = session.core().await;
        let row = open_conversation(&core, name).await?;
        let target = recallable(&core, &row, number).await?;
        let said = (OutboxKind::Recall, target.to_bytes(), longest_life(policy(&core), &row));
        let message = queue(&core, &row, said, session.clock.now()).await?;
        (row, message)
    };
    deliver(session, name, (row, message)).await
}

/// Waits until the log has what was queued, or there is no way to send it now.
async fn deliver(
    session: &Session,
    name: &str,
    (row, message): (ConversationRow, ClientMessageId),
) -> Result<Answer, CoreError> {
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
    if matches!(delivery, Delivery::Sent(..)) {
        session.came_back(&message).await?;
    }
    let sent = |state: &str| Sent {
        state: state.to_owned(),
        message: message.to_string(),
        conversation: row.line.first.to_string(),
        number: None,
        time: None,
        why: None,
    };
    Ok(Answer::Sent(match delivery {
        Delivery::Sent(number, stamp) => {
            Sent { number: Some(number.get()), time: Some(rfc3339(stamp)), ..sent("sent") }
        }
        Delivery::Queued => {
            let online = matches!(&*session.link.borrow(), Link::Online { .. });
            let now = conversation::find(&*session.core().await, name).await?;
            let why = why_it_waits(online, now.standing, now.held.is_some()).to_owned();
            let silenced = conversation::silenced(&*session.core().await).filter(|_| online);
            Sent { why: Some(silenced.map_or(why, |failure| failure.to_string())), ..sent("queued") }
        }
        Delivery::Refused(why) => Sent { why: Some(why), ..sent("refused") },
    }))
}

/// Refuses a text that cannot be sent.
fn may_be_text(core: &conversation::Core, bytes: usize) -> Result<(), Failure> {
    let refused = |kind, why: String| {
        let now = "Shorten it, or send it in parts.";
        Err(Failure::new(kind, "This text cannot be sent.", why, now))
    };
    if bytes == 0 || bytes > TEXT_BYTES_MAX {
        return refused(FailureKind::Input, "A message has 1 to 65,536 bytes.".to_owned());
    }
    match text_refusal(policy(core), bytes) {
        Some(why) => refused(FailureKind::Refused, format!("In bytes: {why}.")),
        None => Ok(()),
    }
}

/// The life that was asked for, if a message may have it.
fn may_live(seconds: u32, longest: u32) -> Result<u32, Failure> {
    if (LIFE_SECONDS_MIN..=longest).contains(&seconds) || fault::planted("mutant.any_expiry") {
        return Ok(seconds);
    }
    Err(Failure::new(
        FailureKind::Input,
        format!("A message cannot be kept for {} here.", span(seconds)),
        format!("Here it is {} to {}.", span(LIFE_SECONDS_MIN), span(longest)),
        "Choose another --expires, or leave it out.",
    ))
}

/// Why a message has not left yet, for its author: what holds it back longest.
const fn why_it_waits(online: bool, standing: Standing, held: bool) -> &'static str {
    match (online, standing) {
        (false, _) => "there is no connection",
        (true, Standing::OutOfStep) => "this device is waiting to be let in again",
        (true, Standing::Closed) => "the conversation goes on anew in a moment",
        (true, _) if held => "the conversation is held until it is put right",
        (true, _) => "the conversation is busy, or the connection is slow",
    }
}

/// Reads; what is read without `since` counts as read.
pub(super) async fn read(
    session: &Session,
    name: &str,
    since: Option<u64>,
    new: bool,
) -> Result<Answer, CoreError> {
    let mut core = session.core().await;
    let row = conversation::find(&core, name).await?;
    let after = match since {
        Some(number) => Some(EntryNumber::new(number)),
        None if new => None,
        None => Some(EntryNumber::ZERO),
    };
    let mut messages = conversation::read(&core, &row, after, new || since.is_none()).await?;
    let missed = messages.iter().filter(|one| matches!(one.kind.as_str(), "missed" | "expired")).count();
    let mut relay_faults = conversation::relay_faults(&core, &row).await?;
    relay_faults.retain(|fault| fault.seen.is_none());
    messages.extend(waiting_events(&mut core, &row).await?);
    Ok(Answer::Messages(Messages {
        conversation: row.line.first.to_string(),
        messages,
        missed: missed.try_into().unwrap_or(u64::MAX),
        relay_faults,
    }))
}

/// Queues a message under a new id; its life is in seconds.
pub(super) async fn queue(
    core: &conversation::Core,
    row: &ConversationRow,
    (kind, body, life_seconds): (OutboxKind, Vec<u8>, u32),
    now: UtcMillis,
) -> Result<ClientMessageId, CoreError> {
    let message = ClientMessageId::from_bytes(random(&*core.entropy)?);
    let waiting = OutboxRow {
        message,
        inner: None,
        conversation: row.conversation,
        kind,
        body,
        created: now,
        life_seconds,
        expires: None,
        sealed: None,
        accepted: None,
        refusal: None,
    };
    let mut tx = core.vault.begin("queue").await?;
    outbox::insert(&mut tx, &waiting).await?;
    // What is taken back and waits to be sent again waits no longer, if it has not left.
    let gone = match (waiting.kind, Target::from_bytes(&waiting.body)) {
        (OutboxKind::Recall, Some(target)) => outbox::forget_text(&mut tx, &target.message).await?,
        _ => false,
    };
    tx.commit().await?;
    if gone {
        core.vault.empty_log().await;
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_waits_says_no_connection_only_where_there_is_none() {
        let lacks = "there is no connection";
        for (standing, held) in [
            (Standing::Active, false),
            (Standing::Active, true),
            (Standing::OutOfStep, false),
            (Standing::Closed, false),
        ] {
            assert_eq!(why_it_waits(false, standing, held), lacks);
            assert_ne!(why_it_waits(true, standing, held), lacks);
        }
        assert!(why_it_waits(true, Standing::Active, true).contains("held"));
        assert!(why_it_waits(true, Standing::OutOfStep, true).contains("let in again"));
    }
}
