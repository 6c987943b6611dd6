//! What gets in, and how it is seen.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use wardline_client_core::relay::{
    Relay as _, RelayConnection, RelayError, Transport, TransportChoice, Trust,
};
use wardline_identity::{Clock as _, SystemClock};
use wardline_proto::{
    h3::ALPN_HTTP2,
    relay::{GetOrganisationRequest, Organisation},
};
use wardline_server::transport::{ConnectionId, Door, Peer};

use crate::{
    clinic::Clinic,
    foreign::{self, Foreign, GET_ORGANISATION},
    on_both_doors, stub,
};

async fn seen(connection: &RelayConnection) -> Organisation {
    let answer = connection.get_organisation(GetOrganisationRequest {}).await.expect("an answer");
    answer.organisation.expect("what the relay saw")
}

on_both_doors! {
    async fn a_device_is_seen_by_its_certificate(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let seen = seen(&connection).await;
        assert_eq!(seen.organisation_id, "doctor-a");
        assert_eq!(seen.name, connection.transport().as_str());
        assert_eq!(house.connections.count_of(&phone.id), 1);
    }
}

on_both_doors! {
    async fn who_has_no_certificate_is_seen_as_nobody(door) {
        let house = Clinic::found("St. Example").open().await;
        let connection = house.connect(door, None).await;
        assert_eq!(seen(&connection).await.organisation_id, "nobody");
    }
}

on_both_doors! {
    async fn both_ends_export_the_same_and_every_connection_another(door) {
        let clinic = Clinic::found("St. Example");
        let house = clinic.open().await;
        let (one, other) = (house.connect(door, None).await, house.connect(door, None).await);
        assert_eq!(seen(&one).await.root_certificate.as_ref(), one.exporter());
        assert_eq!(seen(&other).await.root_certificate.as_ref(), other.exporter());
        assert_ne!(one.exporter(), other.exporter());
    }
}

on_both_doors! {
    async fn a_stream_brings_everything_in_order(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let stream = connection.subscribe(stub::every(0, 1000)).await.expect("a stream");
        let numbers: Vec<_> = stream.map(|event| stub::number(&event.expect("an event"))).collect().await;
        assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
    }
}

on_both_doors! {
    async fn many_calls_at_once_are_all_answered(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let calls = (0..300).map(|_| connection.list_people(stub::sleep(5)));
        let answers = futures::future::join_all(calls).await;
        assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|answer| answer.is_err()));
    }
}

on_both_doors! {
    async fn a_large_commit_passes(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let commit = vec![7; 4 << 20];
        let request = wardline_proto::relay::CommitRequest { commit: commit.into(), ..Default::default() };
        assert_eq!(connection.commit(request).await.expect("an answer").number, 4 << 20);
    }
}

