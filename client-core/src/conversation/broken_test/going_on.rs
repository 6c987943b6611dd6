//! What a log that broke goes on in: only what the relay names, judged by each who was in, and what cannot be judged is not
//! trusted. Nobody is accused on the relay's word.

use wardline_proto::{
    EntryNumber,
    in_place::{arm, disarm},
};

use super::*;
use crate::{
    conversation::seal::{Sealed, seal},
    vault::tables::{conversations, faults},
};

/// Four people whose log mallory broke, all of whom know that it is closed.
pub(super) struct Broken {
    pub house: House,
    pub a: Phone,
    pub b: Phone,
    pub c: Phone,
    pub m: Phone,
    pub log: Log,
    pub broken: u64,
    pub reports: Vec<SignedStatement>,
}

impl Broken {
    pub(super) async fn log() -> Self {
        let house = House::found();
        let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
        let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
        let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
        let pending = m.stages(&log.conversation, Change::default()).await;
        let pending = m.makes_worthless(pending).await;
        let broken = log.head() + 1;
        log.commit(&m, pending);
        for phone in [&mut a, &mut b, &mut c, &mut m] {
            log.deliver(phone).await;
        }
        let reports = vec![reported(&a, &log.conversation).await, reported(&b, &log.conversation).await];
        for phone in [&mut a, &mut b, &mut c, &mut m] {
            closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
        }
        Self { house, a, b, c, m, log, broken, reports }
    }
}

/// A successor by this device, which the relay has taken and not yet named to anybody.
pub(super) async fn made(by: &mut Phone, log: &Log, broken: u64) -> Log {
    assert_eq!(succeed(&mut by.core, &log.conversation, broken).await.unwrap(), Succession::Made);
    let new = candidate(by, log).await;
    created(&mut by.core, &new).await.unwrap();
    Log::of(new)
}

/// A commit by `by` that adds these; its Welcome.
pub(super) async fn adds(log: &mut Log, by: &mut Phone, others: &[&Phone]) -> Vec<u8> {
    let mut adds = Vec::new();
    for other in others {
        adds.push(other.package().await);
    }
    let pending = by.stages(&log.conversation, Change { adds, ..Change::default() }).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(by, pending);
    log.deliver(by).await;
    welcome
}

/// Who a device says did wrong here, and whether that is still so: users.
pub(super) async fn at_fault(phone: &Phone, conversation: &ConversationId) -> Vec<String> {
    let mut tx = phone.core.vault.begin("at_fault").await.unwrap();
    let found = faults::list(&mut tx, conversation).await.unwrap();
    found.into_iter().filter(|fault| fault.proven && !fault.settled).map(|fault| fault.user).collect()
}

#[tokio::test]
async fn a_successor_with_somebody_else_in_it_is_held() {
    let Broken { house, mut a, mut b, mut m, log, broken, .. } = Broken::log().await;
    let mut x = house.phone("stranger-x").await;
    let mut next = made(&mut m, &log, broken).await;
    let welcome = adds(&mut next, &mut m, &[&a, &b, &x]).await;
    assert!(!next.welcome(&mut a, &welcome).await, "not named here yet");
    for phone in [&mut a, &mut b] {
        named(phone, &log, &next.conversation).await;
        assert!(next.welcome(phone, &welcome).await);
        assert!(phone.row(&next.conversation).await.held.is_some(), "a stranger came in with it");
        assert_eq!(at_fault(phone, &next.conversation).await, ["mallory"]);
    }
    assert!(next.welcome(&mut x, &welcome).await);
    let row = x.row(&next.conversation).await;
    assert!(row.held.is_none(), "who was not there cannot judge it");
    assert_eq!(row.shown(EntryNumber::new(1)).get(), log.head() + 1, "numbers go on for all");
}

/// Mallory passes a conversation of her own off as what goes on, before and after the one that counts.
async fn passed_off(guarded: bool) -> bool {
    let Broken { mut a, mut b, mut m, log, broken, .. } = Broken::log().await;
    let mut real = made(&mut a, &log, broken).await;
    let real_welcome = adds(&mut real, &mut a, &[&b]).await;
    let mut fake = made(&mut m, &log, broken).await;
    let fake_welcome = adds(&mut fake, &mut m, &[&b]).await;
    named(&mut b, &log, &real.conversation).await;
    if !guarded {
        arm("mutant.any_successor");
    }
    let taken = fake.welcome(&mut b, &fake_welcome).await;
    disarm("mutant.any_successor");
    if taken {
        return b.row(&log.conversation).await.line.successor == Some(fake.conversation);
    }
    assert!(real.welcome(&mut b, &real_welcome).await, "the one that counts");
    assert_eq!(b.row(&log.conversation).await.line.successor, Some(real.conversation));
    // The other one is a conversation like any other.
    assert!(fake.welcome(&mut b, &fake_welcome).await);
    let row = b.row(&fake.conversation).await;
    assert_eq!((row.line.predecessor, row.line.first, row.line.offset), (None, fake.conversation, 0));
    assert_eq!(b.row(&log.conversation).await.line.successor, Some(real.conversation));
    // Nor does the relay's word change it any more.
    named(&mut b, &log, &fake.conversation).await;
    assert_eq!(b.row(&log.conversation).await.line.named, Some(real.conversation));
    false
}

