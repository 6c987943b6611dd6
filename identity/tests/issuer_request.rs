//! Claims about a request to be an issuer's machine, and what is refused: each attack has its control and its guard taken away.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{DAY, Hospital, NOW, later, wire};
use wardline_identity::*;
use wardline_proto::{
    UtcMillis,
    in_place::{arm, disarm},
    relay as pb,
};

/// An administrator's device, with a key that is to be an issuer's.
struct Office {
    hospital: Hospital,
    key: SigningKey,
    certificate: DeviceCertificate,
    issuer: SigningKey,
}

impl Office {
    fn of(hospital: Hospital, user: &str, role: Role) -> Self {
        let key = hospital.key();
        let user = UserId::parse(user).unwrap();
        let subject = DeviceSubject { user, role, ..hospital.subject() };
        let der =
            hospital.issuer.certify_device(&subject, &key.public().into(), &hospital.entropy, NOW).unwrap();
        let certificate = hospital.organisation.verify_device(&der, NOW).unwrap();
        let issuer = hospital.key();
        Self { hospital, key, certificate, issuer }
    }

    fn administrator() -> Self {
        Self::of(Hospital::found(1), "it.b", Role::Administrator)
    }

    fn asks(&self) -> pb::SignedStatement {
        IssuerRequest::sign(&self.issuer, (&self.key, &self.certificate), NOW).unwrap()
    }

    /// What it says, with something else said.
    fn says(&self, change: impl FnOnce(&mut pb::IssuerRequest)) -> pb::SignedStatement {
        let mut said: pb::IssuerRequest = prost::Message::decode(self.asks().body).unwrap();
        change(&mut said);
        sign_statement(&self.key, StatementLabel::IssuerRequest, &said, Some(self.certificate.der()))
    }

    fn judge(
        &self,
        statement: &pb::SignedStatement,
        now: UtcMillis,
    ) -> Result<IssuerRequest, IssuerRequestError> {
        IssuerRequest::verify(&self.hospital.organisation, statement, self.certificate.der(), now)
    }
}

/// What an attack comes to, and what it would with the guard taken away.
fn with_and_without<T>(guard: &'static str, attack: impl Fn() -> T) -> (T, T) {
    let with = attack();
    arm(guard);
    let without = attack();
    disarm(guard);
    (with, without)
}

#[test]
fn a_request_is_of_its_device_and_its_person_and_proves_the_key() {
    let office = Office::administrator();
    let request = office.judge(&office.asks(), NOW).unwrap();
    assert_eq!(request.key(), &office.issuer.public());
    assert_eq!((request.user().as_str(), request.device()), ("it.b", office.certificate.device()));
    // What the root makes of it says whose it is, and a founder's without a name says nothing.
    let (hospital, label) = (&office.hospital, DisplayName::parse("Second").unwrap());
    let der = hospital
        .root
        .certify_issuer_of(request.user(), request.key(), &label, &hospital.entropy, NOW)
        .unwrap();
    let list = hospital.root.sign_issuers_list(2, &[hospital.issuer.certificate_der(), &der]).unwrap();
    let after = Organisation::verify(&wire(&hospital.root, list), &hospital.root.fingerprint(), NOW).unwrap();
    let users: Vec<_> = after.issuers().iter().map(|one| one.user().map(UserId::as_str)).collect();
    assert_eq!(users, [None, Some("it.b")]);
    let own = IssuerAuthority::new(office.issuer, &der).unwrap();
    let device = own
        .certify_device(&hospital.subject(), &hospital.key().public().into(), &hospital.entropy, NOW)
        .unwrap();
    assert!(after.verify_device(&device, NOW).is_ok(), "it certifies from then on");
}

#[test]
fn a_relay_that_puts_its_own_key_in_the_place_of_the_one_that_was_signed_is_refused() {
    let office = Office::administrator();
    let thief = office.hospital.key();
    let swapped = office.says(|said| {
        said.certificate_request = certificate_request(&thief).unwrap().into();
    });
    // It has the words and not the device's key.
    let swapped = pb::SignedStatement { signature: office.asks().signature, ..swapped };
    let (with, without) = with_and_without("mutant.issuer_request_forged", || office.judge(&swapped, NOW));
    assert!(matches!(with, Err(IssuerRequestError::Statement(_))), "{with:?}");
    assert_eq!(without.unwrap().key(), &thief.public(), "the guard taken away");
    assert!(office.judge(&office.asks(), NOW).is_ok(), "the control");
}

