//! Claims about lists that are put in force, through a real database: what is taken in one transaction, and what is not.

mod confirmed;
mod ends;
mod owed;
mod repeated;

use bytes::Bytes;
use wardline_identity::{
    Adoption, DateCheck, RevocationAct, RevocationKind, RevocationReason, RevocationRegister,
};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, DeviceId};

use super::{
    Answer, NewList, Published, RanOut, Removal, RevocationRefusal, RevocationStorage as _,
    RevocationView as _, publish, run_out,
};
use crate::domain::conversation::{CommitOutcome, ConversationError, DeclarationFault};
use crate::domain::key_package::KeyPackageError;
use crate::domain::membership::{MembershipView as _, TaskKind};
use crate::domain::ward::{Says, WARD, Ward, device};
use crate::founded::Founded;
use crate::store::StoreError;

/// An administrator with a register of their own.
struct Office {
    founded: Founded,
    register: RevocationRegister,
}

impl Office {
    fn open() -> Self {
        let founded = Founded::new();
        let register = RevocationRegister::new(founded.organisation().id());
        Self { founded, register }
    }

    fn act(&self, who: u8, kind: RevocationKind, ward: &Ward) -> RevocationAct {
        let issuer = *self.founded.issuer.certificate().fingerprint();
        RevocationAct { device: device(who), kind, reason: RevocationReason::Lost, at: ward.now(), issuer }
    }

    /// The next list, with these acts.
    fn list(&self, acts: &[RevocationAct]) -> NewList {
        let organisation = self.founded.organisation();
        let now = self.founded.clock_now();
        let signed = self.register.sign_next(&self.founded.issuer, &organisation, acts, now).unwrap();
        let list = organisation.verify_revocation_list(&signed, DateCheck::Skip).unwrap();
        NewList { organisation: organisation.id().clone(), list, acts: acts.to_vec() }
    }

    /// Puts the next list in force and takes it in.
    async fn publishes(&mut self, ward: &Ward, acts: &[RevocationAct]) -> Published {
        let new = self.list(acts);
        let published = put(ward, &new).await.unwrap();
        self.register.adopt(new.list, &new.acts).unwrap();
        published
    }
}

/// The answer names each device and how many conversations it was in.
async fn put(ward: &Ward, new: &NewList) -> Result<Published, RevocationRefusal> {
    let (new, now) = (new.clone(), ward.now());
    let answer = |done: &[(RevocationAct, Vec<ConversationId>)]| {
        let one = |(act, conversations): &(RevocationAct, Vec<ConversationId>)| {
            [act.device.as_bytes()[0], u8::try_from(conversations.len()).unwrap()]
        };
        let response = Bytes::from(done.iter().flat_map(one).collect::<Vec<u8>>());
        Answer { response, statement: SignedStatement::default(), certificate: Bytes::new() }
    };
    ward.store.write("publish", move |tx| Box::pin(async move { publish(tx, &new, now, answer).await })).await
}

const REVOKED: RevocationKind = RevocationKind::Revoked;
const HELD: RevocationKind = RevocationKind::Held;
const REINSTATED: RevocationKind = RevocationKind::Reinstated;

async fn removals(ward: &Ward, of: u8) -> Vec<Removal> {
    let read = ward.store.read("removals", move |tx| Box::pin(async move { tx.removals(device(of)).await }));
    let removals: Result<_, StoreError> = read.await;
    removals.unwrap()
}

async fn owed(ward: &Ward) -> Vec<TaskKind> {
    let read = ward.store.read("tasks", move |tx| Box::pin(async move { tx.tasks(WARD).await }));
    let tasks: Result<Vec<_>, StoreError> = read.await;
    tasks.unwrap().into_iter().map(|task| task.kind).collect()
}

/// What the job does with holds.
async fn holds_end(ward: &Ward) -> Vec<DeviceId> {
    let now = ward.now();
    let write = ward.store.write("run_out", move |tx| Box::pin(async move { run_out(tx, now).await }));
    let ended: Result<RanOut, StoreError> = write.await;
    ended.unwrap().devices
}

