//! Adding devices anew that cannot follow a commit of the log: one commit takes them out and in again. The relay asks for
//! it; each device's own signed report is the ground, checked as if it came from nobody.

use wardline_proto::{
    ConversationId, DeviceId, EntryNumber,
    fault::planted,
    relay::{CommitData, OutOfStep, RemovalGround, SignedStatement, removal_ground::Ground},
};

use super::{
    core::Core,
    grounds::out_of_step,
    receive::decode,
    roster::{Member, Roster},
    spent::{Spent, report_holds},
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            commits,
            conversations::{self, ConversationRow, Standing},
            stays,
        },
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
    let stays = stays::load(&mut tx, conversation).await?;
    tx.commit().await?;
    if !core.load_group(conversation).await? {
        return Ok(Vec::new());
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(Vec::new()) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let own = core.device.id();
    let mut tx = core.vault.begin("look_at_reports").await?;
    let mut anew: Vec<(Member, RemovalGround)> = Vec::new();
    for statement in reports.iter().filter_map(|report| decode::<SignedStatement>(report)) {
        let Some(member) = out_of_step(&roster, &statement, conversation.as_bytes()) else { continue };
        let device = member.certificate.device();
        let known = anew.iter().any(|(other, _)| other.certificate.device() == device);
        if device != own && !known && report_holds(&mut tx, &row, (&stays, member), &statement).await? {
            anew.push((member.clone(), RemovalGround { ground: Some(Ground::OutOfStep(statement)) }));
        }
    }
    tx.commit().await?;
    Ok(anew)
}

/// Whether what a report says of the log is true: this device has followed the entry it names, and it is that one. What
/// was before this device came, or is too long ago, is taken as said: the device stays in, whoever lies.
pub(crate) async fn holds(
    tx: &mut Transaction<'_>,
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
/// there on they have not read. Only a report that is a ground counts, of the device that it takes out and in: a bare word
/// makes nobody say everything again.
pub(crate) fn unread_from(
    data: &CommitData,
    (before, conversation): (&Roster, &ConversationId),
    spent: &Spent,
) -> Option<EntryNumber> {
    let number = |(leaf, ground): (&bytes::Bytes, &RemovalGround)| {
        let Some(Ground::OutOfStep(statement)) = &ground.ground else { return None };
        let number = decode::<OutOfStep>(&statement.body)?.number;
        let signer = out_of_step(before, statement, conversation.as_bytes());
        let its = signer.is_some_and(|signer| signer.certificate.device().to_wire() == *leaf);
        let is_ground = its && data.joins.contains(leaf) && !spent.contains(statement);
        (is_ground || planted("mutant.any_report")).then_some(number)
    };
    data.leaves.iter().zip(&data.grounds).filter_map(number).min().map(EntryNumber::new)
}

/// The entry from which on the relay sent nothing more to devices that a commit adds anew, if it does: members that it did not
/// hold to be in, because somebody had declared it so.
pub(crate) fn cut_off_from(
    data: &CommitData,
    before: &Roster,
    (known, since): (Option<&[DeviceId]>, EntryNumber),
) -> Option<EntryNumber> {
    let known = known.filter(|_| !planted("mutant.cut_off_unread"))?;
    let cut_off = |device: &DeviceId| !known.contains(device) && data.joins.contains(&device.to_wire());
    let anew = before.members.iter().any(|member| cut_off(&member.certificate.device()));
    anew.then_some(since)
}
