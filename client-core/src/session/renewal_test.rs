//! Claims about the next certificate of a device: when it is asked for, what is taken for it, how what it is used for follows, and
//! what a registrar certifies. Real vaults and groups; each guard taken away shows what it is for.

use std::sync::Arc;

use prost::Message as _;
use wardline_identity::{
    Clock as _, DateCheck, DeviceCertificate, DisplayName, P256SigningKey, PublicKey, Renewal, SigningKey,
    SystemEntropy, certificate_request,
};
use wardline_proto::{
    DeviceId, in_place,
    relay::{CertificateRenewal, RelayRenewal, RenewalRequest, WaitingRenewal},
};

use super::{
    Session,
    open::load_device,
    refused_test::{Answers, session},
    registrar::registrar_pass,
    renewal::{Step, follow, forget, look, renews_at},
};
use crate::{
    conversation::{
        Change, Core,
        broken_test::{
            house::House,
            lists::Lists,
            ward::{Log, Phone},
        },
    },
    error::CoreError,
    vault::tables::intents::{self, Wish},
};

const DAY: u64 = 86_400;

/// The key that a request is for.
fn asked_key(asked: &RenewalRequest) -> PublicKey {
    let said = CertificateRenewal::decode(asked.renewal.as_ref().unwrap().body.clone()).unwrap();
    PublicKey::try_from(said.public_key.as_ref()).unwrap()
}

/// A relay whose registrar certifies at once.
fn certifies(house: &House, of: &DeviceCertificate) -> Arc<Answers> {
    let (of, clock) = (of.clone(), house.clock.clone());
    let issuer = wardline_identity::IssuerAuthority::new(
        SigningKey::from_seed(*house.issuer.key().seed()),
        house.issuer.certificate_der(),
    );
    let issuer = issuer.unwrap();
    let renews = move |asked: &RenewalRequest| {
        let key = wardline_identity::DeviceKey::Ed25519(asked_key(asked));
        issuer.certify_device(of.subject(), &key, &SystemEntropy, clock.now()).ok()
    };
    Arc::new(Answers { renews: Box::new(renews), ..Answers::yes() })
}

async fn certificate(session: &Session) -> DeviceCertificate {
    session.core().await.device.certificate.clone()
}

#[tokio::test]
async fn it_is_asked_for_in_the_last_third_once_and_is_there_after_a_restart() {
    let house = House::found();
    let a = house.phone("doctor-a").await;
    let before = a.core.device.certificate.clone();
    let waits = Arc::new(Answers::yes());
    let (session, relay, _home) = session(a, &waits);
    let at = renews_at(&before);
    let (days, ends) = (at.get() - before.not_before().get(), before.not_after().get());
    assert!(days >= 60 * DAY * 1_000 && at.get() + 25 * DAY * 1_000 - 3_600_000 <= ends, "day 60 to 65");
    house.clock.advance_seconds((at.get() - house.clock.now().get()) / 1_000 - 1);
    assert_eq!(look(&session, &relay).await.unwrap(), Step::Nothing);
    assert!(waits.renewals.lock().unwrap().is_empty());
    house.clock.advance_seconds(2);
    for _ in 0..2 {
        assert_eq!(look(&session, &relay).await.unwrap(), Step::Asked);
    }
    let asked = waits.renewals.lock().unwrap().clone();
    assert_eq!(asked[0], asked[1], "the key was kept before it was asked for");
    Renewal::verify(&asked[0], &before).expect("what a relay and a registrar check");

    let issues: Arc<dyn crate::relay::Relay> = certifies(&house, &before);
    assert_eq!(look(&session, &issues).await.unwrap(), Step::Renewed);
    let next = certificate(&session).await;
    assert_eq!(next.as_member().unwrap(), asked_key(&asked[0]));
    let core = session.core().await;
    let stored = load_device(&core.vault, &*core.clock).await.unwrap();
    assert_eq!((stored.certificate, stored.key.public()), (next, asked_key(&asked[0])));
    assert_eq!(stored.earlier.len(), 1);
    assert_eq!(stored.earlier[0].certificate, before, "the one before stays");
    drop(core);
    assert_eq!(look(&session, &issues).await.unwrap(), Step::Nothing, "not again");
}

