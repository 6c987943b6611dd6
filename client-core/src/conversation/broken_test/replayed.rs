//! Claims about statements that are shown a second time: of what they say, they say it once. Each attack has its control.

use wardline_identity::{StatementLabel, sign_statement};
use wardline_proto::{
    EntryNumber, in_place,
    relay::{
        DeviceApproval, KeeperRight, OutOfStep, OwnDevice, SignedStatement, membership_task::Task,
        removal_ground::Ground,
    },
};

use super::{
    house::House,
    reported,
    scene::{commit, member, removal, wishes, without_commits},
    ward::{Log, Phone},
};
use crate::{
    conversation::{Change, add_anew::add_anew, asked, encode, leave_statement},
    vault::tables::{
        faults::{self, FaultRow},
        intents::Wish,
    },
};

async fn faults_of(phone: &Phone, log: &Log) -> Vec<FaultRow> {
    let mut tx = phone.core.vault.begin("faults").await.unwrap();
    faults::list(&mut tx, &log.conversation).await.unwrap()
}

/// A device was added anew once. Its report is used again, by a liar. Answers whether an honest member would use it too, what
/// it is told of who did, and how much it says again.
async fn report_again(guards: &[&'static str]) -> (bool, bool, usize) {
    guards.iter().for_each(|guard| in_place::arm(guard));
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    commit(&mut log, &mut a, Change::default(), &mut [&mut b, &mut m]).await;
    log.deliver_altered(&mut c, without_commits).await;
    let report = reported(&c, &old).await;
    let removes = add_anew(&mut b.core, &old, &[encode(&report)]).await.unwrap();
    assert_eq!(removes.len(), 1, "the control: the first time");
    let change = Change { adds: vec![c.package().await], removes, ..Change::default() };
    let welcome = commit(&mut log, &mut b, change, &mut [&mut a, &mut m]).await;
    assert!(log.welcome(&mut c, &welcome).await);
    log.talk(&mut a, "said since", &mut [&mut b, &mut c, &mut m]).await;

    // 1. The relay asks for it once more.
    let honest = !add_anew(&mut b.core, &old, &[encode(&report)]).await.unwrap().is_empty();
    // 2. A liar does it.
    let mut change = removal(member(&mut m, &log, &c).await, Ground::OutOfStep(report));
    change.adds = vec![c.package().await];
    commit(&mut log, &mut m, change, &mut [&mut a, &mut b]).await;
    let told = b.reads(&old).await;
    let told = told.iter().any(|line| line.contains("took a device out and in again without a reason"));
    guards.iter().for_each(|guard| in_place::disarm(guard));
    (honest, told, a.outbox().await.len())
}

#[tokio::test]
async fn a_report_takes_its_device_out_and_in_once() {
    assert_eq!(report_again(&[]).await, (false, true, 0));
    assert_eq!(report_again(&["mutant.old_reports"]).await, (true, false, 1), "the guard taken away");
    assert_eq!(
        report_again(&["mutant.any_report"]).await.2,
        1,
        "whoever believes any makes itself say all again"
    );
}

/// A bare word of a member about the whole log: what a member says again for it.
async fn said_again(guard: &'static str) -> usize {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let mut c = house.phone("locum-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut m, &mut c]).await;
    for text in ["one", "two", "three"] {
        log.talk(&mut a, text, &mut [&mut m, &mut c]).await;
    }
    let report = OutOfStep {
        conversation_id: log.conversation.to_wire(),
        number: 1,
        commit_sha256: vec![7; 32].into(),
        said_at: None,
    };
    // Signed by the liar, not by the device that it takes out and in.
    let device = &m.core.device;
    let signed =
        sign_statement(&device.key, StatementLabel::OutOfStep, &report, Some(device.certificate.der()));
    let mut change = removal(member(&mut m, &log, &c).await, Ground::OutOfStep(signed));
    change.adds = vec![c.package().await];
    commit(&mut log, &mut m, change, &mut [&mut a]).await;
    in_place::disarm(guard);
    a.outbox().await.len()
}

#[tokio::test]
async fn nobodys_bare_word_makes_others_say_everything_again() {
    assert_eq!(said_again("").await, 0);
    assert_eq!(said_again("mutant.any_report").await, 3, "the guard taken away");
}

/// Somebody said that they leave, was removed before that was done, and came back. Answers whether an honest member would
/// carry it out now, and whether whom a liar removed by it is brought back.
async fn leave_again(guard: &'static str) -> (bool, bool) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    let seen = |phone: &Phone, number: EntryNumber| {
        leave_statement(&phone.core.device.newest(), (&old, number), phone.core.clock.now())
    };
    let leave = seen(&c, c.row(&old).await.cursor);
    let out = removal(member(&mut a, &log, &c).await, Ground::Keeper(KeeperRight {}));
    commit(&mut log, &mut a, out, &mut [&mut b, &mut c, &mut m]).await;
    let back = Change { adds: vec![c.package().await], ..Change::default() };
    let welcome = commit(&mut log, &mut a, back, &mut [&mut b, &mut m]).await;
    assert!(log.welcome(&mut c, &welcome).await);

    let new = seen(&c, c.row(&old).await.cursor);
    let wish = asked(&mut b.core, &old, Task::LetGo(new)).await.unwrap();
    assert!(matches!(wish, Some(Wish::LetGo { .. })), "the control: said now");
    let honest = asked(&mut b.core, &old, Task::LetGo(leave.clone())).await.unwrap().is_some();
    let out = removal(member(&mut m, &log, &c).await, Ground::Leave(leave));
    commit(&mut log, &mut m, out, &mut [&mut a, &mut b]).await;
    in_place::disarm(guard);
    (honest, wishes(&b).await.iter().any(|wish| matches!(wish, Wish::Mend { user, .. } if user == "locum-c")))
}

