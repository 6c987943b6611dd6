//! What becomes a task, and what ends it.

use std::time::Duration;

use wardline_proto::in_place::{arm, disarm};

use super::*;
use crate::domain::membership::{GroundFault, TaskKind as Kind};

fn kinds(tasks: &[Task]) -> Vec<u8> {
    tasks.iter().map(|task| task.kind.number()).collect()
}

#[tokio::test]
async fn a_leave_is_owed_until_all_devices_of_the_person_are_out_whoever_commits() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    enrolled(&ward, 2, 2).await;
    enrolled(&ward, 3, 2).await;
    assert_eq!(ask(&ward, leave_of(2)).await.unwrap(), [WARD]);
    assert_eq!(ask(&ward, leave_of(2)).await.unwrap(), [WARD], "asking again");
    assert_eq!(kinds(&tasks(&ward).await), [1], "is one task");
    let ward = ward.reopened().await;
    committed(&ward, 1, 1, Says { leaves: &[2], roster: &[1, 3, 4], ..Says::default() }).await;
    assert_eq!(kinds(&tasks(&ward).await), [1], "one device is still in");
    committed(&ward, 4, 2, Says { leaves: &[3], roster: &[1, 4], ..Says::default() }).await;
    assert_eq!(tasks(&ward).await, []);
}

#[tokio::test]
async fn a_leave_is_for_the_callers_own_person_and_the_conversation_it_names() {
    let ward = Ward::with(&[1, 2]).await;
    let others = Request { user: user(1), ..leave_of(2) };
    let elsewhere =
        Request { ground: Ground::Leave { conversation: conversation(9), user: user(2) }, ..leave_of(2) };
    for request in [others, elsewhere] {
        let refused = ask(&ward, request).await;
        assert!(matches!(refused, Err(MembershipError::Ground(GroundFault::Leave))), "{refused:?}");
    }
    assert_eq!(tasks(&ward).await, []);
    assert!(ask(&ward, leave_of(2)).await.is_ok(), "the control");
}

#[tokio::test]
async fn an_approved_device_is_owed_until_it_is_in() {
    let ward = Ward::with(&[1, 2]).await;
    enrolled(&ward, 2, 2).await;
    enrolled(&ward, 3, 2).await;
    let approval = |of| Ground::Approval { device: device(of), certificate: certificate(of) };
    assert_eq!(ask(&ward, request(2, approval(3), b"x")).await.unwrap(), [WARD]);
    assert_eq!(kinds(&tasks(&ward).await), [2]);
    committed(&ward, 1, 1, Says { joins: &[3], roster: &[1, 2, 3], ..Says::default() }).await;
    assert_eq!(tasks(&ward).await, []);
    assert_eq!(ask(&ward, request(2, approval(3), b"x")).await.unwrap(), [], "it is in");
}

#[tokio::test]
async fn an_approval_is_for_another_device_of_the_same_person_by_its_own_certificate() {
    let ward = Ward::with(&[1, 2]).await;
    for (number, owner) in [(1, 1), (2, 2), (3, 2), (4, 4)] {
        enrolled(&ward, number, owner).await;
    }
    let approval = |of: u8, by: Digest| Ground::Approval { device: device(of), certificate: by };
    let refused = async |ground| match ask(&ward, request(2, ground, b"x")).await {
        Err(MembershipError::Ground(fault)) => Some(fault),
        _ => None,
    };
    assert_eq!(refused(approval(4, certificate(4))).await, Some(GroundFault::Approval), "another person's");
    assert_eq!(refused(approval(2, certificate(2))).await, Some(GroundFault::Approval), "itself");
    assert_eq!(refused(approval(3, certificate(4))).await, Some(GroundFault::Device), "another certificate");
    assert_eq!(refused(approval(9, certificate(9))).await, Some(GroundFault::Device), "unknown");
    assert_eq!(tasks(&ward).await, []);
    assert_eq!(refused(approval(3, certificate(3))).await, None, "the control");
}

