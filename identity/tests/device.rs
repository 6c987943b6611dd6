//! Nothing but a good chain makes a device: each attack beside the input it spoils.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{
    DAY, Hospital, NOW, date, forge, good_device, later, refuses_every_damage, resign, role_extension, wire,
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType,
};
use wardline_identity::*;

#[test]
fn a_devices_certificate_says_what_its_subject_said() {
    let hospital = Hospital::found(1);
    let (subject, key) = (hospital.subject(), hospital.key());
    let der = hospital.issuer.certify_device(&subject, &key.public().into(), &hospital.entropy, NOW).unwrap();
    let device = hospital.verify(&der).unwrap();
    assert_eq!(device.subject(), &subject);
    assert_eq!(device.as_member(), Ok(key.public()));
    assert_eq!(device.not_after(), later(90 * DAY));
    assert_eq!(device.not_before().seconds(), NOW.seconds() - 3_600);
    assert_eq!(device.serial().len(), 16);
    assert_eq!(device.issuer(), *hospital.issuer.certificate().fingerprint());
    assert_eq!(device.der(), der);
}

#[test]
fn what_is_logged_of_a_certificate_names_nobody() {
    let hospital = Hospital::found(1);
    let (subject, key) = (hospital.subject(), hospital.key());
    let der = hospital.issuer.certify_device(&subject, &key.public().into(), &hospital.entropy, NOW).unwrap();
    let device = hospital.verify(&der).unwrap();
    let shown = format!("{device:?}");
    assert!(shown.contains(&format!("{:?}", subject.device)), "the control: {shown}");
    assert!(shown.contains(&format!("{:?}", device.fingerprint())), "the control: {shown}");
    let (user, display, name) =
        (subject.user.as_str(), subject.display_name.as_str(), subject.device_name.as_str());
    for secret in [user, display, name, "der", "serial"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.len() < 200, "no room for the certificate: {shown}");
}

#[test]
fn no_two_certificates_share_a_serial() {
    let hospital = Hospital::found(1);
    let (first, second) = (hospital.device().1, hospital.device().1);
    let serial = |der: &[u8]| hospital.verify(der).unwrap().serial().to_vec();
    assert_ne!(serial(&first), serial(&second));
}

#[test]
fn an_expired_certificate_is_refused() {
    let hospital = Hospital::found(1);
    let (_, der) = hospital.device();
    assert!(hospital.organisation.verify_device(&der, later(90 * DAY)).is_ok());
    let outcome = hospital.organisation.verify_device(&der, later(90 * DAY + 1));
    assert!(matches!(outcome, Err(CertificateError::Expired { .. })));
    assert!(hospital.organisation.verify_device(&der, DateCheck::Skip).is_ok());
}

#[test]
fn a_certificate_that_is_not_yet_valid_is_refused() {
    let hospital = Hospital::found(1);
    let key = hospital.key().public().into();
    let der =
        hospital.issuer.certify_device(&hospital.subject(), &key, &hospital.entropy, later(DAY)).unwrap();
    assert!(hospital.organisation.verify_device(&der, later(DAY - 3_600)).is_ok());
    let outcome = hospital.organisation.verify_device(&der, later(DAY - 3_601));
    assert!(matches!(outcome, Err(CertificateError::NotYetValid { .. })));
    assert!(hospital.organisation.verify_device(&der, DateCheck::Skip).is_ok());
}

#[test]
fn a_device_of_an_expired_issuer_is_refused() {
    let hospital = Hospital::found(1);
    let mut long = good_device(&hospital);
    long.not_after = date(400 * DAY);
    let key = hospital.key().public().into();
    let der = forge(&long, &key, hospital.issuer.key(), hospital.issuer.certificate_der());
    assert!(hospital.organisation.verify_device(&der, later(365 * DAY)).is_ok());
    let outcome = hospital.organisation.verify_device(&der, later(365 * DAY + 1));
    assert_eq!(outcome, Err(CertificateError::IssuerNotInForce));
    assert!(hospital.organisation.verify_device(&der, DateCheck::Skip).is_ok());
}

#[test]
fn a_certificate_never_outlives_its_issuer() {
    let hospital = Hospital::found(1);
    let (key, late) = (hospital.key().public().into(), later(360 * DAY));
    let der = hospital.issuer.certify_device(&hospital.subject(), &key, &hospital.entropy, late).unwrap();
    let device = hospital.organisation.verify_device(&der, late).unwrap();
    assert_eq!(device.not_after(), hospital.issuer.certificate().not_after());
    let after =
        hospital.issuer.certify_device(&hospital.subject(), &key, &hospital.entropy, later(366 * DAY));
    assert!(matches!(after, Err(AuthorityError::NotInForce)));
}

