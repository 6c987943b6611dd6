//! The organisation's devices, and which are out, as administrators read them.

use serde_json::json;
use wardline_client_core::api::{
    Acts, DeviceStatus, FoundDevice, Inventory, InventoryDevice, ListKept, ListState, Responders,
};

use super::{line, note, object, when::when};

/// All devices, a person after the other.
pub(super) fn inventory(list: &Inventory) {
    if list.devices.is_empty() {
        line("No device has enrolled.");
    }
    let mut person = "";
    for one in &list.devices {
        if one.user != person {
            line(&format!("{} — {} ({})", one.user, one.person, one.role));
            person = &one.user;
        }
        line(&format!("  {:.8}  {:<20} {}", one.device, one.name, standing(one)));
        line(&format!("            {}", seen(one)));
    }
    if let Some(state) = &list.list {
        list_state(state);
    }
    list.warnings.iter().for_each(|warning| note(warning, false));
}

fn standing(one: &InventoryDevice) -> String {
    let reason = one.reason.as_deref().unwrap_or("no reason given");
    let since = one.since.as_deref().map(when).unwrap_or_default();
    match (one.state.as_str(), &one.until) {
        ("held", Some(until)) => {
            format!("on hold since {since} ({reason}); counts as revoked from {}", when(until))
        }
        ("revoked", _) => format!("revoked since {since} ({reason})"),
        ("lapsed", _) => format!("lapsed: its certificate ended at {}", when(&one.certificate_until)),
        _ => format!("in force; certificate until {}", when(&one.certificate_until)),
    }
}

fn seen(one: &InventoryDevice) -> String {
    let software = one.software.as_ref().map(|software| format!(", {software}")).unwrap_or_default();
    let conversations = format!("{} conversation(s){software}", one.conversations);
    match &one.last_seen {
        _ if one.connected => format!("connected now, {conversations}"),
        Some(seen) => format!("last seen {}, {conversations}", when(seen)),
        None => format!("never seen, {conversations}"),
    }
}

/// The list of revoked devices.
pub(super) fn list_state(state: &ListState) {
    let (number, signed, until) = (state.number, when(&state.signed), when(&state.until));
    line(&format!("List of revoked devices: number {number}, signed {signed}, good until {until}"));
}

/// Acts that are in force.
pub(super) fn acts(acts: &Acts) {
    let change = match acts.change.as_str() {
        "held" => "on hold",
        other => other,
    };
    for one in &acts.devices {
        let (user, name) = (&one.user, &one.name);
        let reason = one.reason.as_deref().unwrap_or("no reason given");
        let device = format!("{user}'s “{name}” ({:.8})", one.device);
        match (&one.in_force, &one.since) {
            (Some(instant), _) if !one.already => {
                line(&format!("{change}: {device}, {reason}; in force since {}", when(instant)));
            }
            (_, Some(since)) => {
                let state = if one.state == "held" { "on hold" } else { one.state.as_str() };
                line(&format!("already: {device} is {state} since {} ({reason})", when(since)));
            }
            _ => line(&format!("already: {device} is in force")),
        }
    }
    let confirmed = if acts.in_force.is_some() { ", in force by the relay's signature" } else { "" };
    line(&format!("List of revoked devices: number {}{confirmed}", acts.list));
}

/// An own device that turned up again.
pub(super) fn found(found: &FoundDevice) {
    let device = format!("“{}” ({:.8})", found.name, found.device);
    let since = found.since.as_deref().map(when).unwrap_or_default();
    let reason = found.reason.as_deref().unwrap_or("no reason given");
    let by = match (&found.by, found.listed) {
        (Some(by), true) => format!("by the list that {by} signed"),
        (Some(by), false) => format!("by {by}; no list names it yet"),
        (None, _) => "by whom cannot be said".to_owned(),
    };
    match found.state.as_str() {
        "held" => line(&format!("{device} is on hold since {since} ({reason}), {by}.")),
        "revoked" => line(&format!("{device} was revoked at {since} ({reason}), {by}.")),
        _ => line(&format!("{device} is in force: there is nothing to do.")),
    }
    let Some(ask) = &found.ask else { return };
    match &found.until {
        Some(until) => line(&format!(
            "An administrator ends the hold, before {}: no device of yours can, as a thief may have them. Ask for:",
            when(until)
        )),
        None => line("It is never let in again under this id. Ask an administrator for a new invitation:"),
    }
    line(&format!("  {ask}"));
}

/// Who may put others' devices on hold.
pub(super) fn responders(named: &Responders) {
    if named.responders.is_empty() {
        line("Nobody but an administrator puts others' devices on hold.");
    }
    named.responders.iter().for_each(|user| line(&format!("{user} may put others' devices on hold")));
    line(&format!("List of revoked devices: number {}", named.list));
}

/// From how many conversations a device is out.
pub(crate) fn removals(status: &DeviceStatus, json: bool) {
    if json {
        let (device, removed, of) = (&status.device.device, status.removed, status.of);
        return object(&json!({ "progress": "removals", "device": device, "removed": removed, "of": of }));
    }
    let (user, device) = (&status.device.user, &status.device.device);
    if status.of == 0 {
        return line(&format!("{user}'s {device:.8} was in no conversation"));
    }
    line(&format!("{user}'s {device:.8}: removed from {} of {} conversations", status.removed, status.of));
}

/// Where one device stands.
pub(super) fn status(status: &DeviceStatus) {
    let one = &status.device;
    line(&format!("{} — {} ({})", one.user, one.person, one.role));
    line(&format!("  {}  “{}”", one.device, one.name));
    line(&format!("  {}", standing(one)));
    line(&format!("  {}", seen(one)));
    if status.of > 0 {
        let (removed, of, confirmed) = (status.removed, status.of, status.confirmed);
        line(&format!(
            "  removed from {removed} of {of} conversations, confirmed by a second member in {confirmed}"
        ));
    }
    for removal in &status.removals {
        let conversation = format!("{:.8}", removal.conversation);
        let text = match (&removal.removed, removal.number, &removal.by) {
            (Some(removed), Some(number), Some(by)) => {
                let second = removal.confirmed_by.as_ref();
                let second = second.map_or_else(String::new, |second| format!(", confirmed by {second}"));
                format!("out since {}: change {number}, signed by {by}{second}", when(removed))
            }
            (Some(removed), ..) => format!("out since {}", when(removed)),
            (None, ..) => format!("open since {}: nothing is said there", when(&removal.in_force)),
        };
        line(&format!("    {conversation}  {text}"));
    }
}

/// A list that was signed or published.
pub(super) fn list_kept(kept: &ListKept) {
    if let Some(state) = &kept.list {
        list_state(state);
    }
}