#[tokio::test]
async fn a_leave_is_of_the_stay_it_was_said_in() {
    assert_eq!(leave_again("").await, (false, true));
    assert_eq!(leave_again("mutant.old_leaves").await, (true, false), "the guard taken away");
}

/// A person's second device was approved, came, and was taken out. Somebody lets it in again by the same approval. Answers
/// whether an honest member would, whether it is held, and whom that is counted against.
async fn approval_again(guard: &'static str) -> (bool, bool, Vec<String>) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (a2, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m]).await;
    let approval = approve(&a, &a2);
    let adds = vec![a2.package().await];
    let change = Change { adds, approvals: vec![approval.clone()], ..Change::default() };
    commit(&mut log, &mut m, change, &mut [&mut a, &mut b]).await;
    assert!(faults_of(&b, &log).await.is_empty(), "the control: the first time");
    let out = removal(member(&mut a, &log, &a2).await, Ground::OwnDevice(OwnDevice {}));
    commit(&mut log, &mut a, out, &mut [&mut b, &mut m]).await;

    let task = Task::AddDevice(approval.clone());
    let honest = asked(&mut b.core, &log.conversation, task).await.unwrap().is_some();
    let adds = vec![a2.package().await];
    let change = Change { adds, approvals: vec![approval], ..Change::default() };
    commit(&mut log, &mut m, change, &mut [&mut a, &mut b]).await;
    in_place::disarm(guard);
    let held = b.row(&log.conversation).await.held.is_some();
    let against = faults_of(&b, &log).await.into_iter();
    let against =
        against.map(|fault| if fault.device == a2.core.device.id() { "the device" } else { "another" });
    (honest, held, against.map(str::to_owned).collect())
}

fn approve(by: &Phone, device: &Phone) -> SignedStatement {
    let certificate = &device.core.device.certificate;
    let approval = DeviceApproval {
        device_id: certificate.device().to_wire(),
        certificate_sha256: certificate.fingerprint().to_wire(),
        approved_at: None,
    };
    let own = &by.core.device;
    sign_statement(&own.key, StatementLabel::DeviceApproval, &approval, Some(own.certificate.der()))
}

#[tokio::test]
async fn an_approval_lets_in_once() {
    assert_eq!(approval_again("").await, (false, true, vec!["the device".to_owned()]));
    assert_eq!(
        approval_again("mutant.old_approvals").await,
        (true, false, Vec::new()),
        "the guard taken away"
    );
}