#[test]
fn a_device_of_another_organisation_is_refused() {
    let (hospital, other) = (Hospital::found(1), Hospital::named("Other Clinic", 2));
    let (_, der) = other.device();
    assert!(other.verify(&der).is_ok());
    assert_eq!(hospital.verify(&der), Err(CertificateError::UnknownIssuer));
    // Another organisation of the same name has another root all the same.
    let twin = Hospital::found(3);
    assert_eq!(hospital.verify(&twin.device().1), Err(CertificateError::UnknownIssuer));
}

#[test]
fn an_issuer_certifies_for_its_own_organisation_only() {
    let (hospital, other) = (Hospital::found(1), Hospital::named("Other Clinic", 2));
    let key: DeviceKey = hospital.key().public().into();
    let outcome = hospital.issuer.certify_device(&other.subject(), &key, &hospital.entropy, NOW);
    assert!(matches!(outcome, Err(AuthorityError::ForeignOrganisation)));
    // And one that does so by other means convinces nobody.
    let (good, foreign) = (good_device(&hospital), good_device(&other));
    let sign = |parameters| forge(parameters, &key, hospital.issuer.key(), hospital.issuer.certificate_der());
    assert!(hospital.verify(&sign(&good)).is_ok());
    assert_eq!(hospital.verify(&sign(&foreign)), Err(CertificateError::ForeignOrganisation));
}

#[test]
fn a_certificate_signed_with_another_key_is_refused() {
    let hospital = Hospital::found(1);
    let (good, key) = (good_device(&hospital), hospital.key().public().into());
    let name = hospital.issuer.certificate_der();
    assert!(hospital.verify(&forge(&good, &key, hospital.issuer.key(), name)).is_ok());
    for signer in [&hospital.key(), hospital.root.key()] {
        assert_eq!(hospital.verify(&forge(&good, &key, signer, name)), Err(CertificateError::Signature));
    }
}

#[test]
fn a_self_signed_certificate_is_refused() {
    let hospital = Hospital::found(1);
    let (good, key) = (good_device(&hospital), hospital.key());
    let pair = rcgen::KeyPair::try_from(key.to_pkcs8_v1().as_slice()).unwrap();
    let alone = good.self_signed(&pair).unwrap();
    assert_eq!(hospital.verify(alone.der()), Err(CertificateError::UnknownIssuer));
    let signed = forge(&good, &key.public().into(), hospital.issuer.key(), hospital.issuer.certificate_der());
    assert!(hospital.verify(&signed).is_ok());
}

#[test]
fn a_certificate_issued_by_a_device_or_by_the_root_is_refused() {
    let hospital = Hospital::found(1);
    let (device_key, device_der) = hospital.device();
    let (good, key) = (good_device(&hospital), hospital.key().public().into());
    let by = |signer, name| hospital.verify(&forge(&good, &key, signer, name));
    assert!(by(hospital.issuer.key(), hospital.issuer.certificate_der()).is_ok());
    assert_eq!(by(&device_key, &device_der), Err(CertificateError::UnknownIssuer));
    assert_eq!(by(&device_key, hospital.issuer.certificate_der()), Err(CertificateError::Signature));
    assert_eq!(
        by(hospital.root.key(), hospital.root.certificate_der()),
        Err(CertificateError::UnknownIssuer)
    );
}

#[test]
fn a_device_whose_issuer_is_not_on_the_list_is_refused() {
    let hospital = Hospital::found(1);
    let label = DisplayName::parse("night shift").unwrap();
    let second = hospital.root.found_issuer(&label, &hospital.entropy, NOW).unwrap();
    let key = hospital.key().public().into();
    let der = second.certify_device(&hospital.subject(), &key, &hospital.entropy, NOW).unwrap();
    assert_eq!(hospital.verify(&der), Err(CertificateError::UnknownIssuer));

    let both = [hospital.issuer.certificate_der(), second.certificate_der()];
    let list = hospital.root.sign_issuers_list(2, &both).unwrap();
    let longer =
        Organisation::verify(&wire(&hospital.root, list), &hospital.root.fingerprint(), NOW).unwrap();
    assert!(longer.verify_device(&der, NOW).is_ok(), "the control: once listed, it counts");
}

