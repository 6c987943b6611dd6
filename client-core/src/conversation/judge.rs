//! Merge, then judge (design 4.3): what a commit that was merged did to the conversation.
//!
//! A commit that MLS can process is always merged, so that all members stay in one epoch. Then the newest roster
//! is judged, by the commit, the settings before it, the statements carried in it and the faults that the log has
//! proven, so that all honest members come to the same verdict. A *held* conversation gets nothing encrypted until
//! it is right again; all else is shown with its author.
//!
//! What holds a conversation also proves its author's fault: no race makes an honest client commit it, because a
//! change is staged only in the epoch it was planned in. A removal or a false declaration proves nothing: it is
//! shown and mended.

use wardline_identity::{Organisation, RevocationRegister, UserId};
use wardline_proto::{
    DeviceId, EntryNumber, content::ConversationSettings, fault::planted, relay::CommitData,
};

use super::{
    grounds::{approves, confirms},
    revoked::is_out,
    roster::{Member, Roster},
    ruling::{Ruling, may_remove},
    spent::Spent,
};
use crate::vault::tables::faults::FaultRow;

/// What a commit did, as far as judging needs it.
pub(crate) struct Judged<'a> {
    /// Who made it, in the roster before.
    pub author: &'a Member,
    /// The roster before.
    pub before: &'a Roster,
    /// The roster after.
    pub after: &'a Roster,
    /// The same by the issuers' list that it names: as its author saw it.
    pub then: &'a Roster,
    /// The leaves that it took out.
    pub removed: &'a [u32],
    /// The settings that were right before it: rights are judged by them.
    pub right: &'a ConversationSettings,
    /// The settings after.
    pub settings_after: &'a ConversationSettings,
    /// Whether it changed the settings.
    pub settings_changed: bool,
    /// Its authenticated data; `None` if it does not decode.
    pub data: Option<&'a CommitData>,
    /// The conversation's id, for the statements.
    pub conversation: &'a [u8],
    /// The statements in it that are no ground, and since when devices are in.
    pub spent: &'a Spent,
    /// The faults that are not put right yet.
    pub faults: &'a [FaultRow],
    /// The relay's roster before, where it was another than the tree's.
    pub declared: Option<&'a [DeviceId]>,
    /// The commit that let this device in: what was before, it takes as shown.
    pub joined: EntryNumber,
    /// Who was removed beyond rights and is not back: user and devices.
    pub unmended: &'a [(String, Vec<String>)],
    /// Whose certificates count.
    pub organisation: &'a Organisation,
    /// The revocation list that this device goes by.
    pub revocations: &'a RevocationRegister,
}

/// A verdict. Sound if there is nothing in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    /// Why nothing is encrypted to the conversation until it is right again; all causes.
    pub held: Vec<&'static str>,
    /// Which of these this commit brought about: each proves its author's fault.
    pub proven: Vec<&'static str>,
    /// The members who are in without a right to be.
    pub devices: Vec<String>,
    /// What is shown with its author while sending goes on.
    pub shown: Option<&'static str>,
    /// Who was removed beyond its author's rights: device and user.
    pub wronged: Vec<(DeviceId, UserId)>,
    /// A device that came in for somebody who was removed beyond rights, and is another than the one that was; its user and
    /// their name.
    pub in_place_of_another: Option<(DeviceId, UserId, String)>,
    /// Whom the fault counts against in its author's place: a device that came in again by an approval of before. Whoever
    /// let it in may have come after that.
    pub instead: Option<(DeviceId, UserId, String)>,
    /// The revocation list without which a removal cannot be judged; 0 if there is none such.
    pub list: u64,
    /// When that was, in milliseconds: a lower list that is signed later refutes it.
    pub list_at: u64,
    /// Who was removed by it: device and user.
    pub unlisted: Vec<(DeviceId, UserId)>,
}

/// A leaf that is nobody's.
pub(crate) const STRANGER: &str = "a device in it is not one of your organisation";
/// A device that nobody approved.
pub(crate) const UNAPPROVED: &str = "a device was added that its owner did not approve";
/// A device that was approved once, for an earlier time.
pub(crate) const REUSED: &str = "a device was let in by an approval that was used before";
/// Settings beyond rights.
pub(crate) const SETTINGS: &str = "its settings were changed by someone who may not";
/// Another device in place of one that was removed beyond rights.
pub(crate) const IN_PLACE: &str =
    "a device came in for someone who was removed, and it is not the one that was";
/// A leaf that changed its person.
pub(crate) const SWITCHED: &str = "a device in it changed into another";
/// A removal beyond rights.
pub(crate) const REMOVAL: &str = "removed someone without the right to";
/// A false declaration to the relay.
pub(crate) const DECLARATION: &str = "declared other members to the relay than it made";
/// A device taken out and in again for no reason.
pub(crate) const ANEW: &str = "took a device out and in again without a reason";
/// A removal by a fault that this device cannot have seen.
pub(crate) const EARLIER: &str = "removed someone for something that was before this device came";

