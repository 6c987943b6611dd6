//! All traffic: a device of the organisation that speaks the protocol by hand, is a member from the first entry on,
//! acknowledges nothing and keeps every entry as it was on the wire.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::runtime::Runtime;
use wardline_client_core::{
    mls::{Identity, MlsStore, key_package},
    relay::{ClientIdentity, ConnectOptions, Relay as _, RelayConnection, Trust},
    vault::{KdfCost, Passcode, Vault, mls_rows::Scope},
};
use wardline_identity::{
    Clock as _, DateCheck, DeviceName, Invitation, InvitationLink, InvitationRecord, Organisation,
    SigningKey, SystemClock, SystemEntropy, certificate_request, claim_statement, device_id_new,
};
use wardline_proto::{
    Suite, VERSIONS,
    relay::{
        ClientGreeting, EnrolRequest, EnrolmentState, Entry, GetInvitationRequest, PublishKeyPackagesRequest,
        SubscribeRequest, subscribe_response::Event,
    },
};
use wardline_tests::Ward;

/// One entry as it was on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
}

/// A device whose connection is recorded.
pub(crate) struct Tap {
    runtime: Runtime,
    options: ConnectOptions,
}

fn greeting() -> Option<ClientGreeting> {
    Some(ClientGreeting { versions: Some(VERSIONS), software: "tap".to_owned(), ..ClientGreeting::default() })
}

impl Tap {
    /// Enrols it and publishes what others add it with.
    pub(crate) fn enrol(ward: &Ward, user: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let link = InvitationLink::parse(&ward.invite(user)).unwrap();
        let key = SigningKey::generate(&SystemEntropy).unwrap();
        let identity = runtime.block_on(certify(ward, &link, &key));
        let options = runtime.block_on(async {
            let trust = Trust::Fingerprint(*link.root());
            let (addresses, clock) = (link.addresses().to_vec(), Arc::new(SystemClock));
            let options = ConnectOptions::new(addresses, trust, Some(identity.clone()), clock);
            let connection = RelayConnection::connect(&options).await.unwrap();
            let key_packages = packages(&ward.folder().join(user), &key, &identity.chain[0]).await;
            connection.publish_key_packages(PublishKeyPackagesRequest { key_packages }).await.unwrap();
            options
        });
        Self { runtime, options }
    }

    /// Every entry there is.
    pub(crate) fn traffic(&self) -> Vec<Recorded> {
        self.runtime.block_on(async {
            let request = SubscribeRequest { greeting: greeting(), cursors: Vec::new() };
            let connection = RelayConnection::connect(&self.options).await.unwrap();
            let mut stream = connection.subscribe(request).await.unwrap();
            let mut entries = Vec::new();
            while let Some(event) = stream.next().await {
                match event.unwrap().event {
                    Some(Event::Entry(entry)) => entries.push(recorded(&entry)),
                    Some(Event::CaughtUp(_)) => break,
                    _ => {}
                }
            }
            entries
        })
    }
}

fn recorded(entry: &Entry) -> Recorded {
    assert!(!entry.message.is_empty(), "the tap acknowledges nothing, so everything is still there");
    Recorded { number: entry.number, bytes: entry.message.to_vec() }
}

/// Claims a certificate by hand.
async fn certify(ward: &Ward, link: &InvitationLink, key: &SigningKey) -> ClientIdentity {
    let trust = Trust::Fingerprint(*link.root());
    let options = ConnectOptions::new(link.addresses().to_vec(), trust, None, Arc::new(SystemClock));
    let connection = RelayConnection::connect(&options).await.unwrap();
    let invitation = Invitation::from_link(link);
    let invitation_id = invitation.id().to_wire();
    let ask = GetInvitationRequest { greeting: greeting(), invitation_id: invitation_id.clone() };
    let shown = connection.get_invitation(ask).await.unwrap();
    let organisation =
        Organisation::verify(&shown.organisation.unwrap(), link.root(), SystemClock.now()).unwrap();
    let record: InvitationRecord =
        organisation.verify_invitation(&shown.record.unwrap(), DateCheck::Skip).unwrap();
    let request = certificate_request(key).unwrap();
    let (device, name) = (device_id_new(&SystemEntropy).unwrap(), DeviceName::parse("tap").unwrap());
    let exporter = connection.exporter();
    let claim = claim_statement(&invitation, &record, &request, device, &name, &exporter).unwrap();
    let enrol = EnrolRequest { greeting: greeting(), invitation_id, claim: Some(claim), wait_seconds: 0 };
    connection.enrol(enrol.clone()).await.unwrap();
    ward.administrator.cli(&["admin", "registrar", "--once"]).good();
    let issued = connection.enrol(enrol).await.unwrap();
    assert_eq!(issued.state(), EnrolmentState::Issued);
    let issuer = organisation.issuers()[0].der().to_vec();
    ClientIdentity { key: key.to_pkcs8_v1(), chain: vec![issued.certificate.to_vec(), issuer] }
}

/// KeyPackages whose private keys nobody will need: the tap opens nothing.
async fn packages(folder: &Path, key: &SigningKey, certificate_der: &[u8]) -> Vec<Bytes> {
    let passcode = Passcode::new("tap".to_owned()).unwrap();
    let vault = Vault::create(folder, &passcode, &SystemEntropy, KdfCost::floor()).await.unwrap();
    let store = MlsStore::new();
    store.load(&vault, Scope::Device).await.unwrap();
    let identity = Identity { key, certificate_der };
    let packages = key_package::generate(&store, &identity, Suite::MlKem768X25519, 4, false).unwrap();
    packages.into_iter().map(Into::into).collect()
}