#[tokio::test]
async fn from_the_instant_no_message_is_taken_until_a_commit_has_removed_the_device() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    ward.post(1, 1).await.expect("the control: before");
    let published = office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert_eq!((published.adoption, published.touched), (Adoption::Newer, vec![WARD]));
    assert_eq!(published.answer.as_ref(), [device(3).as_bytes()[0], 1]);
    for sender in [1, 2, 3] {
        let refused = ward.post(sender, 1).await;
        assert!(matches!(refused, Err(ConversationError::RevocationPending)), "{sender}: {refused:?}");
    }
    // Neither it nor a commit that leaves it in changes that.
    for (sender, says) in [
        (3, Says { leaves: &[2], roster: &[1, 3], ..Says::default() }),
        (1, Says { roster: &[1, 2, 3], ..Says::default() }),
        (1, Says { leaves: &[2], roster: &[1, 3], ..Says::default() }),
    ] {
        let refused = ward.commit(sender, 1, says).await;
        assert!(matches!(refused, Err(ConversationError::RevocationPending)), "{refused:?}");
    }
    let removed = ward.commit(1, 1, Says { leaves: &[3], roster: &[1, 2], ..Says::default() }).await;
    assert!(matches!(removed, Ok(CommitOutcome::Accepted { .. })), "{removed:?}");
    ward.post(2, 2).await.unwrap();
    assert!(matches!(ward.post(3, 2).await, Err(ConversationError::NotAMember)));
}

#[tokio::test]
async fn a_fence_that_came_later_than_its_list_or_that_is_ignored_lets_messages_through() {
    for guard in ["mutant.fence_later", "relay.no_fence"] {
        let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
        arm(guard);
        office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
        let sent = ward.post(1, 1).await;
        disarm(guard);
        assert!(sent.is_ok(), "{guard}: {sent:?}");
    }
}

#[tokio::test]
async fn it_stands_after_a_restart() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    let ward = ward.reopened().await;
    assert!(matches!(ward.post(1, 1).await, Err(ConversationError::RevocationPending)));
    office.publishes(&ward, &[office.act(2, REVOKED, &ward)]).await;
    let left = Says { leaves: &[3], roster: &[1, 2], ..Says::default() };
    ward.commit(1, 1, left).await.unwrap();
    assert!(
        matches!(ward.post(1, 2).await, Err(ConversationError::RevocationPending)),
        "2 is to leave as well"
    );
}

#[tokio::test]
async fn of_two_lists_that_go_on_from_one_the_second_is_merged_and_no_act_is_lost() {
    let (ward, mut one, other) = (Ward::with(&[1, 2, 3, 4]).await, Office::open(), Office::open());
    let mine = other.list(&[other.act(4, REVOKED, &ward)]);
    one.publishes(&ward, &[one.act(3, REVOKED, &ward)]).await;
    let refused = put(&ward, &mine).await;
    assert!(matches!(refused, Err(RevocationRefusal::Conflict { number: 1, acts: 1 })), "{refused:?}");
    // The loser takes in what came first and signs again.
    let merged = one.publishes(&ward, &[one.act(4, REVOKED, &ward)]).await;
    assert_eq!(merged.answer.as_ref(), [device(4).as_bytes()[0], 1]);
    for leaves in [&[3][..], &[4]] {
        let refused = ward.commit(1, 1, Says { leaves, roster: &[1, 2], ..Says::default() }).await;
        assert!(refused.is_err(), "each alone leaves another in: {refused:?}");
    }
    ward.commit(1, 1, Says { leaves: &[3, 4], roster: &[1, 2], ..Says::default() }).await.unwrap();
    ward.post(1, 2).await.unwrap();
}

#[tokio::test]
async fn a_list_that_forgets_a_device_or_leaves_out_what_came_between_changes_nothing() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    let empty = office.list(&[]);
    let acts = [office.act(3, REVOKED, &ward)];
    office.publishes(&ward, &acts).await;
    let refused = put(&ward, &empty).await;
    assert!(matches!(refused, Err(RevocationRefusal::Conflict { .. })), "{refused:?}");
    let mut two = Office::open();
    let second = two.act(2, REVOKED, &ward);
    two.register.adopt(two.list(&[two.act(1, REVOKED, &ward)]).list, &[two.act(1, REVOKED, &ward)]).unwrap();
    let gap = two.list(&[second]);
    let refused = put(&ward, &gap).await;
    assert!(matches!(refused, Err(RevocationRefusal::Conflict { .. })), "{refused:?}");
    ward.commit(1, 1, Says { leaves: &[3], roster: &[1, 2], ..Says::default() }).await.unwrap();
    ward.post(2, 2).await.expect("2 was named by no list that counts");
}

