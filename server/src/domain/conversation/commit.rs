//! Commit: a compare-and-set on the epoch.
//!
//! The relay takes one commit per epoch. A member whose commit came second is told so, and from then on the
//! winner leaves it the turn for two seconds, once per epoch: so nobody is shut out by a faster device, and
//! nobody can shut out the winner.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use wardline_proto::{
    ChainLink, ConversationId, DeviceId, Digest, EntryNumber, Epoch, Suite, UtcMillis, fault,
};

use super::{
    BETWEEN_MAX, COMMIT_KEPT_SECONDS, COMMIT_WINDOW_SECONDS, COMMITS_PER_WINDOW, CommitDeclaration,
    Conversation, ConversationError, ConversationStorage, DEVICES_MAX, DeclarationFault, EntryKind,
    NewCommit, NewEntry, Receipt, WelcomeFault, YIELD_SECONDS, fence,
};
use crate::domain::membership::{MembershipStorage, Settled, settle};

/// A commit whose header fits its request and whose author statement verifies.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The conversation.
    pub conversation: ConversationId,
    /// The epoch it ends.
    pub epoch: Epoch,
    /// The caller, who is its author.
    pub sender: DeviceId,
    /// The MLSMessage.
    pub body: Bytes,
    /// SHA-256 of the MLSMessage.
    pub sha256: Digest,
    /// The encoded CommitAuthor statement.
    pub author: Bytes,
    /// Its declaration.
    pub declaration: CommitDeclaration,
    /// The Welcome beside it.
    pub welcome: Option<WelcomeOffer>,
    /// By the issuers' list in force.
    pub issuers: ByIssuers,
}

/// What the issuers' list in force says of a commit.
#[derive(Debug, Clone, Default)]
pub struct ByIssuers {
    /// Its number.
    pub number: u64,
    /// Who would come in by a certificate that is no longer good.
    pub struck: Option<DeviceId>,
}

/// A well-formed Welcome.
#[derive(Debug, Clone)]
pub struct WelcomeOffer {
    /// The MLSMessage.
    pub bytes: Bytes,
    /// Its suite's code point.
    pub cipher_suite: u16,
    /// The KeyPackageRefs it is for.
    pub references: Vec<Bytes>,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It ended its epoch, now or when the same commit came before.
    Accepted {
        /// Where it stands.
        receipt: Receipt,
        /// Whether that was now.
        fresh: bool,
    },
    /// The epoch is another: somebody else's commit was first.
    Conflict {
        /// The conversation's epoch.
        current: Epoch,
    },
}

/// Takes the commit if it is the first of its epoch. The order of the checks is the contract.
///
/// # Errors
/// - [`ConversationError::NotAMember`], [`ConversationError::Closed`], [`ConversationError::RevocationPending`],
///   [`ConversationError::JoinRevoked`], [`ConversationError::JoinStruck`], [`ConversationError::YieldTurn`], [`ConversationError::CommitRate`], [`ConversationError::Declaration`],
///   [`ConversationError::Full`], [`ConversationError::Welcome`], in this order.
pub async fn commit<S: MembershipStorage>(
    storage: &mut S,
    commit: &Commit,
    now: UtcMillis,
) -> Result<CommitOutcome, ConversationError> {
    // 1. The same commit before: the same answer.
    if let Some(record) = storage.commit_of(commit.conversation, commit.epoch).await?
        && record.message_sha256 == commit.sha256
        && record.sender == commit.sender
    {
        return Ok(CommitOutcome::Accepted { receipt: record.receipt, fresh: false });
    }
    // 2. Member.
    let roster = storage.roster(commit.conversation).await?;
    let conversation = storage.conversation(commit.conversation).await?;
    let conversation =
        conversation.filter(|_| roster.contains(&commit.sender)).ok_or(ConversationError::NotAMember)?;
    // 3. Open.
    if conversation.closed {
        return Err(ConversationError::Closed { successor: conversation.successor });
    }
    // 4. Fence.
    let fence = storage.fence(commit.conversation).await?;
    fence::commit_may_pass(&fence, commit.sender, &commit.declaration)?;
    nobody_joins_who_is_out(storage, &commit.declaration).await?;
    nobody_joins_who_is_struck(commit)?;
    // 5. Epoch.
    if commit.epoch != conversation.epoch && !fault::planted("mutant.skip_commit_epoch") {
        if lost_the_last_race(&conversation, commit) {
            storage.yield_turn(commit.conversation, now.plus_seconds(YIELD_SECONDS)).await?;
        }
        return Ok(CommitOutcome::Conflict { current: conversation.epoch });
    }
    // 6. Turn and rate.
    turn_is_free(&conversation, commit.sender, now)?;
    // With a fence it is one that removes somebody who must go: nobody is kept from that.
    if fence.is_empty() || fault::planted("mutant.removals_rated") {
        rate_is_kept(storage, commit, now).await?;
    }
    // 7. Declaration.
    let after = commit.declaration.apply(commit.sender, &roster)?;
    if after.len() > DEVICES_MAX {
        return Err(ConversationError::Full);
    }
    lists_are_there(storage, commit).await?;
    // Who comes in with the first commit knows that its maker has brought in all who are there.
    let first = conversation.predecessor.is_some() && conversation.epoch == Epoch::ZERO;
    if first && commit.declaration.joins().is_empty() {
        return Err(DeclarationFault::NobodyJoins.into());
    }
    // 8. Welcome.
    welcome_fits(storage, commit, conversation.suite).await?;
    let between = between(storage, commit, conversation.head).await?;
    // 9. All of it or nothing, and with it what it shows done.
    let new = new_commit(commit, &conversation, between, now);
    storage.append_commit(&new).await?;
    let settled = Settled {
        conversation: commit.conversation,
        number: new.entry.receipt.number,
        author: commit.sender,
        predecessor: conversation.predecessor,
        leaves: commit.declaration.leaves(),
        joins: commit.declaration.joins(),
        roster: &after,
        at: now,
    };
    settle(storage, &settled).await?;
    Ok(CommitOutcome::Accepted { receipt: new.entry.receipt, fresh: true })
}

