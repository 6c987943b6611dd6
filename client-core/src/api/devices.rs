//! The own devices: listing them, and letting another one into this one's conversations.

use std::{collections::BTreeSet, sync::Arc};

use wardline_identity::{DeviceCertificate, device_id_parse};
use wardline_proto::{ConversationId, DeviceId};

use super::{Answer, Approved, Devices, Failure, FailureKind, OwnDevice, change::finish};
use crate::{
    conversation::{self, encode, random},
    error::CoreError,
    relay::Relay,
    session::{Session, ask_people, device_code, verified_devices},
    vault::tables::{
        conversations::{self, Standing},
        intents::{self, Wish},
    },
};

/// The own person's devices in force.
async fn own_devices(session: &Session, relay: &Arc<dyn Relay>) -> Result<Vec<DeviceCertificate>, CoreError> {
    let user = session.core().await.device.user().clone();
    let people = ask_people(relay, &[user]).await?;
    let core = session.core().await;
    let now = session.clock.now();
    let devices = people.iter().flat_map(|one| verified_devices(&core.device.organisation, one, now));
    Ok(devices.collect())
}

/// The open conversations in which a device is not yet.
async fn missing_in(
    core: &mut conversation::Core,
    device: &DeviceId,
) -> Result<Vec<ConversationId>, CoreError> {
    let mut tx = core.vault.begin("list_conversations").await?;
    let rows = conversations::list(&mut tx).await?;
    tx.commit().await?;
    let mut missing = Vec::new();
    for row in rows.into_iter().filter(|row| row.standing == Standing::Active) {
        let members: BTreeSet<DeviceId> =
            conversation::devices(core, &row.conversation).await?.into_iter().collect();
        if !members.contains(device) {
            missing.push(row.conversation);
        }
    }
    Ok(missing)
}

/// Lists the own devices.
pub(super) async fn list(session: &Session, relay: &Arc<dyn Relay>) -> Result<Answer, CoreError> {
    let certificates = own_devices(session, relay).await?;
    let mut core = session.core().await;
    let this = core.device.id();
    let mut devices = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        let device = certificate.device();
        devices.push(OwnDevice {
            device: device.to_string(),
            name: certificate.device_name().to_string(),
            this: device == this,
            missing_in: missing_in(&mut core, &device).await?.len(),
            code: device_code(certificate.key()),
        });
    }
    Ok(Answer::Devices(Devices { devices }))
}

/// Approves another own device and adds it to this one's conversations.
pub(super) async fn approve(
    session: &Session,
    relay: &Arc<dyn Relay>,
    text: &str,
) -> Result<Answer, CoreError> {
    let prefix = device_text(text);
    let devices = own_devices(session, relay).await?;
    let matching: Vec<&DeviceCertificate> = devices
        .iter()
        .filter(|one| prefix.len() >= 4 && one.device().to_string().starts_with(&prefix))
        .collect();
    let [certificate] = matching.as_slice() else {
        return Err(Failure::new(
            FailureKind::Unknown,
            format!("“{text}” names {} of your devices, not one.", matching.len()),
            "",
            "List them: wardline device list.",
        )
        .into());
    };
    let device = certificate.device();
    let mut wishes = Vec::new();
    {
        let mut core = session.core().await;
        let now = session.clock.now();
        let approval = encode(&conversation::approval_statement(&core, certificate, now));
        for conversation in missing_in(&mut core, &device).await? {
            let wish = Wish::AddOwnDevice { device: device.to_string(), approval: approval.clone() };
            let request = random(&*session.entropy)?;
            let mut tx = core.vault.begin("approve").await?;
            let intent = intents::insert(&mut tx, &conversation, &wish, &request, now, now).await?;
            tx.commit().await?;
            wishes.push((conversation, intent));
        }
    }
    session.wake.notify_one();
    let mut added = Vec::new();
    for (conversation, intent) in wishes {
        finish(session, intent).await?;
        added.push(conversation.to_string());
    }
    Ok(Answer::Approved(Approved { device: device.to_string(), conversations: added }))
}

/// A device id as people write it: a UUID, or hex.
fn device_text(text: &str) -> String {
    device_id_parse(text).map_or_else(|_| text.to_ascii_lowercase(), |device| device.to_string())
}
