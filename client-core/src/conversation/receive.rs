//! Taking in one entry of a log: check its place, open it, store what it says, move the cursor, in one step.
//!
//! The relay is not trusted here: an entry that leaves a gap, bytes that do not match their digest, or an own
//! message that comes back altered end the stream. What members did wrong is stored and shown.

use wardline_proto::{
    ChainHash, ChainLink, ClientMessageId, ConversationId, DeviceId, Digest, EntryNumber, UtcMillis, fault,
    relay::{Entry, EntryKind, Removed},
};

use super::{
    ask_in::{ask_in, lets_in},
    core::Core,
    instead::comes_instead,
    receive_commit::{Membership, receive_commit},
    receive_message::receive_message,
    report::{declared, missed},
    suspicion,
};
use crate::{
    error::CoreError,
    vault::tables::{
        chain,
        conversations::{self, ConversationRow, Standing},
        stays,
    },
};

/// What a step did, for whoever waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// There is something new to read.
    Readable(ConversationId, EntryNumber),
    /// A text is deleted: the write-ahead log has it until it is emptied.
    Gone(ConversationId),
    /// A message of this device is in the log.
    Sent(ClientMessageId, EntryNumber),
    /// A commit of this device is in the log; its wish has come true.
    Settled(i64),
    /// Another commit ended the epoch; this wish has to be planned anew.
    Lost(i64),
    /// Somebody left; a wish to let them go was stored.
    LetGo(ConversationId),
    /// This device was removed.
    Removed(ConversationId),
    /// This device was added.
    Joined(ConversationId),
    /// This device cannot follow; what it says of that is stored.
    OutOfStep(ConversationId),
    /// A log is closed: Welcomes of its successor are looked at again.
    Closed(ConversationId),
    /// The relay kept something back: it is asked again from the cursors.
    Again(ConversationId),
    /// An entry came of a conversation that is not known here.
    Unknown(ConversationId),
    /// A member of this user goes by a higher revocation list than this device.
    List(u64, String),
}

/// An entry whose shape is right.
#[derive(Clone, Copy)]
pub(crate) struct Received<'a> {
    pub conversation: ConversationId,
    pub number: EntryNumber,
    pub kind: EntryKind,
    pub stamp: UtcMillis,
    pub life_seconds: u32,
    pub digest: Digest,
    pub sender: DeviceId,
    /// Whether it stands where this device stopped at another.
    pub instead: bool,
    /// The entry as it came.
    pub entry: &'a Entry,
}

impl<'a> Received<'a> {
    fn parse(entry: &'a Entry) -> Result<Self, CoreError> {
        let malformed = |_| CoreError::Protocol("sent a malformed entry");
        let digest = Digest::try_from(&entry.message_sha256).map_err(malformed)?;
        if !entry.message.is_empty() && Digest::of(&entry.message) != digest {
            return Err(CoreError::Protocol("sent an entry whose bytes do not match their digest"));
        }
        Ok(Self {
            conversation: ConversationId::try_from(&entry.conversation_id).map_err(malformed)?,
            number: EntryNumber::new(entry.number),
            kind: entry.kind(),
            stamp: UtcMillis::new(entry.stamp_ms),
            life_seconds: entry.life_seconds,
            digest,
            sender: DeviceId::try_from(&entry.sender_device_id).map_err(malformed)?,
            instead: false,
            entry,
        })
    }

    /// What it adds to the chain.
    pub(crate) fn link(&self) -> ChainLink {
        ChainLink {
            number: self.number,
            kind: self.entry.kind.to_be_bytes()[3],
            life_seconds: self.life_seconds,
            stamp: self.stamp,
            message: self.digest,
        }
    }
}

/// Takes in one entry. One that was taken in before, or of a conversation this device cannot read, changes
/// nothing.
pub(crate) async fn receive(core: &mut Core, entry: &Entry) -> Result<Vec<Effect>, CoreError> {
    let Ok(received) = Received::parse(entry) else { return suspicion::damaged(core, entry).await };
    let conversation = received.conversation;
    let outcome = receive_step(core, &received).await;
    if outcome.is_err() {
        core.forget(&conversation);
    }
    outcome
}

