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

/// Whether the ground of a removal is the list.
fn names_list(member: &Member, data: Option<&CommitData>) -> bool {
    let device = member.certificate.device().to_wire();
    let at = data.and_then(|data| data.leaves.iter().position(|leaf| *leaf == device));
    let ground = at.and_then(|at| data?.grounds.get(at)?.ground.as_ref());
    matches!(ground, Some(Ground::RevocationListNumber(_)))
}
