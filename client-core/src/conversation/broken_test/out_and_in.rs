//! Claims about devices that are taken out and in again, and about what comes meanwhile. Each attack has its control: the
//! guard taken away.

use wardline_proto::{
    ConversationId, EntryNumber, UtcMillis, in_place,
    relay::{Entry, EntryKind, KeeperRight, RemovalGround, removal_ground::Ground},
};

use super::{
    house::House,
    reported,
    scene::{anew, code, commit, member, noise, without_commits},
    ward::{Log, Phone},
};
use crate::{
    conversation::{
        Change, add_anew::add_anew, encode, join, random, receive::Effect, report, report::look_again,
    },
    vault::tables::{
        conversations::Standing,
        intents::{self, Wish},
        pending_commits::PendingCommit,
    },
};

/// `by` takes a device out and in, for no reason.
async fn out_and_in(log: &Log, by: &mut Phone, device: &Phone) -> PendingCommit {
    let ground = RemovalGround { ground: Some(Ground::Keeper(KeeperRight {})) };
    let removes = vec![(member(by, log, device).await, ground)];
    let change = Change { adds: vec![device.package().await], removes, ..Change::default() };
    by.stages(&log.conversation, change).await
}

/// A Welcome that does not open.
pub(super) fn damaged(welcome: &[u8]) -> Vec<u8> {
    let mut damaged = welcome.to_vec();
    damaged.iter_mut().rev().take(64).for_each(|byte| *byte ^= 0x5a);
    damaged
}

/// A member takes a device out and in that was fine, by a Welcome that does not open. Answers where it stands then, and
/// whether it is in again after another member was asked.
async fn spoiled(guard: &'static str) -> (Standing, bool) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut m = house.phone("mallory").await;
    let mut log = Log::begin(&mut m, &mut [&mut a, &mut b]).await;
    log.talk(&mut a, "before", &mut [&mut b, &mut m]).await;
    let pending = out_and_in(&log, &mut m, &b).await;
    let welcome = damaged(&pending.welcome.clone().unwrap());
    log.commit(&m, pending);
    for phone in [&mut a, &mut b, &mut m] {
        log.deliver(phone).await;
    }
    assert!(!log.welcome(&mut b, &welcome).await, "it does not open");
    let standing = b.row(&log.conversation).await.standing;
    if standing == Standing::OutOfStep {
        let lines = b.reads(&log.conversation).await;
        assert!(lines.iter().any(|line| line.contains("Name of mallory took this device out")), "{lines:?}");
    }
    let back = anew(&mut log, &mut a, &mut b, &mut [&mut m]).await;
    if back {
        log.talk(&mut a, "after", &mut [&mut b, &mut m]).await;
        assert_eq!(b.texts(&log.conversation).await, ["before", "after"]);
        assert_eq!(code(&mut a, &log.conversation).await, code(&mut b, &log.conversation).await);
    }
    in_place::disarm(guard);
    (standing, back)
}

#[tokio::test]
async fn who_is_taken_out_and_in_by_a_welcome_that_does_not_open_is_let_in_by_another() {
    assert_eq!(spoiled("").await, (Standing::OutOfStep, true));
    assert_eq!(spoiled("mutant.out_is_out").await, (Standing::Removed, false), "the guard taken away");
}

/// A device that could not follow is let in so by a liar. Answers whether it is in again after another was asked.
async fn spoiled_when_out(guard: &'static str) -> bool {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut m = house.phone("mallory").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m]).await;
    let old = log.conversation;
    commit(&mut log, &mut a, Change::default(), &mut [&mut m]).await;
    log.deliver_altered(&mut b, without_commits).await;
    let removes = add_anew(&mut m.core, &old, &[encode(&reported(&b, &old).await)]).await.unwrap();
    let change = Change { adds: vec![b.package().await], removes, ..Change::default() };
    let pending = m.stages(&old, change).await;
    let welcome = damaged(&pending.welcome.clone().unwrap());
    log.commit(&m, pending);
    log.deliver(&mut a).await;
    log.deliver(&mut m).await;
    assert!(!log.welcome(&mut b, &welcome).await, "it does not open");
    log.deliver(&mut b).await;
    let back = anew(&mut log, &mut a, &mut b, &mut [&mut m]).await;
    if back {
        log.talk(&mut m, "after", &mut [&mut a, &mut b]).await;
        assert_eq!(b.texts(&old).await, ["after"]);
        let lines = b.reads(&old).await;
        assert!(
            lines.iter().any(|line| line.contains("Name of mallory meant to let this device in")),
            "{lines:?}"
        );
    }
    in_place::disarm(guard);
    back
}

