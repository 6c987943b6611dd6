//! The lists that name the device: the issuer's signature over each, the acts that it stands for, and the relay's signed answer.

use prost::Message as _;
use wardline_proto::{ConversationId, DeviceId, Digest, UtcMillis, relay as pb};

use super::{NamingList, ProvenAct};
use crate::{Organisation, RevocationAct, RevocationList, StatementLabel, revocation::chain_on};

/// What is checked of an entry: what is wrong, in words.
pub(super) type Checked<T> = Result<T, &'static str>;

/// What an entry says of a list.
pub(super) struct InForce<'a> {
    pub(super) list: &'a pb::SignedStatement,
    pub(super) acts: &'a [RevocationAct],
    pub(super) answer: &'a pb::SignedStatement,
    pub(super) relay: &'a [u8],
}

/// A list in force and the relay's answer to it, which fit.
struct Answered {
    list: RevocationList,
    answer: pb::RevocationAnswer,
    in_force_at: UtcMillis,
}

/// The acts about a device of a list that the relay put in force.
pub(super) fn acts_about(
    organisation: &Organisation,
    device: DeviceId,
    entry: &InForce<'_>,
    beside: &NamingList,
) -> Checked<Vec<ProvenAct>> {
    let answered = answered(organisation, entry, beside)?;
    let issuer = Digest::try_from(&answered.list.statement().signer).map_err(|_| "its list has no signer")?;
    let mut beside = beside.conversations.iter();
    let mut found = Vec::new();
    for (act, named) in entry.acts.iter().zip(&answered.answer.devices) {
        if named.device_id != act.device.to_wire() || named.kind != act.kind.number() {
            return Err("the relay's answer names other devices than the list");
        }
        if act.device != device {
            continue;
        }
        let conversations = beside.next().ok_or("the conversations of its act are missing")?;
        if !stands_for(named, conversations) {
            return Err("the conversations are not those that the relay signed");
        }
        found.push(ProvenAct {
            list: answered.list.number(),
            kind: act.kind,
            reason: act.reason,
            at: act.at,
            issuer,
            in_force_at: answered.in_force_at,
            conversations: conversations.clone(),
        });
    }
    if found.is_empty() || beside.next().is_some() {
        return Err("it does not name the device as often as it says");
    }
    Ok(found)
}

/// Checks list, acts and answer against each other and their signatures.
fn answered(organisation: &Organisation, entry: &InForce<'_>, beside: &NamingList) -> Checked<Answered> {
    // 1. The list, by its issuer.
    let list = RevocationList::stored(entry.list.clone()).map_err(|_| "its list cannot be read")?;
    organisation
        .verify_adopted_list(entry.list, list.signed_at())
        .map_err(|_| "its list is not signed by an issuer of the organisation")?;
    // 2. The acts that are new in it, by the chain that the list stands for.
    let before =
        list.acts().checked_sub(entry.acts.len() as u64).ok_or("its list has fewer acts than it brings")?;
    let chain = Digest::try_from(beside.chain_before.as_slice()).map_err(|_| "its chain has no beginning")?;
    if chain_on(chain, before.saturating_add(1), entry.acts) != *list.chain() {
        return Err("its acts are not those that the issuer signed");
    }
    // 3. The answer, by the relay: since when the list is in force.
    let answer = pb::RevocationAnswer::decode(entry.answer.body.clone())
        .map_err(|_| "the relay's answer cannot be read")?;
    let in_force_at =
        answer.in_force_at.as_ref().map(UtcMillis::from).ok_or("the answer names no instant")?;
    organisation
        .verify_relay_statement(StatementLabel::RevocationAnswer, entry.relay, entry.answer, in_force_at)
        .map_err(|_| "the answer is not signed by a relay of the organisation")?;
    if answer.number != list.number() || answer.chain_hash != list.chain().to_wire() {
        return Err("the relay's answer is to another list");
    }
    if answer.devices.len() != entry.acts.len() {
        return Err("the relay's answer names other devices than the list");
    }
    Ok(Answered { list, answer, in_force_at })
}

/// Whether these are the conversations whose digest the relay signed.
fn stands_for(named: &pb::RevokedDevice, conversations: &[ConversationId]) -> bool {
    let ids: Vec<u8> = conversations.iter().flat_map(|id| *id.as_bytes()).collect();
    conversations.is_sorted_by(|one, next| one < next)
        && usize::try_from(named.conversations) == Ok(conversations.len())
        && named.conversations_sha256 == Digest::of(&ids).to_wire()
}
