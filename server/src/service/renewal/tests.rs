//! Claims about the next certificate of a device: who may ask, what an issuer may hand in, and what ends with the device. Each
//! guard has its control, and is taken away to show the attack.

use std::sync::Arc;
use std::time::Duration;

use prost::bytes::Bytes;
use tonic::{Request, Status};
use wardline_identity::{
    DateCheck, DeviceCertificate, DeviceKey, DeviceSubject, Renewal, RevocationKind, Role, SigningKey, UserId,
};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::registrar_service_server::RegistrarService as _;
use wardline_proto::relay::renewal_service_server::RenewalService as _;
use wardline_proto::relay::revocation_service_server::RevocationService as _;
use wardline_proto::relay::{
    IssueRenewalRequest, ListEnrolmentsRequest, RenewCertificateRequest, RenewalRequest,
};

use super::Renewals;
use crate::founded::{Founded, Installation, from_device, reason};
use crate::service::registrar::Registrar;
use crate::service::revocation::Revocation;
use crate::state::Relay;
use crate::store::StoreError;
use crate::transport::Admission as _;

/// What an issuer changes that is not honest.
type Alter = fn(&mut DeviceSubject);

/// Into the last third of 90 days, in seconds.
const LATE: u64 = 75 * 86_400;

struct Office {
    founded: Founded,
    relay: Arc<Relay>,
    calls: Renewals,
    phone: Installation,
}

impl Office {
    /// With a phone whose certificate is near its end, and an administrator's machine that is not.
    async fn open() -> Self {
        let mut founded = Founded::new();
        let relay = founded.relay().await;
        let phone = founded.certify_later("doctor-a");
        know(&founded, &relay, &phone).await;
        founded.clock.advance_seconds(LATE);
        founded.founder = founded.certify_later_as("admin-b", Role::Administrator);
        know(&founded, &relay, &founded.founder).await;
        Self { calls: Renewals::new(Arc::clone(&relay)), founded, relay, phone }
    }

    fn certificate(&self, der: &[u8]) -> DeviceCertificate {
        self.founded.organisation().verify_device(der, DateCheck::Skip).unwrap()
    }

    fn next(&self) -> SigningKey {
        SigningKey::generate(&self.founded.entropy).unwrap()
    }

    fn asks(&self, of: &Installation, next: &SigningKey) -> RenewalRequest {
        Renewal::ask(&of.key, &self.certificate(&of.certificate), next)
    }

    async fn renews(&self, by: &Installation, asked: RenewalRequest) -> Result<Bytes, Status> {
        let request = RenewCertificateRequest { request: Some(asked) };
        let answer = self.calls.renew_certificate(from_device(request, &self.founded, by)).await?;
        Ok(answer.into_inner().certificate)
    }

    async fn waiting(&self) -> Vec<Bytes> {
        let registrar = Registrar::new(Arc::clone(&self.relay));
        let request = from_device(ListEnrolmentsRequest::default(), &self.founded, &self.founded.founder);
        let listed = registrar.list_enrolments(request).await.unwrap().into_inner();
        listed.renewals.into_iter().map(|one| one.certificate).collect()
    }

    /// What an honest issuer signs, but for what `alter` changes.
    fn certifies(&self, key: &SigningKey, alter: impl FnOnce(&mut DeviceSubject)) -> Vec<u8> {
        let mut subject = self.certificate(&self.phone.certificate).subject().clone();
        alter(&mut subject);
        let key = DeviceKey::Ed25519(key.public());
        let (entropy, now) = (&self.founded.entropy, self.founded.clock_now());
        self.founded.issuer.certify_device(&subject, &key, entropy, now).unwrap()
    }

    async fn issues_by(&self, by: &Installation, certificate: Vec<u8>) -> Result<(), Status> {
        let request: Request<_> =
            from_device(IssueRenewalRequest { certificate: certificate.into() }, &self.founded, by);
        self.calls.issue_renewal(request).await.map(drop)
    }

    async fn issues(&self, certificate: Vec<u8>) -> Result<(), Status> {
        self.issues_by(&self.founded.founder, certificate).await
    }

