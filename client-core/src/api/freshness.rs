//! For how long what this device goes by can still be relied on, the list of revoked devices and certificates, and when somebody
//! should see to it.

use prost::Message as _;
use wardline_identity::{DateCheck, DeviceCertificate, Role};
use wardline_proto::{UtcMillis, relay::RelayGreeting};

use super::{ListState, rfc3339};
use crate::{conversation::Core, error::CoreError, vault::tables::relay_greeting};

/// How long before its end people who send are told, in milliseconds: four hours. Those who can sign it again are told at half of
/// its life.
const TOLD_BEFORE_MS: u64 = 4 * 3_600 * 1_000;

/// How long before an issuer's end administrators are told, in milliseconds: 60 days.
const ISSUER_BEFORE_MS: u64 = 60 * 86_400 * 1_000;

/// How long before the end of the relay's certificate administrators are told, in milliseconds: 30 days.
const RELAY_BEFORE_MS: u64 = 30 * 86_400 * 1_000;

/// How many devices a warning names.
const NAMED_MAX: usize = 5;

/// The list that this device goes by.
pub(super) fn list_state(core: &Core) -> Option<ListState> {
    let list = core.revocations.list()?;
    Some(ListState {
        number: list.number(),
        signed: rfc3339(list.signed_at()),
        until: rfc3339(list.fresh_until()),
    })
}

/// What somebody of this device's role should see to: what happened, and what to do now.
pub(super) async fn warnings(core: &Core, now: UtcMillis) -> Result<Vec<String>, CoreError> {
    let role = core.device.certificate.role();
    let mut warnings = Vec::new();
    if let Some(list) = core.revocations.list() {
        warnings.extend(warning((list.signed_at(), list.fresh_until()), role, now));
    }
    warnings.extend(own_certificate(&core.device.certificate, now));
    if role.may_issue() {
        let issuers = core.device.organisation.issuers();
        warnings.extend(issuers.iter().filter_map(|one| issuer(one.label().as_str(), one.not_after(), now)));
        warnings.extend(relay_ends(core).await?.and_then(|ends| relay(ends, now)));
    }
    Ok(warnings)
}

/// What administrators should know of other devices' certificates: those that should have been renewed by now.
pub(super) fn not_renewed<'a>(
    certificates: impl Iterator<Item = &'a DeviceCertificate>,
    now: UtcMillis,
) -> Option<String> {
    let late: Vec<&DeviceCertificate> = certificates.filter(|one| is_late(one, now)).collect();
    let mut named: Vec<String> = late
        .iter()
        .take(NAMED_MAX)
        .map(|one| format!("{}'s “{}” ({})", one.user(), one.device_name(), rfc3339(one.not_after())))
        .collect();
    if late.len() > NAMED_MAX {
        named.push(format!("{} more", late.len() - NAMED_MAX));
    }
    (!late.is_empty()).then(|| {
        format!(
            "Certificates that end soon and were not renewed: {}. Have the devices connect while a registrar runs: wardline admin registrar.",
            named.join(", ")
        )
    })
}

/// Whether a certificate is in the last quarter of its life: by then it should have been followed by the next.
fn is_late(certificate: &DeviceCertificate, now: UtcMillis) -> bool {
    let (from, to) = (certificate.not_before().get(), certificate.not_after().get());
    now.get() >= to - (to - from) / 4
}

fn own_certificate(own: &DeviceCertificate, now: UtcMillis) -> Option<String> {
    if !is_late(own, now) {
        return None;
    }
    let end = rfc3339(own.not_after());
    if now > own.not_after() {
        return Some(format!(
            "This device's certificate ended at {end}: the relay lets it in no more. Ask an administrator for an invitation in its place."
        ));
    }
    let help = if own.role().may_issue() {
        "have a registrar run while this device is connected: wardline admin registrar"
    } else {
        "stay connected for a while, and if this stays, tell your administrator that no registrar runs"
    };
    Some(format!("This device's certificate ends at {end} and was not renewed: {help}."))
}

fn issuer(label: &str, ends: UtcMillis, now: UtcMillis) -> Option<String> {
    soon(ends, ISSUER_BEFORE_MS, now).map(|end| {
        format!(
            "The issuer “{label}” {end}: nothing that it certified counts from then on. Make another with the recovery file before that: wardline admin root restore."
        )
    })
}

fn relay(ends: UtcMillis, now: UtcMillis) -> Option<String> {
    soon(ends, RELAY_BEFORE_MS, now).map(|end| {
        format!("The relay's certificate {end}: nobody connects from then on. Have a registrar run whose issuer ends later, which renews it: wardline admin registrar.")
    })
}

/// "ends at" or "ended at", where that is near enough.
fn soon(ends: UtcMillis, before_ms: u64, now: UtcMillis) -> Option<String> {
    if now.get() < ends.get().saturating_sub(before_ms) {
        return None;
    }
    let end = rfc3339(ends);
    Some(if now > ends { format!("ended at {end}") } else { format!("ends at {end}") })
}

/// When the certificate ends that the relay showed last; none before the first greeting.
async fn relay_ends(core: &Core) -> Result<Option<UtcMillis>, CoreError> {
    let mut tx = core.vault.begin("relay_greeting").await?;
    let greeting = relay_greeting::load(&mut tx).await?;
    tx.commit().await?;
    let greeting = greeting.and_then(|bytes| RelayGreeting::decode(bytes.as_slice()).ok());
    let verified = greeting.and_then(|greeting| {
        core.device.organisation.verify_relay(&greeting.relay_certificate, DateCheck::Skip).ok()
    });
    Ok(verified.map(|certificate| certificate.not_after()))
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
    use crate::conversation::broken_test::house::House;

    const HOUR: u64 = 3_600;
    const DAY: u64 = 24 * HOUR;

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

    #[tokio::test]
    async fn a_certificate_that_was_not_renewed_is_named_from_the_last_quarter_of_its_life_on() {
        let house = House::found();
        let phone = house.phone("doctor-a").await;
        let (own, now) = (&phone.core.device.certificate, house.clock_now());
        let at = |days: u64| now.plus_seconds(days * DAY);
        for (days, words) in [(0, ""), (67, ""), (68, "was not renewed"), (91, "ended at")] {
            let warned = warnings(&phone.core, at(days)).await.unwrap();
            assert_eq!(warned.is_empty(), words.is_empty(), "day {days}: {warned:?}");
            assert!(warned.iter().all(|one| one.contains(words)), "day {days}: {warned:?}");
            let listed = not_renewed([own].into_iter(), at(days));
            assert_eq!(listed.is_some_and(|one| one.contains("doctor-a's “phone”")), !words.is_empty());
        }
        assert!(not_renewed(std::iter::repeat_n(own, 7), at(70)).unwrap().contains("2 more"));
    }

    #[test]
    fn administrators_are_told_of_issuers_and_the_relay_before_they_end() {
        let ends = UtcMillis::new(1_800_000_000_000);
        let before = |days: u64| UtcMillis::new(ends.get() - days * DAY * 1_000);
        assert!(issuer("Office", ends, before(61)).is_none());
        assert!(issuer("Office", ends, before(60)).unwrap().contains("“Office” ends at"));
        assert!(relay(ends, before(31)).is_none());
        assert!(relay(ends, before(30)).unwrap().contains("certificate ends at"));
        assert!(relay(ends, ends.plus_seconds(1)).unwrap().contains("ended at"));
    }
}
