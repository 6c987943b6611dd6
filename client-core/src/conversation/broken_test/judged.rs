//! Claims about what this device judges before it acts: invitations of replaced devices, what was held, the end of a log, the
//! word of a member about the relay, and what the relay asks for. Each attack has its control.

use wardline_proto::{
    DeviceId, in_place,
    relay::{
        AddAnew, DeviceApproval, OutOfStep, RemovalGround, Renew, SignedStatement, membership_task::Task,
        removal_ground::Ground,
    },
};

use super::{
    accused, end,
    house::House,
    reported,
    scene::{commit, member, without_commits},
    ward::{Log, NOW, Phone},
};
use crate::{
    conversation::{
        Change, add_anew::add_anew, asked, closed, confirmation_statement, encode, leave_statement,
        replacement::Waiting,
    },
    vault::tables::{
        conversations::Standing,
        intents::Wish,
        relay_faults::{self, RelayFaultKind},
    },
};

/// What `by` confirms of a new device, shown this invitation.
fn confirm(by: &Phone, new: &Phone, replaces: DeviceId, record: SignedStatement) -> SignedStatement {
    let waiting = Waiting {
        certificate: new.core.device.certificate.clone(),
        replaces,
        record,
        invited_by: String::new(),
        enrolled: NOW,
        conversations: Vec::new(),
    };
    confirmation_statement(&by.core.device.newest(), &waiting, NOW)
}

/// A liar confirms, and lets in, a device of somebody's by an invitation. Answers whether an honest member would when asked,
/// and whether it is held where that member judges it.
async fn replaced(guard: &'static str, names: impl Fn(&House, DeviceId) -> SignedStatement) -> (bool, bool) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (b2, mut m) = (house.phone("nurse-b").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m]).await;
    let lost = b.core.device.id();
    let confirmation = confirm(&m, &b2, lost, names(&house, lost));
    let task = Task::LetBack(confirmation.clone());
    let honest = asked(&mut a.core, &log.conversation, task).await.unwrap().is_some();
    let ground = RemovalGround { ground: Some(Ground::Replaced(confirmation.clone())) };
    let change = Change {
        adds: vec![b2.package().await],
        removes: vec![(member(&mut m, &log, &b).await, ground)],
        confirmations: vec![confirmation],
        ..Change::default()
    };
    commit(&mut log, &mut m, change, &mut [&mut a]).await;
    in_place::disarm(guard);
    (honest, a.row(&log.conversation).await.held.is_some())
}

#[tokio::test]
async fn a_confirmation_counts_with_the_invitation_that_names_the_replaced_device() {
    let right = |house: &House, lost: DeviceId| house.invites("nurse-b", Some(lost));
    assert_eq!(replaced("", right).await, (true, false), "the control");
    let none = |house: &House, _| house.invites("nurse-b", None);
    assert_eq!(replaced("", none).await, (false, true));
    let anothers = |house: &House, lost: DeviceId| house.invites("mallory", Some(lost));
    assert_eq!(replaced("", anothers).await, (false, true));
    let other_device = |house: &House, _| house.invites("nurse-b", Some(DeviceId::from_bytes([9; 16])));
    assert_eq!(replaced("", other_device).await, (false, true));
    let forged = |house: &House, lost: DeviceId| {
        let mut record = house.invites("nurse-b", Some(lost));
        record.signature = house.invites("nurse-b", None).signature;
        record
    };
    assert_eq!(replaced("", forged).await, (false, true));
    assert_eq!(replaced("mutant.uninvited_replacement", none).await, (true, false), "the guard taken away");
}

/// Settings were stolen, and a device fell out before that was put right. It is let in by the thief, or by somebody else
/// after it was put right. Answers whether it is held.
async fn let_in_while_held(guard: &'static str, by_thief: bool) -> bool {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut m = house.phone("mallory").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m]).await;
    let old = log.conversation;
    a.core.load_group(&old).await.unwrap();
    let right = a.core.groups[&old].settings();
    let mut stolen = right.clone();
    (stolen.keepers, stolen.number) = (vec!["mallory".to_owned()], 2);
    let pending = m.stages(&old, Change { settings: Some(stolen), ..Change::default() }).await;
    log.commit(&m, pending);
    for phone in [&mut a, &mut b, &mut m] {
        log.deliver(phone).await;
    }
    assert!(b.row(&old).await.held.is_some());
    let pending = m.stages(&old, Change::default()).await;
    log.commit(&m, pending);
    log.deliver(&mut a).await;
    log.deliver(&mut m).await;
    log.deliver_altered(&mut b, without_commits).await;
    if !by_thief {
        commit(&mut log, &mut a, Change { settings: Some(right), ..Change::default() }, &mut [&mut m]).await;
    }
    let adder = if by_thief { &mut m } else { &mut a };
    let removes = add_anew(&mut adder.core, &old, &[encode(&reported(&b, &old).await)]).await.unwrap();
    let change = Change { adds: vec![b.package().await], removes, ..Change::default() };
    let pending = adder.stages(&old, change).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(adder, pending);
    assert!(log.welcome(&mut b, &welcome).await);
    in_place::disarm(guard);
    b.row(&old).await.held.is_some()
}

#[tokio::test]
async fn whoever_is_let_in_by_the_one_at_fault_holds_what_it_held() {
    assert!(let_in_while_held("", true).await);
    assert!(!let_in_while_held("", false).await, "the control: it was put right");
    assert!(!let_in_while_held("mutant.hold_forgotten", true).await, "the guard taken away");
}

