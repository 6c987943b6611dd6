//! What members write inside MLS, and what the relay sends a client: protobuf from a peer.

use prost::Message;
use wardline_proto::{
    content::{Content, ConversationSettings},
    relay::SubscribeResponse,
};

use crate::{
    statements::same_again,
    target::{Input, Target, fuzz},
    tree::Format,
};

/// Decodes to the same again, and not to more than the target's memory.
fn decodes<M: Message + Default + PartialEq>(bytes: &[u8]) -> bool {
    same_again::<M>(bytes);
    M::decode(bytes).is_ok()
}

#[test]
fn content_reads_the_same_again() {
    fuzz(&Target {
        name: "content",
        format: Format::Protobuf(0),
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (4 * 1024, 32),
        check: |input: &Input| decodes::<Content>(&input.bytes),
    });
}

#[test]
fn settings_read_the_same_again() {
    fuzz(&Target {
        name: "settings",
        format: Format::Protobuf(0),
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (4 * 1024, 192),
        check: |input: &Input| decodes::<ConversationSettings>(&input.bytes),
    });
}

#[test]
fn events_read_the_same_again() {
    fuzz(&Target {
        name: "event",
        format: Format::Protobuf(0),
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (8 * 1024, 384),
        check: |input: &Input| decodes::<SubscribeResponse>(&input.bytes),
    });
}
