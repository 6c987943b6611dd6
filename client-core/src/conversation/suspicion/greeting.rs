//! Greetings that contradict the clock, the lists, or what the relay signed before. Both signed statements are kept.

use data_encoding::HEXLOWER;
use prost::Message as _;
use serde_json::{Value, json};
use wardline_identity::RevocationList;
use wardline_proto::{
    UtcMillis, fault,
    relay::{IssuersList, RelayGreeting, RelayTime, SignedStatement},
};

use super::{CLOCKS_AGREE_MS, Suspicion};
use crate::{
    conversation::core::Core,
    error::CoreError,
    vault::tables::{relay_faults::RelayFaultKind, relay_greeting},
};

/// How far a relay's clock may be set back, as clocks are when they are set right, in milliseconds.
const SET_RIGHT_MS: u64 = 60_000;

/// Holds a greeting whose signature was verified against this device's clock, its issuers' list, and the highest that
/// the relay had signed before. Answers whether its time agrees with this device's.
pub(crate) async fn greeted(core: &Core, greeting: &RelayGreeting) -> Result<bool, CoreError> {
    let now = core.clock.now();
    let Some(said) = said(greeting) else { return Ok(false) };
    let agrees = time(&said).get().abs_diff(now.get()) <= CLOCKS_AGREE_MS;
    let mut tx = core.vault.begin("look_at_greeting").await?;
    let before = relay_greeting::load(&mut tx).await?;
    let before = before.and_then(|before| RelayGreeting::decode(before.as_slice()).ok());
    let earlier = before.as_ref().and_then(self::said);
    let evidence = || {
        json!({
            "greeting": encoded(Some(greeting)),
            "greeting_before": encoded(before.as_ref()),
            "now_ms": now.get(),
        })
    };

    // 1. Its clock.
    let mut caught = Vec::new();
    if !agrees && !fault::planted("mutant.wrong_time") {
        caught.push((RelayFaultKind::WrongTime, 0));
    }
    let back = |earlier: &RelayTime| time(&said).get().saturating_add(SET_RIGHT_MS) < time(earlier).get();
    if earlier.as_ref().is_some_and(back) && !fault::planted("mutant.time_back") {
        caught.push((RelayFaultKind::TimeBack, 0));
    }
    // 2. Its lists: never lower than they were, nor than this device has them.
    let known = (core.device.organisation.issuers_number(), core.revocations.number());
    if let Some(lower) = lower(&said, earlier.as_ref(), known)
        && !fault::planted("mutant.lower_list")
    {
        caught.push((RelayFaultKind::LowerList, lower));
    }
    for (kind, number) in &caught {
        let suspicion =
            Suspicion { conversation: None, kind: *kind, number: *number, about: "", evidence: evidence() };
        suspicion.note(&mut tx, now).await?;
    }

    // 3. What is true so far is what later ones are held against.
    if caught.is_empty() && earlier.is_none_or(|earlier| time(&earlier) <= time(&said)) {
        relay_greeting::store(&mut tx, &greeting.encode_to_vec()).await?;
    }
    tx.commit().await?;
    Ok(agrees)
}

/// The relay announced an issuers' list that it does not have. It is gone on with: the list that this device has counts.
pub(crate) async fn no_such_list(
    core: &Core,
    greeting: &RelayGreeting,
    number: u64,
) -> Result<(), CoreError> {
    if fault::planted("mutant.higher_list") {
        return Ok(());
    }
    let evidence = json!({ "greeting": encoded(Some(greeting)) });
    let kind = RelayFaultKind::HigherList;
    Suspicion { conversation: None, kind, number, about: "", evidence }.note_alone(core).await?;
    Ok(())
}

