//! Who went by a commit, and how: by the revocation list, where a hold may end, or otherwise.

use wardline_identity::{RevocationKind, RevocationRegister, UserId};
use wardline_proto::{
    DeviceId,
    fault::planted,
    relay::{CommitData, removal_ground::Ground},
};

use super::{
    revoked::is_out,
    roster::{Member, Roster},
};

/// Who is out by a commit.
#[derive(Debug, Default)]
pub(crate) struct Went {
    /// Because of a hold, which may end: device and user.
    pub on_hold: Vec<(DeviceId, UserId)>,
    /// By the own commit, because of a hold that has ended since it was made.
    pub ended: Vec<(DeviceId, UserId)>,
    /// Whose devices went otherwise.
    pub put_out: Vec<UserId>,
}

impl Went {
    /// Who went between two rosters.
    pub(crate) fn between(
        before: &Roster,
        after: &Roster,
        data: Option<&CommitData>,
        revocations: &RevocationRegister,
    ) -> Self {
        let mut went = Self::default();
        for member in before.members.iter().filter(|member| !after.has(member)) {
            let who = (member.certificate.device(), member.certificate.user().clone());
            let act = revocations.last_act(&who.0).filter(|_| names_list(member, data));
            match act.map(|act| act.kind) {
                // By a hold that is not here yet.
                None if by_hold(member, data) => went.on_hold.push(who),
                Some(RevocationKind::Held) => went.on_hold.push(who),
                Some(RevocationKind::Reinstated) => went.ended.push(who),
                Some(RevocationKind::Revoked) => {}
                None => went.put_out.push(who.1),
            }
        }
        went
    }

    /// By a commit of this device: who went by it because of a hold that has ended since comes back like those whose hold ends.
    pub(crate) fn by_own(mut self) -> Self {
        if !planted("mutant.own_after_end") {
            self.on_hold.append(&mut self.ended);
        }
        self
    }
}

/// Whether a commit took a member out because the list names it, and it still does.
pub(crate) fn by_list(
    member: &Member,
    data: Option<&CommitData>,
    (after, revocations): (&Roster, &RevocationRegister),
) -> bool {
    let device = member.certificate.device();
    names_list(member, data) && is_out(revocations, &device) && after.device(&device).is_none()
}

/// Whether the ground of a removal is the list, or a hold that stands beside it.
fn names_list(member: &Member, data: Option<&CommitData>) -> bool {
    matches!(ground(member, data), Some(Ground::RevocationListNumber(_) | Ground::Hold(_)))
}

/// Whether it is a hold.
fn by_hold(member: &Member, data: Option<&CommitData>) -> bool {
    matches!(ground(member, data), Some(Ground::Hold(_)))
}

fn ground<'a>(member: &Member, data: Option<&'a CommitData>) -> Option<&'a Ground> {
    let (device, data) = (member.certificate.device().to_wire(), data?);
    let at = data.leaves.iter().position(|leaf| *leaf == device)?;
    data.grounds.get(at)?.ground.as_ref()
}
