//! What the revocation list means for conversations (design 4.4): who must not be in one, and for how long the list may be
//! relied on.
//!
//! Nothing is encrypted to a device that the list names, and nothing at all by a list that has outlived its life. Whoever
//! finds such a device in a conversation wishes for its removal; a device that is itself named does nothing.

use data_encoding::HEXLOWER;
use wardline_identity::{Entropy, RevocationKind, RevocationReason, RevocationRegister};
use wardline_proto::{
    ConversationId, DeviceId, UtcMillis,
    fault::planted,
    relay::{CommitData, Entry, EntryKind, RemovalGround, removal_ground::Ground},
};

use super::{
    core::{Core, random},
    correct::spread_ms,
    hold::Hold,
    reinstated,
    report::declared,
    roster::{Member, Roster},
};
use crate::{
    api::{Failure, FailureKind, rfc3339},
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::{self, Standing},
            intents::{self, Outcome, Wish},
        },
    },
};

/// Whether a device is revoked or on hold. A hold that has run out counts as revoked: no clock is needed.
pub(crate) fn is_out(revocations: &RevocationRegister, device: &DeviceId) -> bool {
    revocations.last_act(device).is_some_and(|act| act.kind != RevocationKind::Reinstated)
}

/// The same of a device in hex, as it is stored.
pub(crate) fn is_named(revocations: &RevocationRegister, hex: &str) -> bool {
    device(hex).is_some_and(|device| is_out(revocations, &device))
}

/// Whether a device in hex was named by the list, whatever became of that.
fn named_once(revocations: &RevocationRegister, hex: &str) -> bool {
    device(hex).is_some_and(|device| revocations.last_act(&device).is_some())
}

/// A device's id from hex.
pub(crate) fn device(hex: &str) -> Option<DeviceId> {
    let bytes = HEXLOWER.decode(hex.as_bytes()).ok()?;
    DeviceId::try_from(bytes.as_slice()).ok()
}

/// Whether this device is itself named: then it does nothing.
pub(crate) fn is_itself_out(core: &Core) -> bool {
    is_out(&core.revocations, &core.device.id())
}

/// The members who must not be in.
pub(crate) fn out(revocations: &RevocationRegister, roster: &Roster) -> Vec<Member> {
    let out = |member: &&Member| is_out(revocations, &member.certificate.device());
    roster.members.iter().filter(out).cloned().collect()
}

/// Each member's removal, with the list as its ground, or the hold by which alone it is out.
pub(crate) fn removals(
    revocations: &RevocationRegister,
    members: Vec<Member>,
) -> Vec<(Member, RemovalGround)> {
    let ground = |member: &Member| match revocations.hold_of(&member.certificate.device()) {
        Some(hold) => Ground::Hold(hold.ground()),
        None => Ground::RevocationListNumber(revocations.number()),
    };
    let with = |member: Member| {
        let ground = RemovalGround { ground: Some(ground(&member)) };
        (member, ground)
    };
    members.into_iter().map(with).collect()
}

/// Why nothing may be sent by the list at hand, if so: any signed time, or this device's clock, has passed its end. An
/// organisation that has no list yet sends.
pub(crate) fn outlived(core: &Core) -> Option<Failure> {
    let list = core.revocations.list()?;
    let (signed, until) = (list.signed_at(), list.fresh_until());
    let now = core.clock.now().max(UtcMillis::new(core.list.signed_ms));
    if !core.list.outlived && now < until || planted("mutant.outlived_list") {
        return None;
    }
    let hours = until.seconds().saturating_sub(signed.seconds()) / 3_600;
    Some(Failure::new(
        FailureKind::Queued,
        format!("The list of revoked devices is older than {hours} hours: nothing is sent now."),
        format!("It was last signed at {}; a lost device may be missing in it.", rfc3339(signed)),
        "What waits goes out by itself once the list is signed again; tell your administrator that no registrar runs.",
    ))
}

/// The number of the issuers' list that a commit names.
pub(crate) fn named_issuers(entry: &Entry) -> u64 {
    if entry.kind() != EntryKind::Commit {
        return 0;
    }
    declared(&entry.message).map_or(0, |data| data.issuers_list_number)
}

/// The highest number of a revocation list that a commit names.
pub(crate) fn named_list(entry: &Entry) -> u64 {
    if entry.kind() != EntryKind::Commit {
        return 0;
    }
    declared(&entry.message).as_ref().map_or(0, highest)
}

fn highest(data: &CommitData) -> u64 {
    let grounds = data.grounds.iter().map(|ground| match ground.ground {
        Some(Ground::RevocationListNumber(number)) => number,
        _ => 0,
    });
    grounds.chain([data.revocation_list_number]).max().unwrap_or(0)
}

/// Whether a commit of this device would leave or bring in somebody who must not be in, now that the list is another.
pub(crate) async fn outdated(
    core: &mut Core,
    conversation: &ConversationId,
    commit: &[u8],
) -> Result<bool, CoreError> {
    if planted("mutant.submit_to_revoked") || !core.load_group(conversation).await? {
        return Ok(false);
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(false) };
    let data = declared(commit).unwrap_or_default();
    // By what it does, not by what it tells the relay: somebody may have declared out there who is in.
    let by_word = planted("mutant.outdated_by_word");
    let leaves = group.pending_roster().filter(|_| !by_word).unwrap_or_else(|| group.roster());
    let roster = Roster::read(&core.device.organisation, &leaves);
    let stays = |member: &Member| !by_word || !data.leaves.contains(&member.certificate.device().to_wire());
    let joins = data.joins.iter().filter_map(|bytes| DeviceId::try_from(bytes).ok());
    let brings = joins.into_iter().any(|device| is_out(&core.revocations, &device));
    // Whom it brings in was judged by an older list of issuers: it is planned by the newer one.
    let by_older = data.issuers_list_number < core.device.organisation.issuers_number();
    let brings = brings || by_older && !data.joins.is_empty() && !planted("mutant.submit_struck");
    Ok(brings || out(&core.revocations, &roster).iter().any(stays))
}

