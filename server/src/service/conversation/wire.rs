//! Entries and Welcomes as the wire has them.

use prost::Message as _;
use tonic::Status;
use wardline_proto::relay::{Entry, EntryKind, EntryLink, SignedStatement, WelcomeDelivery};
use wardline_proto::{ChainLink, ConversationId, DeviceId, fault};

use crate::domain::conversation::{Delivery, Entry as StoredEntry, EntryKind as StoredKind};
use crate::service::status;

/// An entry, as `reader` sees it: only the sender's own entries carry its ids.
pub(super) fn entry(entry: StoredEntry, reader: DeviceId) -> Result<Entry, Status> {
    let own = entry.sender == reader;
    // It was encoded by this relay: an undecodable one is a defect, or a damaged database.
    let author =
        entry.author.map(SignedStatement::decode).transpose().map_err(|error| status::internal(&error))?;
    let kind = match entry.kind {
        StoredKind::Commit => EntryKind::Commit,
        StoredKind::Message => EntryKind::Message,
    };
    Ok(Entry {
        conversation_id: entry.conversation.to_wire(),
        number: entry.receipt.number.get(),
        kind: kind.into(),
        epoch: entry.epoch.get(),
        life_seconds: entry.life_seconds,
        stamp_ms: entry.receipt.stamp.get(),
        message: entry.body.unwrap_or_default(),
        message_sha256: entry.message_sha256.to_wire(),
        sender_device_id: entry.sender.to_wire(),
        author,
        client_message_id: entry.client_message_id.filter(|_| own).map(|id| id.to_wire()).unwrap_or_default(),
    })
}

/// A Welcome.
pub(super) fn welcome(delivery: Delivery, conversation: ConversationId) -> WelcomeDelivery {
    WelcomeDelivery {
        conversation_id: conversation.to_wire(),
        number: delivery.receipt.number.get(),
        chain_hash: delivery.receipt.chain.digest().to_wire(),
        welcome: delivery.welcome,
        sender_device_id: delivery.sender.to_wire(),
        stamp_ms: delivery.receipt.stamp.get(),
        between: if fault::planted("mutant.no_links") {
            Vec::new()
        } else {
            delivery.between.iter().map(link).collect()
        },
    }
}

fn link(link: &ChainLink) -> EntryLink {
    EntryLink {
        kind: link.kind.into(),
        life_seconds: link.life_seconds,
        stamp_ms: link.stamp.get(),
        message_sha256: link.message.to_wire(),
    }
}
