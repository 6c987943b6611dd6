//! What an administrator should see to, and when: one rule a concern, by numbers that the guide names.
//!
//! A pure function of what was read: nothing here asks or waits. Each says what happened, why it matters, and what to do now.

use wardline_proto::UtcMillis;

use super::{
    Concern,
    admin_status::{Judged, OpenRemovals},
    rfc3339,
};

/// The organisation has so many issuers, or is told: the loss of one then stops nothing.
const ISSUERS_MIN: usize = 2;
/// Issuers' certificates last a year.
const ISSUER_DAYS: u64 = 60;
/// The relay's certificate lasts a year.
const RELAY_DAYS: u64 = 30;
/// Devices' certificates last 90 days.
const DEVICE_DAYS: u64 = 14;
/// A hold lasts seven days.
const HOLD_DAYS: u64 = 2;
/// A registrar that runs asks every 20 seconds, and signs the list every hour.
const REGISTRAR_AWAY_MINUTES: u64 = 60;
/// So many are named; the rest is counted.
const NAMED_MAX: usize = 5;

/// What was read.
pub(super) struct Facts<'a> {
    pub now: UtcMillis,
    /// When each issuer's certificate ends, and its name.
    pub issuers: Vec<(UtcMillis, String)>,
    /// When the list was signed, and until when it counts.
    pub list: Option<(UtcMillis, UtcMillis)>,
    pub holds_pending: usize,
    /// Devices that wait for a certificate.
    pub waiting: usize,
    pub registrar_seen: Option<UtcMillis>,
    pub judged: &'a Judged,
    pub removals: &'a OpenRemovals,
    pub relay_until: Option<UtcMillis>,
    pub relay_faults: u64,
}

/// All that should be seen to, the gravest first.
pub(super) fn concerns(facts: &Facts<'_>) -> Vec<Concern> {
    let rules = [
        relay_faults,
        list_old,
        removals_open,
        holds_pending,
        hold_ends,
        relay_ends,
        issuer_ends,
        registrar_away,
        enrolments_waiting,
        certificates_end,
        one_issuer,
    ];
    rules.iter().filter_map(|rule| rule(facts)).collect()
}

fn relay_faults(facts: &Facts<'_>) -> Option<Concern> {
    (facts.relay_faults > 0).then(|| {
        concern(
            "relay_faults",
            format!("The relay was caught in {} lie(s).", facts.relay_faults),
            "What an honest relay cannot have done is kept on this device, with what shows it.",
            "Read which: wardline conversation show CONVERSATION; once you know: wardline status --seen.",
        )
    })
}

fn list_old(facts: &Facts<'_>) -> Option<Concern> {
    let Some((signed, until)) = facts.list else {
        return Some(concern(
            "no_list",
            "There is no list of revoked devices yet.",
            "A device that is put on hold at night has no list that could name it.",
            REGISTRAR,
        ));
    };
    let half = signed.get().saturating_add(until.get().saturating_sub(signed.get()) / 2);
    if facts.now.get() < half {
        return None;
    }
    let end = if facts.now < until { "Nobody can send from" } else { "Nobody has been able to send since" };
    Some(concern(
        "list_old",
        format!("The list of revoked devices was last signed at {}.", rfc3339(signed)),
        format!("{end} {} on.", rfc3339(until)),
        REGISTRAR,
    ))
}

fn removals_open(facts: &Facts<'_>) -> Option<Concern> {
    let OpenRemovals { open, devices, .. } = *facts.removals;
    (open > 0).then(|| {
        concern(
            "removals_open",
            format!("{devices} device(s) that are out still have to leave {open} conversation(s)."),
            "Nothing is said there until a member's device that is connected has put them out.",
            "Have a member of each open Wardline; which they are: wardline admin device status DEVICE.",
        )
    })
}

fn holds_pending(facts: &Facts<'_>) -> Option<Concern> {
    (facts.holds_pending > 0).then(|| {
        concern(
            "holds_pending",
            format!("{} hold(s) that other devices have signed are on no list yet.", facts.holds_pending),
            "A relay could hide them from whoever comes back, until a list names them.",
            REGISTRAR,
        )
    })
}

