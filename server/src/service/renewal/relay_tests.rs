//! Claims about the relay's own next certificates: asked for in time, taken if they are what was asked for, in greetings and on disk
//! from then on. Each attack has its control.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tonic::Status;
use wardline_identity::{
    DateCheck, DisplayName, IssuerAuthority, RecordAct, RecordEntry, RevocationAct, RevocationKind, Role,
};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::registrar_service_server::RegistrarService as _;
use wardline_proto::relay::renewal_service_server::RenewalService as _;
use wardline_proto::relay::{
    IssueRelayCertificatesRequest, ListEnrolmentsRequest, RelayBundle, RelayRenewal,
};
use wardline_proto::{Digest, UtcMillis};

use super::Renewals;
use super::tests::know;
use crate::domain::record::RecordView as _;
use crate::founded::{Founded, Installation, from_device, reason};
use crate::service::greeting;
use crate::service::registrar::Registrar;
use crate::state::Relay;
use crate::store::StoreError;

const DAY: u64 = 86_400;

struct Office {
    founded: Founded,
    relay: Arc<Relay>,
    calls: Renewals,
    second: IssuerAuthority,
}

impl Office {
    /// So many days after the founding.
    async fn open_after(days: u64) -> Self {
        Self::open(days, days).await
    }

    /// The same; the other issuer is there since so many days after it.
    async fn open(issuer_days: u64, days: u64) -> Self {
        let mut founded = Founded::new();
        // Another issuer by then: the first one ends with the relay's certificates.
        let label = DisplayName::parse("Second").unwrap();
        let later = founded.clock_now().plus_seconds(issuer_days * DAY);
        let second = founded.root.found_issuer(&label, &founded.entropy, later).unwrap();
        let mut bundle = founded.bundle(2);
        let listed = [founded.issuer.certificate_der(), second.certificate_der()];
        let list = founded.root.sign_issuers_list(2, &listed).unwrap();
        bundle.organisation.as_mut().unwrap().issuers = Some(list);
        founded.write_bundle(&bundle);
        let relay = founded.relay().await;
        founded.clock.advance_seconds(days * DAY);
        founded.founder = founded.certify_later_as("admin-b", Role::Administrator);
        know(&founded, &relay, &founded.founder).await;
        Self { calls: Renewals::new(Arc::clone(&relay)), founded, relay, second }
    }

    async fn offered(&self) -> Option<RelayRenewal> {
        let registrar = Registrar::new(Arc::clone(&self.relay));
        let request = from_device(ListEnrolmentsRequest::default(), &self.founded, &self.founded.founder);
        registrar.list_enrolments(request).await.unwrap().into_inner().relay_renewal
    }

    /// What an honest issuer makes of an offer, but for the requests and the address.
    fn certifies(&self, ed25519: &[u8], p256: &[u8], address: &str) -> IssueRelayCertificatesRequest {
        let (issuer, now) = (&self.second, self.founded.clock_now());
        let certify = |request: &[u8]| {
            let addresses = [address.to_owned()];
            issuer.certify_relay(request, &addresses, &self.founded.entropy, now).unwrap().into()
        };
        IssueRelayCertificatesRequest {
            certificate_ed25519: certify(ed25519),
            certificate_p256: certify(p256),
            issuer: issuer.certificate_der().to_vec().into(),
        }
    }

    fn honest(&self, offer: &RelayRenewal) -> IssueRelayCertificatesRequest {
        self.certifies(&offer.request_ed25519, &offer.request_p256, "127.0.0.1:7443")
    }

    async fn issues_by(
        &self,
        by: &Installation,
        request: IssueRelayCertificatesRequest,
    ) -> Result<(), Status> {
        self.calls.issue_relay_certificates(from_device(request, &self.founded, by)).await.map(drop)
    }

    async fn issues(&self, request: IssueRelayCertificatesRequest) -> Result<(), Status> {
        self.issues_by(&self.founded.founder, request).await
    }
}