/// The relay sent a revocation list that is not accepted: the one that this device has stays in force. `older`: it has a lower
/// number.
pub(crate) async fn false_list(
    core: &Core,
    sent: Option<&SignedStatement>,
    older: bool,
) -> Result<(), CoreError> {
    if fault::planted("mutant.false_list") {
        return Ok(());
    }
    let list = |one: Option<&SignedStatement>| one.map(|one| HEXLOWER.encode(&one.encode_to_vec()));
    let own = core.revocations.list().map(RevocationList::statement);
    let evidence = json!({ "list": list(sent), "list_before": list(own) });
    let kind = if older { RelayFaultKind::LowerList } else { RelayFaultKind::FalseList };
    let number = core.revocations.number();
    Suspicion { conversation: None, kind, number, about: "", evidence }.note_alone(core).await?;
    Ok(())
}

/// The relay showed another issuers' list under the number of this device's, or one that the root did not sign; or a revocation
/// list that names such another one.
pub(crate) async fn false_issuers(
    core: &Core,
    (greeting, sent): (Option<&RelayGreeting>, Option<&SignedStatement>),
) -> Result<(), CoreError> {
    if fault::planted("mutant.false_issuers") {
        return Ok(());
    }
    let organisation = &core.device.organisation;
    let sent = sent.map(|sent| HEXLOWER.encode(&sent.encode_to_vec()));
    let own = HEXLOWER.encode(&organisation.issuers_statement().encode_to_vec());
    let evidence = json!({ "greeting": encoded(greeting), "list": sent, "list_before": own });
    let (kind, number) = (RelayFaultKind::FalseIssuers, organisation.issuers_number());
    Suspicion { conversation: None, kind, number, about: "", evidence }.note_alone(core).await?;
    Ok(())
}

/// The relay showed an issuers' list that this device had left behind before it asked.
pub(crate) async fn older_issuers(core: &Core, sent: &SignedStatement) -> Result<(), CoreError> {
    if fault::planted("mutant.older_issuers") {
        return Ok(());
    }
    let evidence = json!({ "list": HEXLOWER.encode(&sent.encode_to_vec()) });
    let (kind, number) = (RelayFaultKind::LowerList, core.device.organisation.issuers_number());
    Suspicion { conversation: None, kind, number, about: "", evidence }.note_alone(core).await?;
    Ok(())
}

/// The number that an issuers' list gives itself; 0 if it does not read.
pub(crate) fn issuers_number(list: &SignedStatement) -> u64 {
    IssuersList::decode(list.body.clone()).map_or(0, |list| list.number)
}

/// A member goes by a higher revocation list than the relay shows.
pub(crate) async fn hidden_list(core: &Core, user: &str, number: u64) -> Result<(), CoreError> {
    if fault::planted("mutant.hidden_list") {
        return Ok(());
    }
    let evidence = json!({ "said_by": user, "list": number, "shown": core.revocations.number() });
    let kind = RelayFaultKind::HiddenList;
    Suspicion { conversation: None, kind, number, about: user, evidence }.note_alone(core).await?;
    Ok(())
}

/// The number of the list that the relay says it does not have any more, if there is one.
fn lower(said: &RelayTime, earlier: Option<&RelayTime>, (issuers, revocations): (u64, u64)) -> Option<u64> {
    let numbers =
        |time: &RelayTime| [time.revocation_list_number, time.policy_number, time.issuers_list_number];
    if said.revocation_list_number < revocations {
        return Some(revocations);
    }
    if said.issuers_list_number < issuers {
        return Some(issuers);
    }
    let pairs = numbers(said).into_iter().zip(earlier.map(numbers)?);
    pairs.into_iter().find(|(now, before)| now < before).map(|(_, before)| before)
}

fn said(greeting: &RelayGreeting) -> Option<RelayTime> {
    RelayTime::decode(greeting.time.as_ref()?.body.clone()).ok()
}

fn time(said: &RelayTime) -> UtcMillis {
    said.time.as_ref().map_or(UtcMillis::new(0), UtcMillis::from)
}

/// A `RelayGreeting` as it came, hex: its signature can be checked by anybody who has the root.
fn encoded(greeting: Option<&RelayGreeting>) -> Value {
    greeting.map_or(Value::Null, |greeting| Value::String(HEXLOWER.encode(&greeting.encode_to_vec())))
}
