//! P3: a stolen device is revoked. From the relay's answer on it gets nothing, and what is said opens with nothing it has.

use std::time::{Duration, Instant};

use wardline_client_core::{
    api::{Act, Acts, Answer, Command, Event, Failure, Reach, open_copy},
    relay::RelayError,
};
use wardline_proto::{Reason, relay::GetOrganisationRequest};

use super::Finding;
use crate::demo::{
    attack::loot,
    device::{Copy, Device, unexpected},
    scene::{DESK, PHONE, Scene, TABLET},
};

/// Within this a revoked device's connections are closed.
const SECOND: Duration = Duration::from_secs(1);
/// How long the device may take to come back and be told why.
const PATIENCE: Duration = Duration::from_secs(20);

/// Revokes doctor-a's desk, which the others then put out, and attacks with its vault of before.
pub(super) async fn check(scene: &mut Scene) -> Result<Vec<Finding>, Failure> {
    // 1. What the thief has, and as control what members have at the same moment.
    let folder = scene.clinic.folder.path().join("stolen");
    let stolen = scene.devices[DESK].copy(&folder.join("desk-revoked")).await?;
    let mut members = Vec::new();
    for member in [PHONE, TABLET] {
        members.push(scene.devices[member].copy(&folder.join(format!("member-{member}"))).await?);
    }
    for device in [PHONE, TABLET, DESK] {
        scene.devices[device].sync().await?;
    }
    // 2. The instant.
    let mut events = scene.devices[DESK].client()?.events();
    let (acts, answered) = revoke(scene).await?;
    let ended = async {
        loop {
            match events.recv().await {
                Ok(Event::PutOut { failure }) => return Some((answered.elapsed(), failure)),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await.ok().flatten();
    let told = ended.as_ref().map_or_else(|| "nothing".to_owned(), |(_, failure)| failure.what.clone());
    let within = ended.as_ref().is_some_and(|(after, _)| *after <= SECOND);
    let after = ended.map_or(0, |(after, _)| after.as_millis());
    let instant = acts.in_force.clone().unwrap_or_default();
    let cut = Finding::new(
        "a revoked device is cut and told why within a second of the relay's signed answer",
        within && told.contains("revoked (stolen)"),
        format!(
            "doctor-a's desk, revoked at {instant} by the relay's signature: out after {after} ms, told “{told}”"
        ),
    );
    // 3. It comes back to nothing.
    let (refused, reason) = super::refusal(asks(&scene.devices[DESK]).await, &[Reason::DeviceRevoked]);
    let member = asks(&scene.devices[TABLET]).await.is_ok();
    let shut = Finding::new(
        "it gets in no more",
        refused && member,
        format!(
            "its call is answered with {reason}; control: the same call of nurse-b's tablet works: {member}"
        ),
    );
    // 4. Its files open no more, with the passcode and whatever code.
    let sealed = sealed(&stolen).await;
    // 5. The others go on, and it opens nothing of that.
    scene.members = vec![PHONE, TABLET];
    let first = scene.say(PHONE, "The desk in room 3 is not ours any more").await?;
    let second = scene.say(TABLET, "Then the list stays with me tonight").await?;
    let traffic = scene.traffic()?;
    let opened = loot(&stolen, &traffic).await?;
    let mut control = loot(&members[0], &traffic).await?.after(first - 1);
    control.extend(loot(&members[1], &traffic).await?.after(first - 1));
    let leaked = opened.after(first - 1).len();
    let closed = Finding::new(
        "with a revoked device's keys nothing opens that was accepted after the instant",
        leaked == 0 && !control.is_empty(),
        format!(
            "what was in its vault before, and all that the relay delivered, {} tries: {leaked} of 2 messages, numbers \
             {first} and {second}; control: members' vaults of that moment open {} of 2 (none opens what it sent itself)",
            opened.tries,
            control.len()
        ),
    );
    Ok(vec![cut, shut, sealed, closed])
}

/// Whether a copy of the desk's files opens after the instant.
async fn sealed(stolen: &Copy) -> Finding {
    let opened = open_copy(&stolen.folder, &stolen.passcode).await;
    let closed_for = opened.err().map_or_else(|| "IT OPENED".to_owned(), |failure| failure.what);
    Finding::new(
        "a revoked device's vault is closed for ever",
        closed_for.contains("revoked (stolen)"),
        format!(
            "a copy of its files, with the passcode: “{closed_for}”; control: before the instant the same copy opened"
        ),
    )
}

/// The id of doctor-a's desk, while it may still say so.
pub(super) async fn desk(scene: &Scene) -> Result<String, Failure> {
    let asked = scene.devices[DESK].client()?.execute(Command::Status { seen: false }, Reach::Offline);
    match asked.await? {
        Answer::Status(status) => Ok(status.device),
        _ => Err(unexpected()),
    }
}

/// The administrator revokes the desk; the answer, and when it was there.
async fn revoke(scene: &Scene) -> Result<(Acts, Instant), Failure> {
    let act = Act { kind: "revoked".to_owned(), reason: "stolen".to_owned(), even_own: false };
    let order = Command::AdminDeviceAct { devices: vec![desk(scene).await?], act };
    match scene.clinic.admin.ask(order).await? {
        Answer::Acts(acts) => Ok((acts, Instant::now())),
        _ => Err(unexpected()),
    }
}

/// Connects anew and asks for something that every device in force may ask for.
async fn asks(device: &Device) -> Result<(), RelayError> {
    let (relay, _) = device.connector().connect().await?;
    relay.get_organisation(GetOrganisationRequest {}).await.map(drop)
}