#[test]
fn a_renewed_issuer_with_the_same_key_counts_from_either_certificate() {
    let hospital = Hospital::found(1);
    let label = hospital.issuer.certificate().label();
    let key = hospital.issuer.key().public();
    let renewed = hospital.root.certify_issuer(&key, label, &hospital.entropy, later(300 * DAY)).unwrap();
    let list = hospital.root.sign_issuers_list(2, &[hospital.issuer.certificate_der(), &renewed]).unwrap();
    let both = Organisation::verify(&wire(&hospital.root, list), &hospital.root.fingerprint(), NOW).unwrap();
    let again = IssuerAuthority::new(hospital.issuer.key().clone(), &renewed).unwrap();
    let device = hospital.key().public().into();
    let der =
        again.certify_device(&hospital.subject(), &device, &hospital.entropy, later(370 * DAY)).unwrap();
    assert!(both.verify_device(&der, later(370 * DAY)).is_ok());
    let outcome = hospital.organisation.verify_device(&der, later(370 * DAY));
    assert_eq!(
        outcome,
        Err(CertificateError::IssuerNotInForce),
        "the control: the old one alone has expired"
    );
}

type Change = (&'static str, fn(&mut CertificateParams), CertificateError);

/// What an issuer that plays foul could sign, and what becomes of it.
const CHANGES: [Change; 16] = [
    ("no role", |p| p.custom_extensions.clear(), CertificateError::UnknownRole),
    ("unknown role", |p| p.custom_extensions = vec![role_extension("root")], CertificateError::UnknownRole),
    ("no word as role", |p| p.custom_extensions = vec![role_extension("")], CertificateError::UnknownRole),
    (
        "two roles",
        |p| p.custom_extensions.push(role_extension("administrator")),
        CertificateError::Profile { field: "list of extensions" },
    ),
    (
        "unknown critical extension",
        |p| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x05, 0x00]);
            unknown.set_criticality(true);
            p.custom_extensions.push(unknown);
        },
        CertificateError::UnknownCriticalExtension,
    ),
    ("no key usage", |p| p.key_usages.clear(), CertificateError::Profile { field: "key usage" }),
    (
        "may sign certificates",
        |p| p.key_usages.push(KeyUsagePurpose::KeyCertSign),
        CertificateError::Profile { field: "key usage" },
    ),
    (
        "no extended key usage",
        |p| p.extended_key_usages.clear(),
        CertificateError::Profile { field: "extended key usage" },
    ),
    (
        "a server too",
        |p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth),
        CertificateError::Profile { field: "extended key usage" },
    ),
    (
        "anything",
        |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
        CertificateError::Profile { field: "extended key usage" },
    ),
    (
        "an authority",
        |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
        CertificateError::Profile { field: "basic constraints" },
    ),
    ("no URI", |p| p.subject_alt_names.clear(), CertificateError::Profile { field: "URI" }),
    (
        "a second URI",
        |p| p.subject_alt_names.push(p.subject_alt_names[0].clone()),
        CertificateError::Profile { field: "URI" },
    ),
    (
        "a DNS name too",
        |p| p.subject_alt_names.push(SanType::DnsName("relay".try_into().unwrap())),
        CertificateError::Profile { field: "URI" },
    ),
    (
        "another name",
        |p| p.distinguished_name.push(DnType::CountryName, "CH"),
        CertificateError::Profile { field: "subject" },
    ),
    (
        "serial zero",
        |p| p.serial_number = Some(vec![0].into()),
        CertificateError::Profile { field: "serial number" },
    ),
];

#[test]
fn a_certificate_of_another_shape_is_refused_even_if_an_issuer_signed_it() {
    let hospital = Hospital::found(1);
    let key = hospital.key().public().into();
    let sign =
        |p: &CertificateParams| forge(p, &key, hospital.issuer.key(), hospital.issuer.certificate_der());
    let good = good_device(&hospital);
    assert!(hospital.verify(&sign(&good)).is_ok(), "the control");
    for (name, change, expected) in CHANGES {
        let mut other = good.clone();
        change(&mut other);
        assert_eq!(hospital.verify(&sign(&other)), Err(expected), "{name}");
    }
}

