//! What `unlock` and `lock` print.

use serde::Serialize;
use serde_json::json;
use wardline_client_core::{
    api::{ClosedStatus, LeftOver, VaultVerified, span},
    owner::{Closed, OpenFor},
};

use super::{line, object};

/// A vault that is open.
#[derive(Serialize)]
pub(crate) struct Opened {
    state: &'static str,
    /// By this command.
    changed: bool,
    #[serde(flatten)]
    open_for: Option<OpenFor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<u32>,
    /// How many wrong passcodes were tried before.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong_tries: Option<u32>,
}

impl Opened {
    /// Another process has it open.
    pub(crate) const fn already() -> Self {
        Self { state: "open", changed: false, open_for: None, process: None, wrong_tries: None }
    }

    /// It was opened, in this process.
    pub(crate) const fn now(open_for: OpenFor, process: u32, wrong: u32) -> Self {
        Self {
            state: "open",
            changed: true,
            open_for: Some(open_for),
            process: Some(process),
            wrong_tries: if wrong > 0 { Some(wrong) } else { None },
        }
    }
}

/// The vault is open.
pub(crate) fn opened(opened: &Opened, json: bool) {
    if json {
        return object(opened);
    }
    match opened.open_for {
        None => line(
            "The vault is open already, in another process, for as long as was said then. To change that: wardline lock, then unlock.",
        ),
        Some(open_for) => {
            line(&format!(
                "The vault is open: commands need no passcode. It closes after {} without a command and after {} without the relay.",
                span(open_for.auto_lock_seconds),
                span(open_for.max_open_seconds)
            ));
            if let Some(wrong) = opened.wrong_tries {
                line(&format!(
                    "Before this, a wrong passcode was tried at it (tries: {wrong}). If that was not you, tell your administrator."
                ));
            }
            line("To close it now: wardline lock");
        }
    }
}

/// The vault was closed.
pub(crate) fn closed(closed: &Closed, json: bool) {
    let (reason, text) = match closed {
        Closed::ByHand => ("by_hand", "The vault is closed."),
        Closed::Unattended => ("unattended", "Nobody asked for anything: the vault is closed."),
        Closed::Unreached => ("unreached", "The relay was not reached: the vault is closed."),
        Closed::PutOut(_) => ("put_out", "This device is out: the vault is closed."),
    };
    if json {
        return object(&json!({ "state": "closed", "reason": reason }));
    }
    line(text);
}

/// The vault is closed, and was open or not.
pub(crate) fn locked(was_open: bool, json: bool) {
    if json {
        return object(&json!({ "state": "closed", "changed": was_open }));
    }
    line(if was_open { "The vault is closed." } else { "The vault was closed already." });
}

/// The passcode was changed.
pub(crate) fn passcode_changed(json: bool) {
    if json {
        return object(&json!({ "changed": true }));
    }
    line("The passcode is changed. The one before opens this vault no more.");
}

/// A closed vault.
pub(crate) fn closed_status(status: &ClosedStatus, json: bool) {
    if json {
        return object(status);
    }
    let ClosedStatus { user, device, relay, root, tries_left, .. } = status;
    line(&format!("{user}, device {device}"));
    line(&format!("Relay: {}", relay.join(", ")));
    line(&format!("Root: {root}"));
    line("The vault is closed. For more: wardline unlock, then wardline status.");
    if let Some(left) = tries_left {
        line(&format!("After the last wrong passcode {left} tries were left."));
    }
}

/// What a vault holds, and what is left of what is over.
pub(super) fn verified(found: &VaultVerified) {
    let VaultVerified { messages, unreadable, periods, next, left, gone, .. } = found;
    line(&format!("Messages held: {messages}, sealed under the keys of periods: {periods}"));
    if *unreadable > 0 {
        line(&format!("Of these unreadable: {unreadable} (the relay gave no secret for them, or another)"));
    }
    if let Some(next) = next {
        line(&format!("The next period is over: {next}"));
    }
    if *gone {
        return line("Nothing is left of what has passed its retention.");
    }
    let LeftOver { messages, keys, log_bytes } = left;
    line(&format!(
        "LEFT of what has passed its retention: {messages} messages, {keys} keys, {log_bytes} bytes of the log."
    ));
    line(
        "  Free some space on the disk if it is full, and try again; if it stays so, tell your administrator.",
    );
}
