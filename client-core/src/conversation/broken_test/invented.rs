//! Claims about commits that the relay invents for a device that is out: they let nobody in, and keep nobody out. Each attack
//! has its control.

use wardline_proto::{
    ConversationId, EntryNumber, in_place,
    relay::{Entry, KeeperRight, Removed, removal_ground::Ground},
};

use super::{
    accused,
    house::House,
    scene::{anew, commit, member, removal, without_commits},
    ward::{Log, Phone},
};
use crate::{
    conversation::{Change, Effect, list, look_again, not_in, receive, report, uninvited},
    vault::tables::{
        conversations::{self, ConversationRow, Standing},
        relay_faults::RelayFaultKind,
    },
};

/// An entry that there is not, made of one that there is.
fn invented(log: &Log, of: u64, number: u64) -> Entry {
    let of = usize::try_from(of).unwrap();
    Entry { number, ..log.entries[of - 1].clone() }
}

/// `by` adds a device; whether its Welcome was used, and what it reads of what is said then.
async fn let_in(log: &mut Log, by: &mut Phone, device: &mut Phone) -> (bool, Vec<String>) {
    let change = Change { adds: vec![device.package().await], ..Change::default() };
    let welcome = commit(log, by, change, &mut []).await;
    let used = log.welcome(device, &welcome).await;
    log.talk(by, "after", &mut []).await;
    if used {
        log.deliver(device).await;
    }
    (used, device.texts(&log.conversation).await)
}

/// The relay shows a commit that there is not to a device that was removed, takes it back, and the device is added again.
/// Answers where it stands in between, and what comes of it.
async fn removed(guard: &'static str, shown: bool) -> (Standing, (bool, Vec<String>)) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let out = removal(member(&mut a, &log, &b).await, Ground::Keeper(KeeperRight {}));
    commit(&mut log, &mut a, out, &mut [&mut b]).await;
    assert_eq!(b.row(&log.conversation).await.standing, Standing::Removed);
    in_place::arm(guard);
    if shown {
        let number = log.head() + 1;
        // The bytes are those of the commit that let it in the first time.
        receive(&mut b.core, &invented(&log, 1, number)).await.unwrap();
        assert_eq!(b.row(&log.conversation).await.standing, Standing::OutOfStep, "it asks to be let in");
        assert!(look_again(&mut b.core, &log.conversation, EntryNumber::new(number)).await.unwrap());
    }
    let standing = b.row(&log.conversation).await.standing;
    let then = let_in(&mut log, &mut a, &mut b).await;
    in_place::disarm(guard);
    (standing, then)
}

#[tokio::test]
async fn who_was_removed_and_is_shown_a_commit_that_there_is_not_can_be_added_again() {
    let added = || (true, vec!["after".to_owned()]);
    assert_eq!(removed("", false).await, (Standing::Removed, added()), "the control");
    assert_eq!(removed("", true).await, (Standing::Removed, added()));
    let never = (Standing::Active, (false, Vec::new()));
    assert_eq!(removed("mutant.open_without_group", true).await, never, "the guard taken away");
}

/// The relay says that a device is not in that says it cannot follow: one that was removed, or one that is in. Where it stands then,
/// and whether it still says so.
async fn said_not_in(guard: &'static str, was_removed: bool) -> (Standing, bool) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    if was_removed {
        let out = removal(member(&mut a, &log, &b).await, Ground::Keeper(KeeperRight {}));
        commit(&mut log, &mut a, out, &mut [&mut b]).await;
        receive(&mut b.core, &invented(&log, 1, log.head() + 1)).await.unwrap();
    } else {
        commit(&mut log, &mut a, Change::default(), &mut []).await;
        log.deliver_altered(&mut b, without_commits).await;
    }
    in_place::arm(guard);
    not_in(&mut b.core, &log.conversation).await.unwrap();
    in_place::disarm(guard);
    let standing = b.row(&log.conversation).await.standing;
    (standing, report(&b.core, &log.conversation).await.unwrap().is_some())
}

#[tokio::test]
async fn the_relays_word_that_a_device_is_out_changes_only_what_it_never_was_in() {
    assert_eq!(said_not_in("", true).await, (Standing::Removed, false));
    assert_eq!(said_not_in("", false).await, (Standing::OutOfStep, true), "the control: it was in");
    let open = (Standing::Active, false);
    assert_eq!(said_not_in("mutant.open_without_group", true).await, open, "the guard taken away");
}

/// The relay shows a commit that there is not to a device that never was in. How many conversations it shows in between, and what comes of it.
async fn stranger(guard: &'static str) -> (usize, (bool, Vec<String>)) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut x = house.phone("locum-x").await;
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    in_place::arm(guard);
    let entry = invented(&log, 1, 1);
    uninvited(&x.core, &entry).await.unwrap();
    receive(&mut x.core, &entry).await.unwrap();
    assert_eq!(list(&x.core).await.unwrap().len(), 1, "it is shown while it is asked about");
    assert!(look_again(&mut x.core, &log.conversation, EntryNumber::new(1)).await.unwrap());
    let shown = list(&x.core).await.unwrap().len();
    let then = let_in(&mut log, &mut a, &mut x).await;
    in_place::disarm(guard);
    (shown, then)
}

#[tokio::test]
async fn who_never_was_in_and_is_shown_a_commit_that_there_is_not_can_be_added() {
    assert_eq!(stranger("").await, (0, (true, vec!["after".to_owned()])));
    assert_eq!(stranger("mutant.open_without_group").await, (1, (false, Vec::new())), "the guard taken away");
}

