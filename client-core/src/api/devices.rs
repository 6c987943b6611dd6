//! The own devices: listing them, and letting another one into this one's conversations.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wardline_identity::{DeviceCertificate, device_id_parse};
use wardline_proto::{
    ConversationId, DeviceId, Digest, UtcMillis, fault,
    relay::{SignedStatement, ask_members_request::Ground},
};

use super::{Answer, Approved, Devices, Failure, FailureKind, OwnDevice, change::finish};
use crate::{
    conversation::{self, Voice, encode, random},
    error::CoreError,
    relay::Relay,
    session::{Session, ask_members, ask_people, device_code, verified_devices},
    vault::tables::{
        conversations::{self, Standing},
        intents::{self, Wish},
    },
};

/// How long this device leaves it to others to add the device it approved, in milliseconds.
const OWN_TURN_MS: u64 = 2_500;

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

/// What is to be said in some conversations, by the key that this device has in each: mostly the same in all.
pub(super) fn said_in(
    core: &conversation::Core,
    conversations: Vec<ConversationId>,
    say: impl Fn(&Voice<'_>) -> SignedStatement,
) -> Vec<(SignedStatement, Vec<ConversationId>)> {
    let mut said: BTreeMap<Digest, (SignedStatement, Vec<ConversationId>)> = BTreeMap::new();
    for conversation in conversations {
        let voice = core.voice(&conversation);
        let (_, here) =
            said.entry(voice.certificate.fingerprint()).or_insert_with(|| (say(&voice), Vec::new()));
        here.push(conversation);
    }
    said.into_values().collect()
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
    let (approvals, wishes) = {
        let mut core = session.core().await;
        let now = session.clock.now();
        let missing = missing_in(&mut core, &device).await?;
        let later = UtcMillis::new(now.get() + OWN_TURN_MS);
        let mut wishes = Vec::with_capacity(missing.len());
        let say = |voice: &Voice<'_>| conversation::approval_statement(voice, certificate, now);
        let approvals = said_in(&core, missing, say);
        let mut tx = core.vault.begin("approve").await?;
        for (approval, conversations) in &approvals {
            let wish = Wish::AddOwnDevice { device: device.to_string(), approval: encode(approval) };
            for conversation in conversations {
                let request = random(&*session.entropy)?;
                let intent = intents::insert(&mut tx, conversation, &wish, &request, now, later).await?;
                wishes.push((*conversation, intent));
            }
        }
        tx.commit().await?;
        (approvals, wishes)
    };
    // Whoever is asked first adds it: also if this device goes away now. What nobody is asked for, it does by itself.
    let mut asked = true;
    for (approval, conversations) in approvals {
        asked &= ask_members(relay, &conversations, &Ground::Approval(approval)).await;
    }
    fault::crash("crash.approval_asked");
    if !asked {
        let core = session.core().await;
        let mut tx = core.vault.begin("approve_alone").await?;
        for (_, intent) in &wishes {
            intents::hasten(&mut tx, *intent, session.clock.now()).await?;
        }
        tx.commit().await?;
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
