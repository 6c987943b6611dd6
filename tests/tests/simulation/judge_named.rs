//! What is judged of devices that an administrator named: who is out at the end is out everywhere, and nothing that was begun after
//! the instant has reached it.

use std::{collections::BTreeSet, time::Duration};

use wardline_client_core::api::{Answer, Command, DeviceStatus, Failure, Reach};

use crate::{phone::Phone, scene::Scene};

/// How often the administrator's device tries to finish what it was at.
const TRIES: usize = 20;

/// The names of those that a list has put out at the end, and of those whose hold has ended and who come back by themselves.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) out: BTreeSet<String>,
    pub(crate) back: BTreeSet<String>,
}

/// What the administrator's device was at is finished; where everybody stands by then.
pub(crate) async fn finish(scene: &Scene) -> Result<Standing, String> {
    let Some(office) = &scene.office else { return Ok(Standing::default()) };
    let kept = persist(office, || Command::KeepList).await;
    kept.map_err(|failure| format!("stuck: the administrator: {failure}"))?;
    let listed = persist(office, || Command::AdminDeviceList { user: None }).await;
    let Ok(Answer::Inventory(inventory)) = listed else { return Err(format!("no devices: {listed:?}")) };
    let is_out = |phone: &Phone| {
        let mut out =
            inventory.devices.iter().filter(|one| ["held", "revoked"].contains(&one.state.as_str()));
        out.any(|one| one.device == phone.device)
    };
    let (out, others): (Vec<&Phone>, Vec<&Phone>) = scene.phones.iter().partition(|phone| is_out(phone));
    // A further device comes back by its person's approval.
    let alone = |phone: &&Phone| scene.phones.iter().filter(|one| one.user == phone.user).count() == 1;
    let notes = scene.ground.notes();
    let back = others.into_iter().filter(alone).filter(|phone| notes.named.has(&phone.name));
    let names = |phone: &Phone| phone.name.clone();
    Ok(Standing { out: out.into_iter().map(names).collect(), back: back.map(names).collect() })
}

async fn persist(office: &Phone, command: impl Fn() -> Command) -> Result<Answer, Failure> {
    let mut answer = office.execute(command(), Reach::Online).await;
    for _ in 0..TRIES {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        answer = office.execute(command(), Reach::Online).await;
    }
    answer
}

/// Where a device still is.
async fn status(office: &Phone, device: &str) -> Result<DeviceStatus, String> {
    let status = persist(office, || Command::AdminDeviceStatus { device: device.to_owned() }).await;
    match status {
        Ok(Answer::DeviceStatus(status)) => Ok(*status),
        other => Err(format!("no status of {device}: {other:?}")),
    }
}

/// What is not as it must be: a device that is out and is still in a conversation; a message that was begun after the instant
/// and was taken before the device was out.
pub(crate) async fn judge(scene: &Scene, shown: &[(String, Vec<String>)]) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(office) = &scene.office else { return faults };
    for phone in &scene.phones {
        if !scene.standing.out.contains(&phone.name) {
            continue;
        }
        let status = match status(office, &phone.device).await {
            Ok(status) => status,
            Err(why) => {
                faults.push(why);
                continue;
            }
        };
        let notes = scene.ground.notes();
        let out_at = status.removals.iter().filter(|one| one.conversation == scene.conversation);
        let out_at = out_at.filter_map(|one| one.number).max();
        if status.removed < status.of {
            faults.push(format!("still in: {}: {:?}", phone.name, status.removals));
        }
        for (sender, message) in &notes.accepted {
            let after = notes.named.is_after(&phone.name, &message.text);
            let early = message.number.zip(out_at).is_some_and(|(number, out)| number < out);
            if after && early && sender.name != phone.name {
                faults.push(format!("after the instant: {message:?} before {out_at:?} for {}", phone.name));
            }
        }
        let texts = shown.iter().filter(|(name, _)| *name == phone.name).flat_map(|(_, texts)| texts);
        let read = texts.filter(|text| notes.named.is_after(&phone.name, text));
        faults.extend(read.map(|text| format!("after the instant: {} reads {text}", phone.name)));
    }
    faults
}
