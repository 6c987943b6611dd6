//! Who vouches for the organisation's devices, and who asks to.

use serde_json::json;
use wardline_client_core::api::{AdministratorState, Administrators, Appointed};

use super::{line, object, when::when};

/// Whether this machine is an administrator's.
pub(super) fn state(state: &AdministratorState) {
    let until = state.until.as_deref().map(when).unwrap_or_default();
    match state.state.as_str() {
        "administrator" => line(&format!(
            "This machine is an administrator's; its issuer's certificate is good until {until}."
        )),
        "requested" => {
            line(&format!("This machine asks to be an administrator's, until {until}. Its code:"));
            line(&format!("  {}", state.code.as_deref().unwrap_or_default()));
            line(
                "Read it out to whoever has the recovery file. They run: wardline admin administrator add USER --code CODE",
            );
        }
        "expired" => line(&format!(
            "The request of this machine ended at {until}. Ask again: wardline administrator request"
        )),
        _ => line("This machine is no administrator's, and has not asked to be."),
    }
}

/// Issuers with their persons, and requests.
pub(super) fn list(list: &Administrators) {
    for one in &list.issuers {
        let user = one.user.as_deref().unwrap_or("nobody's by name");
        let state = if one.struck { "struck".to_owned() } else { format!("until {}", when(&one.until)) };
        let this = if one.this { ", on this machine" } else { "" };
        line(&format!("{:.8}  {user:<20} {:<20} {state}{this}", one.issuer, one.name));
    }
    for one in &list.requests {
        line(&format!(
            "{} ({}) asks from “{}” ({:.8}), since {}",
            one.user,
            one.name,
            one.device_name,
            one.device,
            when(&one.requested)
        ));
        line(&format!("  code {}", one.code));
    }
    line(&format!("List of issuers: number {}", list.issuers_list));
}

/// Somebody is an administrator, or is none any more.
pub(crate) fn appointed(done: &Appointed, change: &str, json: bool) {
    let struck = done
        .struck
        .iter()
        .map(|one| json!({ "name": one.name, "issuer": one.fingerprint, "kept": one.kept }));
    let left =
        done.left.iter().map(|one| json!({ "device": one.device, "user": one.user, "name": one.name }));
    if json {
        return object(&json!({
            "change": change,
            "user": done.user,
            "changed": done.changed,
            "issuers_list": done.issuers_list,
            "issuers": done.issuers,
            "struck": struck.collect::<Vec<_>>(),
            "devices_left": left.collect::<Vec<_>>(),
        }));
    }
    let already = if done.changed { "" } else { " (already)" };
    match change {
        "added" => {
            line(&format!("{} is an administrator{already}.", done.user));
            line("Their machine knows it as soon as it connects: wardline administrator status.");
        }
        _ => line(&format!("{} is no administrator any more{already}.", done.user)),
    }
    for one in done.struck.iter().filter(|_| change == "removed") {
        line(&format!(
            "  struck {:.8} {}; {} certificates of its making stay good",
            one.fingerprint, one.name, one.kept
        ));
    }
    for one in &done.left {
        line(&format!(
            "  “{}” ({:.8}) is a device of theirs still. Lost, or not trusted? Revoke it:",
            one.name, one.device
        ));
        line(&format!("  wardline admin device revoke {:.8} --reason left", one.device));
    }
    line(&format!("List of issuers: number {}: {}", done.issuers_list, done.issuers.join(", ")));
}
