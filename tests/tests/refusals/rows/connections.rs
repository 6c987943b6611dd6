//! Connections that are not let in.

use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ED25519, SanType,
};
use wardline_client_core::relay::ClientIdentity;
use wardline_identity::{Clock as _, Role, SigningKey, SystemClock, SystemEntropy};
use wardline_proto::Reason;

use super::{Attempt, Expected, Kept, Row};
use crate::{
    authority::{Authority, now_minus_days},
    house::House,
};

fn connect(input: &'static str, identity: fn(&House) -> ClientIdentity) -> Row {
    let expected = Expected::Closed(Reason::CertificateInvalid);
    Row { input, path: "", expected, kept: Kept::Nothing, attempt: Attempt::Connect(identity) }
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            input: "TLS 1.2",
            path: "",
            expected: Expected::Alert(70, "protocol_version"),
            kept: Kept::Nothing,
            attempt: Attempt::Hello,
        },
        connect("a certificate that has expired", |house| {
            house.authority.certify("doctor-a", Role::Clinician, now_minus_days(150)).identity
        }),
        connect("a certificate of another organisation", |_| {
            let elsewhere = Authority::found("St. Elsewhere");
            elsewhere.certify("doctor-a", Role::Clinician, SystemClock.now()).identity
        }),
        connect("a certificate of another organisation with this one's issuer beside it", |house| {
            let elsewhere = Authority::found("St. Elsewhere");
            let theirs = elsewhere.certify("doctor-a", Role::Clinician, SystemClock.now());
            let chain = house.authority.chain(theirs.certificate.der());
            ClientIdentity { chain, ..theirs.identity }
        }),
        connect("a self-signed certificate", self_signed),
        connect("an issuer's certificate as a device's", |house| {
            let issuer = &house.authority.issuer;
            let chain = vec![issuer.certificate_der().to_vec()];
            ClientIdentity { key: issuer.key().to_pkcs8_v1(), chain }
        }),
        connect("a certificate that was signed but never handed in", |house| {
            house.authority.certify("doctor-a", Role::Clinician, SystemClock.now()).identity
        }),
    ]
}

/// Everything that a device's certificate says, said by the device itself.
fn self_signed(house: &House) -> ClientIdentity {
    let key = SigningKey::generate(&SystemEntropy).expect("a key");
    let pkcs8 = key.to_pkcs8_v1();
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.as_slice().into(), &PKCS_ED25519);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "doctor-a");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let organisation = house.authority.organisation.id();
    let uri = format!("wardline://{organisation}/doctor-a/00000000-0000-4000-8000-000000000000");
    parameters.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().expect("a URI"))];
    let now = std::time::SystemTime::now();
    parameters.not_before = (now - Duration::from_secs(3_600)).into();
    parameters.not_after = (now + Duration::from_secs(86_400)).into();
    let certificate = parameters.self_signed(&pair.expect("a key")).expect("a certificate");
    ClientIdentity { key: pkcs8, chain: vec![certificate.der().to_vec()] }
}
