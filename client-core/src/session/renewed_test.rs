//! Claims about what two certificates of one device leave behind: packages of the first that still come back as Welcomes, and the
//! second where a strike has ended it. Real vaults and groups; each guard taken away shows what it is for.

use std::sync::Arc;

use wardline_identity::{
    DateCheck, DeviceKey, DisplayName, IssuerAuthority, Renewal, SigningKey, Strike, SystemEntropy,
};
use wardline_proto::{
    DeviceId, in_place,
    relay::{RenewalRequest, WaitingRenewal},
};

use super::{
    refused_test::{Answers, session},
    registrar::registrar_pass,
    renewal::{Step, forget, look, renews_at},
};
use crate::{
    conversation::{
        Change,
        broken_test::{house::House, lists::Lists, ward::Log},
        join,
    },
    mls::key_package,
    vault::{mls_rows::Scope, tables::key_packages},
};

const DAY: u64 = 86_400;

/// A device was renewed, and so many days later somebody adds it by a package of the certificate before. Whether the Welcome opens.
async fn opens(guard: &'static str, days: u64) -> bool {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let (package, made) = (b.package().await, house.clock_now());
    let mut log = Log::begin(&mut a, &mut [&mut c]).await;
    {
        let core = &b.core;
        core.store.load(&core.vault, Scope::Device).await.unwrap();
        let mut tx = core.vault.begin("note").await.unwrap();
        let references = key_package::references(&core.store).unwrap();
        key_packages::insert(&mut tx, &references[0], (wardline_proto::Suite::X25519, false), made)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        core.store.forget(Scope::Device);
    }
    house.clock.advance_seconds(DAY);
    house.renews(&mut b).await;
    house.clock.advance_seconds(days * DAY);
    let (session, _relay, _home) = session(b, &Arc::new(Answers::yes()));
    in_place::arm(guard);
    forget(&session).await.unwrap();
    in_place::disarm(guard);
    let pending = a.stages(&log.conversation, Change { adds: vec![package], ..Change::default() }).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(&a, pending);
    let mut core = session.core().await;
    !join(&mut core, &log.delivery(&welcome)).await.unwrap().is_empty()
}

#[tokio::test]
async fn packages_count_until_their_certificate_ends() {
    assert!(opens("", 8).await);
    assert!(opens("", 88).await);
    assert!(!opens("", 90).await, "it has ended: nobody adds by it");
    assert!(!opens("mutant.packages_go_early", 8).await, "the guard taken away");
}

#[tokio::test]
async fn a_key_is_followed_when_the_next_has_come() {
    for guard in ["", "mutant.followed_when_asked"] {
        let house = House::found();
        let a = house.phone("doctor-a").await;
        let before = a.core.device.certificate.clone();
        house.clock.advance_seconds((renews_at(&before).get() - house.clock_now().get()) / 1_000 + 1);
        let issuer = SigningKey::from_seed(*house.issuer.key().seed());
        let issuer = IssuerAuthority::new(issuer, house.issuer.certificate_der()).unwrap();
        let (clock, subject) = (house.clock.clone(), before.subject().clone());
        let renews = move |asked: &RenewalRequest| {
            let renewal = Renewal::verify(asked, &before).unwrap();
            // The answer is long in coming.
            clock.advance_seconds(60);
            let now = wardline_identity::Clock::now(&*clock);
            issuer.certify_device(&subject, &DeviceKey::Ed25519(*renewal.key()), &SystemEntropy, now).ok()
        };
        let answers = Arc::new(Answers { renews: Box::new(renews), ..Answers::yes() });
        let (session, relay, _home) = session(a, &answers);
        in_place::arm(guard);
        assert_eq!(look(&session, &relay).await.unwrap(), Step::Renewed);
        in_place::disarm(guard);
        let since = session.core().await.device.earlier[0].since;
        assert_eq!(
            since == house.clock_now(),
            guard.is_empty(),
            "what was made meanwhile is of the key before"
        );
    }
}

/// A registrar has certified a device's next key, and the issuer that it did that with is struck. It has another since, and the device
/// asks again, for the same key or another. What the registrar hands in then, and whether that is good.
async fn after_a_strike(guard: &'static str, seed: u8) -> Option<bool> {
    let house = House::found();
    let (a, mut registrar) = (house.phone("doctor-a").await, house.administrator("admin-c").await);
    house.clock.advance_seconds(70 * DAY);
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[DeviceId::from_bytes([7; 16])]);
    lists.reaches(&mut registrar).await;
    let label = DisplayName::parse("Second").unwrap();
    let second = house.holder.found_issuer(&label, &SystemEntropy, house.clock_now()).unwrap();
    let certificate = house.issuer.certificate_der().to_vec();
    let kept = [&a, &registrar].map(|phone| phone.core.device.certificate.fingerprint()).into();
    let strike = Strike { certificate, kept, since: None };
    let list = house.holder.sign_issuers(2, &[second.certificate_der()], (&[strike], None)).unwrap();
    let struck = house.organisation.succeeded_by(&list).unwrap().unwrap();
    let asks = |seed: u8| {
        let next = SigningKey::from_seed([seed; 32]);
        let request = Renewal::ask(&a.core.device.key, &a.core.device.certificate, &next);
        let certificate = a.core.device.certificate.der().to_vec().into();
        vec![WaitingRenewal { request: Some(request), certificate }]
    };
    let answers = Arc::new(Answers::yes());
    let (session, relay, _home) = session(registrar, &answers);
    in_place::arm(guard);
    *answers.offered.lock().unwrap() = asks(1);
    registrar_pass(&session, &relay, 0).await.unwrap();
    {
        let mut core = session.core().await;
        (core.device.organisation, core.device.issuer) = (struck.clone(), Some(second));
    }
    let first = std::mem::take(&mut *answers.handed_in.lock().unwrap());
    assert_eq!(first.len(), 1);
    assert!(struck.verify_device(&first[0], DateCheck::Skip).is_err(), "it has ended with its issuer");
    *answers.offered.lock().unwrap() = asks(seed);
    registrar_pass(&session, &relay, 0).await.unwrap();
    let again = std::mem::take(&mut *answers.handed_in.lock().unwrap());
    // And the same from then on.
    registrar_pass(&session, &relay, 0).await.unwrap();
    in_place::disarm(guard);
    assert_eq!(*answers.handed_in.lock().unwrap(), again);
    again.first().map(|again| struck.verify_device(again, DateCheck::At(house.clock_now())).is_ok())
}

#[tokio::test]
async fn what_a_strike_has_ended_is_certified_again_for_the_same_key() {
    assert_eq!(after_a_strike("", 1).await, Some(true));
    assert_eq!(after_a_strike("", 2).await, None, "for another key nothing");
    assert_eq!(after_a_strike("mutant.struck_renewal_stays", 1).await, Some(false), "the guard taken away");
}
