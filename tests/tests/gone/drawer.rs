//! Devices that were off when something ended, and devices that were on: their disks with the passcode, and whatever a relay gives.

use std::{fs, time::Duration};

use wardline_client_core::api::{Answer, Command, LeftOver, Reach};
use wardline_identity::Clock as _;
use wardline_proto::{
    expiry,
    in_place::{arm, disarm},
};

use crate::house::House;

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// The disk of a device that was put into a drawer with something unread for ten minutes to come: what a thief reads a minute before the end and
/// after it, where the relay refuses nothing and, maybe, has deleted nothing.
async fn in_a_drawer(guards: &[&'static str]) -> (Vec<String>, Vec<String>) {
    let house = House::set().await;
    house.says("bed 4: potassium 6.8", 600).await;
    assert_eq!(house.reads(&house.nurse).await, ["bed 4: potassium 6.8"], "the control");
    let drawer = house.image(&house.nurse, "drawer");
    house.passes(8 * MINUTE).await;
    let before = house.stolen(&house.nurse, &drawer).await.unwrap();
    guards.iter().for_each(|guard| arm(guard));
    house.passes(3 * MINUTE).await;
    let after = house.stolen(&house.nurse, &drawer).await.unwrap();
    guards.iter().for_each(|guard| disarm(guard));
    (before, after)
}

#[tokio::test]
async fn a_device_in_a_drawer_opens_nothing_that_ended_though_its_disk_and_passcode_are_known() {
    let said = vec!["bed 4: potassium 6.8".to_owned()];
    assert_eq!(in_a_drawer(&[]).await, (said.clone(), Vec::new()));
    // A relay that would hand it out has nothing to hand out.
    assert_eq!(in_a_drawer(&["mutant.period_outlived"]).await, (said.clone(), Vec::new()));
    let kept = in_a_drawer(&["mutant.period_outlived", "mutant.period_secret_kept"]).await;
    assert_eq!(kept, (said.clone(), said), "the guards taken away");
}

/// A device that was on when something ended. Its newest keys, with all pages of before, and a relay that kept all: what a thief reads.
async fn with_everything_kept(guard: &'static str) -> Vec<String> {
    let house = House::set().await;
    house.says("bed 4: potassium 6.8", 600).await;
    // And something else, so that the conversation keeps its key.
    house.says("for a day", 86_400).await;
    assert_eq!(house.reads(&house.nurse).await, ["bed 4: potassium 6.8", "for a day"]);
    let before = house.image(&house.nurse, "before");
    house.clock.advance_seconds(11 * MINUTE);
    arm(guard);
    assert_eq!(house.reads(&house.nurse).await, ["for a day"], "nothing of it is shown");
    disarm(guard);
    // The newest files, and the database as it was.
    let newest = house.image(&house.nurse, "newest");
    for file in fs::read_dir(&newest).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("vault.db") {
            fs::remove_file(file).unwrap();
        }
    }
    fs::copy(before.join("vault.db"), newest.join("vault.db")).unwrap();
    // The relay has swept nothing, and refuses nothing.
    arm("mutant.period_outlived");
    let read = house.stolen(&house.nurse, &newest).await.unwrap();
    let all = house.stolen(&house.nurse, &before).await.unwrap();
    disarm("mutant.period_outlived");
    assert_eq!(all, ["bed 4: potassium 6.8", "for a day"], "the control: with the keys of before");
    read
}

#[tokio::test]
async fn the_newest_keys_of_a_device_that_was_on_open_nothing_that_ended_though_the_relay_kept_all() {
    assert_eq!(with_everything_kept("").await, ["for a day"]);
    let kept = with_everything_kept("mutant.period_key_kept").await;
    assert_eq!(kept, ["bed 4: potassium 6.8", "for a day"], "the guard taken away");
}

/// P4, P5: what ends at ten minutes is there until then, and gone from then on, in a conversation that keeps messages for longer.
#[tokio::test]
async fn what_lives_ten_minutes_is_gone_then_and_what_lives_longer_is_not() {
    let house = House::set().await;
    house.says("for ten minutes", 600).await;
    house.says("for a day", 86_400).await;
    let nurse = house.opened(&house.nurse).await;
    let both = ["for ten minutes", "for a day"];
    assert_eq!(house.shown(&nurse, Reach::Offline).await, both);
    house.passes(9 * MINUTE).await;
    assert_eq!(house.shown(&nurse, Reach::Offline).await, both);
    // Open all the while, and with nobody to ask.
    house.relay.stop().await;
    house.clock.advance_seconds(MINUTE);
    assert_eq!(house.shown(&nurse, Reach::Offline).await, ["for a day"]);
    nurse.close().await.unwrap();
}

/// P4: a relay that comes back from a copy of up to three days ago opens what came since, and nothing that ended.
#[tokio::test]
async fn a_relay_that_is_restored_opens_what_has_not_ended_and_nothing_else() {
    let house = House::set().await;
    house.says("ends before", 600).await;
    assert_eq!(house.reads(&house.nurse).await, ["ends before"]);
    let (drawer, copy) = (house.image(&house.nurse, "drawer"), house.folder.path().join("copy"));
    house.relay.keep_copy(&copy).await;
    house.passes(2 * DAY).await;
    house.says("came since", 600).await;
    assert_eq!(house.reads(&house.nurse).await, ["came since"]);
    house.relay.restore(&copy).await;
    let since = house.image(&house.nurse, "since");
    assert_eq!(house.stolen(&house.nurse, &since).await.unwrap(), ["came since"]);
    assert_eq!(house.reads(&house.nurse).await, ["came since"]);
    assert_eq!(house.stolen(&house.nurse, &drawer).await.unwrap(), [""; 0]);
    house.relay.sweep().await;
    arm("mutant.period_outlived");
    assert_eq!(house.stolen(&house.nurse, &drawer).await.unwrap(), [""; 0], "and nothing of it is left");
    disarm("mutant.period_outlived");
}

