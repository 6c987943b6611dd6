//! The relay's signed word that a list is in force: the instant, and whom it has put out of what.

use prost::{Message as _, bytes::Bytes};
use wardline_proto::{ConversationId, DeviceId, Digest, UtcMillis, relay as pb};

use super::{RevocationAct, RevocationKind, RevocationList};
use crate::{DateCheck, Organisation, RevocationError, StatementError, StatementLabel};

/// The most acts that one list adds: the answer names each with 64 bytes at most, and all of them fit a statement's body
/// ([`RevocationAnswer`]).
pub const ACTS_MAX: usize = 1_000;

/// A relay's answer to a list, with its signature checked ([`RevocationAnswer::verify`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationAnswer {
    number: u64,
    chain: Digest,
    in_force_at: UtcMillis,
    devices: Vec<AnsweredDevice>,
}

/// A device that the list named, by what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredDevice {
    /// The device.
    pub device: DeviceId,
    /// What was done.
    pub kind: RevocationKind,
    /// The conversations that it was in, ascending.
    pub conversations: Vec<ConversationId>,
}

impl RevocationAnswer {
    /// Checks an answer: signed by a relay of the organisation, about this very list, and naming the acts that were new in
    /// it with the conversations that came beside.
    ///
    /// `acts` are those that the relay may have lacked: it names as many of the last of them as it did.
    ///
    /// # Errors
    /// [`RevocationError::Statement`], [`RevocationError::Field`], naming what does not fit.
    pub fn verify(
        organisation: &Organisation,
        list: &RevocationList,
        acts: &[RevocationAct],
        response: &pb::PublishRevocationListResponse,
        dates: impl Into<DateCheck>,
    ) -> Result<Self, RevocationError> {
        let field = |field| RevocationError::Field { field };
        let statement = response.answer.as_ref().ok_or(field("answer"))?;
        let (label, relay) = (StatementLabel::RevocationAnswer, &response.relay_certificate);
        let body = organisation.verify_relay_statement(label, relay, statement, dates)?;
        let answer = pb::RevocationAnswer::decode(body)
            .map_err(|_| RevocationError::Statement(StatementError::Undecodable))?;
        if answer.number != list.number() || answer.chain_hash != list.chain().to_wire() {
            return Err(field("answer's list"));
        }
        let in_force_at = answer.in_force_at.as_ref().map(UtcMillis::from).ok_or(field("instant"))?;
        let unnamed = acts.len().checked_sub(answer.devices.len()).ok_or(field("answer's devices"))?;
        if response.devices.len() != answer.devices.len() {
            return Err(field("answer's conversations"));
        }
        let said = answer.devices.iter().zip(&response.devices);
        let devices = acts[unnamed..].iter().zip(said).map(|(act, (device, beside))| {
            let named = act.device.to_wire();
            if device.device_id != named || beside.device_id != named || device.kind != act.kind.number() {
                return Err(field("answer's devices"));
            }
            let stands_for = (device.conversations, &device.conversations_sha256);
            let conversations =
                named_conversations(stands_for, beside).ok_or(field("answer's conversations"))?;
            Ok(AnsweredDevice { device: act.device, kind: act.kind, conversations })
        });
        let devices = devices.collect::<Result<_, _>>()?;
        Ok(Self { number: answer.number, chain: *list.chain(), in_force_at, devices })
    }

    /// The list's number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The chain of its acts.
    #[must_use]
    pub const fn chain(&self) -> &Digest {
        &self.chain
    }

    /// The instant, by the relay's clock.
    #[must_use]
    pub const fn in_force_at(&self) -> UtcMillis {
        self.in_force_at
    }

    /// The devices that it named.
    #[must_use]
    pub fn devices(&self) -> &[AnsweredDevice] {
        &self.devices
    }
}

/// The conversations beside an answer, if they are those that it stands for.
pub(super) fn named_conversations(
    (count, sha256): (u32, &Bytes),
    beside: &pb::DeviceConversations,
) -> Option<Vec<ConversationId>> {
    let ids: Vec<ConversationId> =
        beside.conversation_ids.iter().map(ConversationId::try_from).collect::<Result<_, _>>().ok()?;
    let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
    let fits = ids.is_sorted_by(|one, next| one < next)
        && usize::try_from(count) == Ok(ids.len())
        && *sha256 == Digest::of(&bytes).to_wire();
    fits.then_some(ids)
}