#[tokio::test]
async fn a_confirmation_is_by_another_person_for_one_who_has_no_other_device_in() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    // 2 is lost and 5 replaces it; 3 has a second device, 4, and a new one, 6.
    for (number, owner) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 2), (6, 3)] {
        enrolled(&ward, number, owner).await;
    }
    let refused = async |request| match ask(&ward, request).await {
        Err(MembershipError::Ground(fault)) => Some(fault),
        _ => None,
    };
    assert_eq!(refused(confirmation_of(2, 5, 2)).await, Some(GroundFault::Confirmation), "one's own");
    assert_eq!(refused(confirmation_of(1, 5, 3)).await, Some(GroundFault::Confirmation), "two people's");
    assert_eq!(ask(&ward, confirmation_of(1, 6, 3)).await.unwrap(), [], "4 can approve it");
    assert_eq!(tasks(&ward).await, []);
    assert_eq!(ask(&ward, confirmation_of(1, 5, 2)).await.unwrap(), [WARD]);
    assert_eq!(kinds(&tasks(&ward).await), [3]);
    committed(&ward, 3, 1, Says { joins: &[5], leaves: &[2], roster: &[1, 3, 4, 5], ..Says::default() })
        .await;
    assert_eq!(tasks(&ward).await, []);
}

#[tokio::test]
async fn nobody_asks_for_a_conversation_they_are_not_in_and_then_nothing_is_kept_of_it() {
    let ward = Ward::with(&[1, 2]).await;
    enrolled(&ward, 1, 1).await;
    enrolled(&ward, 3, 1).await;
    let ground = Ground::Approval { device: device(3), certificate: certificate(3) };
    let both = Request { conversations: vec![WARD, conversation(9)], ..request(1, ground.clone(), b"x") };
    let refused = ask(&ward, both).await;
    assert!(
        matches!(refused, Err(MembershipError::Conversation(ConversationError::NotAMember))),
        "{refused:?}"
    );
    assert_eq!(tasks(&ward).await, []);
    assert!(ask(&ward, request(1, ground, b"x")).await.is_ok(), "the control");
    committed(&ward, 1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await;
    assert!(ask(&ward, leave_of(2)).await.is_err(), "out by now");
}

#[tokio::test]
async fn a_report_is_about_a_commit_that_stands_in_the_log_so() {
    let ward = Ward::with(&[1, 2, 3]).await;
    ward.post(1, 1).await.unwrap();
    let commit = update(&ward, 1, 1, &[1, 2, 3]).await;
    assert_eq!(commit, 3);
    let mismatch =
        |said: Result<bool, ConversationError>| matches!(said, Err(ConversationError::EntryMismatch));
    let other = Digest::of(b"other bytes");
    assert!(mismatch(says(&ward, 2, commit, other).await));
    assert!(mismatch(stuck(&ward, 2, 2).await), "a message");
    assert!(mismatch(stuck(&ward, 2, 4).await), "beyond the head");
    assert!(matches!(stuck(&ward, 9, commit).await, Err(ConversationError::NotAMember)));
    assert_eq!(tasks(&ward).await, []);
    assert!(stuck(&ward, 2, commit).await.unwrap());
    assert!(!stuck(&ward, 2, commit).await.unwrap(), "asking again");
    assert_eq!(tasks(&ward).await.len(), 1);
    assert_eq!(circle(&ward).await.reports.len(), 1);
    arm("mutant.any_digest");
    let taken = says(&ward, 3, commit, other).await;
    disarm("mutant.any_digest");
    assert!(taken.unwrap(), "the guard taken away: a word about bytes that nobody has counts");
    assert!(shut(&ward, commit).await, "and no member believes the end that it makes");
}

#[tokio::test]
async fn a_report_ends_when_its_device_is_added_anew_and_the_task_when_all_are() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3, 4]).await;
    stuck(&ward, 2, commit).await.unwrap();
    stuck(&ward, 3, commit).await.unwrap();
    let both = tasks(&ward).await;
    assert_eq!(both[0].kind, Kind::AddAnew { number: EntryNumber::new(commit) });
    let anew = Says { joins: &[2], leaves: &[2], roster: &[1, 2, 3, 4], ..Says::default() };
    let anew = committed(&ward, 4, 2, anew).await;
    ward.ack(4, anew).await.unwrap();
    assert_eq!(tasks(&ward).await, both, "one still cannot follow");
    assert_eq!(circle(&ward).await.reports.len(), 1);
    assert!(!stuck(&ward, 2, commit).await.unwrap(), "said again when it is long past: nothing to do");
    assert_eq!(circle(&ward).await.reports.len(), 1);
    committed(&ward, 1, 3, Says { leaves: &[3], roster: &[1, 2, 4], ..Says::default() }).await;
    assert_eq!(tasks(&ward).await, []);
}