async fn nobody_joins_who_is_out<S: ConversationStorage>(
    storage: &mut S,
    declaration: &CommitDeclaration,
) -> Result<(), ConversationError> {
    for device in declaration.joins() {
        let guarded = !fault::planted("mutant.join_revoked") && !fault::planted("relay.no_fence");
        if guarded && storage.is_out(*device).await? {
            return Err(ConversationError::JoinRevoked { device: *device });
        }
    }
    Ok(())
}

/// Who goes by an older list of issuers is told of the newer one: members who have that would put out whom it lets in.
fn nobody_joins_who_is_struck(commit: &Commit) -> Result<(), ConversationError> {
    let ByIssuers { number, struck } = commit.issuers;
    match struck {
        Some(device) if !fault::planted("mutant.join_struck") => {
            Err(ConversationError::JoinStruck { device, number })
        }
        _ => Ok(()),
    }
}

/// Members wait for the list that a removal names before they judge it: for one that nobody has they would wait for ever. And
/// they go by the list of issuers that it names.
async fn lists_are_there<S: ConversationStorage>(
    storage: &mut S,
    Commit { declaration, issuers, .. }: &Commit,
) -> Result<(), ConversationError> {
    let relay = storage.revocation_number().await?;
    if declaration.list() > relay && !fault::planted("mutant.any_list") {
        return Err(DeclarationFault::UnknownList { relay }.into());
    }
    if declaration.issuers() > issuers.number && !fault::planted("mutant.any_issuers_named") {
        return Err(DeclarationFault::UnknownIssuers { relay: issuers.number }.into());
    }
    // Nothing readable rides in one: it was checked when it was taken.
    for hold in declaration.holds() {
        if !storage.is_hold_taken(hold).await? && !fault::planted("mutant.any_hold_rides") {
            return Err(DeclarationFault::UnknownHold.into());
        }
    }
    Ok(())
}

/// Whether this is somebody who lost to the last winner, and the first to say so in this epoch: a second word
/// would let a device hold the winner back for ever.
fn lost_the_last_race(conversation: &Conversation, commit: &Commit) -> bool {
    commit.epoch.next() == conversation.epoch
        && conversation.turn.is_some_and(|turn| turn.winner != commit.sender && turn.yields_until.is_none())
}

