//! A person's new device that is to replace their only one: it waits until a member of another person confirms it by hand,
//! shown who invited it and when (design 4.3).

use wardline_identity::{DateCheck, DeviceCertificate, UserId};
use wardline_proto::{
    ConversationId, DeviceId, UtcMillis,
    relay::{ReplacementWaits, SignedStatement},
};

use super::{
    core::Core,
    receive::{decode, encode},
    roster::Roster,
};
use crate::{
    error::CoreError,
    vault::tables::{
        conversations::{self, Standing},
        replacements::{self, ReplacementRow},
    },
};

/// A device that waits to be confirmed.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// The new device, as certified.
    pub certificate: DeviceCertificate,
    /// The device it replaces.
    pub replaces: DeviceId,
    /// The signed invitation.
    pub record: SignedStatement,
    /// Who invited it.
    pub invited_by: String,
    /// When it enrolled.
    pub enrolled: UtcMillis,
    /// The conversations it waits for.
    pub conversations: Vec<ConversationId>,
}

/// Keeps what the relay tells of a new device, if its certificate and its invitation say so too. Answers whether.
pub(crate) async fn note_replacement(core: &Core, waits: &ReplacementWaits) -> Result<bool, CoreError> {
    let organisation = &core.device.organisation;
    let now = core.clock.now();
    let (Ok(certificate), Some(statement)) =
        (organisation.verify_device(&waits.certificate, DateCheck::At(now)), &waits.record)
    else {
        return Ok(false);
    };
    let Ok(record) = organisation.verify_invitation(statement, DateCheck::Skip) else { return Ok(false) };
    let fits = record.user() == certificate.user() && certificate.as_member().is_ok();
    let Some(replaces) = record.replaces().filter(|device| fits && *device != certificate.device()) else {
        return Ok(false);
    };
    let issuer = organisation.issuers().iter().find(|issuer| *issuer.fingerprint() == record.issuer());
    let row = ReplacementRow {
        device: certificate.device(),
        replaces,
        certificate: waits.certificate.to_vec(),
        record: encode(statement),
        invited_by: issuer.map_or_else(String::new, |issuer| issuer.label().to_string()),
        enrolled: waits.enrolled_at.as_ref().map_or(now, UtcMillis::from),
    };
    let mut tx = core.vault.begin("note_replacement").await?;
    replacements::store(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(true)
}

/// The devices that wait in some conversation of this device's, the newest first.
pub(crate) async fn waiting(core: &mut Core) -> Result<Vec<Waiting>, CoreError> {
    let mut tx = core.vault.begin("list_replacements").await?;
    let rows = replacements::list(&mut tx).await?;
    let conversations = if rows.is_empty() { Vec::new() } else { conversations::list(&mut tx).await? };
    tx.commit().await?;
    let mut waiting = Vec::new();
    for row in rows {
        let certificate = core.device.organisation.verify_device(&row.certificate, DateCheck::Skip);
        let (Ok(certificate), Some(record)) = (certificate, decode(&row.record)) else { continue };
        let mut open = Vec::new();
        for conversation in conversations.iter().filter(|one| one.standing == Standing::Active) {
            if waits_in(core, &conversation.conversation, &certificate, &row.replaces).await? {
                open.push(conversation.conversation);
            }
        }
        if !open.is_empty() {
            waiting.push(Waiting {
                certificate,
                record,
                replaces: row.replaces,
                invited_by: row.invited_by,
                enrolled: row.enrolled,
                conversations: open,
            });
        }
    }
    Ok(waiting)
}

/// Whether a person has a device in a conversation.
pub(crate) async fn is_in(
    core: &mut Core,
    conversation: &ConversationId,
    user: &UserId,
) -> Result<bool, CoreError> {
    if !core.load_group(conversation).await? {
        return Ok(false);
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(false) };
    Ok(Roster::read(&core.device.organisation, &group.roster()).has_user(user))
}

/// Whether a device waits in a conversation: the one it replaces is in, its person's only one, and another person's than
/// this device's.
async fn waits_in(
    core: &mut Core,
    conversation: &ConversationId,
    certificate: &DeviceCertificate,
    replaces: &DeviceId,
) -> Result<bool, CoreError> {
    if certificate.user() == core.device.user() || !core.load_group(conversation).await? {
        return Ok(false);
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(false) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let mut devices = roster.of_user(certificate.user());
    let only = devices.next().is_some_and(|one| one.certificate.device() == *replaces);
    Ok(only && devices.next().is_none())
}

impl Waiting {
    /// What people are told.
    pub(crate) fn told(&self) -> String {
        let (name, device) = (self.certificate.display_name(), self.certificate.device_name());
        let by = if self.invited_by.is_empty() {
            String::new()
        } else {
            format!(", invited by {}", self.invited_by)
        };
        format!(
            "{name} has a new device ({device}{by}) in place of the only one; none of {name}'s devices approved it. \
             Confirm it if you know that it is theirs"
        )
    }
}
