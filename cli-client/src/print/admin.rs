//! The organisation on one page, as administrators read it: what needs somebody first.

use wardline_client_core::api::{AdminStatus, DeviceCounts, OpenRemovals};

use super::{devices::list_state, line, when::when};

/// The page.
pub(super) fn status(status: &AdminStatus) {
    for one in &status.warnings {
        line(&one.what);
        line(&format!("  {}", one.why));
        line(&format!("  {}", one.now));
    }
    if status.warnings.is_empty() {
        line("Nothing needs you.");
    }
    line(&format!("{} — root {}", status.organisation, status.root));
    let struck = if status.struck > 0 { format!(", {} struck", status.struck) } else { String::new() };
    line(&format!("  issuers        {} (list {}){struck}", status.issuers.len(), status.issuers_list));
    for one in &status.issuers {
        let this = if one.this { ", on this device" } else { "" };
        line(&format!("    {:.8}  {:<20} until {}{this}", one.issuer, one.name, when(&one.until)));
    }
    devices(&status.devices);
    removals(&status.removals);
    line(&format!(
        "  waiting        {} for a certificate, {} invitation(s) open",
        status.enrolments_waiting, status.invitations_open
    ));
    let seen = status.registrar_seen.as_deref();
    let seen = seen
        .map_or_else(|| "not since the relay started".to_owned(), |seen| format!("last seen {}", when(seen)));
    line(&format!("  registrar      {seen}"));
    if let Some(until) = &status.relay_certificate_until {
        line(&format!("  relay          certificate until {}", when(until)));
    }
    if let Some(record) = &status.record {
        let goes_on = if record.goes_on { "goes on from all that was known" } else { "NOT proven to go on" };
        line(&format!("  record         {} entries, {goes_on}", record.size));
    }
    match &status.list {
        Some(list) => {
            list_state(&list.state);
            let by = list.by.as_deref().unwrap_or("an issuer who is on no list any more");
            line(&format!("  signed by {by}; {} hold(s) of others not named yet", list.holds_pending));
        }
        None => line("There is no list of revoked devices yet."),
    }
}

fn devices(devices: &DeviceCounts) {
    let DeviceCounts { in_force, lapsed, held, revoked, ending } = devices;
    line(&format!(
        "  devices        {in_force} in force ({ending} end within 30 days), {lapsed} lapsed, {held} on hold, {revoked} revoked"
    ));
}

fn removals(removals: &OpenRemovals) {
    let OpenRemovals { open, devices, not_asked } = removals;
    let not_asked = if *not_asked > 0 {
        format!("; {not_asked} devices were put out before these")
    } else {
        String::new()
    };
    line(&format!("  removals       {open} open, of {devices} device(s){not_asked}"));
}