    /// The phone is put out by a list.
    async fn puts_out(&self, kind: RevocationKind) {
        let revocation = Revocation::new(Arc::clone(&self.relay));
        let request = self.founded.first_list(self.phone.device, kind);
        revocation
            .publish_revocation_list(from_device(request, &self.founded, &self.founded.founder))
            .await
            .unwrap();
    }
}

pub(super) async fn know(founded: &Founded, relay: &Relay, one: &Installation) {
    let certificate = founded.organisation().verify_device(&one.certificate, DateCheck::Skip).unwrap();
    let (device, user, digest) = (one.device, certificate.user().clone(), certificate.fingerprint());
    let known = relay
        .store
        .write("know", move |tx| Box::pin(async move { tx.enrol_for_tests(device, &user, &digest).await }));
    known.await.map_err(|error: StoreError| error).unwrap();
    relay.devices.insert(certificate);
}

fn why<T>(outcome: Result<T, Status>) -> String {
    outcome.err().map(|status| reason(&status)).unwrap_or_default()
}

#[tokio::test]
async fn a_device_asks_an_issuer_certifies_and_both_certificates_open_the_door() {
    let office = Office::open().await;
    let next = office.next();
    let asked = office.asks(&office.phone, &next);
    for _ in 0..2 {
        assert!(office.renews(&office.phone, asked.clone()).await.unwrap().is_empty(), "it waits, once");
        let waiting = office.waiting().await;
        assert!(waiting.len() == 1 && waiting[0] == office.phone.certificate);
    }
    let certificate = office.certifies(&next, |_| {});
    for _ in 0..2 {
        office.issues(certificate.clone()).await.expect("also when it is handed in again");
    }
    assert!(office.waiting().await.is_empty());
    assert_eq!(
        office.renews(&office.phone, asked.clone()).await.unwrap(),
        certificate,
        "the answer was lost"
    );
    for der in [&office.phone.certificate, &certificate] {
        let chain = [rustls::pki_types::CertificateDer::from(der.clone())];
        office.relay.devices.admit(&chain).expect("the old one is good until it ends");
    }
    let newest = office.relay.devices.newest_of(&[office.phone.device]).unwrap();
    assert_eq!(newest[0].der(), certificate, "the newest counts");
    // After a restart, from disk.
    let store = crate::store::Store::open(&office.founded.data().database()).await.unwrap();
    let again = office.founded.relay_over(store).await;
    assert_eq!(again.devices.newest_of(&[office.phone.device]).unwrap()[0].der(), certificate);
}

#[tokio::test]
async fn only_the_newest_certificate_is_followed() {
    let office = Office::open().await;
    let (next, other) = (office.next(), office.next());
    let asked = office.asks(&office.phone, &next);
    office.renews(&office.phone, asked.clone()).await.unwrap();
    let replaced = office.asks(&office.phone, &other);
    office.renews(&office.phone, replaced).await.expect("another key takes its place");
    assert_eq!(why(office.issues(office.certifies(&next, |_| {})).await), "CERTIFICATE_MISMATCH");
    office.issues(office.certifies(&other, |_| {})).await.unwrap();
    // What was asked with the one before is asked again.
    assert_eq!(why(office.renews(&office.phone, asked).await), "STATEMENT_INVALID");
    assert!(office.waiting().await.is_empty());
}

/// A request that is refused, and what it comes to without the guard.
async fn refused(guard: &'static str, ask: impl AsyncFn(&Office) -> Result<Bytes, Status>) {
    let office = Office::open().await;
    assert_eq!(why(ask(&office).await), "STATEMENT_INVALID", "{guard}");
    assert!(office.waiting().await.is_empty());
    arm(guard);
    let asked = ask(&office).await;
    disarm(guard);
    assert!(asked.is_ok(), "the guard taken away: {guard}");
}

#[tokio::test]
async fn nobody_asks_for_another_without_its_key_or_before_its_time() {
    refused("mutant.renewal_by_anybody", async |office: &Office| {
        // Somebody else's key under the phone's certificate.
        let (thief, next) = (office.next(), office.next());
        let asked = Renewal::ask(&thief, &office.certificate(&office.phone.certificate), &next);
        office.renews(&office.phone, asked).await
    })
    .await;
    refused("mutant.renewal_without_key", async |office: &Office| {
        let mut asked = office.asks(&office.phone, &office.next());
        asked.possession = office.asks(&office.phone, &office.next()).possession;
        office.renews(&office.phone, asked).await
    })
    .await;
    refused("mutant.renewal_early", async |office: &Office| {
        let young = office.founded.certify_later("nurse-b");
        know(&office.founded, &office.relay, &young).await;
        let asked = office.asks(&young, &office.next());
        office.renews(&young, asked).await
    })
    .await;
}