#[tokio::test]
async fn who_is_let_in_again_by_a_welcome_that_does_not_open_asks_again() {
    assert!(spoiled_when_out("").await);
    assert!(!spoiled_when_out("mutant.bad_welcome").await, "the guard taken away: it stays out");
}

/// Somebody new is added by a Welcome that does not open, again and again. Answers how often it asked, and what it is told.
async fn newcomer(guard: &'static str, times: usize) -> (usize, Vec<String>) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let mut x = house.phone("nurse-x").await;
    let mut log = Log::begin(&mut a, &mut [&mut m]).await;
    let old = log.conversation;
    let (mut asked, mut change) = (0, Change { adds: vec![x.package().await], ..Change::default() });
    for _ in 0..times {
        let pending = m.stages(&old, change).await;
        let welcome = damaged(&pending.welcome.clone().unwrap());
        log.commit(&m, pending);
        log.deliver(&mut a).await;
        log.deliver(&mut m).await;
        assert!(!log.welcome(&mut x, &welcome).await);
        let head = log.head();
        Log::rewind(&mut x, &old, head);
        let effects = log.deliver(&mut x).await;
        asked += effects.iter().filter(|effect| matches!(effect, Effect::OutOfStep(_))).count();
        let Some((_, statement)) = report_of(&x, &old).await else { break };
        let removes = add_anew(&mut m.core, &old, &[encode(&statement)]).await.unwrap();
        assert_eq!(removes.len(), 1, "its report names the commit that let it in");
        change = Change { adds: vec![x.package().await], removes, ..Change::default() };
    }
    in_place::disarm(guard);
    let told = if guard.is_empty() { x.reads(&old).await } else { Vec::new() };
    (asked, told)
}

async fn report_of(
    phone: &Phone,
    conversation: &ConversationId,
) -> Option<(EntryNumber, wardline_proto::relay::SignedStatement)> {
    report(&phone.core, conversation).await.unwrap()
}

#[tokio::test]
async fn a_newcomer_that_cannot_be_let_in_goes_on_asking_and_says_so_after_a_while() {
    let (asked, told) = newcomer("", 9).await;
    assert_eq!(asked, 9);
    let in_vain = newcomer("mutant.asks_no_more", 9).await.0;
    assert_eq!(in_vain, 6, "the guard taken away: the sixth is not said");
    assert!(told.last().unwrap().contains("ask a member to remove you and to add you again"), "{told:?}");
    assert_eq!(newcomer("mutant.bad_welcome", 1).await.0, 0, "the guard taken away: it never asks");
}

/// A device that is fine is taken out and in while it wants something. Answers whether it wants it still, and what was said.
async fn wants(guard: &'static str) -> (bool, Vec<String>) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    let wish = Wish::Add { users: vec!["locum-c".to_owned()] };
    let mut tx = b.core.vault.begin("wish").await.unwrap();
    let (request, now) = (random(&*b.core.entropy).unwrap(), b.core.clock.now());
    intents::insert(&mut tx, &old, &wish, &request, now, now).await.unwrap();
    tx.commit().await.unwrap();
    b.say(&old, "waits").await;
    let pending = out_and_in(&log, &mut a, &b).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(&a, pending);
    log.deliver(&mut a).await;
    log.deliver(&mut b).await;
    // Nothing comes back meanwhile.
    log.take(&mut b).await;
    assert_eq!(log.welcome(&mut b, &welcome).await, guard.is_empty());
    log.take(&mut b).await;
    log.deliver(&mut a).await;
    let mut tx = b.core.vault.begin("wishes").await.unwrap();
    let open = intents::open(&mut tx).await.unwrap().iter().any(|open| open.wish == wish);
    in_place::disarm(guard);
    (open, a.texts(&old).await)
}

#[tokio::test]
async fn who_is_taken_out_and_in_wants_what_it_wanted() {
    assert_eq!(wants("").await, (true, vec!["waits".to_owned()]));
    let without = wants("mutant.out_is_out").await;
    assert_eq!(without, (false, Vec::new()), "the guard taken away: its wishes end, and nothing is said");
}

/// The relay shows a device something else once in place of its own commit, which it had taken. Answers where it stands.
async fn swapped(guard: &'static str) -> Standing {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    let pending = b.stages(&old, Change::default()).await;
    log.commit(&b, pending);
    log.deliver(&mut a).await;
    log.deliver_altered(&mut b, noise).await;
    assert_eq!(b.row(&old).await.standing, Standing::OutOfStep);
    let head = log.head();
    assert!(look_again(&mut b.core, &old, EntryNumber::new(head)).await.unwrap());
    Log::rewind(&mut b, &old, head);
    log.deliver(&mut b).await;
    let standing = b.row(&old).await.standing;
    if standing == Standing::Active {
        log.talk(&mut b, "here", &mut [&mut a]).await;
        assert_eq!(a.texts(&old).await, ["here"]);
    }
    in_place::disarm(guard);
    standing
}