fn hold_ends(facts: &Facts<'_>) -> Option<Concern> {
    let soon = facts.now.plus_seconds(HOLD_DAYS * DAY);
    let ending: Vec<&str> = named(&facts.judged.holds_end, |until| *until < soon);
    (!ending.is_empty()).then(|| {
        concern(
            "hold_ends",
            format!("A hold ends within {HOLD_DAYS} days: {}.", list(&ending)),
            "After that it counts as a revocation, and cannot be undone.",
            "Ask the person. Found again: wardline admin device reinstate DEVICE. Else there is nothing to do.",
        )
    })
}

fn relay_ends(facts: &Facts<'_>) -> Option<Concern> {
    let until = facts.relay_until.filter(|until| *until < facts.now.plus_seconds(RELAY_DAYS * DAY))?;
    Some(concern(
        "relay_certificate_ends",
        format!("The relay's certificate ends at {}.", rfc3339(until)),
        "No device connects to it after that.",
        "Have the relay certified again before that day; CONTRIBUTING and the relay's own messages say how.",
    ))
}

fn issuer_ends(facts: &Facts<'_>) -> Option<Concern> {
    let soon = facts.now.plus_seconds(ISSUER_DAYS * DAY);
    let ending: Vec<&str> = named(&facts.issuers, |until| *until < soon);
    (!ending.is_empty()).then(|| {
        concern(
            "issuer_ends",
            format!("An issuer's certificate ends within {ISSUER_DAYS} days: {}.", list(&ending)),
            "What it has certified ends with it, and it signs nothing after that.",
            "Make the next one before that day, with the recovery file: wardline admin root restore.",
        )
    })
}

fn registrar_away(facts: &Facts<'_>) -> Option<Concern> {
    let since = facts.now.get().saturating_sub(REGISTRAR_AWAY_MINUTES * 60_000);
    if facts.registrar_seen.is_some_and(|seen| seen.get() >= since) {
        return None;
    }
    let what = match facts.registrar_seen {
        Some(seen) => format!("No registrar has asked for work since {}.", rfc3339(seen)),
        None => "No registrar has asked for work since the relay started.".to_owned(),
    };
    let why = "Nobody is certified meanwhile, and the list of revoked devices grows old.";
    Some(concern("registrar_away", what, why, REGISTRAR))
}

fn enrolments_waiting(facts: &Facts<'_>) -> Option<Concern> {
    // One that was just made is judged in a moment, where a registrar runs.
    let runs = facts.registrar_seen.is_some_and(|seen| seen.plus_seconds(60) >= facts.now);
    (facts.waiting > 0 && !runs).then(|| {
        concern(
            "enrolments_waiting",
            format!("{} device(s) wait for a certificate.", facts.waiting),
            "Their people stand there and cannot go on.",
            REGISTRAR,
        )
    })
}

fn certificates_end(facts: &Facts<'_>) -> Option<Concern> {
    let ending: Vec<&str> = named(&facts.judged.ending, |left| *left < DEVICE_DAYS * DAY * 1_000);
    (!ending.is_empty()).then(|| {
        concern(
            "certificates_end",
            format!(
                "{} device(s) have certificates that end within {DEVICE_DAYS} days: {}.",
                ending.len(),
                list(&ending)
            ),
            "A device whose certificate has ended is let in no more.",
            "Have its person open Wardline. If it goes on: wardline admin invite USER --replaces DEVICE.",
        )
    })
}

fn one_issuer(facts: &Facts<'_>) -> Option<Concern> {
    let count = facts.issuers.len();
    (count < ISSUERS_MIN).then(|| {
        concern(
            "one_issuer",
            format!("The organisation has {count} issuer(s), not {ISSUERS_MIN}."),
            "If that machine is lost, nobody can revoke a device before the recovery file is fetched; this device cannot know \
             whether that is in its place.",
            "Make a second administrator, and try the file: wardline admin root show --recovery-file F.",
        )
    })
}

fn concern(kind: &str, what: impl Into<String>, why: impl Into<String>, now: &str) -> Concern {
    Concern { concern: kind.to_owned(), what: what.into(), why: why.into(), now: now.to_owned() }
}

/// The names of those that it holds for.
fn named<T>(all: &[(T, String)], holds: impl Fn(&T) -> bool) -> Vec<&str> {
    all.iter().filter(|(one, _)| holds(one)).map(|(_, name)| name.as_str()).collect()
}

fn list(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMED_MAX)].join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

