//! P5: every message is on every device that was a member, once, in one order, also across the relay's death.

use std::collections::BTreeMap;

use wardline_client_core::api::{Failure, Message};

use super::Finding;
use crate::demo::scene::{PHONE, Played, Scene};

/// Compares what the devices show with each other and with what was acknowledged.
pub(super) async fn check(played: &Played) -> Result<Vec<Finding>, Failure> {
    let Played { scene, crash, .. } = played;
    let shown = shown(scene).await?;
    let faults = faults(scene, &shown);
    let counts: Vec<String> = shown
        .iter()
        .map(|(device, texts)| format!("{} {}", scene.devices[*device].label(), texts.len()))
        .collect();
    let acknowledged = scene.said.iter().filter(|said| said.number.is_some()).count();
    let all = Finding::new(
        "every message once, in one order, on every device",
        faults.is_empty() && acknowledged > 0 && shown.len() == 4,
        format!(
            "{} messages, {acknowledged} acknowledged at once, compared by number, sender and text on {} devices \
             ({}): {}",
            scene.said.len(),
            shown.len(),
            counts.join(", "),
            verdict(&faults)
        ),
    );

    let place = |text: &str| {
        let texts = shown.get(&PHONE)?;
        texts.iter().find(|(_, message)| message.text == text).map(|(number, _)| *number)
    };
    let (under_way, queued) = (place(&crash.under_way), place(&crash.queued));
    let number = |place: Option<u64>| place.map_or("LOST".to_owned(), |number| format!("number {number}"));
    let crashed = Finding::new(
        "nothing lost when the relay is killed",
        under_way.is_some() && queued.is_some() && faults.is_empty(),
        format!(
            "SIGKILL with a message under way ({}): it is {}; written while the relay was away: {}; before and \
             after: as acknowledged",
            if crash.answered { "just answered" } else { "unanswered" },
            number(under_way),
            number(queued)
        ),
    );
    Ok(vec![all, crashed])
}

/// Per device: texts by number.
type Shown = BTreeMap<usize, BTreeMap<u64, Message>>;

async fn shown(scene: &Scene) -> Result<Shown, Failure> {
    let last = scene.last().await?;
    for member in &scene.members {
        scene.devices[*member].shows(&scene.conversation, last).await?;
    }
    let mut shown = Shown::new();
    for (at, device) in scene.devices.iter().enumerate() {
        let messages = device.read(&scene.conversation).await?;
        let texts = messages.into_iter().filter(|message| message.kind != "event");
        shown.insert(at, texts.map(|message| (message.number, message)).collect());
    }
    Ok(shown)
}

/// Everything that is not as it should be, in words.
fn faults(scene: &Scene, shown: &Shown) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(reference) = shown.get(&PHONE) else { return vec!["there is no phone".to_owned()] };
    for (device, texts) in shown {
        let label = scene.devices[*device].label();
        let Some(span) = scene.spans.get(device) else { continue };
        // 1. The same as on the phone, over the time it was in.
        let expected = reference.range(span.from..=span.to);
        if !expected.map(essence).eq(texts.iter().map(essence)) {
            faults.push(format!("{label} shows something else than the phone"));
        }
        // 2. What was acknowledged stands where that was said.
        for said in &scene.said {
            let times = texts.values().filter(|message| message.text == said.text).count();
            let place = said.number.or_else(|| place(reference, &said.text));
            let inside = place.is_some_and(|number| (span.from..=span.to).contains(&number));
            if times != usize::from(inside) {
                faults.push(format!("{label} shows a message {times} times"));
            }
            if inside
                && place.and_then(|number| texts.get(&number)).map(|message| &message.text)
                    != Some(&said.text)
            {
                faults.push(format!("{label} shows a message at another number than acknowledged"));
            }
            if place.is_none() {
                faults.push(format!("a message of {} is lost", scene.devices[said.by].label()));
            }
        }
    }
    faults
}

/// What must be the same on all devices.
fn essence<'a>((number, message): (&'a u64, &'a Message)) -> (u64, &'a str, &'a str, &'a str, &'a str) {
    (*number, &message.kind, &message.device, &message.time, &message.text)
}

fn place(texts: &BTreeMap<u64, Message>, text: &str) -> Option<u64> {
    texts.iter().find(|(_, message)| message.text == text).map(|(number, _)| *number)
}

fn verdict(faults: &[String]) -> String {
    match faults.first() {
        None => "all the same, none missing, none twice".to_owned(),
        Some(first) => format!("{} faults, such as: {first}", faults.len()),
    }
}
