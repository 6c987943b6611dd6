//! Staging a commit: the MLS commit, its declaration to the relay and its outbox row, in one step, before it is
//! sent.

use wardline_identity::{DateCheck, DeviceCertificate, Organisation, RevocationRegister, StatementLabel};
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, Epoch,
    content::ConversationSettings,
    fault,
    relay::{
        AuthenticatedData, CommitAuthor, CommitData, RemovalGround, SignedStatement,
        authenticated_data::Kind, removal_ground::Ground,
    },
    roster_digest,
};

use super::{
    core::{Core, Device},
    event::describe,
    hold::Hold,
    lies,
    receive::encode,
    revoked,
    roster::{Member, Roster},
    voice::Voice,
};
use crate::{
    error::CoreError,
    mls::{CommitPlan, Group, Identity, LogPosition, VerifiedKeyPackage},
    vault::{
        mls_rows::Scope,
        tables::{
            conversations::{self, ConversationRow},
            declared_rosters,
            pending_commits::{self, PendingCommit},
        },
    },
};

/// What a commit is to do.
#[derive(Default)]
pub(crate) struct Change {
    /// Packages to add, with the certificates they were checked against.
    pub adds: Vec<(VerifiedKeyPackage, DeviceCertificate)>,
    /// Members to remove, each with its ground.
    pub removes: Vec<(Member, RemovalGround)>,
    /// Leaves to remove that are nobody's.
    pub strangers: Vec<u32>,
    /// New settings.
    pub settings: Option<ConversationSettings>,
    /// Approvals of added devices.
    pub approvals: Vec<SignedStatement>,
    /// Confirmations of added devices.
    pub confirmations: Vec<SignedStatement>,
    /// The entry that it puts right; 0 if none.
    pub corrects: EntryNumber,
}

/// What staging came to.
pub(crate) enum Staged {
    /// Stored, to be sent.
    Ready(PendingCommit),
    /// There is one under way already.
    UnderWay(PendingCommit),
    /// The epoch that the change was planned in is over: it has to be planned anew.
    Stale,
}

/// Stages a commit for a wish and stores it. The state was given up since the change was planned: another's commit
/// may have come in between, and what was missing, whose leaf is whose and which settings count is then another.
pub(crate) async fn stage(
    core: &mut Core,
    (conversation, planned_in): (ConversationId, Epoch),
    intent: i64,
    change: Change,
) -> Result<Staged, CoreError> {
    // By a list of revoked devices that has outlived its life nothing is made.
    if revoked::outlived(core).is_some() && !fault::planted("mutant.commit_to_revoked") {
        return Ok(Staged::Stale);
    }
    let outcome = stage_step(core, (conversation, planned_in), intent, change).await;
    if outcome.is_err() {
        core.forget(&conversation);
    }
    outcome
}

async fn stage_step(
    core: &mut Core,
    (conversation, planned_in): (ConversationId, Epoch),
    intent: i64,
    change: Change,
) -> Result<Staged, CoreError> {
    if !core.load_group(&conversation).await? {
        return Err(CoreError::Protocol("was asked about a conversation that is not open"));
    }
    let mut tx = core.vault.begin("stage_commit").await?;
    if let Some(pending) = pending_commits::find(&mut tx, &conversation).await? {
        return Ok(Staged::UnderWay(pending));
    }
    let closed = || CoreError::Protocol("was asked about a conversation that is not open");
    let row = conversations::load(&mut tx, &conversation).await?.ok_or_else(closed)?;
    let group = core.groups.get_mut(&conversation).ok_or_else(closed)?;
    if group.epoch() != planned_in {
        return Ok(Staged::Stale);
    }

    // 1. What it declares to the relay and the members.
    let hold = row.held.as_deref().map(Hold::parse);
    let leaves = group.roster();
    let before = Hold::read(hold.as_ref(), &core.device.organisation, &leaves, &leaves);
    let settings_before = group.settings();
    let after = after(&before, &change);
    // Another list may have come in between: it is planned anew, by the one that there is.
    if !is_good((&core.device.organisation, &core.revocations), &after, &change) {
        return Ok(Staged::Stale);
    }
    let known = declared_rosters::load(&mut tx, &conversation).await?;
    let mut data = declaration(
        &row,
        known.map(|known| known.devices),
        (&before, &after),
        (
            &change,
            (core.revocations.number(), core.revocations.policy().number),
            core.device.organisation.issuers_number(),
        ),
    );
    if fault::planted("member.add_uncertified") {
        core.store.load_within(&mut tx, Scope::Device).await?;
    }
    let lie = lies::tell(&core.store, &core.device, row.suite, (&mut data, &before));

    // 2. The commit.
    let epoch = group.epoch();
    let plan = CommitPlan {
        removes: leaves_out(&change, &lie),
        adds: change.adds.into_iter().map(|(package, _)| package).chain(lie.adds).collect(),
        settings: change.settings.clone(),
        certificate: lie.certificate,
        aad: encode(&AuthenticatedData { kind: Some(Kind::Commit(data)) }),
        position: LogPosition { number: row.cursor, chain_hash: row.chain },
    };
    let (voice, next) = voices(&core.device, group, &plan);
    let mut messages = group.commit_with(&core.store, (&voice.identity(), next.as_ref()), plan)?;
    lies::make_worthless(&mut messages.commit);
    if fault::planted("mutant.merge_early") {
        group.merge_pending(&core.store)?;
    }

    // 3. Its row.
    let sha256 = Digest::of(&messages.commit);
    let settings_after = change.settings.as_ref().unwrap_or(&settings_before);
    let author = core.device.certificate.display_name().to_string();
    let pending = PendingCommit {
        conversation,
        intent,
        epoch,
        sha256,
        author: encode(&author_statement(&voice, &conversation, epoch.get(), &sha256)),
        commit: messages.commit,
        welcome: messages.welcome.filter(|_| !lie.hides_welcome),
        event: describe(&author, &before, &after, (&settings_before, settings_after)),
    };
    pending_commits::insert(&mut tx, &pending).await?;
    Core::finish(&core.store, tx).await?;
    Ok(Staged::Ready(pending))
}

