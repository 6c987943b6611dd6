//! An invitation admits the one device that holds its key, on its own connection, once, in time.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{DAY, Hospital, NOW, later, refuses_every_damage, wire};
use proptest::prelude::*;
use wardline_identity::*;
use wardline_proto::{DeviceId, relay as pb};

const HERE: [u8; 32] = [0xE5; 32];

/// A doctor's device about to enrol.
struct Enrolment {
    hospital: Hospital,
    invitation: Invitation,
    record: InvitationRecord,
    key: SigningKey,
    device: DeviceId,
    name: DeviceName,
}

impl Enrolment {
    fn begin(seed: u64) -> Self {
        let hospital = Hospital::found(seed);
        let (invitation, statement) = hospital.invite(later(7 * DAY));
        let record = hospital.organisation.verify_invitation(&statement, NOW).unwrap();
        let (key, device) = (hospital.key(), device_id_new(&hospital.entropy).unwrap());
        let name = DeviceName::parse("phone").unwrap();
        Self { hospital, invitation, record, key, device, name }
    }

    fn request(&self) -> Vec<u8> {
        certificate_request(&self.key).unwrap()
    }

    fn claim(&self) -> pb::SignedStatement {
        let Self { invitation, record, device, name, .. } = self;
        claim_statement(invitation, record, &self.request(), *device, name, &HERE).unwrap()
    }

    /// The claim's content, for a forger to change one thing of.
    fn content(&self) -> pb::EnrolmentClaim {
        prost::Message::decode(self.claim().body).unwrap()
    }

    fn check(&self, claim: &pb::SignedStatement) -> Result<EnrolmentClaim, InvitationError> {
        self.record.verify_claim(claim, ExporterCheck::Equals(HERE))
    }

    fn check_content(&self, claim: &pb::EnrolmentClaim) -> Result<EnrolmentClaim, InvitationError> {
        let key = self.invitation.key();
        self.check(&sign_statement(key, StatementLabel::EnrolmentClaim, claim, None))
    }
}

#[test]
fn an_invited_device_gets_the_certificate_it_was_invited_for() {
    let enrolment = Enrolment::begin(1);
    let claim = enrolment.check(&enrolment.claim()).unwrap();
    let Hospital { issuer, entropy, organisation, .. } = &enrolment.hospital;
    let subject = enrolment.record.device_subject(&claim);
    let der = issuer.certify_device(&subject, claim.key(), entropy, NOW).unwrap();
    let certificate = organisation.verify_device(&der, NOW).unwrap();
    assert_eq!(enrolment.record.check_certificate(&claim, &certificate), Ok(()));
    assert_eq!(certificate.user().as_str(), "dr.a");
    assert_eq!(certificate.device(), enrolment.device);
    assert_eq!(certificate.as_member(), Ok(enrolment.key.public()));
    assert_eq!(enrolment.record.invitation_id(), enrolment.invitation.id());
}

#[test]
fn what_is_logged_of_a_claim_names_nobody_and_no_connection() {
    let enrolment = Enrolment::begin(1);
    let claim = enrolment.check(&enrolment.claim()).unwrap();
    let shown = format!("{claim:?}");
    assert!(shown.contains(&format!("{:?}", enrolment.device)), "the control: {shown}");
    for secret in ["phone", "exporter", "229, 229", "e5e5", "statement", "request"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.len() < 200, "no room for a request or a statement: {shown}");
}