#[tokio::test]
async fn an_own_commit_that_was_shown_as_another_once_is_merged_when_it_comes() {
    assert_eq!(swapped("").await, Standing::Active);
    assert_eq!(swapped("mutant.fall_out_forgets").await, Standing::OutOfStep, "the guard taken away");
}

/// The relay shows a device a commit that there is not, and then what is in the log, twice. Answers what it reads.
async fn told_first_of_another_log(guard: &'static str) -> Vec<String> {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    let first = log.head() + 1;
    for text in ["one", "two", "three"] {
        log.talk(&mut a, text, &mut []).await;
    }
    let as_commit = |entry: &mut Entry| {
        if entry.number == first {
            entry.kind = EntryKind::Commit.into();
            noise(entry);
        }
    };
    log.deliver_altered(&mut b, as_commit).await;
    let shown = b.reads(&old).await;
    assert_eq!(shown.iter().filter(|line| line.starts_with("missed")).count(), 2, "{shown:?}");
    assert!(look_again(&mut b.core, &old, EntryNumber::new(first)).await.unwrap());
    Log::rewind(&mut b, &old, first);
    log.deliver(&mut b).await;
    in_place::disarm(guard);
    b.texts(&old).await
}

#[tokio::test]
async fn what_came_of_a_log_that_is_none_keeps_nothing_real_out() {
    assert_eq!(told_first_of_another_log("").await, ["one", "two", "three"]);
    assert!(told_first_of_another_log("mutant.placeholder_stays").await.is_empty(), "the guard taken away");
}

/// While a device cannot follow, the relay makes up entries under numbers to come. Answers what it reads once it is in.
async fn numbers_taken(guard: &'static str) -> Vec<String> {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    commit(&mut log, &mut a, Change::default(), &mut []).await;
    log.deliver_altered(&mut b, without_commits).await;
    let made_up = log.entries.last().unwrap().clone();
    for number in log.head() + 1..log.head() + 9 {
        let kind = EntryKind::Message.into();
        let entry = Entry { number, kind, life_seconds: 300, ..made_up.clone() };
        crate::conversation::receive(&mut b.core, &entry).await.unwrap();
    }
    assert!(anew(&mut log, &mut a, &mut b, &mut []).await);
    log.talk(&mut a, "real", &mut [&mut b]).await;
    in_place::disarm(guard);
    b.texts(&old).await
}

#[tokio::test]
async fn made_up_entries_of_numbers_to_come_keep_nothing_real_out() {
    assert_eq!(numbers_taken("").await, ["real"]);
    assert!(numbers_taken("mutant.placeholder_stays").await.is_empty(), "the guard taken away");
}

/// An old Welcome leads nowhere: the device has the log up to there.
#[tokio::test]
async fn a_welcome_to_a_place_behind_changes_nothing() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    let pending = out_and_in(&log, &mut a, &b).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(&a, pending);
    log.deliver(&mut a).await;
    log.deliver(&mut b).await;
    let before = b.row(&old).await;
    let mut delivery = log.delivery(&welcome);
    delivery.number = before.cursor.get();
    assert!(join(&mut b.core, &delivery).await.unwrap().is_empty());
    assert_eq!(b.row(&old).await.standing, Standing::OutOfStep);
    assert!(log.welcome(&mut b, &welcome).await, "the control: the place that it leads to");
}

/// What is sent again near its end: how long it lives at whom it is sent. Answers the texts there after its time.
async fn after_its_time(guard: &'static str) -> Vec<String> {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    commit(&mut log, &mut a, Change::default(), &mut []).await;
    let said = a.core.clock.now();
    log.talk(&mut a, "short", &mut []).await;
    log.deliver_altered(&mut b, without_commits).await;
    house.clock.advance_seconds(86_400 - 120);
    assert!(anew(&mut log, &mut a, &mut b, &mut []).await);
    log.take(&mut a).await;
    log.deliver(&mut b).await;
    assert_eq!(b.texts(&old).await, ["short"], "the control: it came in time");
    house.clock.advance_seconds(121);
    assert!(b.core.clock.now() > UtcMillis::new(said.get() + 86_400_000));
    in_place::disarm(guard);
    b.texts(&old).await
}

#[tokio::test]
async fn what_is_sent_again_lives_no_longer_than_the_first_time() {
    assert!(after_its_time("").await.is_empty());
    assert_eq!(after_its_time("mutant.lives_longer").await, ["short"], "the guard taken away");
}
