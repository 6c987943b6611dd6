//! Claims about commits that the relay invents for a device that is out: they let nobody in, and keep nobody out. Each attack
//! has its control.

use wardline_proto::{
    EntryNumber, in_place,
    relay::{Entry, KeeperRight, removal_ground::Ground},
};

use super::{
    out_and_in::member,
    replayed::{commit, removal},
    ward::{House, Log, Phone},
};
use crate::{
    conversation::{Change, list, receive, report::look_again},
    vault::tables::conversations::Standing,
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

/// The same of a device that never was in. How many conversations it shows in between, and what comes of it.
async fn stranger(guard: &'static str) -> (usize, (bool, Vec<String>)) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut x = house.phone("locum-x").await;
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    in_place::arm(guard);
    let entry = invented(&log, 1, 1);
    super::super::suspicion::uninvited(&x.core, &entry).await.unwrap();
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