/// Who has handed in which of the relay's certificates, by its record.
async fn recorded(relay: &Relay) -> Vec<RecordAct> {
    let read = relay
        .store
        .read("read_record", |tx| Box::pin(async move { tx.record_entries(0, None, 100, usize::MAX).await }));
    let entries = read.await.map_err(|error: StoreError| error).unwrap();
    let acts = entries.into_iter().map(|one| RecordEntry::read(&one.entry).unwrap().act);
    acts.filter(|act| matches!(act, RecordAct::RelayCertified { .. })).collect()
}

fn why(outcome: Result<(), Status>) -> String {
    outcome.err().map(|status| reason(&status)).unwrap_or_default()
}

#[tokio::test]
async fn the_relay_asks_in_the_last_third_and_shows_what_it_gets_on_disk_too() {
    assert!(Office::open_after(200).await.offered().await.is_none());
    let office = Office::open_after(300).await;
    let offer = office.offered().await.unwrap();
    let next = office.honest(&offer);
    for _ in 0..2 {
        office.issues(next.clone()).await.expect("also when they are handed in again");
    }
    assert!(office.offered().await.is_none());
    let act = RecordAct::RelayCertified {
        certificates: [Digest::of(&next.certificate_ed25519), Digest::of(&next.certificate_p256)],
        issuer: Digest::of(&next.issuer),
        by: office.founded.founder.device,
    };
    assert_eq!(recorded(&office.relay).await, [act], "once");
    let greeting = greeting::of(&office.relay).await.unwrap();
    assert_eq!(greeting.relay_certificate, next.certificate_ed25519);
    let (organisation, now) = (office.relay.organisation.now(), office.founded.clock_now());
    let label = wardline_identity::StatementLabel::RelayTime;
    let time = greeting.time.unwrap();
    organisation.verify_relay_statement(label, &greeting.relay_certificate, &time, now).unwrap();
    // After a restart, and beyond the first ones' end.
    let bundle = std::fs::read(office.founded.data().bundle()).unwrap();
    let bundle = RelayBundle::decode(bundle.as_slice()).unwrap();
    assert_eq!(bundle.relay_certificate_p256, next.certificate_p256);
    office.founded.clock.advance_seconds(80 * DAY);
    let store = crate::store::Store::open(&office.founded.data().database()).await.unwrap();
    let again = office.founded.relay_over(store).await;
    assert_eq!(again.identity.certificate(), next.certificate_ed25519);
}

#[tokio::test]
async fn a_certificate_for_another_key_host_role_or_organisation_is_refused() {
    let office = Office::open_after(300).await;
    let offer = office.offered().await.unwrap();
    let other_key = wardline_identity::certificate_request(&office.founded.founder.key).unwrap();
    let attacks = [
        office.certifies(&other_key, &offer.request_p256, "127.0.0.1:7443"),
        office.certifies(&offer.request_ed25519, &offer.request_p256, "127.0.0.2:7443"),
    ];
    for attack in &attacks {
        assert_eq!(why(office.issues(attack.clone()).await), "CERTIFICATE_MISMATCH");
    }
    let elsewhere = Founded::seeded(9);
    elsewhere.clock.advance_seconds(300 * DAY);
    let foreign = {
        let certify = |request: &[u8]| {
            let addresses = ["127.0.0.1:7443".to_owned()];
            let (issuer, now) = (&elsewhere.issuer, elsewhere.clock_now());
            issuer.certify_relay(request, &addresses, &elsewhere.entropy, now).unwrap().into()
        };
        IssueRelayCertificatesRequest {
            certificate_ed25519: certify(&offer.request_ed25519),
            certificate_p256: certify(&offer.request_p256),
            issuer: elsewhere.issuer.certificate_der().to_vec().into(),
        }
    };
    let device = IssueRelayCertificatesRequest {
        certificate_ed25519: office.founded.founder.certificate.clone().into(),
        ..office.honest(&offer)
    };
    for attack in [foreign, device] {
        assert_eq!(why(office.issues(attack).await), "CERTIFICATE_MISMATCH");
    }
    let phone = office.founded.certify_later("doctor-a");
    know(&office.founded, &office.relay, &phone).await;
    assert_eq!(why(office.issues_by(&phone, office.honest(&offer)).await), "ROLE_REQUIRED");
    let before = office.relay.identity.leaves();
    assert_eq!([offer.certificate_ed25519.clone(), offer.certificate_p256.clone()], before, "as it was");
    office.issues(office.honest(&offer)).await.expect("the control");

    // Without the guard the relay shows a name that nobody dials.
    let office = Office::open_after(300).await;
    let offer = office.offered().await.unwrap();
    arm("mutant.relay_certificate_mismatch");
    let taken =
        office.issues(office.certifies(&offer.request_ed25519, &offer.request_p256, "127.0.0.2:7443")).await;
    disarm("mutant.relay_certificate_mismatch");
    taken.expect("the guard taken away");
    let shown =
        office.relay.organisation.now().verify_relay(&office.relay.identity.certificate(), DateCheck::Skip);
    assert_eq!(shown.unwrap().hosts(), ["127.0.0.2"]);
}

