//! What a commit settles: the tasks that it shows done end with it.

use std::collections::BTreeSet;

use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis};

use super::{MembershipStorage, Task, TaskKind, put_out::refuted};
use crate::store::StoreError;

/// A commit that is in the log.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its number.
    pub number: EntryNumber,
    /// Who made it.
    pub author: DeviceId,
    /// What it goes on from.
    pub predecessor: Option<ConversationId>,
    /// Who went out; one that came in anew is among them.
    pub leaves: &'a [DeviceId],
    /// Who came in.
    pub joins: &'a [DeviceId],
    /// Who is in now.
    pub roster: &'a BTreeSet<DeviceId>,
    /// When.
    pub at: UtcMillis,
}

/// Ends what the commit did, whoever asked for it.
///
/// # Errors
/// Only those of the store.
pub async fn settle<S: MembershipStorage>(storage: &mut S, commit: &Settled<'_>) -> Result<(), StoreError> {
    // Who came in anew follows again; one who was put out is heard on, unless others have followed.
    if !commit.joins.is_empty() {
        storage.answer_reports(commit.conversation, commit.joins).await?;
    }
    let tasks = storage.tasks(commit.conversation).await?;
    if tasks.iter().any(|task| matches!(task.kind, TaskKind::AddAnew { .. }))
        && let Some(circle) = storage.circle(commit.conversation).await?
    {
        storage.drop_reports(commit.conversation, &refuted(&circle, commit.at)).await?;
    }
    for task in storage.tasks(commit.conversation).await? {
        if is_done(storage, commit, &task).await? {
            storage.drop_task(commit.conversation, &task.kind).await?;
        }
    }
    owe_confirmation(storage, commit).await?;
    if !(commit.leaves.is_empty() && commit.joins.is_empty()) {
        storage.settle_replacements(commit.conversation).await?;
    }
    // Somebody beside its maker is in: the successor stands.
    if let Some(predecessor) = commit.predecessor
        && commit.roster.len() > 1
    {
        for task in storage.tasks(predecessor).await? {
            if matches!(task.kind, TaskKind::Succeed { .. }) {
                storage.drop_task(predecessor, &task.kind).await?;
            }
        }
        storage.left_out(predecessor, commit.conversation, commit.at).await?;
    }
    Ok(())
}

/// Asks a second member to confirm what a list named, if there is one beside the author: where two were, it stays reported.
async fn owe_confirmation<S: MembershipStorage>(
    storage: &mut S,
    commit: &Settled<'_>,
) -> Result<(), StoreError> {
    let alone = commit.roster.iter().all(|device| *device == commit.author || commit.joins.contains(device));
    if commit.leaves.is_empty() || alone {
        return Ok(());
    }
    if storage.closed_by(commit.conversation, commit.number).await?.is_some() {
        let kind = TaskKind::Confirm { number: commit.number, author: commit.author };
        storage.keep_task(&Task { conversation: commit.conversation, kind, made_at: commit.at }).await?;
    }
    Ok(())
}

async fn is_done<S: MembershipStorage>(
    storage: &mut S,
    commit: &Settled<'_>,
    task: &Task,
) -> Result<bool, StoreError> {
    match &task.kind {
        TaskKind::LetGo { user, .. } => Ok(storage.devices_of(commit.conversation, user).await?.is_empty()),
        TaskKind::AddDevice { device, .. } | TaskKind::LetBack { device, .. } => {
            Ok(commit.roster.contains(device))
        }
        TaskKind::AddAnew { number } => Ok(!storage.is_reported(commit.conversation, *number).await?),
        TaskKind::Renew { .. } => Ok(true),
        TaskKind::Succeed { .. } | TaskKind::Confirm { .. } => Ok(false),
        TaskKind::Remove => Ok(storage.fence(commit.conversation).await?.is_empty()),
    }
}
