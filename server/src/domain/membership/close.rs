//! Closing a log that too many cannot follow.
//!
//! One false report closes no log of three or more people: the word of two is needed, of one only where there are two. And
//! where others have long gone on, of more than half of the people who are in: who is behind is added anew there.

use std::{collections::BTreeSet, time::Duration};

use prost::Message as _;
use wardline_identity::RecordAct;
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis, closing::enough, fault};

use super::followed::{has_come_in, is_far_back, seats, wrote};
use super::put_out::heard;
use super::{Circle, MENDING, MENDING_ALONE, Member, MembershipStorage, Reporter, Task, TaskKind};
use crate::domain::record::record;
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

/// How long the log stays open at this commit from now on, while these are connected.
#[must_use]
pub fn patience(
    circle: &Circle,
    number: EntryNumber,
    connected: &BTreeSet<DeviceId>,
    now: UtcMillis,
) -> Patience {
    if circle.closed.is_some() {
        return Patience::Endless;
    }
    // 1. Enough people.
    let said = said(circle, number, now);
    if !enough(said, people(circle, number).len(), is_far_back(circle, number)) {
        return Patience::Endless;
    }
    // 2. All but the author: nobody can open its state.
    let stuck = |device: &DeviceId| circle.reports.iter().any(|report| report.device == *device);
    let counted = counted(circle, number, now);
    let is_author = |device: &DeviceId| counted.iter().any(|report| report.author == *device);
    let open = |device: &DeviceId| !stuck(device) && !circle.fence.contains(device);
    let mut devices = circle.members.iter().map(|member| member.device);
    if said >= 2 && !devices.clone().any(|device| open(&device) && !is_author(&device)) {
        return Patience::For(Duration::ZERO);
    }
    // 3. Somebody could mend it, or nobody is there who could.
    let mender = devices.any(|device| {
        let merged = circle.members.iter().any(|one| one.device == device && one.spans.followed(number));
        connected.contains(&device) && open(&device) && merged
    });
    Patience::For(if mender { MENDING } else { MENDING_ALONE })
}

/// The people whose log it is: who is in, and who was in before that commit and went out since. Members who judge the closing
/// count those who were in before it; so nobody closes a log here by fewer people's word than is enough for them.
fn people(circle: &Circle, number: EntryNumber) -> BTreeSet<&str> {
    // Whom this commit claims to let in does not count, or its author would raise the number that way; unless by its own word
    // it was let in: it has followed this commit, or says that it cannot, and then the others were let in with it. A device of
    // the author's own says neither for anybody.
    let let_in = |member: &Member| member.spans.came_with(number) && !member.spans.was_before(number);
    let says = |member: &Member| {
        circle.reports.iter().any(|report| report.number == number && report.device == member.device)
    };
    let own = |member: &Member| wrote(circle, number, member) && !fault::planted("mutant.authors_newcomers");
    let really = circle.members.iter().any(|member| let_in(member) && says(member) && !own(member));
    let is_in = |member: &Member| circle.members.iter().any(|one| one.device == member.device);
    let was_in = |member: &Member| {
        member.spans.was_before(number) && (is_in(member) || !fault::planted("mutant.people_now"))
    };
    let counts = |member: &&Member| {
        was_in(member) || is_in(member) && (really || !let_in(member) || has_come_in(circle, number, member))
    };
    seats(circle).filter(counts).map(|member| member.user.as_str()).collect()
}

/// How many people cannot follow it, outside the fence.
fn said(circle: &Circle, number: EntryNumber, now: UtcMillis) -> usize {
    let counted = counted(circle, number, now);
    if fault::planted("mutant.devices_for_people") {
        return counted.len();
    }
    people_of(&counted).len()
}

/// The reports that count at a commit: of it, and of earlier ones, since whoever cannot follow one commit follows none after
/// it. So nobody stops a log by breaking it for each by another commit. Where they are of several commits, the people who wrote
/// them do not count, the last one's author first: one false word beside a true one would have somebody else named whose commit
/// was good, and nobody's word about another's commit takes that one's word away who says so of hers.
#[must_use]
pub fn counted(circle: &Circle, number: EntryNumber, now: UtcMillis) -> Vec<&Reporter> {
    let own = of_one(circle, number, now);
    if own.is_empty() || fault::planted("mutant.split_counts_apart") {
        return own;
    }
    let near = |report: &Reporter| report.far.is_none_or(|far| number < far);
    let up_to = reported_numbers(circle).into_iter().rev().skip_while(|one| *one > number);
    let (mut all, mut authors): (Vec<&Reporter>, BTreeSet<&str>) = (Vec::new(), BTreeSet::new());
    for one in up_to {
        let by_others = |report: &&Reporter| {
            let user = report.user.as_str();
            let others = user != report.author_user && !authors.contains(user);
            near(report) && (others || fault::planted("mutant.authors_counted"))
        };
        let words: Vec<&Reporter> = of_one(circle, one, now).into_iter().filter(by_others).collect();
        authors.extend(words.iter().map(|report| report.author_user.as_str()));
        all.extend(words);
    }
    all.retain(|report| !authors.contains(report.user.as_str()) || fault::planted("mutant.authors_counted"));
    if people_of(&all).len() > people_of(&own).len() { all } else { own }
}

/// The reports of one commit. Who said that it has it does not count: it is added anew, and no log is closed far back on such
/// a word.
fn of_one(circle: &Circle, number: EntryNumber, now: UtcMillis) -> Vec<&Reporter> {
    let behind =
        |device| circle.members.iter().any(|member| member.device == device && member.acked < number);
    let about = circle.reports.iter().filter(|report| report.number == number && behind(report.device));
    let said = about.chain(heard(circle, number, now));
    said.filter(|report| !circle.fence.contains(&report.device)).collect()
}

fn people_of<'a>(reports: &[&'a Reporter]) -> BTreeSet<&'a str> {
    reports.iter().map(|report| report.user.as_str()).collect()
}

/// How many people's word closes the log at this commit.
#[must_use]
pub fn needed(circle: &Circle, number: EntryNumber) -> usize {
    let (people, far_back) = (people(circle, number).len(), is_far_back(circle, number));
    (1..=people).find(|said| enough(*said, people, far_back)).unwrap_or(usize::MAX)
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
    if patience(&circle, number, &BTreeSet::new(), now) == Patience::Endless {
        return Ok(false);
    }
    storage.close(conversation, number, now).await?;
    // Who waits to be let in waits for the successor; all else is over with the log.
    for task in circle.tasks.iter().filter(|task| task.kind.lets_in().is_none()) {
        storage.drop_task(conversation, &task.kind).await?;
    }
    storage.keep_task(&Task { conversation, kind: TaskKind::Succeed { number }, made_at: now }).await?;
    let closure = storage.closure(conversation).await?;
    let reports = closure.map(|closure| closure.reports).unwrap_or_default();
    // They were decoded when they came.
    let reports = reports.into_iter().filter_map(|report| SignedStatement::decode(report).ok()).collect();
    record(storage, now, RecordAct::LogClosed { conversation, number, reports }).await?;
    Ok(true)
}