#[test]
fn another_encoding_is_refused_even_if_an_issuer_signed_it() {
    let hospital = Hospital::found(1);
    let (key, der) = hospital.device();
    let changed = |from: &[u8], to: &[u8]| hospital.verify(&resign(&der, from, to, hospital.issuer.key()));
    assert!(changed(b"phone", b"Phone").is_ok(), "the control: a change and a new signature");
    let ed448_named = changed(&[0x06, 0x03, 0x2B, 0x65, 0x70], &[0x06, 0x03, 0x2B, 0x65, 0x71]);
    assert_eq!(ed448_named, Err(CertificateError::Profile { field: "signature algorithm" }));
    let printable = changed(b"\x0C\x05phone", b"\x13\x05phone");
    assert_eq!(printable, Err(CertificateError::Profile { field: "name" }));
    let version_2 = changed(&[0xA0, 0x03, 0x02, 0x01, 0x02], &[0xA0, 0x03, 0x02, 0x01, 0x01]);
    assert_eq!(version_2, Err(CertificateError::Profile { field: "version" }));
    let head = [&[0x03, 0x21, 0x00], &key.public().as_bytes()[..]].concat();
    let short = [&[0x03, 0x21, 0x01], &key.public().as_bytes()[..]].concat();
    assert!(changed(&head, &short).is_err(), "a key of 255 bits");
    let weak = [&[0x03, 0x21, 0x00], &[0; 32][..]].concat();
    assert_eq!(changed(&head, &weak), Err(CertificateError::Key(KeyError::Ed25519)));
}

#[test]
fn an_unknown_extension_that_is_not_critical_does_no_harm() {
    let hospital = Hospital::found(1);
    let mut newer = good_device(&hospital);
    newer.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x05, 0x00]));
    let key = hospital.key().public().into();
    assert!(
        hospital
            .verify(&forge(&newer, &key, hospital.issuer.key(), hospital.issuer.certificate_der()))
            .is_ok()
    );
}

#[test]
fn names_that_deceive_are_refused_in_certificates_too() {
    let hospital = Hospital::found(1);
    let key = hospital.key().public().into();
    for name in ["Dr. A\u{202E}", "", " Dr. A"] {
        let mut other = good_device(&hospital);
        other.distinguished_name.remove(DnType::CommonName);
        other.distinguished_name.remove(DnType::OrganizationalUnitName);
        other.distinguished_name.push(DnType::CommonName, name);
        other.distinguished_name.push(DnType::OrganizationalUnitName, "phone");
        let der = forge(&other, &key, hospital.issuer.key(), hospital.issuer.certificate_der());
        assert!(matches!(hospital.verify(&der), Err(CertificateError::Name(_))), "{name:?}");
    }
}

#[test]
fn every_damage_to_a_certificate_is_noticed() {
    let hospital = Hospital::found(1);
    let (_, der) = hospital.device();
    refuses_every_damage(&der, |der| hospital.organisation.verify_device(der, DateCheck::Skip).is_ok());
}

#[test]
fn a_p256_certificate_gives_access_and_never_membership() {
    let hospital = Hospital::found(1);
    let key = P256SigningKey::generate(&hospital.entropy).unwrap();
    let subject = hospital.subject();
    let der = hospital.issuer.certify_device(&subject, &key.public(), &hospital.entropy, NOW).unwrap();
    let device = hospital.verify(&der).unwrap();
    assert_eq!(device.key(), &key.public());
    assert_eq!(device.as_member(), Err(CertificateError::MemberKeyRequired));
    let (member, member_der) = hospital.device();
    assert_eq!(hospital.verify(&member_der).unwrap().as_member(), Ok(member.public()));
    let leave = wardline_proto::relay::Leave::default();
    let signed = sign_statement(&member, StatementLabel::Leave, &leave, Some(&der));
    assert_eq!(device.verify_statement(StatementLabel::Leave, &signed), Err(StatementError::KeyKind));
    refuses_every_damage(&der, |der| hospital.organisation.verify_device(der, DateCheck::Skip).is_ok());
}

#[test]
fn a_devices_statement_counts_under_its_label_and_certificate_only() {
    let hospital = Hospital::found(1);
    let (key, der) = hospital.device();
    let device = hospital.verify(&der).unwrap();
    let leave = wardline_proto::relay::Leave { user_id: "dr.a".to_owned(), ..Default::default() };
    let signed = sign_statement(&key, StatementLabel::Leave, &leave, Some(&der));
    assert_eq!(device.verify_statement(StatementLabel::Leave, &signed), Ok(signed.body.clone()));
    for label in StatementLabel::ALL.iter().filter(|label| **label != StatementLabel::Leave) {
        assert!(device.verify_statement(*label, &signed).is_err(), "{label}");
    }
    let (_, other) = hospital.device();
    let outcome = hospital.verify(&other).unwrap().verify_statement(StatementLabel::Leave, &signed);
    assert_eq!(outcome, Err(StatementError::OtherSigner));
}
