//! P4: who comes late reads nothing from before, who was removed nothing after, whatever they keep and record.

use std::collections::BTreeSet;

use wardline_client_core::api::Failure;

use super::Finding;
use crate::demo::{
    attack::{Loot, loot},
    scene::{PHONE, Played, STATION, Scene},
};

/// Looks at what the station shows, then attacks with its vault.
pub(super) async fn check(played: &Played) -> Result<Vec<Finding>, Failure> {
    let Played { scene, copies, .. } = played;
    let span = scene.spans.get(&STATION).copied().ok_or_else(|| super::defect("nobody came late"))?;
    let traffic = scene.traffic()?;
    let texts = texts(scene).await?;
    let before: BTreeSet<u64> = texts.range(..span.from).copied().collect();
    let after: BTreeSet<u64> = texts.range(span.to + 1..).copied().collect();

    // 1. What it shows.
    let shown: BTreeSet<u64> = scene.devices[STATION]
        .read(&scene.conversation)
        .await?
        .iter()
        .filter(|message| message.kind == "text")
        .map(|message| message.number)
        .collect();
    let between = texts.range(span.from..=span.to).count();
    let bounded = shown.iter().all(|number| (span.from..=span.to).contains(number));
    let shows = Finding::new(
        "a late joiner's device shows nothing from before, a removed one nothing after",
        bounded && shown.len() == between && !before.is_empty() && !after.is_empty(),
        format!(
            "doctor-c, in from number {} to {}: shows {} of {between} messages of that time, {} of {} from \
             before, {} of {} after",
            span.from,
            span.to,
            shown.len(),
            shown.range(..span.from).count(),
            before.len(),
            shown.range(span.to + 1..).count(),
            after.len()
        ),
    );

    // 2. The joiner's vault, and as control the vaults of the first two from the beginning.
    let joiner = loot(&copies.joiner, &traffic).await?;
    let mut control = loot(&copies.phone_first, &traffic).await?.before(span.from);
    control.extend(loot(&copies.tablet_first, &traffic).await?.before(span.from));
    let opened = joiner.before(span.from);
    let joined = attacked(
        "a late joiner's vault opens nothing from before",
        &joiner,
        (opened.len(), &before),
        &control,
    );

    // 3. The removed one's vault, and as control a member's of the same moment.
    let removed = loot(&copies.removed, &traffic).await?;
    let control = loot(&copies.desk_late, &traffic).await?.after(span.to);
    let opened = removed.after(span.to);
    let gone =
        attacked("a removed device's vault opens nothing after", &removed, (opened.len(), &after), &control);
    Ok(vec![shows, joined, gone])
}

fn attacked(
    check: &'static str,
    loot: &Loot,
    opened: (usize, &BTreeSet<u64>),
    control: &BTreeSet<u64>,
) -> Finding {
    let (opened, closed) = opened;
    let whole = control == closed && !closed.is_empty();
    Finding::new(
        check,
        opened == 0 && whole,
        format!(
            "its vault with the passcode and all that the relay delivered, forwards and backwards, as it was \
             or moved to where the vault stands, {} tries: {opened} of \
             {} opened; control: the same code opens {} of {} with members' vaults of that moment",
            loot.tries,
            closed.len(),
            control.len(),
            closed.len()
        ),
    )
}

/// The numbers of all texts, as the phone has them: it was there from first to last.
async fn texts(scene: &Scene) -> Result<BTreeSet<u64>, Failure> {
    let messages = scene.devices[PHONE].read(&scene.conversation).await?;
    Ok(messages.iter().filter(|message| message.kind == "text").map(|message| message.number).collect())
}