async fn receive_step(core: &mut Core, received: &Received<'_>) -> Result<Vec<Effect>, CoreError> {
    // 1. Its place.
    let conversation = received.conversation;
    let Some(mut row) = load_row(core, &conversation).await? else {
        return Ok(vec![Effect::Unknown(conversation)]);
    };
    // Shown something else before, this device could not follow that: what there is, it may follow.
    let received = &Received { instead: comes_instead(core, received, &row).await?, ..*received };
    if received.instead {
        row.standing = Standing::Active;
    }
    if lets_in(core, received, &row) {
        return ask_in(core, received, row).await;
    }
    if row.standing == Standing::OutOfStep && received.number > row.cursor.next() {
        return match received.kind {
            EntryKind::Message => missed(core, received).await,
            _ => Ok(Vec::new()),
        };
    }
    if !reads(&row) {
        return Ok(Vec::new());
    }
    if received.number <= row.cursor {
        return suspicion::repeated(core, received, &row).await;
    }
    if received.number != row.cursor.next() && !fault::planted("mutant.skip_gap") {
        return suspicion::left_out(core, received, &row).await;
    }
    if suspicion::look(core, received, &row).await? {
        return Ok(vec![Effect::Again(conversation)]);
    }
    row.chain = row.chain.append(&received.link());
    row.cursor = received.number;
    row.last = received.stamp;

    // 2. The entry that let this device in says nothing new: its Welcome did.
    if received.number == row.joined {
        return store_joining_entry(core, received, row).await;
    }

    // 3. What it says.
    if !core.load_group(&conversation).await? {
        return Err(CoreError::Protocol("sent an entry of a conversation that is not open"));
    }
    match received.kind {
        EntryKind::Message => receive_message(core, received, row).await,
        EntryKind::Commit => match receive_commit(core, received, row).await? {
            Membership::In(effects) => Ok(effects),
            Membership::Out(effects) => {
                core.forget(&conversation);
                Ok(effects)
            }
        },
        EntryKind::Unspecified => Err(CoreError::Protocol("sent an entry of no kind")),
    }
}

async fn load_row(core: &Core, conversation: &ConversationId) -> Result<Option<ConversationRow>, CoreError> {
    let mut tx = core.vault.begin("load_conversation").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    tx.commit().await?;
    Ok(row)
}

/// Whether this device still reads the log: one that left reads on until it is let go.
fn reads(row: &ConversationRow) -> bool {
    matches!(row.standing, Standing::Active | Standing::Left)
}

/// The joining commit only moves the cursor. Where the adder and the relay tell two stories of how it came to be
/// there, that is noted; the relay's is gone on with, and members' next messages tell whose was true. Who came in with this
/// device said what they said of the log before as of a stay that is over.
async fn store_joining_entry(
    core: &Core,
    received: &Received<'_>,
    mut row: ConversationRow,
) -> Result<Vec<Effect>, CoreError> {
    let mut tx = core.vault.begin("receive_joining_entry").await?;
    let promised = chain::find(&mut tx, &row.conversation, row.cursor).await?;
    if let Some(promised) = promised.filter(|promised: &ChainHash| *promised != row.chain) {
        suspicion::joined_elsewhere(&mut tx, &row, (&promised, core.clock.now())).await?;
        row.chain = promised;
    }
    let joins = declared(&received.entry.message).map(|data| data.joins).unwrap_or_default();
    for device in joins.iter().filter_map(|bytes| DeviceId::try_from(bytes).ok()) {
        stays::joined(&mut tx, &row.conversation, &device, row.cursor).await?;
    }
    conversations::store(&mut tx, &row).await?;
    chain::insert(&mut tx, &row.conversation, row.cursor, &row.chain).await?;
    tx.commit().await?;
    Ok(Vec::new())
}

/// The relay says that this device is out. The commit before said so already, and is what counts: on the relay's word
/// alone nothing is forgotten that it ever was in. Answers the place to acknowledge, if both agree.
pub(crate) async fn removed(core: &Core, removed: &Removed) -> Result<Option<EntryNumber>, CoreError> {
    let conversation = ConversationId::try_from(&removed.conversation_id)
        .map_err(|_| CoreError::Protocol("sent a malformed removal"))?;
    let row = load_row(core, &conversation).await?;
    let number = EntryNumber::new(removed.number);
    let Some(row) = row else { return Ok(None) };
    if suspicion::forget_uninvited(core, &row).await? {
        return Ok(Some(number));
    }
    let agrees = row.standing == Standing::Removed && row.cursor == number;
    if !agrees {
        suspicion::false_removal(core, &row, number).await?;
    }
    Ok(agrees.then_some(number))
}

/// Decodes a protobuf message that another device wrote.
pub(crate) fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Option<M> {
    M::decode(bytes).ok()
}

/// The encoded form of a statement or content.
pub(crate) fn encode(message: &impl prost::Message) -> Vec<u8> {
    message.encode_to_vec()
}
