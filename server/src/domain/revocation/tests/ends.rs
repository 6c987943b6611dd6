//! Claims about conversations in which nobody may speak any more, logs that were closed before, and holds that run out.

use wardline_identity::UserId;
use wardline_proto::{Digest, EntryNumber, Suite, UtcMillis};

use super::*;
use crate::domain::conversation::{Commit, NewConversation};
use crate::domain::key_package::{Stock, stock};
use crate::domain::membership::{
    Ground, MembershipError, MembershipStorage as _, NewSuccessor, Request, Succeeded, ask_members, succeed,
};
use crate::domain::revocation::RemovalClosure;

const NEXT: ConversationId = ConversationId::from_bytes([0xbb; 16]);
const WEEK: u64 = 7 * 86_400;

async fn packages(ward: &Ward, of: u8) -> Vec<Stock> {
    let read = ward.store.read("stock", move |tx| Box::pin(stock(tx, device(of), UtcMillis::new(0))));
    let stock: Result<_, KeyPackageError> = read.await;
    stock.unwrap()
}

#[tokio::test]
async fn a_conversation_whose_devices_are_all_revoked_is_closed_and_owes_nothing() {
    let (ward, mut office) = (Ward::with(&[1, 2]).await, Office::open());
    office.publishes(&ward, &[office.act(1, REVOKED, &ward)]).await;
    let refused = ward.post(2, 1).await;
    assert!(matches!(refused, Err(ConversationError::RevocationPending)), "one is left: {refused:?}");
    ward.pass(5);
    office.publishes(&ward, &[office.act(2, REVOKED, &ward)]).await;
    for sender in [1, 2] {
        let refused = ward.post(sender, 1).await;
        assert!(matches!(refused, Err(ConversationError::Closed { successor: None })), "{refused:?}");
    }
    assert_eq!(owed(&ward).await, []);
    let ended = RemovalClosure { taken_at: ward.now(), commit: None };
    for one in [1, 2] {
        assert_eq!(removals(&ward, one).await[0].closure, Some(ended.clone()));
    }
}

#[tokio::test]
async fn one_on_hold_only_pauses_it() {
    for guard in [None, Some("mutant.held_close")] {
        let (ward, mut office) = (Ward::with(&[1, 2]).await, Office::open());
        office.publishes(&ward, &[office.act(2, HELD, &ward)]).await;
        guard.into_iter().for_each(arm);
        office.publishes(&ward, &[office.act(1, REVOKED, &ward)]).await;
        guard.into_iter().for_each(disarm);
        let refused = ward.post(2, 1).await;
        if guard.is_some() {
            assert!(matches!(refused, Err(ConversationError::Closed { .. })), "the guard: {refused:?}");
            continue;
        }
        assert!(matches!(refused, Err(ConversationError::RevocationPending)), "{refused:?}");
        office.publishes(&ward, &[office.act(2, REINSTATED, &ward)]).await;
        ward.commit(2, 1, Says { leaves: &[1], roster: &[2], ..Says::default() }).await.unwrap();
        ward.post(2, 2).await.unwrap();
    }
}

#[tokio::test]
async fn a_hold_that_has_run_out_ends_its_device_for_good_without_an_act() {
    let (ward, mut office) = (Ward::with(&[1, 2]).await, Office::open());
    ward.publish(2, 3, 1).await.unwrap();
    let held = office.act(2, HELD, &ward);
    office.publishes(&ward, &[held]).await;
    assert_eq!(ward.claim(9, 1, &[2]).await.unwrap().handouts, [], "withheld");
    ward.pass(WEEK - 1);
    assert_eq!(holds_end(&ward).await, []);
    assert!(!packages(&ward, 2).await.is_empty(), "not destroyed");
    ward.pass(1);
    // What is for good waits for the job, which believes its clock first.
    office.publishes(&ward, &[office.act(1, REVOKED, &ward)]).await;
    assert!(matches!(ward.post(2, 1).await, Err(ConversationError::RevocationPending)));
    assert_eq!(holds_end(&ward).await, [device(2)]);
    assert_eq!(packages(&ward, 2).await, []);
    assert!(matches!(ward.post(2, 1).await, Err(ConversationError::Closed { .. })), "all in it are out now");
    assert_eq!(holds_end(&ward).await, [], "once");
    // A reinstatement that was signed in time and comes too late.
    let late = RevocationAct { kind: REINSTATED, at: held.at.plus_seconds(60), ..held };
    let refused = put(&ward, &office.list(&[late])).await;
    assert!(matches!(refused, Err(RevocationRefusal::List(_))), "{refused:?}");
}

#[tokio::test]
async fn a_hold_that_was_ended_runs_out_no_more() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    ward.publish(3, 3, 1).await.unwrap();
    office.publishes(&ward, &[office.act(3, HELD, &ward)]).await;
    ward.pass(WEEK - 60);
    office.publishes(&ward, &[office.act(3, REINSTATED, &ward)]).await;
    ward.pass(WEEK);
    assert_eq!(holds_end(&ward).await, []);
    assert_eq!(ward.claim(9, 1, &[3]).await.unwrap().handouts.len(), 1, "its packages are there");
}

