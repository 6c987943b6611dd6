//! Only the pinned root, and what it signed, makes an organisation; only its issuers make a relay.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{DAY, Hospital, NOW, good_device, good_relay, later, refuses_every_damage, uri, wire};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType,
};
use wardline_identity::*;
use wardline_proto::{UtcMillis, relay as pb};

fn verify(hospital: &Hospital, wire: &pb::Organisation) -> Result<Organisation, OrganisationError> {
    Organisation::verify(wire, &hospital.root.fingerprint(), NOW)
}

#[test]
fn an_organisation_reads_back_as_it_was_founded() {
    let hospital = Hospital::found(1);
    let wire = hospital.organisation.to_wire();
    let organisation = verify(&hospital, &wire).unwrap();
    assert_eq!(organisation, hospital.organisation);
    assert_eq!((organisation.id().as_str(), organisation.name().as_str()), ("st-example", "St. Example"));
    assert_eq!((organisation.issuers_number(), organisation.issuers().len()), (1, 1));
    assert_eq!(organisation.root_fingerprint(), hospital.root.fingerprint());
    assert_eq!(organisation.issuers()[0].label().as_str(), "IT lead");
    assert_eq!(organisation.issuers()[0].not_after(), later(365 * DAY));
}

#[test]
fn another_root_than_the_pinned_one_is_refused() {
    let (hospital, twin) = (Hospital::found(1), Hospital::found(2));
    assert!(verify(&twin, &twin.organisation.to_wire()).is_ok());
    let outcome = verify(&hospital, &twin.organisation.to_wire());
    assert_eq!(outcome, Err(OrganisationError::OtherRoot));
}

#[test]
fn an_organisation_under_another_id_or_name_is_refused() {
    let hospital = Hospital::found(1);
    let good = hospital.organisation.to_wire();
    assert!(verify(&hospital, &good).is_ok());
    let renamed = pb::Organisation { organisation_id: "st-exampl".to_owned(), ..good.clone() };
    assert_eq!(verify(&hospital, &renamed), Err(OrganisationError::NameMismatch { field: "id" }));
    let renamed = pb::Organisation { name: "St. Exemple".to_owned(), ..good };
    assert_eq!(verify(&hospital, &renamed), Err(OrganisationError::NameMismatch { field: "name" }));
}

#[test]
fn a_root_outside_its_dates_is_refused() {
    let hospital = Hospital::found(1);
    let good = hospital.organisation.to_wire();
    let at = |now| Organisation::verify(&good, &hospital.root.fingerprint(), now);
    assert!(at(later(30 * 365 * DAY)).is_ok());
    for now in [UtcMillis::new(0), UtcMillis::new(NOW.get() - 3_600_001), later(30 * 365 * DAY + 1)] {
        assert!(matches!(at(now), Err(OrganisationError::Root(_))), "{now:?}");
    }
}

#[test]
fn an_issuers_list_that_the_root_did_not_sign_is_refused() {
    let (hospital, other) = (Hospital::found(1), Hospital::found(2));
    let list = pb::IssuersList {
        number: 1,
        certificates: vec![hospital.issuer.certificate_der().to_vec().into()],
        ..pb::IssuersList::default()
    };
    let (root, label) = (hospital.root.certificate_der(), StatementLabel::IssuersList);
    let sign = |key, label, name| wire(&hospital.root, sign_statement(key, label, &list, Some(name)));
    assert!(verify(&hospital, &sign(hospital.root.key(), label, root)).is_ok());
    let refused = [
        sign(hospital.issuer.key(), label, root),
        sign(hospital.issuer.key(), label, hospital.issuer.certificate_der()),
        sign(other.root.key(), label, root),
        sign(other.root.key(), label, other.root.certificate_der()),
        sign(hospital.root.key(), StatementLabel::InvitationRecord, root),
        wire(&hospital.root, sign_statement(hospital.root.key(), label, &list, None)),
        wire(&hospital.root, pb::SignedStatement::default()),
    ];
    for wire in refused {
        assert!(matches!(verify(&hospital, &wire), Err(OrganisationError::Issuers(_))));
    }
    let missing = pb::Organisation { issuers: None, ..hospital.organisation.to_wire() };
    assert_eq!(verify(&hospital, &missing), Err(OrganisationError::IssuersMissing));
}

