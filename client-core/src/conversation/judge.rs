//! Merge, then judge (design 4.3): what a commit that was merged did to the conversation.
//!
//! A commit that MLS can process is always merged, so that all members stay in one epoch. Then the newest roster
//! is judged, by the commit, the settings before it and the statements carried in it alone, so that all honest
//! members come to the same verdict. A *held* conversation gets nothing encrypted until it is right again; all
//! else is shown with its author.

use prost::Message as _;
use wardline_identity::{StatementLabel, UserId};
use wardline_proto::{
    DeviceId, Digest,
    content::ConversationSettings,
    relay::{CommitData, DeviceApproval, Leave, RemovalGround, SignedStatement, removal_ground::Ground},
};

use super::roster::{Member, Roster};

/// What a commit did, as far as judging needs it.
pub(crate) struct Judged<'a> {
    /// Who made it, in the roster before.
    pub author: &'a Member,
    /// The roster before.
    pub before: &'a Roster,
    /// The roster after.
    pub after: &'a Roster,
    /// The settings before.
    pub settings_before: &'a ConversationSettings,
    /// The settings after.
    pub settings_after: &'a ConversationSettings,
    /// Its authenticated data; `None` if it does not decode.
    pub data: Option<&'a CommitData>,
    /// The conversation's id, for the statements.
    pub conversation: &'a [u8],
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to object to.
    Sound,
    /// Shown with its author; sending goes on.
    Shown(&'static str),
    /// Nothing is encrypted to the conversation until it is right again.
    Held(&'static str),
}

/// A leaf that is nobody's.
pub(crate) const STRANGER: &str = "a device in it is not one of your organisation";
/// A device that nobody approved.
pub(crate) const UNAPPROVED: &str = "a device was added that its owner did not approve";
/// Settings beyond rights.
pub(crate) const SETTINGS: &str = "its settings were changed by someone who may not";
/// A removal beyond rights.
pub(crate) const REMOVAL: &str = "removed someone without the right to";
/// A false declaration to the relay.
pub(crate) const DECLARATION: &str = "declared other members to the relay than it made";
/// A leaf that changed its person.
pub(crate) const SWITCHED: &str = "a device in it changed into another";

/// Judges a commit.
pub(crate) fn judge(commit: &Judged<'_>) -> Verdict {
    // 1. Nobody's leaves, and leaves that turned into another device.
    if !commit.after.strangers.is_empty() {
        return Verdict::Held(STRANGER);
    }
    if commit.after.members.iter().any(|after| switched(commit.before, after, commit.data)) {
        return Verdict::Held(SWITCHED);
    }
    // 2. Devices of people who are in already need an approval by one of their own devices.
    if added(commit).any(|member| !may_join(commit, member)) {
        return Verdict::Held(UNAPPROVED);
    }
    // 3. Settings are the keepers'.
    if commit.settings_before != commit.settings_after && !is_keeper(commit, commit.author.certificate.user())
    {
        return Verdict::Held(SETTINGS);
    }
    // 4. Removals and the declaration are mended later, not held.
    if removed(commit).any(|member| !may_remove(commit, member)) {
        return Verdict::Shown(REMOVAL);
    }
    if !declared(commit) {
        return Verdict::Shown(DECLARATION);
    }
    Verdict::Sound
}

/// Whether a leaf that stayed in its place now belongs to another device, without having been replaced.
fn switched(before: &Roster, after: &Member, data: Option<&CommitData>) -> bool {
    let Some(old) = before.members.iter().find(|member| member.index == after.index) else { return false };
    let left = data.is_some_and(|data| {
        data.leaves.iter().any(|leaf| leaf.as_ref() == old.certificate.device().as_bytes().as_slice())
    });
    old.certificate.device() != after.certificate.device() && !left
}

/// Members after that were not members before.
fn added<'a>(commit: &'a Judged<'a>) -> impl Iterator<Item = &'a Member> {
    commit.after.members.iter().filter(|member| commit.before.device(&member.certificate.device()).is_none())
}

/// Members before that are not members after.
fn removed<'a>(commit: &'a Judged<'a>) -> impl Iterator<Item = &'a Member> {
    commit.before.members.iter().filter(|member| commit.after.device(&member.certificate.device()).is_none())
}

/// Keepers are named in the settings; with none of them left in it, every member is one.
fn is_keeper(commit: &Judged<'_>, user: &UserId) -> bool {
    let keepers = &commit.settings_before.keepers;
    let any_left = keepers.iter().any(|keeper| {
        commit.before.members.iter().any(|member| member.certificate.user().as_str() == keeper)
    });
    !any_left || keepers.iter().any(|keeper| keeper == user.as_str())
}

/// Every member adds people; a person's further device comes in with their approval.
fn may_join(commit: &Judged<'_>, member: &Member) -> bool {
    let user = member.certificate.user();
    if !commit.before.has_user(user) || commit.author.certificate.user() == user {
        return true;
    }
    let approvals = commit.data.map_or(&[][..], |data| data.approvals.as_slice());
    approvals.iter().any(|statement| approves(commit.before, statement, member))
}

/// Whether a statement is the approval of `member` by another device of the same person.
fn approves(before: &Roster, statement: &SignedStatement, member: &Member) -> bool {
    let Some(signer) = signer_of(before, statement) else { return false };
    let Ok(body) = signer.certificate.verify_statement(StatementLabel::DeviceApproval, statement) else {
        return false;
    };
    DeviceApproval::decode(body.as_ref()).is_ok_and(|approval| {
        signer.certificate.user() == member.certificate.user()
            && approval.device_id.as_ref() == member.certificate.device().as_bytes().as_slice()
            && approval.certificate_sha256.as_ref() == member.certificate.fingerprint().as_bytes().as_slice()
    })
}

/// The member before who signed a statement.
fn signer_of<'a>(before: &'a Roster, statement: &SignedStatement) -> Option<&'a Member> {
    before.fingerprint(&Digest::try_from(&statement.signer).ok()?)
}

/// A removal needs its ground.
fn may_remove(commit: &Judged<'_>, member: &Member) -> bool {
    let Some(data) = commit.data else { return false };
    let device: DeviceId = member.certificate.device();
    let at = data.leaves.iter().position(|leaf| leaf.as_ref() == device.as_bytes().as_slice());
    let Some(RemovalGround { ground: Some(ground) }) = at.and_then(|at| data.grounds.get(at)) else {
        return false;
    };
    match ground {
        Ground::Keeper(_) => is_keeper(commit, commit.author.certificate.user()),
        Ground::OwnDevice(_) => commit.author.certificate.user() == member.certificate.user(),
        Ground::Leave(statement) => left(commit, statement, member),
        // No revocation list and no proof of faults exists yet: neither is a ground.
        Ground::RevocationListNumber(_) | Ground::FaultEntryNumber(_) => false,
    }
}

/// Whether the person said that they leave this conversation.
fn left(commit: &Judged<'_>, statement: &SignedStatement, member: &Member) -> bool {
    let Some(signer) = signer_of(commit.before, statement) else { return false };
    let Ok(body) = signer.certificate.verify_statement(StatementLabel::Leave, statement) else {
        return false;
    };
    Leave::decode(body.as_ref()).is_ok_and(|leave| {
        signer.certificate.user() == member.certificate.user()
            && leave.conversation_id.as_ref() == commit.conversation
            && leave.user_id == member.certificate.user().as_str()
    })
}

/// Whether the author told the relay the truth about who is in.
fn declared(commit: &Judged<'_>) -> bool {
    commit.data.is_some_and(|data| data.roster_sha256.as_ref() == commit.after.digest().as_bytes().as_slice())
}