#[test]
fn a_certificate_for_anything_else_than_was_claimed_is_noticed() {
    let enrolment = Enrolment::begin(1);
    let claim = enrolment.check(&enrolment.claim()).unwrap();
    let Hospital { issuer, entropy, organisation, .. } = &enrolment.hospital;
    let good = enrolment.record.device_subject(&claim);
    let check = |subject: &DeviceSubject, key: &DeviceKey| {
        let der = issuer.certify_device(subject, key, entropy, NOW).unwrap();
        enrolment.record.check_certificate(&claim, &organisation.verify_device(&der, NOW).unwrap())
    };
    assert_eq!(check(&good, claim.key()), Ok(()));
    let mismatch = |field| Err(InvitationError::CertificateMismatch { field });
    assert_eq!(check(&good, &enrolment.hospital.key().public().into()), mismatch("key"));
    let other = DeviceSubject { user: UserId::parse("dr.b").unwrap(), ..good.clone() };
    assert_eq!(check(&other, claim.key()), mismatch("user"));
    let other = DeviceSubject { device: device_id_new(entropy).unwrap(), ..good.clone() };
    assert_eq!(check(&other, claim.key()), mismatch("device id"));
    let other = DeviceSubject { display_name: DisplayName::parse("Dr. B").unwrap(), ..good.clone() };
    assert_eq!(check(&other, claim.key()), mismatch("name"));
    let other = DeviceSubject { device_name: DeviceName::parse("tablet").unwrap(), ..good.clone() };
    assert_eq!(check(&other, claim.key()), mismatch("device name"));
    let other = DeviceSubject { role: Role::Administrator, ..good };
    assert_eq!(check(&other, claim.key()), mismatch("role"));
}

#[test]
fn an_expired_invitation_is_refused() {
    let hospital = Hospital::found(1);
    let (_, statement) = hospital.invite(later(7 * DAY));
    let at = |dates| hospital.organisation.verify_invitation(&statement, dates);
    let record = at(DateCheck::At(later(7 * DAY - 1))).unwrap();
    let expired = InvitationError::Expired { expired_at: later(7 * DAY) };
    assert_eq!(at(DateCheck::At(later(7 * DAY))), Err(expired));
    assert!(at(DateCheck::Skip).is_ok(), "what was good when it was made can be read later");
    assert_eq!(record.check_expiry(later(7 * DAY - 1)), Ok(()));
    assert_eq!(record.check_expiry(later(7 * DAY)), Err(expired));
}

#[test]
fn a_spent_invitation_serves_the_device_that_spent_it_and_no_other() {
    let enrolment = Enrolment::begin(1);
    let first = enrolment.check(&enrolment.claim()).unwrap();
    let elsewhere = pb::EnrolmentClaim { tls_exporter: vec![7; 32].into(), ..enrolment.content() };
    let statement =
        sign_statement(enrolment.invitation.key(), StatementLabel::EnrolmentClaim, &elsewhere, None);
    let again = enrolment.record.verify_claim(&statement, ExporterCheck::Equals([7; 32])).unwrap();
    assert_eq!(again.check_continues(&first), Ok(()), "the same device on a new connection");

    let other_key = certificate_request(&enrolment.hospital.key()).unwrap();
    let other_device = device_id_new(&enrolment.hospital.entropy).unwrap();
    let thieves = [
        pb::EnrolmentClaim { certificate_request: other_key.into(), ..enrolment.content() },
        pb::EnrolmentClaim { device_id: other_device.to_wire(), ..enrolment.content() },
        pb::EnrolmentClaim { device_name: "tablet".to_owned(), ..enrolment.content() },
    ];
    for claim in thieves {
        let thief = enrolment.check_content(&claim).unwrap();
        assert_eq!(thief.check_continues(&first), Err(InvitationError::Spent));
    }
    let other = Enrolment::begin(2);
    let foreign = other.check(&other.claim()).unwrap();
    assert_eq!(foreign.check_continues(&first), Err(InvitationError::OtherRecord));
}

