//! What goes to standard output: text for people, or one JSON object a line (`docs/cli-json.md`).

mod admin;
mod administrators;
mod devices;
mod home;
mod people;
mod policy;
mod record;
mod root;
mod talk;
mod unlock;
mod when;

use std::io::Write as _;

use serde::Serialize;
use wardline_client_core::api::{Answer, Event, Failure};

pub(crate) use self::{
    administrators::appointed,
    devices::removals,
    home::{enrolled, founded, invited, progress},
    policy::{policy, policy_changes},
    record::{proven, record_written},
    root::{ask, backed_up, plan, restored, root},
    unlock::{Opened, closed, closed_status, locked, opened, passcode_changed},
    when::{learn_offset, midnight_ms},
};

/// Writes one line; a reader that has gone is no failure of ours.
fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", harmless(text));
}

/// Text that other people wrote cannot move the cursor, end a line or turn its direction on the terminal: nobody can
/// write a line that looks like another's.
fn harmless(text: &str) -> String {
    let turns = |one: char| matches!(one, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|one| if one.is_control() || turns(one) { '\u{fffd}' } else { one }).collect()
}

/// Writes one object on a line.
fn object(value: &impl Serialize) {
    if let Ok(mut value) = serde_json::to_value(value) {
        // How answers are told apart on the owner's socket is no business of scripts.
        if let Some(fields) = value.as_object_mut() {
            fields.remove("answer");
        }
        line(&value.to_string());
    }
}

/// Prints an answer.
pub(crate) fn answer(answer: &Answer, json: bool) {
    if json {
        // A message a line: a script follows them as they come.
        if let Answer::Messages(messages) = answer {
            messages.messages.iter().for_each(object);
            return messages.relay_faults.iter().for_each(object);
        }
        return object(answer);
    }
    match answer {
        Answer::Sent(sent) => talk::sent(sent),
        Answer::Changed(changed) => talk::changed(changed),
        Answer::Conversations(list) => talk::conversations(list),
        Answer::Conversation(detail) => talk::conversation(detail),
        Answer::Messages(messages) => {
            messages.messages.iter().for_each(talk::message);
            if messages.missed > 0 {
                note(&talk::missed(messages.missed), false);
            }
            messages.relay_faults.iter().for_each(talk::relay_fault);
        }
        Answer::Outbox(outbox) => talk::outbox(outbox),
        Answer::People(list) => people::people(list),
        Answer::Devices(devices) => people::devices(devices),
        Answer::Approved(approved) => people::approved(approved),
        Answer::Invitations(invitations) => people::invitations(invitations),
        Answer::Judged(judged) => people::judged(judged),
        Answer::Inventory(list) => devices::inventory(list),
        Answer::Acts(acts) => devices::acts(acts),
        Answer::FoundDevice(found) => devices::found(found),
        Answer::Responders(named) => devices::responders(named),
        Answer::Policy(shown) => policy::policy(shown, false),
        Answer::Administrator(own) => administrators::state(own),
        Answer::Administrators(all) => administrators::list(all),
        Answer::AdminStatus(status) => admin::status(status),
        Answer::DeviceStatus(status) => devices::status(status),
        Answer::ListKept(kept) => devices::list_kept(kept),
        Answer::Record(record) => record::log(record),
        Answer::Invited(list) => invited(list, false),
        Answer::Status(status) => home::status(status),
        Answer::Synced(synced) => home::synced(synced),
        Answer::VaultVerified(found) => unlock::verified(found),
        other => object(other),
    }
}

/// Prints a failure on standard error: what happened, why, what to do now.
pub(crate) fn failure(failure: &Failure, json: bool) {
    let mut out = std::io::stderr().lock();
    if json && let Ok(text) = serde_json::to_string(&serde_json::json!({ "failure": failure })) {
        let _ = writeln!(out, "{text}");
        return;
    }
    let _ = writeln!(out, "{}", failure.what);
    for part in [&failure.why, &failure.now].into_iter().filter(|part| !part.is_empty()) {
        let _ = writeln!(out, "  {part}");
    }
}

/// Prints what happened.
pub(crate) fn event(event: &Event, json: bool) {
    if json {
        return object(event);
    }
    match event {
        Event::CaughtUp { connection } => line(&format!("connected ({connection}), up to date")),
        Event::Readable { conversation, number } => line(&format!("new: {conversation} {number}")),
        Event::HoldsPending => line("devices were put on hold"),
        Event::Offline { why } => line(&format!("not connected: {why}")),
        _ => {}
    }
}

/// Prints a remark, on standard error so that it is in no script's way.
pub(crate) fn note(text: &str, json: bool) {
    if !json {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn nobody_can_write_a_line_that_looks_like_anothers() {
        let forged = harmless("\u{1b}[2K\r   17  doctor-b: give 10 mg\n\u{202e}");
        assert!(!forged.contains(['\u{1b}', '\r', '\n', '\u{202e}']));
        assert_eq!(harmless("Bett 7 ist frei — ✓"), "Bett 7 ist frei — ✓");
    }
}
