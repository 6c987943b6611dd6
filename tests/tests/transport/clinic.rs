//! An organisation, its relay with both doors open, and its people's devices.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustls::{
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    version::TLS13,
};
use tokio_util::sync::CancellationToken;
use wardline_client_core::relay::{
    ClientIdentity, ConnectOptions, RelayConnection, RelayError, TransportChoice, Trust,
};
use wardline_identity::{
    Clock, DeviceCertificate, DeviceName, DeviceSubject, DisplayName, IssuerAuthority, ManualClock,
    Organisation, OrganisationId, P256SigningKey, RevocationReason, Role, RootAuthority, SigningKey,
    SystemClock, SystemEntropy, UserId, certificate_request, device_id_new,
};
use wardline_proto::{DeviceId, UtcMillis, relay as pb};
use wardline_server::transport::{
    Admission, CloseCode, Connections, Limits, Listening, Refusal, RelayLeaf, ServedLeaves, TlsMaterial,
    TransportConfig, serve,
};

use crate::stub::Stub;

/// Since when those that are revoked are.
pub(crate) const REVOKED: UtcMillis = UtcMillis::new(1_800_000_000_000);

/// An organisation.
pub(crate) struct Clinic {
    pub(crate) root: RootAuthority,
    pub(crate) issuer: IssuerAuthority,
    pub(crate) organisation: Arc<Organisation>,
}

/// An enrolled device.
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) identity: ClientIdentity,
}

impl Clinic {
    pub(crate) fn found(name: &str) -> Self {
        let now = SystemClock.now();
        let display = DisplayName::parse(name).expect("a name");
        let id = OrganisationId::from_name(name).expect("an id");
        let root = RootAuthority::found(&display, id, &SystemEntropy, now).expect("a root");
        let issuer = root.found_issuer(&display, &SystemEntropy, now).expect("an issuer");
        let list = root.sign_issuers_list(1, &[issuer.certificate_der()]).expect("a list");
        let wire = pb::Organisation {
            organisation_id: root.organisation().to_string(),
            name: name.to_owned(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(list),
        };
        let organisation = Organisation::verify(&wire, &root.fingerprint(), now).expect("an organisation");
        Self { root, issuer, organisation: Arc::new(organisation) }
    }

    pub(crate) fn device(&self, user: &str) -> Device {
        let key = SigningKey::generate(&SystemEntropy).expect("a key");
        let id = device_id_new(&SystemEntropy).expect("an id");
        let subject = DeviceSubject {
            organisation: self.organisation.id().clone(),
            user: UserId::parse(user).expect("a user"),
            device: id,
            display_name: DisplayName::parse(user).expect("a name"),
            device_name: DeviceName::parse("phone").expect("a name"),
            role: Role::Clinician,
        };
        let public = wardline_identity::DeviceKey::Ed25519(key.public());
        let certificate = self
            .issuer
            .certify_device(&subject, &public, &SystemEntropy, SystemClock.now())
            .expect("a certificate");
        let chain = vec![certificate, self.issuer.certificate_der().to_vec()];
        Device { id, identity: ClientIdentity { key: key.to_pkcs8_v1(), chain } }
    }

    /// What this organisation's relay shows.
    pub(crate) fn tls(&self) -> TlsMaterial {
        let (ed25519, p256) = (
            SigningKey::generate(&SystemEntropy).expect("a key"),
            P256SigningKey::generate(&SystemEntropy).expect("a key"),
        );
        let certify = |request: Vec<u8>| {
            let addresses = ["127.0.0.1:7443".to_owned()];
            let certified =
                self.issuer.certify_relay(&request, &addresses, &SystemEntropy, SystemClock.now());
            CertificateDer::from(certified.expect("a certificate"))
        };
        TlsMaterial {
            root: self.root.certificate_der().to_vec().into(),
            issuer: self.issuer.certificate_der().to_vec().into(),
            ed25519: RelayLeaf {
                certificate: certify(certificate_request(&ed25519).expect("a request")),
                key: ed25519.to_pkcs8_v1(),
            },
            p256: RelayLeaf {
                certificate: certify(p256.certificate_request().expect("a request")),
                key: p256.to_pkcs8(),
            },
            served: ServedLeaves::default(),
        }
    }

    pub(crate) async fn open(&self) -> House {
        self.open_with(Limits::default()).await
    }

    pub(crate) async fn open_with(&self, limits: Limits) -> House {
        self.open_as(self.tls(), limits).await
    }

    /// Opens a relay with these certificates.
    pub(crate) async fn open_showing(&self, tls: TlsMaterial) -> House {
        self.open_as(tls, Limits::default()).await
    }

    /// The relay's certificates on a server that knows no post-quantum key exchange.
    pub(crate) fn classical_server(&self) -> Arc<rustls::ServerConfig> {
        let TlsMaterial { root, issuer, ed25519, .. } = self.tls();
        let kx_groups = vec![aws_lc_rs::kx_group::X25519];
        let provider = CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(ed25519.key.to_vec()));
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![ed25519.certificate, issuer, root], key)
            .expect("a key");
        Arc::new(config)
    }

    /// Opens a relay whose clock stands still at `now`.
    pub(crate) async fn open_at(&self, now: UtcMillis) -> House {
        self.open_all(self.tls(), Limits::default(), Arc::new(ManualClock::new(now))).await
    }

    async fn open_as(&self, tls: TlsMaterial, limits: Limits) -> House {
        self.open_all(tls, limits, Arc::new(SystemClock)).await
    }

    async fn open_all(&self, tls: TlsMaterial, limits: Limits, clock: Arc<dyn Clock>) -> House {
        let (stub, connections, shutdown) = (Stub::default(), Connections::new(), CancellationToken::new());
        let register = Arc::new(Register {
            organisation: self.organisation.clone(),
            revoked: Mutex::default(),
            revoke_after_first_look: AtomicBool::default(),
        });
        let config = TransportConfig {
            listen: "127.0.0.1:0".parse().expect("an address"),
            tls,
            limits,
            clock,
            connections: connections.clone(),
        };
        let listening =
            serve(config, stub.routes(), register.clone(), shutdown.clone()).await.expect("open doors");
        let address = listening.address();
        let root = self.root.certificate_der().to_vec();
        House { address, root, stub, connections, register, shutdown, listening }
    }
}

