//! MLS alone: two devices in a group in memory, as the product makes them, and messages as it encrypts them.

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use prost::Message as _;
use tempfile::TempDir;
use wardline_client_core::{
    mls::{CommitPlan, Group, Identity, LogPosition, MlsStore, Processed, group, key_package},
    vault::{
        KdfCost, Passcode, Vault,
        mls_rows::{Changes, Scope},
    },
};
use wardline_identity::{
    Clock as _, DateCheck, DeviceCertificate, DeviceKey, DeviceName, DeviceSubject, DisplayName,
    IssuerAuthority, Organisation, OrganisationId, Role, RootAuthority, SigningKey, SystemClock,
    SystemEntropy, UserId, device_id_new,
};
use wardline_proto::{
    ChainHash, ConversationId, EntryNumber, Suite,
    content::{Content, ConversationSettings, Text, content::Body},
    relay::{self, AuthenticatedData, MessageData, authenticated_data::Kind},
};

/// How long the texts are, in bytes.
const TEXT_BYTES: usize = 300;

/// How long the messages are kept, in seconds.
const LIFE_SECONDS: u32 = 86_400;

/// Two devices in one conversation, in memory.
pub(crate) struct Pair {
    conversation: ConversationId,
    sender: Sender,
    receiver: Device,
    joined: Group,
}

/// A device that encrypts, in conversations that it made.
pub(crate) struct Sender {
    device: Device,
    groups: HashMap<ConversationId, Group>,
}

/// A device: keys, and rows that are written nowhere.
struct Device {
    key: SigningKey,
    certificate: DeviceCertificate,
    store: MlsStore,
    vault: Vault,
    _folder: TempDir,
}

impl Pair {
    /// Makes both, and lets the first add the second.
    pub(crate) async fn new(folder: &Path) -> Result<Self> {
        let conversation = ConversationId::from_bytes(SystemEntropy.array()?);
        let authority = Authority::found()?;
        let mut sender =
            Sender { device: authority.device("doctor-a", folder).await?, groups: HashMap::new() };
        sender.make(conversation).await?;
        let receiver = authority.device("nurse-b", folder).await?;
        receiver.load(Scope::Device).await?;
        receiver.load(Scope::Conversation(conversation)).await?;
        let packages = key_package::generate(&receiver.store, &receiver.identity(), suite(), 1, false)?;
        let package = packages.first().context("a package was made")?;
        let welcome = sender.add(conversation, package, &receiver.certificate)?;
        let (joined, _) =
            group::join(&receiver.store, conversation, &welcome, |_| Ok::<(), anyhow::Error>(()))
                .map_err(|_| anyhow::anyhow!("the second device does not join"))?;
        take_changes(&receiver.store);
        Ok(Self { conversation, sender, receiver, joined })
    }

    /// Encrypts a content.
    pub(crate) fn encrypt(&mut self, content: &[u8]) -> Result<Vec<u8>> {
        self.sender.encrypt(self.conversation, content)
    }

    /// What encrypting has changed since the last time.
    pub(crate) fn sender_changes(&mut self) -> Changes {
        take_changes(&self.sender.device.store)
    }

    /// Opens a message.
    pub(crate) fn decrypt(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        match self.joined.process(&self.receiver.store, message)? {
            Processed::Message { plaintext, .. } => Ok(plaintext.to_vec()),
            _ => bail!("a message became something else"),
        }
    }

    /// What opening has changed since the last time.
    pub(crate) fn receiver_changes(&mut self) -> Changes {
        take_changes(&self.receiver.store)
    }
}

impl Sender {
    /// A device of an organisation of its own, in no conversation yet.
    pub(crate) async fn new(folder: &Path) -> Result<Self> {
        let device = Authority::found()?.device("doctor-a", folder).await?;
        Ok(Self { device, groups: HashMap::new() })
    }

    /// Makes a conversation, with itself in it alone, in epoch 0.
    pub(crate) async fn make(&mut self, conversation: ConversationId) -> Result<()> {
        self.device.load(Scope::Conversation(conversation)).await?;
        let settings = ConversationSettings {
            name: "Ward 4".to_owned(),
            retention_seconds: LIFE_SECONDS,
            keepers: vec!["doctor-a".to_owned()],
            number: 1,
            predecessor: None,
        };
        let Device { store, .. } = &self.device;
        let group = group::create(store, &self.device.identity(), suite(), conversation, &settings)?;
        take_changes(store);
        self.groups.insert(conversation, group);
        Ok(())
    }

    /// Real messages to one of its conversations.
    pub(crate) fn messages(&mut self, conversation: ConversationId, count: usize) -> Result<Vec<Bytes>> {
        let messages = (0..count as u64)
            .map(|number| Ok(self.encrypt(conversation, &content(number)?)?.into()))
            .collect();
        take_changes(&self.device.store);
        messages
    }