/// A removal by a list that is not here.
pub(crate) const UNLISTED: &str =
    "somebody was removed by a list of revoked devices that this device does not have yet";
/// A revoked device that was brought in.
pub(crate) const REVOKED: &str = "let in a device that was revoked";

/// Judges a commit.
pub(crate) fn judge(commit: &Judged<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    // 1. Nobody's leaves, and leaves that turned into another device or person.
    if !commit.after.strangers.is_empty() && !planted("mutant.judge_strangers") {
        verdict.held.push(STRANGER);
    }
    // By the list that its author went by: a strike that came since accuses nobody.
    let new = |index: &u32| {
        (!commit.before.strangers.contains(index) || commit.removed.contains(index))
            && commit.then.strangers.contains(index)
    };
    if commit.after.strangers.iter().any(new) && !planted("mutant.judge_strangers") {
        verdict.proven.push(STRANGER);
    }
    let switched: Vec<&Member> =
        commit.after.members.iter().filter(|after| switched(commit, after)).collect();
    if !switched.is_empty() {
        verdict.held.push(SWITCHED);
        verdict.proven.push(SWITCHED);
    }
    // 2. Devices of people who are in already need an approval by one of their own devices.
    let unapproved: Vec<&Member> = added(commit).filter(|member| !may_join(commit, member)).collect();
    let (reused, others): (Vec<&Member>, Vec<&Member>) =
        unapproved.iter().copied().partition(|member| approved(commit, member, true));
    for (why, devices) in [(REUSED, &reused), (UNAPPROVED, &others)] {
        if !devices.is_empty() {
            verdict.held.push(why);
            verdict.proven.push(why);
        }
    }
    let in_place: Vec<&Member> = added(commit).filter(|member| in_place_of_another(commit, member)).collect();
    if !in_place.is_empty() {
        verdict.held.push(IN_PLACE);
        verdict.in_place_of_another = in_place.first().map(|member| {
            let one = &member.certificate;
            (one.device(), one.user().clone(), one.display_name().to_string())
        });
    }
    verdict.devices = switched.into_iter().chain(unapproved).chain(in_place).map(Member::key).collect();
    verdict.instead = reused.first().map(|member| {
        let certificate = &member.certificate;
        (certificate.device(), certificate.user().clone(), certificate.display_name().to_string())
    });
    // 3. Settings are the keepers'.
    let by = commit.settings_changed.then(|| commit.author.certificate.user());
    let at_fault = settings_at_fault(commit.before, commit.right, commit.settings_after, by);
    if at_fault && !planted("mutant.judge_settings") {
        verdict.held.push(SETTINGS);
        if commit.settings_changed {
            verdict.proven.push(SETTINGS);
        }
    }
    // 4. Removals and the declaration are mended later, not held.
    if !planted("mutant.judge_removals") {
        judge_removals(commit, &mut verdict);
    }
    if verdict.shown.is_none() && brings_revoked(commit) && !planted("mutant.judge_revoked_joins") {
        verdict.shown = Some(REVOKED);
    }
    if verdict.shown.is_none() && !declared(commit) && !planted("mutant.judge_declaration") {
        verdict.shown = Some(DECLARATION);
    }
    verdict
}

/// Whether the settings in force are other than the right ones, and nobody with the right to has set them now.
pub(crate) fn settings_at_fault(
    before: &Roster,
    right: &ConversationSettings,
    after: &ConversationSettings,
    changed_by: Option<&UserId>,
) -> bool {
    right != after && !changed_by.is_some_and(|user| keeps(before, right, user))
}

/// Whether a leaf that stayed in its place now belongs to another device or person, without having been replaced.
fn switched(commit: &Judged<'_>, after: &Member) -> bool {
    let Some(old) = commit.before.members.iter().find(|member| member.index == after.index) else {
        return false;
    };
    let same_person = old.certificate.user() == after.certificate.user();
    let same_device = old.certificate.device() == after.certificate.device();
    // A device that was added anew is the same person's; another person in its id is never a replacement.
    if same_device { !same_person } else { !commit.removed.contains(&after.index) }
}

/// Members after that were not members before.
fn added<'a>(commit: &'a Judged<'a>) -> impl Iterator<Item = &'a Member> {
    commit.after.members.iter().filter(|member| !commit.before.has(member))
}

/// Keepers are named in the settings; with none of them left in it, every member is one.
pub(crate) fn keeps(roster: &Roster, settings: &ConversationSettings, user: &UserId) -> bool {
    let keepers = &settings.keepers;
    let any_left = keepers
        .iter()
        .any(|keeper| roster.members.iter().any(|member| member.certificate.user().as_str() == keeper));
    !any_left || keepers.iter().any(|keeper| keeper == user.as_str())
}

