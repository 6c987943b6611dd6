//! A device's life: found or enrol, open, connect, follow the log, send what waits.
//!
//! [`Session`] is the state shared by the tasks of one process: the [`Core`](crate::conversation::Core) behind a
//! lock that is held for a step and never across a call to the relay, the connection, and a counter that every step
//! raises, so that whoever waits for the vault to show something wakes.

mod acknowledge;
mod administrator;
mod administrators;
mod appoint;
mod backoff;
mod beside;
mod broken;
mod certified;
mod change_passcode;
mod confirm;
mod directory;
mod early;
mod enrol;
#[cfg(test)]
mod fence_test;
mod follow;
mod found;
mod grant;
mod greet;
pub(crate) mod holds;
mod inventory;
mod issuers;
mod issuers_change;
#[cfg(test)]
mod issuers_test;
mod keep_list;
mod key_packages;
#[cfg(test)]
mod late_greeting_test;
mod left_over;
mod link;
mod look_through;
mod lost;
mod lost_issuers;
mod open;
#[cfg(feature = "fuzzing")]
pub mod opened_for_tests;
mod outbox;
mod period_secrets;
#[cfg(test)]
mod policy_test;
mod publish_policy;
#[cfg(test)]
mod recall_test;
mod record;
mod record_pages;
#[cfg(test)]
mod record_test;
mod recovery_file;
#[cfg(test)]
mod refused_test;
mod registrar;
mod removal_record;
mod renewal;
#[cfg(test)]
mod renewal_test;
mod renewed;
#[cfg(test)]
mod renewed_test;
mod responders;
mod restore;
#[cfg(test)]
mod rests_test;
pub(crate) mod revocation;
#[cfg(test)]
mod revocation_test;
mod revoke;
mod root;
mod root_door;
mod send;
mod show_list;
mod signed_list;
mod striking;
mod sweep;
mod task;
mod told;
mod turned_up;
mod under_way;
mod unseal;
mod verify_vault;
mod wait;
#[cfg(test)]
mod waits_test;

#[cfg(feature = "fuzzing")]
pub(crate) use self::follow::follow;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::open::load_device;
pub(crate) use self::{
    administrator::{administrator_state, request_administrator},
    administrators::list_administrators,
    appoint::{add_administrator, remove_administrator},
    change_passcode::change_passcode,
    directory::{ask_people, verified_devices},
    enrol::{device_code, enrol},
    found::found,
    inventory::{Listed, devices as listed_devices, named as named_device},
    keep_list::keep_list,
    link::{Link, RelayConnector, Ways},
    lost::{Among, put_on_hold},
    open::open_vault,
    publish_policy::{InForce, publish_policy, show_policy},
    record_pages::{Numbered, read as read_record, rebuild as rebuild_record},
    registrar::{invite, list_invitations, look_at_enrolments, registrar_pass},
    removal_record::removal_record,
    responders::{Change, change_responders, list_responders},
    restore::restore,
    revoke::{Order, Whom, revoke},
    root::{back_up_root, show_root},
    task::ask_members,
    turned_up::turned_up,
    unseal::{Opening, unseal_copy},
    verify_vault::verify_vault,
    wait::{Delivery, until_settled},
};
pub use self::{
    appoint::{Appointed, Appointing},
    certified::{KeptShown, RecordSeen},
    change_passcode::PasscodeChange,
    enrol::{Enrolled, Enrolment, Progress, invitation_connector},
    found::{Founded, Founding},
    link::{Connected, Connector},
    restore::{DeviceLeft, Lost, Restored, Restoring, StruckShown},
    root::{BackedUpRoot, ShownRoot},
    striking::{DoneMeanwhile, StrikePlan},
};

use std::sync::{Arc, PoisonError};

use beside::Beside;
use tokio::sync::{Mutex, MutexGuard, Notify, broadcast};
use told::{Listener, Told};
use wardline_identity::{Clock, Entropy};

use crate::{
    api::{Event, Failure},
    conversation::{Core, Effect},
    mls::MlsStore,
};

/// How many events a slow listener may lag behind before it is told to look at the vault instead.
const EVENTS: usize = 1_024;

