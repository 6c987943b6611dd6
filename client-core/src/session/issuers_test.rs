//! Claims about how an issuers' list comes to a device, what a struck issuer's words are worth from then on, and what a relay does
//! that shows an older or another one. Real vaults and groups; each guard taken away shows what it is for.

use std::sync::{Arc, Mutex};

use wardline_identity::{
    CertificateError, DateCheck, DisplayName, IssuerAuthority, Organisation, RevocationList,
    RevocationRegister, StandingList, Strike, SystemEntropy,
};
use wardline_proto::{DeviceId, Digest, in_place, relay::SignedStatement};

use super::{
    Session, holds, issuers,
    keep_list::keep_list,
    refused_test::{Answers, session},
    revocation::heard,
};
use crate::{
    conversation::{
        Sealed,
        broken_test::{
            held::says,
            house::House,
            lists::Lists,
            ward::{Log, NOW, Phone},
        },
        seal,
    },
    error::CoreError,
    vault::tables::{
        intents::{self, Wish},
        relay_faults::{self, RelayFaultKind},
    },
};

/// The issuer that comes after the house's own.
fn second(house: &House) -> IssuerAuthority {
    let label = DisplayName::parse("Second").unwrap();
    house.holder.found_issuer(&label, &SystemEntropy, NOW).unwrap()
}

/// The list with this number by which the house's issuer is struck, and keeps the certificates of these.
fn strike(house: &House, number: u64, second: &IssuerAuthority, kept: &[&Phone]) -> SignedStatement {
    strike_on(house, number, second, (kept, None))
}

/// The same on top of this revocation list.
fn strike_on(
    house: &House,
    number: u64,
    second: &IssuerAuthority,
    (kept, standing): (&[&Phone], Option<StandingList>),
) -> SignedStatement {
    let kept = kept.iter().map(|phone| phone.core.device.certificate.fingerprint()).collect();
    let certificate = house.issuer.certificate_der().to_vec();
    let strike = Strike { certificate, kept, since: Some(2) };
    house.holder.sign_issuers(number, &[second.certificate_der()], (&[strike], standing)).unwrap()
}

/// The organisation by a list.
fn by(house: &House, list: &SignedStatement) -> Organisation {
    house.organisation.succeeded_by(list).unwrap().unwrap()
}

async fn number(session: &Session) -> u64 {
    session.core().await.device.organisation.issuers_number()
}

/// What a relay was caught doing: kind and number.
async fn caught(session: &Session) -> Vec<(RelayFaultKind, u64)> {
    let core = session.core().await;
    let mut tx = core.vault.begin("caught").await.unwrap();
    let found = relay_faults::of_all(&mut tx).await.unwrap();
    found.into_iter().map(|fault| (fault.kind, fault.number)).collect()
}

#[tokio::test]
async fn a_newer_list_is_in_use_at_once_and_a_guard_taken_away_would_miss_it() {
    for (guard, expected) in [("", 2), ("mutant.issuers_later", 1)] {
        let house = House::found();
        let (a, second) = (house.phone("doctor-a").await, second(&house));
        let list = strike(&house, 2, &second, &[&a]);
        let (session, _, _home) = session(a, &Arc::new(Answers::yes()));
        in_place::arm(guard);
        issuers::heard(&session, &list, 1).await.unwrap();
        in_place::disarm(guard);
        assert_eq!(number(&session).await, expected, "{guard:?}");
        let newly = house.phone("nurse-b").await;
        let judged = session
            .core()
            .await
            .device
            .organisation
            .verify_device(newly.core.device.certificate.der(), DateCheck::Skip);
        assert_eq!(judged.err() == Some(CertificateError::IssuerStruck), guard.is_empty(), "{guard:?}");
        assert!(caught(&session).await.is_empty());
    }
}

/// What a device that has list 2 notes when its relay says this.
async fn told(
    guard: &'static str,
    list: fn(&House, &IssuerAuthority) -> SignedStatement,
) -> Vec<(RelayFaultKind, u64)> {
    let house = House::found();
    let (a, second) = (house.phone("doctor-a").await, second(&house));
    let first = strike(&house, 2, &second, &[&a]);
    let (session, _, _home) = session(a, &Arc::new(Answers::yes()));
    issuers::heard(&session, &first, 1).await.unwrap();
    in_place::arm(guard);
    issuers::heard(&session, &list(&house, &second), 2).await.unwrap();
    in_place::disarm(guard);
    assert_eq!(number(&session).await, 2, "{guard:?}");
    caught(&session).await
}

