//! A relay as a process of its own, an organisation whose issuer this test is, the callers who attack, and two
//! honest clients who talk between the attacks.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Mutex;
use wardline_client_core::{
    api::{Answer, Client, Command, Enrolment, Options, Reach, enrol},
    relay::{ClientIdentity, ConnectOptions, Relay as _, RelayConnection, TransportChoice, Trust},
    vault::{KdfCost, Passcode, Vault},
};
use wardline_identity::{
    Clock as _, DateCheck, DeviceName, ExporterCheck, P256SigningKey, Role, SigningKey, SystemClock,
    SystemEntropy, certificate_request, claim_statement, device_id_new,
};
use wardline_proto::{
    VERSIONS,
    relay::{self as pb, SignedStatement},
};
use wardline_tests::{Ward, programs};

use crate::{
    authority::{Authority, DAY, Installation, now_minus_days},
    database::Database,
    wire::{Outcome, Payload, Wire},
};

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// No certificate.
    Stranger,
    /// A clinician.
    Doctor,
    /// Another clinician, whose certificate is near its end.
    Nurse,
    /// The founding administrator.
    Office,
    /// A service account with a P-256 key.
    Gateway,
    /// A responder: may put devices on hold, nothing else.
    Responder,
    /// A clinician whose device is on hold now and then.
    Locum,
}

/// A relay with both doors open, and everybody who uses it.
pub(crate) struct House {
    /// Over which the attacks come.
    pub(crate) door: TransportChoice,
    pub(crate) authority: Authority,
    pub(crate) address: SocketAddr,
    pub(crate) database: Database,
    /// Holds nothing: MLS stores are loaded from it.
    pub(crate) vault: Vault,
    callers: HashMap<Caller, Installation>,
    wires: Mutex<HashMap<Caller, Arc<Wire>>>,
    honest: Honest,
    pub(crate) ward: Ward,
}

/// Two clients as people use them, and their conversation.
struct Honest {
    writer: Client,
    reader: Client,
    conversation: String,
    said: AtomicU64,
}

impl House {
    pub(crate) async fn open(door: TransportChoice) -> Self {
        // 1. The relay, founded by this test instead of by the ward's administrator.
        let mut ward = tokio::task::spawn_blocking(|| Ward::stopped(programs!())).await.expect("a ward");
        let authority = Authority::found("St. Example");
        let office = authority.certify("office", Role::Administrator, SystemClock.now());
        let bundle = authority.bundle(ward.relay.folder(), &ward.relay.address(), &office);
        fs::write(ward.relay.folder().join("relay.bundle"), bundle).expect("a bundle");
        let config = ward.folder().join("relay.toml");
        // Nothing changes by itself while it is looked at.
        fs::write(&config, "[jobs]\nsweep_seconds = 3600\n").expect("a file");
        ward.relay.serve_with(&["--config", config.to_str().expect("a path")]);
        let ward = tokio::task::spawn_blocking(move || {
            ward.relay.start();
            ward
        });
        let ward = ward.await.expect("a relay");

        // 2. Who attacks, and who talks on.
        let address = ward.relay.address().parse().expect("an address");
        let vault_folder = ward.folder().join("vault");
        let vault = Vault::create(&vault_folder, &passcode(), &SystemEntropy, KdfCost::floor()).await;
        let registrar = Registrar { authority: &authority, office: &office, door, address };
        let callers = registrar.enrol_callers().await;
        let honest = registrar.enrol_honest(ward.folder()).await;
        let database = Database::open(&ward.relay.folder().join("relay.sqlite")).await;
        let house = Self {
            door,
            authority,
            address,
            database,
            vault: vault.expect("a vault"),
            callers: callers.into_iter().chain([(Caller::Office, office)]).collect(),
            wires: Mutex::default(),
            honest,
            ward,
        };
        house.talks_on().await;
        house
    }

    pub(crate) fn caller(&self, caller: Caller) -> &Installation {
        self.callers.get(&caller).unwrap_or_else(|| panic!("{caller:?} has no certificate"))
    }

    pub(crate) fn root(&self) -> &[u8] {
        self.authority.root.certificate_der()
    }

    /// How our own client connects with this identity.
    pub(crate) fn options(&self, identity: Option<ClientIdentity>) -> ConnectOptions {
        options(self.door, self.address, self.root(), identity)
    }

    /// The caller's connection, the same one each time.
    pub(crate) async fn wire(&self, caller: Caller) -> Arc<Wire> {
        let mut wires = self.wires.lock().await;
        if let Some(wire) = wires.get(&caller) {
            return wire.clone();
        }
        let identity = self.callers.get(&caller).map(|one| &one.identity);
        let wire = Arc::new(Wire::connect(self.door, self.address, self.root(), identity).await);
        wires.insert(caller, wire.clone());
        wire
    }

