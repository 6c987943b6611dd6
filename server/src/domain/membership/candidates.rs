//! Who can be asked, and in which order.

use std::collections::BTreeSet;

use wardline_proto::{DeviceId, EntryNumber, UtcMillis, fault};

use super::{Circle, Member, Reporter, SUCCEEDING, Task, TaskKind};

/// The members of `connected` who can do the task, the best first. Never one inside the fence.
#[must_use]
pub fn candidates(
    circle: &Circle,
    task: &Task,
    connected: &BTreeSet<DeviceId>,
    now: UtcMillis,
) -> Vec<DeviceId> {
    if circle.closed.is_some() != is_succeed(task) {
        return Vec::new();
    }
    if task.kind == TaskKind::Remove && fault::planted("relay.no_fence") {
        return Vec::new();
    }
    // No commit is taken but one that removes them.
    let first = circle.tasks.iter().any(|task| task.kind == TaskKind::Remove) && circle.closed.is_none();
    let commits = !matches!(task.kind, TaskKind::Remove | TaskKind::Confirm { .. });
    if first && commits && !fault::planted("mutant.removal_waits") {
        return Vec::new();
    }
    let there = |member: &&Member| {
        connected.contains(&member.device)
            && (!circle.fence.contains(&member.device) || fault::planted("mutant.fenced_asked"))
            && can(circle, task, member, now)
    };
    let heard = circle.put_out.iter().map(|one| &one.member).filter(|_| is_succeed(task));
    let mut able: Vec<&Member> = circle.members.iter().chain(heard).filter(there).collect();
    able.sort_by_cached_key(|member| (order(circle, task, member), task.rank(member.device)));
    able.into_iter().map(|member| member.device).collect()
}

fn can(circle: &Circle, task: &Task, member: &Member, now: UtcMillis) -> bool {
    // It has what let it in, and follows.
    let has = |number| member.acked >= number || fault::planted("mutant.asked_unread");
    let follows = has(member.joined) && !cannot_follow(circle, member.device);
    match &task.kind {
        TaskKind::LetGo { user, .. } => follows && member.user != user.as_str(),
        TaskKind::AddDevice { .. } | TaskKind::Renew { .. } | TaskKind::Remove => follows,
        TaskKind::LetBack { replaces, .. } => follows && member.device != *replaces,
        TaskKind::AddAnew { number } => follows && has(*number),
        // Who merged it: it was in before, and has it.
        TaskKind::Confirm { number, author } => {
            let merged = member.joined < *number && has(*number);
            follows && merged && (member.device != *author || fault::planted("mutant.author_asked"))
        }
        TaskKind::Succeed { number } => {
            let held = circle.barren.as_ref().is_some_and(|barren| {
                let until = barren.made_at.plus_seconds(SUCCEEDING.as_secs());
                // A clock that was set back must not make ten seconds into a day.
                now < until && barren.made_at <= now
            });
            !held && may_succeed(circle, *number, member)
        }
    }
}

fn is_succeed(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Succeed { .. })
}

/// Whether a device can make what goes on from a log that was closed at this commit: it was in before, has what was before or
/// says that it cannot follow, and its person did not write that commit. Who is out by it must have said so.
pub(super) fn may_succeed(circle: &Circle, number: EntryNumber, member: &Member) -> bool {
    let says = reports(circle, member.device, number);
    let is_in = circle.members.iter().any(|one| one.device == member.device);
    let reached = says || is_in && member.spans.had_all_before(number);
    let was_in = member.spans.was_before(number) || says && member.spans.never_went(number);
    was_in && reached && !circle.fence.contains(&member.device) && !wrote(circle, number, member)
}

/// Whether the device's person wrote a commit that is reported, this one or one before it.
fn wrote(circle: &Circle, number: EntryNumber, member: &Member) -> bool {
    let by = |report: &Reporter| report.number <= number && report.author_user == member.user;
    circle.reports.iter().any(by) && !fault::planted("mutant.breaker_succeeds")
}

/// Who comes first, before chance decides.
fn order(circle: &Circle, task: &Task, member: &Member) -> (u8, u64) {
    match &task.kind {
        // In turn: whose leaf is the oldest.
        TaskKind::Renew { .. } => (0, member.committed_at.map_or(0, UtcMillis::get)),
        // Those who still hold the epoch before; then those who went on; then who is out, perhaps rightly, and those who
        // had their turn.
        TaskKind::Succeed { number } => {
            let made = circle.barren.as_ref().is_some_and(|barren| barren.creator == member.device);
            let out = !circle.members.iter().any(|one| one.device == member.device);
            let reporter = reports(circle, member.device, *number);
            (if made || out { 2 } else { u8::from(!reporter) }, 0)
        }
        // Who merged it before those who came later, and cannot judge it.
        TaskKind::AddAnew { number } => (u8::from(member.joined > *number), 0),
        TaskKind::LetGo { .. }
        | TaskKind::AddDevice { .. }
        | TaskKind::LetBack { .. }
        | TaskKind::Remove
        | TaskKind::Confirm { .. } => (0, 0),
    }
}

fn cannot_follow(circle: &Circle, device: DeviceId) -> bool {
    circle.reports.iter().any(|report| report.device == device)
}

fn reports(circle: &Circle, device: DeviceId, number: EntryNumber) -> bool {
    circle.reports.iter().any(|report| report.device == device && report.number == number)
}