#[test]
fn a_record_counts_from_a_listed_issuer_in_force_only() {
    let hospital = Hospital::found(1);
    let label = DisplayName::parse("night shift").unwrap();
    let second = hospital.root.found_issuer(&label, &hospital.entropy, NOW).unwrap();
    let subject = InvitationSubject {
        user: UserId::parse("dr.b").unwrap(),
        display_name: DisplayName::parse("Dr. B").unwrap(),
        role: Role::Administrator,
    };
    let expires = later(800 * DAY);
    let (_, statement) = Invitation::create(&second, &subject, expires, &hospital.entropy).unwrap();
    let unlisted = InvitationError::Issuer(CertificateError::UnknownIssuer);
    assert_eq!(hospital.organisation.verify_invitation(&statement, NOW), Err(unlisted));

    let list = hospital.root.sign_issuers_list(2, &[second.certificate_der()]).unwrap();
    let organisation =
        Organisation::verify(&wire(&hospital.root, list), &hospital.root.fingerprint(), NOW).unwrap();
    let record = organisation.verify_invitation(&statement, NOW).unwrap();
    assert_eq!((record.subject(), record.expires_at()), (&subject, expires));
    assert_eq!(record.issuer(), *second.certificate().fingerprint());
    let late = organisation.verify_invitation(&statement, later(366 * DAY));
    assert_eq!(late, Err(InvitationError::Issuer(CertificateError::IssuerNotInForce)));
}

#[test]
fn a_record_signed_by_a_device_or_the_root_or_under_another_label_is_refused() {
    let hospital = Hospital::found(1);
    let (_, good) = hospital.invite(later(DAY));
    let record: pb::InvitationRecord = prost::Message::decode(good.body.clone()).unwrap();
    let (device, device_der) = hospital.device();
    let (issuer, der) = (hospital.issuer.key(), hospital.issuer.certificate_der());
    let sign = |key, label, name| {
        let statement = sign_statement(key, label, &record, Some(name));
        hospital.organisation.verify_invitation(&statement, NOW).is_ok()
    };
    let label = StatementLabel::InvitationRecord;
    assert!(sign(issuer, label, der));
    assert!(!sign(issuer, StatementLabel::EnrolmentClaim, der));
    assert!(!sign(&device, label, &device_der));
    assert!(!sign(&device, label, der));
    assert!(!sign(hospital.root.key(), label, hospital.root.certificate_der()));
}

#[test]
fn a_record_with_a_wrong_field_is_refused_even_if_an_issuer_signed_it() {
    let hospital = Hospital::found(1);
    let (_, good) = hospital.invite(later(DAY));
    let record: pb::InvitationRecord = prost::Message::decode(good.body).unwrap();
    let check = |record: &pb::InvitationRecord| {
        let statement = hospital.issuer.sign(StatementLabel::InvitationRecord, record);
        hospital.organisation.verify_invitation(&statement, NOW).is_ok()
    };
    assert!(check(&record));
    let changes: [fn(&mut pb::InvitationRecord); 10] = [
        |r| r.organisation_id = "other".to_owned(),
        |r| r.invitation_id = vec![0; 16].into(),
        |r| r.invitation_id = r.invitation_id.slice(..15),
        |r| r.public_key = r.public_key.slice(..31),
        |r| r.public_key = vec![0; 32].into(),
        |r| r.user_id = "Dr A".to_owned(),
        |r| r.display_name = String::new(),
        |r| r.role = 0,
        |r| r.role = 6,
        |r| r.expires_at = None,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = record.clone();
        change(&mut other);
        assert!(!check(&other), "change {index}");
    }
}

#[test]
fn a_claim_signed_by_another_key_is_refused() {
    let enrolment = Enrolment::begin(1);
    let (content, label) = (enrolment.content(), StatementLabel::EnrolmentClaim);
    assert!(enrolment.check(&sign_statement(enrolment.invitation.key(), label, &content, None)).is_ok());
    let strangers = [&enrolment.key, &enrolment.hospital.key(), enrolment.hospital.issuer.key()];
    for key in strangers {
        let outcome = enrolment.check(&sign_statement(key, label, &content, None));
        assert!(matches!(outcome, Err(InvitationError::Statement(StatementError::Signature(_)))));
    }
    let named = sign_statement(enrolment.invitation.key(), label, &content, Some(b"someone"));
    assert_eq!(enrolment.check(&named), Err(InvitationError::Statement(StatementError::OtherSigner)));
}