#[tokio::test]
async fn a_certificate_that_outlives_its_issuer_is_refused() {
    for (guard, expected) in [("", "CERTIFICATE_MISMATCH"), ("mutant.relay_certificate_outlives", "")] {
        let office = Office::open_after(300).await;
        // By its end nobody would believe the relay any more, and it would not have asked for another one before.
        office.founded.clock.advance_seconds(10 * DAY);
        let offer = office.offered().await.unwrap();
        arm("member.certifies_beyond");
        let thiefs = office.honest(&offer);
        disarm("member.certifies_beyond");
        arm(guard);
        assert_eq!(why(office.issues(thiefs).await), expected, "{guard}");
        disarm(guard);
        if guard.is_empty() {
            office.issues(office.honest(&offer)).await.expect("the control");
        }
        // In the last third of the issuer's time the relay asks again.
        office.founded.clock.advance_seconds(240 * DAY);
        let (relay, now) = (&office.relay, office.founded.clock_now());
        let offer = relay.renewal.offer(&relay.organisation.now(), &relay.identity, now);
        assert!(offer.is_some(), "{guard}");
    }
}

/// What becomes of a certificate whose issuer says that it began so many days ago.
async fn begun(days_ago: u64, guard: &'static str) -> String {
    let office = Office::open(40, 300).await;
    let offer = office.offered().await.unwrap();
    let from = UtcMillis::new(office.founded.clock_now().get() - days_ago * DAY * 1_000);
    let certify = |request: &[u8]| {
        let addresses = ["127.0.0.1:7443".to_owned()];
        office.second.certify_relay(request, &addresses, &office.founded.entropy, from).unwrap().into()
    };
    let made = IssueRelayCertificatesRequest {
        certificate_ed25519: certify(&offer.request_ed25519),
        certificate_p256: certify(&offer.request_p256),
        ..office.honest(&offer)
    };
    arm(guard);
    let outcome = why(office.issues(made).await);
    disarm(guard);
    assert_eq!(office.offered().await.is_some(), !outcome.is_empty() || !guard.is_empty(), "{guard}");
    outcome
}

#[tokio::test]
async fn a_certificate_that_would_be_asked_for_again_at_once_is_refused() {
    assert_eq!(begun(255, "").await, "CERTIFICATE_MISMATCH");
    assert_eq!(begun(10, "").await, "", "the control");
    assert_eq!(begun(255, "mutant.relay_certificate_due").await, "", "the guard taken away");
}