#[tokio::test]
async fn an_older_list_another_and_one_that_brings_somebody_back_are_refused_and_named() {
    let older: fn(&House, &IssuerAuthority) -> SignedStatement =
        |house, _| house.organisation.issuers_statement().clone();
    assert_eq!(told("", older).await, [(RelayFaultKind::LowerList, 2)]);
    assert!(told("mutant.older_issuers", older).await.is_empty(), "the guard taken away");
    let another: fn(&House, &IssuerAuthority) -> SignedStatement =
        |house, second| house.holder.sign_issuers_list(2, &[second.certificate_der()]).unwrap();
    let elsewhere: fn(&House, &IssuerAuthority) -> SignedStatement =
        |_, second| House::found().holder.sign_issuers_list(3, &[second.certificate_der()]).unwrap();
    let back: fn(&House, &IssuerAuthority) -> SignedStatement =
        |house, _| house.holder.sign_issuers_list(3, &[house.issuer.certificate_der()]).unwrap();
    for list in [another, elsewhere, back] {
        assert_eq!(told("", list).await, [(RelayFaultKind::FalseIssuers, 2)]);
        assert!(told("mutant.false_issuers", list).await.is_empty(), "the guard taken away");
    }
}

#[tokio::test]
async fn a_list_that_comes_late_on_a_stream_is_no_lie() {
    let house = House::found();
    let (a, second) = (house.phone("doctor-a").await, second(&house));
    let (two, three) = (strike(&house, 2, &second, &[&a]), strike(&house, 3, &second, &[&a]));
    let (session, _, _home) = session(a, &Arc::new(Answers::yes()));
    for list in [&three, &two] {
        issuers::heard(&session, list, 1).await.unwrap();
    }
    assert_eq!((number(&session).await, caught(&session).await), (3, Vec::new()));
}

#[tokio::test]
async fn a_struck_issuers_list_is_adopted_if_it_is_the_one_that_stands_and_a_newer_one_is_the_relays_lie() {
    for (guard, adopted) in [("", 1), ("mutant.any_list_stands", 2)] {
        let house = House::found();
        let (a, second) = (house.phone("doctor-a").await, second(&house));
        let mut lists = Lists::none(&house);
        lists.revoke(&house, &[DeviceId::from_bytes([7; 16])]);
        let before = lists.signed();
        house.clock.advance_seconds(1);
        lists.sign_again(&house);
        let standing = RevocationList::stored(lists.signed()).unwrap();
        let list = strike_on(&house, 2, &second, (&[&a], Some(StandingList::from(&standing))));
        let shown = Arc::new(Answers { lists: Mutex::new(Some(lists.copy())), ..Answers::yes() });
        let (session, relay, _home) = session(a, &shown);
        // Who comes new has the list that stands.
        issuers::heard(&session, &list, 1).await.unwrap();
        heard(&session, &relay, lists.signed()).await.unwrap();
        assert_eq!(session.core().await.revocations.number(), 1);
        // One that was in force before it comes late on a stream: that is no lie.
        heard(&session, &relay, before).await.unwrap();
        assert!(caught(&session).await.is_empty());
        // What the struck issuer signs after it is nobody's.
        lists.revoke(&house, &[DeviceId::from_bytes([8; 16])]);
        *shown.lists.lock().unwrap() = Some(lists.copy());
        in_place::arm(guard);
        heard(&session, &relay, lists.signed()).await.unwrap();
        in_place::disarm(guard);
        assert_eq!(session.core().await.revocations.number(), adopted, "{guard:?}");
        let lies = caught(&session).await;
        let blamed: &[_] = if guard.is_empty() { &[(RelayFaultKind::FalseList, 1)] } else { &[] };
        assert_eq!(
            lies, blamed,
            "no honest relay takes a strike without naming the list that it has: {guard:?}"
        );
    }
}

