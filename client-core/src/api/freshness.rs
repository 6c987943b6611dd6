//! For how long the list of revoked devices can still be relied on, and when somebody should see to it.

use wardline_identity::Role;
use wardline_proto::UtcMillis;

use super::{ListState, rfc3339};
use crate::conversation::Core;

/// How long before its end people who send are told, in milliseconds: four hours. Those who can sign it again are told at half of
/// its life.
const TOLD_BEFORE_MS: u64 = 4 * 3_600 * 1_000;

/// The list that this device goes by.
pub(super) fn list_state(core: &Core) -> Option<ListState> {
    let list = core.revocations.list()?;
    Some(ListState {
        number: list.number(),
        signed: rfc3339(list.signed_at()),
        until: rfc3339(list.fresh_until()),
    })
}

/// What somebody of this device's role should see to.
pub(super) fn warnings(core: &Core, now: UtcMillis) -> Vec<String> {
    let Some(list) = core.revocations.list() else { return Vec::new() };
    warning((list.signed_at(), list.fresh_until()), core.device.certificate.role(), now).into_iter().collect()
}

fn warning((signed, until): (UtcMillis, UtcMillis), role: Role, now: UtcMillis) -> Option<String> {
    let life = until.get().saturating_sub(signed.get());
    let told = if role.may_issue() { life / 2 } else { life.saturating_sub(TOLD_BEFORE_MS) };
    if now.get() < signed.get().saturating_add(told) {
        return None;
    }
    let end = rfc3339(until);
    let end = if now < until { format!("from {end} on") } else { format!("since {end}") };
    let help = if role.may_issue() {
        "sign it again: wardline admin registrar"
    } else {
        "tell your administrator that no registrar runs"
    };
    Some(format!(
        "The list of revoked devices was last signed at {}; nobody can send {end}: {help}.",
        rfc3339(signed)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    #[test]
    fn who_can_sign_it_again_is_told_at_half_of_its_life_and_all_others_four_hours_before_its_end() {
        let signed = UtcMillis::new(1_800_000_000_000);
        let list = (signed, signed.plus_seconds(72 * HOUR));
        let told = |role, hours: u64, less| {
            warning(list, role, UtcMillis::new(signed.get() + hours * HOUR * 1_000 - less)).is_some()
        };
        for role in Role::ALL {
            let (hours, help) = match role {
                Role::Administrator | Role::Registrar => (36, "wardline admin registrar"),
                _ => (68, "tell your administrator"),
            };
            assert!(!told(role, hours, 1), "{role}");
            assert!(told(role, hours, 0), "{role}");
            let text = warning(list, role, signed.plus_seconds(100 * HOUR)).unwrap_or_default();
            assert!(text.contains("nobody can send since") && text.contains(help), "{text}");
        }
    }
}
