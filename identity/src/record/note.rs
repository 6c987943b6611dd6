//! C2SP signed notes: a text, an empty line, and lines with signatures of whoever signed it.

use prost::bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{PublicKey, RecordError, SigningKey};

/// A note in its parts, nothing of it checked but its form.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    /// What is signed, its last newline included.
    pub(super) text: &'a str,
    /// The lines after the empty one.
    lines: Vec<(&'a str, Vec<u8>)>,
}

/// The whole note, signed with the key under this name.
pub(super) fn sign(text: &str, name: &str, key: &SigningKey) -> Bytes {
    let mut signature = key_id(name, &key.public()).to_vec();
    signature.extend_from_slice(&key.sign_raw(text.as_bytes()));
    let line = data_encoding::BASE64.encode(&signature);
    Bytes::from(format!("{text}\n{DASH}{name} {line}\n"))
}

/// Takes a note apart.
pub(super) fn split(note: &[u8]) -> Result<Signed<'_>, RecordError> {
    let wrong = |part| RecordError::Note { part };
    let note = std::str::from_utf8(note).map_err(|_| wrong("text"))?;
    if note.chars().any(|one| one < ' ' && one != '\n') {
        return Err(wrong("text"));
    }
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(wrong("empty line"))?;
    let text = &note[..=text.len()];
    let signatures = signatures.strip_suffix('\n').ok_or(wrong("last line"))?;
    let line = |line: &'static str| wrong(line);
    let lines = signatures.split('\n').map(|one| {
        let (name, bytes) =
            one.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or(line("signature line"))?;
        let bytes = data_encoding::BASE64.decode(bytes.as_bytes()).map_err(|_| line("signature line"))?;
        let named = !name.is_empty() && !name.contains('+') && !name.contains(char::is_whitespace);
        if named && bytes.len() > KEY_ID { Ok((name, bytes)) } else { Err(line("signature line")) }
    });
    Ok(Signed { text, lines: lines.collect::<Result<_, _>>()? })
}

/// Checks that the key signed it under this name. Other keys' lines say nothing.
pub(super) fn verify(signed: &Signed<'_>, name: &str, key: &PublicKey) -> Result<(), RecordError> {
    let id = key_id(name, key);
    let ours = signed.lines.iter().find(|(who, bytes)| *who == name && bytes.starts_with(&id));
    let (_, bytes) = ours.ok_or(RecordError::Unsigned)?;
    key.verify_raw(signed.text.as_bytes(), &bytes[KEY_ID..]).map_err(RecordError::Signature)
}

/// SHA-256(name ‖ newline ‖ algorithm ‖ public key)[..4]: a hint, no proof.
fn key_id(name: &str, key: &PublicKey) -> [u8; KEY_ID] {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([b'\n', ED25519]);
    hash.update(key.as_bytes());
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
    [a, b, c, d]
}

/// How a signature's line begins: an em dash and a space.
const DASH: &str = "\u{2014} ";
const KEY_ID: usize = 4;
const ED25519: u8 = 0x01;
