//! People, devices and invitations as people read them.

use wardline_client_core::api::{Approved, Devices, Invitations, Judged, People};

use super::{line, when::when};

/// People.
pub(super) fn people(list: &People) {
    for one in &list.people {
        line(&format!("{:<24} {:<28} {:<14} {} device(s)", one.user, one.name, one.role, one.devices));
    }
}

/// The own devices.
pub(super) fn devices(list: &Devices) {
    for one in &list.devices {
        let this = if one.this { " (this one)" } else { "" };
        line(&format!("{:.8}  {}{this}", one.device, one.name));
        line(&format!("          code {}", one.code));
        if one.missing_in > 0 {
            line(&format!(
                "          not in {} of your conversations; if the codes agree: wardline device approve {:.8}",
                one.missing_in, one.device
            ));
        }
    }
}

/// An approval.
pub(super) fn approved(approved: &Approved) {
    line(&format!("approved: in {} more conversation(s)", approved.conversations.len()));
}

/// Invitations.
pub(super) fn invitations(list: &Invitations) {
    for one in &list.invitations {
        let (id, user, role) = (&one.id, &one.user, &one.role);
        line(&format!("{id:.8}  {user:<20} {role:<14} {:<10} until {}", one.state, when(&one.expires)));
    }
}

/// A registrar's pass.
pub(super) fn judged(judged: &Judged) {
    if judged.is_empty() {
        line("No device waits.");
    }
    for one in &judged.issued {
        line(&format!("certified: {} — {} (code {})", one.user, one.name, one.fingerprint));
    }
    for one in &judged.renewed {
        line(&format!("renewed: {} — {}", one.user, one.name));
    }
    for one in &judged.refused {
        let why = one.why.as_deref().unwrap_or_default();
        line(&format!("refused: {} — {}: {why}", one.user, one.name));
    }
}