on_both_doors! {
    async fn a_root_that_is_known_by_its_fingerprint_only_is_enough(door) {
        let clinic = Clinic::found("St. Example");
        let house = clinic.open().await;
        let mut options = house.options(door, None);
        options.trust = Trust::Fingerprint(clinic.root.fingerprint());
        let connection = RelayConnection::connect(&options).await.expect("a connection");
        assert_eq!(seen(&connection).await.organisation_id, "nobody");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quic_comes_first_and_tcp_where_quic_does_not_get_through() {
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    let connection = house.connect(TransportChoice::Auto, Some(&phone)).await;
    assert_eq!(connection.transport(), Transport::Quic);

    // A forwarder that passes TCP and swallows UDP, as some networks do.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let _silence = tokio::net::UdpSocket::bind(address).await.expect("the same port");
    let relay = house.address;
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = tokio::net::TcpStream::connect(relay).await.expect("the relay");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let mut options = house.options(TransportChoice::Auto, Some(&phone));
    options.addresses = vec![address.to_string()];
    let connection = RelayConnection::connect(&options).await.expect("a connection");
    assert_eq!(connection.transport(), Transport::Tcp);
    assert_eq!(seen(&connection).await.organisation_id, "doctor-a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tcp_door_points_to_the_quic_door() {
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    let mut tcp = Foreign::connect(&house, TransportChoice::Tcp, Some(&phone)).await;
    let answer = tcp.call(GET_ORGANISATION, None, &GetOrganisationRequest {}).await.expect("an answer");
    let expected = format!("h3=\":{}\"; ma=86400", house.address.port());
    assert_eq!(answer.headers["alt-svc"], expected.as_str());
}

on_both_doors! {
    /// The lowest that a foreign client may come with; ours would not.
    async fn a_foreign_client_without_post_quantum_keys_gets_in(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let answer = foreign.call(GET_ORGANISATION, None, &GetOrganisationRequest {}).await.expect("an answer");
        assert_eq!(answer.code(), tonic::Code::Ok);
        assert!(answer.body.windows(8).any(|bytes| bytes == b"doctor-a"));
    }
}

/// Believes anybody, but reads only some signatures.
#[derive(Debug)]
struct Reads(Vec<SignatureScheme>);

impl ServerCertVerifier for Reads {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_shown_the_leaf_that_it_can_read() {
    let clinic = Clinic::found("St. Example");
    let house = clinic.open().await;
    let mut shown = Vec::new();
    for scheme in [SignatureScheme::ED25519, SignatureScheme::ECDSA_NISTP256_SHA256] {
        let groups = vec![aws_lc_rs::kx_group::X25519];
        let mut config = foreign::tls(&house, None, groups, ALPN_HTTP2);
        config.dangerous().set_certificate_verifier(Arc::new(Reads(vec![scheme])));
        let tls = foreign::tcp(config, house.address).await.expect("TLS");
        let chain = tls.get_ref().1.peer_certificates().expect("a chain").to_vec();
        assert_eq!(chain.len(), 3, "leaf, issuer, root");
        assert!(clinic.root.fingerprint().matches(&chain[2]));
        shown.push(chain[0].clone());
    }
    assert_ne!(shown[0], shown[1]);
}

on_both_doors! {
    async fn new_certificates_are_shown_to_who_comes_and_a_stream_lives_through_it(door) {
        let clinic = Clinic::found("St. Example");
        let tls = clinic.tls();
        let served = tls.served.clone();
        let (house, phone) = (clinic.open_showing(tls).await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let mut stream = connection.subscribe(stub::every(20, 100)).await.expect("a stream");
        let first = stream.next().await.expect("an entry").expect("an entry");
        // What nobody believes: whoever comes now is shown it, over this door too.
        served.show(Clinic::found("St. Elsewhere").tls().leaves().expect("leaves"));
        let mut options = house.options(door, Some(&phone));
        options.transport = door;
        let refused = RelayConnection::connect(&options).await.err();
        assert!(matches!(refused, Some(RelayError::Untrusted { .. })), "{refused:?}");
        // The organisation's own next ones.
        served.show(clinic.tls().leaves().expect("leaves"));
        let another = RelayConnection::connect(&options).await.expect("it is believed");
        assert_eq!(seen(&another).await.organisation_id, "doctor-a");
        let rest: Vec<_> = stream.map(|event| stub::number(&event.expect("no break"))).collect().await;
        assert_eq!(rest, (stub::number(&first) + 1..=100).collect::<Vec<_>>(), "every entry, in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_resumes_another() {
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    // rustls keeps tickets by default; one configuration for both connections shares them.
    let config = foreign::tls(&house, Some(&phone), vec![aws_lc_rs::kx_group::X25519], ALPN_HTTP2);
    for _ in 0..2 {
        let tls = foreign::tcp(config.clone(), house.address).await.expect("TLS");
        tokio::time::sleep(Duration::from_millis(50)).await; // a ticket would come after the handshake
        let kind = tls.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(rustls::HandshakeKind::Full));
    }
}

on_both_doors! {
    async fn a_handler_that_panics_harms_only_its_call(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let panic = wardline_proto::relay::ListPeopleRequest { user_ids: vec!["panic".to_owned()] };
        let answer = foreign.call(foreign::LIST_PEOPLE, None, &panic).await.expect("an answer");
        assert_eq!(answer.code(), tonic::Code::Internal);
        let answer = foreign.call(GET_ORGANISATION, None, &GetOrganisationRequest {}).await.expect("an answer");
        assert_eq!(answer.code(), tonic::Code::Ok);
    }
}

#[test]
fn a_log_names_the_device_and_nothing_else_of_its_certificate() {
    let clinic = Clinic::found("St. Example");
    let phone = clinic.device("doctor-a");
    let leaf = CertificateDer::from(phone.identity.chain[0].clone());
    let certificate = clinic.organisation.verify_device(&leaf, SystemClock.now()).expect("a certificate");
    let peer = Peer {
        transport: wardline_server::transport::Transport::Tcp,
        remote: "192.0.2.1:7443".parse().expect("an address"),
        door: Door::Device(Arc::new(certificate)),
        exporter: [7; 32],
        connection: ConnectionId::new(7),
    };
    let expected =
        format!("Peer {{ transport: Tcp, door: Device({}), connection: ConnectionId(7), .. }}", phone.id);
    assert_eq!(format!("{peer:?}"), expected);
}