/// What a device does with what the relay says is its next certificate.
async fn offered(guard: &'static str, alter: fn(&House, &DeviceCertificate, PublicKey) -> Vec<u8>) -> Step {
    let house = Arc::new(House::found());
    let a = house.phone("doctor-a").await;
    let before = a.core.device.certificate.clone();
    let (lies, of) = (house.clone(), before.clone());
    let renews = move |asked: &RenewalRequest| Some(alter(&lies, &of, asked_key(asked)));
    let answers = Arc::new(Answers { renews: Box::new(renews), ..Answers::yes() });
    let (session, relay, _home) = session(a, &answers);
    house.clock.advance_seconds(70 * DAY);
    in_place::arm(guard);
    let step = look(&session, &relay).await.unwrap();
    in_place::disarm(guard);
    assert_eq!(certificate(&session).await == before, step != Step::Renewed);
    step
}

#[tokio::test]
async fn a_relay_that_hands_out_another_certificate_is_not_believed() {
    let honest: fn(&House, &DeviceCertificate, PublicKey) -> Vec<u8> =
        |house, of, key| house.certifies_next(of, &key);
    assert_eq!(offered("", honest).await, Step::Renewed, "the control");
    let other_key: fn(&House, &DeviceCertificate, PublicKey) -> Vec<u8> =
        |house, of, _| house.certifies_next(of, &SigningKey::generate(&SystemEntropy).unwrap().public());
    let another: fn(&House, &DeviceCertificate, PublicKey) -> Vec<u8> = |house, of, key| {
        let mut subject = of.subject().clone();
        subject.user = wardline_identity::UserId::parse("nurse-b").unwrap();
        let key = wardline_identity::DeviceKey::Ed25519(key);
        house.issuer.certify_device(&subject, &key, &SystemEntropy, house.clock.now()).unwrap()
    };
    let nobodys: fn(&House, &DeviceCertificate, PublicKey) -> Vec<u8> =
        |_, of, key| House::found().certifies_next(of, &key);
    for alter in [other_key, another] {
        assert_eq!(offered("", alter).await, Step::Asked);
        assert_eq!(offered("mutant.renewed_unchecked", alter).await, Step::Renewed, "the guard taken away");
    }
    assert_eq!(offered("", nobodys).await, Step::Asked);
}

#[tokio::test]
async fn a_device_speaks_with_its_old_key_until_its_leaf_has_followed() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    house.renews(&mut a).await;
    log.talk(&mut a, "by the old leaf", &mut [&mut b]).await;
    log.talk(&mut b, "to it", &mut [&mut a]).await;
    let pending = a.stages(&log.conversation, Change::default()).await;
    log.commit(&a, pending);
    log.deliver(&mut a).await;
    log.deliver(&mut b).await;
    log.talk(&mut a, "by the new one", &mut [&mut b]).await;
    log.talk(&mut b, "to that", &mut [&mut a]).await;
    let said = ["by the old leaf", "to it", "by the new one", "to that"];
    for phone in [&a, &b] {
        assert_eq!(phone.texts(&log.conversation).await, said);
        assert!(phone.row(&log.conversation).await.held.is_none());
    }
    for phone in [&a, &b] {
        let leaves = phone.core.groups[&log.conversation].roster();
        assert!(leaves.iter().any(|leaf| leaf.certificate_der == a.core.device.certificate.der()));
        assert!(leaves.iter().all(|leaf| leaf.certificate_der != a.core.device.earlier[0].certificate.der()));
    }
    // Without the guard it speaks with a key that its leaf does not have.
    house.renews(&mut a).await;
    let message = a.say(&log.conversation, "by the newest").await;
    let row = a.outbox().await.into_iter().find(|row| row.message == message).unwrap();
    in_place::arm("mutant.newest_voice");
    let sealed = crate::conversation::seal(&mut a.core, &row).await;
    in_place::disarm("mutant.newest_voice");
    assert!(matches!(sealed, Err(CoreError::Mls(_))), "nobody would accept it");
}