#[test]
fn a_list_with_a_foreign_or_misshapen_issuer_is_refused() {
    let (hospital, other) = (Hospital::found(1), Hospital::found(2));
    let good = hospital.issuer.certificate_der();
    let with = |certificate: &[u8]| {
        wire(&hospital.root, hospital.root.sign_issuers_list(2, &[good, certificate]).unwrap())
    };
    let label = DisplayName::parse("second").unwrap();
    let second = hospital.root.found_issuer(&label, &hospital.entropy, NOW).unwrap();
    assert!(verify(&hospital, &with(second.certificate_der())).is_ok());
    let (_, device) = hospital.device();
    for bad in [other.issuer.certificate_der(), hospital.root.certificate_der(), &device, &[]] {
        assert!(matches!(verify(&hospital, &with(bad)), Err(OrganisationError::Issuer { index: 1, .. })));
    }
}

#[test]
fn a_list_with_a_wrong_number_or_length_is_refused() {
    let hospital = Hospital::found(1);
    let der = hospital.issuer.certificate_der();
    let list = |number, certificates| {
        let list = pb::IssuersList { number, certificates, ..pb::IssuersList::default() };
        let (key, root) = (hospital.root.key(), hospital.root.certificate_der());
        wire(&hospital.root, sign_statement(key, StatementLabel::IssuersList, &list, Some(root)))
    };
    let one = bytes(der);
    assert!(verify(&hospital, &list(1, vec![one.clone()])).is_ok());
    assert!(verify(&hospital, &list(1, vec![])).is_ok(), "all struck: nobody is vouched for");
    let shape = |field| Err(OrganisationError::IssuersShape { field });
    assert_eq!(verify(&hospital, &list(0, vec![one.clone()])), shape("number"));
    assert_eq!(verify(&hospital, &list(1, vec![one.clone(), one])), shape("length"));
    let many = (0..65_u8).map(|index| bytes(&[index])).collect();
    assert_eq!(verify(&hospital, &list(1, many)), shape("length"));
    assert!(matches!(hospital.root.sign_issuers_list(0, &[der]), Err(AuthorityError::IssuersShape)));
    assert!(matches!(hospital.root.sign_issuers_list(1, &[der, der]), Err(AuthorityError::IssuersShape)));
}

fn bytes(der: &[u8]) -> prost::bytes::Bytes {
    der.to_vec().into()
}

#[test]
fn every_damage_to_root_issuer_and_list_is_noticed() {
    let hospital = Hospital::found(1);
    let good = hospital.organisation.to_wire();
    // The pin is moved along with the damage: the root's own signature must catch it.
    refuses_every_damage(&good.root_certificate, |der| {
        RootAuthority::from_parts(hospital.root.key().clone(), der).is_ok()
    });
    refuses_every_damage(hospital.issuer.certificate_der(), |der| {
        let list = hospital.root.sign_issuers_list(1, &[der]).unwrap();
        verify(&hospital, &wire(&hospital.root, list)).is_ok()
    });
    let list = good.issuers.unwrap();
    refuses_every_damage(&list.body, |body| {
        let list = pb::SignedStatement { body: bytes(body), ..list.clone() };
        verify(&hospital, &wire(&hospital.root, list)).is_ok()
    });
    refuses_every_damage(&list.signature, |signature| {
        let list = pb::SignedStatement { signature: bytes(signature), ..list.clone() };
        verify(&hospital, &wire(&hospital.root, list)).is_ok()
    });
}

#[test]
fn an_authority_is_only_made_from_its_own_key_and_kind() {
    let hospital = Hospital::found(1);
    let (root, issuer) = (&hospital.root, &hospital.issuer);
    assert!(RootAuthority::from_parts(root.key().clone(), root.certificate_der()).is_ok());
    assert!(IssuerAuthority::new(issuer.key().clone(), issuer.certificate_der()).is_ok());
    let outcome = RootAuthority::from_parts(issuer.key().clone(), root.certificate_der());
    assert!(matches!(outcome, Err(AuthorityError::KeyMismatch)));
    let outcome = IssuerAuthority::new(root.key().clone(), issuer.certificate_der());
    assert!(matches!(outcome, Err(AuthorityError::KeyMismatch)));
    let outcome = RootAuthority::from_parts(issuer.key().clone(), issuer.certificate_der());
    assert!(matches!(outcome, Err(AuthorityError::OwnCertificate(_))));
    let (key, device) = hospital.device();
    assert!(matches!(IssuerAuthority::new(key, &device), Err(AuthorityError::OwnCertificate(_))));
}