/// The relay says that a log is closed at a commit from before this device came. Answers where it stands then.
async fn closed_before(guard: &'static str, signers: &[usize]) -> Standing {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("locum-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    log.talk(&mut a, "one", &mut [&mut b]).await;
    log.add(&mut a, &mut [&mut c]).await;
    log.deliver(&mut b).await;
    let report = |by: &Phone| {
        let said = OutOfStep {
            conversation_id: old.to_wire(),
            number: 1,
            commit_sha256: vec![7; 32].into(),
            said_at: None,
        };
        let device = &by.core.device;
        let label = wardline_identity::StatementLabel::OutOfStep;
        wardline_identity::sign_statement(&device.key, label, &said, Some(device.certificate.der()))
    };
    let by = [&a, &b];
    let reports = signers.iter().map(|one| report(by[*one])).collect();
    closed(&mut c.core, &end(&log, 1, reports)).await.unwrap();
    in_place::disarm(guard);
    c.row(&old).await.standing
}

#[tokio::test]
async fn the_end_of_a_log_before_one_came_is_members_word_and_not_the_relays() {
    assert_eq!(closed_before("", &[]).await, Standing::Active);
    assert_eq!(closed_before("", &[0]).await, Standing::Active);
    assert_eq!(closed_before("", &[0, 0]).await, Standing::Active);
    assert_eq!(closed_before("", &[0, 1]).await, Standing::Closed, "the control: two people's");
    assert_eq!(closed_before("mutant.closed_unread", &[]).await, Standing::Closed, "the guard taken away");
}

/// A member says, message by message, that it saw another log. Answers how many rows that fills, and how large the first is.
async fn false_words(guard: &'static str) -> (usize, u64, usize) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut m]).await;
    in_place::arm("member.false_seen");
    for text in ["one", "two", "three"] {
        log.talk(&mut m, text, &mut [&mut a]).await;
    }
    in_place::disarm("member.false_seen");
    let mut tx = a.core.vault.begin("faults").await.unwrap();
    let faults = relay_faults::of_conversation(&mut tx, &log.conversation).await.unwrap();
    assert!(faults.iter().all(|fault| fault.kind == RelayFaultKind::OtherLog && fault.about == "mallory"));
    in_place::disarm(guard);
    (faults.len(), faults[0].times, faults[0].evidence.len())
}

#[tokio::test]
async fn a_member_that_says_it_saw_another_log_fills_one_row() {
    let (rows, times, bytes) = false_words("").await;
    assert_eq!((rows, times), (1, 3), "the first is kept, the others count");
    assert!(bytes < 400, "{bytes} bytes of it");
    assert_eq!(false_words("mutant.each_a_lie").await.0, 3, "the guard taken away");
}

#[tokio::test]
async fn what_the_relay_asks_for_is_done_on_members_word_alone() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (b2, stranger) = (house.phone("nurse-b").await, house.phone("locum-c").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    let cursor = b.row(&old).await.cursor;
    let leave = |by: &Phone| leave_statement(&by.core.device.newest(), (&old, cursor), NOW);
    let approval = |by: &Phone, of: &Phone| {
        let certificate = &of.core.device.certificate;
        let said = DeviceApproval {
            device_id: certificate.device().to_wire(),
            certificate_sha256: certificate.fingerprint().to_wire(),
            approved_at: None,
        };
        let (own, label) = (&by.core.device, wardline_identity::StatementLabel::DeviceApproval);
        wardline_identity::sign_statement(&own.key, label, &said, Some(own.certificate.der()))
    };
    let mut forged = leave(&b);
    forged.signature = leave(&a).signature;

    // 1. What members said.
    let (of_b, of_b2) = (leave(&b), approval(&b, &b2));
    assert!(matches!(asked(&mut a.core, &old, Task::LetGo(of_b)).await.unwrap(), Some(Wish::LetGo { .. })));
    let wish = asked(&mut a.core, &old, Task::AddDevice(of_b2.clone())).await.unwrap();
    assert!(matches!(wish, Some(Wish::AddDevice { user, .. }) if user == "nurse-b"));
    assert_eq!(asked(&mut a.core, &old, Task::Renew(Renew {})).await.unwrap(), Some(Wish::Renew));

    // 2. What nobody said, or nobody here.
    let own = leave(&a);
    for task in [
        Task::LetGo(own),
        Task::LetGo(leave(&stranger)),
        Task::LetGo(forged.clone()),
        Task::AddDevice(approval(&stranger, &b2)),
        Task::AddDevice(approval(&a, &b)),
        Task::AddAnew(AddAnew { reports: vec![forged] }),
        Task::LetBack(confirm(&a, &b2, b.core.device.id(), house.invites("nurse-b", None))),
    ] {
        assert_eq!(asked(&mut a.core, &old, task).await.unwrap(), None);
    }
    assert_eq!(accused(&a, &old).await, [RelayFaultKind::BaselessTask], "of the forged leave, once");

    // 3. Where this device is not in, nothing.
    let elsewhere = wardline_proto::ConversationId::from_bytes([9; 16]);
    assert_eq!(asked(&mut a.core, &elsewhere, Task::AddDevice(of_b2)).await.unwrap(), None);
}
