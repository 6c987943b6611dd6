//! Who was taken out because of a hold comes back where it ends (design 4.4.6): whoever was there adds the very devices that went.
//! A further device of a person who is in comes back by that person's approval, as it came.

use std::collections::BTreeMap;

use wardline_identity::RevocationKind;
use wardline_proto::{ConversationId, UtcMillis, fault::planted};

use super::{
    core::{Core, random},
    former::Former,
    merged::Merged,
    revoked::device,
    roster::Roster,
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            held_out,
            intents::{self, Wish},
        },
    },
};

/// Notes who went by a commit because of a hold, and who is back.
pub(crate) async fn note(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    merged: &Merged,
) -> Result<(), CoreError> {
    for (device, user) in held_out::list(tx, conversation).await? {
        // A person who was put out, or left, with another device does not come back by this one.
        let put_out =
            merged.went.put_out.iter().any(|one| one.as_str() == user) && !planted("mutant.back_for_all");
        if put_out || merged.roster.device(&device).is_some() {
            held_out::delete(tx, conversation, &device).await?;
        }
    }
    for (device, user) in &merged.went.on_hold {
        held_out::insert(tx, conversation, (device, user.as_str())).await?;
    }
    Ok(())
}

/// Notes who is on hold where a closed log goes on: a successor is made without them.
pub(crate) async fn left_out(
    core: &Core,
    tx: &mut Transaction<'_>,
    successor: &ConversationId,
    former: &Former,
) -> Result<(), CoreError> {
    for seat in former.going_on() {
        let Some(device) = device(&seat.device) else { continue };
        let held = core.revocations.last_act(&device).is_some_and(|act| act.kind == RevocationKind::Held);
        if held && !planted("mutant.held_left_out") {
            held_out::insert(tx, successor, (&device, &seat.user)).await?;
        }
    }
    Ok(())
}

/// Wishes for the people whose hold has ended by the list at hand, not before some time. What is known of them lasts until they are
/// back: they may be put on hold again before they are.
pub(crate) async fn look_in(
    core: &Core,
    tx: &mut Transaction<'_>,
    (conversation, roster): (&ConversationId, &Roster),
    (now, not_before): (UtcMillis, UtcMillis),
) -> Result<(), CoreError> {
    let mut back: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (device, user) in held_out::list(tx, conversation).await? {
        let in_again = roster.members.iter().any(|one| one.certificate.user().as_str() == user);
        match core.revocations.last_act(&device).map(|act| act.kind) {
            // By a hold that is not here yet, or is pending.
            None | Some(RevocationKind::Held) => {}
            Some(RevocationKind::Reinstated) if !in_again => {
                back.entry(user).or_default().push(device.to_string());
            }
            _ => held_out::delete(tx, conversation, &device).await?,
        }
    }
    if back.is_empty() || planted("mutant.held_stays_out") {
        return Ok(());
    }
    let open = intents::open_in(tx, conversation).await?;
    for (user, devices) in back {
        if planted("mutant.back_once") {
            for device in devices.iter().filter_map(|hex| device(hex)) {
                held_out::delete(tx, conversation, &device).await?;
            }
        }
        let wish = Wish::AddBack { user, devices };
        if !open.iter().any(|one| one.wish == wish) {
            let request = random(&*core.entropy)?;
            intents::insert(tx, conversation, &wish, &request, now, not_before).await?;
        }
    }
    Ok(())
}