/// The leaves that go.
fn leaves_out(change: &Change, lie: &lies::Lie) -> Vec<u32> {
    let members = change.removes.iter().map(|(member, _)| member.index);
    members.chain(change.strangers.iter().copied()).filter(|_| !lie.keeps_removed).collect()
}

/// By which key a commit is made, and the one that the leaf has after it, if that is another.
fn voices<'a>(device: &'a Device, group: &Group, plan: &CommitPlan) -> (Voice<'a>, Option<Identity<'a>>) {
    let next = device.next_voice(group).filter(|_| plan.certificate.is_none());
    (device.voice_in(Some(group)), next.map(|next| next.identity()))
}

/// Whether nobody is in by it who is revoked or on hold, and nobody comes in whose certificate is no longer good.
fn is_good(
    (organisation, revocations): (&Organisation, &RevocationRegister),
    after: &Roster,
    change: &Change,
) -> bool {
    let nobody_out =
        revoked::out(revocations, after).is_empty() || fault::planted("mutant.commit_to_revoked");
    let good = |(_, one): &(VerifiedKeyPackage, DeviceCertificate)| {
        organisation.verify_device(one.der(), DateCheck::Skip).is_ok()
    };
    nobody_out && (change.adds.iter().all(good) || fault::planted("mutant.submit_struck"))
}

/// The roster that the change makes.
fn after(before: &Roster, change: &Change) -> Roster {
    let goes = |member: &Member| change.removes.iter().any(|(gone, _)| gone.index == member.index);
    let mut members: Vec<Member> = before.members.iter().filter(|one| !goes(one)).cloned().collect();
    let come = change.adds.iter().map(|(_, certificate)| certificate.clone());
    members.extend(come.map(|certificate| Member { index: u32::MAX, certificate }));
    Roster { members, strangers: Vec::new() }
}

/// Joins, leaves with their grounds, and the roster that results; ids ascending. What leaves is what the relay holds to be
/// in, which is another roster than the tree's where somebody declared it falsely.
fn declaration(
    row: &ConversationRow,
    known: Option<Vec<DeviceId>>,
    (before, after): (&Roster, &Roster),
    (change, (list, policy_number), issuers): (&Change, (u64, u64), u64),
) -> CommitData {
    let devices = |roster: &Roster| -> Vec<DeviceId> {
        roster.members.iter().map(|member| member.certificate.device()).collect()
    };
    let known = known.unwrap_or_else(|| devices(before));
    let mut joins: Vec<DeviceId> = change.adds.iter().map(|(_, certificate)| certificate.device()).collect();
    joins.sort_unstable();
    let roster = devices(after);
    let leaves = |device: &DeviceId| !roster.contains(device) || joins.contains(device);
    let mut leaves: Vec<DeviceId> = known.into_iter().filter(leaves).collect();
    leaves.sort_unstable();
    let ground = |device: &DeviceId| {
        let removed = change.removes.iter().find(|(member, _)| member.certificate.device() == *device);
        let corrects = || RemovalGround { ground: Some(Ground::FaultEntryNumber(change.corrects.get())) };
        removed.map_or_else(corrects, |(_, ground)| ground.clone())
    };
    CommitData {
        roster_sha256: roster_digest(roster.iter().copied()).to_wire(),
        joins: joins.iter().map(|device| device.to_wire()).collect(),
        grounds: leaves.iter().map(ground).collect(),
        leaves: leaves.iter().map(|device| device.to_wire()).collect(),
        seen_number: row.cursor.get(),
        seen_hash: row.chain.digest().to_wire(),
        revocation_list_number: list,
        policy_number,
        approvals: change.approvals.clone(),
        confirmations: change.confirmations.clone(),
        corrects_number: change.corrects.get(),
        issuers_list_number: issuers,
    }
}

/// The author's signature that travels beside a commit: by the leaf that it has before.
fn author_statement(
    voice: &Voice<'_>,
    conversation: &ConversationId,
    epoch: u64,
    sha256: &Digest,
) -> SignedStatement {
    let said =
        CommitAuthor { conversation_id: conversation.to_wire(), epoch, commit_sha256: sha256.to_wire() };
    voice.sign(StatementLabel::CommitAuthor, &said)
}
