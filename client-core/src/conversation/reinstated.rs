//! Who was taken out because of a hold comes back where it ends (design 4.4.6): whoever was there adds them, as any member adds
//! a person. A further device of a person who is in comes back by that person's approval, as it came.

use std::collections::BTreeSet;

use wardline_identity::{RevocationKind, RevocationRegister};
use wardline_proto::{ConversationId, UtcMillis, fault::planted};

use super::{
    core::{Core, random},
    merged::Merged,
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
            merged.put_out.iter().any(|one| one.as_str() == user) && !planted("mutant.back_for_all");
        if put_out || merged.roster.device(&device).is_some() {
            held_out::delete(tx, conversation, &device).await?;
        }
    }
    for (device, user) in &merged.on_hold {
        held_out::insert(tx, conversation, (device, user.as_str())).await?;
    }
    Ok(())
}

/// Wishes for the people whose hold has ended by the list at hand, not before some time.
pub(crate) async fn look_in(
    core: &Core,
    tx: &mut Transaction<'_>,
    (conversation, roster): (&ConversationId, &Roster),
    (now, not_before): (UtcMillis, UtcMillis),
) -> Result<(), CoreError> {
    let mut back = BTreeSet::new();
    for (device, user) in held_out::list(tx, conversation).await? {
        match kind(&core.revocations, &device) {
            Some(RevocationKind::Held) => continue,
            Some(RevocationKind::Reinstated) => {
                let has = |one: &super::roster::Member| one.certificate.user().as_str() == user;
                if !roster.members.iter().any(has) {
                    back.insert(user);
                }
            }
            Some(RevocationKind::Revoked) | None => {}
        }
        held_out::delete(tx, conversation, &device).await?;
    }
    if back.is_empty() || planted("mutant.held_stays_out") {
        return Ok(());
    }
    let wish = Wish::Add { users: back.into_iter().collect() };
    let request = random(&*core.entropy)?;
    intents::insert(tx, conversation, &wish, &request, now, not_before).await?;
    Ok(())
}

fn kind(revocations: &RevocationRegister, device: &wardline_proto::DeviceId) -> Option<RevocationKind> {
    revocations.last_act(device).map(|act| act.kind)
}
