//! Whatever is thrown at the readers: good input comes back unchanged, the rest is refused without a panic.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{DAY, Hospital, NOW, later};
use proptest::prelude::*;
use wardline_identity::*;
use wardline_proto::{DeviceId, relay as pb};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_subject_within_the_rules_comes_back_unchanged(
        seed: u64,
        user in "[a-z0-9][a-z0-9._-]{0,63}",
        display in "[\\p{L}\\p{N}][\\p{L}\\p{N} .]{0,126}[\\p{L}\\p{N}]",
        name in "[\\p{L}\\p{N}]{1,64}",
        role in prop::sample::select(Role::ALL.to_vec()),
    ) {
        let hospital = Hospital::found(seed);
        let subject = DeviceSubject {
            user: UserId::parse(&user).unwrap(),
            display_name: DisplayName::parse(&display).unwrap(),
            device_name: DeviceName::parse(&name).unwrap(),
            role,
            ..hospital.subject()
        };
        let key = hospital.key().public().into();
        let der = hospital.issuer.certify_device(&subject, &key, &hospital.entropy, NOW).unwrap();
        let device = hospital.verify(&der).unwrap();
        prop_assert_eq!(device.subject(), &subject);
        prop_assert_eq!(device.key(), &key);
        prop_assert_eq!(Hospital::found(seed.wrapping_add(1)).verify(&der), Err(CertificateError::UnknownIssuer));
    }

    #[test]
    fn bytes_of_any_kind_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let hospital = Hospital::found(1);
        prop_assert!(hospital.verify(&bytes).is_err());
        prop_assert!(verify_certificate_request(&bytes).is_err());
        prop_assert!(hospital.organisation.verify_relay(&bytes, NOW).is_err());
        prop_assert!(IssuerAuthority::new(hospital.key(), &bytes).is_err());
        prop_assert!(RootAuthority::from_parts(hospital.key(), &bytes).is_err());
    }

    #[test]
    fn a_certificate_spliced_from_two_is_refused(from in 0_usize..600, length in 1_usize..64) {
        let hospital = Hospital::found(1);
        let (first, second) = (hospital.device().1, hospital.device().1);
        let end = (from + length).min(first.len()).min(second.len());
        let mut spliced = first.clone();
        if from < end {
            spliced[from..end].copy_from_slice(&second[from..end]);
        }
        let whole = spliced == first || spliced == second;
        prop_assert_eq!(hospital.organisation.verify_device(&spliced, NOW).is_ok(), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_record_names_the_device_it_replaces_whole_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let hospital = Hospital::found(1);
        let (_, statement) = hospital.invite(later(7 * DAY));
        let mut record: pb::InvitationRecord = prost::Message::decode(statement.body).unwrap();
        prop_assert!(record.replaces_device_id.is_empty(), "the control: an invitation replaces nothing");
        record.replaces_device_id = bytes.clone().into();
        let signed = hospital.issuer.sign(StatementLabel::InvitationRecord, &record);
        let read = hospital.organisation.verify_invitation(&signed, NOW).map(|record| record.replaces());
        match DeviceId::try_from(bytes.as_slice()) {
            _ if bytes.is_empty() => prop_assert_eq!(read, Ok(None)),
            Ok(device) => prop_assert_eq!(read, Ok(Some(device))),
            Err(_) => prop_assert_eq!(read, Err(InvitationError::Field { field: "replaced device" })),
        }
    }
}
