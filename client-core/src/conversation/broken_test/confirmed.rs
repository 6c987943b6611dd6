//! Claims about confirming a removal: a device says only what it has merged itself. Each question that it must not answer has its
//! control.

use wardline_identity::{RemovalConfirmation, StatementLabel};
use wardline_proto::{
    DeviceId, Digest, EntryNumber, Epoch,
    closing::ROSTERS_KEPT,
    in_place,
    relay::{ConfirmRemoval, SignedStatement},
};

use super::{
    house::House,
    lists::Lists,
    revoked::removes,
    scene::commit,
    ward::{Log, Phone},
};
use crate::conversation::{Change, confirmation};
use crate::vault::tables::commits;

/// Three of whom the last is revoked, and the first removes it; the second has merged that.
struct Scene {
    house: House,
    author: Phone,
    member: Phone,
    gone: Phone,
    log: Log,
}

impl Scene {
    async fn new() -> Self {
        let house = House::found();
        let (mut author, mut member) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
        let mut gone = house.phone("locum-c").await;
        let mut log = Log::begin(&mut author, &mut [&mut member, &mut gone]).await;
        let mut lists = Lists::none(&house);
        lists.revoke(&house, &[gone.core.device.id()]);
        lists.reaches(&mut author).await;
        lists.reaches(&mut member).await;
        removes(&mut log, &mut author, &mut [&mut member]).await;
        Self { house, author, member, gone, log }
    }

    /// What the relay asks, as it is.
    fn question(&self) -> ConfirmRemoval {
        Self::asks(&self.log, &self.gone)
    }

    /// What it would ask about the last change of a log.
    fn asks(log: &Log, gone: &Phone) -> ConfirmRemoval {
        let commit = log.entries.last().unwrap();
        ConfirmRemoval {
            number: commit.number,
            epoch: commit.epoch,
            commit_sha256: Digest::of(&commit.message).to_wire(),
            device_ids: vec![gone.core.device.id().to_wire()],
        }
    }

    async fn says(&mut self, asked: &ConfirmRemoval) -> Option<SignedStatement> {
        confirmation(&mut self.member.core, &self.log.conversation, asked).await.unwrap()
    }
}

#[tokio::test]
async fn who_has_merged_the_removal_says_so_under_its_own_key() {
    let mut scene = Scene::new().await;
    let asked = scene.question();
    let statement = scene.says(&asked).await.expect("it has merged it");
    let certificate = &scene.member.core.device.certificate;
    let body = certificate.verify_statement(StatementLabel::RemovalConfirmation, &statement).unwrap();
    let said = RemovalConfirmation::read(&body).unwrap();
    assert_eq!((said.log, said.number.get()), (scene.log.conversation, asked.number));
    assert_eq!((said.epoch, said.sha256.to_wire()), (Epoch::new(asked.epoch), asked.commit_sha256));
    assert_eq!(said.devices, [scene.gone.core.device.id()]);
    assert_eq!(said.merged_at, wardline_identity::Clock::now(&*scene.house.clock));
}

#[tokio::test]
async fn nothing_else_is_confirmed_whatever_is_asked() {
    type Ask = fn(&mut ConfirmRemoval, &Scene);
    let questions: [(&str, Ask); 7] = [
        ("mutant.confirm_another_commit", |asked, _| asked.commit_sha256 = Digest::of(b"another").to_wire()),
        ("mutant.confirm_another_commit", |asked, _| asked.epoch += 1),
        ("mutant.confirm_out_by_another", |asked, scene| {
            asked.device_ids = vec![scene.author.core.device.id().to_wire()];
        }),
        ("", |asked, _| asked.number += 1),
        ("", |asked, _| asked.device_ids.clear()),
        ("", |asked, _| asked.device_ids = vec![vec![1; 15].into()]),
        ("", |asked, _| asked.device_ids.push(DeviceId::from_bytes([9; 16]).to_wire())),
    ];
    let mut scene = Scene::new().await;
    for (number, (guard, ask)) in questions.into_iter().enumerate() {
        let mut asked = scene.question();
        assert!(scene.says(&asked).await.is_some(), "the control");
        ask(&mut asked, &scene);
        assert!(scene.says(&asked).await.is_none(), "question {number}");
        if !guard.is_empty() {
            in_place::arm(guard);
            let said = scene.says(&asked).await;
            in_place::disarm(guard);
            assert!(said.is_some(), "the guard taken away: question {number}");
        }
    }
}

/// A device is asked about a change that it has merged and that took nobody out; the one named went by another, later.
#[tokio::test]
async fn a_change_that_somebody_did_not_go_by_is_not_confirmed_though_they_are_out() {
    let house = House::found();
    let (mut author, mut member) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut gone = house.phone("locum-c").await;
    let mut log = Log::begin(&mut author, &mut [&mut member, &mut gone]).await;
    commit(&mut log, &mut author, Change::default(), &mut [&mut member, &mut gone]).await;
    let earlier = log.upto(log.head());
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[gone.core.device.id()]);
    lists.reaches(&mut author).await;
    lists.reaches(&mut member).await;
    removes(&mut log, &mut author, &mut [&mut member]).await;
    let mut scene = Scene { house, author, member, gone, log };
    let (went_by, before) = (scene.question(), Scene::asks(&earlier, &scene.gone));
    assert!(scene.says(&went_by).await.is_some(), "the control");
    assert!(scene.says(&before).await.is_none());
    in_place::arm("mutant.confirm_out_by_another");
    let said = scene.says(&before).await;
    in_place::disarm("mutant.confirm_out_by_another");
    assert!(said.is_some(), "the guard taken away");
}

/// Who was in before a change is forgotten after twenty others; who went by it is not.
#[tokio::test]
async fn a_removal_is_confirmed_by_who_was_away_for_long() {
    let mut scene = Scene::new().await;
    let asked = scene.question();
    for _ in 0..=ROSTERS_KEPT {
        commit(&mut scene.log, &mut scene.author, Change::default(), &mut [&mut scene.member]).await;
    }
    let mut tx = scene.member.core.vault.begin("look").await.unwrap();
    let row = commits::find(&mut tx, &scene.log.conversation, EntryNumber::new(asked.number)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(row.unwrap().before.is_none(), "who was in is forgotten");
    assert!(scene.says(&asked).await.is_some());
}

#[tokio::test]
async fn its_author_and_who_has_not_merged_it_stay_silent() {
    let mut scene = Scene::new().await;
    let (asked, conversation) = (scene.question(), scene.log.conversation);
    for (guard, says) in [("", false), ("mutant.confirm_own", true)] {
        in_place::arm(guard);
        let said = confirmation(&mut scene.author.core, &conversation, &asked).await.unwrap();
        in_place::disarm(guard);
        assert_eq!(said.is_some(), says, "its author {guard}");
    }
    let of_gone = confirmation(&mut scene.gone.core, &conversation, &asked).await.unwrap();
    assert!(of_gone.is_none(), "who is to go has not merged it");
    scene.log.deliver(&mut scene.gone).await;
    let of_gone = confirmation(&mut scene.gone.core, &conversation, &asked).await.unwrap();
    assert!(of_gone.is_none(), "nor is it in any more");
    let mut stranger = scene.house.phone("doctor-d").await;
    assert!(confirmation(&mut stranger.core, &conversation, &asked).await.unwrap().is_none());
}
