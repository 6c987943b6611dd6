//! Who can be asked, and in which order.

use std::collections::BTreeSet;

use wardline_proto::{DeviceId, EntryNumber, UtcMillis};

use super::{Circle, Member, SUCCEEDING, Task, TaskKind};

/// The members of `connected` who can do the task, the best first. Never one inside the fence.
#[must_use]
pub fn candidates(
    circle: &Circle,
    task: &Task,
    connected: &BTreeSet<DeviceId>,
    now: UtcMillis,
) -> Vec<DeviceId> {
    if circle.closed.is_some() != matches!(task.kind, TaskKind::Succeed { .. }) {
        return Vec::new();
    }
    let there = |member: &&Member| {
        connected.contains(&member.device)
            && !circle.fence.contains(&member.device)
            && can(circle, task, member, now)
    };
    let mut able: Vec<&Member> = circle.members.iter().filter(there).collect();
    able.sort_by_cached_key(|member| (order(circle, task, member), task.rank(member.device)));
    able.into_iter().map(|member| member.device).collect()
}

fn can(circle: &Circle, task: &Task, member: &Member, now: UtcMillis) -> bool {
    // It has what let it in, and follows.
    let follows = member.acked >= member.joined && !cannot_follow(circle, member.device);
    match &task.kind {
        TaskKind::LetGo { user, .. } => follows && member.user != user.as_str(),
        TaskKind::AddDevice { .. } | TaskKind::Renew { .. } => follows,
        TaskKind::LetBack { replaces, .. } => follows && member.device != *replaces,
        TaskKind::AddAnew { number } => follows && member.acked >= *number,
        TaskKind::Succeed { number } => {
            let held = circle.barren.as_ref().is_some_and(|barren| {
                let until = barren.made_at.plus_seconds(SUCCEEDING.as_secs());
                // A clock that was set back must not make ten seconds into a day.
                now < until && barren.made_at <= now
            });
            let was_in = member.joined < *number || member.joined == EntryNumber::ZERO;
            let reached = member.acked.next() >= *number || reports(circle, member.device, *number);
            !held && was_in && reached
        }
    }
}

/// Who comes first, before chance decides.
fn order(circle: &Circle, task: &Task, member: &Member) -> (u8, u64) {
    match &task.kind {
        // In turn: whose leaf is the oldest.
        TaskKind::Renew { .. } => (0, member.committed_at.map_or(0, UtcMillis::get)),
        // Those who still hold the epoch before; then those who went on; then those who had their turn, or whose
        // commit it was.
        TaskKind::Succeed { number } => {
            let made = circle.barren.as_ref().is_some_and(|barren| barren.creator == member.device);
            let author = circle.reports.iter().any(|r| r.number == *number && r.author == member.device);
            let reporter = reports(circle, member.device, *number);
            (if made || author { 2 } else { u8::from(!reporter) }, 0)
        }
        // Who merged it before those who came later, and cannot judge it.
        TaskKind::AddAnew { number } => (u8::from(member.joined > *number), 0),
        TaskKind::LetGo { .. } | TaskKind::AddDevice { .. } | TaskKind::LetBack { .. } => (0, 0),
    }
}

fn cannot_follow(circle: &Circle, device: DeviceId) -> bool {
    circle.reports.iter().any(|report| report.device == device)
}

fn reports(circle: &Circle, device: DeviceId, number: EntryNumber) -> bool {
    circle.reports.iter().any(|report| report.device == device && report.number == number)
}
