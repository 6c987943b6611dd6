//! A member: leaves KeyPackages, follows the log, sends, commits. MLS is mls-rs, judged by `credential`.

use std::{collections::HashMap, time::Duration};

use mls_rs::{
    Client, ExtensionList, Group, MlsMessage,
    client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    extension::ExtensionType,
    group::{CommitEffect, ReceivedMessage},
    identity::{Credential, SigningIdentity},
    mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions},
};
use mls_rs_core::{
    crypto::SignatureSecretKey,
    identity::{CertificateChain, DerCertificate},
    time::MlsTime,
};
use prost::Message as _;
use ring::signature::KeyPair as _;
use tonic::Streaming;

use crate::{
    Device, Problem, Relay,
    credential::{Crypto, Organisation, X25519, certificate, device_of},
    enrol::{greeting, random},
    log::Place,
    statement::{self, sha256},
    wire::{
        content::{Content, ConversationSettings, LogPosition, Text, content::Body},
        relay::{
            AckRequest, AuthenticatedData, CommitAuthor, CommitData, CommitRequest, CommitResponse, Cursor,
            Entry, EntryKind, LogPlace, MessageData, PublishKeyPackagesRequest, SendRequest, SendResponse,
            SubscribeRequest, SubscribeResponse, WelcomeDelivery, authenticated_data::Kind,
            conversation_service_client::ConversationServiceClient,
            key_package_service_client::KeyPackageServiceClient, subscribe_response::Event as Wire,
        },
    },
};

const SETTINGS: ExtensionType = ExtensionType::new(0xF057);
const POSITION: ExtensionType = ExtensionType::new(0xF058);
const LAST_RESORT: ExtensionType = ExtensionType::new(0x000A);

type Config =
    WithIdentityProvider<Organisation, WithCryptoProvider<Crypto, WithMlsRules<DefaultMlsRules, BaseConfig>>>;

/// A conversation's id.
pub type Conversation = [u8; 16];

/// What a KeyPackage is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// As the relay takes it.
    Good,
    /// Its leaf does not list the settings extension.
    WithoutSettings,
    /// It is valid for a year only.
    Bounded,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This device is in a conversation of this name.
    Joined(Conversation, String),
    /// Somebody said something.
    Text {
        /// Its number.
        number: u64,
        /// The device.
        from: [u8; 16],
        /// What was said.
        text: String,
        /// The MLSMessage it came in.
        bytes: Vec<u8>,
    },
    /// A commit.
    Changed {
        /// Its number.
        number: u64,
        /// The epoch after it.
        epoch: u64,
        /// The name that the conversation has then.
        name: String,
    },
    /// One's own message or commit with this number came back.
    Own(u64),
    /// The commit with this number removed this device.
    Removed(u64),
    /// The relay will say no more of the conversation after this number.
    Ended(u64),
    /// Everything that was in the logs has come.
    CaughtUp,
}

struct Room {
    group: Group<Config>,
    place: Place,
    /// The entry that let this device in, as its Welcome has it.
    joined: Place,
    /// What was sent and has not come back.
    own: Vec<[u8; 32]>,
    out: bool,
}

/// A device that takes part in conversations.
pub struct Member {
    /// The device.
    pub device: Device,
    relay: Relay,
    client: Client<Config>,
    rooms: HashMap<Conversation, Room>,
    stream: Option<Streaming<SubscribeResponse>>,
}

impl Member {
    /// Connects with the device's certificate.
    ///
    /// # Errors
    /// [`Problem::Broken`].
    pub async fn begin(device: Device) -> Result<Self, Problem> {
        let relay = device.connect().await?;
        let client = client(&device, Package::Good);
        Ok(Self { device, relay, client, rooms: HashMap::new(), stream: None })
    }

    /// Leaves packages with the relay.
    ///
    /// # Errors
    /// What the relay says.
    pub async fn publish(&self, count: usize, like: Package) -> Result<(), Problem> {
        let other = client(&self.device, like);
        let client = if like == Package::Good { &self.client } else { &other };
        let from = if like == Package::Bounded { MlsTime::now() } else { MlsTime::from(0) };
        let package = || {
            let none = ExtensionList::new();
            client.generate_key_package_message(none.clone(), none, Some(from))?.to_bytes()
        };
        let key_packages = (0..count).map(|_| package()).collect::<Result<_, _>>()?;
        let request = PublishKeyPackagesRequest { key_packages };
        KeyPackageServiceClient::new(self.relay.channel.clone()).publish_key_packages(request).await?;
        Ok(())
    }

