//! Why a conversation is held, and when that ends: when the devices and settings at fault are gone.
//!
//! Causes add up: a second fault does not make the first forgotten. While the settings are at fault, rights are judged
//! by those that were right.

use data_encoding::HEXLOWER;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use wardline_proto::content::ConversationSettings;

use super::{
    judge::{SETTINGS, STRANGER, Verdict},
    roster::Roster,
};

/// A hold, stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) struct Hold {
    /// Devices that are in without a right to be, by device and user.
    devices: Vec<String>,
    /// What they did.
    devices_why: String,
    /// Whether a leaf is nobody's.
    strangers: bool,
    /// The settings that were right, encoded, hex; none if the ones in force are.
    right: Option<String>,
}

impl Hold {
    /// What is held after a commit, from what was held before it.
    pub(crate) fn after(
        before: Option<Self>,
        verdict: &Verdict,
        roster: &Roster,
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
        hold.strangers = !roster.strangers.is_empty();
        hold.right = verdict.held.contains(&SETTINGS).then(|| HEXLOWER.encode(&right.encode_to_vec()));
        (hold.strangers || !hold.devices.is_empty() || hold.right.is_some()).then_some(hold)
    }

    /// The settings that rights are judged by, if not those in force.
    pub(crate) fn right(&self) -> Option<ConversationSettings> {
        let bytes = HEXLOWER.decode(self.right.as_ref()?.as_bytes()).ok()?;
        ConversationSettings::decode(bytes.as_slice()).ok()
    }

    /// What people are told.
    pub(crate) fn why(&self) -> String {
        let mut whys = Vec::new();
        if self.strangers {
            whys.push(STRANGER);
        }
        if !self.devices.is_empty() {
            whys.push(self.devices_why.as_str());
        }
        if self.right.is_some() {
            whys.push(SETTINGS);
        }
        whys.join("; ")
    }

    /// The stored form.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "held".to_owned())
    }

    /// From the stored form. One that does not read holds all the same.
    pub(crate) fn parse(text: &str) -> Self {
        let unreadable = || Self { strangers: true, ..Self::default() };
        serde_json::from_str(text).unwrap_or_else(|_| unreadable())
    }
}
