//! The replacements that a device is told of: each once a stream, and again when its conversations are others.

use std::collections::BTreeMap;

use bytes::Bytes;
use tonic::Status;
use wardline_proto::relay::ReplacementWaits;
use wardline_proto::{ConversationId, DeviceId};

use super::tasks;
use crate::domain::membership::{MembershipView as _, WaitingReplacement};
use crate::state::Relay;
use crate::store::StoreError;

/// What was told, by the new device's certificate.
#[derive(Debug)]
pub(super) struct Replacements {
    told: BTreeMap<Bytes, Vec<ConversationId>>,
    /// Whether there may be others.
    look: bool,
}

impl Default for Replacements {
    /// Nothing was told: there may be some.
    fn default() -> Self {
        Self { told: BTreeMap::new(), look: true }
    }
}

impl Replacements {
    /// Something changed, if it did.
    pub(super) fn look_again(&mut self, changed: bool) {
        self.look |= changed;
    }

    /// Whether it is worth while to read.
    pub(super) const fn may_be_new(&self) -> bool {
        self.look
    }

    /// What the device was not told yet.
    pub(super) async fn read(
        &mut self,
        relay: &Relay,
        device: DeviceId,
    ) -> Result<Vec<ReplacementWaits>, Status> {
        self.look = false;
        let read = relay.store.read("waiting_replacements", move |tx| {
            Box::pin(async move { tx.waiting_replacements(device).await })
        });
        let waiting: Result<Vec<WaitingReplacement>, StoreError> = read.await;
        let mut new = Vec::new();
        let mut told = BTreeMap::new();
        for replacement in waiting? {
            let WaitingReplacement { conversations, certificate, record, enrolled_at } = replacement;
            if self.told.get(&certificate) != Some(&conversations) {
                new.push(ReplacementWaits {
                    conversation_ids: conversations.iter().map(|id| id.to_wire()).collect(),
                    certificate: certificate.clone(),
                    record: Some(tasks::statement(&record)?),
                    enrolled_at: Some(enrolled_at.into()),
                });
            }
            told.insert(certificate, conversations);
        }
        self.told = told;
        Ok(new)
    }
}
