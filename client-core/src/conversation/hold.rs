//! Why a conversation is held, and when that ends: when the devices and settings at fault are gone.
//!
//! Causes add up: a second fault does not make the first forgotten. While the settings are at fault, rights are judged
//! by those that were right.

use data_encoding::HEXLOWER;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use wardline_identity::{Organisation, RevocationRegister};
use wardline_proto::{Digest, UtcMillis, content::ConversationSettings, fault::planted};

use super::{
    judge::{SETTINGS, STRANGER, UNLISTED, Verdict},
    revoked::is_named,
    roster::Roster,
    suspicion::CLOCKS_AGREE_MS,
};
use crate::mls::Leaf;

/// A hold, stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct Hold {
    /// Devices that are in without a right to be, by device and user.
    devices: Vec<String>,
    /// What they did.
    devices_why: String,
    /// The leaves that are nobody's: place and digest of what each gives as its certificate.
    strangers: Vec<String>,
    /// The settings that were right, encoded, hex; none if the ones in force are.
    right: Option<String>,
    /// Whether what was stored does not read: held all the same.
    #[serde(default)]
    unreadable: bool,
    /// Whether this device could not judge where it goes on.
    #[serde(default)]
    unjudged: bool,
    /// The users one of whose words ends all of it: they can judge, and say nothing in what is not right.
    #[serde(default)]
    witnesses: Vec<String>,
    /// The revocation list without which a removal cannot be judged; 0 if none is waited for.
    #[serde(default)]
    list: u64,
    /// When that was, in milliseconds.
    #[serde(default)]
    list_at: u64,
    /// Who was removed by it: user and device.
    #[serde(default)]
    removed: Vec<(String, String)>,
}

/// People who were removed and are to come back: each user with their devices.
pub(crate) type Wronged = Vec<(String, Vec<String>)>;

/// What a hold knows a leaf by.
fn tag(leaf: &Leaf) -> String {
    format!("{} {}", leaf.index, Digest::of(&leaf.certificate_der))
}

impl Hold {
    /// The members and strangers of a group: of two leaves of one device the one that a hold names, or that is new, is
    /// the stranger.
    pub(crate) fn read(
        hold: Option<&Self>,
        organisation: &Organisation,
        leaves: &[Leaf],
        known: &[Leaf],
    ) -> Roster {
        let mut leaves = leaves.to_vec();
        leaves.sort_by_key(|leaf| {
            let named = hold.is_some_and(|hold| hold.strangers.contains(&tag(leaf)));
            (named, !known.contains(leaf), leaf.index)
        });
        let mut roster = Roster::read(organisation, &leaves);
        roster.members.sort_by_key(|member| member.index);
        roster.strangers.sort_unstable();
        roster
    }

    /// What is held after a commit, from what was held before it.
    pub(crate) fn after(
        before: Option<Self>,
        verdict: &Verdict,
        (roster, leaves): (&Roster, &[Leaf]),
        right: &ConversationSettings,
    ) -> Option<Self> {
        let mut hold = before.unwrap_or_default();
        hold.devices.retain(|held| roster.members.iter().any(|member| member.key() == *held));
        for device in &verdict.devices {
            if !hold.devices.contains(device) {
                hold.devices.push(device.clone());
            }
        }
        if let Some(why) = verdict.held.iter().find(|why| **why != SETTINGS && **why != STRANGER) {
            (*why).clone_into(&mut hold.devices_why);
        }
        let stranger = |leaf: &&Leaf| roster.strangers.contains(&leaf.index);
        hold.strangers = leaves.iter().filter(stranger).map(tag).collect();
        hold.list = hold.list.max(verdict.list);
        hold.list_at = hold.list_at.max(verdict.list_at);
        hold.removed
            .extend(verdict.unlisted.iter().map(|(device, user)| (user.to_string(), device.to_string())));
        hold.right = verdict.held.contains(&SETTINGS).then(|| HEXLOWER.encode(&right.encode_to_vec()));
        if hold.devices.is_empty() && hold.right.is_none() && !hold.unjudged {
            hold.witnesses.clear();
        }
        // What does not read may have been any of these: it ends with the first commit that is judged.
        hold.unreadable = false;
        hold.holds().then_some(hold)
    }

    /// The same with the strangers of a roster: leaves whose certificates are no longer good.
    pub(crate) fn with_strangers(before: Option<Self>, (roster, leaves): (&Roster, &[Leaf])) -> Self {
        let stranger = |leaf: &&Leaf| roster.strangers.contains(&leaf.index);
        let strangers = leaves.iter().filter(stranger).map(tag).collect();
        Self { strangers, ..before.unwrap_or_default() }
    }

