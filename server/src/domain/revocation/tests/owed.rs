//! Claims about what a conversation with a revoked device is owed, whom that is asked of, and how it is known to be done.

use wardline_proto::{EntryNumber, Epoch};

use super::*;
use crate::domain::membership::{MembershipStorage as _, Task, candidates};
use crate::domain::revocation::RemovalClosure;

/// Who can be asked for a task of this kind, while these are connected and have the log so far.
async fn able(ward: &Ward, kind: TaskKind, connected: &[u8]) -> Vec<DeviceId> {
    let read = ward.store.write("circle", |tx| Box::pin(async move { tx.circle(WARD).await }));
    let circle: Result<_, StoreError> = read.await;
    let task = Task { conversation: WARD, kind, made_at: ward.now() };
    let connected = connected.iter().copied().map(device).collect();
    let mut able = candidates(&circle.unwrap().unwrap(), &task, &connected, ward.now());
    able.sort_unstable();
    able
}

async fn all_have(ward: &Ward, devices: &[u8], number: u64) {
    for one in devices {
        ward.ack(*one, number).await.unwrap();
    }
}

fn devices(numbers: &[u8]) -> Vec<DeviceId> {
    numbers.iter().copied().map(device).collect()
}

/// A second member is asked to confirm the entry of this author.
fn confirms(number: u64, author: u8) -> TaskKind {
    TaskKind::Confirm { number: EntryNumber::new(number), author: device(author) }
}

#[tokio::test]
async fn who_merged_a_removal_is_asked_to_confirm_it_and_neither_its_author_nor_who_came_later() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3, 4]).await, Office::open());
    office.publishes(&ward, &[office.act(4, REVOKED, &ward)]).await;
    ward.commit(1, 1, Says { leaves: &[4], roster: &[1, 2, 3], ..Says::default() }).await.unwrap();
    ward.commit(1, 2, Says { joins: &[5], roster: &[1, 2, 3, 5], ..Says::default() }).await.unwrap();
    all_have(&ward, &[1, 2, 5], 3).await;
    let asked = async || able(&ward, confirms(2, 1), &[1, 2, 3, 4, 5]).await;
    assert_eq!(asked().await, devices(&[2]), "3 has not read so far");
    arm("mutant.author_asked");
    let author_too = asked().await;
    disarm("mutant.author_asked");
    assert!(author_too.contains(&device(1)), "the guard taken away");
}

#[tokio::test]
async fn a_removal_is_owed_from_the_instant_on_until_a_commit_has_done_it() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    assert_eq!((owed(&ward).await, removals(&ward, 3).await), (vec![], vec![]), "the control: before");
    let instant = ward.now();
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert_eq!(owed(&ward).await, [TaskKind::Remove]);
    let open = Removal { conversation: WARD, list_number: 1, in_force_at: instant, closure: None };
    assert_eq!(removals(&ward, 3).await, std::slice::from_ref(&open));
    // After a restart as before.
    let ward = ward.reopened().await;
    assert_eq!(owed(&ward).await, [TaskKind::Remove]);
    ward.pass(7);
    let commit = ward.commit_of(1, 1, Says { leaves: &[3], roster: &[1, 2], ..Says::default() }, vec![]);
    ward.hand_in(commit.clone()).await.unwrap();
    assert_eq!(owed(&ward).await, [confirms(2, 1)], "nothing more, but that it is confirmed");
    let [closed] = removals(&ward, 3).await.try_into().unwrap();
    let RemovalClosure { taken_at, commit: Some(by) } = closed.closure.clone().unwrap() else {
        panic!("no commit: {closed:?}");
    };
    assert_eq!(Removal { closure: None, ..closed }, open);
    assert_eq!((taken_at, by.log, by.number.get(), by.epoch), (ward.now(), WARD, 2, Epoch::new(1)));
    assert_eq!((by.sha256, by.author), (commit.sha256, commit.author));
    assert_eq!(removals(&ward, 2).await, [], "nobody else's");
}

#[tokio::test]
async fn several_in_a_fence_are_one_task_and_each_is_known_by_itself() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3, 4]).await, Office::open());
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    ward.pass(1);
    office.publishes(&ward, &[office.act(4, REVOKED, &ward)]).await;
    assert_eq!(owed(&ward).await, [TaskKind::Remove]);
    ward.commit(1, 1, Says { leaves: &[3], roster: &[1, 2, 4], ..Says::default() }).await.unwrap();
    assert_eq!(owed(&ward).await, [TaskKind::Remove, confirms(2, 1)], "one is still to go");
    assert!(removals(&ward, 3).await[0].closure.is_some());
    let other = removals(&ward, 4).await;
    assert_eq!((other[0].closure.clone(), other[0].list_number), (None, 2));
    ward.commit(2, 2, Says { leaves: &[4], roster: &[1, 2], ..Says::default() }).await.unwrap();
    assert_eq!(owed(&ward).await, [confirms(2, 1), confirms(3, 2)]);
    assert!(removals(&ward, 4).await[0].closure.is_some());
}

