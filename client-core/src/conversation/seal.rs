//! Encrypting a queued message: the ratchet advances and the ciphertext is stored in one step, before it is sent.

use wardline_identity::Policy;
use wardline_proto::{
    DeviceId, Epoch, LIFE_SECONDS_MIN, UtcMillis,
    content::{Content, Text, content::Body},
    fault::planted,
};

use super::{
    core::Core,
    hold::Hold,
    permitted::{longest_life, policy, silenced, text_refusal},
    recall::{Target, is_taken_back},
    receive::encode,
    receive_message::message_data,
    revoked,
    roster::Roster,
    statements::leave_statement,
    successor::is_incomplete,
    voice::Voice,
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::{self, ConversationRow, Standing},
            messages,
            outbox::{self, OutboxKind, OutboxRow},
            sent_again,
        },
    },
};

/// The longest text, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 65_536;

/// What became of a queued message.
pub(crate) enum Sealed {
    /// Encrypted for the conversation's epoch, to be sent.
    Ready {
        /// The MLSMessage.
        ciphertext: Vec<u8>,
    },
    /// It has to wait: the conversation is not with the relay yet, somebody must leave it first, or the list of revoked devices
    /// has outlived its life.
    Wait,
    /// It waits under another conversation by now, or not at all.
    Elsewhere,
    /// It goes back to its author.
    Refused(String),
}

/// Encrypts a queued message, or answers the ciphertext it has in this epoch already.
///
/// In one epoch the same bytes are sent again: a second encryption of the same message would spend a second
/// generation of the ratchet for nothing.
pub(crate) async fn seal(core: &mut Core, waiting: &OutboxRow) -> Result<Sealed, CoreError> {
    let outcome = seal_step(core, waiting).await;
    if outcome.is_err() {
        core.forget(&waiting.conversation);
    }
    outcome
}

async fn seal_step(core: &mut Core, waiting: &OutboxRow) -> Result<Sealed, CoreError> {
    let conversation = waiting.conversation;
    if silenced(core).is_some() {
        return Ok(Sealed::Wait);
    }
    let open = core.load_group(&conversation).await?;
    let mut tx = core.vault.begin("seal").await?;
    // A successor that was joined since the row was read takes what waits with it.
    let stale = planted("mutant.seal_stale");
    let waits =
        outbox::find(&mut tx, &waiting.message).await?.is_some_and(|now| now.waits_for(&conversation));
    if !waits && !stale {
        return Ok(Sealed::Elsewhere);
    }
    let row = conversations::load(&mut tx, &conversation).await?;
    let (Some(row), true) = (row, open) else {
        return Ok(Sealed::Refused("you are not in this conversation".to_owned()));
    };
    let longest = longest_life(policy(core), &row);
    if let Some(refusal) = may_send(&row, waiting, (policy(core), longest), core.clock.now()) {
        return Ok(refusal);
    }
    let closed = CoreError::Protocol("was asked about a conversation that is not open");
    let group = core.groups.get_mut(&conversation).ok_or(closed)?;
    let roster = Roster::read(&core.device.organisation, &group.roster());
    if is_incomplete(&mut tx, &row, (&roster, &core.revocations, core.clock.now())).await? {
        return Ok(Sealed::Wait);
    }
    // Nothing is encrypted to a device that the list names, nor sent that was encrypted before it was known.
    let by = (&core.revocations, core.device.id(), &*core.entropy);
    if revoked::holds_back(&mut tx, (&conversation, &roster), by, core.clock.now()).await? {
        tx.commit().await?;
        return Ok(Sealed::Wait);
    }
    let epoch: Epoch = group.epoch();
    if is_taken_back(&mut tx, waiting, &core.device, (epoch, core.clock.now())).await? {
        outbox::delete(&mut tx, &waiting.message).await?;
        tx.commit().await?;
        core.vault.empty_log().await;
        return Ok(Sealed::Elsewhere);
    }
    if let Some((sealed_in, ciphertext)) = &waiting.sealed
        && *sealed_in == epoch
        // Sealed for longer than is permitted by now, it is sealed again: the relay takes the other from nobody any more.
        && waiting.life_seconds <= longest
        && !planted("mutant.seal_anew")
    {
        return Ok(Sealed::Ready { ciphertext: ciphertext.clone() });
    }
    let voice = core.device.voice_in(Some(group));
    let content = Content {
        message_id: waiting.id().as_bytes().to_vec(),
        seen_number: row.cursor.get(),
        seen_hash: seen_hash(&row),
        revocation_list_number: core.revocations.number(),
        policy_number: core.revocations.policy().number,
        sent_at_ms: waiting.created.get(),
        expires_at_ms: waiting.expires.map_or(0, UtcMillis::get),
        sent_numbers: sent_before(core.device.id(), &mut tx, waiting).await?,
        body: Some(body_of(waiting, &row, &voice)),
    };
    let life = life_left(waiting, core.retention.now(&*core.clock)).min(longest);
    let aad = message_data(life);
    let mut ciphertext = group.encrypt(&core.store, &voice.identity(), &aad, &encode(&content))?;
    if let (true, Some(last)) = (planted("member.undecryptable"), ciphertext.last_mut()) {
        *last ^= 1;
    }
    outbox::seal(&mut tx, &waiting.message, epoch, (&ciphertext, life)).await?;
    Core::finish(&core.store, tx).await?;
    Ok(Sealed::Ready { ciphertext })
}

