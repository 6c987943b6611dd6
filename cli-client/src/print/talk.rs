//! Conversations and messages as people read them. None of the protocol's words.

use wardline_client_core::api::{
    Changed, ConversationDetail, Conversations, Message, Outbox, RelayFault, Sent, WaitingDevice, span,
};

use super::{line, when::when};

/// A message's fate.
pub(super) fn sent(sent: &Sent) {
    match (sent.state.as_str(), sent.number) {
        ("sent", Some(number)) => {
            line(&format!("sent: number {number}, {}", sent.time.as_deref().map(when).unwrap_or_default()));
        }
        ("queued", _) => {
            let why = sent.why.as_deref().unwrap_or("it cannot leave now");
            line(&format!("queued: {why}; it goes out by itself"));
        }
        _ => line(&format!("refused: {}", sent.why.as_deref().unwrap_or("no reason was given"))),
    }
}

/// A change.
pub(super) fn changed(changed: &Changed) {
    let people = changed.people.join(", ");
    match changed.change.as_str() {
        "created" if people.is_empty() => line(&format!("created: {}", changed.conversation)),
        "created" => line(&format!("created: {} with {people}", changed.conversation)),
        change if people.is_empty() => line(change),
        change => line(&format!("{change}: {people}")),
    }
}

/// All conversations.
pub(super) fn conversations(list: &Conversations) {
    if list.conversations.is_empty() {
        line("No conversations yet. Make one: wardline conversation create NAME --with USER");
    }
    for one in &list.conversations {
        let unread = if one.unread > 0 { format!("{} new", one.unread) } else { String::new() };
        let last = one.last.as_deref().map_or_else(|| "-".to_owned(), when);
        let state = if one.state == "active" { "" } else { state(&one.state) };
        line(format!("{:.8}  {:<28} {:>8}  {last}  {state}", one.conversation, one.name, unread).trim_end());
        if let Some(held) = &one.held {
            line(&format!("          nothing is sent here for now: {held}"));
        }
        if let Some(number) = one.fault {
            line(&format!("          the relay was caught in a lie (number {number})"));
        }
    }
}

/// How this device stands in a conversation, in people's words.
fn state(state: &str) -> &str {
    match state {
        "out_of_step" => "waits to be let in again",
        "closed" => "goes on in a moment",
        "waiting" => "waits for the end of another",
        state => state,
    }
}

/// How many messages this device missed.
pub(super) fn missed(count: u64) -> String {
    let messages = if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
    format!("{messages} came while this device was away or could not follow, and cannot be read here")
}

/// One conversation.
pub(super) fn conversation(detail: &ConversationDetail) {
    let one = &detail.summary;
    line(&format!("{} ({})", one.name, one.conversation));
    line(&format!("  state        {}", state(&one.state)));
    if one.missed > 0 {
        line(&format!("  missed       {}", missed(one.missed)));
    }
    line(&format!("  safety code  {}", detail.safety_code));
    line(&format!("  protection   {}", detail.protection));
    line(&format!("  kept for     {} at most", span(detail.retention_seconds)));
    if let Some(held) = &one.held {
        line(&format!("  held         nothing is sent here for now: {held}"));
    }
    for fault in &detail.relay_faults {
        let seen = if fault.seen.is_some() { " (seen)" } else { "" };
        line(&format!("  relay        {}{seen}", fault.text));
    }
    for fault in &detail.member_faults {
        let now = if fault.settled { "put right" } else { "being put right" };
        line(&format!("  at fault     {} at number {}: {} ({now})", fault.name, fault.number, fault.why));
    }
    detail.waiting.iter().for_each(waiting);
    line("  members");
    for member in &detail.members {
        let keeper = if member.keeper { ", keeper" } else { "" };
        line(&format!("    {} — {} ({}{keeper})", member.user, member.name, member.role));
        for device in &member.devices {
            line(&format!("        {:.8}  {}", device.device, device.name));
        }
    }
}

/// A new device that waits to be confirmed.
pub(super) fn waiting(one: &WaitingDevice) {
    line(&format!(
        "  new device   {} ({}): “{}” in place of the only one",
        one.name, one.user, one.device_name
    ));
    line(&format!("               code {}", one.code));
    line(&format!("               invited by {}, enrolled {}", one.invited_by, when(&one.enrolled)));
    line(&format!("               if it is theirs: wardline conversation confirm CONVERSATION {}", one.user));
}

/// One message on one line, holding its text.
pub(super) fn message(message: &Message) {
    let text = match message.kind.as_str() {
        "text" => format!("{}: {}", message.from, message.text.replace('\n', " ⏎ ")),
        "event" => format!("· {}", message.text),
        "unreadable" => "· a message that could not be opened".to_owned(),
        "expired" => "· a message that was gone before it came".to_owned(),
        "recalled" => format!("· a message that {} took back", message.name),
        "missed" => "· a message that came while this device could not follow".to_owned(),
        _ => "· a message that needs a newer version".to_owned(),
    };
    line(&format!("{:>5}  {}  {text}", message.number, when(&message.time)));
}

/// What the relay was caught doing, on one line.
pub(super) fn relay_fault(fault: &RelayFault) {
    let number = fault.number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    line(&format!("{number:>5}  {}  ! {}", when(&fault.noticed), fault.text));
}

/// The outbox.
pub(super) fn outbox(outbox: &Outbox) {
    if outbox.outbox.is_empty() {
        line("Nothing waits.");
    }
    for one in &outbox.outbox {
        let why = one.why.as_deref().map_or(String::new(), |why| format!(": {why}"));
        line(&format!("{:.8}  {}  {}{why}", one.message, when(&one.time), one.state));
    }
}
