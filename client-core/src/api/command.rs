//! What a face of the core (CLI, phone) can ask of it. Serialised on the owner's socket, so that a second
//! process on the same home asks the first.

use serde::{Deserialize, Serialize};

use super::{PolicyTask, RecordFilter};

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Who this device is and how it stands.
    Status {
        /// Whether what the relay was caught doing counts as seen from now on.
        seen: bool,
    },
    /// Fetch what is new and send what waits.
    Sync,
    /// Deletes what is over, and looks whether anything of it is left.
    VaultVerify,
    /// The people of the organisation.
    People {
        /// Only those whose id or name contains this.
        word: Option<String>,
    },
    /// Makes a conversation.
    ConversationCreate {
        /// Its name; must name no patient.
        name: String,
        /// The people in it besides oneself.
        with: Vec<String>,
        /// The MLS suite; the default if none.
        suite: Option<u16>,
    },
    /// The conversations.
    ConversationList,
    /// One conversation: members, devices, safety code.
    ConversationShow {
        /// Id, unambiguous prefix or name.
        conversation: String,
    },
    /// Adds people with all their devices, by one change.
    ConversationAdd {
        /// Id, unambiguous prefix or name.
        conversation: String,
        /// The users; at least one.
        users: Vec<String>,
    },
    /// Removes a person with all their devices.
    ConversationRemove {
        /// Id, unambiguous prefix or name.
        conversation: String,
        /// The user.
        user: String,
    },
    /// Leaves with all one's devices.
    ConversationLeave {
        /// Id, unambiguous prefix or name.
        conversation: String,
    },
    /// Gives it another name.
    ConversationRename {
        /// Id, unambiguous prefix or name.
        conversation: String,
        /// The name.
        name: String,
    },
    /// Sets for how long its messages are kept at most, from now on.
    ConversationRetain {
        /// Id, unambiguous prefix or name.
        conversation: String,
        /// In seconds: 300 to what the policy permits.
        seconds: u32,
    },
    /// Confirms that a person's new device is theirs, in place of their only one: it comes into all conversations shared
    /// with them.
    ConversationConfirm {
        /// Id, unambiguous prefix or name of one of these.
        conversation: String,
        /// The user.
        user: String,
    },
    /// Sends a text.
    Send {
        /// Id, unambiguous prefix or name.
        conversation: String,
        /// UTF-8, 1–65,536 bytes.
        text: String,
        /// When it is gone, counted from when the relay takes it, in seconds: 300 to what the conversation permits; as long as
        /// that if none.
        #[serde(default)]
        expires_seconds: Option<u32>,
    },
    /// Takes an own message back: every device deletes it.
    Recall {
        /// Id, unambiguous prefix or name.
        conversation: String,
        /// The message's number.
        number: u64,
    },
    /// The messages of a conversation.
    Read {
        /// Id, unambiguous prefix or name.
        conversation: String,
        /// Only those after this entry.
        since: Option<u64>,
        /// Only those not read before; marks them as read.
        new: bool,
    },
    /// Messages that wait or were returned.
    OutboxList,
    /// Tries a returned message again.
    OutboxRetry {
        /// Its id or an unambiguous prefix.
        message: String,
    },
    /// Gives a message up.
    OutboxDiscard {
        /// Its id or an unambiguous prefix.
        message: String,
    },
    /// The own devices.
    DeviceList,
    /// Lets another own device into all conversations of this one.
    DeviceApprove {
        /// Its id or an unambiguous prefix.
        device: String,
    },
    /// Puts devices on hold by this device's own signature, or says who may.
    Holds {
        /// Which of it.
        what: HoldTask,
    },
    /// Invites people.
    Invite {
        /// Whom.
        people: Vec<Invitee>,
        /// How long the invitation is valid, in seconds.
        valid_seconds: u64,
    },
    /// The invitations.
    InvitationList,
    /// Withdraws an invitation.
    InvitationCancel {
        /// Its id or an unambiguous prefix.
        invitation: String,
    },
    /// Judges and signs the requests that wait, once.
    RegistrarPass {
        /// How long to wait for one, in seconds, 0–30.
        wait_seconds: u32,
    },
    /// Makes the first list of revoked devices, and signs the newest again when that is due.
    KeepList,
    /// The organisation's devices.
    AdminDeviceList {
        /// Only this user's.
        user: Option<String>,
    },
    /// Revokes, holds or reinstates devices.
    AdminDeviceAct {
        /// Their ids or unambiguous prefixes.
        devices: Vec<String>,
        /// What is done, and how.
        act: Act,
    },
    /// Revokes, holds or reinstates all devices of a person.
    AdminUserAct {
        /// The user.
        user: String,
        /// What is done, and how.
        act: Act,
    },
    /// Where a device stands, and in which conversations it still is.
    AdminDeviceStatus {
        /// Its id or an unambiguous prefix.
        device: String,
    },
    /// The removal record of a device.
    AdminDeviceRecord {
        /// Its id or an unambiguous prefix.
        device: String,
    },
    /// Who vouches for devices, and this device among them.
    Administrators {
        /// Which of it.
        what: AdministratorTask,
    },
    /// The organisation's policy.
    Policy {
        /// What is done with it.
        what: PolicyTask,
    },
    /// The organisation on one page, with what an administrator should see to.
    AdminStatus,
    /// The relay's record of what administrators, registrars and the relay did.
    AdminLog {
        /// Which entries.
        filter: RecordFilter,
    },
}

/// Who vouches for devices.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdministratorTask {
    /// Asks for this device to be an issuer's machine.
    Request,
    /// Whether this device is one.
    Status,
    /// Who is one, and who asks to be.
    List,
}

/// Holds that others than issuers sign.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldTask {
    /// Puts other own devices on hold.
    Lost {
        /// Their ids or unambiguous prefixes.
        devices: Vec<String>,
        /// Why.
        reason: String,
    },
    /// Where another own device stands that turned up again, and who can end its hold.
    Found {
        /// Its id or an unambiguous prefix.
        device: String,
    },
    /// Puts others' devices on hold, for whom the list names as a responder.
    Others {
        /// Their ids or unambiguous prefixes.
        devices: Vec<String>,
        /// Why.
        reason: String,
    },
    /// Names a user as a responder.
    AddResponder {
        /// The user.
        user: String,
    },
    /// Names them no more.
    RemoveResponder {
        /// The user.
        user: String,
    },
    /// Who is named.
    ListResponders,
}

/// What is done to devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Act {
    /// "revoked", "held" or "reinstated".
    pub kind: String,
    /// Why: lost, stolen, compromised, replaced, left, lapsed, found, other.
    pub reason: String,
    /// Also if it is this very device, or the last one that can invite and revoke.
    #[serde(default)]
    pub even_own: bool,
}

/// A person to invite.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitee {
    /// The user id.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The role: clinician, administrator, registrar, responder, service.
    pub role: String,
    /// The device of theirs that the new one replaces: its id or an unambiguous prefix.
    #[serde(default)]
    pub replaces: Option<String>,
}

/// Whether a request may use the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Connect and sync first.
    Online,
    /// Use only what is in the vault.
    Offline,
}
