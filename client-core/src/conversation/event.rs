//! What a commit did, in the words people read. None of the protocol's words.

use wardline_proto::content::ConversationSettings;

use super::{
    judge::Verdict,
    roster::{Member, Roster},
};

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
        parts.push(format!("{author} changed how long messages are kept"));
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

/// Adds a part to what people are shown.
pub(super) fn add(event: &mut String, part: &str) {
    if !event.is_empty() {
        event.push_str("; ");
    }
    event.push_str(part);
}

/// Adds the verdict to what people are shown.
pub(super) fn note(event: &mut String, verdict: &Verdict, author: &str) {
    let held = verdict.held.iter().map(|what| {
        let by = if verdict.proven.contains(what) { format!(" (by {author})") } else { String::new() };
        format!("nothing is sent here until it is put right: {what}{by}")
    });
    let shown = verdict.shown.iter().map(|what| format!("{author} {what}"));
    held.chain(shown).for_each(|part| add(event, &part));
}
