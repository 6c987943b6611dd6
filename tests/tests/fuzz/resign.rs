//! Signs changed bytes again with the keys of the samples' world: what a wrong issuer or member could do.

use prost::Message as _;
use wardline_identity::{SigningKey, StatementLabel};
use wardline_proto::{Digest, relay::SignedStatement};

use crate::{tree::der_value, world::WORLD};

/// A certificate or request: SEQUENCE { signed, algorithm, BIT STRING }, its signature made anew; `false` if it has no
/// first part.
pub(crate) fn der(bytes: &mut Vec<u8>, key: &SigningKey) -> bool {
    let Some((content, end)) = der_value(bytes, 0, bytes.len()) else { return false };
    let Some((_, signed_end)) = der_value(bytes, content, end) else { return false };
    let Some((_, algorithm_end)) = der_value(bytes, signed_end, end) else { return false };
    let signature = key.sign_raw(&bytes[content..signed_end]);
    let inside = [&bytes[content..algorithm_end], &[0x03, 65, 0], &signature].concat();
    let mut whole = vec![0x30];
    crate::tree::write_length(crate::tree::Format::Der, inside.len(), &mut whole);
    whole.extend(inside);
    *bytes = whole;
    true
}

/// A certificate, by the issuer.
pub(crate) fn by_issuer(bytes: &mut Vec<u8>, _: u64) -> bool {
    der(bytes, &WORLD.issuer_key)
}

/// A statement's body, under its label.
pub(crate) fn statement(statement: &mut SignedStatement, label: StatementLabel, key: &SigningKey) {
    statement.signature = key.sign(label, &statement.body).to_vec().into();
}

/// A statement after a byte that says which label it is under, by the doctor.
pub(crate) fn labelled(bytes: &mut Vec<u8>, _: u64) -> bool {
    let Some((label, rest)) = bytes.split_first() else { return false };
    let Ok(mut signed) = SignedStatement::decode(rest) else { return false };
    let label = *label;
    statement(&mut signed, label_of(label), &WORLD.doctor.key);
    signed.signer = Digest::of(WORLD.doctor.certificate.der()).to_wire();
    *bytes = [&[label][..], &signed.encode_to_vec()].concat();
    true
}

/// The label that a byte stands for.
pub(crate) fn label_of(byte: u8) -> StatementLabel {
    StatementLabel::ALL[usize::from(byte) % StatementLabel::ALL.len()]
}