    /// Forgets the caller's connection: the next call opens another.
    pub(crate) async fn hang_up(&self, caller: Caller) {
        self.wires.lock().await.remove(&caller);
    }

    /// A call that has to go well.
    pub(crate) async fn good(&self, caller: Caller, path: &str, message: &impl prost::Message) {
        let outcome = self.wire(caller).await.call(path, &Payload::Message(message.encode_to_vec())).await;
        assert!(matches!(outcome, Outcome::Accepted), "{path}: {outcome:?}");
    }

    /// A connection of our own client's, as this caller.
    pub(crate) async fn connect(&self, caller: Caller) -> RelayConnection {
        let identity = self.callers.get(&caller).map(|one| one.identity.clone());
        RelayConnection::connect(&self.options(identity)).await.expect("a connection")
    }

    /// An honest message goes out and arrives, and both sides have said that they have it.
    pub(crate) async fn talks_on(&self) {
        let text = format!("note {}", self.honest.said.fetch_add(1, Ordering::SeqCst));
        let (conversation, since) = (self.honest.conversation.clone(), None);
        let send =
            Command::Send { conversation: conversation.clone(), text: text.clone(), expires_seconds: None };
        let sent = self.honest.writer.execute(send, Reach::Online).await;
        let Ok(Answer::Sent(sent)) = sent else { panic!("an honest message: {sent:?}") };
        assert_eq!(sent.state, "sent", "{sent:?}");
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let read = Command::Read { conversation: conversation.clone(), since, new: false };
            let Ok(Answer::Messages(read)) = self.honest.reader.execute(read, Reach::Offline).await else {
                panic!("the reader cannot read");
            };
            if read.messages.last().is_some_and(|last| last.text == text) {
                break;
            }
            assert!(Instant::now() < until, "an honest message does not arrive");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.database.settled().await;
    }

    /// The most memory that the relay has held so far, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.ward.relay.process().pid());
        let status = fs::read_to_string(status).expect("a process");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    }
}

fn options(
    door: TransportChoice,
    address: SocketAddr,
    root: &[u8],
    identity: Option<ClientIdentity>,
) -> ConnectOptions {
    let trust = Trust::Root(root.to_vec());
    let options = ConnectOptions::new(vec![address.to_string()], trust, identity, Arc::new(SystemClock));
    ConnectOptions { transport: door, ..options }
}

/// Enrols people, as an administrator's machine does.
struct Registrar<'a> {
    authority: &'a Authority,
    office: &'a Installation,
    door: TransportChoice,
    address: SocketAddr,
}