async fn wishes(core: &Core) -> usize {
    let mut tx = core.vault.begin("wishes").await.unwrap();
    intents::open(&mut tx).await.unwrap().iter().filter(|open| open.wish == Wish::RenewLeaf).count()
}

/// A device in two conversations has a new certificate; its leaf has followed in one or both. The keys it has when
/// the certificate of the first has ended.
async fn keys_left(guard: &'static str, both: bool) -> usize {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut logs = [Log::begin(&mut a, &mut [&mut b]).await, Log::begin(&mut a, &mut [&mut b]).await];
    house.renews(&mut a).await;
    for log in logs.iter_mut().take(if both { 2 } else { 1 }) {
        let pending = a.stages(&log.conversation, Change::default()).await;
        log.commit(&a, pending);
        log.deliver(&mut a).await;
    }
    let (session, _relay, _home) = session(a, &Arc::new(Answers::yes()));
    house.clock.advance_seconds(89 * DAY);
    forget(&session).await.unwrap();
    assert_eq!(session.core().await.device.earlier.len(), 1, "packages of it may come yet");
    house.clock.advance_seconds(2 * DAY);
    in_place::arm(guard);
    forget(&session).await.unwrap();
    in_place::disarm(guard);
    let core = session.core().await;
    let stored = load_device(&core.vault, &*core.clock).await.unwrap();
    assert_eq!(stored.earlier.len(), core.device.earlier.len(), "as the vault has it");
    stored.earlier.len()
}

#[tokio::test]
async fn the_old_key_is_destroyed_when_nothing_uses_it() {
    assert_eq!(keys_left("", false).await, 1, "a leaf is of it");
    assert_eq!(keys_left("", true).await, 0);
    assert_eq!(keys_left("mutant.key_goes_early", false).await, 0, "the guard taken away");
}

#[tokio::test]
async fn each_leaf_that_is_behind_is_wished_to_follow_once() {
    for (guard, expected) in [("", 2), ("mutant.leaves_stay", 0)] {
        let house = House::found();
        let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
        for _ in 0..2 {
            Log::begin(&mut a, &mut [&mut b]).await;
        }
        house.renews(&mut a).await;
        let (session, _relay, _home) = session(a, &Arc::new(Answers::yes()));
        in_place::arm(guard);
        for _ in 0..2 {
            follow(&session).await.unwrap();
        }
        in_place::disarm(guard);
        assert_eq!(wishes(&*session.core().await).await, expected, "{guard}");
    }
}

/// What a registrar hands in for what the relay offers it, twice.
async fn handed_in(
    guard: &'static str,
    out: bool,
    offers: fn(&Phone, &SigningKey) -> RenewalRequest,
) -> Vec<bytes::Bytes> {
    let house = House::found();
    let (a, mut registrar) = (house.phone("doctor-a").await, house.administrator("admin-c").await);
    house.clock.advance_seconds(70 * DAY);
    let mut lists = Lists::none(&house);
    let named = if out { a.core.device.id() } else { DeviceId::from_bytes([7; 16]) };
    lists.revoke(&house, &[named]);
    lists.reaches(&mut registrar).await;
    let answers = Arc::new(Answers::yes());
    let (session, relay, _home) = session(registrar, &answers);
    in_place::arm(guard);
    let keys =
        [SigningKey::from_seed([1; 32]), SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32])];
    for key in keys {
        let certificate = a.core.device.certificate.der().to_vec().into();
        let offered = WaitingRenewal { request: Some(offers(&a, &key)), certificate };
        *answers.offered.lock().unwrap() = vec![offered];
        registrar_pass(&session, &relay, 0).await.unwrap();
    }
    in_place::disarm(guard);
    std::mem::take(&mut *answers.handed_in.lock().unwrap())
}

