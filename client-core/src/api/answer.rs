//! What the core answers. These are the objects that `--json` prints, documented in `docs/cli-json.md`; instants
//! are RFC 3339 UTC, ids lowercase hex.

use serde::{Deserialize, Serialize};

use super::{
    Acts, AdminStatus, AdministratorState, Administrators, DeviceStatus, FoundDevice, Inventory, Invitations,
    Invited, Judged, ListState, MemberFault, PolicyShown, RecordLog, RelayFault, RemovalRecordFile,
    VaultVerified, WaitingDevice,
};

/// The answer to a [`Command`](super::Command).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// To `Send`.
    Sent(Sent),
    /// To `ConversationCreate`, `…Add`, `…Remove`, `…Leave`, `…Rename`, `…Retain`, `…Confirm`.
    Changed(Changed),
    /// To `ConversationList`.
    Conversations(Conversations),
    /// To `ConversationShow`.
    Conversation(Box<ConversationDetail>),
    /// To `Read`.
    Messages(Messages),
    /// To `People`.
    People(People),
    /// To `OutboxList`, `OutboxRetry`, `OutboxDiscard`.
    Outbox(Outbox),
    /// To `DeviceList`.
    Devices(Devices),
    /// To `DeviceApprove`.
    Approved(Approved),
    /// To `Invite`.
    Invited(Invited),
    /// To `InvitationList`, `InvitationCancel`.
    Invitations(Invitations),
    /// To `RegistrarPass`.
    Judged(Judged),
    /// To `KeepList`.
    ListKept(ListKept),
    /// To `AdminDeviceList`.
    Inventory(Inventory),
    /// To `AdminDeviceAct`, `AdminUserAct`.
    Acts(Acts),
    /// To `Holds` with `Found`.
    FoundDevice(FoundDevice),
    /// To `ResponderAdd`, `ResponderRemove` and `ResponderList`.
    Responders(Responders),
    /// To `Policy`.
    Policy(PolicyShown),
    /// To `AdminDeviceStatus`.
    DeviceStatus(Box<DeviceStatus>),
    /// To `Administrators` with `Request` or `Status`.
    Administrator(AdministratorState),
    /// To `Administrators` with `List`.
    Administrators(Administrators),
    /// To `AdminStatus`.
    AdminStatus(Box<AdminStatus>),
    /// To `AdminDeviceRecord`.
    RemovalRecord(Box<RemovalRecordFile>),
    /// To `AdminLog`.
    Record(RecordLog),
    /// To `Status`.
    Status(Box<Status>),
    /// To `Sync`.
    Synced(Synced),
    /// To `VaultVerify`.
    VaultVerified(VaultVerified),
}

/// What became of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sent {
    /// "sent", "queued" or "refused".
    pub state: String,
    /// Its id.
    pub message: String,
    /// The conversation.
    pub conversation: String,
    /// Its number, once sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// When the relay accepted it, once sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Why it was refused, or why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A change of a conversation that the log shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Changed {
    /// The conversation.
    pub conversation: String,
    /// What was done: "created", "added", "removed", "left", "renamed", "confirmed".
    pub change: String,
    /// The people it was done to.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub people: Vec<String>,
}

/// Conversations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Conversations {
    /// The one with the newest entry first.
    pub conversations: Vec<ConversationSummary>,
}

/// A conversation in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConversationSummary {
    /// Its id.
    pub conversation: String,
    /// Its name.
    pub name: String,
    /// "creating", "active", "left", "removed", "stopped", "out_of_step" (it waits to be let in again), "closed" (it goes on
    /// in a moment) or "waiting" (for the end of the one it says it goes on from).
    pub state: String,
    /// How many messages of others were not read.
    pub unread: u64,
    /// How many of those came and are gone, or came while this device could not follow.
    pub missed: u64,
    /// When its last entry was accepted; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Why nothing can be sent to it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The first entry at which the relay was caught in a lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u64>,
}

/// A conversation with its members.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConversationDetail {
    /// As in the list.
    #[serde(flatten)]
    pub summary: ConversationSummary,
    /// How long messages are kept at most, in seconds.
    pub retention_seconds: u32,
    /// The same on every member's device; compare it aloud.
    pub safety_code: String,
    /// "post-quantum" or "classic".
    pub protection: String,
    /// The last entry processed.
    pub number: u64,
    /// The members, by user id.
    pub members: Vec<Member>,
    /// What members did beyond their rights, in the order of the log.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub member_faults: Vec<MemberFault>,
    /// New devices of members that wait to be confirmed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waiting: Vec<WaitingDevice>,
    /// What the relay was caught doing, here and to all conversations.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub relay_faults: Vec<RelayFault>,
}

