//! Granting a wish: plan, claim packages, commit, and let the log say which commit ended the epoch.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use wardline_identity::{DateCheck, DeviceCertificate, UserId};
use wardline_proto::{
    Digest, Epoch, Reason, Suite, fault,
    relay::{ClaimKeyPackagesRequest, ClaimedKeyPackage, CommitRequest, SignedStatement},
};

use super::{
    Session, ask_people, issuers,
    outbox::Passing,
    revocation,
    send::passes,
    under_way::{UnderWay, under_way},
    verified_devices,
};
use crate::{
    api::{Failure, FailureKind},
    conversation::{
        self, Change, Completed, Plan, Staged, abandon, complete, missing, nobody, plan, random, stage,
    },
    error::CoreError,
    mls::{Group, VerifiedKeyPackage, key_package},
    relay::{Relay, RelayError},
    vault::tables::{
        conversations,
        intents::{self, IntentRow, Outcome, Wish},
        pending_commits::PendingCommit,
    },
};

/// How many devices one commit adds at most (design 4.3).
const ADDS_MAX: usize = 200;
/// How long a wish waits for what has to be put right first.
const SOON: Duration = Duration::from_millis(200);

/// Takes a wish one commit further, or ends it. What the relay refuses for good ends it as failed.
///
/// # Errors
/// The connection's: the wish stays open.
pub(crate) async fn grant(
    session: &Session,
    relay: &Arc<dyn Relay>,
    wish: &IntentRow,
    passing: &mut Passing,
) -> Result<(), CoreError> {
    match take_further(session, relay, wish, passing).await {
        Err(CoreError::Relay(RelayError::Refused { reason, retry_after, .. })) if passes(reason) => {
            passing.rest(wish.conversation, retry_after);
            Ok(())
        }
        Err(CoreError::Relay(error @ RelayError::Refused { .. })) => {
            fail(session, wish, &Failure::from(error)).await
        }
        // No commit can be made of it: the wish ends, and nothing waits behind it.
        Err(CoreError::Mls(error)) => fail(session, wish, &Failure::from(CoreError::Mls(error))).await,
        outcome => outcome,
    }
}

async fn take_further(
    session: &Session,
    relay: &Arc<dyn Relay>,
    wish: &IntentRow,
    passing: &mut Passing,
) -> Result<(), CoreError> {
    let (planned, planned_in) = {
        let mut core = session.core().await;
        let planned = plan(&mut core, &wish.conversation, &wish.wish).await?;
        // Without a group the plan is that it cannot be.
        (planned, core.groups.get(&wish.conversation).map_or(Epoch::ZERO, Group::epoch))
    };
    let change = match planned {
        Plan::Nothing => return end(session, wish, Outcome::Done).await,
        Plan::Impossible(failure) => return fail(session, wish, &failure).await,
        Plan::Commit(change) => *change,
        Plan::Later => {
            passing.rest(wish.conversation, Some(SOON));
            return Ok(());
        }
        Plan::People(users) => match additions(session, relay, wish, &users).await? {
            Additions::None => return end(session, wish, Outcome::Done).await,
            Additions::Impossible(failure) => return fail(session, wish, &failure).await,
            Additions::Change(change) => *change,
        },
    };
    fault::crash("crash.commit_planned");
    let staged =
        stage(&mut *session.core().await, (wish.conversation, planned_in), wish.intent, change).await?;
    match staged {
        Staged::Ready(pending) | Staged::UnderWay(pending) => submit(session, relay, pending, passing).await,
        // The wish stays open; the next look plans it anew.
        Staged::Stale => Ok(()),
    }
}