    fn holds(&self) -> bool {
        !self.strangers.is_empty()
            || !self.devices.is_empty()
            || self.right.is_some()
            || self.unjudged
            || self.list > 0
    }

    /// What this device cannot judge: held until one of these users says something.
    pub(crate) fn unjudged(why: &str, witnesses: Vec<String>) -> Self {
        Self { unjudged: true, devices_why: why.to_owned(), witnesses, ..Self::default() }
    }

    /// The same, and it ends as well when one of these users says something.
    pub(crate) fn until_said_by(self, witnesses: Vec<String>) -> Self {
        Self { witnesses, ..self }
    }

    /// Whether this user's word ends it.
    pub(crate) fn waits_for(&self, user: &str) -> bool {
        self.witnesses.iter().any(|witness| witness == user)
    }

    /// What is left once one who can judge has spoken: leaves that are nobody's.
    pub(crate) fn lifted(self) -> Option<Self> {
        let (strangers, unreadable) = (self.strangers, self.unreadable);
        let left = Self {
            strangers,
            unreadable,
            list: self.list,
            list_at: self.list_at,
            removed: self.removed,
            ..Self::default()
        };
        (left.holds() || left.unreadable).then_some(left)
    }

    /// Whether a commit can put it right.
    pub(crate) fn is_mendable(&self) -> bool {
        !self.strangers.is_empty() || !self.devices.is_empty() || self.right.is_some()
    }

    /// What of it is held still, in a roster without strangers and with these settings in force.
    pub(crate) fn still(mut self, roster: &Roster, in_force: &ConversationSettings) -> Option<Self> {
        self.devices.retain(|held| roster.members.iter().any(|member| member.key() == *held));
        self.strangers.clear();
        if self.right().as_ref() == Some(in_force) {
            self.right = None;
        }
        let holds = self.unreadable || !self.devices.is_empty() || self.right.is_some() || self.list > 0;
        holds.then_some(self)
    }

    /// Whether it waits for a revocation list.
    pub(crate) fn waits_for_list(&self) -> bool {
        self.list > 0
    }

    /// What is left of it by a list that it waited for, and who was removed by that list without being named in it; `None` if
    /// it waits for none, or still. An issuer who signs a lower list later ends it, and wishes nobody back: the relay may hide the higher
    /// one from that issuer too.
    pub(crate) fn listed(mut self, revocations: &RevocationRegister) -> Option<(Option<Self>, Wronged)> {
        let refuted = UtcMillis::new(self.list_at.saturating_add(CLOCKS_AGREE_MS));
        let signed_since = revocations.list().is_some_and(|list| list.signed_at() > refuted);
        let here = revocations.number() >= self.list;
        let told = here || signed_since && !planted("mutant.held_for_ever");
        if self.list == 0 || !told {
            return None;
        }
        self.list = 0;
        let (mut wronged, removed) = (Wronged::new(), std::mem::take(&mut self.removed));
        let counts = here || planted("mutant.mend_by_lower_list");
        for (user, device) in removed.into_iter().filter(|_| counts) {
            match wronged.iter_mut().find(|(known, _)| *known == user) {
                _ if is_named(revocations, &device) => {}
                Some((_, devices)) => devices.push(device),
                None => wronged.push((user, vec![device])),
            }
        }
        let left = (self.holds() || self.unreadable).then_some(self);
        Some((left, wronged))
    }

    /// The settings that rights are judged by, if not those in force.
    pub(crate) fn right(&self) -> Option<ConversationSettings> {
        let bytes = HEXLOWER.decode(self.right.as_ref()?.as_bytes()).ok()?;
        ConversationSettings::decode(bytes.as_slice()).ok()
    }

    /// The devices that are in without a right to be, by device and user.
    pub(crate) fn devices(&self) -> &[String] {
        &self.devices
    }

    /// What people are told.
    pub(crate) fn why(&self) -> String {
        let mut whys = Vec::new();
        if !self.strangers.is_empty() || self.unreadable {
            whys.push(STRANGER);
        }
        if !self.devices.is_empty() || self.unjudged {
            whys.push(self.devices_why.as_str());
        }
        if self.right.is_some() {
            whys.push(SETTINGS);
        }
        if self.list > 0 {
            whys.push(UNLISTED);
        }
        whys.join("; ")
    }

    /// The stored form.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "held".to_owned())
    }

    /// From the stored form. One that does not read holds all the same.
    pub(crate) fn parse(text: &str) -> Self {
        let unreadable = || Self { unreadable: true, ..Self::default() };
        serde_json::from_str(text).unwrap_or_else(|_| unreadable())
    }
}
