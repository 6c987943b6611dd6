//! The attacker of P4: has a copy of a device's vault, its passcode, and everything the relay delivered.
//!
//! Every message and every invitation into the conversation is tried on every state that the vault leads to: in
//! order, backwards, following the log's changes or not, as it came or moved to the place the vault stands at.
//! Nothing is written, so each try begins with the vault as it was stolen. The same code with a member's vault is
//! the control: it must open everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use prost::Message as _;
use wardline_client_core::{
    api::Failure,
    mls::{Group, MlsStore, Processed, group},
    vault::{Vault, mls_rows::Scope},
};
use wardline_proto::{
    ConversationId, Epoch,
    content::{Content, content::Body},
    relay::{Entry, WelcomeDelivery},
};

use super::device::Copy;

/// What the relay delivered of one conversation.
pub(crate) struct Traffic {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its log, in order.
    pub entries: Vec<Entry>,
    /// What let each of its devices in.
    pub welcomes: Vec<WelcomeDelivery>,
}

/// What an attacker got.
#[derive(Default)]
pub(crate) struct Loot {
    /// Texts, by the number of their entry.
    pub texts: BTreeMap<u64, String>,
    /// How many times something was tried.
    pub tries: u64,
}

impl Loot {
    /// The numbers of the texts that were opened, of those before `number`.
    pub(crate) fn before(&self, number: u64) -> BTreeSet<u64> {
        self.texts.range(..number).map(|(number, _)| *number).collect()
    }

    /// The same, of those after it.
    pub(crate) fn after(&self, number: u64) -> BTreeSet<u64> {
        self.texts.range(number + 1..).map(|(number, _)| *number).collect()
    }
}

/// One way through the log.
#[derive(Clone, Copy)]
struct Way {
    backwards: bool,
    /// Whether changes of the conversation that open are followed.
    follow: bool,
    /// Whether messages are also tried as if they had been sent where the vault stands.
    moved: bool,
}

/// Tries everything.
///
/// # Errors
/// The copy does not read: a defect of the scene.
pub(crate) async fn loot(copy: &Copy, traffic: &Traffic) -> Result<Loot, Failure> {
    let mut loot = Loot::default();
    for backwards in [false, true] {
        for follow in [true, false] {
            for moved in [false, true] {
                let way = Way { backwards, follow, moved };
                let store = load(&copy.vault, traffic.conversation).await?;
                let group = group::load(&store, traffic.conversation).map_err(broken)?;
                let group = group.ok_or_else(|| Failure::defect("The stolen vault has no conversation."))?;
                feed(group, &store, traffic, way, &mut loot);
                for welcome in &traffic.welcomes {
                    enter(&copy.vault, welcome, traffic, way, &mut loot).await?;
                }
            }
        }
    }
    Ok(loot)
}

/// The vault's rows, as stolen.
async fn load(vault: &Vault, conversation: ConversationId) -> Result<MlsStore, Failure> {
    let store = MlsStore::new();
    store.load(vault, Scope::Device).await.map_err(Failure::from)?;
    store.load(vault, Scope::Conversation(conversation)).await.map_err(Failure::from)?;
    Ok(store)
}

/// Tries to come in by what let another device in, and to read on from there.
async fn enter(
    vault: &Vault,
    welcome: &WelcomeDelivery,
    traffic: &Traffic,
    way: Way,
    loot: &mut Loot,
) -> Result<(), Failure> {
    let store = load(vault, traffic.conversation).await?;
    // A second group of the same id would be refused for that alone.
    group::delete(&store, traffic.conversation).map_err(broken)?;
    loot.tries += 1;
    if let Ok((group, _)) =
        group::join(&store, traffic.conversation, &welcome.welcome, |_| Ok::<(), Infallible>(()))
    {
        feed(group, &store, traffic, way, loot);
    }
    Ok(())
}

/// Feeds the log to a group.
fn feed(mut group: Group, store: &MlsStore, traffic: &Traffic, way: Way, loot: &mut Loot) {
    let mut entries: Vec<&Entry> = traffic.entries.iter().collect();
    if way.backwards {
        entries.reverse();
    }
    for entry in entries {
        let mut forms = vec![entry.message.to_vec()];
        if way.moved {
            forms.extend(moved(&entry.message, group.epoch()));
        }
        for message in forms {
            loot.tries += 1;
            match group.process(store, &message) {
                Ok(Processed::Message { plaintext, .. }) => {
                    if let Some(text) = text(&plaintext) {
                        loot.texts.insert(entry.number, text);
                    }
                }
                Ok(Processed::Commit(change)) if way.follow => {
                    // One that cannot be followed leaves the group where it is; the next is tried all the same.
                    let _ = group.merge_staged(store, *change);
                }
                _ => {}
            }
        }
    }
}

/// The text of a message that was opened.
pub(crate) fn text(plaintext: &[u8]) -> Option<String> {
    match Content::decode(plaintext).ok()?.body? {
        Body::Text(text) => Some(text.text),
        _ => None,
    }
}

/// The message as if it had been sent in `epoch`: its header says so (RFC 9420 §6.3: after version, wire format and
/// group id come eight bytes of epoch).
fn moved(message: &[u8], epoch: Epoch) -> Option<Vec<u8>> {
    let mut message = message.to_vec();
    let field = message.get_mut(EPOCH_AT..EPOCH_AT + 8)?;
    field.copy_from_slice(&epoch.get().to_be_bytes());
    Some(message)
}

/// Two bytes of version, two of wire format, one of length and 16 of group id.
const EPOCH_AT: usize = 2 + 2 + 1 + 16;

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::defect(format!("A stolen vault could not be read: {error}."))
}
