//! Claims about devices that the revocation list names: nothing is encrypted to them, by nobody who has the list, whatever the
//! relay lets pass. Each attack has its control: the guard taken away.

use wardline_identity::RevocationKind;
use wardline_proto::{ConversationId, in_place};

use super::{
    candidate, end,
    house::House,
    lists::Lists,
    reported,
    scene::{commit, wishes},
    told_of,
    ward::{Log, Phone},
    wished,
};
use crate::{
    conversation::{
        Change, Plan, Sealed, Staged, closed, created, missing, plan,
        revoked::{by_itself, look_in, outlived},
        seal, stage,
        successor::{Succession, succeed},
    },
    vault::tables::intents::Wish,
};

/// What a device plans for the removal of whoever must not be in.
pub(super) async fn removal(phone: &mut Phone, conversation: &ConversationId) -> Option<Change> {
    match plan(&mut phone.core, conversation, &Wish::RemoveRevoked).await.unwrap() {
        Plan::Commit(change) => Some(*change),
        Plan::Nothing | Plan::Later => None,
        Plan::People(_) | Plan::Impossible(_) => panic!("it needs nobody's packages"),
    }
}

/// A device makes the removal, and these take it in.
pub(super) async fn removes(log: &mut Log, by: &mut Phone, others: &mut [&mut Phone]) {
    let change = removal(by, &log.conversation).await.expect("somebody must go");
    commit(log, by, change, others).await;
}

/// A device is revoked, and the relay lets everything pass and gives the thief all of it. Which of three texts the thief reads, and
/// which a member: said before the list came, after it, and after the removal.
async fn thief(guard: &'static str) -> (Vec<String>, Vec<String>) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut thief = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut thief]).await;
    let conversation = log.conversation;
    log.talk(&mut a, "before", &mut [&mut b, &mut thief]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[thief.core.device.id()]);
    lists.reaches(&mut a).await;
    lists.reaches(&mut b).await;
    in_place::arm(guard);
    log.talk(&mut a, "after", &mut [&mut b, &mut thief]).await;
    in_place::disarm(guard);
    removes(&mut log, &mut a, &mut [&mut b]).await;
    log.talk(&mut a, "and then", &mut [&mut b]).await;
    log.deliver(&mut thief).await;
    (thief.texts(&conversation).await, b.texts(&conversation).await)
}

#[tokio::test]
async fn who_knows_the_list_encrypts_nothing_to_a_revoked_device_whatever_the_relay_lets_pass() {
    let (thief_reads, member_reads) = thief("").await;
    assert_eq!(thief_reads, ["before"]);
    assert_eq!(member_reads, ["before", "after", "and then"], "a member reads all, and nothing was lost");
    let (thief_reads, _) = thief("mutant.seal_to_revoked").await;
    assert_eq!(thief_reads, ["before", "after"], "the guard taken away");
}

/// The ciphertext of the one message that waits, if it may go.
async fn sealed(phone: &mut Phone) -> Option<Vec<u8>> {
    let row = phone.outbox().await.remove(0);
    match seal(&mut phone.core, &row).await.unwrap() {
        Sealed::Ready { ciphertext } => Some(ciphertext),
        _ => None,
    }
}

#[tokio::test]
async fn what_was_encrypted_before_the_list_came_is_encrypted_anew_after_the_removal() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    a.say(&log.conversation, "not for them").await;
    let first = sealed(&mut a).await.expect("it is ready, and has not left");
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    lists.reaches(&mut a).await;
    lists.reaches(&mut b).await;
    assert_eq!(sealed(&mut a).await, None);
    in_place::arm("mutant.seal_to_revoked");
    assert_eq!(sealed(&mut a).await.as_ref(), Some(&first), "the guard taken away");
    in_place::disarm("mutant.seal_to_revoked");
    removes(&mut log, &mut b, &mut [&mut a]).await;
    assert_ne!(sealed(&mut a).await.expect("it goes"), first);
    log.take(&mut a).await;
    for phone in [&mut b, &mut c] {
        log.deliver(phone).await;
    }
    assert_eq!(b.texts(&log.conversation).await, ["not for them"]);
    assert!(c.texts(&log.conversation).await.is_empty());
}

