//! What a commit did, in the words people read. None of the protocol's words.

use wardline_proto::{LIFE_SECONDS_MAX, LIFE_SECONDS_MIN, content::ConversationSettings};

use super::roster::{Member, Roster};
use crate::api::span;

/// Describes what changed between two rosters and settings; empty if nothing that people see.
pub(crate) fn describe(
    author: &str,
    before: &Roster,
    after: &Roster,
    settings: (&ConversationSettings, &ConversationSettings),
) -> String {
    let mut parts = Vec::new();
    let came = names(after.members.iter().filter(|one| !before.has_user(one.certificate.user())));
    if !came.is_empty() {
        parts.push(format!("{author} added {came}"));
    }
    let went = names(before.members.iter().filter(|one| !after.has_user(one.certificate.user())));
    if !went.is_empty() {
        parts.push(format!("{author} removed {went}"));
    }
    let devices = |from: &Roster, to: &Roster| {
        to.members
            .iter()
            .filter(|one| from.has_user(one.certificate.user()))
            .filter(|one| from.device(&one.certificate.device()).is_none())
            .map(|one| format!("{} ({})", one.certificate.display_name(), one.certificate.device_name()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let joined = devices(before, after);
    if !joined.is_empty() {
        parts.push(format!("{author} let in another device: {joined}"));
    }
    let left = devices(after, before);
    if !left.is_empty() {
        parts.push(format!("{author} removed a device: {left}"));
    }
    if settings.0.name != settings.1.name {
        parts.push(format!("{author} renamed it to “{}”", settings.1.name));
    }
    if settings.0.retention_seconds != settings.1.retention_seconds {
        parts.push(format!(
            "{author} set that messages are kept for {} at most",
            span(settings.1.retention_seconds.clamp(LIFE_SECONDS_MIN, LIFE_SECONDS_MAX))
        ));
    }
    parts.join("; ")
}

/// The names of the people behind some devices, each once.
fn names<'a>(members: impl Iterator<Item = &'a Member>) -> String {
    let mut names: Vec<String> = Vec::new();
    for member in members {
        let name = member.certificate.display_name().to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
