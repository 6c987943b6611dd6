//! The state: a relay with two conversations, three devices, two administrators; and the scenes that are looked at.

use crate::{
    log::{Commit, Entry, Prefix, read},
    set::{Device, Set},
};

/// Devices.
pub(crate) const DEVICES: u8 = 3;
/// Conversations; all devices are in each.
pub(crate) const CONVERSATIONS: usize = 2;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Two administrators revoke 1 and 2; both devices then try what they can.
    TwoRevoked,
    /// 2 is revoked; 1 colludes with it, and keeps no promise.
    Colluder,
    /// 2 is revoked; members hear of it by what the relay asks of them only, and 1 does nothing that it is asked.
    ByTask,
    /// 2 is revoked, and the relay takes everything in spite of its fences.
    HostileRelay,
}

/// A guard that is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The relay takes no message while there is a fence.
    FenceOnSend,
    /// A fence stands when the list is answered.
    FenceInOneStep,
    /// The relay takes a message of the newest epoch only.
    EpochOfSend,
    /// The relay takes one commit an epoch.
    EpochOfCommit,
    /// With a fence, a commit must take out somebody inside it.
    LeavesMeetTheFence,
    /// Nobody inside a fence commits.
    FencedCommit,
    /// Nobody revoked is let in.
    RevokedJoins,
    /// Members hold a commit whose author told the relay something else.
    LieIsSeen,
    /// Members look at their list before they encrypt.
    ListBeforeSend,
    /// The relay knows the id of a message that it has taken.
    KnownId,
    /// A message that met a fence is encrypted again.
    EncryptedAgain,
    /// A list goes on from the one before.
    CompareAndSet,
    /// What one member does not do is asked of the next.
    LeaseEnds,
}

impl Guard {
    /// Each, where it is missed, and which promise fails.
    pub const ALL: &[(Self, Scene, &str)] = &[
        (Self::FenceOnSend, Scene::TwoRevoked, "P3b"),
        (Self::FenceInOneStep, Scene::TwoRevoked, "P3b"),
        (Self::EpochOfSend, Scene::TwoRevoked, "P3b"),
        (Self::EpochOfCommit, Scene::TwoRevoked, "P5 one order"),
        (Self::LeavesMeetTheFence, Scene::Colluder, "P3 removed first"),
        (Self::FencedCommit, Scene::TwoRevoked, "P3 silent"),
        (Self::RevokedJoins, Scene::Colluder, "P3b"),
        (Self::LieIsSeen, Scene::Colluder, "P3b"),
        (Self::ListBeforeSend, Scene::HostileRelay, "P3c"),
        (Self::KnownId, Scene::TwoRevoked, "P5 once"),
        (Self::EncryptedAgain, Scene::TwoRevoked, "P5 in the end"),
        (Self::CompareAndSet, Scene::TwoRevoked, "P3 no list lost"),
        (Self::LeaseEnds, Scene::ByTask, "P5 in the end"),
    ];
}

/// The model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clinic {
    /// What happens.
    pub(crate) scene: Scene,
    /// The guard that is taken away.
    pub(crate) without: Option<Guard>,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The list in force: its number, and whom it names.
    pub(crate) list: (u8, Set),
    /// The conversations at the relay.
    pub(crate) logs: [Log; CONVERSATIONS],
    /// The devices.
    pub(crate) phones: [Phone; DEVICES as usize],
    /// The administrators.
    pub(crate) desks: Vec<Desk>,
}

/// A conversation at the relay.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Log {
    /// What was accepted.
    pub(crate) entries: Vec<Entry>,
    /// Who is in, as the relay was told.
    pub(crate) roster: Set,
    /// Who must leave.
    pub(crate) fence: Set,
    /// Whom the fence will name in a while; only without a guard.
    pub(crate) late: Set,
    /// Who is asked to remove them.
    pub(crate) lease: Option<Device>,
    /// Who was asked.
    pub(crate) asked: Set,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Phone {
    /// Whom it knows to be revoked.
    pub(crate) known: Set,
    /// Its conversations.
    pub(crate) chats: [Chat; CONVERSATIONS],
}

