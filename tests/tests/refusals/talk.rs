//! A conversation of the attackers' own, with real MLS behind it: each row has a fresh one, so that no row depends on
//! another.

use prost::Message as _;
use wardline_client_core::{
    mls::{CommitPlan, Group, LogPosition, MlsStore, VerifiedKeyPackage, group, key_package},
    vault::mls_rows::Scope,
};
use wardline_identity::{Entropy as _, StatementLabel, SystemEntropy, sign_statement};
use wardline_proto::{
    ChainHash, ConversationId, DeviceId, Digest, EntryNumber, Suite,
    content::ConversationSettings,
    relay::{
        self as pb, AuthenticatedData, CommitAuthor, CommitData, CommitRequest, MessageData, SendRequest,
        SignedStatement, authenticated_data::Kind,
    },
    roster_digest,
};

use crate::{
    authority::Installation,
    house::{Caller, House},
    rows::path,
};

/// A conversation that the doctor made, and the doctor's group in it.
pub(crate) struct Talk<'a> {
    pub(crate) house: &'a House,
    pub(crate) id: ConversationId,
    pub(crate) store: MlsStore,
    pub(crate) group: Group,
    /// Who is in it, as the relay knows.
    pub(crate) roster: Vec<DeviceId>,
}

/// Sixteen random bytes.
pub(crate) fn random() -> [u8; 16] {
    SystemEntropy.array().expect("randomness")
}

/// An MLS store with this scope loaded.
pub(crate) async fn store(house: &House, conversation: ConversationId) -> MlsStore {
    let store = MlsStore::new();
    store.load(&house.vault, Scope::Device).await.expect("loaded");
    store.load(&house.vault, Scope::Conversation(conversation)).await.expect("loaded");
    store
}

/// The group of a conversation, in epoch 0, which the relay has not heard of.
pub(crate) async fn unheard(house: &House, id: ConversationId) -> Talk<'_> {
    let store = store(house, id).await;
    let settings = ConversationSettings {
        name: "Ward 4".to_owned(),
        retention_seconds: 86_400,
        keepers: vec!["doctor-a".to_owned()],
        number: 1,
        predecessor: None,
    };
    let doctor = house.caller(Caller::Doctor);
    let group = group::create(&store, &doctor.mls(), Suite::X25519, id, &settings).expect("a group");
    Talk { house, id, store, group, roster: vec![doctor.device()] }
}

impl<'a> Talk<'a> {
    /// A new conversation.
    pub(crate) async fn new(house: &'a House) -> Self {
        let talk = unheard(house, ConversationId::from_bytes(random())).await;
        let request = pb::CreateConversationRequest {
            conversation_id: talk.id.to_wire(),
            cipher_suite: 0x0001,
            predecessor: None,
        };
        house.good(Caller::Doctor, path::CREATE_CONVERSATION, &request).await;
        talk
    }