#[tokio::test]
async fn a_list_that_goes_by_another_list_of_issuers_is_not_adopted_and_shown() {
    for (guard, adopted) in [("", 0), ("mutant.other_issuers_named", 1)] {
        let house = House::found();
        let (a, second) = (house.phone("doctor-a").await, second(&house));
        let here = strike(&house, 2, &second, &[&a]);
        let there = by(&house, &house.holder.sign_issuers_list(2, &[second.certificate_der()]).unwrap());
        let (session, relay, _home) = session(a, &Arc::new(Answers::yes()));
        issuers::heard(&session, &here, 1).await.unwrap();
        let register = RevocationRegister::new(house.organisation.id());
        let signed = register.sign_next(&second, &there, &[], NOW).unwrap();
        in_place::arm(guard);
        let adoption = super::revocation::adopt(&session, signed.clone(), &[]).await;
        in_place::disarm(guard);
        assert_eq!(adoption.is_ok(), !guard.is_empty());
        assert_eq!(session.core().await.revocations.number(), adopted, "{guard:?}");
        if guard.is_empty() {
            heard(&session, &relay, signed).await.unwrap();
            // It has a higher number than the one here: it is asked for, and this relay shows none.
            assert!(caught(&session).await.is_empty());
            super::revocation::adopt(
                &session,
                register.sign_next(&second, &by(&house, &here), &[], NOW).unwrap(),
                &[],
            )
            .await
            .unwrap();
            let again = register.sign_next(&second, &there, &[], NOW.plus_seconds(1)).unwrap();
            heard(&session, &relay, again).await.unwrap();
            assert_eq!(caught(&session).await, [(RelayFaultKind::FalseIssuers, 2)]);
        }
    }
}

#[tokio::test]
async fn an_issuer_signs_a_struck_ones_list_again_at_once() {
    for (guard, signed) in [("", 1), ("mutant.orphaned_list", 0)] {
        let house = House::found();
        let (mut a, second) = (house.phone("office-b").await, second(&house));
        let list = strike(&house, 2, &second, &[&a]);
        let signed_by = list.clone();
        let key = wardline_identity::SigningKey::from_seed(*second.key().seed());
        a.core.device.issuer = IssuerAuthority::new(key, second.certificate_der()).ok();
        let mut lists = Lists::none(&house);
        lists.revoke(&house, &[DeviceId::from_bytes([7; 16])]);
        let shown = Arc::new(Answers { lists: Mutex::new(Some(lists.copy())), ..Answers::yes() });
        let (session, relay, _home) = session(a, &shown);
        heard(&session, &relay, lists.signed()).await.unwrap();
        issuers::heard(&session, &list, 1).await.unwrap();
        in_place::arm(guard);
        let _ = keep_list(&session, &relay).await;
        in_place::disarm(guard);
        let published = shown.published.lock().unwrap();
        assert_eq!(published.len(), signed, "{guard:?}");
        for request in published.iter() {
            let list = request.list.as_ref().unwrap();
            assert_eq!(list.signer, Digest::of(second.certificate_der()).to_wire());
            let verified = by(&house, &signed_by).verify_revocation_list(list, NOW).unwrap();
            assert_eq!(verified.number(), 1);
        }
    }
}

/// Who is on hold here by a device whose issuer was struck since, and that is kept or not; and how many holds are in the vault.
async fn held(kept: bool, guard: &'static str) -> (bool, usize) {
    let house = House::found();
    let (a, second) = (house.phone("doctor-a").await, second(&house));
    let (phone, tablet) = (house.phone("nurse-b").await, house.phone("nurse-b").await);
    let list = match kept {
        true => strike(&house, 2, &second, &[&a, &phone, &tablet]),
        false => strike(&house, 2, &second, &[&a, &tablet]),
    };
    let (session, _, _home) = session(a, &Arc::new(Answers::yes()));
    let wire = says(&house, &phone, &tablet, NOW);
    assert!(holds::take_in(&mut *session.core().await, &wire).await.unwrap());
    in_place::arm(guard);
    issuers::heard(&session, &list, 1).await.unwrap();
    in_place::disarm(guard);
    let core = session.core().await;
    let out = core.revocations.standing(&tablet.core.device.id(), NOW).is_out();
    let mut tx = core.vault.begin("look").await.unwrap();
    let stored = crate::vault::tables::holds::load(&mut tx).await.unwrap().len();
    tx.commit().await.unwrap();
    (out, stored)
}

#[tokio::test]
async fn a_hold_whose_signer_is_no_longer_good_ends_here_too() {
    assert_eq!(held(false, "").await, (false, 0));
    assert_eq!(held(true, "").await, (true, 1), "the control: its signer is kept");
    assert_eq!(held(false, "mutant.struck_holds").await, (true, 1), "the guard taken away");
}