/// Sends a commit that is stored, once a connection. The log then shows which commit ended the epoch, and taking that in
/// settles this one.
///
/// # Errors
/// The connection's: the commit stays stored and is sent again over the next one.
pub(crate) async fn submit(
    session: &Session,
    relay: &Arc<dyn Relay>,
    pending: PendingCommit,
    passing: &mut Passing,
) -> Result<(), CoreError> {
    if !passing.submit(pending.sha256) {
        return Ok(());
    }
    match under_way(session, relay, &pending).await? {
        UnderWay::Goes => {}
        UnderWay::TakenBack => return Ok(()),
        UnderWay::Waits => {
            if !fault::planted("mutant.waits_for_next_connection") {
                passing.resubmit(&pending.sha256);
            }
            passing.rest(pending.conversation, Some(5 * SOON));
            return Ok(());
        }
    }
    let author = prost::Message::decode(pending.author.as_slice());
    let author: SignedStatement =
        author.map_err(|_| CoreError::Protocol("was sent a statement that does not decode"))?;
    let request = CommitRequest {
        conversation_id: pending.conversation.to_wire(),
        epoch: pending.epoch.get(),
        commit: pending.commit.into(),
        author: Some(author),
        welcome: pending.welcome.unwrap_or_default().into(),
    };
    fault::crash("crash.commit_staged");
    let answer = relay.commit(request).await;
    if answer.is_ok() {
        fault::crash("crash.commit_answered");
    }
    match answer {
        // Accepted, or another's was.
        Ok(_) | Err(RelayError::Refused { reason: Reason::EpochConflict, .. }) => Ok(()),
        // It was not taken, and is made anew by a newer list.
        Err(RelayError::Refused { reason: Reason::RevocationPending | Reason::JoinRevoked, .. }) => {
            conversation::withdraw(&mut *session.core().await, pending.conversation).await?;
            // Who knows whom to remove tries again soon, and not at once: the relay may have another reason, and everybody else's
            // messages wait behind this.
            let known = revocation::pending(session, relay, &pending.conversation).await?;
            if !known || !fault::planted("mutant.fence_spins") {
                passing.rest(pending.conversation, known.then_some(SOON));
            }
            session.stepped(&[]);
            Ok(())
        }
        // Nor was this: whom it brings in is no longer good by a list of issuers that has not come here yet.
        Err(RelayError::Refused { reason: Reason::JoinStruck, .. }) => {
            conversation::withdraw(&mut *session.core().await, pending.conversation).await?;
            let known = session.core().await.device.organisation.issuers_number();
            issuers::fetch(session, relay, known.saturating_add(1)).await?;
            passing.rest(pending.conversation, Some(SOON));
            session.stepped(&[]);
            Ok(())
        }
        Err(error @ RelayError::Refused { reason, .. }) if judged_unfit(reason) => {
            let failure = Failure::from(error);
            let patient = reason == Reason::DeclarationMismatch;
            abandon(&mut *session.core().await, pending.conversation, (&failure, patient)).await?;
            if patient {
                passing.rest(pending.conversation, Some(5 * SOON));
            }
            session.stepped(&[]);
            Ok(())
        }
        // Whether it was taken is not known, or it will be later: it is sent again, never cleared.
        Err(RelayError::Refused { retry_after, .. }) => {
            passing.resubmit(&pending.sha256);
            passing.rest(pending.conversation, retry_after);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Refusals by the checks of the commit itself: it was not taken and never will be.
fn judged_unfit(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::FieldInvalid
            | Reason::MessageMalformed
            | Reason::MessageKindRefused
            | Reason::GroupMismatch
            | Reason::StatementInvalid
            | Reason::DeclarationMismatch
            | Reason::WelcomeMismatch
            | Reason::ConversationFull
            | Reason::NotAMember
    )
}

/// What adding people needs.
enum Additions {
    /// Nobody is missing.
    None,
    /// It cannot be.
    Impossible(Failure),
    /// A change.
    Change(Box<Change>),
}

/// Looks people up, claims packages for their missing devices and checks them.
async fn additions(
    session: &Session,
    relay: &Arc<dyn Relay>,
    wish: &IntentRow,
    users: &[UserId],
) -> Result<Additions, CoreError> {
    // 1. Whose devices.
    let people = if users.is_empty() { Vec::new() } else { ask_people(relay, users).await? };
    // What somebody asked for fails if one of the people is not there; what the conversation is owed is done without.
    let asked = matches!(wish.wish, Wish::Add { .. } | Wish::AddOwnDevice { .. });
    let unknown = users.iter().find(|user| !people.iter().any(|one| one.user_id == user.as_str()));
    if let Some(unknown) = unknown.filter(|_| asked) {
        return Ok(Additions::Impossible(nobody(unknown.as_str())));
    }
    let (missing, suite) = {
        let mut core = session.core().await;
        // The lock was given up meanwhile, and with it perhaps the group's memory.
        core.load_group(&wish.conversation).await?;
        let now = session.clock.now();
        let devices = people.iter().flat_map(|one| verified_devices(&core.device.organisation, one, now));
        let devices = devices.collect();
        let missing = missing(&mut core, &wish.conversation, &wish.wish, devices).await?;
        let mut tx = core.vault.begin("look_for_suite").await?;
        let row = conversations::load(&mut tx, &wish.conversation).await?;
        tx.commit().await?;
        (missing, row.map_or(Suite::MlKem768X25519, |row| row.suite))
    };
    if let Some(without) = people.iter().find(|one| one.devices.is_empty()).filter(|_| asked) {
        return Ok(Additions::Impossible(no_device(&without.display_name)));
    }
    let missing: Vec<DeviceCertificate> = missing.into_iter().take(ADDS_MAX).collect();
    if missing.is_empty() && wish.wish != Wish::Correct {
        return Ok(Additions::None);
    }

    // 2. Their packages. A commit that lost its epoch spent none of them: asking again for the same devices, under
    //    the same id, gives the same ones.
    let request = ClaimKeyPackagesRequest {
        request_id: request_id(wish, &missing),
        device_ids: missing.iter().map(|device| device.device().to_wire()).collect(),
        cipher_suite: u32::from(suite.code()),
    };
    if fault::planted("member.drain_packages") {
        drain(session, relay, &request).await;
    }
    let claimed = relay.claim_key_packages(request).await?.key_packages;

    // 3. Each is what its certificate says.
    let adds = verified(session, suite, &missing, &claimed).await;
    let mut core = session.core().await;
    core.load_group(&wish.conversation).await?;
    Ok(match complete(&mut core, &wish.conversation, &wish.wish, adds).await? {
        Completed::Nothing => Additions::None,
        Completed::Unready => Additions::Impossible(unready()),
        Completed::Commit(change) => Additions::Change(change),
    })
}

/// A fault of tests: a member that claims packages for nothing, until there are none.
async fn drain(session: &Session, relay: &Arc<dyn Relay>, request: &ClaimKeyPackagesRequest) {
    for _ in 0..300 {
        let Ok(id) = random::<16>(&*session.entropy) else { return };
        let again = ClaimKeyPackagesRequest { request_id: id.to_vec().into(), ..request.clone() };
        if relay.claim_key_packages(again).await.is_err() {
            return;
        }
    }
}

/// The packages whose leaf is a certificate, in force, of a device that the directory named, and the root vouches for (P2).
async fn verified(
    session: &Session,
    suite: Suite,
    missing: &[DeviceCertificate],
    claimed: &[ClaimedKeyPackage],
) -> Vec<(VerifiedKeyPackage, DeviceCertificate)> {
    let core = session.core().await;
    let now = session.clock.now();
    let check = |package: &ClaimedKeyPackage| {
        let parsed = key_package::parse_and_verify(&package.key_package).ok()?;
        let der = &parsed.leaf.certificate_der;
        let in_force = core.device.organisation.verify_device(der, DateCheck::At(now)).ok()?;
        // Its newest, or, where it has not published by that yet, the one before: the same person's same device.
        let same = |device: &&DeviceCertificate| {
            (device.device(), device.user()) == (in_force.device(), in_force.user())
        };
        missing.iter().find(same)?;
        (parsed.suite == suite).then_some(())?;
        parsed.verified(&in_force).ok().map(|package| (package, in_force))
    };
    claimed.iter().filter_map(check).collect()
}

/// The id under which packages are claimed: the wish's own, bound to the devices.
fn request_id(wish: &IntentRow, devices: &[DeviceCertificate]) -> Bytes {
    let mut bytes = wish.request.to_vec();
    devices.iter().for_each(|device| bytes.extend_from_slice(device.device().as_bytes()));
    Bytes::copy_from_slice(&Digest::of(&bytes).as_bytes()[..16])
}

async fn end(session: &Session, wish: &IntentRow, outcome: Outcome) -> Result<(), CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("end_wish").await?;
    intents::end(&mut tx, wish.intent, &outcome).await?;
    tx.commit().await?;
    drop(core);
    session.stepped(&[]);
    Ok(())
}

async fn fail(session: &Session, wish: &IntentRow, failure: &Failure) -> Result<(), CoreError> {
    end(session, wish, Outcome::Failed(failure.clone())).await
}

fn no_device(name: &str) -> Failure {
    Failure::new(
        FailureKind::Unknown,
        format!("{name} has no device yet."),
        "The invitation was not used.",
        "Add them once they have enrolled.",
    )
}

fn unready() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "Their devices cannot be added now.",
        "None of them has left what is needed for that with the relay.",
        "Ask them to open Wardline once, then try again.",
    )
}