#[test]
fn a_claim_over_another_exporter_is_refused() {
    let enrolment = Enrolment::begin(1);
    let claim = enrolment.claim();
    assert!(enrolment.check(&claim).is_ok());
    let outcome = enrolment.record.verify_claim(&claim, ExporterCheck::Equals([0; 32]));
    assert_eq!(outcome, Err(InvitationError::OtherConnection));
    let read = enrolment.record.verify_claim(&claim, ExporterCheck::Skip).unwrap();
    assert_eq!(read.exporter(), &HERE);
}

#[test]
fn a_claim_under_another_label_is_refused() {
    let enrolment = Enrolment::begin(1);
    for label in StatementLabel::ALL {
        let claim = sign_statement(enrolment.invitation.key(), *label, &enrolment.content(), None);
        assert_eq!(enrolment.check(&claim).is_ok(), *label == StatementLabel::EnrolmentClaim, "{label}");
    }
}

#[test]
fn a_claim_to_another_record_is_refused() {
    let (enrolment, other) = (Enrolment::begin(1), Enrolment::begin(2));
    let claim = pb::EnrolmentClaim { record_sha256: other.record.digest().to_wire(), ..enrolment.content() };
    assert!(enrolment.check_content(&enrolment.content()).is_ok());
    assert_eq!(enrolment.check_content(&claim), Err(InvitationError::OtherRecord));
    // And the device notices a relay that shows it another invitation.
    let request = enrolment.request();
    let outcome = claim_statement(
        &enrolment.invitation,
        &other.record,
        &request,
        enrolment.device,
        &enrolment.name,
        &HERE,
    );
    assert_eq!(outcome, Err(InvitationError::OtherKey));
}