#[tokio::test]
async fn an_issuer_that_was_struck_signs_nothing_here() {
    let house = House::found();
    let (a, second) = (house.administrator("office-a").await, second(&house));
    let list = strike(&house, 2, &second, &[&a]);
    let (session, _, _home) = session(a, &Arc::new(Answers::yes()));
    assert!(session.core().await.device.issuing().is_some(), "the control: before the strike");
    issuers::heard(&session, &list, 1).await.unwrap();
    assert!(session.core().await.device.issuing().is_none());
}

#[tokio::test]
async fn a_device_whose_own_certificate_is_not_kept_goes_on_reading_by_the_list_before() {
    let house = House::found();
    let (a, second) = (house.phone("doctor-a").await, second(&house));
    let list = strike(&house, 2, &second, &[]);
    let (session, _, _home) = session(a, &Arc::new(Answers::yes()));
    let refused = issuers::heard(&session, &list, 1).await.unwrap_err();
    assert!(matches!(refused, CoreError::Relay(_)), "{refused:?}");
    assert_eq!(number(&session).await, 1);
}

/// Two in a conversation, of whom the second is not kept: whether the first still encrypts to it, and what it wishes for.
async fn not_kept(guard: &'static str) -> (bool, Vec<Wish>) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("locum-c").await;
    let log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let second = second(&house);
    let list = strike(&house, 2, &second, &[&a, &c]);
    a.say(&log.conversation, "for whom").await;
    let (session, _, _home) = session(a, &Arc::new(Answers::yes()));
    in_place::arm(guard);
    issuers::heard(&session, &list, 1).await.unwrap();
    in_place::disarm(guard);
    let mut core = session.core().await;
    let mut tx = core.vault.begin("look").await.unwrap();
    let wishes = intents::open(&mut tx).await.unwrap().into_iter().map(|open| open.wish).collect();
    let waiting = crate::vault::tables::outbox::list(&mut tx).await.unwrap().remove(0);
    tx.commit().await.unwrap();
    let sealed = seal(&mut core, &waiting).await.unwrap();
    (matches!(sealed, Sealed::Ready { .. }), wishes)
}

#[tokio::test]
async fn nothing_is_encrypted_to_a_certificate_that_was_not_kept_and_its_leaf_is_put_out() {
    let (encrypts, wishes) = not_kept("").await;
    assert!(!encrypts && wishes.contains(&Wish::Correct), "{wishes:?}");
    let (encrypts, wishes) = not_kept("mutant.struck_stay_in").await;
    assert!(encrypts && !wishes.contains(&Wish::Correct), "the guard taken away");
}

/// The list that a device goes by when it has a commit before it that names a higher one.
async fn named(guard: &'static str) -> u64 {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, second) = (house.phone("doctor-c").await, second(&house));
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let list = strike(&house, 2, &second, &[&a, &b, &c]);
    a.core.device.organisation = by(&house, &list);
    log.add(&mut a, &mut [&mut c]).await;
    let commit = log.entries.last().unwrap().clone();
    let organisation = Some(a.core.device.organisation.to_wire());
    let (session, relay, _home) = session(b, &Arc::new(Answers { organisation, ..Answers::yes() }));
    in_place::arm(guard);
    super::revocation::named(&session, &relay, &commit).await.unwrap();
    in_place::disarm(guard);
    number(&session).await
}

#[tokio::test]
async fn a_commit_is_judged_by_no_older_list_of_issuers_than_it_names() {
    assert_eq!(named("").await, 2);
    assert_eq!(named("mutant.issuers_unheard").await, 1, "the guard taken away");
}

/// Whether an administrator is shown who asks to be one, so many hours after the list of revoked devices was signed.
async fn asked_after(hours: u64, guard: &'static str) -> bool {
    let house = House::found();
    let a = house.administrator("office").await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[DeviceId::from_bytes([7; 16])]);
    let shown = Arc::new(Answers { lists: Mutex::new(Some(lists.copy())), ..Answers::yes() });
    let (session, relay, _home) = session(a, &shown);
    heard(&session, &relay, lists.signed()).await.unwrap();
    house.clock.advance_seconds(hours * 3_600);
    in_place::arm(guard);
    let listed = super::administrators::requests(&session, &relay).await;
    in_place::disarm(guard);
    listed.is_ok()
}

#[tokio::test]
async fn nobody_is_made_an_administrator_by_a_list_of_revoked_devices_that_is_too_old() {
    assert!(asked_after(71, "").await, "the control");
    assert!(!asked_after(73, "").await);
    assert!(asked_after(73, "mutant.requests_by_outlived_list").await, "the guard taken away");
}
