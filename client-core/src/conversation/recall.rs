//! Taking a message back: its author says so in the log, every device deletes the text, and a tombstone stays in its place.
//!
//! Only the person who sent it may, from any of their devices. What somebody has read or copied meanwhile stays with them.

use data_encoding::HEXLOWER;
use wardline_proto::{
    ClientMessageId, ConversationId, DeviceId, EntryNumber, Epoch, UtcMillis, content::Recall, fault::planted,
};

use super::{
    core::{Core, Device},
    line::behind,
    receive::Effect,
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::{self, ConversationRow},
            messages::{self, MessageKind, MessageRow},
            outbox::{self, OutboxKind, OutboxRow},
            recalled,
        },
    },
};

/// What is taken back: the device that sent it, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// The device.
    pub device: DeviceId,
    /// Its id of the message.
    pub message: ClientMessageId,
}

impl Target {
    /// From the wire; `None` for what names nothing.
    pub(crate) fn read(recall: &Recall) -> Option<Self> {
        Some(Self {
            device: DeviceId::try_from(recall.device_id.as_slice()).ok()?,
            message: ClientMessageId::try_from(recall.message_id.as_slice()).ok()?,
        })
    }

    /// For the wire.
    pub(crate) fn to_wire(self) -> Recall {
        Recall { device_id: self.device.as_bytes().to_vec(), message_id: self.message.as_bytes().to_vec() }
    }

    /// As the outbox keeps it: 32 bytes.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [self.device.as_bytes().as_slice(), self.message.as_bytes().as_slice()].concat()
    }

    /// From the outbox.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (device, message) = bytes.split_at_checked(16)?;
        Some(Self {
            device: DeviceId::try_from(device).ok()?,
            message: ClientMessageId::try_from(message).ok()?,
        })
    }

    /// As the row of the recall keeps it, with the number that people saw the message under; 0 if it was never here.
    fn to_text(self, shown: u64) -> String {
        format!("{} {shown}", HEXLOWER.encode(&self.to_bytes()))
    }

    /// From the row of a recall, with that number.
    pub(crate) fn of_row(row: &MessageRow) -> Option<(Self, u64)> {
        let (target, shown) = row.body.split_once(' ')?;
        let target = Self::from_bytes(&HEXLOWER.decode(target.as_bytes()).ok()?)?;
        Some((target, shown.parse().ok()?))
    }
}

/// The message that people see under a number, if this person may take it back.
///
/// # Errors
/// [`Failure`] of kind `Unknown` if there is no such text, `Refused` if it is another's.
pub(crate) async fn recallable(core: &Core, row: &ConversationRow, number: u64) -> Result<Target, CoreError> {
    let mut tx = core.vault.begin("look_for_message").await?;
    let found = match behind(&mut tx, row, EntryNumber::new(number)).await? {
        Some((log, number)) => messages::find(&mut tx, &log, number).await?,
        None => None,
    };
    tx.commit().await?;
    let text = found.filter(|found| found.kind == MessageKind::Text);
    let Some((text, message)) = text.and_then(|text| text.message.map(|message| (text, message))) else {
        return Err(Failure::new(
            FailureKind::Unknown,
            format!("There is no text under number {number}."),
            "",
            "Look for its number: wardline read CONVERSATION.",
        )
        .into());
    };
    if text.sender_user != core.device.user().as_str() && !planted("member.recalls_others") {
        return Err(Failure::new(
            FailureKind::Refused,
            "This message is not yours.",
            "A message is taken back by whoever sent it.",
            "Ask them to: wardline recall CONVERSATION N.",
        )
        .into());
    }
    Ok(Target { device: text.sender_device, message })
}

/// Somebody takes a message back: the text goes, if it is theirs. Gives the row that says so, and that a text is gone.
pub(crate) async fn take_back(
    tx: &mut Transaction<'_>,
    target: Target,
    (by, own, until): (&str, bool, UtcMillis),
    said: MessageRow,
) -> Result<(MessageRow, Option<Effect>), CoreError> {
    let first = first_of(tx, &said.conversation).await?;
    let (mut shown, mut gone) = (0, None);
    if let Some((log, number, _)) = messages::place_of(tx, &target.device, &target.message).await? {
        let others = |row: &MessageRow| row.sender_user != by && !planted("mutant.recall_by_anybody");
        if messages::find(tx, &log, number).await?.as_ref().is_some_and(others) {
            let body = format!(
                "{} tried to take back what somebody else said: nothing is deleted",
                said.sender_name
            );
            return Ok((MessageRow { kind: MessageKind::Event, body, ..said }, None));
        }
        let row = conversations::load(tx, &log).await?;
        // Said here, it takes nothing back elsewhere: who reads there is told there.
        let here = row.as_ref().is_some_and(|row| row.line.first == first)
            || planted("mutant.recall_from_elsewhere");
        if let Some(row) = row.filter(|_| here) {
            shown = row.shown(number).get();
            if !planted("mutant.recall_keeps_text") {
                messages::recall(tx, (&log, number)).await?;
                gone = Some(Effect::Gone(log));
            }
        }
    }
    if !planted("mutant.recall_forgotten") {
        recalled::insert(tx, (&first, &target.device, &target.message), (by, until)).await?;
    }
    // What waits here to be sent again, and has not left, never does; nobody else says that of it.
    if own && outbox::forget_text(tx, &target.message).await? {
        gone = Some(Effect::Gone(said.conversation));
    }
    Ok((MessageRow { kind: MessageKind::Recall, body: target.to_text(shown), ..said }, gone))
}

/// Whether a text that waits to be sent again was taken back meanwhile, and cannot be in the log under way: what was encrypted in this
/// epoch may be, and comes back.
pub(crate) async fn is_taken_back(
    tx: &mut Transaction<'_>,
    waiting: &OutboxRow,
    device: &Device,
    (epoch, now): (Epoch, UtcMillis),
) -> Result<bool, CoreError> {
    // What waits for the first time has no number by which it could be taken back.
    let Some(id) = &waiting.inner else { return Ok(false) };
    let under_way = waiting.sealed.as_ref().is_some_and(|(sealed_in, _)| *sealed_in == epoch);
    if waiting.kind != OutboxKind::Text || under_way || planted("mutant.recalled_goes_on") {
        return Ok(false);
    }
    let first = first_of(tx, &waiting.conversation).await?;
    Ok(recalled::is_by(tx, (&first, &device.id(), id), (device.user().as_str(), now)).await?)
}

/// A text as it is shown: what is left of it, if its author has taken it back before it came.
pub(crate) async fn unless_recalled(
    tx: &mut Transaction<'_>,
    text: MessageRow,
) -> Result<MessageRow, CoreError> {
    let Some(message) = &text.message else { return Ok(text) };
    let first = first_of(tx, &text.conversation).await?;
    let by = (text.sender_user.as_str(), text.stamp);
    let gone = recalled::is_by(tx, (&first, &text.sender_device, message), by).await?;
    Ok(if gone { MessageRow { kind: MessageKind::Recalled, body: String::new(), ..text } } else { text })
}

/// The conversation that a log is a part of, by the id that people see.
async fn first_of(tx: &mut Transaction<'_>, log: &ConversationId) -> Result<ConversationId, CoreError> {
    Ok(conversations::load(tx, log).await?.map_or(*log, |row| row.line.first))
}
