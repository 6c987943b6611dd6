//! Founding, inviting, enrolling and status as people read them.

use std::{io::Write as _, path::Path};

use qrcode::{QrCode, render::unicode::Dense1x2};
use serde_json::json;
use wardline_client_core::api::{Enrolled, Founded, Invited, Progress, Status, Synced};

use super::{line, object, when::when};

/// A founded organisation. The recovery code is shown here and never again: whether it was is part of founding.
pub(crate) fn founded(founded: &Founded, bundle: &Path, recovery: &Path, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        let object = json!({
            "organisation": founded.organisation,
            "name": founded.name,
            "root": founded.root,
            "user": founded.user,
            "device": founded.device,
            "recovery_file": recovery,
            "recovery_code": *founded.recovery_code,
            "bundle": bundle,
            "relay": founded.addresses,
        });
        writeln!(out, "{object}")?;
        return out.flush();
    }
    writeln!(out, "{} is founded.", founded.name)?;
    writeln!(out, "  root           {}", founded.root)?;
    writeln!(out, "  relay          {} (its bundle: {})", founded.addresses.join(", "), bundle.display())?;
    writeln!(out, "  recovery file  {}", recovery.display())?;
    writeln!(out, "  recovery code  {}", *founded.recovery_code)?;
    writeln!(out)?;
    writeln!(
        out,
        "Write the recovery code down now: it is shown once. Keep it apart from the recovery file."
    )?;
    writeln!(
        out,
        "Next: see that {} lies in the relay's folder DIR as relay.bundle, start it with wardline-relay serve \
         --data-dir DIR, then invite people with wardline admin invite USER --name NAME.",
        bundle.display()
    )?;
    out.flush()
}

/// Invitations that were made.
pub(crate) fn invited(invited: &Invited, json: bool) {
    if json {
        for one in &invited.invited {
            object(&json!({
                "invitation": one.invitation,
                "id": one.id,
                "user": one.user,
                "expires": one.expires,
                "registrar_seen": invited.registrar_seen,
            }));
        }
        if let Some(why) = &invited.stopped {
            object(&json!({ "stopped": why }));
        }
        return;
    }
    for one in &invited.invited {
        line(&format!("{} — valid until {}", one.user, when(&one.expires)));
        line(&format!("  {}", one.invitation));
        if invited.invited.len() == 1
            && let Ok(code) = QrCode::new(one.invitation.as_bytes())
        {
            code.render::<Dense1x2>().quiet_zone(true).build().lines().for_each(line);
        }
    }
    if let Some(why) = &invited.stopped {
        line(&format!("Nobody after these was invited: {why}"));
    }
    line("Hand it over in person or over a channel you trust: whoever has it can enrol as this person.");
    match &invited.registrar_seen {
        Some(seen) => line(&format!("A registrar last looked for requests at {}.", when(seen))),
        None => line("No registrar is running: requests wait until wardline admin registrar runs."),
    }
}

/// How an enrolment goes.
pub(crate) fn progress(progress: &Progress, json: bool) {
    if json {
        return object(&match progress {
            Progress::Invited { organisation, user, name } => {
                json!({ "progress": "invited", "organisation": organisation, "user": user, "name": name })
            }
            Progress::Waiting { fingerprint } => json!({ "progress": "waiting", "fingerprint": fingerprint }),
            Progress::Interrupted { why } => json!({ "progress": "interrupted", "why": why }),
            _ => return,
        });
    }
    match progress {
        Progress::Invited { organisation, user, name } => {
            line(&format!("{organisation} invites {name} ({user})."));
        }
        Progress::Waiting { fingerprint } => {
            line(&format!("Waiting for the administrator. This device's code: {fingerprint}"));
        }
        Progress::Interrupted { why } => line(&format!("Interrupted ({why}); trying again.")),
        _ => {}
    }
}

/// An enrolled device.
pub(crate) fn enrolled(enrolled: &Enrolled, json: bool) {
    if json {
        return object(&json!({
            "organisation": enrolled.organisation,
            "user": enrolled.user,
            "name": enrolled.name,
            "role": enrolled.role,
            "device": enrolled.device,
            "device_name": enrolled.device_name,
            "fingerprint": enrolled.fingerprint,
        }));
    }
    line(&format!(
        "This device is {}'s “{}” now ({}).",
        enrolled.name, enrolled.device_name, enrolled.organisation
    ));
    line("Next: wardline conversation create NAME --with USER");
}

/// How this device stands.
pub(super) fn status(status: &Status) {
    line(&format!("{} — {} ({}, {})", status.organisation, status.name, status.user, status.role));
    line(&format!("  device         {} “{}”", status.device, status.device_name));
    if let Some(until) = &status.certificate_until {
        line(&format!("  certificate    until {}", when(until)));
    }
    line(&format!("  relay          {} ({})", status.relay.join(", "), status.connection));
    line(&format!("  conversations  {}", status.conversations));
    line(&format!("  waiting        {}", status.queued));
    line(&format!("  root           {}", status.root));
    if let Some(state) = &status.list {
        super::devices::list_state(state);
    }
    status.waiting.iter().for_each(super::talk::waiting);
    status.warnings.iter().for_each(|warning| super::note(warning, false));
    caught(status.relay_faults);
}

/// A sync that has caught up.
pub(super) fn synced(synced: &Synced) {
    line(&format!("up to date ({}): {} new, {} waiting", synced.connection, synced.unread, synced.queued));
    if synced.missed > 0 {
        line(&super::talk::missed(synced.missed));
    }
    caught(synced.relay_faults);
}

/// Says that the relay was caught in lies.
fn caught(relay_faults: u64) {
    if relay_faults > 0 {
        line(&format!(
            "The relay was caught in {relay_faults} lies. Tell your administrator; \
             which they are: wardline conversation show CONVERSATION. Once you know: wardline status --seen."
        ));
    }
}
