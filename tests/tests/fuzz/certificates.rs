//! Certificates, requests for them, and the organisation's own page.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use prost::Message as _;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, UnixTime},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use wardline_identity::{
    CertificateError, DateCheck, Organisation, RootFingerprint, SigningKey, StatementLabel,
    verify_certificate_request,
};
use wardline_proto::relay as pb;

use crate::{
    resign,
    target::{Input, Target, fuzz, samples},
    tree::Format,
    world::{NOW, WORLD},
};

/// The verifier that the doors use: another reader of certificates than ours.
static WEBPKI: LazyLock<Arc<dyn ClientCertVerifier>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(WORLD.root.certificate_der())).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier")
});

static DEVICES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| samples("certificate"));

/// What is accepted is the sample itself, which webpki takes too, unless the issuer signed the change. Of that, webpki
/// refuses some (an OID under another tag) that the parser below us reads past.
fn certificate(input: &Input) -> bool {
    let bytes = &input.bytes;
    let device = WORLD.organisation.verify_device(bytes, DateCheck::At(NOW));
    // What is no certificate, or nobody's, is so for every use.
    if let Err(CertificateError::Malformed | CertificateError::Signature | CertificateError::UnknownIssuer) =
        device
    {
        return false;
    }
    let undated = WORLD.organisation.verify_device(bytes, DateCheck::Skip);
    let relay = WORLD.organisation.verify_relay(bytes, DateCheck::At(NOW));
    assert!(device.is_err() || relay.is_err(), "one certificate is for a device and for a relay");
    match (&device, &undated) {
        (Ok(dated), Ok(undated)) => assert_eq!(dated, undated),
        (Ok(_), Err(_)) => panic!("accepted with its dates and not without"),
        (Err(error), Ok(_)) => {
            let dates =
                matches!(error, CertificateError::NotYetValid { .. } | CertificateError::Expired { .. });
            assert!(dates, "{error}");
        }
        (Err(_), Err(_)) => {}
    }
    if let Ok(device) = &device {
        assert_eq!(device.der(), bytes.as_slice());
    }
    if device.is_ok() && !input.signed_anew {
        let issuer = CertificateDer::from(WORLD.issuer.certificate_der());
        let now = UnixTime::since_unix_epoch(Duration::from_millis(NOW.get()));
        let judged = WEBPKI.verify_client_cert(&CertificateDer::from(bytes.as_slice()), &[issuer], now);
        assert!(judged.is_ok(), "webpki refuses what is accepted: {judged:?}");
    }
    let accepted = undated.is_ok() || relay.is_ok();
    assert!(!accepted || input.signed_anew || DEVICES.contains(bytes), "accepted, and signed by nobody");
    accepted
}

#[test]
fn certificates_are_accepted_only_as_an_issuer_signed_them() {
    fuzz(&Target {
        name: "certificate",
        format: Format::Der,
        sign: Some(resign::by_issuer),
        inputs: 2_000,
        at_most: usize::MAX,
        memory: (16 * 1024, 64),
        check: certificate,
    });
}

/// The key of the sample requests.
pub(crate) fn request_key() -> SigningKey {
    SigningKey::from_seed([5; 32])
}

static REQUESTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| samples("certificate_request"));

fn request(input: &Input) -> bool {
    let accepted = verify_certificate_request(&input.bytes).is_ok();
    assert!(
        !accepted || input.signed_anew || REQUESTS.contains(&input.bytes),
        "accepted, and signed by nobody"
    );
    accepted
}

#[test]
fn certificate_requests_are_accepted_only_as_their_key_signed_them() {
    fuzz(&Target {
        name: "certificate_request",
        format: Format::Der,
        sign: Some(|bytes, _| resign::der(bytes, &request_key())),
        inputs: 2_000,
        at_most: usize::MAX,
        memory: (16 * 1024, 64),
        check: request,
    });
}

/// The root is whatever the input says it is, as for a device that was given a wrong link: what comes behind the pin.
fn organisation(input: &Input) -> bool {
    let Ok(wire) = pb::Organisation::decode(input.bytes.as_slice()) else { return false };
    let pinned = Organisation::verify(&wire, &WORLD.fingerprint(), NOW);
    if let Ok(accepted) = &pinned {
        assert_eq!(accepted.root_der(), WORLD.root.certificate_der());
    }
    let offered = Organisation::verify(&wire, &RootFingerprint::of(&wire.root_certificate), NOW);
    if let Ok(accepted) = &offered {
        assert!(accepted.issuers_number() > 0 && accepted.issuers().len() <= 64);
        let again = Organisation::verify(&accepted.to_wire(), &accepted.root_fingerprint(), NOW);
        assert_eq!(
            again.as_ref().map(Organisation::issuers),
            Ok(accepted.issuers()),
            "it reads back otherwise"
        );
    }
    assert!(offered.is_ok() || pinned.is_err(), "the pin makes nothing right");
    offered.is_ok()
}

/// The issuers' list, or the root's certificate, by the root.
fn by_root(bytes: &mut Vec<u8>, how: u64) -> bool {
    let Ok(mut wire) = pb::Organisation::decode(bytes.as_slice()) else { return false };
    if how.is_multiple_of(4) {
        let mut root = wire.root_certificate.to_vec();
        resign::der(&mut root, WORLD.root.key());
        wire.root_certificate = root.into();
    }
    let Some(list) = &mut wire.issuers else { return false };
    list.signer = wardline_proto::Digest::of(&wire.root_certificate).to_wire();
    resign::statement(list, StatementLabel::IssuersList, WORLD.root.key());
    *bytes = wire.encode_to_vec();
    true
}

#[test]
fn an_organisation_is_accepted_only_as_its_root_signed_it() {
    fuzz(&Target {
        name: "organisation",
        format: Format::Protobuf(0),
        sign: Some(by_root),
        inputs: 1_500,
        at_most: usize::MAX,
        memory: (64 * 1024, 192),
        check: organisation,
    });
}
