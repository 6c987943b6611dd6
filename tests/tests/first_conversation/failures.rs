//! What goes wrong says what to do and exits with its kind's status; afterwards the vault is whole: the next good
//! command works.

use std::sync::Arc;

use wardline_client_core::{
    api::{Client, Command, Options, Reach},
    vault::Passcode,
};
use wardline_identity::{Clock as _, ManualClock, SystemClock};
use wardline_proto::UtcMillis;
use wardline_tests::{Device, Output, Ward, programs};

/// The failure says what happened and what to do now.
#[track_caller]
fn says(output: &Output, what: &str) {
    assert!(output.stderr.contains(what), "“{what}” expected: {}", output.stderr);
    let sentences = output.stderr.split_inclusive(['.', ':']).filter(|one| one.trim().len() > 1).count();
    assert!(sentences >= 2, "it does not say what to do: {output:?}");
}

#[track_caller]
fn is_whole(device: &Device) {
    let status = device.ask(&["status"]);
    assert_eq!(status["user"], device.user.as_str());
    assert_ne!(status["connection"], "offline");
}

#[test]
fn a_wrong_passcode_is_refused_and_the_vault_stays_whole() {
    let ward = Ward::founded(programs!());
    let [doctor] = ward.people(["doctor-a"]);
    let right = std::fs::read(&doctor.passcode_file).unwrap();
    for wrong in ["wrong\n", "the passcode of nurse-b\n", "the passcode of doctor-a \n"] {
        std::fs::write(&doctor.passcode_file, wrong).unwrap();
        says(&doctor.cli(&["status"]).failed(77), "The passcode is wrong.");
        std::fs::write(&doctor.passcode_file, &right).unwrap();
        is_whole(&doctor);
    }
    std::fs::write(&doctor.passcode_file, "\n").unwrap();
    says(&doctor.cli(&["status"]).failed(65), "This passcode cannot be used.");
    std::fs::write(&doctor.passcode_file, right).unwrap();
    is_whole(&doctor);
}

#[test]
fn a_missing_vault_is_named_and_not_made() {
    let ward = Ward::stopped(programs!());
    let nobody = ward.device("nobody");
    for arguments in
        [&["status"][..], &["send", "Ward 4", "hello"], &["sync", "--follow"], &["conversation", "list"]]
    {
        says(&nobody.cli(arguments).failed(66), "There is no vault");
    }
    assert!(!nobody.home.exists());
}