/// What the tasks of one process share.
pub(crate) struct Session {
    core: Mutex<Core>,
    /// How to reach the relay.
    pub connector: Arc<dyn Connector>,
    /// Where the connection stands.
    pub link: Told<Link>,
    /// Raised by every step.
    progress: Told<u64>,
    /// Rung when there is something to send.
    pub wake: Notify,
    /// Rung when a cursor moved.
    pub moved: Notify,
    /// Rung when somebody wants the connection now.
    hurry: Notify,
    /// Conversations of which the relay has another log.
    pub beside: Beside,
    /// What the relay has shown of its record and is to prove.
    pub heads: record::Heads,
    /// Why this device is out, while the relay says that it is revoked or on hold.
    out: std::sync::Mutex<Option<Failure>>,
    /// Held while this device changes the list of revoked devices.
    pub issuing: Mutex<()>,
    events: broadcast::Sender<Event>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Session {
    /// A session over an open vault; nothing is connected yet.
    pub(crate) fn new(core: Core, connector: Arc<dyn Connector>) -> Self {
        let (clock, entropy) = (core.clock.clone(), core.entropy.clone());
        Self {
            core: Mutex::new(core),
            connector,
            link: Told::new(Link::Connecting),
            progress: Told::new(0),
            wake: Notify::new(),
            moved: Notify::new(),
            hurry: Notify::new(),
            beside: Beside::default(),
            heads: record::Heads::default(),
            out: std::sync::Mutex::default(),
            issuing: Mutex::default(),
            events: broadcast::Sender::new(EVENTS),
            clock,
            entropy,
        }
    }

    /// The state, for one step.
    ///
    /// A step that was cut (its connection ended meanwhile) leaves memory ahead of the vault; then the memory goes.
    pub(crate) async fn core(&self) -> MutexGuard<'_, Core> {
        let mut core = self.core.lock().await;
        if core.store.is_changed() {
            core.groups.clear();
            core.store = MlsStore::new();
        }
        core
    }

    /// Everything that happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The counter of steps.
    pub(crate) fn progress(&self) -> Listener<u64> {
        self.progress.subscribe()
    }

    /// Tells whoever listens what happens.
    pub(crate) fn tell(&self, event: Event) {
        // Nobody may be listening; that is fine.
        let _ = self.events.send(event);
    }

    /// A step is done: wakes whoever waits for what it did.
    pub(crate) fn stepped(&self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Joined(conversation) = effect {
                self.beside.remove(conversation);
            }
            match effect {
                Effect::Readable(conversation, number) => {
                    let event =
                        Event::Readable { conversation: conversation.to_string(), number: number.get() };
                    // Nobody may be listening; that is fine.
                    let _ = self.events.send(event);
                }
                Effect::LetGo(_)
                | Effect::Lost(_)
                | Effect::Settled(_)
                | Effect::Joined(_)
                | Effect::OutOfStep(_)
                | Effect::Closed(_) => self.wake.notify_one(),
                Effect::Sent(..)
                | Effect::Removed(_)
                | Effect::Again(_)
                | Effect::Gone(_)
                | Effect::Unknown(_)
                | Effect::List(..) => {}
            }
        }
        self.progress.send_modify(|steps| *steps += 1);
    }

    /// Why this device is out, if the relay said so when it was asked last.
    pub(crate) fn is_out(&self) -> Option<Failure> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The relay said that this device is revoked or on hold, or anything else.
    fn put_out(&self, why: Option<Failure>) {
        if let Some(failure) = &why {
            // Nobody may be listening; that is fine.
            let _ = self.events.send(Event::PutOut { failure: failure.clone() });
        }
        *self.out.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Says that the connection changed.
    pub(crate) fn relinked(&self, link: Link) {
        if matches!(link, Link::Online { caught_up: true, .. }) {
            self.put_out(None);
        }
        let event = match &link {
            Link::Connecting => None,
            Link::Online { transport, caught_up: true, .. } => {
                Some(Event::CaughtUp { connection: (*transport).to_owned() })
            }
            Link::Online { .. } => None,
            Link::Offline(failure) => Some(Event::Offline { why: failure.to_string() }),
        };
        self.link.send_replace(link);
        if let Some(event) = event {
            let _ = self.events.send(event);
        }
        self.progress.send_modify(|steps| *steps += 1);
    }
}