#[tokio::test]
async fn a_hold_pauses_and_a_reinstatement_lets_go_on() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    office.publishes(&ward, &[office.act(3, RevocationKind::Held, &ward)]).await;
    assert!(matches!(ward.post(1, 1).await, Err(ConversationError::RevocationPending)));
    let back = office.publishes(&ward, &[office.act(3, RevocationKind::Reinstated, &ward)]).await;
    assert_eq!(back.touched, [WARD]);
    for sender in [1, 2, 3] {
        ward.post(sender, 1).await.unwrap();
    }
}

#[tokio::test]
async fn no_package_of_a_revoked_device_is_stored_or_handed_out_and_it_joins_nowhere() {
    let (ward, mut office) = (Ward::with(&[1, 2]).await, Office::open());
    let references = ward.claimed(1, &[3]).await;
    ward.publish(3, 5, 1).await.expect("the control: before");
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert!(matches!(ward.publish(3, 1, 0).await, Err(KeyPackageError::Revoked)));
    assert_eq!(ward.claim(1, 77, &[3]).await.unwrap().handouts, [], "nor what was handed out an hour ago");
    arm("mutant.package_of_revoked");
    let (published, claimed) = (ward.publish(3, 1, 0).await, ward.claim(1, 78, &[3]).await.unwrap());
    disarm("mutant.package_of_revoked");
    assert!(published.is_ok() && claimed.handouts.len() == 1, "the guard taken away: {published:?}");
    // Nor by a package that was handed out before.
    let joins = || {
        ward.commit_of(1, 1, Says { joins: &[3], roster: &[1, 2, 3], ..Says::default() }, references.clone())
    };
    let refused = ward.hand_in(joins()).await;
    assert!(
        matches!(refused, Err(ConversationError::JoinRevoked { device: out }) if out == device(3)),
        "{refused:?}"
    );
    arm("mutant.join_revoked");
    let joined = ward.hand_in(joins()).await;
    disarm("mutant.join_revoked");
    assert!(matches!(joined, Ok(CommitOutcome::Accepted { .. })), "the guard taken away: {joined:?}");
}

#[tokio::test]
async fn an_act_that_cannot_follow_is_refused_and_nothing_of_its_list_is_stored() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    // As an administrator without a register would sign it.
    let second = Office::open();
    let acts = [second.act(3, REVOKED, &ward), second.act(2, REVOKED, &ward)];
    let first = second.list(&acts[..1]);
    let mut list = Office { founded: second.founded, register: office.register.clone() };
    list.register = RevocationRegister::restore(first.list, []);
    let again = list.list(&[office.act(3, REVOKED, &ward), office.act(2, REVOKED, &ward)]);
    let refused = put(&ward, &again).await;
    assert!(refused.is_err(), "{refused:?}");
    ward.commit(1, 1, Says { leaves: &[3], roster: &[1, 2], ..Says::default() }).await.unwrap();
    ward.post(2, 2).await.expect("2 is not out");
    let read = ward.store.write("last_act", |tx| Box::pin(async move { tx.last_act(device(2)).await }));
    let last: Result<Option<RevocationAct>, crate::store::StoreError> = read.await;
    assert_eq!(last.unwrap(), None);
}

#[tokio::test]
async fn a_commit_that_names_a_list_above_the_relays_is_refused_also_where_it_removes_whom_it_must() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    let says = Says { leaves: &[3], roster: &[1, 2], ..Says::default() };
    let none = ward.commit(1, 1, Says { list: 1, ..says }).await;
    let unknown = |number| DeclarationFault::UnknownList { relay: number };
    assert!(matches!(none, Err(ConversationError::Declaration(fault)) if fault == unknown(0)), "{none:?}");
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    for says in [
        Says { list: 2, by_list: Some(1), ..says },
        Says { list: 1, by_list: Some(2), ..says },
        Says { list: 1, by_list: Some(u64::MAX), ..says },
    ] {
        let refused = ward.commit(1, 1, says).await;
        let by_name = matches!(refused, Err(ConversationError::Declaration(fault)) if fault == unknown(1));
        assert!(by_name, "{refused:?}");
    }
    ward.commit(1, 1, Says { list: 1, by_list: Some(1), ..says }).await.expect("the control");
    arm("mutant.any_list");
    let roster = &[1];
    let taken = ward
        .commit(1, 2, Says { leaves: &[2], roster, list: 1, by_list: Some(u64::MAX), ..Says::default() })
        .await;
    disarm("mutant.any_list");
    assert!(matches!(taken, Ok(CommitOutcome::Accepted { .. })), "the guard taken away: {taken:?}");
}
