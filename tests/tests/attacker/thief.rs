//! What a thief does with a copied vault, its passcode and all traffic.

use std::collections::BTreeSet;

use tokio::runtime::Runtime;
use wardline_client_core::{
    api::open_copy,
    mls::{MlsStore, Processed, group},
    vault::{
        Passcode, Vault,
        mls_rows::{self, Scope},
    },
};
use wardline_proto::{
    ConversationId,
    content::{Content, content::Body},
};
use wardline_tests::Device;

use crate::{
    secrets::{self, PrivateMessage},
    tap::Recorded,
};

/// What feeding entries came to.
#[derive(Debug)]
pub(crate) struct Reads {
    /// How many orders were tried.
    pub(crate) orders: usize,
    /// How many entries were fed.
    pub(crate) attempts: usize,
    /// Every text that opened in any of them.
    pub(crate) opened: BTreeSet<String>,
}

/// What trying secrets came to.
#[derive(Debug)]
pub(crate) struct Found {
    /// How many secrets were tried on each message.
    pub(crate) tried: usize,
    /// The numbers of the messages that a secret unlocked.
    pub(crate) unlocked: BTreeSet<u64>,
}

/// An opened copy.
pub(crate) struct Thief {
    runtime: Runtime,
    vault: Vault,
}

impl Thief {
    pub(crate) fn open(copy: &Device) -> Self {
        let runtime = Runtime::new().unwrap();
        let passcode = std::fs::read_to_string(&copy.passcode_file).unwrap();
        let passcode = Passcode::new(passcode.trim_end().to_owned()).unwrap();
        let vault = runtime.block_on(open_copy(&copy.home, &passcode)).unwrap();
        Self { runtime, vault }
    }

    /// Feeds the entries in every order: once merging every commit that opens, once staying in the epoch.
    pub(crate) fn try_every_order(&self, traffic: &[Recorded]) -> Reads {
        let conversation = PrivateMessage::parse(&traffic[0].bytes).conversation();
        let mut reads = Reads { orders: 0, attempts: 0, opened: BTreeSet::new() };
        let mut order: Vec<&Recorded> = traffic.iter().collect();
        permute(&mut order, 0, &mut |order| {
            for merges in [true, false] {
                reads.orders += 1;
                self.feed(conversation, order, merges, &mut reads);
            }
        });
        reads
    }

    /// Feeds the entries to a state as the vault has it.
    fn feed(&self, conversation: ConversationId, order: &[&Recorded], merges: bool, reads: &mut Reads) {
        let store = MlsStore::new();
        self.runtime.block_on(store.load(&self.vault, Scope::Conversation(conversation))).unwrap();
        let Some(mut group) = group::load(&store, conversation).unwrap() else {
            reads.attempts += order.len();
            return;
        };
        for entry in order {
            reads.attempts += 1;
            match group.process(&store, &entry.bytes) {
                Ok(Processed::Message { plaintext, .. }) => {
                    let content: Content = prost::Message::decode(plaintext.as_slice()).unwrap();
                    if let Some(Body::Text(text)) = content.body {
                        reads.opened.insert(text.text);
                    }
                }
                Ok(Processed::Commit(staged)) if merges => group.merge_staged(&store, *staged).unwrap(),
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Tries every 32 bytes in the vault's MLS rows on every message.
    pub(crate) fn try_every_secret(&self, traffic: &[Recorded]) -> Found {
        let messages: Vec<(u64, PrivateMessage)> =
            traffic.iter().map(|entry| (entry.number, PrivateMessage::parse(&entry.bytes))).collect();
        let conversation = messages[0].1.conversation();
        let mut candidates = BTreeSet::new();
        for scope in [Scope::Conversation(conversation), Scope::Device] {
            let load = self.vault.read::<_, wardline_client_core::vault::VaultError, _>("steal", |tx| {
                Box::pin(async move { mls_rows::load(tx, scope).await })
            });
            for (_, value) in self.runtime.block_on(load).unwrap() {
                secrets::collect(value.as_slice(), &mut candidates);
            }
        }
        let unlocked = messages.iter().filter(|(_, message)| message.any_unlocks(&candidates));
        Found { tried: candidates.len(), unlocked: unlocked.map(|(number, _)| *number).collect() }
    }
}

/// Every order of the items from `from` on.
fn permute<'a>(items: &mut Vec<&'a Recorded>, from: usize, visit: &mut impl FnMut(&[&'a Recorded])) {
    if from == items.len() {
        return visit(items);
    }
    for at in from..items.len() {
        items.swap(from, at);
        permute(items, from + 1, visit);
        items.swap(from, at);
    }
}
