//! Lies about who is in: a Welcome withheld, a KeyPackage handed out twice, removals without a cause, a commit without
//! its author's name.

use std::time::{Duration, Instant};

use serde_json::Value;
use wardline_tests::{Device, Owner, Ward, programs};

use crate::scene::{CAUGHT, Scene, WARD, assert_caught, assert_silent, read};

/// The id of a conversation, from one who is in it.
fn id_of(device: &Device, name: &str) -> String {
    let list = device.cli(&["conversation", "list", "--json"]).object();
    let conversations = list["conversations"].as_array().expect("conversations").clone();
    let one = conversations.into_iter().find(|one| one["name"] == name).expect("the conversation");
    one["conversation"].as_str().expect("an id").to_owned()
}

/// Waits until the device is in.
fn assert_let_in(device: &Device, conversation: &str) {
    let owner = device.follow();
    let until = Instant::now() + Duration::from_secs(20);
    let state = || device.cli(&["conversation", "show", conversation, "--json"]).object()["state"].clone();
    while state() != "active" {
        assert!(Instant::now() < until, "it stays out: {}", state());
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(owner);
}

/// Waits until the device shows a text; whether it did in time.
fn arrives(device: &Device, conversation: &str, text: &str, seconds: u64) -> bool {
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        if read(device, conversation).objects().iter().any(|one| one["text"] == text) {
            return true;
        }
    }
    false
}

#[test]
fn a_welcome_that_is_withheld_is_named_and_fetched() {
    let mut scene = Scene::honest();
    scene.lies("relay.withhold_welcome");
    scene.doctor.cli(&["conversation", "create", "Night", "--with", "nurse-b"]).good();
    scene.doctor.cli(&["send", "Night", "are you there?"]).good();
    let fault = assert_caught(&scene.nurse, "Night", "no_welcome");
    assert_eq!(fault["number"], 1, "the commit that added her");
    let texts: Vec<Value> = read(&scene.nurse, "Night").objects();
    assert!(texts.iter().any(|one| one["text"] == "are you there?"), "nothing is lost");

    scene.doctor.cli(&["conversation", "create", "Day", "--with", "locum-c"]).good();
    scene.lies("relay.withhold_welcome");
    let locum = scene.locum.armed(&["mutant.no_welcome"]);
    locum.cli(&["sync"]).good();
    assert_silent(&locum, WARD);
}

#[test]
fn a_welcome_that_is_never_handed_over_shows_as_a_conversation_one_is_kept_out_of() {
    let (mut scene, night, _doctor) = kept_out();
    // Her other conversations go on.
    scene.says();
    assert_eq!(scene.texts(&scene.nurse), scene.all());
    // The relay thinks better of it: she is in.
    scene.repents();
    assert_let_in(&scene.nurse, &night);
    // The doctor's connection to the relay that was started anew may take a moment: then it is queued.
    assert!([0, 75].contains(&scene.doctor.cli(&["send", "Night", "are you there?"]).status));
    assert!(arrives(&scene.nurse, &night, "are you there?", 30));
}

/// The doctor is connected, and has let the nurse into a conversation whose Welcomes the relay hands to nobody.
fn kept_out() -> (Scene, String, Owner) {
    let mut scene = Scene::honest();
    scene.ward.relay.rearm(&["relay.withhold_welcome"]);
    let doctor = scene.doctor.follow();
    scene.doctor.cli(&["conversation", "create", "Night", "--with", "nurse-b"]).good();
    let night = id_of(&scene.doctor, "Night");
    assert_caught(&scene.nurse, &night, "no_welcome");
    (scene, night, doctor)
}

/// The log is closed meanwhile, at a change of the doctor's: only the nurse can go on, who looks in now and then. Whether what is
/// said arrives.
fn goes_on(armed: &[&str], seconds: u64) -> bool {
    let (mut scene, night, _doctor) = kept_out();
    let nurse = scene.nurse.armed(armed);
    let until = Instant::now() + Duration::from_secs(60);
    while !scene.ward.relay.log().contains("a log was closed") {
        assert!(Instant::now() < until, "the log stays open");
        read(&nurse, &night);
    }
    scene.repents();
    assert!([0, 75].contains(&scene.doctor.cli(&["send", "Night", "are you there?"]).status));
    arrives(&nurse, &night, "are you there?", seconds)
}

#[test]
fn who_alone_can_go_on_from_a_closed_log_does_though_she_only_looks_in() {
    assert!(goes_on(&[], 30));
    assert!(!goes_on(&["mutant.looks_in"], 8), "the guard taken away");
}

