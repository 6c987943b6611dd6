//! What does not get in.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use wardline_client_core::relay::{Relay as _, RelayConnection, RelayError, TransportChoice, Trust};
use wardline_identity::{Clock as _, ManualClock, RootFingerprint, SystemClock};
use wardline_proto::{
    Reason,
    relay::{CommitRequest, GetOrganisationRequest},
};
use wardline_server::transport::Limits;

use crate::{
    clinic::{Clinic, Device, House},
    foreign::{COMMIT, Foreign, GET_ORGANISATION},
    on_both_doors,
};

const DAY: u64 = 86_400;

/// Connects and calls: with TLS 1.3 a refusal comes with the first call at the latest.
async fn first_call(house: &House, door: TransportChoice, device: &Device) -> Result<(), RelayError> {
    let connection = house.try_connect(door, Some(device)).await?;
    connection.get_organisation(GetOrganisationRequest {}).await.map(|_| ())
}

fn reason(result: Result<(), RelayError>) -> Reason {
    match result {
        Err(RelayError::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

on_both_doors! {
    async fn a_device_of_another_organisation_is_refused(door) {
        let (ours, theirs) = (Clinic::found("St. Example"), Clinic::found("St. Elsewhere"));
        let house = ours.open().await;
        let refused = first_call(&house, door, &theirs.device("doctor-a")).await;
        assert_eq!(reason(refused), Reason::CertificateInvalid);
        assert_eq!(house.stub.running(), 0);
        first_call(&house, door, &ours.device("doctor-a")).await.expect("ours gets in");
    }
}

on_both_doors! {
    /// TLS lets it through, the chain is good: it is admission that says no, and says why and since when on both doors.
    async fn a_revoked_device_hears_that_it_is_revoked(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone, tablet) = (clinic.open().await, clinic.device("doctor-a"), clinic.device("doctor-a"));
        assert_eq!(house.revoke(&phone), 0);
        let Err(RelayError::Refused { reason, metadata, .. }) = first_call(&house, door, &phone).await else {
            panic!("it got in");
        };
        assert_eq!(reason, Reason::DeviceRevoked);
        let said = |key: &str| metadata.get(key).map(String::as_str);
        assert_eq!((said("reason"), said("since_ms")), (Some("lost"), Some("1800000000000")));
        first_call(&house, door, &tablet).await.expect("another device of the same person gets in");
    }
}

on_both_doors! {
    /// The first look found it in force; the revocation then cut what it saw, which was not yet entered.
    async fn a_revocation_in_the_middle_of_admission_is_not_missed(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        house.register.revoke_after_first_look.store(true, Ordering::SeqCst);
        assert_eq!(reason(first_call(&house, door, &phone).await), Reason::DeviceRevoked);
        assert_eq!(house.connections.count(), 0);
    }
}

on_both_doors! {
    async fn an_expired_device_is_refused(door) {
        let clinic = Clinic::found("St. Example");
        let phone = clinic.device("doctor-a");
        let house = clinic.open_at(SystemClock.now().plus_seconds(89 * DAY)).await;
        first_call(&house, door, &phone).await.expect("one that is still good gets in");
        let house = clinic.open_at(SystemClock.now().plus_seconds(91 * DAY)).await;
        assert_eq!(reason(first_call(&house, door, &phone).await), Reason::CertificateInvalid);
    }
}

on_both_doors! {
    async fn an_expired_relay_is_not_believed(door) {
        let house = Clinic::found("St. Example").open().await;
        let mut options = house.options(door, None);
        options.clock = Arc::new(ManualClock::new(SystemClock.now().plus_seconds(400 * DAY)));
        let refused = RelayConnection::connect(&options).await;
        assert!(matches!(refused, Err(RelayError::Untrusted { .. })), "{refused:?}");
    }
}

on_both_doors! {
    async fn a_relay_of_another_organisation_is_not_believed(door) {
        let (ours, theirs) = (Clinic::found("St. Example"), Clinic::found("St. Elsewhere"));
        let house = ours.open().await;
        let other = RootFingerprint::from_bytes([7; 32]);
        for trust in [Trust::Root(theirs.root.certificate_der().to_vec()), Trust::Fingerprint(other)] {
            let mut options = house.options(door, None);
            options.trust = trust;
            let refused = RelayConnection::connect(&options).await;
            assert!(matches!(refused, Err(RelayError::Untrusted { .. })), "{refused:?}");
        }
        house.connect(door, None).await;
    }
}

on_both_doors! {
    /// The certificate is good, but for another name.
    async fn a_relay_at_an_address_that_it_is_not_certified_for_is_not_believed(door) {
        let house = Clinic::found("St. Example").open().await;
        let mut options = house.options(door, None);
        options.addresses = vec![format!("localhost:{}", house.address.port())];
        let refused = RelayConnection::connect(&options).await;
        assert!(matches!(refused, Err(RelayError::Untrusted { .. })), "{refused:?}");
    }
}

on_both_doors! {
    /// A device's certificate, though of the right organisation, makes no relay.
    async fn a_device_cannot_play_the_relay(door) {
        let clinic = Clinic::found("St. Example");
        let phone = clinic.device("doctor-a");
        let mut tls = clinic.tls();
        tls.ed25519.certificate = phone.identity.chain[0].clone().into();
        tls.ed25519.key = phone.identity.key.clone();
        let house = clinic.open_showing(tls).await;
        let refused = house.try_connect(door, None).await;
        assert!(matches!(refused, Err(RelayError::Untrusted { .. })), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_client_does_not_settle_for_less_than_post_quantum_keys() {
    let clinic = Clinic::found("St. Example");
    let config = clinic.classical_server();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(config);
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    let house = clinic.open().await;
    let mut options = house.options(TransportChoice::Tcp, None);
    options.addresses = vec![address.to_string()];
    let refused = RelayConnection::connect(&options).await;
    assert!(matches!(refused, Err(RelayError::Broken { .. })), "{refused:?}");
}

/// A ClientHello as TLS 1.2 clients send it: no `supported_versions`.
fn client_hello_tls12() -> Vec<u8> {
    let extensions: &[u8] = &[
        0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x1d, 0x00, 0x17, // groups: X25519, P-256
        0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, // uncompressed points
        0x00, 0x0d, 0x00, 0x06, 0x00, 0x04, 0x08, 0x07, 0x04, 0x03, // signatures: Ed25519, ECDSA P-256
        0x00, 0x10, 0x00, 0x05, 0x00, 0x03, 0x02, b'h', b'2', // ALPN
    ];
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short").to_be_bytes();
    let mut hello = vec![0x03, 0x03];
    hello.extend([0x5a; 32]); // random
    hello.extend([0x00]); // no session
    hello.extend([0x00, 0x04, 0xc0, 0x2b, 0xc0, 0x2c]); // ECDHE-ECDSA with AES-GCM
    hello.extend([0x01, 0x00]); // no compression
    hello.extend(length(extensions));
    hello.extend(extensions);
    let handshake = [&[0x01, 0x00], &length(&hello)[..], &hello].concat();
    [&[0x16, 0x03, 0x01], &length(&handshake)[..], &handshake].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_1_2_is_refused() {
    let house = Clinic::found("St. Example").open().await;
    let mut stream = TcpStream::connect(house.address).await.expect("a connection");
    stream.write_all(&client_hello_tls12()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    // A record of type alert, fatal, protocol_version (RFC 8446 §6.2).
    assert_eq!(answer.first(), Some(&0x15), "{answer:02x?}");
    assert_eq!(&answer[5..], &[0x02, 70], "{answer:02x?}");
}

on_both_doors! {
    async fn a_body_beyond_the_limit_is_refused_and_the_next_call_answered(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let commit = CommitRequest { commit: vec![7; 6 << 20].into(), ..CommitRequest::default() };
        let answer = foreign.call(COMMIT, None, &commit).await.expect("an answer");
        assert_eq!(answer.code(), tonic::Code::ResourceExhausted);
        let answer = foreign.call(GET_ORGANISATION, None, &GetOrganisationRequest {}).await.expect("an answer");
        assert_eq!(answer.code(), tonic::Code::Ok);
    }
}

on_both_doors! {
    async fn who_has_no_certificate_may_send_less(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let commit = CommitRequest { commit: vec![7; 1 << 20].into(), ..CommitRequest::default() };
        let mut nobody = Foreign::connect(&house, door, None).await;
        let answer = nobody.call(COMMIT, None, &commit).await.expect("an answer");
        assert_eq!(answer.code(), tonic::Code::ResourceExhausted);
        let mut device = Foreign::connect(&house, door, Some(&phone)).await;
        let answer = device.call(COMMIT, None, &commit).await.expect("an answer");
        assert_eq!(answer.code(), tonic::Code::Ok);
    }
}

on_both_doors! {
    async fn one_stranger_too_many_is_told_so_and_devices_still_get_in(door) {
        let clinic = Clinic::found("St. Example");
        let limits = Limits { uncertified_connections: 1, ..Limits::default() };
        let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
        let first = house.connect(door, None).await;
        first.get_organisation(GetOrganisationRequest {}).await.expect("the first gets in");
        let second = match house.try_connect(door, None).await {
            Ok(second) => second.get_organisation(GetOrganisationRequest {}).await.map(|_| ()),
            Err(error) => Err(error),
        };
        let told = matches!(&second, Err(RelayError::Unavailable { .. }))
            || matches!(&second, Err(RelayError::Refused { reason: Reason::LimitReached, .. }));
        assert!(told, "{second:?}");
        first_call(&house, door, &phone).await.expect("a device gets in");
    }
}

on_both_doors! {
    async fn a_stranger_does_not_stay_for_ever(door) {
        let clinic = Clinic::found("St. Example");
        let limits = Limits { uncertified_life: Duration::from_millis(300), ..Limits::default() };
        let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
        let _stranger = house.connect(door, None).await;
        let device = house.connect(door, Some(&phone)).await;
        device.get_organisation(GetOrganisationRequest {}).await.expect("an answer");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(house.connections.count(), 1);
        device.get_organisation(GetOrganisationRequest {}).await.expect("a device stays");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_not_there_is_unavailable() {
    let house = Clinic::found("St. Example").open().await;
    let mut options = house.options(TransportChoice::Tcp, None);
    options.addresses = vec!["127.0.0.1:1".to_owned()];
    let failed = RelayConnection::connect(&options).await;
    assert!(matches!(failed, Err(RelayError::Unavailable { .. })), "{failed:?}");
    // The next address is tried when the first does not answer.
    options.addresses.push(house.address.to_string());
    RelayConnection::connect(&options).await.expect("a connection");
}
