//! The scene: a night on a ward, played on real devices against the real relay.
//!
//! Each act is a file. The scene keeps what was said and acknowledged, and copies of vaults at the moments that an
//! attacker would like; the checks judge afterwards.

mod crash;
mod membership;
mod talk;

use std::{collections::BTreeMap, time::Duration};

use wardline_client_core::api::{Failure, FailureKind};
use wardline_client_core::vault::KdfCost;
use wardline_proto::ConversationId;

use super::{
    attack::Traffic,
    clinic::Clinic,
    device::{Copy, Device},
};

/// doctor-a's first device.
pub(crate) const PHONE: usize = 0;
/// nurse-b's device.
pub(crate) const TABLET: usize = 1;
/// doctor-c's device: comes late and goes early.
pub(crate) const STATION: usize = 2;
/// doctor-a's second device.
pub(crate) const DESK: usize = 3;

/// One message of the scene.
pub(crate) struct Said {
    /// The text.
    pub text: String,
    /// Which device said it.
    pub by: usize,
    /// Its number, if the relay acknowledged it at once.
    pub number: Option<u64>,
}

/// The first and last number that a device may read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// The entry that let it in.
    pub from: u64,
    /// The entry that let it out.
    pub to: u64,
}

/// Vaults as they were at some moment.
pub(crate) struct Copies {
    /// doctor-a's phone before the first message.
    pub phone_first: Copy,
    /// nurse-b's tablet before the first message.
    pub tablet_first: Copy,
    /// doctor-c's station right after it came in.
    pub joiner: Copy,
    /// doctor-c's station before it learned of its removal.
    pub removed: Copy,
    /// doctor-a's desk at the same moment. (The phone, which removes doctor-c, cannot follow its own removal from an
    /// older copy.)
    pub desk_late: Copy,
}

/// What the crash of the relay met.
pub(crate) struct Crash {
    /// Whether the message under way had its answer before the relay died.
    pub answered: bool,
    /// The message under way.
    pub under_way: String,
    /// The message that was written while the relay was away.
    pub queued: String,
}

/// The scene, played.
pub(crate) struct Scene {
    /// The four devices.
    pub devices: Vec<Device>,
    /// The conversation's id, hex.
    pub conversation: String,
    /// The names it had.
    pub names: Vec<String>,
    /// All messages.
    pub said: Vec<Said>,
    /// Who is in it.
    pub members: Vec<usize>,
    /// What each device may read.
    pub spans: BTreeMap<usize, Span>,
    /// Where it took place. Last: the devices go before their folders do.
    pub clinic: Clinic,
}

/// What the scene leaves for the checks.
pub(crate) struct Played {
    /// The scene.
    pub scene: Scene,
    /// Vaults of some moments.
    pub copies: Copies,
    /// The relay's crash.
    pub crash: Crash,
}

/// Plays the scene.
///
/// # Errors
/// The [`Failure`] of whatever did not work.
pub(crate) async fn play(clinic: Clinic) -> Result<Played, Failure> {
    clinic.report.heading("Three people enrol their devices");
    // The first device has the product's own cost of guessing a passcode, the others the least that is allowed.
    let phone = clinic.enrol("doctor-a", "Doctor A", "phone", KdfCost::default()).await?;
    let tablet = clinic.enrol("nurse-b", "Nurse B", "tablet", KdfCost::floor()).await?;
    let station = clinic.enrol("doctor-c", "Doctor C", "station", KdfCost::floor()).await?;
    let mut scene = Scene {
        clinic,
        devices: vec![phone, tablet, station],
        conversation: String::new(),
        names: Vec::new(),
        said: Vec::new(),
        members: Vec::new(),
        spans: BTreeMap::new(),
    };

    scene.clinic.report.heading("Two of them talk");
    scene.begin("Ward 4 night shift").await?;
    let phone_first = scene.copy(PHONE, "phone-first").await?;
    let tablet_first = scene.copy(TABLET, "tablet-first").await?;
    scene.say(PHONE, "Bed 7 is free from noon").await?;
    scene.say(TABLET, "Thanks, the hip from bay 2 goes there").await?;
    scene.say(PHONE, "Nothing to eat after six, surgery at nine").await?;

    scene.clinic.report.heading("A third person comes late, and a second device");
    let joiner = scene.add_late("joiner").await?;
    scene.say(STATION, "Taking over the hip, who has the films?").await?;
    scene.say(TABLET, "On the light box in room 3").await?;
    scene.approve_second().await?;
    scene.say(DESK, "Films are in the archive now as well").await?;
    scene.rename("Wards 4 and 5 night shift").await?;

    scene.clinic.report.heading("The relay is killed in the middle");
    let crash = scene.crash().await?;

    scene.clinic.report.heading("One person is removed");
    let removed = scene.copy(STATION, "removed").await?;
    let desk_late = scene.copy(DESK, "desk-late").await?;
    scene.remove_third().await?;
    scene.say(PHONE, "Door code of the drug store changes tonight").await?;
    scene.say(TABLET, "Noted, I tell the early shift").await?;
    scene.still_out().await?;
    let copies = Copies { phone_first, tablet_first, joiner, removed, desk_late };
    Ok(Played { scene, copies, crash })
}

impl Scene {
    /// The conversation's id.
    ///
    /// # Errors
    /// None in practice: the core made it.
    pub(crate) fn conversation_id(&self) -> Result<ConversationId, Failure> {
        let bytes = data_encoding::HEXLOWER.decode(self.conversation.as_bytes()).unwrap_or_default();
        ConversationId::try_from(bytes.as_slice())
            .map_err(|error| Failure::defect(format!("The conversation's id: {error}.")))
    }

    /// The number of the log's last entry, as the phone has it.
    ///
    /// # Errors
    /// As [`Device::show`].
    pub(crate) async fn last(&self) -> Result<u64, Failure> {
        Ok(self.devices[PHONE].show(&self.conversation).await?.number)
    }

    /// All that the relay delivered: the log as the phone got it, and what let each device in.
    ///
    /// # Errors
    /// As [`Scene::conversation_id`].
    pub(crate) fn traffic(&self) -> Result<Traffic, Failure> {
        let conversation = self.conversation_id()?;
        let mut entries = BTreeMap::new();
        for entry in &self.devices[PHONE].record().seen().entries {
            entries.insert(entry.number, entry.clone());
        }
        let mut welcomes = Vec::new();
        for device in &self.devices {
            welcomes.extend(device.record().seen().welcomes.iter().cloned());
        }
        Ok(Traffic { conversation, entries: entries.into_values().collect(), welcomes })
    }

    /// Copies a device's vault as it is now.
    async fn copy(&mut self, device: usize, name: &str) -> Result<Copy, Failure> {
        let folder = self.clinic.folder.path().join("stolen").join(name);
        self.devices[device].copy(&folder).await
    }

    /// Waits until every member shows a text.
    async fn arrives(&self, text: &str) -> Result<(), Failure> {
        for member in &self.members {
            let device = &self.devices[*member];
            let arrived = async {
                while !device.read(&self.conversation).await?.iter().any(|message| message.text == text) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok::<(), Failure>(())
            };
            let late = || {
                let what = format!("A message did not reach {}.", device.label());
                Err(Failure::new(FailureKind::Unavailable, what, "It was waited for 30 seconds.", ""))
            };
            tokio::time::timeout(Duration::from_secs(30), arrived).await.unwrap_or_else(|_| late())?;
        }
        Ok(())
    }
}