/// What it says.
fn body_of(waiting: &OutboxRow, row: &ConversationRow, voice: &Voice<'_>) -> Body {
    match waiting.kind {
        OutboxKind::Text => Body::Text(Text { text: String::from_utf8_lossy(&waiting.body).into_owned() }),
        OutboxKind::Recall => {
            Body::Recall(Target::from_bytes(&waiting.body).map(Target::to_wire).unwrap_or_default())
        }
        // Said of now: what it said when it was queued may have been before this device was let in.
        OutboxKind::Leave => {
            let seen = (&row.conversation, row.seen());
            Body::Leave(encode(&leave_statement(voice, seen, waiting.created)))
        }
    }
}

/// The numbers that people saw a message under when it was sent before.
async fn sent_before(
    own: DeviceId,
    tx: &mut Transaction<'_>,
    waiting: &OutboxRow,
) -> Result<Vec<u64>, CoreError> {
    let Some(id) = waiting.inner else { return Ok(Vec::new()) };
    let mut numbers = sent_again::list(tx, &id).await?;
    if let Some((log, number, _)) = messages::place_of(tx, &own, &id).await? {
        let log = conversations::load(tx, &log).await?;
        numbers.extend(log.map(|log| log.shown(number).get()));
    }
    Ok(numbers)
}

/// The log as this device has seen it; of a lying member's client, what nobody has seen.
fn seen_hash(row: &ConversationRow) -> Vec<u8> {
    if planted("member.false_seen") { vec![7; 60_000] } else { row.chain.digest().as_bytes().to_vec() }
}

/// The life that a message travels with: what is left of it. The shortest that there is may be longer: what is inside counts.
fn life_left(waiting: &OutboxRow, now: UtcMillis) -> u32 {
    let left = waiting.expires.map(|expires| expires.seconds().saturating_sub(now.seconds()));
    let left = left.map_or(waiting.life_seconds, |left| u32::try_from(left).unwrap_or(u32::MAX));
    left.min(waiting.life_seconds).max(LIFE_SECONDS_MIN)
}

/// Why a message cannot be sent now, if so.
fn may_send(
    row: &ConversationRow,
    waiting: &OutboxRow,
    (policy, longest): (&Policy, u32),
    now: UtcMillis,
) -> Option<Sealed> {
    let refused = |why: String| Some(Sealed::Refused(why));
    match row.standing {
        Standing::Active => {}
        // Said when this device is in again, or the successor has been joined.
        Standing::Creating | Standing::OutOfStep | Standing::Closed => return Some(Sealed::Wait),
        Standing::Left => return refused("you left this conversation".to_owned()),
        Standing::Removed => return refused("you were removed from this conversation".to_owned()),
        Standing::Stopped => {
            return refused("this device cannot follow the conversation any more".to_owned());
        }
    }
    if let Some(held) = row.held.as_deref() {
        // It is put right by whoever is there first; then it goes out.
        tracing::info!(why = Hold::parse(held).why(), "a message waits until a conversation is put right");
        return Some(Sealed::Wait);
    }
    if let Some(why) = text_refusal(policy, waiting.body.len()).filter(|_| waiting.kind == OutboxKind::Text) {
        return refused(why);
    }
    let age = now.seconds().saturating_sub(waiting.created.seconds());
    let gone = waiting.expires.is_some_and(|expires| expires <= now);
    // By what it may live now, not by what it might have: a second try comes to the same as the first.
    let life = if planted("mutant.age_by_old_life") {
        waiting.life_seconds
    } else {
        waiting.life_seconds.min(longest)
    };
    (gone || age > u64::from(life))
        .then(|| Sealed::Refused("it waited for longer than it was to be kept".to_owned()))
}