#[test]
fn nobody_asks_for_another_person_or_another_device() {
    let office = Office::administrator();
    let other_user = office.says(|said| said.user_id = "dr.a".to_owned());
    let other_device = office.says(|said| said.device_id = vec![7; 16].into());
    for wrong in [&other_user, &other_device] {
        let (with, without) =
            with_and_without("mutant.issuer_request_for_another", || office.judge(wrong, NOW));
        assert_eq!(with, Err(IssuerRequestError::OtherPerson));
        assert!(without.is_ok(), "the guard taken away");
    }
}

#[test]
fn a_clinicians_device_does_not_ask() {
    let office = Office::of(Hospital::found(1), "dr.a", Role::Clinician);
    let (with, without) =
        with_and_without("mutant.issuer_request_by_anybody", || office.judge(&office.asks(), NOW));
    assert_eq!(with, Err(IssuerRequestError::Role));
    assert!(without.is_ok(), "the guard taken away");
    for role in [Role::Administrator, Role::Registrar] {
        let office = Office::of(Hospital::found(1), "it.b", role);
        assert!(office.judge(&office.asks(), NOW).is_ok(), "the control");
    }
}

#[test]
fn an_old_request_that_is_said_again_counts_for_nothing() {
    let office = Office::administrator();
    let asked = office.asks();
    let end = UtcMillis::new(later(7 * DAY).get() - 1);
    assert!(office.judge(&asked, end).is_ok(), "the control");
    let (with, without) =
        with_and_without("mutant.issuer_request_replayed", || office.judge(&asked, later(7 * DAY)));
    assert_eq!(with, Err(IssuerRequestError::Time));
    assert!(without.is_ok(), "the guard taken away");
    let tomorrow = office.says(|said| said.requested_at = Some(later(2 * DAY).into()));
    assert_eq!(office.judge(&tomorrow, NOW), Err(IssuerRequestError::Time));
}

#[test]
fn a_device_that_is_out_asks_for_nothing() {
    let office = Office::administrator();
    let request = office.judge(&office.asks(), NOW).unwrap();
    let mut register = RevocationRegister::new(office.hospital.organisation.id());
    assert!(request.permits(&register, NOW).is_ok(), "the control");
    let act = RevocationAct {
        device: request.device(),
        kind: RevocationKind::Held,
        reason: RevocationReason::Lost,
        at: NOW,
        issuer: *office.hospital.issuer.certificate().fingerprint(),
    };
    let list =
        register.sign_next(&office.hospital.issuer, &office.hospital.organisation, &[act], NOW).unwrap();
    let list = office.hospital.organisation.verify_revocation_list(&list, NOW).unwrap();
    register.adopt(list, &[act]).unwrap();
    let (with, without) =
        with_and_without("mutant.issuer_request_of_out", || request.permits(&register, NOW));
    assert_eq!(with, Err(IssuerRequestError::DeviceOut));
    assert!(without.is_ok(), "the guard taken away");
}

#[test]
fn what_is_no_request_is_none() {
    let office = Office::administrator();
    let cases: [(pb::SignedStatement, IssuerRequestError); 5] = [
        (
            office.says(|said| said.organisation_id = "st-elsewhere".to_owned()),
            IssuerRequestError::ForeignOrganisation,
        ),
        (office.says(|said| said.requested_at = None), IssuerRequestError::Field { field: "time" }),
        (office.says(|said| said.user_id = "Dr. A".to_owned()), IssuerRequestError::Field { field: "user" }),
        (
            office.says(|said| said.certificate_request = vec![0x30, 0].into()),
            IssuerRequestError::Key(RequestError::Malformed),
        ),
        (
            office.says(|said| said.certificate_request = certificate_request(&office.key).unwrap().into()),
            IssuerRequestError::OtherKey,
        ),
    ];
    for (statement, expected) in cases {
        assert_eq!(office.judge(&statement, NOW), Err(expected));
    }
    // What a decoder skips would be handed on, readable.
    let longer = [office.asks().body.as_ref(), &[0xf8, 0x07, 0x01]].concat();
    let signature = office.key.sign(StatementLabel::IssuerRequest, &longer).to_vec().into();
    let longer = pb::SignedStatement { body: longer.into(), signature, ..office.asks() };
    assert_eq!(office.judge(&longer, NOW), Err(IssuerRequestError::Field { field: "end" }));
}
