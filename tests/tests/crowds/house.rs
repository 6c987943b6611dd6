//! A relay as a process, an organisation whose issuer this test is, and as many devices as wanted: their certificates
//! are put into the relay's database while it does not run, as if they had enrolled.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use prost::Message as _;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use wardline_client_core::relay::{
    ClientIdentity, ConnectOptions, RelayConnection, RelayError, TransportChoice, Trust,
};
use wardline_identity::{
    Clock as _, DeviceKey, DeviceName, DeviceSubject, DisplayName, IssuerAuthority, OrganisationId, Role,
    RootAuthority, SigningKey, SystemClock, SystemEntropy, UserId, device_id_new,
};
use wardline_proto::{Digest, relay as pb};
use wardline_tests::{Ward, programs};

/// A relay and its devices.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    root: RootAuthority,
    devices: Vec<ClientIdentity>,
    ward: Ward,
}

struct Minted {
    id: [u8; 16],
    user: String,
    der: Vec<u8>,
    identity: ClientIdentity,
}

impl House {
    /// Opens a relay with so many devices and this configuration.
    pub(crate) fn open(devices: usize, configuration: &str) -> Self {
        // 1. The relay, founded by this test instead of by the ward's administrator.
        let mut ward = Ward::stopped(programs!());
        let name = DisplayName::parse("St. Example").expect("a name");
        let now = SystemClock.now();
        let id = OrganisationId::from_name("St. Example").expect("an id");
        let root = RootAuthority::found(&name, id, &SystemEntropy, now).expect("a root");
        let issuer = root.found_issuer(&name, &SystemEntropy, now).expect("an issuer");
        let minted: Vec<_> = (0..=devices).map(|number| mint(&root, &issuer, number)).collect();
        let bundle = bundle(&ward, &root, &issuer, &minted[devices].der);
        fs::write(ward.relay.folder().join("relay.bundle"), bundle).expect("a bundle");
        let file = ward.folder().join("relay.toml");
        fs::write(&file, configuration).expect("a file");
        ward.relay.serve_with(&["--config", file.to_str().expect("a path")]);
        ward.relay.start();
        ward.relay.stop();

        // 2. Its devices.
        let database = ward.relay.folder().join("relay.sqlite");
        runtime().block_on(store(database, &minted[..devices]));
        ward.relay.start();
        let address = ward.relay.address().parse().expect("an address");
        let devices = minted.into_iter().map(|device| device.identity).collect();
        Self { address, root, devices, ward }
    }

    /// The same relay without these guards.
    pub(crate) fn without(&mut self, guards: &[&str]) {
        self.ward.relay.rearm(guards);
    }

    /// How a device connects.
    pub(crate) fn options(&self, device: usize, door: TransportChoice) -> ConnectOptions {
        ConnectOptions {
            addresses: vec![self.address.to_string()],
            trust: Trust::Root(self.root.certificate_der().to_vec()),
            identity: Some(self.devices[device].clone()),
            transport: door,
            clock: Arc::new(SystemClock),
        }
    }

    /// A device's connection.
    pub(crate) async fn connect(
        &self,
        device: usize,
        door: TransportChoice,
    ) -> Result<RelayConnection, RelayError> {
        RelayConnection::connect(&self.options(device, door)).await
    }

    /// What the relay has in memory, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("the relay runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// How many sockets the relay has open: its two doors, and a connection each on TCP.
    pub(crate) fn sockets(&self) -> usize {
        let files = fs::read_dir(self.proc("fd")).expect("the relay runs").flatten();
        let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    fn proc(&self, what: &str) -> PathBuf {
        format!("/proc/{}/{what}", self.ward.relay.process().pid()).into()
    }
}

/// Both doors in turn.
pub(crate) fn door(number: usize) -> TransportChoice {
    if number.is_multiple_of(2) { TransportChoice::Tcp } else { TransportChoice::Quic }
}

/// A runtime for the calls of a scene.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

fn mint(root: &RootAuthority, issuer: &IssuerAuthority, number: usize) -> Minted {
    let key = SigningKey::generate(&SystemEntropy).expect("a key");
    let id = device_id_new(&SystemEntropy).expect("an id");
    let user = format!("nurse-{number}");
    let subject = DeviceSubject {
        organisation: root.organisation().clone(),
        user: UserId::parse(&user).expect("a user"),
        device: id,
        display_name: DisplayName::parse(&user).expect("a name"),
        device_name: DeviceName::parse("phone").expect("a name"),
        role: Role::Administrator,
    };
    let public = DeviceKey::Ed25519(key.public());
    let der = issuer.certify_device(&subject, &public, &SystemEntropy, SystemClock.now());
    let der = der.expect("a certificate");
    let chain = vec![der.clone(), issuer.certificate_der().to_vec()];
    let identity = ClientIdentity { key: key.to_pkcs8_v1(), chain };
    Minted { id: *id.as_bytes(), user, der, identity }
}

fn bundle(ward: &Ward, root: &RootAuthority, issuer: &IssuerAuthority, founder: &[u8]) -> Vec<u8> {
    let request = fs::read(ward.relay.folder().join("relay.request")).expect("a request");
    let request = pb::RelayRequest::decode(request.as_slice()).expect("a request");
    let addresses = [ward.relay.address()];
    let certify = |request: &[u8]| {
        let certified = issuer.certify_relay(request, &addresses, &SystemEntropy, SystemClock.now());
        bytes::Bytes::from(certified.expect("a certificate"))
    };
    let organisation = pb::Organisation {
        organisation_id: root.organisation().to_string(),
        name: "St. Example".to_owned(),
        root_certificate: root.certificate_der().to_vec().into(),
        issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()]).expect("a list")),
    };
    let bundle = pb::RelayBundle {
        organisation: Some(organisation),
        relay_certificate_ed25519: certify(&request.request_ed25519),
        relay_certificate_p256: certify(&request.request_p256),
        relay_issuer: issuer.certificate_der().to_vec().into(),
        founder_certificate: founder.to_vec().into(),
    };
    bundle.encode_to_vec()
}

async fn store(database: PathBuf, devices: &[Minted]) {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a database");
    let mut tx = connection.begin().await.expect("a transaction");
    for device in devices {
        let now = i64::try_from(SystemClock.now().get()).expect("now");
        let id = device.id.as_slice();
        let query = "INSERT INTO devices (device_id, user_id, enrolled_at) VALUES (?1, ?2, ?3)";
        let row = sqlx::query(query).bind(id).bind(&device.user).bind(now);
        row.execute(&mut *tx).await.expect("a device");
        let query = "INSERT INTO device_certificates (fingerprint, device_id, certificate, issued_at)
                     VALUES (?1, ?2, ?3, ?4)";
        let fingerprint = Digest::of(&device.der);
        let row = sqlx::query(query).bind(fingerprint.as_bytes().as_slice()).bind(id);
        row.bind(&device.der).bind(now).execute(&mut *tx).await.expect("a certificate");
    }
    tx.commit().await.expect("a commit");
    connection.close().await.expect("closed");
}