    pub(crate) fn doctor(&self) -> &'a Installation {
        self.house.caller(Caller::Doctor)
    }

    /// A message with these authenticated data.
    pub(crate) fn encrypt(&mut self, data: &[u8]) -> Vec<u8> {
        let doctor = self.doctor().mls();
        self.group.encrypt(&self.store, &doctor, data, b"a text").expect("a message")
    }

    /// An honest message.
    pub(crate) fn message(&mut self) -> SendRequest {
        let message = self.encrypt(&life(3_600));
        self.sending(message)
    }

    /// Sends these bytes as a message.
    pub(crate) fn sending(&self, message: Vec<u8>) -> SendRequest {
        SendRequest {
            conversation_id: self.id.to_wire(),
            client_message_id: random().to_vec().into(),
            message: message.into(),
        }
    }

    /// What an honest commit declares that lets these in and those out.
    pub(crate) fn data(&self, joins: &[DeviceId], leaves: &[DeviceId]) -> CommitData {
        let wire = |devices: &[DeviceId]| {
            let mut devices = devices.to_vec();
            devices.sort_unstable();
            devices.iter().map(|device| device.to_wire()).collect()
        };
        let stay = self.roster.iter().copied().filter(|device| !leaves.contains(device));
        CommitData {
            joins: wire(joins),
            leaves: wire(leaves),
            roster_sha256: roster_digest(stay.chain(joins.iter().copied())).to_wire(),
            ..CommitData::default()
        }
    }

    /// A commit with this declaration that lets these in; the group stays as it is.
    pub(crate) fn commit(&mut self, data: CommitData, adds: Vec<VerifiedKeyPackage>) -> CommitRequest {
        let data = AuthenticatedData { kind: Some(Kind::Commit(data)) };
        self.commit_with(data.encode_to_vec(), adds)
    }

    /// A commit with these authenticated data.
    pub(crate) fn commit_with(&mut self, data: Vec<u8>, adds: Vec<VerifiedKeyPackage>) -> CommitRequest {
        let (plan, doctor) = (self.plan(data, adds), self.doctor().mls());
        let messages = self.group.commit(&self.store, &doctor, plan).expect("a commit");
        self.group.clear_pending(&self.store).expect("cleared");
        self.committing(messages.commit, messages.welcome.unwrap_or_default())
    }

    /// An honest commit that changes nothing but keys.
    pub(crate) fn update(&mut self) -> CommitRequest {
        let data = self.data(&[], &[]);
        self.commit(data, Vec::new())
    }

    /// Commits these bytes, with an honest statement about them.
    pub(crate) fn committing(&self, commit: Vec<u8>, welcome: Vec<u8>) -> CommitRequest {
        let epoch = self.group.epoch().get();
        let author = self.author(self.doctor(), &commit, epoch);
        CommitRequest {
            conversation_id: self.id.to_wire(),
            epoch,
            commit: commit.into(),
            author: Some(author),
            welcome: welcome.into(),
        }
    }

    /// What says that a device made a commit.
    pub(crate) fn author(&self, device: &Installation, commit: &[u8], epoch: u64) -> SignedStatement {
        let said = CommitAuthor {
            conversation_id: self.id.to_wire(),
            epoch,
            commit_sha256: Digest::of(commit).to_wire(),
        };
        sign_statement(device.key(), StatementLabel::CommitAuthor, &said, Some(device.certificate.der()))
    }

    /// Ends the epoch, at the relay and here.
    pub(crate) async fn next_epoch(&mut self) {
        self.advance(self.data(&[], &[]), Vec::new()).await;
    }

    async fn advance(&mut self, data: CommitData, adds: Vec<VerifiedKeyPackage>) {
        let plan = self.plan(AuthenticatedData { kind: Some(Kind::Commit(data)) }.encode_to_vec(), adds);
        let messages = self.group.commit(&self.store, &self.doctor().mls(), plan).expect("a commit");
        let request = self.committing(messages.commit, messages.welcome.unwrap_or_default());
        self.house.good(Caller::Doctor, path::COMMIT, &request).await;
        self.group.merge_pending(&self.store).expect("merged");
    }

    /// Goes an epoch further than the relay has heard.
    pub(crate) fn run_ahead(&mut self) {
        let plan = self.plan(Vec::new(), Vec::new());
        self.group.commit(&self.store, &self.doctor().mls(), plan).expect("a commit");
        self.group.merge_pending(&self.store).expect("merged");
    }

    fn plan(&self, aad: Vec<u8>, adds: Vec<VerifiedKeyPackage>) -> CommitPlan {
        let position = LogPosition { number: EntryNumber::ZERO, chain_hash: ChainHash::genesis(&self.id) };
        CommitPlan { adds, removes: Vec::new(), settings: None, certificate: None, aad, position }
    }

    /// A package of the nurse that the relay handed out to the doctor.
    pub(crate) async fn nurse(&self) -> (DeviceId, VerifiedKeyPackage) {
        self.package_of(Caller::Nurse).await
    }

    /// The same of anybody.
    pub(crate) async fn package_of(&self, caller: Caller) -> (DeviceId, VerifiedKeyPackage) {
        let (id, bytes) = self.handed_out(caller).await;
        let parsed = key_package::parse_and_verify(&bytes).expect("a package");
        let certificate = &self.house.caller(caller).certificate;
        (id, parsed.verified(certificate).expect("its own"))
    }

    async fn handed_out(&self, caller: Caller) -> (DeviceId, Vec<u8>) {
        use wardline_client_core::relay::Relay as _;
        let nurse = self.house.caller(caller);
        let packages = packages(self.house, nurse, 1).await;
        let publish = pb::PublishKeyPackagesRequest { key_packages: packages };
        self.house.good(caller, path::PUBLISH_KEY_PACKAGES, &publish).await;
        let claim = pb::ClaimKeyPackagesRequest {
            request_id: random().to_vec().into(),
            device_ids: vec![nurse.device().to_wire()],
            cipher_suite: 0x0001,
        };
        let relay = self.house.connect(Caller::Doctor).await;
        let claimed = relay.claim_key_packages(claim).await.expect("an answer").key_packages.remove(0);
        (nurse.device(), claimed.key_package.to_vec())
    }

    /// Lets the nurse in, at the relay and here.
    pub(crate) async fn let_nurse_in(&mut self) -> DeviceId {
        self.let_in(Caller::Nurse).await
    }

    /// Lets somebody in, at the relay and here.
    pub(crate) async fn let_in(&mut self, caller: Caller) -> DeviceId {
        let (device, package) = self.package_of(caller).await;
        self.advance(self.data(&[device], &[]), vec![package]).await;
        self.roster.push(device);
        device
    }
}