/// P5, P10: a sweep that was cut between the keys and the rows is finished, and the vault opens.
#[tokio::test]
async fn a_sweep_that_was_cut_is_finished_by_the_next_opening() {
    let house = House::set().await;
    house.says("ends", 600).await;
    house.says("stays", 86_400).await;
    assert_eq!(house.reads(&house.nurse).await, ["ends", "stays"]);
    let before = house.image(&house.nurse, "before");
    house.passes(11 * MINUTE).await;
    assert_eq!(house.reads(&house.nurse).await, ["stays"]);
    // As after the keys went, and before the rows did.
    fs::copy(before.join("vault.db"), house.nurse.home.join("vault.db")).unwrap();
    arm("mutant.older_vaults");
    let nurse = house.opened(&house.nurse).await;
    disarm("mutant.older_vaults");
    assert_eq!(house.shown(&nurse, Reach::Offline).await, ["stays"]);
    arm("mutant.rows_kept");
    let found = nurse.execute(Command::VaultVerify, Reach::Offline).await;
    disarm("mutant.rows_kept");
    let Ok(Answer::VaultVerified(found)) = found else { panic!("{found:?}") };
    assert_eq!((found.messages, found.left), (1, LeftOver::default()), "its opening has deleted the rows");
    nurse.close().await.unwrap();
}

/// What a device says of its vault after something was over in it: messages held, periods with keys, and what is left.
async fn verified(guard: &'static str) -> (u64, u64, LeftOver) {
    let house = House::set().await;
    house.says("ends", 600).await;
    house.says("stays", 86_400).await;
    let nurse = house.opened(&house.nurse).await;
    assert_eq!(house.shown(&nurse, Reach::Offline).await, ["ends", "stays"]);
    house.passes(11 * MINUTE).await;
    arm(guard);
    let found = nurse.execute(Command::VaultVerify, Reach::Offline).await;
    disarm(guard);
    let Ok(Answer::VaultVerified(found)) = found else { panic!("{found:?}") };
    assert_eq!((found.unreadable, found.gone), (0, found.left == LeftOver::default()));
    nurse.close().await.unwrap();
    (found.messages, found.periods, found.left)
}

#[tokio::test]
async fn a_vault_is_looked_through_for_what_is_over_and_says_what_is_left() {
    assert_eq!(verified("").await, (1, 1, LeftOver::default()));
    // In memory, and on the disk.
    let keys = LeftOver { keys: 2, ..LeftOver::default() };
    assert_eq!(verified("mutant.period_key_kept").await, (1, 2, keys), "the guard taken away");
    let rows = LeftOver { messages: 1, ..LeftOver::default() };
    assert_eq!(verified("mutant.rows_kept").await, (1, 1, rows), "the guard taken away");
}

/// Whether the keys of a period are out of the file within seconds of its end, in a vault that is open and that nobody asks for anything.
async fn goes_by_itself(guard: &'static str) -> bool {
    let house = House::set().await;
    house.says("ends", 600).await;
    let end = expiry(house.clock.now(), 600);
    house.says("stays", 86_400).await;
    drop(house.reads(&house.nurse).await);
    house.clock.advance_millis(end.get() - house.clock.now().get() - 2_000);
    arm(guard);
    let nurse = house.opened(&house.nurse).await;
    let length = || fs::metadata(house.nurse.home.join("vault.periods")).unwrap().len();
    let before = length();
    house.clock.advance_seconds(2);
    let gone = async {
        while length() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(10), gone).await.is_ok();
    disarm(guard);
    nurse.close().await.unwrap();
    gone
}

#[tokio::test]
async fn what_is_over_goes_by_itself_while_a_vault_is_open() {
    assert!(goes_by_itself("").await);
    assert!(!goes_by_itself("mutant.swept_when_asked").await, "the guard taken away");
}

/// What a device has of a message that comes while these guards are away: the relay's secret is asked for before an entry is taken in, and again
/// where what it says inside has it end with another period.
async fn taken_in(guards: &[&'static str]) -> Vec<String> {
    let house = House::set().await;
    house.says("bed 4", 600).await;
    guards.iter().for_each(|guard| arm(guard));
    let nurse = house.open(&house.nurse).await;
    drop(nurse.execute(Command::Sync, Reach::Online).await);
    let texts = house.shown(&nurse, Reach::Offline).await;
    guards.iter().for_each(|guard| disarm(guard));
    nurse.close().await.unwrap();
    texts
}

#[tokio::test]
async fn a_message_is_taken_in_with_the_relays_secret_or_not_at_all() {
    for guards in [&[][..], &["mutant.unprepared"], &["mutant.unretried"]] {
        assert_eq!(taken_in(guards).await, ["bed 4"], "{guards:?}: one of the two is enough");
    }
    assert_eq!(taken_in(&["mutant.unprepared", "mutant.unretried"]).await, [""; 0], "the guards taken away");
}
