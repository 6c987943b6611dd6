//! Putting right what members did wrong (design 4.3): by one commit of whoever comes first.
//!
//! What is to be done follows from the log alone: devices that are in without a right to be and the devices that brought
//! them in go out, each for the entry that proves it; the settings that were right come back; the relay's roster becomes
//! the tree's. People who were removed beyond anybody's rights are added back as any member may add them.

use wardline_identity::{Entropy, RevocationRegister, UserId};
use wardline_proto::{
    ConversationId, EntryNumber, UtcMillis,
    fault::planted,
    relay::{RemovalGround, removal_ground::Ground},
};

use super::{
    commit::Change,
    core::{Core, Device, random},
    hold::Hold,
    merged::{Merged, Merging},
    receive::Received,
    report::say_so,
    revoked::{is_out, out, removals},
    roster::{Member, Roster},
    ruling::names,
};
use crate::{
    error::CoreError,
    mls::VerifiedKeyPackage,
    vault::{
        Transaction,
        tables::{
            conversations::{ConversationRow, Standing},
            declared_rosters::{self, DeclaredRoster},
            faults::{self, FaultRow},
            intents::{self, Outcome, Wish},
        },
    },
};

/// Gives a merge what the log has shown of faults before it.
pub(crate) async fn recall(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    merging: &mut Merging<'_>,
) -> Result<(), CoreError> {
    merging.faults = open_faults(tx, &row.conversation).await?;
    if let Some(known) = declared_rosters::load(tx, &row.conversation).await? {
        (merging.declared, merging.declared_at) = (Some(known.devices), known.number);
    }
    merging.joined = row.joined;
    merging.unmended = unmended(tx, &row.conversation).await?;
    Ok(())
}

