//! For tests: a founded organisation, its relay over a real database, and the people who use it.

use std::sync::Arc;

use tempfile::TempDir;
use tonic::Request;
use wardline_identity::{Clock, DeviceKey, Organisation};
use wardline_identity::{
    DateCheck, DeviceName, DeviceSubject, DisplayName, ExporterCheck, Invitation, InvitationSubject,
    IssuerAuthority, ManualClock, OrganisationId, RevocationAct, RevocationKind, RevocationReason,
    RevocationRegister, Role, RootAuthority, SeededEntropy, SigningKey, SystemEntropy, UserId,
    certificate_request, claim_statement, device_id_new,
};
use wardline_proto::relay::{self as pb, RelayBundle, SignedStatement};
use wardline_proto::{DeviceId, UtcMillis, VERSIONS};

use crate::bundle;
use crate::config::Config;
use crate::data_dir::{DataDir, write_public};
use crate::init::{DialAddress, init};
use crate::relay_keys::RelayKeys;
use crate::run;
use crate::state::Relay;
use crate::store::{Store, StoreError};
use crate::transport::{ConnectionId, Door, Peer, Transport};

/// When the tests begin.
pub(crate) const NOON: UtcMillis = UtcMillis::new(1_800_000_000_000);

/// An organisation whose relay is initialised and certified.
pub(crate) struct Founded {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: SeededEntropy,
    pub(crate) root: RootAuthority,
    pub(crate) issuer: IssuerAuthority,
    /// The founding administrator's device.
    pub(crate) founder: Installation,
}

/// A device with its certificate.
#[derive(Clone)]
pub(crate) struct Installation {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Vec<u8>,
    pub(crate) device: DeviceId,
}

impl Founded {
    /// With all that `init` and `admin found` leave in the relay's folder.
    pub(crate) fn new() -> Self {
        Self::seeded(1)
    }

    /// Another seed is another organisation.
    pub(crate) fn seeded(seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let name = DisplayName::parse("St. Example").unwrap();
        let id = OrganisationId::from_name(name.as_str()).unwrap();
        let root = RootAuthority::found(&name, id, &entropy, NOON).unwrap();
        let issuer = root.found_issuer(&DisplayName::parse("Office").unwrap(), &entropy, NOON).unwrap();
        let founder = Installation::certified(&issuer, &entropy, "admin-a", Role::Administrator);
        let folder = tempfile::tempdir().unwrap();
        let address = DialAddress::parse("127.0.0.1:7443").unwrap();
        init(&DataDir::at(folder.path()), &[address], &entropy).unwrap();
        let clock = Arc::new(ManualClock::new(NOON));
        let founded = Self { folder, clock, entropy, root, issuer, founder };
        founded.write_bundle(&founded.bundle(1));
        founded
    }

    pub(crate) fn data(&self) -> DataDir {
        DataDir::at(self.folder.path())
    }

    /// What `admin found` would write, with the issuers' list of this number.
    pub(crate) fn bundle(&self, issuers_number: u64) -> RelayBundle {
        let request = std::fs::read(self.data().request()).unwrap();
        let request: pb::RelayRequest = prost::Message::decode(request.as_slice()).unwrap();
        let certify = |request: &[u8]| {
            self.issuer
                .certify_relay(request, &["127.0.0.1:7443".to_owned()], &self.entropy, self.clock.now())
                .unwrap()
        };
        let issuers = self.root.sign_issuers_list(issuers_number, &[self.issuer.certificate_der()]).unwrap();
        RelayBundle {
            organisation: Some(pb::Organisation {
                organisation_id: self.root.organisation().as_str().to_owned(),
                name: self.root.name().as_str().to_owned(),
                root_certificate: self.root.certificate_der().to_vec().into(),
                issuers: Some(issuers),
            }),
            relay_certificate_ed25519: certify(&request.request_ed25519).into(),
            relay_certificate_p256: certify(&request.request_p256).into(),
            relay_issuer: self.issuer.certificate_der().to_vec().into(),
            founder_certificate: self.founder.certificate.clone().into(),
        }
    }