fn turn_is_free(
    conversation: &Conversation,
    sender: DeviceId,
    now: UtcMillis,
) -> Result<(), ConversationError> {
    let until = conversation
        .turn
        .filter(|turn| turn.winner == sender)
        .and_then(|turn| turn.yields_until)
        // A clock that was set back must not make two seconds into a day.
        .filter(|until| now < *until && *until <= now.plus_seconds(YIELD_SECONDS));
    match until {
        None => Ok(()),
        Some(until) => {
            let retry_after = Duration::from_millis(until.get() - now.get());
            Err(ConversationError::YieldTurn { retry_after })
        }
    }
}

async fn rate_is_kept<S: ConversationStorage>(
    storage: &mut S,
    commit: &Commit,
    now: UtcMillis,
) -> Result<(), ConversationError> {
    let window = COMMIT_WINDOW_SECONDS * 1000;
    let from = UtcMillis::new(now.get().saturating_sub(window).saturating_add(1));
    let times = storage.commits_taken(commit.conversation, commit.sender, from, now).await?;
    // The one that must fall out of the window before there is room again.
    match times.len().checked_sub(COMMITS_PER_WINDOW).and_then(|place| times.get(place)) {
        None => Ok(()),
        Some(taken_at) => {
            let retry_after = Duration::from_millis((taken_at.get() + window).saturating_sub(now.get()));
            Err(ConversationError::CommitRate { retry_after })
        }
    }
}

/// The Welcome is for exactly the joins, by packages that were handed out to the author for them and that no
/// other commit has used.
async fn welcome_fits<S: ConversationStorage>(
    storage: &mut S,
    commit: &Commit,
    suite: Suite,
) -> Result<(), ConversationError> {
    let joins = commit.declaration.joins();
    let welcome = match (&commit.welcome, joins.is_empty()) {
        (None, true) => return Ok(()),
        (None, false) => return Err(WelcomeFault::Missing.into()),
        (Some(_), true) => return Err(WelcomeFault::Unexpected.into()),
        (Some(welcome), false) => welcome,
    };
    if welcome.cipher_suite != suite.code() {
        return Err(WelcomeFault::Suite.into());
    }
    if welcome.references.len() != joins.len() {
        return Err(WelcomeFault::References.into());
    }
    let mut let_in = BTreeSet::new();
    for reference in &welcome.references {
        match storage.claimed(commit.sender, reference).await? {
            Some(claimed) if claimed.suite == suite => let_in.insert(claimed.device),
            _ => return Err(WelcomeFault::References.into()),
        };
    }
    if let_in.iter().eq(joins) { Ok(()) } else { Err(WelcomeFault::References.into()) }
}

/// What the log has since its author looked: other members' messages are taken until a commit ends the epoch. Whoever
/// joins by the Welcome is given it, to check where in the log that is.
async fn between<S: ConversationStorage>(
    storage: &mut S,
    commit: &Commit,
    head: EntryNumber,
) -> Result<Vec<ChainLink>, ConversationError> {
    if commit.welcome.is_none() {
        return Ok(Vec::new());
    }
    let seen = commit.declaration.seen();
    let count = head.get().checked_sub(seen.get()).filter(|count| *count <= BETWEEN_MAX);
    let count = count.ok_or(DeclarationFault::Behind)?;
    let links = storage.links(commit.conversation, seen, head).await?;
    // What all have is swept: its author has more than it says.
    if links.len() as u64 == count { Ok(links) } else { Err(DeclarationFault::Behind.into()) }
}

fn new_commit(
    commit: &Commit,
    conversation: &Conversation,
    between: Vec<ChainLink>,
    now: UtcMillis,
) -> NewCommit {
    let kind = EntryKind::Commit;
    // In the log's order time never goes back, whatever the clock does.
    let stamp = now.max(conversation.head_stamp);
    let link = (kind, 0, commit.sha256);
    let entry = NewEntry {
        conversation: commit.conversation,
        kind,
        epoch: commit.epoch,
        life_seconds: 0,
        expires_at: stamp.plus_seconds(COMMIT_KEPT_SECONDS),
        sender: commit.sender,
        message_sha256: commit.sha256,
        body: commit.body.clone(),
        receipt: NewEntry::receipt_after(conversation.head, &conversation.chain, link, stamp),
    };
    let welcome = commit.welcome.as_ref();
    NewCommit {
        entry,
        taken_at: now,
        author: commit.author.clone(),
        joins: commit.declaration.joins().to_vec(),
        leaves: commit.declaration.leaves().to_vec(),
        between,
        welcome: welcome.map(|welcome| welcome.bytes.clone()),
        references: welcome.map(|welcome| welcome.references.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
