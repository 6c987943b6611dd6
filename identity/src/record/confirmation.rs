//! What a second member says of a removal: it merged that very commit, and the devices are out.

use prost::Message as _;
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis, relay as pb};

use crate::RecordError;

/// The body of a `removal-confirmation`. Who signed it, and whether such a commit exists, the reader checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalConfirmation {
    /// The log that has the commit.
    pub log: ConversationId,
    /// The commit's number there.
    pub number: EntryNumber,
    /// The epoch it ended.
    pub epoch: Epoch,
    /// SHA-256 of its MLS message.
    pub sha256: Digest,
    /// The devices that are out by it, ascending.
    pub devices: Vec<DeviceId>,
    /// When it was merged, by the member's clock.
    pub merged_at: UtcMillis,
}

/// As many devices as a conversation may have.
const DEVICES_MAX: usize = 500;

impl RemovalConfirmation {
    /// From the body of a statement.
    ///
    /// # Errors
    /// [`RecordError::Field`], naming it.
    pub fn read(body: &[u8]) -> Result<Self, RecordError> {
        let field = |field| RecordError::Field { field };
        let said = pb::RemovalConfirmation::decode(body).map_err(|_| field("confirmation"))?;
        let devices: Vec<DeviceId> = said
            .device_ids
            .iter()
            .map(DeviceId::try_from)
            .collect::<Result<_, _>>()
            .map_err(|_| field("devices"))?;
        let ordered = devices.is_sorted_by(|one, next| one < next);
        if devices.is_empty() || devices.len() > DEVICES_MAX || !ordered {
            return Err(field("devices"));
        }
        Ok(Self {
            log: ConversationId::try_from(&said.conversation_id).map_err(|_| field("conversation"))?,
            number: EntryNumber::new(said.number),
            epoch: Epoch::new(said.epoch),
            sha256: Digest::try_from(&said.commit_sha256).map_err(|_| field("commit"))?,
            devices,
            merged_at: said.merged_at.as_ref().map(UtcMillis::from).ok_or(field("time"))?,
        })
    }

    /// The body to sign, under the label `removal-confirmation`.
    #[must_use]
    pub fn to_wire(&self) -> pb::RemovalConfirmation {
        pb::RemovalConfirmation {
            conversation_id: self.log.to_wire(),
            number: self.number.get(),
            epoch: self.epoch.get(),
            commit_sha256: self.sha256.to_wire(),
            device_ids: self.devices.iter().map(|device| device.to_wire()).collect(),
            merged_at: Some(self.merged_at.into()),
        }
    }
}