    pub(crate) fn write_bundle(&self, bundle: &RelayBundle) {
        write_public(&self.data().bundle(), &prost::Message::encode_to_vec(bundle)).unwrap();
    }

    /// The organisation, verified.
    pub(crate) fn organisation(&self) -> Organisation {
        let wire = self.bundle(1).organisation.unwrap();
        Organisation::verify(&wire, &self.root.fingerprint(), NOON).unwrap()
    }

    /// A relay over the folder's database, without doors.
    pub(crate) async fn relay(&self) -> Arc<Relay> {
        let store = Store::open(&self.data().database()).await.unwrap();
        self.relay_over(store).await
    }

    pub(crate) async fn relay_over(&self, store: Store) -> Arc<Relay> {
        let keys = RelayKeys::read(&self.data()).unwrap().unwrap();
        let clock: Arc<dyn Clock> = self.clock.clone();
        let imported = bundle::import(&self.data(), &keys, &store, &*clock).await.unwrap();
        let shutdown = tokio_util::sync::CancellationToken::new();
        let sources = run::Sources { clock, entropy: Arc::new(SystemEntropy) };
        run::assemble(imported, store, &Config::default(), sources, &shutdown).await.unwrap().0
    }

    /// An invitation for a clinician, good for a day.
    pub(crate) fn invite(&self, user: &str) -> (Invitation, SignedStatement) {
        let subject = InvitationSubject {
            user: UserId::parse(user).unwrap(),
            display_name: DisplayName::parse("Doctor A").unwrap(),
            role: Role::Clinician,
        };
        let expires_at = self.clock.now().plus_seconds(86_400);
        Invitation::create(&self.issuer, &subject, expires_at, &self.entropy).unwrap()
    }

    /// The same, in place of a device of the same person.
    pub(crate) fn invite_replacing(&self, user: &str, replaces: DeviceId) -> (Invitation, SignedStatement) {
        let subject = InvitationSubject {
            user: UserId::parse(user).unwrap(),
            display_name: DisplayName::parse("Doctor A").unwrap(),
            role: Role::Clinician,
        };
        let expires_at = self.clock.now().plus_seconds(86_400);
        Invitation::create_replacing(&self.issuer, &subject, replaces, expires_at, &self.entropy).unwrap()
    }

    /// An honest record whose day is over by the tests' clock.
    pub(crate) fn expired_record(&self) -> SignedStatement {
        let subject = InvitationSubject {
            user: UserId::parse("doctor-a").unwrap(),
            display_name: DisplayName::parse("Doctor A").unwrap(),
            role: Role::Clinician,
        };
        Invitation::create(&self.issuer, &subject, self.clock.now(), &self.entropy).unwrap().1
    }

    /// A clinician's device, certified now.
    pub(crate) fn certify_later(&self, user: &str) -> Installation {
        self.certify_later_as(user, Role::Clinician)
    }

    pub(crate) fn certify_later_as(&self, user: &str, role: Role) -> Installation {
        Installation::certified_at(&self.issuer, &self.entropy, user, role, self.clock.now())
    }

    /// The relay knows a device, on disk and at its doors.
    pub(crate) async fn know(&self, relay: &Relay, one: &Installation) {
        let certificate = self.organisation().verify_device(&one.certificate, DateCheck::Skip).unwrap();
        let (device, user, digest) = (one.device, certificate.user().clone(), certificate.fingerprint());
        let known = relay.store.write("know", move |tx| {
            Box::pin(async move { tx.enrol_for_tests(device, &user, &digest).await })
        });
        known.await.map_err(|error: StoreError| error).unwrap();
        relay.devices.insert(certificate);
    }

    /// The organisation's first list, with this one act.
    pub(crate) fn first_list(
        &self,
        device: DeviceId,
        kind: RevocationKind,
    ) -> pb::PublishRevocationListRequest {
        let (now, organisation) = (self.clock.now(), self.organisation());
        let issuer = *self.issuer.certificate().fingerprint();
        let act = RevocationAct { device, kind, reason: RevocationReason::Lost, at: now, issuer };
        let register = RevocationRegister::new(organisation.id());
        let list = register.sign_next(&self.issuer, &organisation, &[act], now).unwrap();
        pb::PublishRevocationListRequest { list: Some(list), acts: vec![act.to_wire()] }
    }