/// Somebody was added by what does not let them in, and removed before that was put right. What they are shown once the relay says
/// so, and the place that they acknowledge.
async fn out_before_in(guard: &'static str) -> (usize, Option<u64>) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut x = house.phone("locum-x").await;
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let change = Change { adds: vec![x.package().await], ..Change::default() };
    commit(&mut log, &mut a, change, &mut [&mut b]).await;
    let came = log.entries.last().unwrap().clone();
    uninvited(&x.core, &came).await.unwrap();
    receive(&mut x.core, &came).await.unwrap();
    assert!(report(&x.core, &log.conversation).await.unwrap().is_some(), "it asks to be let in");
    let out = removal(member(&mut a, &log, &x).await, Ground::Keeper(KeeperRight {}));
    commit(&mut log, &mut a, out, &mut []).await;
    let said = Removed { conversation_id: log.conversation.to_wire(), number: log.head() };
    in_place::arm(guard);
    let place = crate::conversation::removed(&x.core, &said).await.unwrap();
    in_place::disarm(guard);
    assert_eq!(accused(&x, &log.conversation).await, [RelayFaultKind::NoWelcome], "that stays said");
    (list(&x.core).await.unwrap().len(), place.map(EntryNumber::get))
}

#[tokio::test]
async fn who_is_out_before_they_were_ever_let_in_waits_for_nothing() {
    assert_eq!(out_before_in("").await, (0, Some(3)));
    assert_eq!(out_before_in("mutant.uninvited_stays").await, (1, None), "the guard taken away");
}

/// A device cannot follow, or is out, and the relay shows it so many commits that there are not, as letting it in. Whether it still
/// says what it cannot follow, and whether it is let in where it could not follow.
async fn asks(guard: &'static str, was_removed: bool, invents: u64) -> (bool, bool) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    if was_removed {
        let out = removal(member(&mut a, &log, &b).await, Ground::Keeper(KeeperRight {}));
        commit(&mut log, &mut a, out, &mut [&mut b]).await;
    } else {
        commit(&mut log, &mut a, Change::default(), &mut []).await;
        log.deliver_altered(&mut b, without_commits).await;
    }
    in_place::arm(guard);
    let last = log.head() + invents;
    for number in log.head() + 1..=last {
        // Its author's true signature comes with the bytes: of an epoch that is over.
        receive(&mut b.core, &invented(&log, 1, number)).await.unwrap();
    }
    let asks = report(&b.core, &old).await.unwrap();
    let cursor = b.row(&old).await.cursor;
    if let Some((number, _)) = asks.as_ref().filter(|(number, _)| number.get() > log.head()) {
        assert!(look_again(&mut b.core, &old, *number).await.unwrap());
        Log::rewind(&mut b, &old, cursor.get() + 1);
        log.deliver_altered(&mut b, without_commits).await;
    }
    let back = !was_removed && anew(&mut log, &mut a, &mut b, &mut []).await;
    in_place::disarm(guard);
    (asks.is_some(), back)
}

#[tokio::test]
async fn commits_that_the_relay_invents_silence_nobody() {
    assert_eq!(asks("", false, 0).await, (true, true), "the control");
    assert_eq!(asks("", false, 9).await, (true, true));
    assert_eq!(asks("mutant.asks_no_more", false, 9).await, (false, false), "the guard taken away");
    // Who is out knows no members.
    assert_eq!(asks("", true, 9).await, (true, false));
    assert_eq!(asks("mutant.asks_no_more", true, 9).await, (false, false), "the guard taken away");
}

/// So many conversations are there already, made up by the relay or real; then one comes that nothing has let the device into.
/// Whether it is shown, and how many are.
async fn one_more(guard: &'static str, made_up: bool, there: u8) -> (bool, usize) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let x = house.phone("locum-x").await;
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    for one in 0..there {
        let conversation = ConversationId::from_bytes([one; 16]);
        let mut entry = invented(&log, 1, 1);
        entry.conversation_id = conversation.to_wire();
        entry.stamp_ms -= u64::from(there - one);
        assert_eq!(uninvited(&x.core, &entry).await.unwrap().len(), 2, "it is asked for once more");
        if !made_up {
            let mut tx = x.core.vault.begin("real").await.unwrap();
            let row = conversations::load(&mut tx, &conversation).await.unwrap().unwrap();
            conversations::store(&mut tx, &ConversationRow { standing: Standing::Active, ..row })
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
    }
    in_place::arm(guard);
    let effects = uninvited(&x.core, &invented(&log, 1, 1)).await.unwrap();
    in_place::disarm(guard);
    assert!(
        !effects.contains(&Effect::Again(log.conversation)) || !made_up || there < 100,
        "or round and round"
    );
    let mut tx = x.core.vault.begin("rows").await.unwrap();
    let rows = conversations::list(&mut tx).await.unwrap();
    (rows.iter().any(|row| row.conversation == log.conversation), rows.len())
}

#[tokio::test]
async fn however_many_conversations_there_are_one_that_nothing_lets_in_to_is_shown() {
    assert_eq!(one_more("", true, 3).await, (true, 4), "the control");
    assert_eq!(one_more("", true, 100).await, (true, 100), "in place of the oldest");
    assert_eq!(one_more("", false, 100).await, (true, 101));
    assert_eq!(one_more("mutant.uninvited_full", true, 100).await, (false, 100), "the guard taken away");
    assert_eq!(one_more("mutant.uninvited_full", false, 100).await, (false, 100), "the guard taken away");
}
