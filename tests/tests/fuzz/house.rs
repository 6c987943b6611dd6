//! A relay of the samples' organisation in this process, called by bytes as its doors call it.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use prost::Message as _;
use sqlx::{Column as _, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::{Status, service::Routes};
use tower::ServiceExt as _;
use wardline_identity::{DeviceCertificate, ManualClock, SeededEntropy};
use wardline_proto::relay::RelayBundle;
use wardline_server::{
    bundle,
    config::Config,
    data_dir::DataDir,
    init::{DialAddress, init},
    relay_keys::RelayKeys,
    routes::routes,
    run::{Sources, assemble},
    state::Relay,
    store::Store,
    transport::{ConnectionId, Door, Peer, Transport},
};

use crate::world::{NOW, WORLD};

/// The TLS exporter of every connection.
pub(crate) const EXPORTER: [u8; 32] = [3; 32];

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Nobody,
    Office,
    Doctor,
}

impl Caller {
    pub(crate) fn peer(self) -> Peer {
        let device = |certificate: &DeviceCertificate| Door::Device(Arc::new(certificate.clone()));
        let door = match self {
            Self::Nobody => Door::Uncertified,
            Self::Office => device(&WORLD.office.certificate),
            Self::Doctor => device(&WORLD.doctor.certificate),
        };
        let remote = ([127, 0, 0, 1], 1).into();
        let connection = ConnectionId::new(1);
        Peer { transport: Transport::Quic, remote, door, exporter: EXPORTER, connection }
    }
}

/// A relay over a folder of its own; its fields end in this order.
pub(crate) struct House {
    pub(crate) relay: Arc<Relay>,
    pub(crate) clock: Arc<ManualClock>,
    routes: Routes,
    /// Looks at what is stored, beside the relay.
    watch: SqliteConnection,
    /// What was stored when it was last looked at, and the version it was then.
    seen: (i64, Arc<[String]>),
    pub(crate) runtime: Runtime,
    _folder: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // In memory where the system has a place for that: the relay syncs what it stores.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let folder = folder.expect("a folder");
        let data = DataDir::at(folder.path().join("relay"));
        let entropy = SeededEntropy::new(30);
        let addresses = [DialAddress::parse("relay.example.org:443").expect("an address")];
        init(&data, &addresses, &entropy).expect("a folder of a relay");
        let keys = RelayKeys::read(&data).expect("keys").expect("keys");
        std::fs::write(data.bundle(), relay_bundle(&keys).encode_to_vec()).expect("a bundle");
        let clock = Arc::new(ManualClock::new(NOW));
        let (relay, watch) = runtime.block_on(async {
            let store = Store::open(&data.database()).await.expect("a database");
            let imported = bundle::import(&data, &keys, &store, &*clock).await.expect("a bundle");
            let shared = Sources { clock: clock.clone(), entropy: Arc::new(SeededEntropy::new(31)) };
            let (config, shutdown) = (Config::default(), CancellationToken::new());
            let assembled = assemble(imported, store, &config, shared, &shutdown).await;
            let (relay, _) = assembled.expect("a relay");
            let options = SqliteConnectOptions::new().filename(data.database()).read_only(true);
            (relay, SqliteConnection::connect_with(&options).await.expect("a database"))
        });
        let routes = routes(&relay, &Config::default().limits).prepare();
        let seen = (-1, Arc::default());
        Self { relay, clock, routes, watch, seen, runtime, _folder: folder }
    }

    /// One call: the message's bytes as they come.
    pub(crate) fn call(&self, path: &str, caller: Caller, message: &[u8]) -> Result<(), Status> {
        let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
        let body = Full::new(Bytes::from([&[0][..], &length, message].concat()));
        let mut request = http::Request::post(format!("/wardline.relay.v1.{path}"))
            .header("content-type", "application/grpc")
            .body(body)
            .expect("a request");
        request.extensions_mut().insert(caller.peer());
        let answered = self.runtime.block_on(self.routes.clone().oneshot(request)).expect("an answer");
        match Status::from_header_map(answered.headers()) {
            Some(status) => Err(status),
            None => Ok(()),
        }
    }

    /// Changes when anything is stored.
    fn version(&mut self) -> i64 {
        let read = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut self.watch);
        self.runtime.block_on(read).expect("a version")
    }

    /// Everything that is stored, but for what a refusal may change: whose turn it is, and the secrets of
    /// periods, which any call for them may make.
    pub(crate) fn stored(&mut self) -> Arc<[String]> {
        let version = self.version();
        if self.seen.0 != version {
            self.seen = (version, self.rows().into());
        }
        Arc::clone(&self.seen.1)
    }

    fn rows(&mut self) -> Vec<String> {
        let watch = &mut self.watch;
        self.runtime.block_on(async {
            let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'period_secrets' ORDER BY name";
            let tables: Vec<String> =
                sqlx::query_scalar(tables).fetch_all(&mut *watch).await.expect("tables");
            let mut rows = Vec::new();
            for table in tables {
                let all = format!("SELECT * FROM {table}");
                for row in sqlx::query(sqlx::AssertSqlSafe(all)).fetch_all(&mut *watch).await.expect("rows") {
                    let cells = row.columns().iter().filter(|column| !column.name().contains("yield"));
                    let cells: Vec<String> = cells
                        .map(|column| {
                            let bytes: Option<Vec<u8>> = row.try_get_unchecked(column.ordinal()).ok();
                            format!("{}={bytes:?}", column.name())
                        })
                        .collect();
                    rows.push(format!("{table}: {}", cells.join(" ")));
                }
            }
            rows
        })
    }
}

fn relay_bundle(keys: &RelayKeys) -> RelayBundle {
    let entropy = SeededEntropy::new(31);
    let addresses = ["relay.example.org:443".to_owned()];
    let (ed25519, p256) = keys.requests().expect("requests");
    let certify = |request: &[u8]| {
        WORLD.issuer.certify_relay(request, &addresses, &entropy, NOW).expect("a certificate")
    };
    RelayBundle {
        organisation: Some(WORLD.wire.clone()),
        relay_certificate_ed25519: certify(&ed25519).into(),
        relay_certificate_p256: certify(&p256).into(),
        relay_issuer: WORLD.issuer.certificate_der().to_vec().into(),
        founder_certificate: WORLD.office.certificate.der().to_vec().into(),
    }
}