/// Who is in force.
pub(crate) struct Register {
    organisation: Arc<Organisation>,
    revoked: Mutex<HashSet<DeviceId>>,
    /// Marks a device between the two looks of its admission, as a revocation at that moment does.
    pub(crate) revoke_after_first_look: AtomicBool,
}

impl Admission for Register {
    fn admit(&self, chain: &[CertificateDer<'_>]) -> Result<Arc<DeviceCertificate>, Refusal> {
        let leaf = chain.first().ok_or(Refusal::CertificateInvalid)?;
        let now = SystemClock.now();
        let certificate =
            self.organisation.verify_device(leaf, now).map_err(|_| Refusal::CertificateInvalid)?;
        if self.revoked.lock().expect("no panic").contains(&certificate.device()) {
            return Err(Refusal::DeviceRevoked { reason: RevocationReason::Lost, since: REVOKED });
        }
        if self.revoke_after_first_look.load(Ordering::SeqCst) {
            self.revoked.lock().expect("no panic").insert(certificate.device());
        }
        Ok(Arc::new(certificate))
    }
}

/// A relay with both doors open.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) root: Vec<u8>,
    pub(crate) stub: Stub,
    pub(crate) connections: Connections,
    pub(crate) register: Arc<Register>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) listening: Listening,
}

impl House {
    pub(crate) fn options(&self, door: TransportChoice, device: Option<&Device>) -> ConnectOptions {
        let identity = device.map(|device| device.identity.clone());
        let trust = Trust::Root(self.root.clone());
        let options =
            ConnectOptions::new(vec![self.address.to_string()], trust, identity, Arc::new(SystemClock));
        ConnectOptions { transport: door, ..options }
    }

    pub(crate) async fn try_connect(
        &self,
        door: TransportChoice,
        device: Option<&Device>,
    ) -> Result<RelayConnection, RelayError> {
        RelayConnection::connect(&self.options(door, device)).await
    }

    pub(crate) async fn connect(&self, door: TransportChoice, device: Option<&Device>) -> RelayConnection {
        self.try_connect(door, device).await.expect("a connection")
    }

    /// Marks first, cuts second, as a revocation does.
    pub(crate) fn revoke(&self, device: &Device) -> usize {
        self.register.revoked.lock().expect("no panic").insert(device.id);
        self.connections.cut_device(&device.id, CloseCode::Revoked)
    }

    /// Waits until so many calls are running; fails after `within`.
    pub(crate) async fn running(&self, calls: usize, within: Duration) {
        let start = Instant::now();
        while self.stub.running() != calls {
            let running = self.stub.running();
            assert!(start.elapsed() < within, "{running} calls are running, not {calls}, after {within:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