/// A list puts the issuer's device out while what it hands in waits for the root; what becomes of that. `still`: it has to wait.
async fn put_out_while_it_waits(still: bool, guard: &'static str) -> String {
    let office = Office::open_after(300).await;
    let made = office.honest(&office.offered().await.unwrap());
    if still {
        office.relay.still.begin();
    }
    let list = office.founded.first_list(office.founded.founder.device, RevocationKind::Revoked);
    arm(guard);
    let puts_out = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let organisation = office.relay.organisation.now();
        let signed = organisation.verify_revocation_list(&list.list.unwrap(), DateCheck::Skip).unwrap();
        let act = RevocationAct::read(&list.acts[0]).unwrap();
        office.relay.revocations.take_in(signed, &[act]).unwrap();
        office.relay.still.end();
    };
    let (outcome, ()) = tokio::join!(office.issues(made), puts_out);
    disarm(guard);
    why(outcome)
}

#[tokio::test]
async fn who_is_put_out_while_the_relay_stands_still_hands_nothing_in_after_it() {
    assert_eq!(put_out_while_it_waits(true, "").await, "DEVICE_REVOKED");
    assert_eq!(put_out_while_it_waits(false, "").await, "", "the control: it was before");
    for guard in ["mutant.looked_at_before_waiting", "mutant.never_still"] {
        assert_eq!(put_out_while_it_waits(true, guard).await, "", "{guard}");
    }
}

/// What becomes of certificates that an issuer hands in so many days after the founding, twice.
async fn unasked(days: u64, guard: &'static str) -> [String; 2] {
    let office = Office::open_after(days).await;
    let request = std::fs::read(office.founded.data().request()).unwrap();
    let request = wardline_proto::relay::RelayRequest::decode(request.as_slice()).unwrap();
    let mut all = [const { String::new() }; 2];
    arm(guard);
    for (hours, outcome) in all.iter_mut().enumerate() {
        office.founded.clock.advance_seconds(hours as u64 * 3_600);
        let made = office.certifies(&request.request_ed25519, &request.request_p256, "127.0.0.1:7443");
        *outcome = why(office.issues(made).await);
    }
    disarm(guard);
    all
}

#[tokio::test]
async fn certificates_that_the_relay_has_not_asked_for_are_refused() {
    let mismatch = || "CERTIFICATE_MISMATCH".to_owned();
    assert_eq!(unasked(200, "").await, [mismatch(), mismatch()]);
    assert_eq!(
        unasked(300, "").await,
        [String::new(), mismatch()],
        "the control, and no more than it asks for"
    );
    let [first, _] = unasked(200, "mutant.relay_certified_unasked").await;
    assert_eq!(first, "", "the guard taken away: again and again");
}

#[tokio::test]
async fn nothing_is_written_that_tls_does_not_take_or_over_a_bundle_of_the_operators() {
    let office = Office::open_after(300).await;
    let offer = office.offered().await.unwrap();
    let path = office.founded.data().bundle();
    let before = std::fs::read(&path).unwrap();
    let other_key = wardline_identity::certificate_request(&office.founded.founder.key).unwrap();
    let attack = office.certifies(&other_key, &offer.request_p256, "127.0.0.1:7443");
    arm("mutant.relay_certificate_mismatch");
    office.issues(attack).await.unwrap_err();
    disarm("mutant.relay_certificate_mismatch");
    assert_eq!(std::fs::read(&path).unwrap(), before, "the relay starts again");

    let operators = office.founded.bundle(3);
    office.founded.write_bundle(&operators);
    for guard in ["", "mutant.any_bundle_replaced"] {
        arm(guard);
        let taken = office.issues(office.honest(&offer)).await;
        disarm(guard);
        let there = RelayBundle::decode(std::fs::read(&path).unwrap().as_slice()).unwrap();
        assert_eq!((taken.is_err(), there == operators), (guard.is_empty(), guard.is_empty()), "{guard}");
        assert_eq!(recorded(&office.relay).await.is_empty(), guard.is_empty(), "{guard}");
    }
}