#[tokio::test]
async fn a_registrar_renews_once_who_is_in_force_and_asks() {
    let honest: fn(&Phone, &SigningKey) -> RenewalRequest =
        |phone, next| Renewal::ask(&phone.core.device.key, &phone.core.device.certificate, next);
    let certified = handed_in("", false, honest).await;
    assert_eq!(certified.len(), 2, "nothing for another key");
    assert_eq!(certified[0], certified[1], "and the same again for the same");
    assert_eq!(handed_in("mutant.registrar_renews_twice", false, honest).await.len(), 3);
    assert!(handed_in("", true, honest).await.is_empty(), "it is revoked");
    assert_eq!(handed_in("mutant.registrar_renews_out", true, honest).await.len(), 2);
    // The relay puts another key into it.
    let altered: fn(&Phone, &SigningKey) -> RenewalRequest = |phone, next| {
        let thief = SigningKey::from_seed([9; 32]);
        Renewal::ask(&thief, &phone.core.device.certificate, next)
    };
    assert!(handed_in("", false, altered).await.is_empty());
    assert_eq!(handed_in("mutant.renewal_by_anybody", false, altered).await.len(), 2);
}

/// What a registrar hands in for a relay that asks so many days after its founding: with another key than its own, or of a registrar
/// whose issuer is as old as the relay.
async fn relay_certified(
    guard: &'static str,
    days: u64,
    (swap, old): (bool, bool),
) -> Vec<wardline_proto::relay::IssueRelayCertificatesRequest> {
    let house = House::found();
    let mut registrar = house.administrator("admin-c").await;
    let (relays, thief) = (SigningKey::from_seed([3; 32]), SigningKey::from_seed([4; 32]));
    let p256 = P256SigningKey::generate(&SystemEntropy).unwrap();
    let requests = [certificate_request(&relays).unwrap(), p256.certificate_request().unwrap()];
    let certify = |request: &[u8]| {
        let addresses = ["relay.example.org:443".to_owned(), "[::1]:7443".to_owned()];
        house.issuer.certify_relay(request, &addresses, &SystemEntropy, house.clock_now()).unwrap().into()
    };
    let mut asks = RelayRenewal {
        certificate_ed25519: certify(&requests[0]),
        certificate_p256: certify(&requests[1]),
        request_ed25519: requests[0].clone().into(),
        request_p256: requests[1].clone().into(),
    };
    if swap {
        asks.request_ed25519 = certificate_request(&thief).unwrap().into();
    }
    house.clock.advance_seconds(days * DAY);
    // Another issuer by then: the first one ends with the relay's certificates.
    let label = DisplayName::parse("Second").unwrap();
    let second = house.holder.found_issuer(&label, &SystemEntropy, house.clock_now()).unwrap();
    let listed = [house.issuer.certificate_der(), second.certificate_der()];
    let list = house.holder.sign_issuers_list(2, &listed).unwrap();
    let organisation = house.organisation.succeeded_by(&list).unwrap().unwrap();
    registrar.core.device.organisation = organisation.clone();
    if !old {
        registrar.core.device.issuer = Some(second);
    }
    let hosts =
        organisation.verify_relay(&asks.certificate_ed25519, DateCheck::Skip).unwrap().hosts().to_vec();
    let answers = Arc::new(Answers::yes());
    *answers.asks.lock().unwrap() = Some(asks);
    let (session, relay, _home) = session(registrar, &answers);
    in_place::arm(guard);
    registrar_pass(&session, &relay, 0).await.unwrap();
    in_place::disarm(guard);
    let certified = answers.relay_certified.lock().unwrap().clone();
    for one in certified.iter().flat_map(|one| [&one.certificate_ed25519, &one.certificate_p256]) {
        let next = organisation.verify_relay(one, DateCheck::At(house.clock_now())).unwrap();
        assert_eq!(next.hosts(), hosts, "the same names");
    }
    certified
}

#[tokio::test]
async fn a_registrar_certifies_the_relay_again_for_its_own_keys_and_names() {
    assert!(relay_certified("", 200, (false, false)).await.is_empty(), "not yet");
    assert_eq!(relay_certified("", 300, (false, false)).await.len(), 1);
    assert!(
        relay_certified("", 300, (false, true)).await.is_empty(),
        "by an issuer that ends with it nothing"
    );
    assert!(relay_certified("", 300, (true, false)).await.is_empty(), "for another key nothing");
    assert_eq!(
        relay_certified("mutant.relay_key_swapped", 300, (true, false)).await.len(),
        1,
        "the guard taken away"
    );
}