#[tokio::test]
async fn members_outside_the_fence_are_asked_and_for_nothing_else_before() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3, 4]).await, Office::open());
    all_have(&ward, &[1, 3, 4], 1).await;
    let renew = TaskKind::Renew { epoch: Epoch::new(1) };
    assert_eq!(able(&ward, renew.clone(), &[1, 2, 3, 4]).await, devices(&[1, 3, 4]), "the control: before");
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert_eq!(able(&ward, TaskKind::Remove, &[1, 2, 3, 4]).await, devices(&[1, 4]), "2 has not read so far");
    assert_eq!(able(&ward, TaskKind::Remove, &[3, 4]).await, devices(&[4]));
    assert_eq!(able(&ward, renew.clone(), &[1, 2, 3, 4]).await, []);
    for (guard, kind) in [("mutant.removal_waits", renew.clone()), ("mutant.fenced_asked", TaskKind::Remove)]
    {
        arm(guard);
        let asked = able(&ward, kind, &[1, 2, 3, 4]).await;
        disarm(guard);
        assert!(asked.len() >= 2 && asked.contains(&device(1)), "{guard}: {asked:?}");
        assert_eq!(asked.contains(&device(3)), guard == "mutant.fenced_asked", "{guard}: {asked:?}");
    }
    ward.commit(1, 1, Says { leaves: &[3], roster: &[1, 2, 4], ..Says::default() }).await.unwrap();
    assert_eq!(able(&ward, renew, &[1, 4]).await, devices(&[1, 4]), "the control: when it is done");
}

#[tokio::test]
async fn a_hold_that_ends_before_any_commit_owes_nothing_and_a_second_hold_owes_again() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    office.publishes(&ward, &[office.act(3, HELD, &ward)]).await;
    assert_eq!(owed(&ward).await, [TaskKind::Remove]);
    ward.pass(60);
    office.publishes(&ward, &[office.act(3, REINSTATED, &ward)]).await;
    assert_eq!(owed(&ward).await, []);
    let ended = RemovalClosure { taken_at: ward.now(), commit: None };
    assert_eq!(removals(&ward, 3).await[0].closure, Some(ended));
    ward.pass(60);
    office.publishes(&ward, &[office.act(3, HELD, &ward)]).await;
    assert_eq!(owed(&ward).await, [TaskKind::Remove]);
    let again = removals(&ward, 3).await;
    assert_eq!((again.len(), again[0].list_number, again[0].closure.clone()), (1, 3, None));
    // Revoked while it is on hold: the same removal, still open.
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert_eq!(removals(&ward, 3).await, again);
}

#[tokio::test]
async fn of_two_on_hold_one_that_comes_back_leaves_the_other_to_be_removed() {
    let (ward, mut office) = (Ward::with(&[1, 2]).await, Office::open());
    all_have(&ward, &[1, 2], 1).await;
    office.publishes(&ward, &[office.act(1, HELD, &ward), office.act(2, HELD, &ward)]).await;
    assert_eq!(able(&ward, TaskKind::Remove, &[1, 2]).await, [], "nobody is outside");
    ward.pass(60);
    office.publishes(&ward, &[office.act(1, REINSTATED, &ward)]).await;
    assert_eq!(owed(&ward).await, [TaskKind::Remove]);
    assert_eq!(able(&ward, TaskKind::Remove, &[1, 2]).await, devices(&[1]));
    ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await.unwrap();
    assert_eq!(owed(&ward).await, []);
    ward.post(1, 2).await.unwrap();
}

#[tokio::test]
async fn whoever_has_committed_as_often_as_one_may_can_still_remove_the_revoked() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    for epoch in 1..=10 {
        ward.update(1, epoch, &[1, 2, 3]).await.unwrap();
    }
    let refused = ward.update(1, 11, &[1, 2, 3]).await;
    assert!(matches!(refused, Err(ConversationError::CommitRate { .. })), "the control: {refused:?}");
    office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    let removal = Says { leaves: &[3], roster: &[1, 2], ..Says::default() };
    arm("mutant.removals_rated");
    let rated = ward.commit(1, 11, removal).await;
    disarm("mutant.removals_rated");
    assert!(matches!(rated, Err(ConversationError::CommitRate { .. })), "the guard: {rated:?}");
    ward.commit(1, 11, removal).await.unwrap();
    ward.post(1, 12).await.unwrap();
}

#[tokio::test]
async fn a_device_owes_nothing_where_it_is_not_any_more() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    ward.commit(1, 1, Says { leaves: &[3], roster: &[1, 2], ..Says::default() }).await.unwrap();
    let published = office.publishes(&ward, &[office.act(3, REVOKED, &ward)]).await;
    assert_eq!(published.touched, []);
    assert_eq!((owed(&ward).await, removals(&ward, 3).await), (vec![], vec![]));
    ward.post(1, 2).await.unwrap();
    assert_eq!(ward.post(2, 2).await.unwrap().number, EntryNumber::new(4));
}
