//! ReportOutOfStep: a device says that it cannot follow a commit.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use wardline_identity::UserId;
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, UtcMillis, fault};

use super::{
    LET_IN_MAX, LET_IN_WINDOW_SECONDS, MembershipStorage, Report, Spans, Task, TaskKind, put_out::is_too_late,
};
use crate::domain::conversation::{CommitRecord, ConversationError, Stay};

/// A report whose statement verifies.
#[derive(Debug, Clone)]
pub struct OutOfStep {
    /// The conversation.
    pub conversation: ConversationId,
    /// The caller.
    pub device: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// The commit.
    pub number: EntryNumber,
    /// SHA-256 of the commit as it came.
    pub commit_sha256: Digest,
    /// The encoded OutOfStep statement.
    pub statement: Bytes,
}

/// Keeps the report and has the members asked to add the device anew. True: it was not known. A device has one report a
/// conversation, about the first commit that it cannot follow; said again by another of its keys it takes the place of the one
/// before: the members may know it by that one only. The order of the checks is the contract.
///
/// # Errors
/// [`ConversationError::NotAMember`], [`ConversationError::EntryMismatch`] for a commit that is not in the log or not
/// in the device's stay or has other bytes, [`ConversationError::Closed`], [`ConversationError::RevocationPending`]
/// for a device inside the fence, [`ConversationError::LetInTooOften`].
pub async fn report<S: MembershipStorage>(
    storage: &mut S,
    report: &OutOfStep,
    now: UtcMillis,
) -> Result<bool, ConversationError> {
    let OutOfStep { conversation, device, number, .. } = *report;
    // 1. Member, now; or put out by that commit, or by a later one while it could not follow.
    let stays = storage.stays(conversation, device).await?;
    let put_out = was_put_out(&stays, number);
    let current = stays.last().filter(|stay| stay.departed.is_none() || put_out);
    let current = current.ok_or(ConversationError::NotAMember)?;
    // 2. Known, or past: it was added anew since.
    if number < current.joined {
        let was_in = stays.iter().any(|stay| (stay.joined..=stay.end()).contains(&number));
        return if was_in { Ok(false) } else { Err(ConversationError::EntryMismatch) };
    }
    let before = storage.report_of(conversation, device).await?;
    let again = |before: &Report| {
        let by_another = signer(&before.statement) != signer(&report.statement);
        // By one key after the other, and not so that everybody is asked again and again.
        let next = now.get().abs_diff(before.reported_at.get()) >= NEXT_KEY_MILLIS;
        let by_another = by_another && (next || fault::planted("mutant.keys_at_once"));
        before.number == number && (!by_another || fault::planted("mutant.first_key_only"))
    };
    if before.as_ref().is_some_and(again) {
        return Ok(false);
    }
    // 3. Open.
    if let Some(closure) = storage.closure(conversation).await? {
        return Err(ConversationError::Closed { successor: closure.successor });
    }
    // 4. Fence.
    if storage.fence(conversation).await?.contains(&device) {
        return Err(ConversationError::RevocationPending);
    }
    // 5. The commit is the one that stands in the log.
    let commit = storage.commit_at(conversation, number).await?;
    let is_it = |commit: &CommitRecord| {
        commit.message_sha256 == report.commit_sha256 || fault::planted("mutant.any_digest")
    };
    let commit = commit.filter(is_it);
    let commit = commit.ok_or(ConversationError::EntryMismatch)?;
    if current.departed.is_some() && is_too_late(commit.receipt.stamp, now) {
        return Err(ConversationError::NotAMember);
    }
    // 6. Whoever cannot follow one commit follows none after it.
    if before.as_ref().is_some_and(|before| before.number < number) {
        return Ok(false);
    }
    // 7. Not again and again.
    rate_is_kept(storage, report, now).await?;
    let kept = Report {
        device,
        user: report.user.as_str().to_owned(),
        number,
        statement: report.statement.clone(),
        reported_at: now,
    };
    storage.keep_report(conversation, &kept).await?;
    if let Some(before) = before
        && !storage.is_reported(conversation, before.number).await?
    {
        storage.drop_task(conversation, &TaskKind::AddAnew { number: before.number }).await?;
    }
    storage.keep_task(&Task { conversation, kind: TaskKind::AddAnew { number }, made_at: now }).await?;
    Ok(true)
}

/// How long a report by another key waits for the one before, in milliseconds: less than a client leaves between two of its keys.
const NEXT_KEY_MILLIS: u64 = 20_000;

/// By which of its device's keys an encoded statement is.
fn signer(statement: &Bytes) -> Option<Bytes> {
    SignedStatement::decode(statement.clone()).ok().map(|statement| statement.signer)
}

/// Whether the device went out by this commit, or after it while it could not follow. What a commit declares is its
/// author's word: whoever breaks a log silences nobody by it.
fn was_put_out(stays: &[Stay], number: EntryNumber) -> bool {
    Spans::from(stays).was_put_out(number) && !fault::planted("mutant.put_out_silenced")
}

async fn rate_is_kept<S: MembershipStorage>(
    storage: &mut S,
    report: &OutOfStep,
    now: UtcMillis,
) -> Result<(), ConversationError> {
    let window = LET_IN_WINDOW_SECONDS * 1000;
    let from = UtcMillis::new(now.get().saturating_sub(window).saturating_add(1));
    let times = storage.let_in(report.conversation, report.device, from, now).await?;
    // The one that must fall out of the window before there is room again.
    match times.len().checked_sub(LET_IN_MAX).and_then(|place| times.get(place)) {
        None => Ok(()),
        Some(let_in_at) => {
            let retry_after = Duration::from_millis((let_in_at.get() + window).saturating_sub(now.get()));
            Err(ConversationError::LetInTooOften { retry_after })
        }
    }
}