/// A conversation at a device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Chat {
    /// How many entries it has taken in.
    pub(crate) read: u8,
    /// Its message.
    pub(crate) message: Outgoing,
    /// A commit on its way.
    pub(crate) commit: Option<Commit>,
    /// Whether the relay has taken one that it has not merged yet.
    pub(crate) merges: bool,
    /// Whether the relay has asked it to remove who is inside the fence.
    pub(crate) asked: bool,
    /// Which tricks it has tried.
    pub(crate) tricks: u8,
}

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Outgoing {
    /// None.
    None,
    /// It waits.
    Waits,
    /// It is on its way, encrypted.
    Sent {
        /// In which epoch.
        epoch: u8,
        /// For whom.
        readers: Set,
        /// Whom its sender knew to be revoked.
        known: Set,
        /// Whether an answer was lost.
        lost: bool,
    },
    /// The relay has acknowledged it.
    Done,
}

/// An administrator with a device to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Desk {
    /// Which.
    pub(crate) device: Device,
    /// The list that goes on from the relay's as it knows that: number and devices.
    pub(crate) signed: (u8, Set),
    /// Whether the relay has answered that it is in force.
    pub(crate) answered: bool,
}

impl Clinic {
    /// Whether a guard is there.
    pub(crate) fn guards(&self, guard: Guard) -> bool {
        self.without != Some(guard)
    }

    /// Everybody.
    pub(crate) fn everybody() -> Set {
        Set::first(DEVICES)
    }

    /// Whether a device keeps the protocol.
    pub(crate) fn is_honest(&self, state: &State, device: Device) -> bool {
        let colludes = matches!(self.scene, Scene::Colluder) && device == 1;
        !colludes && !state.list.1.has(device)
    }

    /// Whether a device does what it is asked.
    pub(crate) fn is_diligent(&self, device: Device) -> bool {
        !matches!(self.scene, Scene::ByTask) || device != 1
    }

    /// The beginning.
    pub(crate) fn begin(&self) -> State {
        let says = |device: u8, conversation: usize| match self.scene {
            Scene::TwoRevoked => [(0, 0), (1, 1)].contains(&(device, conversation)),
            Scene::Colluder => [(0, 0), (0, 1)].contains(&(device, conversation)),
            Scene::HostileRelay => [(0, 0)].contains(&(device, conversation)),
            Scene::ByTask => [(0, 0), (1, 1)].contains(&(device, conversation)),
        };
        let chat = |device, conversation| Chat {
            read: 0,
            message: if says(device, conversation) { Outgoing::Waits } else { Outgoing::None },
            commit: None,
            merges: false,
            asked: false,
            tricks: 0,
        };
        let phone = |device: usize| Phone {
            known: Set::NOBODY,
            chats: std::array::from_fn(|conversation| chat(device as u8, conversation)),
        };
        let log = |_| Log {
            entries: Vec::new(),
            roster: Self::everybody(),
            fence: Set::NOBODY,
            late: Set::NOBODY,
            lease: None,
            asked: Set::NOBODY,
        };
        let devices: &[Device] = if matches!(self.scene, Scene::TwoRevoked) { &[1, 2] } else { &[2] };
        let desk = |device: &Device| Desk { device: *device, signed: (1, Set::of(*device)), answered: false };
        State {
            list: (0, Set::NOBODY),
            logs: std::array::from_fn(log),
            phones: std::array::from_fn(phone),
            desks: devices.iter().map(desk).collect(),
        }
    }
}

impl State {
    /// What a device has read of a conversation.
    pub(crate) fn seen_by(&self, device: Device, conversation: usize) -> Prefix {
        let chat = &self.phones[usize::from(device)].chats[conversation];
        read(&self.logs[conversation].entries[..usize::from(chat.read)], Clinic::everybody())
    }

    pub(crate) fn chat(&self, device: Device, conversation: usize) -> &Chat {
        &self.phones[usize::from(device)].chats[conversation]
    }

    pub(crate) fn chat_mut(&mut self, device: Device, conversation: usize) -> &mut Chat {
        &mut self.phones[usize::from(device)].chats[conversation]
    }
}