/// A person in a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    /// The user id.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The role.
    pub role: String,
    /// Whether they may remove people and rename.
    pub keeper: bool,
    /// Their devices in it.
    pub devices: Vec<MemberDevice>,
}

/// A device in a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberDevice {
    /// Its id.
    pub device: String,
    /// What its owner calls it.
    pub name: String,
}

/// Messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Messages {
    /// The conversation.
    pub conversation: String,
    /// In order.
    pub messages: Vec<Message>,
    /// How many of them came and are gone, or came while this device could not follow.
    pub missed: u64,
    /// What the relay was caught doing, here and to all conversations, that nobody has seen.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub relay_faults: Vec<RelayFault>,
}

/// One entry that says something.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// Its number.
    pub number: u64,
    /// "text", "event", "unreadable", "unsupported", "expired", "missed" or "recalled" (its author took it back).
    pub kind: String,
    /// The user it is from; empty if unknown.
    pub from: String,
    /// The name people see.
    pub name: String,
    /// The device it is from.
    pub device: String,
    /// When the relay accepted it.
    pub time: String,
    /// When it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The text, or what happened.
    pub text: String,
}

/// People.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct People {
    /// By user id.
    pub people: Vec<Person>,
}

/// A person of the organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Person {
    /// The user id.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The role.
    pub role: String,
    /// How many devices are in force.
    pub devices: usize,
}

/// Messages that wait or were returned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outbox {
    /// In the order they were written.
    pub outbox: Vec<OutboxMessage>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// Its id.
    pub message: String,
    /// The conversation.
    pub conversation: String,
    /// "queued", "sent" (its entry is on the way back) or "refused".
    pub state: String,
    /// When it was written.
    pub time: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The own devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Devices {
    /// In order of issue.
    pub devices: Vec<OwnDevice>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OwnDevice {
    /// Its id.
    pub device: String,
    /// What it is called.
    pub name: String,
    /// Whether it is this one.
    pub this: bool,
    /// In how many of this device's conversations it is not yet.
    pub missing_in: usize,
    /// Compare with what the other device shows before approving it.
    pub code: String,
}

/// An approval under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Approved {
    /// The device.
    pub device: String,
    /// The conversations it was added to.
    pub conversations: Vec<String>,
}

/// How this device stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The organisation's name.
    pub organisation: String,
    /// SHA-256 of its root certificate.
    pub root: String,
    /// The user id.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The role.
    pub role: String,
    /// This device.
    pub device: String,
    /// What its owner calls it.
    pub device_name: String,
    /// When its certificate ends; absent while enrolling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_until: Option<String>,
    /// Where the relay is.
    pub relay: Vec<String>,
    /// "quic", "tcp" or "offline".
    pub connection: String,
    /// How many conversations it is in.
    pub conversations: usize,
    /// How many messages wait to be sent.
    pub queued: usize,
    /// New devices of other people that wait to be confirmed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waiting: Vec<WaitingDevice>,
    /// How many lies the relay was caught in that nobody has seen.
    pub relay_faults: u64,
    /// The list of revoked devices that this device goes by, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListState>,
    /// What somebody should see to.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
}

/// What became of the list of revoked devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListKept {
    /// Whether it was signed or published now.
    pub changed: bool,
    /// The list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListState>,
}

/// A sync that has caught up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Synced {
    /// "quic" or "tcp".
    pub connection: String,
    /// How many messages of others were not read.
    pub unread: u64,
    /// How many of those came and are gone, or came while this device could not follow.
    pub missed: u64,
    /// How many messages wait to be sent.
    pub queued: usize,
    /// How many lies the relay was caught in that nobody has seen.
    pub relay_faults: u64,
}

/// Who may put others' devices on hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responders {
    /// Their user ids, ascending.
    pub responders: Vec<String>,
    /// The number of the list that names them.
    pub list: u64,
    /// Whether that was changed just now.
    pub changed: bool,
}
