//! Claims about a renewal: signed by both keys of the very device, near the end of its certificate, and granted to the word.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{DAY, Hospital, NOW};
use wardline_identity::{
    CertificateError, DateCheck, DeviceCertificate, DeviceKey, Renewal, RenewalError, Role, SigningKey,
    StatementError, UserId,
};
use wardline_proto::{
    UtcMillis,
    in_place::{arm, disarm},
    relay::RenewalRequest,
};

fn at(days: u64) -> UtcMillis {
    NOW.plus_seconds(days * DAY)
}

struct Asking {
    hospital: Hospital,
    key: SigningKey,
    certificate: DeviceCertificate,
    next: SigningKey,
}

impl Asking {
    fn new() -> Self {
        let hospital = Hospital::found(7);
        let (key, der) = hospital.device();
        let certificate = hospital.organisation.verify_device(&der, DateCheck::At(NOW)).unwrap();
        let next = hospital.key();
        Self { hospital, key, certificate, next }
    }

    fn request(&self) -> RenewalRequest {
        Renewal::ask(&self.key, &self.certificate, &self.next)
    }

    fn verify(&self, request: &RenewalRequest) -> Result<Renewal, RenewalError> {
        Renewal::verify(request, &self.certificate)
    }
}

#[test]
fn a_device_asks_with_both_keys_in_the_last_third() {
    let asking = Asking::new();
    assert_eq!(asking.request(), asking.request(), "the same bytes each time");
    let renewal = asking.verify(&asking.request()).unwrap();
    assert_eq!(*renewal.key(), asking.next.public());
    assert_eq!(renewal.subject(), asking.certificate.subject());
    assert_eq!(
        renewal.check_time(at(59)),
        Err(RenewalError::Early { from: asking.certificate.renewable_from() })
    );
    assert_eq!((renewal.check_time(at(60)), renewal.check_time(at(89))), (Ok(()), Ok(())));
    assert!(matches!(
        renewal.check_time(at(91)),
        Err(RenewalError::Certificate(CertificateError::Expired { .. }))
    ));
}

#[test]
fn every_flipped_bit_of_a_request_is_refused() {
    let asking = Asking::new();
    let request = asking.request();
    let statement = request.renewal.clone().unwrap();
    for part in 0..4 {
        let of = |statement: &wardline_proto::relay::SignedStatement, possession: &prost::bytes::Bytes| {
            [&statement.body, &statement.signer, &statement.signature, possession][part].to_vec()
        };
        for index in 0..of(&statement, &request.possession).len() {
            let mut bytes = of(&statement, &request.possession);
            bytes[index] ^= 1;
            let (mut altered, mut renewal) = (request.clone(), statement.clone());
            match part {
                0 => renewal.body = bytes.into(),
                1 => renewal.signer = bytes.into(),
                2 => renewal.signature = bytes.into(),
                _ => altered.possession = bytes.into(),
            }
            altered.renewal = Some(renewal);
            assert!(asking.verify(&altered).is_err(), "byte {index} of part {part}");
        }
    }
    assert!(asking.verify(&request).is_ok(), "the control");
}

#[test]
fn nobody_asks_for_another_or_with_a_key_of_another() {
    let asking = Asking::new();
    let (_, der) = asking.hospital.device();
    let others = asking.hospital.organisation.verify_device(&der, DateCheck::At(NOW)).unwrap();
    assert!(matches!(
        Renewal::verify(&asking.request(), &others),
        Err(RenewalError::Statement(StatementError::OtherSigner))
    ));
    // For a key that another holds.
    let mut request = asking.request();
    let another = asking.hospital.key();
    request.possession = Renewal::ask(&asking.key, &asking.certificate, &another).possession;
    assert_eq!(asking.verify(&request).unwrap_err(), RenewalError::Possession);
    let same = Renewal::ask(&asking.key, &asking.certificate, &asking.key);
    assert_eq!(asking.verify(&same).unwrap_err(), RenewalError::SameKey);
    arm("mutant.renewal_of_same_key");
    let taken = asking.verify(&same);
    disarm("mutant.renewal_of_same_key");
    assert_eq!(*taken.unwrap().key(), asking.key.public(), "the guard taken away: a key lives on for ever");
    assert_eq!(asking.verify(&RenewalRequest::default()).unwrap_err(), RenewalError::Malformed);
}

#[test]
fn a_certificate_that_says_anything_else_is_not_what_was_asked_for() {
    let asking = Asking::new();
    let renewal = asking.verify(&asking.request()).unwrap();
    let certified = |user: &str, role, key: &SigningKey, now| {
        let mut subject = asking.certificate.subject().clone();
        (subject.user, subject.role) = (UserId::parse(user).unwrap(), role);
        let (issuer, entropy) = (&asking.hospital.issuer, &asking.hospital.entropy);
        let der = issuer.certify_device(&subject, &DeviceKey::Ed25519(key.public()), entropy, now).unwrap();
        asking.hospital.organisation.verify_device(&der, DateCheck::Skip).unwrap()
    };
    let (user, role) = (asking.certificate.user().as_str(), asking.certificate.role());
    let field = |next: &DeviceCertificate| match renewal.check_certificate(next) {
        Err(RenewalError::Mismatch { field }) => field,
        outcome => panic!("{outcome:?}"),
    };
    assert_eq!(renewal.check_certificate(&certified(user, role, &asking.next, at(70))), Ok(()));
    assert_eq!(field(&certified("nurse.b", role, &asking.next, at(70))), "user");
    assert_eq!(field(&certified(user, Role::Administrator, &asking.next, at(70))), "role");
    assert_eq!(field(&certified(user, role, &asking.key, at(70))), "key");
    assert_eq!(field(&certified(user, role, &asking.next, NOW)), "end");
}