#[tokio::test]
async fn a_device_added_anew_reads_on_whatever_it_has_acknowledged() {
    let ward = Ward::with(&[1, 2]).await;
    ward.ack(2, 1).await.unwrap();
    let commit = update(&ward, 1, 1, &[1, 2]).await;
    ward.post(1, 2).await.unwrap();
    stuck(&ward, 2, commit).await.unwrap();
    let anew =
        committed(&ward, 1, 2, Says { joins: &[2], leaves: &[2], roster: &[1, 2], ..Says::default() }).await;
    ward.post(2, 3).await.unwrap();
    ward.ack(2, anew + 1).await.unwrap();
    assert!(ward.stays(2).await.iter().all(|stay| stay.acked == stay.end()));
    assert!(matches!(stuck(&ward, 2, anew + 1).await, Err(ConversationError::EntryMismatch)));
    let next = update(&ward, 1, 3, &[1, 2]).await;
    assert!(stuck(&ward, 2, next).await.unwrap(), "it may lose its step again");
}

#[tokio::test]
async fn a_device_has_one_report_about_the_first_commit_it_cannot_follow() {
    let ward = Ward::with(&[1, 2, 3]).await;
    let first = update(&ward, 1, 1, &[1, 2, 3]).await;
    let second = update(&ward, 1, 2, &[1, 2, 3]).await;
    let third = update(&ward, 1, 3, &[1, 2, 3]).await;
    assert!(stuck(&ward, 2, second).await.unwrap());
    assert!(!stuck(&ward, 2, third).await.unwrap(), "who cannot follow one follows none after it");
    assert!(stuck(&ward, 2, first).await.unwrap(), "an earlier one takes its place");
    let numbers: Vec<_> = tasks(&ward).await.into_iter().map(|task| task.kind).collect();
    assert_eq!(numbers, [Kind::AddAnew { number: EntryNumber::new(first) }]);
}

#[tokio::test]
async fn one_who_loses_its_step_again_and_again_keeps_nobody_busy_for_ever() {
    let ward = Ward::with(&[1, 2, 3]).await;
    let all = [1, 2, 3];
    let (mut epoch, mut last) = (1, 1);
    let refused = loop {
        match stuck(&ward, 2, last).await {
            Ok(_) => {}
            Err(refused) => break refused,
        }
        ward.pass(10);
        last =
            committed(&ward, 1, epoch, Says { joins: &[2], leaves: &[2], roster: &all, ..Says::default() })
                .await;
        epoch += 1;
    };
    assert_eq!(epoch, 21, "twenty times");
    let ConversationError::LetInTooOften { retry_after } = refused else { panic!("{refused:?}") };
    assert_eq!(retry_after, Duration::from_secs(410));
    assert!(stuck(&ward, 3, 1).await.unwrap(), "each device has its own");
    ward.pass(410);
    assert!(stuck(&ward, 2, last).await.unwrap());
}

/// 1 takes 2 out and in, more often than a device may ask for it; 2 has said nothing so far. Whether it is heard then.
async fn heard_after_all(ward: &Ward) -> bool {
    let mut last = 1;
    for epoch in 1..=24 {
        ward.pass(10);
        let says = Says { joins: &[2], leaves: &[2], roster: &[1, 2, 3], ..Says::default() };
        last = committed(ward, 1, epoch, says).await;
    }
    match stuck(ward, 2, last).await {
        Ok(kept) => kept,
        Err(ConversationError::LetInTooOften { .. }) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_is_taken_out_and_in_unasked_is_heard_however_often_that_was() {
    assert!(heard_after_all(&Ward::with(&[1, 2, 3]).await).await);
    let ward = Ward::with(&[1, 2, 3]).await;
    arm("mutant.unasked_count");
    let heard = heard_after_all(&ward).await;
    disarm("mutant.unasked_count");
    assert!(!heard, "the guard taken away");
}

#[tokio::test]
async fn a_device_inside_the_fence_does_not_report() {
    let ward = Ward::with(&[1, 2, 3]).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3]).await;
    fence(&ward, 2).await;
    assert!(matches!(stuck(&ward, 2, commit).await, Err(ConversationError::RevocationPending)));
    assert!(stuck(&ward, 3, commit).await.unwrap(), "the control: one outside");
}

#[tokio::test]
async fn the_same_task_has_the_same_id_and_another_another() {
    let ward = Ward::with(&[1, 2, 3]).await;
    ask(&ward, leave_of(2)).await.unwrap();
    let before = tasks(&ward).await[0].id();
    ward.pass(60);
    ask(&ward, leave_of(2)).await.unwrap();
    assert_eq!(tasks(&ward).await[0].id(), before);
    ask(&ward, leave_of(3)).await.unwrap();
    let ids: BTreeSet<_> = tasks(&ward).await.iter().map(Task::id).collect();
    assert_eq!(ids.len(), 2);
}
