//! What devices ask for instead of their certificate, and what issuers hand in for it.

use prost::Message as _;
use tonic::Code;
use wardline_identity::{Clock as _, DeviceKey, Renewal, Role, SigningKey, SystemClock, SystemEntropy};
use wardline_proto::{
    Reason,
    relay::{
        IssueRelayCertificatesRequest, IssueRenewalRequest, RelayBundle, RenewCertificateRequest,
        RenewalRequest,
    },
};

use super::{
    Row, Trial,
    path::{ISSUE_RELAY_CERTIFICATES, ISSUE_RENEWAL, RENEW_CERTIFICATE},
};
use crate::{
    authority::Installation,
    house::{Caller, House},
    talk::random,
};

type Refusal = (Code, Reason);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const NOBODY: Refusal = (Code::NotFound, Reason::EnrolmentUnknown);
const MISMATCH: Refusal = (Code::InvalidArgument, Reason::CertificateMismatch);

fn next() -> SigningKey {
    SigningKey::generate(&SystemEntropy).expect("a key")
}

fn asked(by: &Installation, next: &SigningKey) -> RenewalRequest {
    Renewal::ask(by.key(), &by.certificate, next)
}

fn ask(request: RenewalRequest) -> RenewCertificateRequest {
    RenewCertificateRequest { request: Some(request) }
}

/// A row in which the nurse, whose certificate is near its end, asks for something else than may be.
fn bad(input: &'static str, refusal: Refusal, make: fn(&House) -> RenewCertificateRequest) -> Row {
    Row::call(input, RENEW_CERTIFICATE, refusal, move |house| {
        Box::pin(async move {
            let good = ask(asked(house.caller(Caller::Nurse), &next()));
            Trial::new(Caller::Nurse, &make(house), &good)
        })
    })
}

/// The nurse waits for a certificate of this key; an honest one for it, but for role and key.
async fn waiting(house: &House) -> (SigningKey, IssueRenewalRequest) {
    let key = next();
    let nurse = house.caller(Caller::Nurse);
    house.good(Caller::Nurse, RENEW_CERTIFICATE, &ask(asked(nurse, &key))).await;
    let certificate = certificate(house, &key, nurse.certificate.role());
    (key, certificate)
}

fn certificate(house: &House, key: &SigningKey, role: Role) -> IssueRenewalRequest {
    let mut subject = house.caller(Caller::Nurse).certificate.subject().clone();
    subject.role = role;
    let (issuer, key) = (&house.authority.issuer, DeviceKey::Ed25519(key.public()));
    let der = issuer.certify_device(&subject, &key, &SystemEntropy, SystemClock.now());
    IssueRenewalRequest { certificate: der.expect("a certificate").into() }
}

/// A row whose certificate is another than what was asked for. Nothing is issued: the nurse goes on with what she has.
fn issued(
    input: &'static str,
    refusal: Refusal,
    make: fn(&House, &SigningKey) -> IssueRenewalRequest,
) -> Row {
    Row::call(input, ISSUE_RENEWAL, refusal, move |house| {
        Box::pin(async move {
            let (key, _) = waiting(house).await;
            Trial::only(Caller::Office, &make(house, &key)).right(
                RENEW_CERTIFICATE,
                Caller::Nurse,
                &ask(asked(house.caller(Caller::Nurse), &key)),
            )
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        bad("no request for a certificate", FIELD, |_| RenewCertificateRequest::default()),
        bad("a request that another device signed", STATEMENT, |house| {
            ask(asked(house.caller(Caller::Doctor), &next()))
        }),
        bad("a request that the new key has not signed", STATEMENT, |house| {
            let mut request = asked(house.caller(Caller::Nurse), &next());
            request.possession = asked(house.caller(Caller::Nurse), &next()).possession;
            ask(request)
        }),
        Row::call("a request before the last third", RENEW_CERTIFICATE, STATEMENT, |house| {
            Box::pin(async move {
                let bad = ask(asked(house.caller(Caller::Doctor), &next()));
                let good = ask(asked(house.caller(Caller::Nurse), &next()));
                Trial::only(Caller::Doctor, &bad).right(RENEW_CERTIFICATE, Caller::Nurse, &good)
            })
        }),
        issued("a certificate for another role", MISMATCH, |house, key| {
            certificate(house, key, Role::Administrator)
        }),
        issued("a certificate for another key", MISMATCH, |house, _| {
            certificate(house, &next(), Role::Clinician)
        }),
        issued("random bytes as the next certificate", MISMATCH, |_, _| IssueRenewalRequest {
            certificate: random().to_vec().into(),
        }),
        relay_gets("random bytes as the relay's certificate", |house| IssueRelayCertificatesRequest {
            certificate_p256: random().to_vec().into(),
            ..relays(house)
        }),
        relay_gets("a device's certificate as the relay's", |house| IssueRelayCertificatesRequest {
            certificate_ed25519: house.caller(Caller::Doctor).certificate.der().to_vec().into(),
            ..relays(house)
        }),
        issued("a certificate for a device that has not asked", NOBODY, |house, _| {
            let other = house.authority.certify("doctor-e", Role::Clinician, SystemClock.now());
            IssueRenewalRequest { certificate: other.certificate.der().to_vec().into() }
        }),
    ]
}

/// The certificates that the relay has.
fn relays(house: &House) -> IssueRelayCertificatesRequest {
    let bundle = std::fs::read(house.ward.relay.folder().join("relay.bundle")).expect("a bundle");
    let bundle = RelayBundle::decode(bundle.as_slice()).expect("a bundle");
    IssueRelayCertificatesRequest {
        certificate_ed25519: bundle.relay_certificate_ed25519,
        certificate_p256: bundle.relay_certificate_p256,
        issuer: bundle.relay_issuer,
    }
}

/// A row in which the relay is handed something else than its next certificates.
fn relay_gets(input: &'static str, make: fn(&House) -> IssueRelayCertificatesRequest) -> Row {
    Row::call(input, ISSUE_RELAY_CERTIFICATES, MISMATCH, move |house| {
        Box::pin(async move { Trial::new(Caller::Office, &make(house), &relays(house)) })
    })
}

/// A caller and a request that one of the calls accepts.
pub(super) async fn right(house: &House, path: &'static str) -> (Caller, Vec<u8>) {
    if path == ISSUE_RELAY_CERTIFICATES {
        return (Caller::Office, relays(house).encode_to_vec());
    }
    if path == ISSUE_RENEWAL {
        // What was handed in before is known.
        let certificate = house.caller(Caller::Doctor).certificate.der().to_vec().into();
        return (Caller::Office, IssueRenewalRequest { certificate }.encode_to_vec());
    }
    (Caller::Nurse, ask(asked(house.caller(Caller::Nurse), &next())).encode_to_vec())
}
