//! Claims about holds that devices sign and no list names yet: members act on them at once, and on nobody's bare word. Each attack
//! has its control.

use wardline_identity::{
    Clock as _, HOLD_SECONDS, HoldError, HoldStatement, RevocationKind, RevocationReason,
};
use wardline_proto::{
    UtcMillis, in_place,
    relay::{PendingHold, removal_ground::Ground},
};

use super::{
    house::House,
    lists::Lists,
    revoked::removal as planned,
    scene::{commit, member, removal, wishes},
    ward::{Log, Phone},
};
use crate::{
    conversation::revoked::{is_out, look_in},
    error::CoreError,
    session::holds::take_in,
    vault::tables::{faults, held_out, intents::Wish},
};

/// What a device signs about another, as the relay hands it out.
pub(crate) fn says(house: &House, by: &Phone, of: &Phone, at: UtcMillis) -> PendingHold {
    let said = HoldStatement {
        organisation: house.organisation.id().clone(),
        devices: vec![of.core.device.id()],
        reason: RevocationReason::Lost,
        signed_at: at,
    };
    let der = |phone: &Phone| phone.core.device.certificate.der().to_vec().into();
    PendingHold {
        statement: Some(said.sign(&by.core.device.key, &by.core.device.certificate)),
        signer_certificate: der(by),
        device_certificates: vec![der(of)],
    }
}

/// The ground of a removal by it.
fn ground(wire: &PendingHold) -> Ground {
    Ground::Hold(wardline_proto::relay::HoldGround {
        statement: wire.statement.clone(),
        signer_certificate: wire.signer_certificate.clone(),
    })
}

/// What comes of a hold that the relay gives to a device.
async fn given(phone: &mut Phone, wire: &PendingHold) -> Result<bool, HoldError> {
    match take_in(&mut phone.core, wire).await {
        Ok(new) => Ok(new),
        Err(CoreError::Hold(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

async fn mends(phone: &Phone) -> Vec<String> {
    let wishes = wishes(phone).await.into_iter();
    wishes.filter_map(|wish| if let Wish::Mend { user, .. } = wish { Some(user) } else { None }).collect()
}

async fn held_out_here(phone: &Phone, log: &Log) -> usize {
    let mut tx = phone.core.vault.begin("held_out").await.unwrap();
    held_out::list(&mut tx, &log.conversation).await.unwrap().len()
}

/// A device is put on hold by its person's other one, and the relay lets everything pass. Which texts it reads that were said after
/// who said them knew of the hold.
async fn reads_on(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut lost, other) = (house.phone("doctor-c").await, house.phone("doctor-c").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut lost]).await;
    let wire = says(&house, &other, &lost, house.clock.now());
    assert_eq!(given(&mut a, &wire).await, Ok(true));
    assert_eq!(given(&mut a, &wire).await, Ok(false), "once");
    in_place::arm(guard);
    log.talk(&mut a, "after", &mut [&mut b, &mut lost]).await;
    in_place::disarm(guard);
    // It goes by the statement: no list is there, and whoever has not heard of it comes to the same.
    let change = planned(&mut a, &log.conversation).await.expect("it must go");
    let by_hold = |ground: &Option<Ground>| matches!(ground, Some(Ground::Hold(_)));
    assert!(change.removes.iter().all(|(_, ground)| by_hold(&ground.ground)));
    commit(&mut log, &mut a, change, &mut [&mut b]).await;
    assert!(b.row(&log.conversation).await.held.is_none() && mends(&b).await.is_empty());
    for phone in [&a, &b] {
        assert_eq!(held_out_here(phone, &log).await, 1, "it comes back when the hold ends");
    }
    log.talk(&mut a, "and then", &mut [&mut b]).await;
    log.deliver(&mut lost).await;
    assert_eq!(b.texts(&log.conversation).await, ["after", "and then"], "nothing was lost");
    lost.texts(&log.conversation).await
}

#[tokio::test]
async fn who_has_a_hold_encrypts_nothing_to_the_device_and_takes_it_out_with_no_list_at_all() {
    assert!(reads_on("").await.is_empty());
    assert_eq!(reads_on("mutant.seal_to_revoked").await, ["after"], "the guard taken away");
}

#[tokio::test]
async fn a_hold_that_ends_by_a_list_brings_its_device_back_and_is_not_put_on_again() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut lost, other) = (house.phone("doctor-c").await, house.phone("doctor-c").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut lost]).await;
    let wire = says(&house, &other, &lost, house.clock.now());
    given(&mut a, &wire).await.unwrap();
    let change = planned(&mut a, &log.conversation).await.expect("it must go");
    commit(&mut log, &mut a, change, &mut [&mut b]).await;
    let mut lists = Lists::none(&house);
    let id = lost.core.device.id();
    lists.act(&house, RevocationKind::Held, &[id]);
    house.clock.advance_seconds(60);
    lists.act(&house, RevocationKind::Reinstated, &[id]);
    let now = house.clock.now();
    for phone in [&mut a, &mut b] {
        lists.reaches(phone).await;
        look_in(&mut phone.core, &log.conversation, now).await.unwrap();
        let back = wishes(phone).await.into_iter().any(|wish| matches!(wish, Wish::AddBack { .. }));
        assert!(back && !is_out(&phone.core.revocations, &id));
        assert_eq!(given(phone, &wire).await, Err(HoldError::Over));
    }
    in_place::arm("mutant.hold_again");
    let again = given(&mut a, &wire).await;
    in_place::disarm("mutant.hold_again");
    assert_eq!(again, Ok(true), "the guard taken away");
}