    /// Opens the stream, from where it stands in each conversation.
    ///
    /// # Errors
    /// What the relay says.
    pub async fn subscribe(&mut self) -> Result<(), Problem> {
        let cursors = self.rooms.iter().map(|(conversation, room)| cursor(conversation, room)).collect();
        let request = SubscribeRequest { greeting: Some(greeting()), cursors };
        self.stream = Some(self.log().subscribe(request).await?.into_inner());
        Ok(())
    }

    /// The next thing that came.
    ///
    /// # Errors
    /// [`Problem`]: of the stream, of the log, of MLS.
    pub async fn next(&mut self) -> Result<Event, Problem> {
        loop {
            let stream = self.stream.as_mut().ok_or(Problem::Wrong("not subscribed"))?;
            let event = stream.message().await?.and_then(|message| message.event);
            let event = match event.ok_or(Problem::Wrong("the stream has ended"))? {
                Wire::Welcome(welcome) => Some(self.join(&welcome)?),
                Wire::Entry(entry) => self.entry(&entry).await?,
                Wire::Removed(removed) => Some(Event::Ended(removed.number)),
                Wire::CaughtUp(_) => Some(Event::CaughtUp),
                Wire::Place(place) => self.compare(&place)?,
                _ => None,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// The relay's log is ours, up to where we stand.
    fn compare(&self, place: &LogPlace) -> Result<Option<Event>, Problem> {
        let room =
            self.rooms.iter().find(|(conversation, _)| conversation.as_slice() == place.conversation_id);
        let (_, room) = room.ok_or(Problem::Wrong("a place in a conversation that was not named"))?;
        if room.out
            || (place.number, place.chain_hash.as_slice()) == (room.place.number, &room.place.hash[..])
        {
            return Ok(None);
        }
        Err(Problem::Wrong("the relay's log is another"))
    }

    /// Sends a text.
    ///
    /// # Errors
    /// What the relay says.
    pub async fn send(&mut self, conversation: &Conversation, text: &str) -> Result<SendResponse, Problem> {
        let id: [u8; 16] = random()?;
        let room = room(&mut self.rooms, conversation)?;
        let content = Content {
            message_id: id.to_vec(),
            seen_number: room.place.number,
            seen_hash: room.place.hash.to_vec(),
            sent_at_ms: MlsTime::now().seconds_since_epoch() * 1_000,
            body: Some(Body::Text(Text { text: text.to_owned() })),
            ..Content::default()
        };
        let life_seconds = settings(&room.group)?.retention_seconds;
        let data = AuthenticatedData { kind: Some(Kind::Message(MessageData { life_seconds })) };
        let message =
            room.group.encrypt_application_message(&content.encode_to_vec(), data.encode_to_vec())?;
        let message = message.to_bytes()?;
        room.own.push(sha256(&message));
        let request =
            SendRequest { conversation_id: conversation.to_vec(), client_message_id: id.to_vec(), message };
        Ok(self.log().send(request).await?.into_inner())
    }

    /// Commits, changing nothing but its own leaf.
    ///
    /// # Errors
    /// What the relay says.
    pub async fn renew(&mut self, conversation: &Conversation) -> Result<CommitResponse, Problem> {
        let room = room(&mut self.rooms, conversation)?;
        let data = CommitData {
            roster_sha256: roster(&room.group)?.to_vec(),
            seen_number: room.place.number,
            seen_hash: room.place.hash.to_vec(),
            ..CommitData::default()
        };
        let data = AuthenticatedData { kind: Some(Kind::Commit(data)) }.encode_to_vec();
        let epoch = room.group.current_epoch();
        let output = room.group.commit_builder().authenticated_data(data).build()?;
        let commit = output.commit_message().to_bytes()?;
        let author = CommitAuthor {
            conversation_id: conversation.to_vec(),
            epoch,
            commit_sha256: sha256(&commit).to_vec(),
        };
        room.own.push(sha256(&commit));
        let author =
            statement::sign(&self.device.key(), "commit-author", &author, Some(&self.device.certificate));
        let request = CommitRequest {
            conversation_id: conversation.to_vec(),
            epoch,
            commit,
            author: Some(author),
            welcome: Vec::new(),
        };
        Ok(self.log().commit(request).await?.into_inner())
    }

    /// Another copy of what it knows of a conversation now, which follows nothing from here on.
    ///
    /// # Errors
    /// [`Problem::Mls`].
    pub fn left_behind(&mut self, conversation: &Conversation) -> Result<LeftBehind, Problem> {
        room(&mut self.rooms, conversation)?.group.write_to_storage()?;
        Ok(LeftBehind(self.client.load_group(conversation)?))
    }

    fn log(&self) -> ConversationServiceClient<tonic::transport::Channel> {
        ConversationServiceClient::new(self.relay.channel.clone())
    }

    /// Joins by a Welcome; where the log stood is in its GroupInfo, signed by who added us.
    fn join(&mut self, delivery: &WelcomeDelivery) -> Result<Event, Problem> {
        let conversation = id(&delivery.conversation_id)?;
        let (group, info) =
            self.client.join_group(None, &MlsMessage::from_bytes(&delivery.welcome)?, None)?;
        if group.group_id() != conversation || group.cipher_suite() != X25519 {
            return Err(Problem::Wrong("a Welcome to another group"));
        }
        let position = info.group_info_extensions().get(POSITION).ok_or(Problem::Wrong("no position"))?;
        let position = LogPosition::decode(position.extension_data())?;
        let place = Place { number: position.number, hash: hash(&position.chain_hash)? };
        let place = delivery.between.iter().try_fold(place, |place, link| place.after_link(link))?;
        let joined = Place { number: delivery.number, hash: hash(&delivery.chain_hash)? };
        let name = settings(&group)?.name;
        self.rooms.insert(conversation, Room { group, place, joined, own: Vec::new(), out: false });
        Ok(Event::Joined(conversation, name))
    }

    async fn entry(&mut self, entry: &Entry) -> Result<Option<Event>, Problem> {
        let conversation = id(&entry.conversation_id)?;
        let room = room(&mut self.rooms, &conversation)?;
        let number = entry.number;
        if number <= room.place.number {
            return Ok(None);
        }
        room.place = room.place.after(entry)?;
        let event = if number == room.joined.number {
            if room.place != room.joined {
                return Err(Problem::Wrong("the Welcome and the log tell two stories"));
            }
            None
        } else if room.out {
            return Err(Problem::Wrong("an entry after the one that let us out"));
        } else {
            Some(room.open(entry)?)
        };
        let cursors = vec![cursor(&conversation, room)];
        self.log().ack(AckRequest { cursors }).await?;
        Ok(event)
    }
}

impl Room {
    fn open(&mut self, entry: &Entry) -> Result<Event, Problem> {
        let number = entry.number;
        let own = self.own.iter().position(|sent| sent[..] == entry.message_sha256);
        if own.is_some() && entry.kind() == EntryKind::Message {
            return Ok(Event::Own(number));
        }
        let signer = |group: &Group<Config>, index: u32| {
            let member = group.member_at_index(index).ok_or(Problem::Wrong("no such member"))?;
            certificate(&member.signing_identity).map(<[u8]>::to_vec)
        };
        // Before the commit is merged: it may remove its neighbours.
        let before = self.group.roster().members();
        match self.group.process_incoming_message(MlsMessage::from_bytes(&entry.message)?)? {
            ReceivedMessage::ApplicationMessage(message) => {
                let from = device_of(&signer(&self.group, message.sender_index)?)?;
                if from[..] != entry.sender_device_id {
                    return Err(Problem::Wrong("the relay names another sender"));
                }
                let content = Content::decode(message.data())?;
                let Some(Body::Text(Text { text })) = content.body else {
                    return Err(Problem::Wrong("not a text"));
                };
                Ok(Event::Text { number, from, text, bytes: entry.message.clone() })
            }
            ReceivedMessage::Commit(commit) => {
                let author = before.iter().find(|member| member.index == commit.committer);
                let author = author.ok_or(Problem::Wrong("no author"))?;
                check_author(entry, certificate(&author.signing_identity)?)?;
                if let CommitEffect::Removed { .. } = commit.effect {
                    self.out = true;
                    return Ok(Event::Removed(number));
                }
                let data = AuthenticatedData::decode(&commit.authenticated_data[..])?;
                let Some(Kind::Commit(data)) = data.kind else {
                    return Err(Problem::Wrong("a commit declares nothing"));
                };
                if data.roster_sha256 != roster(&self.group)? {
                    return Err(Problem::Wrong("a commit declares another roster"));
                }
                if own.is_some() {
                    return Ok(Event::Own(number));
                }
                let name = settings(&self.group)?.name;
                Ok(Event::Changed { number, epoch: self.group.current_epoch(), name })
            }
            _ => Err(Problem::Wrong("neither a message nor a commit")),
        }
    }
}

/// A copy of a group's state.
pub struct LeftBehind(Group<Config>);

impl LeftBehind {
    /// Whether it can open an MLSMessage.
    #[must_use]
    pub fn opens(&mut self, message: &[u8]) -> bool {
        MlsMessage::from_bytes(message).is_ok_and(|message| self.0.process_incoming_message(message).is_ok())
    }
}

fn client(device: &Device, like: Package) -> Client<Config> {
    let key = device.key();
    let public = key.public_key().as_ref();
    let secret = SignatureSecretKey::from([&device.seed[..], public].concat());
    let chain = CertificateChain::from(vec![DerCertificate::from(device.certificate.clone())]);
    let identity = SigningIdentity::new(Credential::X509(chain), public.to_vec().into());
    let extensions = match like {
        Package::WithoutSettings => vec![LAST_RESORT],
        Package::Good | Package::Bounded => vec![LAST_RESORT, SETTINGS],
    };
    let life = match like {
        Package::Bounded => Duration::from_secs(365 * 86_400),
        Package::Good | Package::WithoutSettings => Duration::from_secs(u64::MAX),
    };
    let rules = DefaultMlsRules::new()
        .with_commit_options(CommitOptions::new().with_path_required(true))
        .with_encryption_options(EncryptionOptions::new(true, Default::default()));
    Client::builder()
        .mls_rules(rules)
        .crypto_provider(Crypto::default())
        .identity_provider(Organisation { issuers: device.issuers.clone() })
        .extension_types(extensions)
        .key_package_lifetime(life)
        .signing_identity(identity, secret, X25519)
        .build()
}

/// The statement that travels beside a commit: its author signed exactly these bytes.
fn check_author(entry: &Entry, author: &[u8]) -> Result<(), Problem> {
    let said = entry.author.as_ref().ok_or(Problem::Wrong("a commit without its author's signature"))?;
    statement::verify(author, "commit-author", said)?;
    let expected = CommitAuthor {
        conversation_id: entry.conversation_id.clone(),
        epoch: entry.epoch,
        commit_sha256: sha256(&entry.message).to_vec(),
    };
    match CommitAuthor::decode(&said.body[..])? == expected {
        true => Ok(()),
        false => Err(Problem::Wrong("its author signed another commit")),
    }
}

/// SHA-256 over the device ids, ascending.
fn roster(group: &Group<Config>) -> Result<[u8; 32], Problem> {
    let devices = group.roster().members();
    let devices: Result<Vec<_>, _> =
        devices.iter().map(|member| certificate(&member.signing_identity).and_then(device_of)).collect();
    let mut devices = devices?;
    devices.sort_unstable();
    Ok(sha256(&devices.concat()))
}

fn settings(group: &Group<Config>) -> Result<ConversationSettings, Problem> {
    let extension = group.context().extensions().get(SETTINGS).ok_or(Problem::Wrong("no settings"))?;
    Ok(ConversationSettings::decode(extension.extension_data())?)
}

fn cursor(conversation: &Conversation, room: &Room) -> Cursor {
    Cursor {
        conversation_id: conversation.to_vec(),
        number: room.place.number,
        epoch: room.group.current_epoch(),
    }
}

fn room<'a>(
    rooms: &'a mut HashMap<Conversation, Room>,
    conversation: &Conversation,
) -> Result<&'a mut Room, Problem> {
    rooms.get_mut(conversation).ok_or(Problem::Wrong("not in that conversation"))
}

fn id(bytes: &[u8]) -> Result<[u8; 16], Problem> {
    bytes.try_into().map_err(|_| Problem::Wrong("an id of another length"))
}

fn hash(bytes: &[u8]) -> Result<[u8; 32], Problem> {
    bytes.try_into().map_err(|_| Problem::Wrong("a hash of another length"))
}