#[test]
fn a_relay_that_is_down_is_said_and_what_is_open_can_be_read() {
    let mut ward = Ward::founded(programs!());
    let [doctor, _nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    doctor.cli(&["send", "Ward 4", "here already"]).good();
    ward.relay.kill();
    says(
        &doctor.cli(&["read", "Ward 4"]).failed(69),
        "The vault cannot be opened: the relay cannot be reached.",
    );
    ward.relay.start();
    let owner = doctor.follow();
    doctor.cli(&["sync"]).good();
    ward.relay.kill();
    says(&doctor.cli(&["people"]).failed(69), "The relay cannot be reached.");
    says(&doctor.cli(&["sync"]).failed(69), "The relay cannot be reached.");
    says(&doctor.cli(&["conversation", "create", "Ward 5"]).failed(69), "The relay cannot be reached.");
    let read = doctor.cli(&["read", "Ward 4"]).good().stdout;
    assert!(read.contains("here already"));
    let guest = ward.device("guest-d");
    let lost = "wardline://enrol/not-an-invitation";
    says(&guest.cli(&["enrol", lost, "--device", "phone"]).failed(65), "This is not a whole invitation.");
    ward.relay.start();
    drop(owner);
    is_whole(&doctor);
}

#[test]
fn a_spent_an_expired_and_a_withdrawn_invitation_are_refused_each_with_its_reason() {
    let ward = Ward::founded(programs!());
    let office = &ward.administrator;

    // Spent: by another device.
    let invitation = ward.invite("doctor-a");
    let registrar = office.start(&["admin", "registrar"]);
    let doctor = ward.device("doctor-a");
    doctor.cli(&["enrol", &invitation, "--device", "phone"]).good();
    drop(registrar);
    let mut second = ward.device("doctor-a");
    second.home = ward.folder().join("second");
    says(&second.cli(&["enrol", &invitation, "--device", "tablet"]).failed(78), "used on another device");
    // The home that spent it is not disturbed by trying again.
    doctor.cli(&["enrol", &invitation, "--device", "phone"]).failed(73);
    is_whole(&doctor);

    // Expired.
    let short = ward.invite_for_a_moment("nurse-b");
    let nurse = ward.device("nurse-b");
    says(&nurse.cli(&["enrol", &short, "--device", "phone"]).failed(78), "The invitation has expired.");

    // Withdrawn.
    let withdrawn = office.ask(&["admin", "invite", "nurse-b"]);
    office.cli(&["admin", "invite", "cancel", &withdrawn["id"].as_str().unwrap()[..8]]).good();
    let invitation = withdrawn["invitation"].as_str().unwrap();
    says(&nurse.cli(&["enrol", invitation, "--device", "phone"]).failed(78), "The invitation was withdrawn.");

    // A good one still works in the same home.
    let good = ward.invite("nurse-b");
    let _registrar = office.start(&["admin", "registrar"]);
    nurse.cli(&["enrol", &good, "--device", "phone"]).good();
    is_whole(&nurse);
}

#[test]
fn an_unknown_person_conversation_and_message_are_named() {
    let ward = Ward::founded(programs!());
    let [doctor, _nurse] = ward.people(["doctor-a", "nurse-b"]);
    let refused = doctor.cli(&["conversation", "create", "Ward 4", "--with", "nobody"]).failed(67);
    says(&refused, "nobody");
    assert!(doctor.ask(&["conversation", "list"])["conversations"].as_array().unwrap().is_empty());
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    says(&doctor.cli(&["conversation", "add", "Ward 4", "nobody"]).failed(67), "nobody");
    doctor.cli(&["conversation", "remove", "Ward 4", "nobody"]).failed(67);
    for arguments in
        [&["send", "Ward 9", "hello"][..], &["read", "Ward 9"], &["conversation", "show", "0000"]]
    {
        says(&doctor.cli(arguments).failed(67), "There is no conversation");
    }
    doctor.cli(&["device", "approve", "0000"]).failed(67);
    is_whole(&doctor);
}

#[test]
fn several_people_come_in_by_one_change_and_whose_changes_wait_is_told_why() {
    let ward = Ward::founded(programs!());
    let [doctor, _nurse, _locum] = ward.people(["doctor-a", "nurse-b", "locum-c"]);
    doctor.cli(&["conversation", "create", "Ward 4"]).good();
    let show = || doctor.ask(&["conversation", "show", "Ward 4"]);
    let people = |shown: &serde_json::Value| shown["members"].as_array().unwrap().len();
    says(&doctor.cli(&["conversation", "add", "Ward 4", "nurse-b", "nobody"]).failed(67), "nobody");
    doctor.cli(&["conversation", "add", "Ward 4"]).failed(2);
    let before = show();
    assert_eq!(people(&before), 1, "all of them or none");
    let added = doctor.ask(&["conversation", "add", "Ward 4", "nurse-b", "locum-c"]);
    assert_eq!(added["people"], serde_json::json!(["locum-c", "nurse-b"]));
    let after = show();
    assert_eq!(people(&after), 3);
    assert_eq!(after["number"].as_u64(), before["number"].as_u64().map(|number| number + 1), "one change");
    // The relay takes ten a minute.
    let id = after["conversation"].as_str().unwrap().to_owned();
    let slow = (0..12)
        .map(|number| doctor.cli(&["conversation", "rename", &id, &format!("Ward {number}"), "--json"]))
        .find(|renamed| renamed.status != 0)
        .expect("one has to wait");
    assert_eq!(slow.status, 75);
    says(&slow, "not made yet");
    assert_eq!(slow.failure()["what"], "The change is kept, and not made yet.");
}

#[test]
fn what_cannot_be_said_is_refused_before_it_is_queued() {
    let ward = Ward::founded(programs!());
    let [doctor] = ward.people(["doctor-a"]);
    doctor.cli(&["conversation", "create", "Notes"]).good();
    doctor.cli(&["send", "Notes", ""]).failed(65);
    doctor.cli_with_input(&["send", "Notes", "-"], &"x".repeat(65_537)).failed(65);
    doctor.cli(&["conversation", "create", ""]).failed(65);
    doctor.cli(&["conversation", "create", &"x".repeat(129)]).failed(65);
    assert_eq!(doctor.ask(&["status"])["queued"], 0);
    // The longest text that can be said arrives.
    doctor.cli_with_input(&["send", "Notes", "-"], &"y".repeat(65_536)).good();
    let read = doctor.ask_all(&["read", "Notes"]);
    assert_eq!(read.last().unwrap()["text"].as_str().unwrap().len(), 65_536);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_years_off_is_named_and_the_vault_stays_whole() {
    // The product has no way to move its clock, so the core is asked in this process, as the program asks it.
    const YEAR: u64 = 365 * 86_400_000;
    let (ward, doctor) = tokio::task::spawn_blocking(|| {
        let ward = Ward::founded(programs!());
        let [doctor] = ward.people(["doctor-a"]);
        (ward, doctor)
    })
    .await
    .unwrap();
    let passcode = std::fs::read_to_string(&doctor.passcode_file).unwrap();
    let passcode = Passcode::new(passcode.trim_end().to_owned()).unwrap();
    let now = SystemClock.now().get();
    for wrong in [now + 2 * YEAR, now - 2 * YEAR] {
        let options =
            Options { clock: Arc::new(ManualClock::new(UtcMillis::new(wrong))), ..Options::default() };
        let failure = match Client::open(&doctor.home, &passcode, options).await {
            Ok(client) => client.execute(Command::Sync, Reach::Online).await.unwrap_err(),
            Err(failure) => failure,
        };
        assert_eq!(failure.kind.exit_status(), 76, "{failure}");
        assert!(failure.to_string().contains("date and time"), "{failure}");
    }
    tokio::task::spawn_blocking(move || {
        is_whole(&doctor);
        drop(ward);
    })
    .await
    .unwrap();
}