    pub(crate) fn clock_now(&self) -> UtcMillis {
        self.clock.now()
    }

    /// A claim of a new device on the connection with this exporter.
    pub(crate) fn claim(
        &self,
        invitation: &Invitation,
        record: &SignedStatement,
        device: &Claimant,
        exporter: [u8; 32],
    ) -> SignedStatement {
        let record =
            self.organisation().verify_invitation(record, wardline_identity::DateCheck::Skip).unwrap();
        let request = certificate_request(&device.key).unwrap();
        let name = DeviceName::parse("phone").unwrap();
        claim_statement(invitation, &record, &request, device.device, &name, &exporter).unwrap()
    }

    /// What an honest registrar signs for a waiting enrolment.
    pub(crate) fn certify(&self, record: &SignedStatement, claim: &SignedStatement) -> Vec<u8> {
        let record =
            self.organisation().verify_invitation(record, wardline_identity::DateCheck::Skip).unwrap();
        let claim = record.verify_claim(claim, ExporterCheck::Skip).unwrap();
        let subject = record.device_subject(&claim);
        self.issuer.certify_device(&subject, claim.key(), &self.entropy, self.clock.now()).unwrap()
    }

    pub(crate) fn claimant(&self) -> Claimant {
        Claimant {
            key: SigningKey::generate(&self.entropy).unwrap(),
            device: device_id_new(&self.entropy).unwrap(),
        }
    }
}

/// A device that has a key and no certificate.
#[derive(Clone)]
pub(crate) struct Claimant {
    pub(crate) key: SigningKey,
    pub(crate) device: DeviceId,
}

impl Installation {
    /// A device of `user`, certified without an enrolment.
    pub(crate) fn certified(
        issuer: &IssuerAuthority,
        entropy: &SeededEntropy,
        user: &str,
        role: Role,
    ) -> Self {
        Self::certified_at(issuer, entropy, user, role, NOON)
    }

    pub(crate) fn certified_at(
        issuer: &IssuerAuthority,
        entropy: &SeededEntropy,
        user: &str,
        role: Role,
        now: UtcMillis,
    ) -> Self {
        let key = SigningKey::generate(entropy).unwrap();
        let device = device_id_new(entropy).unwrap();
        let subject = DeviceSubject {
            organisation: issuer.organisation().clone(),
            user: UserId::parse(user).unwrap(),
            device,
            display_name: DisplayName::parse("A Name").unwrap(),
            device_name: DeviceName::parse("laptop").unwrap(),
            role,
        };
        let public = DeviceKey::Ed25519(key.public());
        let certificate = issuer.certify_device(&subject, &public, entropy, now).unwrap();
        Self { key, certificate, device }
    }
}

/// A request through the uncertified door, on the connection with this exporter.
pub(crate) fn from_stranger<T>(message: T, exporter: [u8; 32]) -> Request<T> {
    through(message, Door::Uncertified, exporter)
}

/// A request of a certified device.
pub(crate) fn from_device<T>(message: T, founded: &Founded, installation: &Installation) -> Request<T> {
    let organisation = founded.organisation();
    let certificate =
        organisation.verify_device(&installation.certificate, wardline_identity::DateCheck::Skip).unwrap();
    through(message, Door::Device(Arc::new(certificate)), [0; 32])
}

fn through<T>(message: T, door: Door, exporter: [u8; 32]) -> Request<T> {
    let mut request = Request::new(message);
    let remote = "127.0.0.1:1".parse().unwrap();
    let connection = ConnectionId::new(1);
    request.extensions_mut().insert(Peer { transport: Transport::Tcp, remote, door, exporter, connection });
    request
}

/// A client's greeting.
pub(crate) fn greeting() -> Option<pb::ClientGreeting> {
    Some(pb::ClientGreeting { versions: Some(VERSIONS), ..pb::ClientGreeting::default() })
}

/// The stable reason of a refusal.
pub(crate) fn reason(status: &tonic::Status) -> String {
    use tonic_types::StatusExt as _;
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}