#[tokio::test]
async fn a_hold_that_was_kept_back_for_longer_than_it_lasts_puts_nobody_out() {
    let house = House::found();
    let mut a = house.phone("doctor-a").await;
    let (found, other) = (house.phone("doctor-c").await, house.phone("doctor-c").await);
    let wire = says(&house, &other, &found, house.clock.now());
    house.clock.advance_seconds(HOLD_SECONDS);
    assert_eq!(given(&mut a, &wire).await, Err(HoldError::Over));
    let late =
        says(&house, &other, &found, UtcMillis::new(house.clock.now().get() - HOLD_SECONDS * 1_000 + 1));
    assert_eq!(given(&mut a, &late).await, Ok(true), "the control");
    let mut b = house.phone("nurse-b").await;
    in_place::arm("mutant.old_hold");
    let taken = given(&mut b, &wire).await;
    in_place::disarm("mutant.old_hold");
    assert_eq!(taken, Ok(true), "the guard taken away");
}

/// A statement that does not count, by what is wrong with it, in a conversation with its victim.
async fn lie(which: &str, house: &House, m: &Phone, victim: &Phone, other: &Phone) -> PendingHold {
    let now = house.clock.now();
    match which {
        "another person's" => says(house, m, victim, now),
        "its own" => says(house, victim, victim, now),
        "forged" => {
            // The person's other device is named, and somebody else has signed.
            let honest = says(house, other, victim, now);
            let liar = says(house, m, victim, now).statement.unwrap();
            let statement = honest
                .statement
                .clone()
                .map(|one| wardline_proto::relay::SignedStatement { signature: liar.signature, ..one });
            PendingHold { statement, ..honest }
        }
        other => panic!("{other}"),
    }
}