const DAY: u64 = 86_400;
const REGISTRAR: &str = "Run it, and keep it running: wardline admin registrar.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admin_status::DeviceCounts;

    const NOW: UtcMillis = UtcMillis::new(1_800_000_000_000);

    fn judged() -> Judged {
        Judged::none(DeviceCounts::default())
    }

    /// An organisation in which all is well.
    fn well<'a>(judged: &'a Judged, removals: &'a OpenRemovals) -> Facts<'a> {
        let later = NOW.plus_seconds(300 * DAY);
        Facts {
            now: NOW,
            issuers: vec![(later, "IT lead".to_owned()), (later, "Second".to_owned())],
            list: Some((NOW, NOW.plus_seconds(3 * DAY))),
            holds_pending: 0,
            waiting: 0,
            registrar_seen: Some(NOW),
            judged,
            removals,
            relay_until: Some(later),
            relay_faults: 0,
        }
    }

    fn kinds(facts: &Facts<'_>) -> Vec<String> {
        concerns(facts).into_iter().map(|one| one.concern).collect()
    }

    #[test]
    fn where_all_is_well_nobody_is_troubled() {
        let (judged, removals) = (judged(), OpenRemovals::default());
        assert!(kinds(&well(&judged, &removals)).is_empty());
    }

    #[test]
    fn each_thing_is_said_from_its_hour_on_and_not_before() {
        let (judged, removals) = (judged(), OpenRemovals::default());
        let at = |days: u64, seconds: u64| NOW.plus_seconds(days * DAY + seconds);
        let said = |change: &dyn Fn(&mut Facts<'_>)| {
            let mut facts = well(&judged, &removals);
            change(&mut facts);
            kinds(&facts)
        };
        assert_eq!(said(&|facts| facts.issuers.truncate(1)), ["one_issuer"]);
        assert_eq!(said(&|facts| facts.issuers[0].0 = at(60, 0)), [""; 0]);
        assert_eq!(said(&|facts| facts.issuers[0].0 = at(59, 0)), ["issuer_ends"]);
        assert_eq!(said(&|facts| facts.relay_until = Some(at(30, 0))), [""; 0]);
        assert_eq!(said(&|facts| facts.relay_until = Some(at(29, 0))), ["relay_certificate_ends"]);
        assert_eq!(said(&|facts| facts.list = None), ["no_list"]);
        let signed = UtcMillis::new(NOW.get() - 36 * 3_600_000);
        assert_eq!(said(&|facts| facts.list = Some((signed, signed.plus_seconds(3 * DAY)))), ["list_old"]);
        let later = UtcMillis::new(signed.get() + 1);
        assert_eq!(said(&|facts| facts.list = Some((later, later.plus_seconds(3 * DAY)))), [""; 0]);
        let seen = |minutes: u64| Some(UtcMillis::new(NOW.get() - minutes * 60_000));
        assert_eq!(said(&|facts| facts.registrar_seen = seen(60)), [""; 0]);
        assert_eq!(said(&|facts| facts.registrar_seen = seen(61)), ["registrar_away"]);
        assert_eq!(said(&|facts| facts.registrar_seen = None), ["registrar_away"]);
        assert_eq!(said(&|facts| facts.waiting = 1), [""; 0]);
        let away = |facts: &mut Facts<'_>| (facts.waiting, facts.registrar_seen) = (1, seen(2));
        assert_eq!(said(&away), ["enrolments_waiting"]);
        assert_eq!(said(&|facts| facts.holds_pending = 1), ["holds_pending"]);
        assert_eq!(said(&|facts| facts.relay_faults = 1), ["relay_faults"]);
    }

    #[test]
    fn devices_that_end_are_named_and_many_are_counted() {
        let mut judged = judged();
        judged.ending = (0..7).map(|one| (one * DAY * 1_000, format!("doctor-{one}'s “phone”"))).collect();
        judged.ending.push((15 * DAY * 1_000, "nurse-b's “phone”".to_owned()));
        judged.holds_end = vec![(NOW.plus_seconds(DAY), "locum-c's “phone”".to_owned())];
        let removals = OpenRemovals { open: 3, devices: 1, not_asked: 0 };
        let said = concerns(&well(&judged, &removals));
        let kinds: Vec<&str> = said.iter().map(|one| one.concern.as_str()).collect();
        assert_eq!(kinds, ["removals_open", "hold_ends", "certificates_end"]);
        assert!(said[2].what.contains("7 device(s)") && said[2].what.contains("and 2 more"), "{said:?}");
        assert!(!said[2].what.contains("nurse-b") && said[1].what.contains("locum-c"), "{said:?}");
    }
}