#[tokio::test]
async fn an_issuer_hands_in_nothing_but_what_was_asked_for() {
    let alterations: [(&str, Alter); 3] = [
        ("another user", |subject| subject.user = UserId::parse("nurse-b").unwrap()),
        ("another role", |subject| subject.role = Role::Administrator),
        ("another name", |subject| {
            subject.display_name = wardline_identity::DisplayName::parse("Somebody Else").unwrap();
        }),
    ];
    for (what, alter) in alterations {
        let office = Office::open().await;
        let next = office.next();
        office.renews(&office.phone, office.asks(&office.phone, &next)).await.unwrap();
        assert_eq!(
            why(office.issues(office.certifies(&next, alter)).await),
            "CERTIFICATE_MISMATCH",
            "{what}"
        );
        arm("mutant.renewal_mismatch");
        let handed_in = office.issues(office.certifies(&next, alter)).await;
        disarm("mutant.renewal_mismatch");
        handed_in.expect("the guard taken away");
    }
    let office = Office::open().await;
    let next = office.next();
    assert_eq!(
        why(office.issues(office.certifies(&next, |_| {})).await),
        "ENROLMENT_UNKNOWN",
        "nobody asked"
    );
    office.renews(&office.phone, office.asks(&office.phone, &next)).await.unwrap();
    let other_key = office.certifies(&office.next(), |_| {});
    assert_eq!(why(office.issues(other_key).await), "CERTIFICATE_MISMATCH");
    let by_itself = office.issues_by(&office.phone, office.certifies(&next, |_| {})).await;
    assert_eq!(why(by_itself), "ROLE_REQUIRED");
    office.issues(office.certifies(&next, |_| {})).await.expect("the control");
}

#[tokio::test]
async fn a_device_that_is_put_out_waits_for_nothing_and_gets_nothing() {
    for kind in [RevocationKind::Revoked, RevocationKind::Held] {
        let office = Office::open().await;
        let next = office.next();
        office.renews(&office.phone, office.asks(&office.phone, &next)).await.unwrap();
        office.puts_out(kind).await;
        assert!(office.waiting().await.is_empty(), "it ends with the device, in one transaction");
        let certificate = office.certifies(&next, |_| {});
        assert_eq!(why(office.issues(certificate).await), "ENROLMENT_UNKNOWN");
        let asked = office.asks(&office.phone, &office.next());
        assert_eq!(why(office.renews(&office.phone, asked).await), "DEVICE_REVOKED");
    }
    // Each guard stands alone.
    let office = Office::open().await;
    let next = office.next();
    office.renews(&office.phone, office.asks(&office.phone, &next)).await.unwrap();
    arm("mutant.renewal_outlives");
    office.puts_out(RevocationKind::Revoked).await;
    disarm("mutant.renewal_outlives");
    assert_eq!(office.waiting().await.len(), 1, "the guard taken away");
    assert_eq!(why(office.issues(office.certifies(&next, |_| {})).await), "ENROLMENT_UNKNOWN");
    arm("mutant.renewed_while_out");
    let issued = office.issues(office.certifies(&next, |_| {})).await;
    disarm("mutant.renewed_while_out");
    issued.expect("both guards taken away");
}

#[tokio::test]
async fn a_renewal_waits_while_the_relay_stands_still() {
    for (guard, waits) in [("", true), ("mutant.never_still", false)] {
        let office = Office::open().await;
        let next = office.next();
        office.renews(&office.phone, office.asks(&office.phone, &next)).await.unwrap();
        let certificate = office.certifies(&next, |_| {});
        office.relay.still.begin();
        arm(guard);
        let issued =
            tokio::time::timeout(Duration::from_millis(300), office.issues(certificate.clone())).await;
        disarm(guard);
        assert_eq!(issued.is_err(), waits, "{guard}");
        office.relay.still.end();
        office.issues(certificate).await.expect("it goes on then");
    }
}
