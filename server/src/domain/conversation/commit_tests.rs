//! Claims about commits, through a real database.

use std::time::Duration;

use bytes::Bytes;
use wardline_proto::{
    EntryNumber, Epoch,
    in_place::{arm, disarm},
};

use crate::domain::conversation::{
    BETWEEN_MAX, ByIssuers, Commit, CommitDeclaration, CommitOutcome, ConversationError as Error,
    DEVICES_MAX, DeclarationFault, WelcomeFault, WelcomeOffer,
};
use crate::domain::ward::{Says, Ward, device};

fn number(outcome: &CommitOutcome) -> u64 {
    match outcome {
        CommitOutcome::Accepted { receipt, .. } => receipt.number.get(),
        CommitOutcome::Conflict { current } => panic!("the conversation is in epoch {current}"),
    }
}

fn conflict(epoch: u64) -> CommitOutcome {
    CommitOutcome::Conflict { current: Epoch::new(epoch) }
}

#[tokio::test]
async fn one_commit_ends_an_epoch_and_asking_again_gets_the_same_answer() {
    let ward = Ward::with(&[1, 2]).await;
    let mine = ward.commit_of(1, 1, Says { roster: &[1, 2], ..Says::default() }, vec![]);
    let theirs = ward.commit_of(2, 1, Says { roster: &[1, 2], ..Says::default() }, vec![]);
    let first = ward.hand_in(mine.clone()).await.unwrap();
    assert_eq!(number(&first), 2);
    assert_eq!(ward.hand_in(theirs.clone()).await.unwrap(), conflict(2));
    arm("mutant.skip_commit_epoch");
    let second = ward.hand_in(theirs).await;
    disarm("mutant.skip_commit_epoch");
    assert!(!matches!(second, Ok(CommitOutcome::Conflict { .. })), "the guard taken away: {second:?}");
    ward.pass(3_600);
    let ward = ward.reopened().await;
    let again = ward.hand_in(mine.clone()).await.unwrap();
    let (CommitOutcome::Accepted { receipt, fresh }, CommitOutcome::Accepted { receipt: before, .. }) =
        (again, first)
    else {
        panic!("both were accepted");
    };
    assert_eq!((receipt, fresh), (before, false));
    let stolen = Commit { sender: device(2), ..mine };
    assert_eq!(ward.hand_in(stolen).await.unwrap(), conflict(2), "another device's bytes are not its own");
}

#[tokio::test]
async fn of_many_commits_at_once_exactly_one_wins() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let roster = [1, 2, 3, 4];
    let all = futures::future::join_all(roster.iter().map(|sender| ward.update(*sender, 1, &roster))).await;
    let won = all.iter().filter(|o| matches!(o, Ok(CommitOutcome::Accepted { .. }))).count();
    let lost = all.iter().filter(|o| matches!(o, Ok(CommitOutcome::Conflict { .. }))).count();
    assert_eq!((won, lost), (1, 3));
}

#[tokio::test]
async fn a_loser_comes_first_for_two_seconds_and_the_winner_after() {
    let ward = Ward::with(&[1, 2, 3]).await;
    let all = [1, 2, 3];
    ward.update(1, 1, &all).await.unwrap();
    assert!(ward.update(1, 2, &all).await.is_ok(), "nobody lost: no turn to yield");
    assert_eq!(ward.update(2, 2, &all).await.unwrap(), conflict(3));
    let refused = ward.update(1, 3, &all).await;
    assert!(
        matches!(refused, Err(Error::YieldTurn { retry_after }) if retry_after == Duration::from_secs(2))
    );
    assert!(ward.update(2, 3, &all).await.is_ok(), "the loser's turn");
    assert!(ward.update(1, 4, &all).await.is_ok(), "the turn ended with the epoch");
}

#[tokio::test]
async fn a_loser_that_does_not_come_holds_the_winner_back_only_once() {
    let ward = Ward::with(&[1, 2]).await;
    let all = [1, 2];
    ward.update(1, 1, &all).await.unwrap();
    assert_eq!(ward.update(2, 1, &all).await.unwrap(), conflict(2));
    ward.pass(1);
    assert_eq!(ward.update(2, 1, &all).await.unwrap(), conflict(2), "does not prolong it");
    ward.pass(1);
    assert!(ward.update(1, 2, &all).await.is_ok());
}