#[tokio::test]
async fn only_the_successor_that_the_relay_names_is_followed() {
    assert!(!passed_off(true).await);
    assert!(passed_off(false).await, "without the guard it is taken for it");
}

#[tokio::test]
async fn one_that_came_to_nothing_gives_way_and_nothing_that_waits_is_lost() {
    let Broken { mut a, mut b, log, broken, .. } = Broken::log().await;
    let first = made(&mut a, &log, broken).await;
    named(&mut a, &log, &first.conversation).await;
    a.say(&first.conversation, "waits").await;
    let mut second = made(&mut b, &log, broken).await;
    let welcome = adds(&mut second, &mut b, &[&a]).await;
    assert!(!second.welcome(&mut a, &welcome).await, "not named yet");
    named(&mut a, &log, &second.conversation).await;
    assert!(second.welcome(&mut a, &welcome).await);
    assert_eq!(a.row(&log.conversation).await.line.successor, Some(second.conversation));
    let mut tx = a.core.vault.begin("gone").await.unwrap();
    assert!(conversations::load(&mut tx, &first.conversation).await.unwrap().is_none());
    tx.commit().await.unwrap();
    assert_eq!(a.outbox().await[0].conversation, second.conversation);
}

/// The relay tells two members different ends of the closed log. Who the second holds to be at fault.
async fn told_two_ends() -> (bool, Vec<String>) {
    let Broken { mut a, mut b, log, broken, .. } = Broken::log().await;
    let mut tx = b.core.vault.begin("another_end").await.unwrap();
    let mut row = conversations::load(&mut tx, &log.conversation).await.unwrap().unwrap();
    row.line.closed.as_mut().unwrap().head = EntryNumber::new(log.head() + 5);
    conversations::store(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    let mut next = made(&mut a, &log, broken).await;
    let welcome = adds(&mut next, &mut a, &[&b]).await;
    named(&mut b, &log, &next.conversation).await;
    assert!(next.welcome(&mut b, &welcome).await);
    (b.row(&next.conversation).await.held.is_some(), at_fault(&b, &next.conversation).await)
}

#[tokio::test]
async fn two_ends_of_a_log_by_the_relays_word_set_nobody_against_anybody() {
    assert_eq!(told_two_ends().await, (false, vec![]));
    arm("mutant.judge_head");
    let without = told_two_ends().await;
    disarm("mutant.judge_head");
    assert_eq!(without, (true, vec!["doctor-a".to_owned()]), "an honest member would be put out");
}

/// A stranger comes in after the first commit, with the last of those who were in; `empty` commits come before.
async fn brought_in_later(empty: usize) -> (Option<String>, Vec<String>, Vec<String>) {
    let Broken { house, mut a, mut b, mut c, log, broken, .. } = Broken::log().await;
    let x = house.phone("stranger-x").await;
    let mut next = made(&mut a, &log, broken).await;
    for phone in [&mut b, &mut c] {
        named(phone, &log, &next.conversation).await;
    }
    let first = adds(&mut next, &mut a, &[&b]).await;
    assert!(next.welcome(&mut b, &first).await);
    for _ in 0..empty {
        commit(&mut next, &mut a, Change::default(), &mut []).await;
    }
    let second = adds(&mut next, &mut a, &[&c, &x]).await;
    next.deliver(&mut b).await;
    assert!(next.welcome(&mut c, &second).await);
    let held = c.row(&next.conversation).await.held;
    let faults = at_fault(&c, &next.conversation).await;
    // Who joined with the first commit has seen all that came after it.
    next.take(&mut b).await;
    house.clock.advance_seconds(31);
    next.talk(&mut b, "all is well", &mut [&mut c]).await;
    assert!(c.row(&next.conversation).await.held.is_none(), "who can judge it has spoken");
    (held, faults, at_fault(&c, &next.conversation).await)
}

#[tokio::test]
async fn who_comes_late_accuses_nobody_and_says_nothing_before_one_who_can_judge_does() {
    for empty in [0, 4] {
        let (held, before, after) = brought_in_later(empty).await;
        assert!(held.is_some(), "somebody is in who was not");
        assert_eq!(before, ["stranger-x"], "not who let this device in: another may have brought it");
        assert_eq!(after, [] as [&str; 0]);
    }
    arm("mutant.late_comers_trust");
    let (held, _, _) = brought_in_later(4).await;
    disarm("mutant.late_comers_trust");
    assert!(held.is_none(), "without the guard a stranger hears what is said");
}

#[tokio::test]
async fn nothing_is_said_before_all_are_in_again() {
    let Broken { house, mut a, b, log, broken, .. } = Broken::log().await;
    let said = async |a: &mut Phone| {
        let row = a.outbox().await.remove(0);
        matches!(seal(&mut a.core, &row).await.unwrap(), Sealed::Ready { .. })
    };
    a.say(&log.conversation, "to all").await;
    let mut next = made(&mut a, &log, broken).await;
    assert!(!said(&mut a).await, "nobody is in");
    adds(&mut next, &mut a, &[&b]).await;
    assert!(!said(&mut a).await, "not all are in");
    arm("mutant.said_to_few");
    let early = said(&mut a).await;
    disarm("mutant.said_to_few");
    assert!(early, "without the guard it is said to few");
    // Not for ever: a device may have nothing to be let in by.
    let row = a.outbox().await.remove(0);
    assert!(matches!(seal(&mut a.core, &row).await.unwrap(), Sealed::Wait));
    house.clock.advance_seconds(31);
    assert!(said(&mut a).await);
}

#[tokio::test]
async fn a_second_log_closed_because_of_one_device_goes_on_without_it_and_after_a_month_with_it() {
    for (days, without) in [(1, true), (31, false)] {
        let Broken { house, mut a, mut b, mut c, mut m, log, broken, .. } = Broken::log().await;
        let mut next = made(&mut a, &log, broken).await;
        for phone in [&mut b, &mut c, &mut m] {
            named(phone, &log, &next.conversation).await;
        }
        let welcome = adds(&mut next, &mut a, &[&b, &c, &m]).await;
        for phone in [&mut b, &mut c, &mut m] {
            assert!(next.welcome(phone, &welcome).await);
        }
        house.clock.advance_seconds(days * 86_400);
        let pending = m.stages(&next.conversation, Change::default()).await;
        let pending = m.makes_worthless(pending).await;
        let again = next.head() + 1;
        next.commit(&m, pending);
        for phone in [&mut a, &mut b, &mut c] {
            next.deliver(phone).await;
        }
        let reports = vec![reported(&a, &next.conversation).await, reported(&b, &next.conversation).await];
        closed(&mut c.core, &end(&next, again, reports)).await.unwrap();
        let third = made(&mut c, &next, again).await;
        let expected: &[&str] =
            if without { &["doctor-a", "nurse-b"] } else { &["doctor-a", "mallory", "nurse-b"] };
        assert_eq!(wished(&c, &third.conversation).await, expected, "after {days} days");
    }
}

/// The keeper's commit that removes mallory cannot be followed, and the relay keeps the keeper's signature for it from one of
/// the others, who makes what goes on: with mallory in it. Who is held to be at fault, by one who has the signature.
async fn brought_back() -> (Option<String>, Vec<String>) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    a.core.load_group(&old).await.unwrap();
    let roster =
        crate::conversation::roster::Roster::read(&a.core.device.organisation, &a.core.groups[&old].roster());
    let keeper = wardline_proto::relay::removal_ground::Ground::Keeper(Default::default());
    let ground = wardline_proto::relay::RemovalGround { ground: Some(keeper) };
    let removes = vec![(roster.device(&m.core.device.id()).unwrap().clone(), ground)];
    let pending = a.stages(&old, Change { removes, ..Change::default() }).await;
    let pending = a.makes_worthless(pending).await;
    let broken = log.head() + 1;
    log.commit(&a, pending);
    log.deliver(&mut a).await;
    log.deliver(&mut b).await;
    log.deliver_altered(&mut c, |entry| entry.author = None).await;
    let reports = vec![reported(&b, &old).await, reported(&c, &old).await];
    for phone in [&mut b, &mut c] {
        closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
    }
    let mut next = made(&mut c, &log, broken).await;
    assert!(wished(&c, &next.conversation).await.contains(&"mallory".to_owned()), "it does not know better");
    let welcome = adds(&mut next, &mut c, &[&a, &b, &m]).await;
    named(&mut b, &log, &next.conversation).await;
    assert!(next.welcome(&mut b, &welcome).await);
    (b.row(&next.conversation).await.held, at_fault(&b, &next.conversation).await)
}

#[tokio::test]
async fn a_signature_that_the_relay_keeps_back_is_no_fault_of_who_goes_on_without_it() {
    let (held, faults) = brought_back().await;
    assert!(held.is_some(), "who was removed is in again");
    assert_eq!(faults, ["mallory"], "not who could not know");
    arm("mutant.gone_by_its_maker");
    let (_, faults) = brought_back().await;
    disarm("mutant.gone_by_its_maker");
    assert_eq!(faults, ["locum-c"], "without the guard an honest member would be put out");
}
