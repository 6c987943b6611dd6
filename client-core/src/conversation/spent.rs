//! Statements that a commit carries and that are no ground: carried out before, said before their device came (again), not
//! true of the log, or of a device that nobody invited. Whoever was there can tell; who came later takes them as said.

use std::collections::HashMap;

use wardline_identity::{Organisation, StatementLabel};
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber,
    fault::planted,
    relay::{CommitData, DeviceApproval, Leave, OutOfStep, SignedStatement, removal_ground::Ground},
};

use super::{
    add_anew::holds,
    grounds::{invited, leaving, out_of_step},
    receive::decode,
    roster::{Member, Roster},
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::ConversationRow,
            spent_statements,
            stays::{self, Stay},
        },
    },
};

/// What is known of a log before a commit of it is judged.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// Digests of statements that are no ground.
    pub statements: Vec<Digest>,
    /// Since when devices are in, as far as this device saw them come.
    pub stays: HashMap<DeviceId, Stay>,
}

impl Spent {
    /// Whether a statement is no ground.
    pub(crate) fn contains(&self, statement: &SignedStatement) -> bool {
        self.statements.contains(&Digest::of(&statement.body))
    }
}

/// Which of a commit's statements are no ground, in the roster before it.
pub(crate) async fn spent(
    tx: &mut Transaction<'_>,
    (organisation, row): (&Organisation, &ConversationRow),
    before: &Roster,
    data: Option<&CommitData>,
) -> Result<Spent, CoreError> {
    let mut spent = Spent { statements: Vec::new(), stays: stays::load(tx, &row.conversation).await? };
    let Some(data) = data else { return Ok(spent) };
    for ground in &data.grounds {
        let is_spent = match &ground.ground {
            Some(Ground::Leave(statement)) => {
                leave_is_spent(tx, &row.conversation, (before, &spent.stays), statement).await?
            }
            Some(Ground::OutOfStep(statement)) => {
                let signer = out_of_step(before, statement, row.conversation.as_bytes());
                match signer {
                    Some(signer) => !report_holds(tx, row, (&spent.stays, signer), statement).await?,
                    None => true,
                }
            }
            Some(Ground::Replaced(statement)) => !invited(organisation, before, statement),
            _ => false,
        };
        let statement = match &ground.ground {
            Some(Ground::Leave(said) | Ground::OutOfStep(said) | Ground::Replaced(said)) if is_spent => said,
            _ => continue,
        };
        spent.statements.push(Digest::of(&statement.body));
    }
    let uninvited = data.confirmations.iter().filter(|said| !invited(organisation, before, said));
    spent.statements.extend(uninvited.map(|said| Digest::of(&said.body)));
    for approval in &data.approvals {
        if approval_is_spent(tx, &row.conversation, approval).await? {
            spent.statements.push(Digest::of(&approval.body));
        }
    }
    Ok(spent)
}

/// Whether a leave was carried out before, or said before its person came back.
pub(crate) async fn leave_is_spent(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    (roster, stays): (&Roster, &HashMap<DeviceId, Stay>),
    statement: &SignedStatement,
) -> Result<bool, CoreError> {
    if spent_statements::contains(tx, conversation, &Digest::of(&statement.body)).await? {
        return Ok(true);
    }
    let Some(signer) = leaving(roster, statement, conversation.as_bytes()) else { return Ok(false) };
    let Some(leave) = said::<Leave>(signer, StatementLabel::Leave, statement) else { return Ok(false) };
    Ok(said_before(stays, &signer.certificate.device(), &leave))
}

/// Whether a leave was said before the device that signed it came, as far as this device saw it come: it is of an earlier stay.
pub(crate) fn said_before(stays: &HashMap<DeviceId, Stay>, device: &DeviceId, leave: &Leave) -> bool {
    let came = stays.get(device).map_or(EntryNumber::ZERO, |stay| stay.came);
    leave.seen_number < came.get() && !planted("mutant.old_leaves")
}

/// Whether an approval has let its device in before: whatever became of the device since, it was not meant for that.
pub(crate) async fn approval_is_spent(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    statement: &SignedStatement,
) -> Result<bool, CoreError> {
    let spent = spent_statements::contains(tx, conversation, &Digest::of(&statement.body)).await?;
    Ok(spent && !planted("mutant.old_approvals"))
}

/// Whether a report is true, and of a commit since which its device was not let in anew: it says that once.
pub(crate) async fn report_holds(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    (stays, signer): (&HashMap<DeviceId, Stay>, &Member),
    statement: &SignedStatement,
) -> Result<bool, CoreError> {
    let Some(report) = decode::<OutOfStep>(&statement.body) else { return Ok(false) };
    let joined = stays.get(&signer.certificate.device()).map_or(EntryNumber::ZERO, |stay| stay.joined);
    if report.number < joined.get() && !planted("mutant.old_reports") {
        return Ok(false);
    }
    holds(tx, row, &report).await
}

fn said<S: prost::Message + Default>(
    signer: &Member,
    label: StatementLabel,
    statement: &SignedStatement,
) -> Option<S> {
    decode(&signer.certificate.verify_statement(label, statement).ok()?)
}

/// Notes what a merged commit has carried out, and who is in since when.
pub(crate) async fn carried_out(
    tx: &mut Transaction<'_>,
    (conversation, number): (&ConversationId, EntryNumber),
    data: Option<&CommitData>,
    moved: &Moved,
) -> Result<(), CoreError> {
    for device in &moved.out {
        stays::delete(tx, conversation, device).await?;
    }
    for device in &moved.came {
        stays::insert(tx, conversation, device, Stay { came: number, joined: number }).await?;
    }
    for device in &moved.anew {
        stays::joined(tx, conversation, device, number).await?;
    }
    let Some(data) = data else { return Ok(()) };
    // Only what it did: who carries another's statement beside does not use it up.
    let leaves = data.leaves.iter().zip(&data.grounds).filter_map(|(leaf, ground)| match &ground.ground {
        Some(Ground::Leave(statement)) if moved.out.iter().any(|out| out.to_wire() == *leaf) => {
            Some(statement)
        }
        _ => None,
    });
    let approvals = data.approvals.iter().filter(|statement| {
        let approved = decode::<DeviceApproval>(&statement.body).map(|approval| approval.device_id);
        approved.is_some_and(|device| moved.came.iter().any(|came| came.to_wire() == device))
    });
    for statement in leaves.chain(approvals) {
        spent_statements::insert(tx, conversation, &Digest::of(&statement.body)).await?;
    }
    Ok(())
}

/// Which devices a commit moved, as the tree shows.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// In now, and not before.
    pub came: Vec<DeviceId>,
    /// Out and in again.
    pub anew: Vec<DeviceId>,
    /// Out now.
    pub out: Vec<DeviceId>,
}

impl Moved {
    /// What moved between two rosters; `removed`: the leaves that were taken out.
    pub(crate) fn between(before: &Roster, after: &Roster, removed: &[u32]) -> Self {
        let ids = |from: &Roster, keep: &dyn Fn(&Member) -> bool| -> Vec<DeviceId> {
            let kept = from.members.iter().filter(|member| keep(member));
            kept.map(|member| member.certificate.device()).collect()
        };
        let in_both = |member: &Member| after.device(&member.certificate.device()).is_some();
        Self {
            came: ids(after, &|member| before.device(&member.certificate.device()).is_none()),
            anew: ids(before, &|member| in_both(member) && removed.contains(&member.index)),
            out: ids(before, &|member| !in_both(member)),
        }
    }
}