#[tokio::test]
async fn an_outsider_never_takes_the_turn() {
    let ward = Ward::with(&[1, 2]).await;
    ward.update(1, 1, &[1, 2]).await.unwrap();
    assert!(matches!(ward.update(9, 1, &[1, 2]).await, Err(Error::NotAMember)));
    assert_eq!(ward.update(2, 0, &[1, 2]).await.unwrap(), conflict(2), "too late to have lost this race");
    assert!(ward.update(1, 2, &[1, 2]).await.is_ok());
}

#[tokio::test]
async fn a_device_gets_ten_commits_a_minute() {
    let ward = Ward::with(&[1, 2]).await;
    for epoch in 1..=10 {
        ward.update(1, epoch, &[1, 2]).await.unwrap();
        ward.pass(1);
    }
    let refused = ward.update(1, 11, &[1, 2]).await;
    assert!(
        matches!(refused, Err(Error::CommitRate { retry_after }) if retry_after == Duration::from_secs(50))
    );
    assert!(ward.update(2, 11, &[1, 2]).await.is_ok(), "each device has its own");
    ward.pass(50);
    assert!(ward.update(1, 12, &[1, 2]).await.is_ok());
}

#[tokio::test]
async fn of_a_thousand_commits_in_a_loop_ten_a_minute_are_taken_and_others_come_in_between() {
    let ward = Ward::with(&[1, 2]).await;
    let (mut epoch, mut taken, mut refused, mut others) = (1, 0, 0, 0);
    for attempt in 0..1_000 {
        match ward.update(1, epoch, &[1, 2]).await {
            Ok(CommitOutcome::Accepted { .. }) => (epoch, taken) = (epoch + 1, taken + 1),
            Err(Error::CommitRate { .. }) => refused += 1,
            other => panic!("{other:?}"),
        }
        if attempt % 250 == 249 {
            // Whoever speaks or commits meanwhile is never refused because of it.
            ward.post(2, epoch).await.unwrap();
            let outcome = ward.update(2, epoch, &[1, 2]).await.unwrap();
            assert!(matches!(outcome, CommitOutcome::Accepted { fresh: true, .. }));
            (epoch, others) = (epoch + 1, others + 1);
            ward.pass(60);
        }
    }
    assert_eq!((taken, refused, others), (40, 960, 4));
}

#[tokio::test]
async fn a_clock_that_was_set_back_turns_no_stamp_back_and_no_rate_off() {
    let ward = Ward::with(&[1, 2]).await;
    let head = |outcome: CommitOutcome| match outcome {
        CommitOutcome::Accepted { receipt, .. } => receipt.stamp,
        CommitOutcome::Conflict { current } => panic!("the conversation is in epoch {current}"),
    };
    let before = head(ward.update(1, 1, &[1, 2]).await.unwrap());
    ward.set_back(86_400);
    for epoch in 2..=11 {
        assert_eq!(head(ward.update(1, epoch, &[1, 2]).await.unwrap()), before);
    }
    let refused = ward.update(1, 12, &[1, 2]).await;
    assert!(
        matches!(refused, Err(Error::CommitRate { retry_after }) if retry_after == Duration::from_secs(60))
    );
    ward.pass(60);
    assert_eq!(head(ward.update(1, 12, &[1, 2]).await.unwrap()), before, "not held up for a day");
    ward.pass(86_400);
    assert_eq!(head(ward.update(1, 13, &[1, 2]).await.unwrap()), ward.now(), "the control");
}

