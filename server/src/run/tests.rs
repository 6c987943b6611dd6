//! A whole relay on real sockets: started, used through its TCP door, stopped.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use wardline_identity::{SigningKey, StatementLabel, SystemEntropy};
use wardline_proto::h3::EXPORTER_LABEL;
use wardline_proto::relay::directory_service_client::DirectoryServiceClient;
use wardline_proto::relay::enrolment_service_client::EnrolmentServiceClient;
use wardline_proto::relay::registrar_service_client::RegistrarServiceClient;
use wardline_proto::relay::{
    EnrolRequest, EnrolmentState, GetOrganisationRequest, IssueCertificateRequest, ListEnrolmentsRequest,
    ListPeopleRequest, PublishInvitationRequest,
};

use super::*;
use crate::founded::{Founded, greeting, reason};

/// A relay in the background.
struct Running {
    opened: Opened,
    shutdown: CancellationToken,
    ended: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl Running {
    async fn start(founded: &Founded) -> Self {
        let (listening, listens) = oneshot::channel();
        let shutdown = CancellationToken::new();
        let mut options = options(founded, shutdown.clone());
        options.on_listening = Box::new(move |opened| listening.send(opened).unwrap());
        let ended = tokio::spawn(run(options));
        Self { opened: listens.await.unwrap(), shutdown, ended }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(12), self.ended).await.unwrap().unwrap().unwrap();
    }
}

fn options(founded: &Founded, shutdown: CancellationToken) -> RunOptions {
    let mut config = Config { listen: Some("127.0.0.1:0".parse().unwrap()), ..Config::default() };
    config.telemetry.metrics = Some("127.0.0.1:0".parse().unwrap());
    config.shutdown.drain_seconds = 2;
    RunOptions {
        data_dir: founded.folder.path().to_owned(),
        config,
        sources: Sources { clock: founded.clock.clone(), entropy: Arc::new(SystemEntropy) },
        shutdown,
        on_listening: Box::new(|_| ()),
    }
}

/// A connection through the TCP door, and its exporter.
async fn dial(
    founded: &Founded,
    address: SocketAddr,
    device: Option<(&SigningKey, &[u8])>,
) -> (Channel, [u8; 32]) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(founded.root.certificate_der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // By the tests' clock, as the relay.
    let time = Arc::new(TestTime(founded.clock_now()));
    let builder = ClientConfig::builder_with_details(provider, time)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut tls = match device {
        None => builder.with_no_client_auth(),
        Some((key, certificate)) => {
            let chain = [certificate, founded.issuer.certificate_der()]
                .map(|der| CertificateDer::from(der.to_vec()))
                .to_vec();
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_pkcs8_v1().to_vec()));
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
    let exporter = stream.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"")).unwrap();
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: Uri| {
        let once = stream.take().ok_or_else(|| std::io::Error::other("one connection is one connection"));
        async move { once }
    });
    let endpoint = Endpoint::from_static("http://relay");
    (endpoint.connect_with_connector(connector).await.unwrap(), exporter)
}

#[derive(Debug)]
struct TestTime(wardline_proto::UtcMillis);

impl rustls::time_provider::TimeProvider for TestTime {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_millis(self.0.get())))
    }
}

