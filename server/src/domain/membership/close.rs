//! Closing a log that too many cannot follow.
//!
//! One false report closes no log of three or more people: the word of two is needed, of one only where there are two.

use std::{collections::BTreeSet, time::Duration};

use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis};

use super::put_out::{heard, put_out_by};
use super::{Circle, MENDING, MENDING_ALONE, Member, MembershipStorage, Task, TaskKind};
use crate::store::StoreError;

/// How long members still have to add those anew who cannot follow a commit, from when enough of them said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// For ever: too few said so.
    Endless,
    /// So long.
    For(Duration),
}

/// The commits that somebody cannot follow, the first first.
#[must_use]
pub fn reported_numbers(circle: &Circle) -> Vec<EntryNumber> {
    let numbers: BTreeSet<_> = circle.reports.iter().map(|report| report.number).collect();
    numbers.into_iter().collect()
}

/// How long the log stays open at this commit, while these are connected.
#[must_use]
pub fn patience(circle: &Circle, number: EntryNumber, connected: &BTreeSet<DeviceId>) -> Patience {
    if circle.closed.is_some() {
        return Patience::Endless;
    }
    // 1. Enough people.
    let said = said(circle, number);
    // Whom this commit claims to let in does not count, or its author would raise the number that way; unless one of them
    // says so: then it was let in indeed, and the others with it.
    let let_in = |member: &Member| member.first_joined == number;
    let says = |member: &Member| {
        circle.reports.iter().any(|report| report.number == number && report.device == member.device)
    };
    let really = circle.members.iter().any(|member| let_in(member) && says(member));
    let counted = circle.members.iter().filter(|member| really || !let_in(member));
    let counted = counted.chain(put_out_by(circle, number));
    let people: BTreeSet<&str> = counted.map(|member| member.user.as_str()).collect();
    if said.len() < people.len().saturating_sub(1).clamp(1, 2) {
        return Patience::Endless;
    }
    // 2. All but the author: nobody can open its state.
    let stuck = |device: &DeviceId| circle.reports.iter().any(|report| report.device == *device);
    let is_author =
        |device: &DeviceId| circle.reports.iter().any(|r| r.number == number && r.author == *device);
    let open = |device: &DeviceId| !stuck(device) && !circle.fence.contains(device);
    let mut devices = circle.members.iter().map(|member| member.device);
    if said.len() >= 2 && !devices.clone().any(|device| open(&device) && !is_author(&device)) {
        return Patience::For(Duration::ZERO);
    }
    // 3. Somebody could mend it, or nobody is there who could.
    let mender = devices.any(|device| {
        let merged = circle.members.iter().any(|one| one.device == device && one.acked >= number);
        connected.contains(&device) && open(&device) && merged
    });
    Patience::For(if mender { MENDING } else { MENDING_ALONE })
}

/// The people who cannot follow it, outside the fence. Who said that it has it does not count: it is added anew, and no log
/// is closed far back on such a word.
fn said(circle: &Circle, number: EntryNumber) -> BTreeSet<&str> {
    let behind =
        |device| circle.members.iter().any(|member| member.device == device && member.acked < number);
    let about = circle.reports.iter().filter(|report| report.number == number && behind(report.device));
    let put_out = heard(circle, number);
    let said = about.chain(put_out.iter().copied());
    said.filter(|report| !circle.fence.contains(&report.device)).map(|report| report.user.as_str()).collect()
}

/// Closes the log at this commit if enough people still say that they cannot follow it, and nobody closed it before.
/// True: it was closed now.
///
/// # Errors
/// Only those of the store.
pub async fn close<S: MembershipStorage>(
    storage: &mut S,
    conversation: ConversationId,
    number: EntryNumber,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let Some(circle) = storage.circle(conversation).await? else { return Ok(false) };
    if patience(&circle, number, &BTreeSet::new()) == Patience::Endless {
        return Ok(false);
    }
    storage.close(conversation, number, now).await?;
    // Who waits to be let in waits for the successor; all else is over with the log.
    for task in circle.tasks.iter().filter(|task| task.kind.lets_in().is_none()) {
        storage.drop_task(conversation, &task.kind).await?;
    }
    storage.keep_task(&Task { conversation, kind: TaskKind::Succeed { number }, made_at: now }).await?;
    Ok(true)
}
