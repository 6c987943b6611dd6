//! What a hostile relay tells a device: the real one with one line changed a lie (`tests/tests/lying_relay`).
//!
//! Only the tests' build can be armed so; in any other these lines are constants, and an event is what it is.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;
use wardline_proto::relay::{
    Leave, MembershipTask, Removed, SignedStatement, membership_task::Task, subscribe_response::Event,
};
use wardline_proto::{Digest, fault};

use crate::domain::conversation::FeedEvent;

/// Lies about the order of what was read.
pub(super) fn reorder(events: &mut [FeedEvent]) {
    if events.len() > 1 && fault::planted("relay.swap_entries") {
        events.reverse();
    }
    if let [FeedEvent::Entry(one), FeedEvent::Entry(other), ..] = events
        && fault::planted("relay.exchange_entries")
    {
        // Each takes the other's place in the log, with its number and stamp.
        std::mem::swap(&mut one.receipt, &mut other.receipt);
        std::mem::swap(one, other);
    }
}

/// Whether it says nothing of where its logs stand: one that has lied does not tell on itself.
pub(super) fn keeps_silent() -> bool {
    fault::planted("relay.no_places")
}

/// Puts an event at the end of those that are ready, or what a lie makes of it.
pub(super) fn tell(ready: &mut VecDeque<Event>, mut event: Event) {
    match &mut event {
        Event::Welcome(_) if fault::planted("relay.withhold_welcome") => return,
        Event::Entry(_) if fault::planted("relay.drop_entry") => return,
        Event::Entry(entry) if entry.number == 4 && fault::planted("relay.drop_fourth") => return,
        Event::Entry(_) if fault::planted("relay.repeat_entry") => ready.push_back(event.clone()),
        Event::Entry(entry) if fault::planted("relay.two_faces") => entry.stamp_ms += 1,
        Event::Entry(entry) if fault::planted("relay.backdate_entry") => entry.stamp_ms -= 3_600_000,
        Event::Entry(entry) if fault::planted("relay.postdate_entry") => entry.stamp_ms += 3_600_000,
        Event::Entry(entry) if fault::planted("relay.expire_early") => entry.message.clear(),
        Event::Entry(entry) if fault::planted("relay.damage_entry") => entry.message = DAMAGED.into(),
        Event::Entry(entry) if fault::planted("relay.alter_entry") => {
            (entry.message, entry.message_sha256) = (DAMAGED.into(), Digest::of(DAMAGED).to_wire());
        }
        Event::Entry(entry) if fault::planted("relay.forge_author") => entry.author = None,
        _ => {}
    }
    let beside = match &event {
        Event::Entry(entry) if fault::planted("relay.claim_removal") => {
            let conversation_id = entry.conversation_id.clone();
            Some(Event::Removed(Removed { conversation_id, number: entry.number }))
        }
        Event::Entry(entry) if fault::planted("relay.baseless_task") => {
            Some(Event::Task(baseless(entry.conversation_id.clone())))
        }
        _ => None,
    };
    ready.push_back(event);
    ready.extend(beside);
}

/// A task to let somebody go who never said so.
fn baseless(conversation_id: Bytes) -> MembershipTask {
    let user_id = VICTIM.to_owned();
    let leave = Leave { conversation_id: conversation_id.clone(), user_id, left_at: None, seen_number: 9 };
    let leave = SignedStatement {
        body: leave.encode_to_vec().into(),
        signer: vec![7; 32].into(),
        signature: vec![7; 64].into(),
    };
    let task = Some(Task::LetGo(leave));
    MembershipTask { conversation_id, task_id: vec![7; 16].into(), lease_ms: 2_000, task }
}

/// Whom the relay would have removed.
const VICTIM: &str = "locum-c";

/// Bytes that are no entry's.
const DAMAGED: &[u8] = b"not what was sent";
