//! Every secret in a vault, tried on the lock that each message has: its sender data (RFC 9420 §6.3.2). Who cannot
//! open that learns neither the generation nor the nonce of the message's own key.

use std::{collections::BTreeSet, fmt};

use openmls_rust_crypto::RustCrypto;
use openmls_traits::{
    crypto::OpenMlsCrypto as _,
    types::{AeadType, HashType},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use wardline_proto::ConversationId;

/// The length of every secret of the suite.
const SECRET: usize = 32;

/// A PrivateMessage's parts (RFC 9420 §6.3).
pub(crate) struct PrivateMessage {
    group_id: Vec<u8>,
    /// group_id ‖ epoch ‖ content_type, as they stand on the wire: the sender data's authenticated data.
    sender_data_aad: Vec<u8>,
    encrypted_sender_data: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl PrivateMessage {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let (head, mut rest) = bytes.split_at(4);
        assert_eq!(head, [0, 1, 0, 2], "MLS 1.0, a PrivateMessage");
        let start = rest;
        let group_id = vector(&mut rest);
        rest = &rest[8 + 1..];
        let sender_data_aad = start[..start.len() - rest.len()].to_vec();
        let _authenticated_data = vector(&mut rest);
        let encrypted_sender_data = vector(&mut rest);
        let ciphertext = vector(&mut rest);
        assert!(rest.is_empty());
        Self { group_id, sender_data_aad, encrypted_sender_data, ciphertext }
    }

    pub(crate) fn conversation(&self) -> ConversationId {
        ConversationId::try_from(self.group_id.as_slice()).unwrap()
    }

    /// Whether one of these opens the sender data: as the sender data secret itself, or as the epoch secret above.
    pub(crate) fn any_unlocks(&self, secrets: &BTreeSet<[u8; SECRET]>) -> bool {
        let crypto = RustCrypto::default();
        secrets.iter().any(|secret| {
            let below = expand(&crypto, secret, "sender data", b"", SECRET);
            self.unlocks(&crypto, secret) || self.unlocks(&crypto, &below)
        })
    }

    fn unlocks(&self, crypto: &RustCrypto, sender_data_secret: &[u8]) -> bool {
        let sample = &self.ciphertext[..SECRET.min(self.ciphertext.len())];
        let key = expand(crypto, sender_data_secret, "key", sample, 16);
        let nonce = expand(crypto, sender_data_secret, "nonce", sample, 12);
        let (sealed, aad) = (&self.encrypted_sender_data, &self.sender_data_aad);
        crypto.aead_decrypt(AeadType::Aes128Gcm, &key, sealed, &nonce, aad).is_ok()
    }
}

/// ExpandWithLabel (RFC 9420 §8).
fn expand(crypto: &RustCrypto, secret: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
    let label = format!("MLS 1.0 {label}");
    let mut info = u16::try_from(length).unwrap().to_be_bytes().to_vec();
    for part in [label.as_bytes(), context] {
        info.push(u8::try_from(part.len()).unwrap());
        info.extend_from_slice(part);
    }
    crypto.hkdf_expand(HashType::Sha2_256, secret, &info, length).unwrap().as_slice().to_vec()
}

/// A variable-size vector (RFC 9420 §2.1.2).
fn vector(rest: &mut &[u8]) -> Vec<u8> {
    let size = 1 << (rest[0] >> 6);
    let length =
        rest[1..size].iter().fold(usize::from(rest[0] & 0x3f), |sum, byte| sum << 8 | usize::from(*byte));
    let bytes = rest[size..size + length].to_vec();
    *rest = &rest[size + length..];
    bytes
}

/// No secret of MLS is longer; what is longer are public keys, trees and messages.
const LONGEST: usize = 256;

/// Every 32 bytes, wherever they begin, of every value in a row of MessagePack.
pub(crate) fn collect(row: &[u8], into: &mut BTreeSet<[u8; SECRET]>) {
    let Node::Strings(strings) = rmp_serde::from_slice(row).unwrap() else { return };
    for string in strings.iter().filter(|string| string.len() <= LONGEST) {
        into.extend(string.windows(SECRET).map(|window| <[u8; SECRET]>::try_from(window).unwrap()));
    }
}

/// Any value, reduced to the byte strings in it; a sequence of small numbers is one.
enum Node {
    Byte(u8),
    Strings(Vec<Vec<u8>>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(u8::try_from(value).map_or(Node::Strings(Vec::new()), Node::Byte))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(u8::try_from(value).map_or(Node::Strings(Vec::new()), Node::Byte))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Strings(Vec::new()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Strings(Vec::new()))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Strings(Vec::new()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Strings(vec![value.as_bytes().to_vec()]))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Node, E> {
        Ok(Node::Strings(vec![value.to_vec()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let (mut own, mut strings) = (Vec::new(), Vec::new());
        while let Some(node) = sequence.next_element()? {
            match node {
                Node::Byte(byte) => own.push(byte),
                Node::Strings(inner) => strings.extend(inner),
            }
        }
        strings.push(own);
        Ok(Node::Strings(strings))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut strings = Vec::new();
        while let Some((key, value)) = map.next_entry::<Node, Node>()? {
            for node in [key, value] {
                if let Node::Strings(inner) = node {
                    strings.extend(inner);
                }
            }
        }
        Ok(Node::Strings(strings))
    }
}