#[tokio::test]
async fn nobody_is_asked_to_let_in_a_device_that_is_out() {
    let ward = Ward::with(&[1, 2]).await;
    let mut office = Office::open();
    let (certificate, user) = (Digest::of(b"of 3"), UserId::parse("user-1").unwrap());
    let ground = Ground::Approval { device: device(3), certificate };
    let request = Request {
        device: device(1),
        user: user.clone(),
        conversations: vec![WARD],
        ground,
        statement: Bytes::from_static(b"approved"),
    };
    let write = ward.store.write("enrol", move |tx| {
        Box::pin(async move { tx.enrol_for_tests(device(3), &user, &certificate).await })
    });
    let enrolled: Result<(), StoreError> = write.await;
    enrolled.unwrap();
    let ask = async |request: Request| {
        let now = ward.now();
        ward.store.write("ask", move |tx| Box::pin(async move { ask_members(tx, &request, now).await })).await
    };
    ask(request.clone()).await.unwrap();
    assert!(matches!(owed(&ward).await[..], [TaskKind::AddDevice { .. }]), "the control");
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert_eq!(owed(&ward).await, []);
    let refused = ask(request).await;
    assert!(matches!(refused, Err(MembershipError::Ground(_))), "{refused:?}");
}

/// A log of 1, 2 and 3 that was closed at its second entry.
async fn closed() -> Ward {
    let ward = Ward::with(&[1, 2, 3]).await;
    ward.update(2, 1, &[1, 2, 3]).await.unwrap();
    let now = ward.now();
    let write = ward
        .store
        .write("close", move |tx| Box::pin(async move { tx.close(WARD, EntryNumber::new(2), now).await }));
    let closed: Result<(), StoreError> = write.await;
    closed.unwrap();
    for one in [1, 2, 3] {
        ward.ack(one, 1).await.unwrap();
    }
    ward
}

async fn goes_on(ward: &Ward, by: u8, id: ConversationId) -> Result<Succeeded, ConversationError> {
    let new = NewConversation {
        id,
        suite: Suite::X25519,
        creator: device(by),
        created_at: ward.now(),
        predecessor: Some(WARD),
    };
    let (successor, now) = (NewSuccessor { new, predecessor: WARD, number: EntryNumber::new(2) }, ward.now());
    let write =
        ward.store.write("succeed", move |tx| Box::pin(async move { succeed(tx, &successor, now).await }));
    write.await
}

/// The first commit of what goes on.
async fn lets_in(ward: &Ward, joins: &[u8], roster: &[u8]) -> Result<CommitOutcome, ConversationError> {
    let references = ward.claimed(1, joins).await;
    let commit = ward.commit_of(1, 0, Says { joins, roster, ..Says::default() }, references);
    ward.hand_in(Commit { conversation: NEXT, ..commit }).await
}

#[tokio::test]
async fn a_closed_log_leaves_the_revoked_out_of_what_goes_on_and_that_is_the_closure() {
    let (ward, mut office) = (closed().await, Office::open());
    let published = office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert_eq!(published.touched, [WARD]);
    assert_eq!(owed(&ward).await, [], "no commit is taken there");
    assert_eq!(removals(&ward, 3).await[0].closure, None);
    let refused = goes_on(&ward, 3, NEXT).await;
    assert!(matches!(refused, Err(ConversationError::RevocationPending)), "{refused:?}");
    goes_on(&ward, 1, NEXT).await.unwrap();
    assert_eq!(removals(&ward, 3).await[0].closure, None, "nobody is in it yet");
    lets_in(&ward, &[2], &[1, 2]).await.unwrap();
    let closure = removals(&ward, 3).await[0].closure.clone().unwrap();
    let by = closure.commit.unwrap();
    assert_eq!((by.log, by.number.get(), by.epoch.get()), (NEXT, 1, 0));
    // A device that is named when the log has gone on: only there.
    let published = office.publishes(&ward, &[office.act(2, REVOKED, &ward)]).await;
    assert_eq!(published.touched, [NEXT]);
}

#[tokio::test]
async fn of_a_closed_log_whose_devices_are_all_revoked_nothing_is_owed_and_it_can_still_go_on() {
    let (ward, mut office) = (closed().await, Office::open());
    let acts = [1, 2, 3].map(|one| office.act(one, REVOKED, &ward));
    office.publishes(&ward, &acts).await;
    let ended = RemovalClosure { taken_at: ward.now(), commit: None };
    for one in [1, 2, 3] {
        assert_eq!(removals(&ward, one).await[0].closure, Some(ended.clone()));
    }
    let refused = goes_on(&ward, 1, NEXT).await;
    assert!(matches!(refused, Err(ConversationError::RevocationPending)), "its fence stands: {refused:?}");
}

#[tokio::test]
async fn a_successor_whose_only_device_is_on_hold_gives_way_and_owes_nothing() {
    let (ward, mut office) = (closed().await, Office::open());
    goes_on(&ward, 3, ConversationId::from_bytes([0xcc; 16])).await.unwrap();
    let published = office.publishes(&ward, &[office.act(3, HELD, &ward)]).await;
    assert_eq!(published.touched.len(), 2, "the closed log and what goes on from it");
    ward.pass(60);
    let made = goes_on(&ward, 1, NEXT).await.unwrap();
    assert_eq!(made.gave_way, Some(ConversationId::from_bytes([0xcc; 16])));
    lets_in(&ward, &[2], &[1, 2]).await.unwrap();
    let closures: Vec<_> = removals(&ward, 3).await.into_iter().map(|one| one.closure).collect();
    assert_eq!(closures.len(), 2);
    assert!(closures.iter().all(Option::is_some), "{closures:?}");
    office.publishes(&ward, &[office.act(3, REINSTATED, &ward)]).await;
    assert_eq!(owed(&ward).await, []);
}
