//! What this device says under its own key: that its person leaves, that another own device is approved.

use wardline_identity::{DeviceCertificate, StatementLabel};
use wardline_proto::{
    ConversationId, DeviceId, EntryNumber, UtcMillis,
    relay::{Confirmation, DeviceApproval, Leave, SignedStatement},
};

use super::{core::Core, replacement::Waiting, roster::Roster, voice::Voice};
use crate::error::CoreError;

/// The person leaves a conversation with all their devices; `seen`: the last entry that this one knows of.
pub(crate) fn leave_statement(
    voice: &Voice<'_>,
    (conversation, seen): (&ConversationId, EntryNumber),
    now: UtcMillis,
) -> SignedStatement {
    let leave = Leave {
        conversation_id: conversation.to_wire(),
        user_id: voice.certificate.user().to_string(),
        left_at: Some(now.into()),
        seen_number: seen.get(),
    };
    voice.sign(StatementLabel::Leave, &leave)
}

/// Another device of the person is approved.
pub(crate) fn approval_statement(
    voice: &Voice<'_>,
    device: &DeviceCertificate,
    now: UtcMillis,
) -> SignedStatement {
    let approval = DeviceApproval {
        device_id: device.device().to_wire(),
        certificate_sha256: device.fingerprint().to_wire(),
        approved_at: Some(now.into()),
    };
    voice.sign(StatementLabel::DeviceApproval, &approval)
}

/// Another person's new device is confirmed.
pub(crate) fn confirmation_statement(
    voice: &Voice<'_>,
    waiting: &Waiting,
    now: UtcMillis,
) -> SignedStatement {
    let confirmation = Confirmation {
        device_id: waiting.certificate.device().to_wire(),
        certificate_sha256: waiting.certificate.fingerprint().to_wire(),
        replaces_device_id: waiting.replaces.to_wire(),
        confirmed_at: Some(now.into()),
        invitation: Some(waiting.record.clone()),
    };
    voice.sign(StatementLabel::Confirmation, &confirmation)
}

/// The devices in a conversation; none if it is not open here.
pub(crate) async fn devices(
    core: &mut Core,
    conversation: &ConversationId,
) -> Result<Vec<DeviceId>, CoreError> {
    if !core.load_group(conversation).await? {
        return Ok(Vec::new());
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(Vec::new()) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    Ok(roster.members.iter().map(|member| member.certificate.device()).collect())
}
