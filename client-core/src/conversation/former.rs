//! Who was in before a commit, and by which settings: kept outside the MLS state for the last commits, so that a
//! conversation can go on from there when the commit cannot be followed, and whoever makes it go on can be judged.

use std::collections::{BTreeSet, HashMap};

use data_encoding::HEXLOWER;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use wardline_identity::{PublicKey, StatementLabel};
use wardline_proto::{
    ConversationId, DeviceId,
    content::ConversationSettings,
    relay::{CommitData, SignedStatement, removal_ground::Ground},
};

use super::{
    grounds::leaving,
    judge::keeps,
    roster::{Member, Roster},
    words::Word,
};

/// A device that was in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seat {
    /// The device, hex.
    pub device: String,
    /// Its user.
    pub user: String,
    /// Its certificate's digest, hex.
    certificate: String,
    /// Its key, hex.
    key: String,
}

/// The state before a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Former {
    /// Who was in.
    seats: Vec<Seat>,
    /// The settings that were right, encoded, hex.
    settings: String,
    /// The devices that the commit removed with a right to, hex.
    gone: Vec<String>,
    /// The name of the commit's author, if somebody signed for it.
    pub author: Option<String>,
}

/// What is known of the commit that ended a state.
pub(crate) struct Ending<'a> {
    /// Who signed for it.
    pub author: Option<&'a Member>,
    /// What it declares.
    pub data: Option<&'a CommitData>,
    /// Where.
    pub conversation: &'a ConversationId,
}

impl Former {
    /// The state before a commit.
    pub(crate) fn of(before: &Roster, settings: &ConversationSettings, ending: &Ending<'_>) -> Self {
        let seat = |member: &Member| {
            let key = member.certificate.as_member().ok()?;
            Some(Seat {
                device: member.certificate.device().to_string(),
                user: member.certificate.user().to_string(),
                certificate: HEXLOWER.encode(member.certificate.fingerprint().as_bytes()),
                key: HEXLOWER.encode(key.as_bytes()),
            })
        };
        Self {
            seats: before.members.iter().filter_map(seat).collect(),
            settings: HEXLOWER.encode(&settings.encode_to_vec()),
            gone: gone(before, settings, ending),
            author: ending.author.map(|author| author.certificate.display_name().to_string()),
        }
    }

    /// The devices that were in, hex.
    pub(crate) fn devices(&self) -> BTreeSet<&str> {
        self.seats.iter().map(|seat| seat.device.as_str()).collect()
    }

    /// The stored form.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From the stored form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The settings that were right.
    pub(crate) fn settings(&self) -> Option<ConversationSettings> {
        ConversationSettings::decode(HEXLOWER.decode(self.settings.as_bytes()).ok()?.as_slice()).ok()
    }

    /// Who goes on from here: all but those whom the commit removed with a right to.
    pub(crate) fn going_on(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| !self.gone.contains(&seat.device))
    }

    /// Whether this device of this user goes on from here.
    pub(crate) fn goes_on(&self, member: &Member) -> bool {
        let (device, user) = (member.certificate.device().to_string(), member.certificate.user().as_str());
        self.going_on().any(|seat| seat.device == device && seat.user == user)
    }

    /// Whether this device of this user was in, whether or not it goes on.
    pub(crate) fn had(&self, member: &Member) -> bool {
        let (device, user) = (member.certificate.device().to_string(), member.certificate.user().as_str());
        self.seats.iter().any(|seat| seat.device == device && seat.user == user)
    }

    /// How many people were in.
    pub(super) fn people(&self) -> usize {
        self.seats.iter().map(|seat| seat.user.as_str()).collect::<BTreeSet<_>>().len()
    }

    /// The users of the devices that were in.
    pub(super) fn users(&self) -> HashMap<DeviceId, String> {
        self.seats.iter().filter_map(|seat| Some((seat.device()?, seat.user.clone()))).collect()
    }

    /// What a device that was in says. Whom the commit declares out counts as anybody.
    pub(super) fn word(&self, statement: &SignedStatement, conversation: &ConversationId) -> Option<Word> {
        let signer = HEXLOWER.encode(&statement.signer);
        let seat = self.seats.iter().find(|seat| seat.certificate == signer)?;
        let key: [u8; 32] = HEXLOWER.decode(seat.key.as_bytes()).ok()?.try_into().ok()?;
        let key = PublicKey::from_bytes(&key).ok()?;
        key.verify(StatementLabel::OutOfStep, &statement.body, &statement.signature).ok()?;
        Word::read(&statement.body, conversation, (seat.device()?, &seat.user))
    }

    /// The same, with nobody named who wrote the commit.
    pub(super) fn unnamed(mut self) -> Self {
        self.author = None;
        self
    }
}

impl Seat {
    fn device(&self) -> Option<DeviceId> {
        DeviceId::try_from(HEXLOWER.decode(self.device.as_bytes()).ok()?.as_slice()).ok()
    }
}

/// The devices that a commit took out with a right to. A commit that cannot be followed is believed no more than that:
/// whoever wrote it may not put anybody out by it.
fn gone(before: &Roster, settings: &ConversationSettings, ending: &Ending<'_>) -> Vec<String> {
    let (Some(author), Some(data)) = (ending.author, ending.data) else { return Vec::new() };
    let rightly = |(leaf, ground): (&bytes::Bytes, Option<&Ground>)| {
        let device = DeviceId::try_from(leaf).ok()?;
        let member = before.device(&device)?;
        let rightly = !data.joins.contains(leaf)
            && match ground? {
                Ground::Keeper(_) => keeps(before, settings, author.certificate.user()),
                Ground::OwnDevice(_) => author.certificate.user() == member.certificate.user(),
                Ground::Leave(statement) => leaving(before, statement, ending.conversation.as_bytes())
                    .is_some_and(|leaver| leaver.certificate.user() == member.certificate.user()),
                _ => false,
            };
        rightly.then(|| device.to_string())
    };
    let grounds = data.grounds.iter().map(|ground| ground.ground.as_ref());
    data.leaves.iter().zip(grounds).filter_map(rightly).collect()
}
