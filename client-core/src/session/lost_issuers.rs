//! Which issuers are lost, and the lists by which another comes and they are struck.

use wardline_identity::{IssuerCertificate, IssuerRequest, RelayCertificate, StandingList, Strike, UserId};
use wardline_proto::fault;

use super::{certified::Certified, issuers_change::Next, restore::Lost, root_door::InForce};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
};

/// The next list with the new issuer; `None` if it is on the one in force.
pub(super) fn lists(now: &InForce, own: &IssuerCertificate) -> Result<Option<Next>, CoreError> {
    let organisation = &now.organisation;
    if organisation.struck().iter().any(|struck| struck.certificate().fingerprint() == own.fingerprint()) {
        return Err(Failure::new(
            FailureKind::Refused,
            "The issuer that was made here was struck since.",
            "Somebody else with the root's file has done it.",
            "Restore in another --home.",
        )
        .into());
    }
    if organisation.issuers().iter().any(|issuer| issuer.fingerprint() == own.fingerprint()) {
        return Ok(None);
    }
    let mut next = Next::after(organisation);
    next.issuers.push(own.der().to_vec());
    Ok(Some(next))
}

/// The next list with the new issuer; `None` if its key is on the one in force, or was struck.
pub(super) fn joined(now: &InForce, request: &IssuerRequest, certificate: &[u8]) -> Option<Next> {
    let struck = now.organisation.struck().iter().any(|one| one.certificate().key() == request.key());
    if struck || lists_key(now, request) {
        return None;
    }
    let mut next = Next::after(&now.organisation);
    next.issuers.push(certificate.to_vec());
    Some(next)
}

/// Whether the key that a device asks for is on the list.
pub(super) fn lists_key(now: &InForce, request: &IssuerRequest) -> bool {
    now.organisation.issuers().iter().any(|one| one.key() == request.key())
}

/// The issuers in force that are lost.
pub(super) fn lost(
    now: &InForce,
    own: &IssuerCertificate,
    lost: &Lost,
) -> Result<Vec<IssuerCertificate>, CoreError> {
    let others = now.organisation.issuers().iter().filter(|one| one.fingerprint() != own.fingerprint());
    let others: Vec<&IssuerCertificate> = others.collect();
    let named = match lost {
        Lost::None => return Ok(Vec::new()),
        Lost::All => return Ok(others.into_iter().cloned().collect()),
        Lost::Of(user) => return theirs(&others, (now, user)),
        Lost::These(named) => named,
    };
    let is = |issuer: &IssuerCertificate, text: &str| {
        let digits: String = text.chars().filter(|one| !one.is_whitespace()).collect();
        issuer.label().as_str() == text
            || digits.len() >= 4 && issuer.fingerprint().to_string().starts_with(&digits.to_lowercase())
    };
    let mut found: Vec<IssuerCertificate> = Vec::new();
    for text in named {
        let matching: Vec<_> = others.iter().filter(|issuer| is(issuer, text)).collect();
        let struck = || now.organisation.struck().iter().any(|struck| is(struck.certificate(), text));
        match matching.as_slice() {
            [one] if !found.contains(one) => found.push((**one).clone()),
            [_] => {}
            // Done before.
            [] if struck() => {}
            matching => return Err(unknown(text, matching.len(), &others).into()),
        }
    }
    Ok(found)
}

/// The person's issuers in force; none if they were struck before.
fn theirs(
    others: &[&IssuerCertificate],
    (now, user): (&InForce, &UserId),
) -> Result<Vec<IssuerCertificate>, CoreError> {
    let of_user = |one: &IssuerCertificate| one.user() == Some(user);
    let listed: Vec<_> = others.iter().filter(|one| of_user(one)).map(|one| (*one).clone()).collect();
    let struck = now.organisation.struck().iter().any(|one| of_user(one.certificate()));
    if listed.is_empty() && !struck {
        return Err(Failure::new(
            FailureKind::Unknown,
            format!("{user} has no issuer."),
            "No certificate on the issuers' list names that person.",
            "List them: wardline admin administrator list.",
        )
        .into());
    }
    Ok(listed)
}

fn unknown(text: &str, count: usize, others: &[&IssuerCertificate]) -> Failure {
    let list: Vec<String> =
        others.iter().map(|one| format!("{} {}", one.fingerprint(), one.label())).collect();
    Failure::new(
        FailureKind::Unknown,
        format!("“{text}” names {count} issuers, not one."),
        format!("There are: {}.", list.join(", ")),
        "Name one by its first digits, and run the command again: it goes on where it stopped.",
    )
}

/// The next list without these issuers, keeping what they have certified, and this revocation list.
pub(super) fn strikes(
    now: &InForce,
    lost: &[IssuerCertificate],
    standing: Option<StandingList>,
    certified: &Certified,
) -> Next {
    let mut next = Next { standing, ..Next::after(&now.organisation) };
    next.issuers.retain(|der| lost.iter().all(|one| one.der() != der.as_slice()));
    next.struck.extend(lost.iter().map(|one| {
        let of_relay = now.relays.iter().filter(|relay| relay.issuer() == *one.fingerprint());
        let mut kept = certified.of(one.fingerprint());
        if !fault::planted("mutant.keep_nothing") {
            kept.extend(of_relay.map(RelayCertificate::fingerprint));
        } else {
            kept.clear();
        }
        Strike { certificate: one.der().to_vec(), kept, since: None }
    }));
    next
}