/// New packages of a device.
pub(crate) async fn packages(house: &House, device: &Installation, count: usize) -> Vec<bytes::Bytes> {
    let store = store(house, ConversationId::from_bytes([0; 16])).await;
    let made = key_package::generate(&store, &device.mls(), Suite::X25519, count, false);
    made.expect("packages").into_iter().map(Into::into).collect()
}

/// Authenticated data of a message with this life.
pub(crate) fn life(life_seconds: u32) -> Vec<u8> {
    AuthenticatedData { kind: Some(Kind::Message(MessageData { life_seconds })) }.encode_to_vec()
}

/// Where the epoch and content type of a PrivateMessage stand: after version, wire format and group id.
const EPOCH: usize = 2 + 2 + 1 + 16;
const CONTENT_TYPE: usize = EPOCH + 8;

/// The same PrivateMessage as a lone proposal.
pub(crate) fn as_proposal(mut message: Vec<u8>) -> Vec<u8> {
    message[CONTENT_TYPE] = 2;
    message
}

/// A PublicMessage (RFC 9420 §6.2) of this group: member 0 proposes to remove member 1.
pub(crate) fn public_message(id: ConversationId) -> Vec<u8> {
    let vector = |bytes: &[u8]| [&[u8::try_from(bytes.len()).expect("short")], bytes].concat();
    [
        &[0, 1, 0, 1][..], // mls10, mls_public_message
        &vector(id.as_bytes()),
        &0_u64.to_be_bytes(), // epoch
        &[1, 0, 0, 0, 0],     // sender: member 0
        &vector(&[]),         // authenticated data
        &[2],                 // a proposal
        &[0, 3, 0, 0, 0, 1],  // remove member 1
        &[0x40, 64],          // a signature of 64 bytes
        &[7; 64],
        &vector(&[8; 32]), // membership tag
    ]
    .concat()
}

/// A random string of bytes, as long as a message.
pub(crate) fn noise() -> Vec<u8> {
    let mut bytes = vec![0; 700];
    SystemEntropy.fill(&mut bytes).expect("randomness");
    // Not by chance the beginning of an MLSMessage.
    bytes[0] = 0xff;
    bytes
}