#[test]
fn an_issuer_without_its_limits_is_refused_even_if_the_root_signed_it() {
    let hospital = Hospital::found(1);
    let key = hospital.key().public();
    let good = issuer_parameters(&hospital);
    let accepted = |parameters: &CertificateParams| {
        let root = (hospital.root.key(), hospital.root.certificate_der());
        let der = hospital::forge(parameters, &key.into(), root.0, root.1);
        let list = hospital.root.sign_issuers_list(1, &[der]).unwrap();
        verify(&hospital, &wire(&hospital.root, list)).is_ok()
    };
    assert!(accepted(&good), "the control");
    let changes: [fn(&mut CertificateParams); 7] = [
        |p| p.is_ca = IsCa::NoCa,
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)),
        |p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature],
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
        |p| p.subject_alt_names = vec![uri("wardline://other/issuer")],
        |p| p.subject_alt_names = vec![uri("wardline://st-example/relay")],
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = good.clone();
        change(&mut other);
        assert!(!accepted(&other), "change {index}");
    }
}

fn issuer_parameters(hospital: &Hospital) -> CertificateParams {
    let mut parameters = good_device(hospital);
    parameters.custom_extensions.clear();
    parameters.extended_key_usages.clear();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.subject_alt_names = vec![uri("wardline://st-example/issuer")];
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "st-example");
    parameters.distinguished_name.push(DnType::CommonName, "second");
    parameters.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), "00");
    parameters
}

#[test]
fn an_issuer_under_another_name_than_the_roots_is_refused() {
    let hospital = Hospital::found(1);
    let (good, key) = (issuer_parameters(&hospital), hospital.key().public().into());
    let accepted = |name: &[u8]| {
        let der = hospital::forge(&good, &key, hospital.root.key(), name);
        let list = hospital.root.sign_issuers_list(1, &[der]).unwrap();
        verify(&hospital, &wire(&hospital.root, list)).is_ok()
    };
    assert!(accepted(hospital.root.certificate_der()));
    assert!(!accepted(hospital.issuer.certificate_der()));
}

#[test]
fn a_root_of_another_shape_is_refused_even_if_it_is_the_pinned_one() {
    let hospital = Hospital::found(1);
    let mut good = issuer_parameters(&hospital);
    good.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    good.subject_alt_names = vec![uri("wardline://st-example")];
    good.distinguished_name = DistinguishedName::new();
    good.distinguished_name.push(DnType::CommonName, "St. Example");
    let root = hospital.root.key();
    let pair = rcgen::KeyPair::try_from(root.to_pkcs8_v1().as_slice()).unwrap();
    let accepted = |der: &[u8]| RootAuthority::from_parts(root.clone(), der).is_ok();
    assert!(accepted(good.self_signed(&pair).unwrap().der()), "the control");
    let changes: [fn(&mut CertificateParams); 7] = [
        |p| p.is_ca = IsCa::NoCa,
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
        |p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature],
        |p| p.subject_alt_names = vec![uri("wardline://st-example/issuer")],
        |p| p.subject_alt_names = vec![uri("wardline://st-example"), uri("wardline://other")],
        |p| p.distinguished_name.push(DnType::CountryName, "CH"),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = good.clone();
        change(&mut other);
        assert!(!accepted(other.self_signed(&pair).unwrap().der()), "change {index}");
    }
    // Its own key, but another issuer's name.
    assert!(!accepted(&hospital::forge(
        &good,
        &root.public().into(),
        root,
        hospital.issuer.certificate_der()
    )));
}

#[test]
fn a_relay_of_another_shape_is_refused_even_if_an_issuer_signed_it() {
    let hospital = Hospital::found(1);
    let (good, key) = (good_relay(&hospital), hospital.key().public().into());
    let issuer = (hospital.issuer.key(), hospital.issuer.certificate_der());
    let accepted = |parameters: &CertificateParams, now| {
        let der = hospital::forge(parameters, &key, issuer.0, issuer.1);
        hospital.organisation.verify_relay(&der, now).is_ok()
    };
    assert!(accepted(&good, NOW), "the control");
    assert!(accepted(&good, later(90 * DAY)) && !accepted(&good, later(90 * DAY + 1)));
    let changes: [fn(&mut CertificateParams); 7] = [
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        |p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth),
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
        |p| p.subject_alt_names[0] = uri("wardline://other/relay"),
        |p| p.subject_alt_names[0] = uri("wardline://st-example/issuer"),
        |p| p.subject_alt_names.truncate(1),
        |p| p.subject_alt_names.push(SanType::Rfc822Name("a@b".try_into().unwrap())),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = good.clone();
        change(&mut other);
        assert!(!accepted(&other, NOW), "change {index}");
    }
}