#[tokio::test]
async fn a_commit_moves_its_joins_and_leaves_and_only_with_it() {
    let ward = Ward::with(&[1, 2]).await;
    ward.commit(1, 1, Says { joins: &[3], leaves: &[2], roster: &[1, 3], ..Says::default() }).await.unwrap();
    let out = ward.stays(2).await;
    assert_eq!((out.len(), out[0].departed), (1, Some(EntryNumber::new(2))));
    let came = ward.stays(3).await;
    assert_eq!((came.len(), came[0].joined, came[0].departed), (1, EntryNumber::new(2), None));
    assert!(ward.post(3, 2).await.is_ok());
    assert!(matches!(ward.post(2, 2).await, Err(Error::NotAMember)));
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_is_refused_and_the_honest_one_goes_through() {
    let ward = Ward::with(&[1, 2]).await;
    let before = ward.stays(1).await;
    let refused = ward.update(1, 1, &[1, 2, 3]).await;
    assert!(matches!(refused, Err(Error::Declaration(DeclarationFault::Roster))));
    let refused = ward.commit(1, 1, Says { joins: &[2], roster: &[1, 2], ..Says::default() }).await;
    assert!(matches!(refused, Err(Error::Declaration(DeclarationFault::JoinerIsAMember))));
    let refused = ward.commit(1, 1, Says { leaves: &[9], roster: &[1, 2], ..Says::default() }).await;
    assert!(matches!(refused, Err(Error::Declaration(DeclarationFault::LeaverNotAMember))));
    assert_eq!(ward.stays(1).await, before);
    assert!(ward.update(1, 1, &[1, 2]).await.is_ok());
}

#[tokio::test]
async fn a_welcome_is_for_exactly_the_packages_handed_out_for_the_joins() {
    let ward = Ward::with(&[1, 2]).await;
    let says = Says { joins: &[3, 4], roster: &[1, 2, 3, 4], ..Says::default() };
    let mine = ward.claimed(1, &[3, 4]).await;
    let others = ward.claimed(2, &[3, 4]).await;
    let elsewhere = ward.claimed(1, &[5]).await;
    let fault =
        async |references: Vec<Bytes>, says| match ward.hand_in(ward.commit_of(1, 1, says, references)).await
        {
            Err(Error::Welcome(fault)) => Some(fault),
            _ => None,
        };
    assert_eq!(fault(vec![], says).await, Some(WelcomeFault::Missing));
    let nobody = Says { roster: &[1, 2], ..Says::default() };
    assert_eq!(fault(mine.clone(), nobody).await, Some(WelcomeFault::Unexpected));
    let wrong = [
        vec![mine[0].clone()],
        vec![mine[0].clone(), mine[0].clone()],
        vec![mine[0].clone(), others[1].clone()],
        vec![mine[0].clone(), elsewhere[0].clone()],
        vec![mine[0].clone(), Bytes::from_static(&[7; 32])],
        vec![mine[0].clone(), mine[1].clone(), elsewhere[0].clone()],
    ];
    for references in wrong {
        assert_eq!(fault(references, says).await, Some(WelcomeFault::References));
    }
    let mut other_suite = ward.commit_of(1, 1, says, mine.clone());
    other_suite.welcome = other_suite.welcome.map(|w| WelcomeOffer { cipher_suite: 0x004F, ..w });
    assert!(matches!(ward.hand_in(other_suite).await, Err(Error::Welcome(WelcomeFault::Suite))));
    assert_eq!(ward.stays(3).await, []);
    assert!(ward.hand_in(ward.commit_of(1, 1, says, mine.clone())).await.is_ok());
    ward.commit(2, 2, Says { leaves: &[3, 4], roster: &[1, 2], ..Says::default() }).await.unwrap();
    let again = ward.hand_in(ward.commit_of(1, 3, says, mine)).await;
    assert!(matches!(again, Err(Error::Welcome(WelcomeFault::References))), "a claim lets in once");
}

#[tokio::test]
async fn who_joins_is_given_what_the_log_had_since_its_author_looked() {
    let ward = Ward::with(&[1, 2]).await;
    let seen = ward.post(1, 1).await.unwrap();
    let between = [ward.post(2, 1).await.unwrap(), ward.post(1, 1).await.unwrap()];
    let says = Says { joins: &[3], roster: &[1, 2, 3], ..Says::default() };
    let refused = ward.commit(1, 1, Says { seen: 5, ..says }).await;
    assert!(
        matches!(refused, Err(Error::Declaration(DeclarationFault::Behind))),
        "past the head: {refused:?}"
    );
    ward.commit(1, 1, Says { seen: seen.number.get(), ..says }).await.unwrap();
    let delivery = ward.delivery(5).await.unwrap();
    let numbers: Vec<_> = delivery.between.iter().map(|link| link.number).collect();
    assert_eq!(numbers, between.map(|receipt| receipt.number));
    let led = delivery.between.iter().fold(seen.chain, |chain, link| chain.append(link));
    assert_eq!(led, between[1].chain);
}

#[tokio::test]
async fn one_who_adds_is_at_one_of_the_last_256_entries() {
    let ward = Ward::with(&[1, 2]).await;
    for _ in 0..BETWEEN_MAX {
        ward.post(1, 1).await.unwrap();
    }
    let says = Says { joins: &[3], roster: &[1, 2, 3], ..Says::default() };
    let refused = ward.commit(1, 1, says).await;
    assert!(matches!(refused, Err(Error::Declaration(DeclarationFault::Behind))), "{refused:?}");
    ward.commit(1, 1, Says { seen: 1, ..says }).await.unwrap();
}

#[tokio::test]
async fn nobody_is_let_in_by_a_certificate_that_is_no_longer_good_and_no_list_of_issuers_is_made_up() {
    let ward = Ward::with(&[1, 2]).await;
    let says = Says { joins: &[3], roster: &[1, 2, 3], ..Says::default() };
    let adds = ward.commit_of(1, 1, says, ward.claimed(1, says.joins).await);
    let struck = |device| ByIssuers { number: 2, struck: device };
    let commit = Commit { issuers: struck(Some(device(3))), ..adds.clone() };
    let refused = ward.hand_in(commit.clone()).await;
    assert!(
        matches!(refused, Err(Error::JoinStruck { device: who, number: 2 }) if who == device(3)),
        "{refused:?}"
    );
    arm("mutant.join_struck");
    let taken = ward.hand_in(commit).await;
    disarm("mutant.join_struck");
    assert!(taken.is_ok(), "the guard taken away");

    let ward = Ward::with(&[1, 2]).await;
    let data = |issuers_list_number| wardline_proto::relay::CommitData {
        roster_sha256: wardline_proto::roster_digest([device(1), device(2)]).to_wire(),
        issuers_list_number,
        ..Default::default()
    };
    let named = |number| {
        let honest = ward.commit_of(1, 1, Says { roster: &[1, 2], ..Says::default() }, vec![]);
        let declaration = CommitDeclaration::parse(&data(number)).unwrap();
        Commit { declaration, issuers: struck(None), ..honest }
    };
    let unknown = DeclarationFault::UnknownIssuers { relay: 2 };
    let refused = ward.hand_in(named(3)).await;
    assert!(matches!(&refused, Err(Error::Declaration(fault)) if *fault == unknown), "{refused:?}");
    assert!(ward.hand_in(named(2)).await.is_ok(), "the control");
    arm("mutant.any_issuers_named");
    let taken = ward.hand_in(Commit { epoch: Epoch::new(2), ..named(3) }).await;
    disarm("mutant.any_issuers_named");
    assert!(taken.is_ok(), "the guard taken away");
}

#[tokio::test]
async fn a_conversation_has_at_most_500_devices() {
    let ward = Ward::with(&[1]).await;
    let ids: Vec<_> = (0..DEVICES_MAX).map(|n| [&[2; 8][..], &n.to_be_bytes()].concat()).collect();
    let joins: Vec<_> =
        ids.iter().map(|id| wardline_proto::DeviceId::try_from(id.as_slice()).unwrap()).collect();
    let all = joins.iter().copied().chain([device(1)]);
    let data = wardline_proto::relay::CommitData {
        joins: joins.iter().map(|id| id.to_wire()).collect(),
        roster_sha256: wardline_proto::roster_digest(all).to_wire(),
        ..Default::default()
    };
    let honest = ward.commit_of(1, 0, Says { roster: &[1], ..Says::default() }, vec![]);
    let declaration = CommitDeclaration::parse(&data).unwrap();
    let crowd = Commit { declaration, ..honest.clone() };
    assert!(matches!(ward.hand_in(crowd).await, Err(Error::Full)));
    assert!(ward.hand_in(honest).await.is_ok());
}
