//! Claims about opening a vault (P3d, P4, P6): its relay has to answer, a revoked device's never opens again, wrong passcodes count and
//! right ones do not, an older copy is refused, and a new passcode replaces the one before. Every attack has its control.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod enrolling;
mod passcode;
mod tries;

use std::{fs, path::PathBuf};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use wardline_tests::{Device, Ward, programs};

/// Exit statuses.
const UNAVAILABLE: i32 = 69;
const UNTRUSTED: i32 = 76;
const WRONG: i32 = 77;
const REFUSED: i32 = 78;

fn ward() -> (Ward, Device, Device) {
    let ward = Ward::quick(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    nurse.cli(&["sync"]).good();
    doctor.cli(&["send", "Ward 4", "bed 7 is free"]).good();
    nurse.cli(&["sync"]).good();
    (ward, doctor, nurse)
}

/// The files of a device as they are now, and the passcode: somebody else's machine.
fn copied(device: &Device, name: &str) -> Device {
    device.copy_to(&device.home.with_extension(name)).unwrap()
}

/// What a device shows of the conversation.
fn reads(device: &Device) -> String {
    device.cli(&["read", "Ward 4"]).good().stdout
}

/// The device with a passcode typed wrong.
fn mistyped(device: &Device, typed: &str) -> Device {
    let file: PathBuf = device.home.with_extension("typed");
    fs::write(&file, format!("{typed}\n")).unwrap();
    device.in_hands(&file)
}

/// P6: nothing on the disk and nothing that its owner knows opens it alone.
#[test]
fn a_vault_opens_with_its_relay_and_not_without() {
    let (mut ward, doctor, _nurse) = ward();
    ward.relay.stop();
    for offline in [&["read", "Ward 4"][..], &["--offline", "read", "Ward 4"]] {
        let alone = doctor.cli(offline).failed(UNAVAILABLE);
        assert!(alone.stderr.contains("The vault cannot be opened"), "{alone:?}");
    }
    ward.relay.start();
    assert!(reads(&doctor).contains("bed 7 is free"), "the control");
    // The guard taken away: a vault that has no pair opens by its passcode alone.
    let registrar = ward.administrator.start(&["admin", "registrar"]);
    let other = ward.device("nurse-c").armed(&["simulation.unpaired_vaults"]);
    other.cli(&["enrol", &ward.invite("nurse-c"), "--device", "phone"]).good();
    drop(registrar);
    other.cli(&["sync"]).good();
    ward.relay.stop();
    other.cli(&["--offline", "status"]).good();
    ward.relay.start();
    // And the next opening seals it with the relay.
    let other = ward.device("nurse-c");
    other.cli(&["status"]).good();
    ward.relay.stop();
    other.cli(&["--offline", "status"]).failed(UNAVAILABLE);
}

/// P3d: closed from the instant, online and offline.
#[test]
fn a_revoked_devices_files_and_passcode_open_nothing() {
    let (mut ward, doctor, nurse) = ward();
    let [before, after] = ["before", "after"].map(|name| copied(&nurse, name));
    assert!(reads(&before).contains("bed 7 is free"), "the control: an hour before, a copy opens");
    let device = nurse_of(&ward);
    ward.administrator.cli(&["admin", "device", "revoke", &device, "--reason", "stolen"]).good();
    for copy in [&after, &nurse, &before] {
        let refused = copy.cli(&["--offline", "read", "Ward 4"]).failed(REFUSED);
        assert!(refused.stderr.contains("DEVICE_REVOKED"), "{refused:?}");
        assert!(!refused.stdout.contains("bed 7"), "{refused:?}");
    }
    ward.relay.stop();
    after.cli(&["--offline", "read", "Ward 4"]).failed(UNAVAILABLE);
    ward.relay.start();
    assert!(reads(&doctor).contains("bed 7 is free"), "the others go on");
}

/// The same while it is on hold, and not a moment longer.
#[test]
fn a_device_on_hold_does_not_open_its_vault_until_it_is_reinstated() {
    let (ward, _doctor, nurse) = ward();
    let device = nurse_of(&ward);
    ward.administrator.cli(&["admin", "device", "hold", &device, "--reason", "lost"]).good();
    nurse.cli(&["--offline", "read", "Ward 4"]).failed(REFUSED);
    ward.administrator.cli(&["admin", "device", "reinstate", &device]).good();
    assert!(reads(&nurse).contains("bed 7 is free"), "the control");
}

fn nurse_of(ward: &Ward) -> String {
    let listed = ward.administrator.ask(&["admin", "device", "list"]);
    let devices = listed["devices"].as_array().unwrap();
    let nurse = devices.iter().find(|one| one["user"] == "nurse-b").unwrap();
    nurse["device"].as_str().unwrap().to_owned()
}

/// P6: what was put back from an image would say again what was said before.
#[test]
fn an_older_copy_of_a_vault_is_refused_and_the_newer_one_goes_on() {
    let (mut ward, doctor, _nurse) = ward();
    let older = copied(&doctor, "older");
    assert!(reads(&doctor).contains("bed 7 is free"));
    let refused = older.cli(&["read", "Ward 4"]).failed(REFUSED);
    assert!(refused.stderr.contains("VAULT_OLDER"), "{refused:?}");
    doctor.cli(&["send", "Ward 4", "bed 8 too"]).good();
    // The guard taken away.
    let older = copied(&doctor, "older-still");
    assert!(reads(&doctor).contains("bed 8 too"));
    ward.relay.rearm(&["mutant.older_vaults"]);
    assert!(reads(&older).contains("bed 8 too"));
}

/// The table of pairs, beside the relay that is stopped.
fn in_pairs(ward: &Ward, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(ward.relay.folder().join("relay.sqlite"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let done = runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let done = sqlx::query(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        done
    });
    assert!(done.rows_affected() > 0, "{statement}");
}

/// A relay that answers with another key is found out by its proof, before anything is made of the answer; and the passcode was not wrong.
#[test]
fn a_relay_that_answers_with_another_key_is_found_out() {
    let (mut ward, doctor, _nurse) = ward();
    ward.relay.stop();
    in_pairs(&ward, "UPDATE unlock_pairs SET key = CAST(substr(key, 2) || substr(key, 1, 1) AS BLOB)");
    ward.relay.start();
    let lied = doctor.cli(&["read", "Ward 4"]).failed(UNTRUSTED);
    assert!(lied.stderr.contains("did not use the key"), "{lied:?}");
    ward.relay.stop();
    in_pairs(&ward, "UPDATE unlock_pairs SET key = CAST(substr(key, 32) || substr(key, 1, 31) AS BLOB)");
    ward.relay.start();
    assert!(reads(&doctor).contains("bed 7 is free"), "the control: with its own key");
}

/// A relay that has lost its pairs opens nothing, and says so.
#[test]
fn without_its_pair_a_vault_stays_closed() {
    let (mut ward, doctor, nurse) = ward();
    ward.relay.stop();
    in_pairs(&ward, "DELETE FROM unlock_pairs");
    ward.relay.start();
    for device in [&doctor, &nurse] {
        let lost = device.cli(&["read", "Ward 4"]).failed(REFUSED);
        assert!(lost.stderr.contains("PAIR_UNKNOWN"), "{lost:?}");
    }
}