#[test]
fn a_claim_with_a_wrong_field_or_request_is_refused() {
    let enrolment = Enrolment::begin(1);
    assert!(enrolment.check_content(&enrolment.content()).is_ok());
    let changes: [fn(&mut pb::EnrolmentClaim); 9] = [
        |c| c.device_id = vec![0; 16].into(),
        |c| c.device_id = c.device_id.slice(..15),
        |c| c.device_name = String::new(),
        |c| c.device_name = "p".repeat(65),
        |c| c.tls_exporter = c.tls_exporter.slice(..31),
        |c| c.certificate_request = c.certificate_request.slice(1..),
        |c| c.certificate_request = vec![].into(),
        |c| c.certificate_request = vec![0x30; 2_049].into(),
        |c| {
            // The last byte of the request is its self-signature's.
            let mut request = c.certificate_request.to_vec();
            *request.last_mut().unwrap() ^= 1;
            c.certificate_request = request.into();
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut claim = enrolment.content();
        change(&mut claim);
        assert!(enrolment.check_content(&claim).is_err(), "change {index}");
    }
}

#[test]
fn every_damage_to_record_and_claim_is_noticed() {
    let enrolment = Enrolment::begin(1);
    let (record, claim) = (enrolment.record.statement().clone(), enrolment.claim());
    let organisation = &enrolment.hospital.organisation;
    let read = |statement: pb::SignedStatement| organisation.verify_invitation(&statement, NOW).is_ok();
    let body = |bytes: &[u8], of: &pb::SignedStatement| pb::SignedStatement {
        body: bytes.to_vec().into(),
        ..of.clone()
    };
    let signature = |bytes: &[u8], of: &pb::SignedStatement| pb::SignedStatement {
        signature: bytes.to_vec().into(),
        ..of.clone()
    };
    refuses_every_damage(&record.body, |bytes| read(body(bytes, &record)));
    refuses_every_damage(&record.signature, |bytes| read(signature(bytes, &record)));
    refuses_every_damage(&record.signer, |bytes| {
        read(pb::SignedStatement { signer: bytes.to_vec().into(), ..record.clone() })
    });
    refuses_every_damage(&claim.body, |bytes| enrolment.check(&body(bytes, &claim)).is_ok());
    refuses_every_damage(&claim.signature, |bytes| enrolment.check(&signature(bytes, &claim)).is_ok());
}

#[test]
fn the_link_gives_the_device_all_it_needs() {
    let enrolment = Enrolment::begin(1);
    let root = enrolment.hospital.root.fingerprint();
    let link = enrolment.invitation.link(vec!["relay.example.org:443".to_owned()], root);
    let read = InvitationLink::parse(&link.encode().unwrap()).unwrap();
    assert_eq!((read.addresses(), read.root()), (link.addresses(), &root));
    let invitation = Invitation::from_link(&read);
    assert_eq!(invitation.id(), enrolment.record.invitation_id());
    assert_eq!(&invitation.key().public(), enrolment.record.key());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_link_reads_back_and_any_single_typo_is_refused(
        seed: u64,
        hosts in prop::collection::vec("[a-z][a-z0-9]{0,20}(\\.[a-z]{2,8}){0,3}:[1-9][0-9]{0,3}", 1..16),
        place: prop::sample::Index,
        typo in proptest::char::range(' ', '~'),
    ) {
        let hospital = Hospital::found(seed);
        let (invitation, _) = hospital.invite(later(DAY));
        let text = invitation.link(hosts.clone(), hospital.root.fingerprint()).encode().unwrap();
        let read = InvitationLink::parse(&text).unwrap();
        prop_assert_eq!(read.addresses(), &hosts[..]);
        prop_assert_eq!(read.key().public(), invitation.key().public());
        let index = place.index(text.len());
        let mut damaged = text.to_string();
        damaged.replace_range(index..=index, &typo.to_string());
        prop_assert_eq!(InvitationLink::parse(&damaged).is_ok(), damaged.eq_ignore_ascii_case(&text));
    }

    #[test]
    fn text_of_any_kind_is_no_link_and_no_panic(text in "(wardline://enrol/)?\\PC{0,200}") {
        prop_assert!(InvitationLink::parse(&text).is_err());
    }

    #[test]
    fn statements_of_any_kind_are_refused_without_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        signature in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let enrolment = Enrolment::begin(1);
        let signer = enrolment.record.statement().signer.clone();
        let statement = pb::SignedStatement { body: body.into(), signer, signature: signature.into() };
        prop_assert!(enrolment.hospital.organisation.verify_invitation(&statement, NOW).is_err());
        let claim = pb::SignedStatement { signer: Default::default(), ..statement };
        prop_assert!(enrolment.check(&claim).is_err());
    }
}

#[test]
fn an_invitation_for_a_lost_device_says_so_under_the_issuers_signature() {
    let hospital = Hospital::found(1);
    let (_, plain) = hospital.invite(later(7 * DAY));
    let subject = hospital.organisation.verify_invitation(&plain, NOW).unwrap().subject().clone();
    let lost = device_id_new(&hospital.entropy).unwrap();
    let (issuer, entropy) = (&hospital.issuer, &hospital.entropy);
    let (invitation, statement) =
        Invitation::create_replacing(issuer, &subject, lost, later(7 * DAY), entropy).unwrap();
    let record = hospital.organisation.verify_invitation(&statement, NOW).unwrap();
    assert_eq!((record.replaces(), record.invitation_id()), (Some(lost), invitation.id()));
    // Without the signature it says nothing.
    let mut content: pb::InvitationRecord = prost::Message::decode(statement.body.clone()).unwrap();
    content.replaces_device_id = device_id_new(&hospital.entropy).unwrap().to_wire();
    let body = prost::Message::encode_to_vec(&content).into();
    let forged = pb::SignedStatement { body, ..statement };
    assert!(hospital.organisation.verify_invitation(&forged, NOW).is_err());
}
