//! The relay's signed word that a hold is in force: the instant, and whom it has put out of what.

use prost::Message as _;
use wardline_proto::{ConversationId, DeviceId, UtcMillis, relay as pb};

use super::{PendingHold, RevocationKind, answer::named_conversations};
use crate::{DateCheck, HoldError, HoldStatement, Organisation, StatementError, StatementLabel};

/// A relay's answer to a hold, with its signature checked ([`HoldAnswer::verify`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldAnswer {
    in_force_at: UtcMillis,
    devices: Vec<HeldDevice>,
}

/// A device that the statement named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldDevice {
    /// The device.
    pub device: DeviceId,
    /// On hold; or revoked, where it was that before.
    pub kind: RevocationKind,
    /// Since when.
    pub since: UtcMillis,
    /// The conversations that it is to leave because of this statement, ascending.
    pub conversations: Vec<ConversationId>,
}

impl HoldAnswer {
    /// Checks an answer: signed by a relay of the organisation, about this very statement, with each of its devices out.
    ///
    /// # Errors
    /// [`HoldError::Statement`], [`HoldError::Field`], naming what does not fit.
    pub fn verify(
        organisation: &Organisation,
        statement: &pb::SignedStatement,
        response: &pb::HoldDevicesResponse,
        dates: impl Into<DateCheck>,
    ) -> Result<Self, HoldError> {
        let field = |field| HoldError::Field { field };
        let said = HoldStatement::read(statement)?;
        let signed = response.answer.as_ref().ok_or(field("answer"))?;
        let (label, relay) = (StatementLabel::HoldAnswer, &response.relay_certificate);
        let body = organisation.verify_relay_statement(label, relay, signed, dates)?;
        let answer =
            pb::HoldAnswer::decode(body).map_err(|_| HoldError::Statement(StatementError::Undecodable))?;
        if answer.statement_sha256 != PendingHold::digest_of(statement).to_wire() {
            return Err(field("answer's statement"));
        }
        let fits =
            answer.devices.len() == said.devices.len() && answer.devices.len() == response.devices.len();
        if !fits {
            return Err(field("answer's devices"));
        }
        let each = said.devices.iter().zip(answer.devices.iter().zip(&response.devices));
        let devices = each.map(|(device, (held, beside))| {
            let kind = RevocationKind::from_wire(held.kind);
            let kind =
                kind.filter(|kind| *kind != RevocationKind::Reinstated).ok_or(field("answer's devices"))?;
            if held.device_id != device.to_wire() || beside.device_id != device.to_wire() {
                return Err(field("answer's devices"));
            }
            let stands_for = (held.conversations, &held.conversations_sha256);
            let conversations =
                named_conversations(stands_for, beside).ok_or(field("answer's conversations"))?;
            let since = held.since.as_ref().map(UtcMillis::from).ok_or(field("answer's devices"))?;
            Ok(HeldDevice { device: *device, kind, since, conversations })
        });
        let devices = devices.collect::<Result<_, _>>()?;
        let in_force_at = answer.in_force_at.as_ref().map(UtcMillis::from).ok_or(field("instant"))?;
        Ok(Self { in_force_at, devices })
    }

    /// The instant, by the relay's clock.
    #[must_use]
    pub const fn in_force_at(&self) -> UtcMillis {
        self.in_force_at
    }

    /// The devices, in the statement's order.
    #[must_use]
    pub fn devices(&self) -> &[HeldDevice] {
        &self.devices
    }
}