#[tokio::test]
async fn all_who_are_named_go_by_one_commit_and_people_read_why() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut d) = (house.phone("doctor-c").await, house.phone("doctor-d").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut d]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    lists.act(&house, wardline_identity::RevocationKind::Held, &[d.core.device.id()]);
    for phone in [&mut a, &mut b] {
        lists.reaches(phone).await;
    }
    let head = log.head();
    removes(&mut log, &mut b, &mut [&mut a]).await;
    assert_eq!(log.head(), head + 1, "one");
    assert!(removal(&mut a, &log.conversation).await.is_none(), "nobody is left to go");
    for phone in [&mut a, &mut b] {
        let lines = phone.reads(&log.conversation).await;
        let line = lines.last().unwrap();
        assert!(line.contains("Name of doctor-c's device (phone) was revoked (lost) and is out"), "{line}");
        assert!(
            line.contains("Name of doctor-d's device (phone) was put on hold (lost) and is out"),
            "{line}"
        );
        assert!(!line.contains("removed"), "by nobody's will: {line}");
        assert!(phone.row(&log.conversation).await.held.is_none());
        let mends = |wish: &Wish| matches!(wish, Wish::Mend { .. } | Wish::Correct | Wish::RemoveRevoked);
        assert!(!wishes(phone).await.iter().any(mends), "nothing is to be put right");
    }
}

#[tokio::test]
async fn of_two_members_the_one_who_is_left_goes_on_alone() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[b.core.device.id()]);
    lists.reaches(&mut a).await;
    a.say(&log.conversation, "to nobody").await;
    log.take(&mut a).await;
    assert!(wishes(&a).await.contains(&Wish::RemoveRevoked), "who wants to say something removes at once");
    removes(&mut log, &mut a, &mut []).await;
    log.take(&mut a).await;
    log.deliver(&mut b).await;
    assert_eq!(a.texts(&log.conversation).await, ["to nobody"]);
    assert!(b.texts(&log.conversation).await.is_empty());
    // A new device of the same person comes in as anybody does.
    let mut again = house.phone("nurse-b").await;
    log.add(&mut a, &mut [&mut again]).await;
    log.talk(&mut a, "to the new one", &mut [&mut again]).await;
    assert_eq!(again.texts(&log.conversation).await, ["to the new one"]);
}

#[tokio::test]
async fn a_device_that_is_itself_named_does_nothing_and_another_does_it_for_both() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let conversation = log.conversation;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    lists.reaches(&mut a).await;
    let soon = by_itself(&a.core);
    assert!(look_in(&mut a.core, &conversation, soon).await.unwrap());
    // Before it could, it is named itself.
    lists.revoke(&house, &[a.core.device.id()]);
    for phone in [&mut a, &mut b] {
        lists.reaches(phone).await;
    }
    assert!(removal(&mut a, &conversation).await.is_none());
    a.say(&conversation, "nothing of it").await;
    let head = log.head();
    log.take(&mut a).await;
    assert_eq!(log.head(), head);
    assert!(!look_in(&mut a.core, &conversation, soon).await.unwrap());
    removes(&mut log, &mut b, &mut []).await;
    log.talk(&mut b, "without both", &mut []).await;
    for phone in [&mut a, &mut c] {
        log.deliver(phone).await;
        assert!(phone.texts(&conversation).await.is_empty());
    }
    assert_eq!(b.texts(&conversation).await, ["without both"]);
}