#[test]
fn relay_and_device_never_pass_for_each_other() {
    let hospital = Hospital::found(1);
    let ((_, relay), (_, device)) = (hospital.relay(), hospital.device());
    assert!(hospital.organisation.verify_relay(&relay, NOW).is_ok() && hospital.verify(&device).is_ok());
    assert!(hospital.organisation.verify_relay(&device, NOW).is_err());
    assert!(hospital.verify(&relay).is_err());
    for authority in [hospital.root.certificate_der(), hospital.issuer.certificate_der()] {
        assert!(hospital.verify(authority).is_err());
        assert!(hospital.organisation.verify_relay(authority, NOW).is_err());
    }
    refuses_every_damage(&relay, |der| hospital.organisation.verify_relay(der, NOW).is_ok());
}

#[test]
fn a_relays_certificates_carry_its_addresses_for_both_kinds_of_key() {
    let hospital = Hospital::found(1);
    let p256 = P256SigningKey::generate(&hospital.entropy).unwrap();
    let request = p256.certificate_request().unwrap();
    let addresses =
        ["Relay.example.org:443", "10.0.0.7:443", "[::1]:443", "relay.example.org:8443"].map(str::to_owned);
    let der = hospital.issuer.certify_relay(&request, &addresses, &hospital.entropy, NOW).unwrap();
    let relay = hospital.organisation.verify_relay(&der, NOW).unwrap();
    assert_eq!(relay.hosts(), ["relay.example.org", "10.0.0.7", "::1"]);
    assert_eq!(relay.key(), &p256.public());
    assert!(hospital.organisation.verify_relay(&der, later(366 * DAY)).is_err());
    let none = hospital.issuer.certify_relay(&request, &[], &hospital.entropy, NOW);
    assert!(matches!(none, Err(AuthorityError::Name(_))));
    let bad = hospital.issuer.certify_relay(&request[1..], &addresses, &hospital.entropy, NOW);
    assert!(matches!(bad, Err(AuthorityError::Request(_))));
}

#[test]
fn the_relays_time_counts_from_a_relay_of_ours_only() {
    let (hospital, other) = (Hospital::found(1), Hospital::found(2));
    let ((key, der), (other_key, other_der)) = (hospital.relay(), other.relay());
    let (device_key, device_der) = hospital.device();
    let time = pb::RelayTime { time: Some(NOW.into()), ..Default::default() };
    let label = StatementLabel::RelayTime;
    let check = |key: &SigningKey, der: &[u8], label, now: UtcMillis| {
        let signed = sign_statement(key, StatementLabel::RelayTime, &time, Some(der));
        hospital.organisation.verify_relay_statement(label, der, &signed, now).is_ok()
    };
    assert!(check(&key, &der, label, NOW));
    assert!(!check(&key, &der, StatementLabel::Leave, NOW));
    assert!(!check(&key, &der, label, later(366 * DAY)));
    assert!(!check(&device_key, &der, label, NOW));
    assert!(!check(&device_key, &device_der, label, NOW));
    assert!(!check(&other_key, &other_der, label, NOW));
    assert!(!check(hospital.issuer.key(), hospital.issuer.certificate_der(), label, NOW));
}

#[test]
fn an_issuers_statement_counts_while_it_is_listed_and_in_force() {
    let (hospital, other) = (Hospital::found(1), Hospital::found(2));
    let record = pb::InvitationRecord::default();
    let label = StatementLabel::InvitationRecord;
    let signed = hospital.issuer.sign(label, &record);
    let check = |label, signed: &pb::SignedStatement, now| {
        hospital.organisation.verify_issuer_statement(label, signed, now)
    };
    assert_eq!(check(label, &signed, DateCheck::At(NOW)), Ok(signed.body.clone()));
    assert_eq!(check(label, &signed, DateCheck::Skip), Ok(signed.body.clone()));
    let expired = check(label, &signed, DateCheck::At(later(366 * DAY)));
    assert_eq!(expired, Err(StatementError::OtherSigner));
    assert!(check(StatementLabel::Leave, &signed, DateCheck::At(NOW)).is_err());
    assert!(check(label, &other.issuer.sign(label, &record), DateCheck::At(NOW)).is_err());
    let (key, der) = hospital.device();
    assert!(check(label, &sign_statement(&key, label, &record, Some(&der)), DateCheck::At(NOW)).is_err());
}
