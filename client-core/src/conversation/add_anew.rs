//! Adding devices anew that cannot follow a commit of the log: one commit takes them out and in again. The relay asks for
//! it; each device's own signed report is the ground, checked as if it came from nobody.

use wardline_proto::{
    ConversationId, Digest, EntryNumber,
    relay::{CommitData, OutOfStep, RemovalGround, SignedStatement, removal_ground::Ground},
};

use super::{
    core::Core,
    grounds::out_of_step,
    receive::decode,
    roster::{Member, Roster},
};
use crate::{
    error::CoreError,
    vault::tables::{
        commits,
        conversations::{self, ConversationRow, Standing},
    },
};

/// The members to take out and in again, each with its ground; none whose report does not hold. To be removed only
/// together with a package that adds the same device.
pub(crate) async fn add_anew(
    core: &mut Core,
    conversation: &ConversationId,
    reports: &[Vec<u8>],
) -> Result<Vec<(Member, RemovalGround)>, CoreError> {
    let mut tx = core.vault.begin("add_anew").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    let Some(row) = row.filter(|row| row.standing == Standing::Active) else { return Ok(Vec::new()) };
    let mut held: Vec<(SignedStatement, OutOfStep)> = Vec::new();
    for statement in reports.iter().filter_map(|report| decode::<SignedStatement>(report)) {
        let Some(report) = decode::<OutOfStep>(&statement.body) else { continue };
        if holds(&mut tx, &row, &report).await? {
            held.push((statement, report));
        }
    }
    tx.commit().await?;
    if !core.load_group(conversation).await? {
        return Ok(Vec::new());
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(Vec::new()) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let own = core.device.id();
    let mut anew: Vec<(Member, RemovalGround)> = Vec::new();
    for (statement, _) in held {
        let Some(member) = out_of_step(&roster, &statement, conversation.as_bytes()) else { continue };
        let device = member.certificate.device();
        if device != own && !anew.iter().any(|(other, _)| other.certificate.device() == device) {
            anew.push((member.clone(), RemovalGround { ground: Some(Ground::OutOfStep(statement)) }));
        }
    }
    Ok(anew)
}

/// Whether what a report says of the log is true: this device has followed the entry it names, and it is that one. What
/// was before this device came, or is too long ago, is taken as said: the device stays in, whoever lies.
pub(crate) async fn holds(
    tx: &mut crate::vault::Transaction<'_>,
    row: &ConversationRow,
    report: &OutOfStep,
) -> Result<bool, CoreError> {
    let number = EntryNumber::new(report.number);
    if report.conversation_id.as_ref() != row.conversation.as_bytes().as_slice() || number > row.cursor {
        return Ok(false);
    }
    let merged = commits::find(tx, &row.conversation, number).await?;
    Ok(match merged {
        Some(commit) => report.commit_sha256.as_ref() == commit.digest.as_bytes().as_slice(),
        None => number <= row.joined || !commits::any_before(tx, &row.conversation, number).await?,
    })
}

/// The first entry that devices which a commit adds anew could not follow, if it adds any: what this device said from
/// there on they have not read.
pub(crate) fn unread_from(data: &CommitData) -> Option<EntryNumber> {
    let number = |ground: &RemovalGround| match &ground.ground {
        Some(Ground::OutOfStep(statement)) => Some(decode::<OutOfStep>(&statement.body)?.number),
        _ => None,
    };
    data.grounds.iter().filter_map(number).min().map(EntryNumber::new)
}

/// The digests of the reports that a commit answers.
pub(crate) fn reports_named(data: &CommitData) -> Vec<Digest> {
    let report = |ground: &RemovalGround| match &ground.ground {
        Some(Ground::OutOfStep(statement)) => Some(Digest::of(&statement.body)),
        _ => None,
    };
    data.grounds.iter().filter_map(report).collect()
}