impl Registrar<'_> {
    async fn connect(&self, identity: Option<ClientIdentity>) -> RelayConnection {
        let options = options(self.door, self.address, self.authority.root.certificate_der(), identity);
        RelayConnection::connect(&options).await.expect("a connection")
    }

    async fn enrol_callers(&self) -> Vec<(Caller, Installation)> {
        let office = self.connect(Some(self.office.identity.clone())).await;
        let mut callers = Vec::new();
        for (caller, user, role) in [
            (Caller::Doctor, "doctor-a", Role::Clinician),
            (Caller::Nurse, "nurse-a", Role::Clinician),
            (Caller::Gateway, "gateway", Role::Service),
            (Caller::Responder, "night-desk", Role::Responder),
            (Caller::Locum, "locum-c", Role::Clinician),
        ] {
            callers.push((caller, self.enrol(&office, caller, user, role).await));
        }
        callers
    }

    /// One device: invited, claimed on a connection of its own, judged, certified.
    async fn enrol(&self, office: &RelayConnection, caller: Caller, user: &str, role: Role) -> Installation {
        let (invitation, statement) = self.authority.invite(user, role, SystemClock.now().plus_seconds(DAY));
        let publish = pb::PublishInvitationRequest { record: Some(statement.clone()) };
        office.publish_invitation(publish).await.expect("published");
        let record = self.authority.organisation.verify_invitation(&statement, DateCheck::Skip);
        let record = record.expect("a record");
        let (ed25519, p256) = (
            SigningKey::generate(&SystemEntropy).expect("a key"),
            P256SigningKey::generate(&SystemEntropy).expect("a key"),
        );
        let (key, pkcs8, request) = if caller == Caller::Gateway {
            (None, p256.to_pkcs8(), p256.certificate_request())
        } else {
            let pkcs8 = ed25519.to_pkcs8_v1();
            (Some(ed25519.clone()), pkcs8, certificate_request(&ed25519))
        };
        let device = device_id_new(&SystemEntropy).expect("an id");
        let name = DeviceName::parse("phone").expect("a name");
        let connection = self.connect(None).await;
        let request = request.expect("a request");
        let claim = claim_statement(&invitation, &record, &request, device, &name, &connection.exporter());
        let claim = claim.expect("a claim");
        let enrol = pb::EnrolRequest {
            greeting: greeting(),
            invitation_id: invitation.id().to_wire(),
            claim: Some(claim.clone()),
            wait_seconds: 0,
        };
        connection.enrol(enrol).await.expect("claimed");
        let der = self.issue(office, &statement, &claim).await;
        let identity = ClientIdentity { key: pkcs8, chain: self.authority.chain(&der) };
        Installation { key, certificate: self.authority.read(&der), identity }
    }

    /// Certifies a claim; gives the certificate.
    async fn issue(
        &self,
        office: &RelayConnection,
        record: &SignedStatement,
        claim: &SignedStatement,
    ) -> Vec<u8> {
        let record = self.authority.organisation.verify_invitation(record, DateCheck::Skip);
        let record = record.expect("a record");
        let claim = record.verify_claim(claim, ExporterCheck::Skip).expect("a claim");
        let subject = record.device_subject(&claim);
        let issuer = &self.authority.issuer;
        // The nurse's certificate is near its end.
        let days = if subject.user.as_str() == "nurse-a" { 75 } else { 0 };
        let der = issuer.certify_device(&subject, claim.key(), &SystemEntropy, now_minus_days(days));
        let der = der.expect("a certificate");
        let invitation_id = record.invitation_id().to_wire();
        let issue = pb::IssueCertificateRequest { invitation_id, certificate: der.clone().into() };
        office.issue_certificate(issue).await.expect("issued");
        der
    }

    /// The two who talk: enrolled by the product's own code, with a conversation.
    async fn enrol_honest(&self, folder: &Path) -> Honest {
        let office = self.connect(Some(self.office.identity.clone())).await;
        let mut clients = Vec::new();
        for user in ["reader", "writer"] {
            let until = SystemClock.now().plus_seconds(DAY);
            let (invitation, record) = self.authority.invite(user, Role::Clinician, until);
            let publish = pb::PublishInvitationRequest { record: Some(record) };
            office.publish_invitation(publish).await.expect("published");
            let link = invitation.link(vec![self.address.to_string()], self.authority.root.fingerprint());
            let (home, passcode) = (folder.join(user), passcode());
            let link = link.encode().expect("a link");
            let enrolment = Enrolment {
                home: &home,
                passcode: &passcode,
                cost: KdfCost::floor(),
                invitation: &link,
                device_name: "phone",
                clock: Arc::new(SystemClock),
                entropy: Arc::new(SystemEntropy),
                connector: None,
            };
            let judged = async {
                let waiting = office
                    .list_enrolments(pb::ListEnrolmentsRequest { wait_seconds: 20, look_only: false })
                    .await;
                let waiting = waiting.expect("an answer").enrolments.remove(0);
                self.issue(&office, &waiting.record.expect("a record"), &waiting.claim.expect("a claim"))
                    .await
            };
            let mut nobody_looks = |_| {};
            let (enrolled, _) = tokio::join!(enrol(&enrolment, &mut nobody_looks), judged);
            enrolled.expect("a certificate");
            let options = Options { transport: self.door, ..Options::default() };
            let client = Client::open(&home, &passcode, options).await.expect("the vault opens");
            client.execute(Command::Sync, Reach::Online).await.expect("it syncs");
            clients.push(client);
        }
        let (writer, reader) = (clients.remove(1), clients.remove(0));
        let create = Command::ConversationCreate {
            name: "Ward 4".to_owned(),
            with: vec!["reader".to_owned()],
            suite: None,
        };
        let created = writer.execute(create, Reach::Online).await;
        let Ok(Answer::Changed(created)) = created else { panic!("a conversation: {created:?}") };
        reader.execute(Command::Sync, Reach::Online).await.expect("it syncs");
        Honest { writer, reader, conversation: created.conversation, said: AtomicU64::new(0) }
    }
}

/// A client's greeting.
pub(crate) fn greeting() -> Option<pb::ClientGreeting> {
    Some(pb::ClientGreeting { versions: Some(VERSIONS), ..pb::ClientGreeting::default() })
}

fn passcode() -> Passcode {
    Passcode::new("a passcode of this test".to_owned()).expect("a passcode")
}
