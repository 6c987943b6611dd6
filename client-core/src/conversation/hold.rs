//! Why a conversation is held, and when that ends: when the devices and settings at fault are gone.

use serde::{Deserialize, Serialize};
use wardline_proto::content::ConversationSettings;

use super::{
    judge::{SETTINGS, STRANGER},
    roster::Roster,
};

/// A hold, stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hold {
    /// What people are told.
    pub why: String,
    /// The devices that came in with the commit at fault, hex.
    devices: Vec<String>,
    /// Whether the settings are at fault.
    settings: bool,
    /// Whether a leaf is nobody's.
    strangers: bool,
}

impl Hold {
    /// A hold for what a commit did.
    pub(crate) fn new(why: &str, (before, after): (&Roster, &Roster)) -> Self {
        let came = after.members.iter().map(|member| member.certificate.device());
        Self {
            why: why.to_owned(),
            devices: came
                .filter(|device| before.device(device).is_none())
                .map(|device| device.to_string())
                .collect(),
            settings: why == SETTINGS,
            strangers: why == STRANGER,
        }
    }

    /// What is left of it after a later commit; `None` when roster and settings are right again.
    pub(crate) fn after(
        mut self,
        roster: &Roster,
        settings: (&ConversationSettings, &ConversationSettings),
        sound: bool,
    ) -> Option<Self> {
        self.devices.retain(|held| {
            roster.members.iter().any(|member| member.certificate.device().to_string() == *held)
        });
        self.strangers &= !roster.strangers.is_empty();
        // A keeper's later change of the settings puts them right: it was judged sound.
        self.settings &= !(sound && settings.0 != settings.1);
        (self.settings || self.strangers || !self.devices.is_empty()).then_some(self)
    }

    /// The stored form.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From the stored form. One that does not read holds all the same.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unreadable =
            || Self { why: "it was held".to_owned(), devices: Vec::new(), settings: true, strangers: false };
        (!text.is_empty()).then(|| serde_json::from_str(text).unwrap_or_else(|_| unreadable()))
    }
}
