//! What the policy of the organisation permits this device, by the list that it goes by: whatever a relay says or lets pass.

use wardline_identity::{Forbidden, Policy};
use wardline_proto::{LIFE_SECONDS_MAX, LIFE_SECONDS_MIN, fault::planted};

use super::{core::Core, revoked::outlived};
use crate::{
    api::{Failure, FailureKind, span},
    vault::tables::conversations::ConversationRow,
};

/// What this client says it is.
pub(crate) fn software() -> &'static str {
    if planted("client.older") { "wardline/0.0.1" } else { concat!("wardline/", env!("CARGO_PKG_VERSION")) }
}

/// The policy in force here.
pub(crate) fn policy(core: &Core) -> &Policy {
    core.revocations.policy()
}

/// Why this device sends nothing at all for now, if so: the list has outlived its life, or this client is too old.
pub(crate) fn silenced(core: &Core) -> Option<Failure> {
    outlived(core).or_else(|| too_old(policy(core)))
}

fn too_old(policy: &Policy) -> Option<Failure> {
    let Err(Forbidden::Software(minimum)) = policy.permits_software(software()) else { return None };
    (!planted("mutant.old_client_sends")).then(|| {
        Failure::new(
            FailureKind::Queued,
            "This version of Wardline is older than your organisation permits: nothing is sent now.",
            format!("It is {}; the policy asks for {minimum} or newer.", software()),
            "Update Wardline; what waits goes out by itself then. What this device holds can be read all the same.",
        )
    })
}

/// The longest life of a message in a conversation now, in seconds.
pub(crate) fn longest_life(policy: &Policy, row: &ConversationRow) -> u32 {
    if planted("member.any_life") {
        return LIFE_SECONDS_MAX;
    }
    let set = row.retention_seconds.clamp(LIFE_SECONDS_MIN, LIFE_SECONDS_MAX);
    if planted("mutant.policy_unheeded") { set } else { set.min(policy.rules.life_seconds_max) }
}

/// The life that counts here of a message that was received, by what its sender says: never more than the settings of the
/// conversation, nor than the policy, where its sender goes by this very one: who went by an older one said it before, and who has a
/// newer one may be permitted more.
pub(crate) fn received_life(policy: &Policy, row: &ConversationRow, (said, by): (u32, u64)) -> u32 {
    if planted("mutant.any_life_received") {
        return said;
    }
    let set = said.min(row.retention_seconds.clamp(LIFE_SECONDS_MIN, LIFE_SECONDS_MAX));
    let same = by == policy.number || by > policy.number && planted("mutant.newer_policy_capped");
    if same { set.min(policy.rules.life_seconds_max) } else { set }
}

/// Why a text of so many bytes is not sent, if so.
pub(crate) fn text_refusal(policy: &Policy, bytes: usize) -> Option<String> {
    let Err(Forbidden::Text(most)) = policy.permits_text(bytes) else { return None };
    (!planted("mutant.policy_unheeded"))
        .then(|| format!("it has {bytes} bytes, and your organisation permits {most}: send it in parts"))
}

/// Why messages cannot be kept for so long, if so.
pub(crate) fn life_refusal(policy: &Policy, seconds: u32) -> Option<Failure> {
    let Err(Forbidden::Life(most)) = policy.permits_life(seconds) else { return None };
    (!planted("mutant.any_retention")).then(|| {
        Failure::new(
            FailureKind::Refused,
            format!("Messages cannot be kept for {}.", span(seconds)),
            format!("Your organisation keeps them for {} at most (policy {}).", span(most), policy.number),
            format!("Choose {} or less, or ask an administrator.", span(most)),
        )
    })
}