/// Every member adds people; a person's further device comes in with their approval, the one that replaces their only
/// device with another member's confirmation.
fn may_join(commit: &Judged<'_>, member: &Member) -> bool {
    let user = member.certificate.user();
    let own = commit.author.certificate.user() == user;
    if wronged_devices(commit, user)
        .is_some_and(|devices| devices.contains(&member.certificate.device().to_string()))
    {
        return true;
    }
    if !commit.before.has_user(user) || own || planted("mutant.judge_approvals") {
        return true;
    }
    let Some(data) = commit.data else { return false };
    let out = |device: DeviceId| commit.after.device(&device).is_none();
    approved(commit, member, false)
        || data
            .confirmations
            .iter()
            .filter(|statement| !commit.spent.contains(statement))
            .any(|statement| confirms(commit.before, statement, member).is_some_and(out))
}

/// The devices of a person that were removed beyond rights and are not back.
fn wronged_devices<'a>(commit: &'a Judged<'a>, user: &UserId) -> Option<&'a Vec<String>> {
    commit.unmended.iter().find(|(wronged, _)| wronged == user.as_str()).map(|(_, devices)| devices)
}

/// Whether a device came in by somebody else for a person none of whose devices is in because they were removed beyond rights,
/// and is another than those: nobody of theirs could approve it.
fn in_place_of_another(commit: &Judged<'_>, member: &Member) -> bool {
    let user = member.certificate.user();
    let out = !commit.before.has_user(user) && commit.author.certificate.user() != user;
    let device = member.certificate.device().to_string();
    out && wronged_devices(commit, user).is_some_and(|devices| !devices.contains(&device))
}

/// Whether it carries an approval of this member; `spent`: one that was used before.
fn approved(commit: &Judged<'_>, member: &Member, spent: bool) -> bool {
    let approvals = commit.data.map_or(&[][..], |data| &data.approvals);
    let mut of_kind = approvals.iter().filter(|statement| commit.spent.contains(statement) == spent);
    of_kind.any(|statement| approves(commit.before, statement, member))
}

/// Whether it lets in a device that the list names by which its author went: a list that came later accuses nobody.
fn brings_revoked(commit: &Judged<'_>) -> bool {
    let knew = commit.data.is_some_and(|data| data.revocation_list_number >= commit.revocations.number());
    let came = |member: &&Member| !commit.before.has(member) || commit.removed.contains(&member.index);
    let mut came = commit.after.members.iter().filter(came);
    knew && came.any(|member| is_out(commit.revocations, &member.certificate.device()))
}

/// Judges whom it took out, each by the ground that it carries.
fn judge_removals(commit: &Judged<'_>, verdict: &mut Verdict) {
    for member in commit.before.members.iter().filter(|member| commit.removed.contains(&member.index)) {
        let anew = commit.after.has(member);
        match (may_remove(commit, member, anew), anew) {
            (Ruling::Right, _) | (Ruling::Over | Ruling::Ended, true) => {}
            // Who saw it go while it was on hold takes a further device of a person only with their approval.
            (Ruling::Ended, false)
                if commit.after.has_user(member.certificate.user())
                    && !planted("mutant.ended_adds_further") => {}
            // Nobody is accused: it was right when it was made, and is over.
            (Ruling::Over | Ruling::Ended, false) => verdict.wronged.push(who(member)),
            (Ruling::Unlisted(list), false) => {
                verdict.held.extend((verdict.list == 0).then_some(UNLISTED));
                verdict.list = verdict.list.max(list);
                verdict.unlisted.push(who(member));
            }
            (Ruling::Unknown, true) => verdict.shown = verdict.shown.or(Some(EARLIER)),
            // Nobody is accused, and nobody stays out by something that nobody here can look at.
            (Ruling::Unknown, false) => {
                verdict.shown = verdict.shown.or(Some(EARLIER));
                if !planted("mutant.judge_earlier") {
                    verdict.wronged.push(who(member));
                }
            }
            (Ruling::Wrong | Ruling::Unlisted(_), true) => verdict.shown = verdict.shown.or(Some(ANEW)),
            (Ruling::Wrong, false) => {
                verdict.shown = Some(REMOVAL);
                verdict.wronged.push(who(member));
            }
        }
    }
}

fn who(member: &Member) -> (DeviceId, UserId) {
    (member.certificate.device(), member.certificate.user().clone())
}

/// Whether the author told the relay the truth about who is in.
fn declared(commit: &Judged<'_>) -> bool {
    commit.data.is_some_and(|data| data.roster_sha256.as_ref() == commit.then.digest().as_bytes().as_slice())
}

#[cfg(test)]
#[path = "judge_test.rs"]
mod tests;