#[test]
fn a_key_package_that_is_handed_out_twice_is_named() {
    let ward = |lie: &[&str]| {
        let mut ward = Ward::quick(programs!());
        let people = ward.people(["doctor-a", "nurse-b", "matron-d"]);
        ward.relay.rearm(lie);
        people[0].cli(&["conversation", "create", "Day", "--with", "nurse-b"]).good();
        assert_silent(&people[1], "Day");
        people[2].cli(&["conversation", "create", "Night", "--with", "nurse-b"]).good();
        let night = id_of(&people[2], "Night");
        ward.relay.rearm(&[]);
        (ward, people, night)
    };
    let (_ward, [doctor, nurse, matron], night) = ward(&["relay.hand_out_twice"]);
    let _matron = matron.follow();
    let fault = assert_caught(&nurse, &night, "package_twice");
    assert_eq!(fault["number"], 1);
    // Her device says that it was not let in; another member's lets it in anew.
    assert_let_in(&nurse, &night);
    assert_silent(&doctor, "Day");
    doctor.cli(&["send", "Day", "morning"]).good();
    let texts = read(&nurse, "Day").good().objects();
    assert!(texts.iter().any(|one| one["text"] == "morning"), "the other conversation goes on");

    let (_ward, [_, nurse, _], _) = ward(&[]);
    assert_silent(&nurse, "Night");

    let (_ward, [_, nurse, _], _) = ward(&["relay.hand_out_twice"]);
    assert_silent(&nurse.armed(&["mutant.package_twice"]), "Day");
}

#[test]
fn a_removal_that_no_entry_shows_is_named_and_nobody_is_out() {
    let mut scene = Scene::honest();
    let number = scene.says();
    scene.lies("relay.claim_removal");
    let fault = assert_caught(&scene.nurse, WARD, "false_removal");
    assert_eq!(fault["number"], number);
    scene.assert_nobody_is_out(&scene.nurse);
    scene.lies("relay.claim_removal");
    assert_silent(&scene.locum.armed(&["mutant.false_removal"]), WARD);
    scene.assert_talk_goes_on();
}

#[test]
fn a_removal_that_the_relay_asks_for_without_a_cause_is_named_and_not_made() {
    let mut scene = Scene::honest();
    let number = scene.says();
    scene.lies("relay.baseless_task");
    let fault = assert_caught(&scene.nurse, WARD, "baseless_task");
    assert_eq!((&fault["number"], &fault["user"]), (&number.into(), &"locum-c".into()));
    scene.nurse.cli(&["send", WARD, "anybody?"]).good();
    scene.lies("relay.baseless_task");
    let doctor = scene.doctor.armed(&["mutant.baseless_task"]);
    assert_silent(&doctor, WARD);
    scene.assert_talk_goes_on();
    scene.locum.cli(&["send", WARD, "still here"]).good();
    let read = read(&scene.doctor, WARD);
    assert!(read.objects().iter().any(|one| one["text"] == "still here"), "{read:?}");
}

#[test]
fn a_commit_without_its_authors_name_is_the_relays_doing() {
    let mut scene = Scene::honest();
    scene.doctor.cli(&["conversation", "rename", WARD, "Ward Four"]).good();
    scene.lies("relay.forge_author");
    scene.nurse.cli(&["sync"]).failed(CAUGHT);
    assert_caught(&scene.nurse, "Ward Four", "false_author");
    scene.lies("relay.forge_author");
    let locum = scene.locum.armed(&["mutant.false_author"]);
    locum.cli(&["sync"]).good();
    assert_silent(&locum, "Ward Four");
}

/// The control is `crash_matrix`, where the relay tells it and she is in.
#[test]
fn who_is_added_while_others_speak_is_not_in_where_the_relay_hides_what_was_said() {
    let mut scene = Scene::honest();
    let [dora] = scene.ward.people(["dora"]);
    let staged = "crash.commit_staged";
    scene.nurse.armed(&[staged]).cli(&["conversation", "add", WARD, "dora"]).crashed_at(staged);
    scene.says();
    scene.ward.relay.rearm(&["mutant.no_links"]);
    scene.nurse.cli(&["sync"]).good();
    dora.cli(&["sync"]).good();
    let listed = dora.cli(&["conversation", "list", "--json"]).object();
    let conversations = listed["conversations"].as_array().expect("a list");
    assert!(
        conversations.iter().all(|one| one["state"] != "active"),
        "the place cannot be checked: {listed}"
    );
}
