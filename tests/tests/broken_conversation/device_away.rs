//! A device that was away for longer than the relay keeps anything.

use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

use crate::scene::{PATIENCE, everybody_sees, greetings, until, ward};

const USERS: [&str; 3] = ["doctor-a", "nurse-b", "locum-c"];

#[test]
fn a_device_that_was_away_for_too_long_comes_back_by_itself_and_says_what_it_missed() {
    let (mut ward, mut people) = ward(USERS);
    // 1. Two messages, a commit and another message, while one device is away.
    people[1].goes();
    let (doctor, locum) = (&people[0], &people[2]);
    doctor.says("one");
    locum.says("two");
    doctor.device.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).good();
    doctor.device.cli(&["conversation", "rename", "Ward Four", "Ward 4"]).good();
    doctor.says("three");
    until(PATIENCE, "the other has it", || locum.texts().len() == USERS.len() + 3);

    // 2. The relay keeps none of it any more.
    ward.relay.stop();
    forget(&ward.relay.folder().join("relay.sqlite"));
    ward.relay.start();

    // 3. It is let in again; what was said after the commit is said again, the rest is counted.
    people[1].back();
    until(PATIENCE, "it is let in again", || people[1].is_told("let this device in again"));
    people[0].says_when_it_can("four");
    let mut texts = greetings(&USERS);
    texts.extend(["three", "four"].map(str::to_owned));
    everybody_sees(&people[1..2], PATIENCE, &texts);
    let conversation = people[1].conversation();
    assert_eq!((&conversation["state"], &conversation["missed"]), (&"active".into(), &2.into()));
    let synced = people[1].device.cli(&["sync"]);
    assert!(synced.stdout.contains("2 messages came while this device was away"), "{synced:?}");
    let shown = people[1].device.cli(&["conversation", "show", "Ward 4"]);
    assert!(shown.stdout.contains("2 messages came while this device was away"), "{shown:?}");
    people[1].says_when_it_can("back");

    // The control: who was there missed nothing, and sees each once.
    texts.extend(["one", "two", "back"].map(str::to_owned));
    everybody_sees(&people[2..], PATIENCE, &texts);
    assert_eq!(people[2].conversation()["missed"], 0);
}

/// Deletes every body that the relay still keeps.
fn forget(database: &std::path::Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut connection =
            SqliteConnectOptions::new().filename(database).connect().await.expect("a database");
        let gone = sqlx::query("UPDATE entries SET body = NULL WHERE body IS NOT NULL");
        let gone = gone.execute(&mut connection).await.expect("deleted").rows_affected();
        assert!(gone >= 5, "it kept them for the one who was away: {gone}");
    });
}