/// Wishes that whoever must not be in goes out; answers whether that is new.
pub(crate) async fn wish_for_removal(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    entropy: &dyn Entropy,
    (now, not_before): (UtcMillis, UtcMillis),
) -> Result<bool, CoreError> {
    let open = intents::open_in(tx, conversation).await?;
    if let Some(open) = open.iter().find(|open| open.wish == Wish::RemoveRevoked) {
        intents::hasten(tx, open.intent, not_before).await?;
        return Ok(false);
    }
    let request = random(entropy)?;
    intents::insert(tx, conversation, &Wish::RemoveRevoked, &request, now, not_before).await?;
    Ok(true)
}

/// Whether nothing may be encrypted to a conversation before somebody is out: that is wished for, at once.
pub(crate) async fn holds_back(
    tx: &mut Transaction<'_>,
    (conversation, roster): (&ConversationId, &Roster),
    (revocations, own, entropy): (&RevocationRegister, DeviceId, &dyn Entropy),
    now: UtcMillis,
) -> Result<bool, CoreError> {
    if out(revocations, roster).is_empty() || planted("mutant.seal_to_revoked") {
        return Ok(false);
    }
    if !is_out(revocations, &own) {
        wish_for_removal(tx, conversation, entropy, (now, now)).await?;
    }
    Ok(true)
}

/// When a member does by itself what the relay asks one for: spread by the device's own id, so that not all commit at once.
pub(crate) fn by_itself(core: &Core) -> UtcMillis {
    UtcMillis::new(core.clock.now().get() + 2 * spread_ms(&core.device))
}

/// Notes after a commit whether somebody must still go.
pub(crate) async fn follow_up(
    core: &Core,
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    roster: &Roster,
) -> Result<(), CoreError> {
    if out(&core.revocations, roster).is_empty() {
        let wish = |wish: &Wish| *wish == Wish::RemoveRevoked;
        return Ok(intents::end_where(tx, conversation, &Outcome::Done, wish).await?);
    }
    if !is_itself_out(core) {
        let times = (core.clock.now(), by_itself(core));
        wish_for_removal(tx, conversation, &*core.entropy, times).await?;
    }
    Ok(())
}

/// Looks at one conversation by the list at hand: wishes for the removal of whoever must not be in, not before some time, and
/// ends a hold that waited for this list. Answers whether there is somebody.
pub(crate) async fn look_in(
    core: &mut Core,
    conversation: &ConversationId,
    not_before: UtcMillis,
) -> Result<bool, CoreError> {
    if is_itself_out(core) || !core.load_group(conversation).await? {
        return Ok(false);
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(false) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let now = core.clock.now();
    let mut tx = core.vault.begin("look_for_revoked").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    let Some(mut row) = row.filter(|row| row.standing == Standing::Active) else { return Ok(false) };
    // 1. What could not be judged without it.
    if let Some((left, removed)) =
        row.held.as_deref().and_then(|held| Hold::parse(held).listed(&core.revocations))
    {
        row.held = left.as_ref().map(Hold::to_text);
        conversations::store(&mut tx, &row).await?;
        for (user, devices) in removed {
            // A further device of a person who is in comes back by their approval, if its hold has ended.
            let has = |member: &Member| member.certificate.user().as_str() == user;
            let ended = |device: &String| named_once(&core.revocations, device);
            if roster.members.iter().any(has) && devices.iter().all(ended) {
                continue;
            }
            let wish = Wish::Mend { number: row.cursor.get(), user, devices };
            let request = random(&*core.entropy)?;
            intents::insert(&mut tx, conversation, &wish, &request, now, by_itself(core)).await?;
        }
    }
    // 2. Whose hold has ended.
    reinstated::look_in(core, &mut tx, (conversation, &roster), (now, by_itself(core))).await?;
    // 3. Who must not be in.
    let some = !out(&core.revocations, &roster).is_empty();
    if some {
        wish_for_removal(&mut tx, conversation, &*core.entropy, (now, not_before)).await?;
    }
    tx.commit().await?;
    Ok(some)
}

/// What people read of the devices that a commit took out because of the list.
pub(crate) fn told(revocations: &RevocationRegister, gone: &[Member]) -> Vec<String> {
    gone.iter()
        .filter_map(|member| Some((member, revocations.last_act(&member.certificate.device())?)))
        .map(|(member, act)| {
            let one = &member.certificate;
            let done = match act.kind {
                RevocationKind::Held => "was put on hold",
                RevocationKind::Revoked | RevocationKind::Reinstated => "was revoked",
            };
            let (name, device, why) = (one.display_name(), one.device_name(), in_words(act.reason));
            format!("{name}'s device ({device}) {done} ({why}) and is out")
        })
        .collect()
}

/// A reason as people read it.
fn in_words(reason: RevocationReason) -> &'static str {
    match reason {
        RevocationReason::Lapsed => "its certificate was not renewed",
        RevocationReason::Left => "its person left the organisation",
        RevocationReason::Replaced => "another device took its place",
        other => other.as_str(),
    }
}