/// What a device makes of a hold that the relay passes on: whether it goes by it.
async fn believed(which: &str, guard: &'static str) -> bool {
    let house = House::found();
    let (mut a, m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let (victim, other) = (house.phone("nurse-b").await, house.phone("nurse-b").await);
    let wire = lie(which, &house, &m, &victim, &other).await;
    in_place::arm(guard);
    let given = given(&mut a, &wire).await;
    in_place::disarm(guard);
    let out = is_out(&a.core.revocations, &victim.core.device.id());
    assert_eq!(given.is_ok(), out, "{which}: {given:?}");
    out
}

#[tokio::test]
async fn a_hold_that_the_relay_passes_on_is_judged_by_every_device_itself() {
    for which in ["another person's", "its own", "forged"] {
        assert!(!believed(which, "").await, "{which}");
        assert!(believed(which, "mutant.hold_unchecked").await, "{which}: the guard taken away");
    }
}

/// A member takes another out by a statement that does not count. Whom a third wishes back, and what is said of the liar.
async fn removes_by_a_lie(which: &str, guard: &'static str) -> (Vec<String>, Vec<String>) {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let (mut victim, other) = (house.phone("nurse-b").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut m, &mut victim]).await;
    let wire = lie(which, &house, &m, &victim, &other).await;
    let change = removal(member(&mut m, &log, &victim).await, ground(&wire));
    in_place::arm(guard);
    commit(&mut log, &mut m, change, &mut [&mut a]).await;
    in_place::disarm(guard);
    let mut tx = a.core.vault.begin("faults").await.unwrap();
    let found = faults::list(&mut tx, &log.conversation).await.unwrap();
    tx.commit().await.unwrap();
    (mends(&a).await, found.into_iter().map(|fault| fault.why).collect())
}

#[tokio::test]
async fn who_is_removed_by_a_hold_that_does_not_count_is_added_back() {
    for which in ["another person's", "its own", "forged"] {
        let (back, shown) = removes_by_a_lie(which, "").await;
        assert_eq!(
            (back, shown),
            (vec!["nurse-b".to_owned()], vec!["removed someone without the right to".to_owned()])
        );
        let (back, shown) = removes_by_a_lie(which, "mutant.any_hold_removes").await;
        assert!(back.is_empty() && shown.is_empty(), "{which}: the guard taken away");
    }
}

#[tokio::test]
async fn a_removal_by_a_responder_whom_no_list_here_names_waits_for_the_list_that_does() {
    let house = House::found();
    let (mut a, mut night) = (house.phone("doctor-a").await, house.phone("night-desk").await);
    let mut lost = house.phone("nurse-b").await;
    let mut log = Log::begin(&mut a, &mut [&mut night, &mut lost]).await;
    let mut lists = Lists::none(&house);
    lists.respond(&house, &[]);
    lists.reaches(&mut a).await;
    lists.respond(&house, &["night-desk"]);
    lists.reaches(&mut night).await;
    let wire = says(&house, &night, &lost, house.clock.now());
    let not_here = HoldError::NotPermitted { device: lost.core.device.id() };
    assert_eq!(given(&mut a, &wire).await, Err(not_here));
    assert_eq!(given(&mut night, &wire).await, Ok(true));
    let change = planned(&mut night, &log.conversation).await.expect("it must go");
    commit(&mut log, &mut night, change, &mut [&mut a]).await;
    assert!(a.row(&log.conversation).await.held.is_some() && mends(&a).await.is_empty());
    lists.reaches(&mut a).await;
    assert_eq!(given(&mut a, &wire).await, Ok(true));
    look_in(&mut a.core, &log.conversation, house.clock.now()).await.unwrap();
    assert!(a.row(&log.conversation).await.held.is_none() && mends(&a).await.is_empty());
    // One whom the list names no more takes nobody out.
    lists.respond(&house, &[]);
    let mut other = house.phone("doctor-c").await;
    log.add(&mut a, &mut [&mut other]).await;
    log.deliver(&mut night).await;
    lists.reaches(&mut a).await;
    let wire = says(&house, &night, &other, house.clock.now());
    let change = removal(member(&mut night, &log, &other).await, ground(&wire));
    commit(&mut log, &mut night, change, &mut [&mut a]).await;
    assert_eq!(mends(&a).await, ["doctor-c"]);
}