    /// Encrypts a content as the product does.
    fn encrypt(&mut self, conversation: ConversationId, content: &[u8]) -> Result<Vec<u8>> {
        let data =
            AuthenticatedData { kind: Some(Kind::Message(MessageData { life_seconds: LIFE_SECONDS })) };
        let group = self.groups.get_mut(&conversation).context("the conversation was made")?;
        let Device { store, .. } = &self.device;
        Ok(group.encrypt(store, &self.device.identity(), &data.encode_to_vec(), content)?)
    }

    /// Adds a device; gives its Welcome.
    fn add(
        &mut self,
        conversation: ConversationId,
        package: &[u8],
        certificate: &DeviceCertificate,
    ) -> Result<Vec<u8>> {
        let package = key_package::parse_and_verify(package)?.verified(certificate)?;
        let start = LogPosition { number: EntryNumber::ZERO, chain_hash: ChainHash::genesis(&conversation) };
        let plan = CommitPlan {
            adds: vec![package],
            removes: Vec::new(),
            settings: None,
            aad: Vec::new(),
            position: start,
            certificate: None,
        };
        let group = self.groups.get_mut(&conversation).context("the conversation was made")?;
        let Device { store, .. } = &self.device;
        let messages = group.commit(store, &self.device.identity(), plan)?;
        group.merge_pending(store)?;
        take_changes(store);
        messages.welcome.context("a device was added")
    }
}

impl Device {
    fn identity(&self) -> Identity<'_> {
        Identity { key: &self.key, certificate_der: self.certificate.der() }
    }

    async fn load(&self, scope: Scope) -> Result<()> {
        Ok(self.store.load(&self.vault, scope).await?)
    }
}

/// Who certifies.
struct Authority {
    organisation: Organisation,
    issuer: IssuerAuthority,
}

impl Authority {
    fn found() -> Result<Self> {
        let (entropy, now) = (&SystemEntropy, SystemClock.now());
        let name = DisplayName::parse("St. Example")?;
        let root = RootAuthority::found(&name, OrganisationId::parse("st-example")?, entropy, now)?;
        let issuer = root.found_issuer(&name, entropy, now)?;
        let wire = relay::Organisation {
            organisation_id: "st-example".to_owned(),
            name: name.to_string(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()])?),
        };
        let organisation = Organisation::verify(&wire, &root.fingerprint(), now)?;
        Ok(Self { organisation, issuer })
    }

    async fn device(&self, user: &str, folder: &Path) -> Result<Device> {
        let (entropy, now) = (&SystemEntropy, SystemClock.now());
        let key = SigningKey::generate(entropy)?;
        let subject = DeviceSubject {
            organisation: self.issuer.organisation().clone(),
            user: UserId::parse(user)?,
            device: device_id_new(entropy)?,
            display_name: DisplayName::parse(user)?,
            device_name: DeviceName::parse("phone")?,
            role: Role::Clinician,
        };
        let public = DeviceKey::Ed25519(key.public());
        let der = self.issuer.certify_device(&subject, &public, entropy, now)?;
        let certificate = self.organisation.verify_device(&der, DateCheck::At(now))?;
        let folder = TempDir::new_in(folder)?;
        let passcode = Passcode::new(format!("the passcode of {user}"))?;
        let vault = Vault::create(folder.path(), &passcode, entropy, KdfCost::floor()).await?;
        Ok(Device { key, certificate, store: MlsStore::new(), vault, _folder: folder })
    }
}

/// Takes what was changed, as if it had been written.
fn take_changes(store: &MlsStore) -> Changes {
    let changes = store.drain();
    store.confirm();
    changes
}

/// The product's default.
fn suite() -> Suite {
    Suite::ALL[0]
}

/// What a message of [`TEXT_BYTES`] says, as the product writes it.
pub(crate) fn content(number: u64) -> Result<Vec<u8>> {
    let content = Content {
        message_id: SystemEntropy.array::<16>()?.to_vec(),
        seen_number: number,
        seen_hash: SystemEntropy.array::<32>()?.to_vec(),
        revocation_list_number: 0,
        policy_number: 0,
        sent_at_ms: SystemClock.now().get(),
        sent_numbers: Vec::new(),
        expires_at_ms: 0,
        body: Some(Body::Text(Text { text: text(number) })),
    };
    Ok(content.encode_to_vec())
}

/// A text of [`TEXT_BYTES`] that no other number has.
pub(crate) fn text(number: u64) -> String {
    format!("{number:08} {}", "bed 4 moved to ward 7; ".repeat(20)).chars().take(TEXT_BYTES).collect()
}