#[tokio::test]
async fn nobody_who_knows_the_list_lets_a_revoked_device_in() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let c = house.phone("doctor-c").await;
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    let mut lists = Lists::none(&house);
    let certificate = c.core.device.certificate.clone();
    let add = Wish::Add { users: vec!["doctor-c".to_owned()] };
    let wanted = async |a: &mut Phone| {
        a.core.load_group(&conversation).await.unwrap();
        missing(&mut a.core, &conversation, &add, vec![certificate.clone()]).await.unwrap().len()
    };
    assert_eq!(wanted(&mut a).await, 1, "the control: it would be added");
    lists.revoke(&house, &[c.core.device.id()]);
    lists.reaches(&mut a).await;
    assert_eq!(wanted(&mut a).await, 0);
    in_place::arm("mutant.add_revoked");
    assert_eq!(wanted(&mut a).await, 1, "the guard taken away");
    in_place::disarm("mutant.add_revoked");
    // A commit that was planned before the list came is not made.
    let epoch = a.core.groups[&conversation].epoch();
    for (guard, made) in [("", false), ("mutant.commit_to_revoked", true)] {
        let change = Change { adds: vec![c.package().await], ..Change::default() };
        in_place::arm(guard);
        let staged = stage(&mut a.core, (conversation, epoch), 1, change).await.unwrap();
        in_place::disarm(guard);
        assert_eq!(matches!(staged, Staged::Ready(_)), made, "{guard:?}");
    }
}

/// The list's life ends. How many messages go out: while it lives, after that, and once it is signed again.
async fn lapses(guard: &'static str) -> [u64; 3] {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[]);
    lists.reaches(&mut a).await;
    in_place::arm(guard);
    let mut sent = [0; 3];
    for (step, seconds) in [72 * 3_600 - 1, 1, 0].into_iter().enumerate() {
        house.clock.advance_seconds(seconds);
        if step == 2 {
            lists.sign_again(&house);
            lists.reaches(&mut a).await;
        }
        let head = log.head();
        a.say(&log.conversation, "said").await;
        log.take(&mut a).await;
        sent[step] = log.head() - head;
        let failure = outlived(&a.core);
        assert_eq!(failure.is_some(), step == 1 && guard.is_empty());
        if let Some(failure) = failure {
            assert!(failure.what.contains("older than 72 hours"), "{failure}");
        }
    }
    in_place::disarm(guard);
    sent
}

#[tokio::test]
async fn by_a_list_that_has_outlived_its_life_nothing_is_sent_and_what_waits_goes_once_it_is_signed_again() {
    assert_eq!(lapses("").await, [1, 0, 2]);
    assert_eq!(lapses("mutant.outlived_list").await, [1, 1, 1], "the guard taken away");
}

/// A log breaks and is closed, and this is done to one of its members; whoever follows goes on without them. The old log's
/// conversation, the list, and two of the three who went on, the maker of the successor first.
pub(super) async fn goes_on_without(
    house: &House,
    kind: RevocationKind,
    guard: &'static str,
) -> (Log, Lists, [Phone; 2], Phone) {
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("doctor-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    let pending = m.stages(&old, Change::default()).await;
    let pending = m.makes_worthless(pending).await;
    let broken = log.head() + 1;
    log.commit(&m, pending);
    for phone in [&mut a, &mut b, &mut c] {
        log.deliver(phone).await;
    }
    let reports = vec![reported(&a, &old).await, reported(&b, &old).await];
    for phone in [&mut a, &mut b] {
        closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
    }
    let mut lists = Lists::none(house);
    lists.act(house, kind, &[c.core.device.id()]);
    lists.reaches(&mut a).await;
    lists.reaches(&mut b).await;
    assert_eq!(succeed(&mut a.core, &old, broken).await.unwrap(), Succession::Made);
    let new = candidate(&a, &log).await;
    in_place::arm(guard);
    created(&mut a.core, &new).await.unwrap();
    assert_eq!(wished(&a, &new).await, ["mallory", "nurse-b"]);
    told_of(&mut [&mut b], &log, &new).await;
    let mut next = Log::of(new);
    next.add(&mut a, &mut [&mut b]).await;
    in_place::disarm(guard);
    assert!(b.row(&new).await.held.is_none());
    next.add(&mut a, &mut [&mut m]).await;
    next.deliver(&mut b).await;
    next.talk(&mut a, "without them", &mut [&mut b]).await;
    assert_eq!(b.texts(&old).await, ["without them"], "all are in who have to be");
    (next, lists, [a, b], c)
}

#[tokio::test]
async fn a_successor_is_made_without_who_was_revoked_and_nobody_misses_them() {
    goes_on_without(&House::found(), RevocationKind::Revoked, "").await;
}