/// The people who were removed beyond rights and are not back, each with the devices that were: no other of theirs comes in
/// by anybody else, or whoever throws somebody out could bring in another device as theirs.
pub(crate) async fn unmended(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Vec<(String, Vec<String>)>, CoreError> {
    if planted("mutant.mend_by_user") {
        return Ok(Vec::new());
    }
    let open = intents::open_in(tx, conversation).await?;
    let mends = open.into_iter().filter_map(|wish| match wish.wish {
        Wish::Mend { user, devices, .. } => Some((user, devices)),
        _ => None,
    });
    Ok(mends.collect())
}

/// Notes what a merged commit did wrong and put right, and wishes for what is still to be put right.
pub(crate) async fn follow_up(
    core: &Core,
    tx: &mut Transaction<'_>,
    (received, row): (&Received<'_>, &mut ConversationRow),
    merged: &Merged,
) -> Result<(), CoreError> {
    let (device, entropy, now) = (&core.device, &*core.entropy, core.clock.now());
    if merged.self_removed {
        return Ok(());
    }
    let conversation = received.conversation;
    // 1. Faults: a new one, and those that are put right by now.
    if let Some(fault) = &merged.fault {
        faults::insert(tx, &conversation, fault).await?;
    }
    let held = merged.hold.is_some();
    for fault in open_faults(tx, &conversation).await? {
        let about = |member: &Member| names(&fault, member);
        let here = fault.proven && merged.roster.members.iter().any(about);
        let lasts = merged.declared.is_some() || held && fault.proven;
        if !here && !lasts {
            faults::settle(tx, &conversation, fault.number).await?;
        }
    }
    // 2. The relay's roster.
    let since =
        declared_rosters::load(tx, &conversation).await?.map_or(received.number, |known| known.number);
    let declared =
        merged.declared.as_ref().map(|devices| DeclaredRoster { devices: devices.clone(), number: since });
    declared_rosters::store(tx, &conversation, declared.as_ref()).await?;
    // 3. What is wished for: by every member, and the first commit grants it for all.
    let at_fault = open_faults(tx, &conversation).await?.iter().any(|fault| fault.proven);
    let spread = UtcMillis::new(now.get() + spread_ms(device));
    if planted("mutant.correct_nothing") {
        return Ok(());
    }
    if held || at_fault || declared.is_some() {
        wish_once(tx, &conversation, Wish::Correct, entropy, (now, spread)).await?;
    } else {
        intents::end_where(tx, &conversation, &Outcome::Done, |wish| *wish == Wish::Correct).await?;
    }
    // 4. What somebody else has done by now.
    let here = |device: &str| {
        merged.roster.members.iter().any(|one| one.certificate.device().to_string() == *device)
    };
    let done = |wish: &Wish| match wish {
        Wish::AddOwnDevice { device, .. } | Wish::AddDevice { device, .. } | Wish::LetBack { device, .. } => {
            here(device)
        }
        Wish::Mend { devices, .. } => devices.iter().all(|device| here(device)),
        _ => false,
    };
    intents::end_where(tx, &conversation, &Outcome::Done, done).await?;
    for (user, devices) in wronged(merged) {
        let wish = Wish::Mend { number: received.number.get(), user, devices };
        wish_once(tx, &conversation, wish, entropy, (now, UtcMillis::new(spread.get() + MEND_MS))).await?;
    }
    // 5. Whom the relay does not hold to be in gets nothing more before it is added anew. It says so: where nobody is left
    // who could, the log has to be closed.
    if declared.is_some_and(|known| !known.devices.contains(&device.id())) {
        row.standing = Standing::OutOfStep;
        say_so(&core.voice(&conversation), tx, received, now).await?;
    }
    Ok(())
}

/// How much later than a correction people are added back, in milliseconds: into a conversation that is right again.
const MEND_MS: u64 = 700;

/// Spread over half a second by the device's own id, so that not all members commit at once.
pub(crate) fn spread_ms(device: &Device) -> u64 {
    u64::from(device.id().as_bytes()[15]) * 2
}

pub(super) async fn wish_once(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    wish: Wish,
    entropy: &dyn Entropy,
    (now, not_before): (UtcMillis, UtcMillis),
) -> Result<(), CoreError> {
    if !intents::open_in(tx, conversation).await?.iter().any(|row| row.wish == wish) {
        let request = random(entropy)?;
        intents::insert(tx, conversation, &wish, &request, now, not_before).await?;
    }
    Ok(())
}

/// Whom a commit removed beyond rights, by user.
fn wronged(merged: &Merged) -> Vec<(String, Vec<String>)> {
    let mut users: Vec<(String, Vec<String>)> = Vec::new();
    for (device, user) in &merged.wronged {
        match users.iter_mut().find(|(known, _)| known == user.as_str()) {
            Some((_, devices)) => devices.push(device.to_string()),
            None => users.push((user.to_string(), vec![device.to_string()])),
        }
    }
    users
}

async fn open_faults(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Vec<FaultRow>, CoreError> {
    let mut faults = faults::list(tx, conversation).await?;
    faults.retain(|fault| !fault.settled);
    Ok(faults)
}

/// What is wrong in a conversation now.
pub(crate) struct Wrongs {
    /// The members who have to go, each for the entry that proves why.
    pub removes: Vec<(Member, EntryNumber)>,
    /// The leaves that are nobody's.
    pub strangers: Vec<u32>,
    /// The settings that have to come back.
    pub right: Option<wardline_proto::content::ConversationSettings>,
    /// The members who have to go because the revocation list names them.
    pub revoked: Vec<Member>,
    /// Members whom the relay does not hold to be in: taken out and in again.
    pub undeclared: Vec<Member>,
    /// Whether the relay lets nobody in before somebody is out whom the revocation list names.
    pub fenced: bool,
    /// The first entry of all this.
    pub number: EntryNumber,
}

impl Wrongs {
    /// Whether there is nothing.
    pub(crate) fn none(&self, mismatch: bool) -> bool {
        self.removes.is_empty() && self.strangers.is_empty() && self.right.is_none() && !mismatch
    }

    /// The users whose devices have to be added anew.
    pub(crate) fn users(&self) -> Vec<UserId> {
        let mut users: Vec<UserId> =
            self.undeclared.iter().map(|member| member.certificate.user().clone()).collect();
        users.sort_unstable();
        users.dedup();
        users
    }
}

/// What is wrong in a conversation now, and who is in; `None` if nothing is.
pub(crate) async fn wrongs(
    core: &mut Core,
    row: &ConversationRow,
) -> Result<Option<(Wrongs, Roster)>, CoreError> {
    let mut tx = core.vault.begin("look_for_wrongs").await?;
    let faults = open_faults(&mut tx, &row.conversation).await?;
    let declared = declared_rosters::load(&mut tx, &row.conversation).await?;
    tx.commit().await?;
    let Some(group) = core.groups.get(&row.conversation) else { return Ok(None) };
    let hold = row.held.as_deref().map(Hold::parse);
    let leaves = group.roster();
    let roster = Hold::read(hold.as_ref(), &core.device.organisation, &leaves, &leaves);
    let own = core.device.id();
    let first = faults.iter().map(|fault| fault.number).min().unwrap_or(row.cursor);
    let held = hold.as_ref().map_or(&[][..], Hold::devices);
    let proof = |member: &Member| {
        let fault = faults.iter().find(|fault| fault.proven && names(fault, member));
        fault.map(|fault| fault.number).or(held.contains(&member.key()).then_some(first))
    };
    let goes = |member: &Member| proof(member).filter(|_| member.certificate.device() != own);
    let mut revoked = out(&core.revocations, &roster);
    revoked.retain(|member| member.certificate.device() != own);
    let listed = |member: &&Member| !revoked.iter().any(|one| one.index == member.index);
    let others = roster.members.iter().filter(listed);
    let removes: Vec<(Member, EntryNumber)> =
        others.filter_map(|member| Some((member.clone(), goes(member)?))).collect();
    let stays = |member: &&Member| {
        let listed = revoked.iter().any(|one| one.index == member.index);
        member.certificate.device() != own
            && !listed
            && !removes.iter().any(|(gone, _)| gone.index == member.index)
    };
    let undeclared = |known: &DeclaredRoster| -> Vec<Member> {
        let lacks = |member: &&Member| !known.devices.contains(&member.certificate.device());
        roster.members.iter().filter(stays).filter(lacks).cloned().collect()
    };
    let devices = declared.as_ref().map_or(&[][..], |known| &known.devices);
    let fenced = !revoked.is_empty() || devices.iter().any(|device| is_out(&core.revocations, device));
    let wrongs = Wrongs {
        fenced: fenced && !planted("mutant.correct_with_adds"),
        strangers: roster.strangers.iter().copied().filter(|index| *index != group.own_index()).collect(),
        right: hold.as_ref().and_then(Hold::right),
        undeclared: declared.as_ref().map_or_else(Vec::new, undeclared),
        removes,
        revoked: revoked.clone(),
        number: first,
    };
    Ok(if wrongs.none(declared.is_some()) { None } else { Some((wrongs, roster)) })
}

/// The commit that puts it right. `adds`: packages of devices that have to be added anew.
pub(crate) fn correction(
    revocations: &RevocationRegister,
    wrongs: Wrongs,
    adds: Vec<(VerifiedKeyPackage, wardline_identity::DeviceCertificate)>,
) -> Change {
    let ground = |number: EntryNumber| RemovalGround { ground: Some(Ground::FaultEntryNumber(number.get())) };
    // Whoever cannot be added now goes out all the same: the relay has cut it off, and it is added back later. Nobody can be
    // while the relay's fence stands.
    let adds = if wrongs.fenced { Vec::new() } else { adds };
    let anew: Vec<_> = wrongs.undeclared.into_iter().map(|member| (member, ground(wrongs.number))).collect();
    let removes = wrongs.removes.into_iter().map(|(member, number)| (member, ground(number)));
    let revoked = removals(revocations, wrongs.revoked);
    Change {
        removes: removes.chain(revoked).chain(anew).collect(),
        strangers: wrongs.strangers,
        settings: wrongs.right,
        corrects: wrongs.number,
        adds,
        ..Change::default()
    }
}
