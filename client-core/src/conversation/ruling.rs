//! What the ground of a removal is worth (design 4.3): each device that a commit takes out goes by a ground that the commit carries.

use wardline_identity::{Hold, PendingHold, RevocationKind, RevocationRegister};
use wardline_proto::{
    DeviceId, EntryNumber,
    fault::planted,
    relay::{CommitData, HoldGround, RemovalGround, removal_ground::Ground},
};

use super::{
    grounds::{confirms, leaving, out_of_step},
    judge::{Judged, keeps},
    revoked::is_out,
    roster::Member,
};
use crate::vault::tables::faults::FaultRow;

/// What a removal's ground is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It is a ground.
    Right,
    /// It is none.
    Wrong,
    /// It is something that was before this device came.
    Unknown,
    /// It is none by itself, and nobody is accused: a correction takes out first whom the relay has cut off.
    Over,
    /// It was one, and is none any more: a hold that has ended.
    Ended,
    /// It is a revocation list that is not here.
    Unlisted(u64),
}

impl From<bool> for Ruling {
    fn from(right: bool) -> Self {
        if right { Self::Right } else { Self::Wrong }
    }
}

/// A removal needs its ground; `anew`: the member is in again by the same commit.
pub(super) fn may_remove(commit: &Judged<'_>, member: &Member, anew: bool) -> Ruling {
    let Some(data) = commit.data else { return Ruling::Wrong };
    let device: DeviceId = member.certificate.device();
    // Whom the relay did not have cannot be declared to leave: they are out by their fault, or in again.
    if commit.declared.is_some_and(|declared| !declared.contains(&device)) {
        let at_fault = commit.faults.iter().any(|fault| fault.proven && names(fault, member));
        // Where it cannot be added anew at once, a correction takes it out first. Nobody is accused, and it comes back.
        let first = data.corrects_number > 0 && !anew;
        return match Ruling::from(anew || at_fault || is_out(commit.revocations, &device)) {
            Ruling::Wrong if first => Ruling::Over,
            ruling => ruling,
        };
    }
    let at = data.leaves.iter().position(|leaf| leaf.as_ref() == device.as_bytes().as_slice());
    let Some(RemovalGround { ground: Some(ground) }) = at.and_then(|at| data.grounds.get(at)) else {
        return Ruling::Wrong;
    };
    let author = commit.author.certificate.user();
    match ground {
        Ground::Keeper(_) => keeps(commit.before, commit.right, author).into(),
        Ground::OwnDevice(_) => (author == member.certificate.user()).into(),
        Ground::Leave(statement) => {
            let spent = commit.spent.contains(statement);
            let signer = leaving(commit.before, statement, commit.conversation).filter(|_| !spent);
            signer.is_some_and(|signer| signer.certificate.user() == member.certificate.user()).into()
        }
        Ground::FaultEntryNumber(number) => by_fault(commit, member, EntryNumber::new(*number)),
        Ground::OutOfStep(statement) => {
            let spent = commit.spent.contains(statement);
            let signer = out_of_step(commit.before, statement, commit.conversation).filter(|_| !spent);
            (anew && signer.is_some_and(|signer| signer.certificate.device() == device)).into()
        }
        Ground::Replaced(statement) => {
            let new = commit.after.members.iter().filter(|_| !commit.spent.contains(statement));
            let mut replaced = new.filter_map(|after| confirms(commit.before, statement, after));
            replaced.any(|replaced| replaced == device).into()
        }
        Ground::RevocationListNumber(number) => by_list(commit.revocations, &device, *number),
        Ground::Hold(hold) => by_hold(commit, data, member, hold),
    }
}

/// Whether the list names the device. One that was reinstated since was named rightly.
fn by_list(revocations: &RevocationRegister, device: &DeviceId, number: u64) -> Ruling {
    if planted("mutant.any_list_removes") {
        return Ruling::Right;
    }
    match revocations.last_act(device) {
        _ if number > revocations.number() => Ruling::Unlisted(number),
        Some(act) if act.kind == RevocationKind::Reinstated => Ruling::Ended,
        Some(_) => Ruling::from(number > 0),
        None => Ruling::Wrong,
    }
}

/// Whether a hold that the commit carries takes the device out. It is judged as if it came from nobody, so that who does not have
/// it yet comes to the same; once a list has done anything to the device since, that is what counts.
fn by_hold(commit: &Judged<'_>, data: &CommitData, member: &Member, ground: &HoldGround) -> Ruling {
    if planted("mutant.any_hold_removes") {
        return Ruling::Right;
    }
    let (device, revocations) = (member.certificate.device(), commit.revocations);
    // Out by the list: whoever signed the hold may be out, or struck, by now.
    if is_out_by_list(revocations, &device) {
        return Ruling::Right;
    }
    let statement = ground.statement.clone().unwrap_or_default();
    let hold = Hold::verify(commit.organisation, &statement, &ground.signer_certificate);
    let Some(hold) = hold.ok().filter(|hold| hold.said().devices.contains(&device)) else {
        return Ruling::Wrong;
    };
    match revocations.listed_act(&device) {
        Some(act) if act.at >= hold.said().signed_at => return Ruling::Ended,
        _ => {}
    }
    let digest = PendingHold::digest_of(&statement);
    let known = revocations.holds().iter().any(|known| known.digest() == digest);
    if known || hold.permits(revocations, &member.certificate).is_ok() {
        return Ruling::Right;
    }
    // Whose responder it is a list says that is not here.
    match data.revocation_list_number {
        number if number > revocations.number() => Ruling::Unlisted(number),
        _ => Ruling::Wrong,
    }
}

fn is_out_by_list(revocations: &RevocationRegister, device: &DeviceId) -> bool {
    revocations.listed_act(device).is_some_and(|act| act.kind != RevocationKind::Reinstated)
}

/// Whether the entry proves a fault of the member, or brought it in without a right. What was before the member came is no
/// fault of its; what was before this device came it cannot judge.
fn by_fault(commit: &Judged<'_>, member: &Member, number: EntryNumber) -> Ruling {
    if planted("mutant.judge_fault_grounds") {
        return Ruling::Wrong;
    }
    let stay = commit.spent.stays.get(&member.certificate.device());
    if stay.is_some_and(|stay| number < stay.came) {
        return Ruling::Wrong;
    }
    let earlier = number <= commit.joined && number > EntryNumber::ZERO;
    // Of what was before, others may name another entry than this device knows the fault by.
    let fits = |fault: &&FaultRow| fault.proven && (fault.number == number || earlier);
    if commit.faults.iter().filter(fits).any(|fault| names(fault, member)) {
        return Ruling::Right;
    }
    if earlier { Ruling::Unknown } else { Ruling::Wrong }
}

/// Whether a fault is the member's, or let it in.
pub(crate) fn names(fault: &FaultRow, member: &Member) -> bool {
    fault.device == member.certificate.device() || fault.devices.contains(&member.key())
}