async fn ask_operator(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What reflection lists.
async fn services(channel: Channel) -> Result<Vec<String>, Status> {
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::once(list)).await?.into_inner();
    match answers.message().await?.and_then(|answer| answer.message_response) {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|service| service.name).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_enrols_through_the_real_door_and_comes_back_with_its_certificate() {
    let founded = Founded::new();
    let running = Running::start(&founded).await;
    let address = running.opened.address;
    let operator = running.opened.metrics.unwrap();
    assert!(ask_operator(operator, "/readyz").await.starts_with("HTTP/1.1 200"));

    // The administrator publishes an invitation.
    let founder = (&founded.founder.key, founded.founder.certificate.as_slice());
    let (office, _) = dial(&founded, address, Some(founder)).await;
    let mut registrar = RegistrarServiceClient::new(office);
    let (invitation, record) = founded.invite("doctor-a");
    let publish = PublishInvitationRequest { record: Some(record.clone()) };
    registrar.publish_invitation(publish).await.unwrap();

    // A device without a certificate claims it, over its own connection's exporter.
    let phone = founded.claimant();
    let (stranger, exporter) = dial(&founded, address, None).await;
    let claim = founded.claim(&invitation, &record, &phone, exporter);
    let invitation_id = invitation.id().to_wire();
    let enrol = EnrolRequest {
        greeting: greeting(),
        invitation_id: invitation_id.clone(),
        claim: Some(claim.clone()),
        wait_seconds: 30,
    };
    let mut door = EnrolmentServiceClient::new(stranger.clone());
    let judge = async {
        let waiting = registrar
            .list_enrolments(ListEnrolmentsRequest { wait_seconds: 30, look_only: false })
            .await
            .unwrap();
        assert_eq!(waiting.into_inner().enrolments.len(), 1);
        let certificate = founded.certify(&record, &claim);
        let issue = IssueCertificateRequest { invitation_id, certificate: certificate.clone().into() };
        registrar.issue_certificate(issue).await.unwrap();
        certificate
    };
    let (answer, certificate) = tokio::join!(door.enrol(enrol), judge);
    let answer = answer.unwrap().into_inner();
    assert_eq!(
        (answer.state(), answer.certificate.as_ref()),
        (EnrolmentState::Issued, certificate.as_slice())
    );
    let greeting = answer.greeting.unwrap();
    let organisation = founded.organisation();
    let (leaf, time) = (greeting.relay_certificate, greeting.time.unwrap());
    let label = StatementLabel::RelayTime;
    organisation.verify_relay_statement(label, &leaf, &time, founded.clock_now()).unwrap();

    // Without a certificate nothing else opens; with it, the directory does.
    let mut directory = DirectoryServiceClient::new(stranger.clone());
    let closed = (Code::Unauthenticated, "CERTIFICATE_REQUIRED".to_owned());
    assert_eq!(refused(directory.get_organisation(GetOrganisationRequest {}).await), closed);
    let mut health = HealthClient::new(stranger.clone());
    assert_eq!(refused(health.check(HealthCheckRequest::default()).await), closed);
    assert_eq!(refused(services(stranger).await), closed);

    let (ward, _) = dial(&founded, address, Some((&phone.key, &certificate))).await;
    let mut directory = DirectoryServiceClient::new(ward.clone());
    let people = directory.list_people(ListPeopleRequest::default()).await.unwrap().into_inner().people;
    let users: Vec<&str> = people.iter().map(|person| person.user_id.as_str()).collect();
    assert_eq!(users, ["admin-a", "doctor-a"]);
    HealthClient::new(ward.clone()).check(HealthCheckRequest::default()).await.unwrap();
    assert!(services(ward.clone()).await.unwrap().contains(&"wardline.relay.v1.EnrolmentService".to_owned()));
    let mut registrar = RegistrarServiceClient::new(ward);
    let answer = registrar.list_enrolments(ListEnrolmentsRequest::default()).await;
    assert_eq!(refused(answer), (Code::PermissionDenied, "ROLE_REQUIRED".to_owned()));

    assert!(ask_operator(operator, "/metrics").await.contains("\nwardline_connections "));
    running.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    let again = Running::start(&founded).await;
    let (ward, _) = dial(&founded, again.opened.address, Some((&phone.key, &certificate))).await;
    let mut directory = DirectoryServiceClient::new(ward);
    directory.get_organisation(GetOrganisationRequest {}).await.unwrap();
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_relay_answers_who_waits_and_keeps_its_files_to_itself() {
    let founded = Founded::new();
    std::fs::set_permissions(founded.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let running = Running::start(&founded).await;
    let founder = (&founded.founder.key, founded.founder.certificate.as_slice());
    let (office, _) = dial(&founded, running.opened.address, Some(founder)).await;
    let (invitation, record) = founded.invite("doctor-a");
    let mut registrar = RegistrarServiceClient::new(office);
    registrar.publish_invitation(PublishInvitationRequest { record: Some(record.clone()) }).await.unwrap();

    let (stranger, exporter) = dial(&founded, running.opened.address, None).await;
    let claim = founded.claim(&invitation, &record, &founded.claimant(), exporter);
    let (greeting, invitation_id) = (greeting(), invitation.id().to_wire());
    let enrol = EnrolRequest { greeting, invitation_id, claim: Some(claim), wait_seconds: 30 };
    let mut door = EnrolmentServiceClient::new(stranger);
    let waiting = tokio::spawn(async move { door.enrol(enrol).await });
    registrar.list_enrolments(ListEnrolmentsRequest { wait_seconds: 30, look_only: false }).await.unwrap();

    let stopping = std::time::Instant::now();
    running.stop().await;
    assert_eq!(waiting.await.unwrap().unwrap().into_inner().state(), EnrolmentState::Waiting);
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
    let mode = std::fs::metadata(founded.data().database()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_relay_that_is_not_ready_says_what_is_missing() {
    let founded = Founded::new();
    let data = founded.data();
    let start = || run(options(&founded, CancellationToken::new()));

    let lock = data.lock().unwrap();
    assert!(matches!(start().await, Err(RunError::Folder(DataDirError::InUse(_)))));
    drop(lock);

    std::fs::rename(data.bundle(), data.path().join("kept")).unwrap();
    assert!(matches!(start().await, Err(RunError::Bundle(BundleError::Missing))));
    assert!(!data.database().exists(), "nothing is made before there is an organisation");
    std::fs::rename(data.path().join("kept"), data.bundle()).unwrap();

    std::fs::remove_file(data.key_p256()).unwrap();
    assert!(matches!(start().await, Err(RunError::NotInitialised(_))));
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_and_the_folder_is_let_go() {
    let founded = Founded::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = options(&founded, CancellationToken::new());
    options.config.listen = Some(taken.local_addr().unwrap());
    let refused = run(options).await.unwrap_err();
    assert!(matches!(refused, RunError::Transport(TransportError::Listen { .. })), "{refused}");
    drop(founded.data().lock().unwrap());
}
