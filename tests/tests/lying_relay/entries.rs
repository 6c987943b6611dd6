//! Lies about entries: left out, swapped, repeated, different for two, withheld, altered, misdated.

use crate::scene::{CAUGHT, Scene, WARD, assert_caught, assert_silent, read};

/// A lie that a device notices as soon as it is told: the nurse sees it, the locum's client has not the guard. Answers
/// the scene after it.
fn told_once(lie: &str, kind: &str, mutants: &[&str]) -> Scene {
    told_by(Scene::lies, lie, kind, mutants)
}

/// The same, told in one way or the other.
fn told_by(tell: fn(&mut Scene, &str), lie: &str, kind: &str, mutants: &[&str]) -> Scene {
    let mut scene = Scene::honest();
    let first = scene.says();
    scene.says();
    tell(&mut scene, lie);
    let fault = assert_caught(&scene.nurse, WARD, kind);
    assert_eq!(fault["number"], first, "{fault}");
    scene.assert_nobody_is_out(&scene.nurse);

    tell(&mut scene, lie);
    let locum = scene.locum.armed(mutants);
    read(&locum, WARD).good();
    scene.repents();
    assert_silent(&locum, WARD);
    scene
}

#[test]
fn an_entry_that_is_left_out_is_named_and_fetched() {
    let mut scene = told_once("relay.drop_entry", "left_out", &["mutant.left_out"]);
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "nothing is lost");
    scene.assert_talk_goes_on();
}

#[test]
fn entries_in_another_order_are_named_and_put_right() {
    let mut scene = told_once("relay.swap_entries", "left_out", &["mutant.left_out"]);
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "in order, nothing lost");
    scene.assert_talk_goes_on();
}

#[test]
fn an_entry_that_comes_twice_is_named_and_shown_once() {
    let mut scene = told_once("relay.repeat_entry", "repeated", &["mutant.repeated"]);
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "each once");
    scene.assert_talk_goes_on();
}

#[test]
fn a_message_that_is_gone_before_its_time_is_named_and_fetched() {
    let mut scene = told_once("relay.expire_early", "withheld", &["mutant.withheld"]);
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "nothing is lost");
    assert_ne!(scene.texts(&scene.locum), scene.all(), "without the guard it is");
    scene.assert_talk_goes_on();
}

#[test]
fn an_entry_that_came_damaged_is_named_and_fetched() {
    let mut scene = told_once("relay.damage_entry", "altered", &["mutant.damaged", "mutant.left_out"]);
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "nothing is lost");
    scene.assert_talk_goes_on();
}

#[test]
fn a_relay_that_leaves_an_entry_out_for_ever_is_named_and_stops_no_other_conversation() {
    let mut scene = Scene::honest();
    scene.doctor.cli(&["conversation", "create", "Night", "--with", "nurse-b"]).good();
    assert_silent(&scene.nurse, "Night");
    assert_eq!(scene.says(), 4);
    scene.says();
    scene.ward.relay.rearm(&["relay.drop_fourth"]);
    let fault = assert_caught(&scene.nurse, WARD, "left_out");
    assert_eq!((&fault["number"], scene.texts(&scene.nurse).len()), (&4.into(), 2), "it waits");
    scene.doctor.cli(&["send", "Night", "still here"]).good();
    let night = read(&scene.nurse, "Night").good().objects();
    assert!(night.iter().any(|one| one["text"] == "still here"), "{night:?}");
    scene.repents();
    assert_eq!(scene.texts(&scene.nurse), scene.all(), "nothing is lost");
    scene.assert_talk_goes_on();
}

#[test]
fn entries_that_took_each_others_numbers_are_named_by_what_their_sender_had_seen() {
    let mut scene = told_by(Scene::lies_well, "relay.exchange_entries", "other_log", &["mutant.other_log"]);
    scene.assert_talk_goes_on();
}

/// Nobody notices before the doctor speaks again: only another member's word brings it out.
#[test]
fn two_members_who_are_shown_different_entries_learn_it_from_each_others_next_words() {
    let mut scene = Scene::honest();
    let number = scene.says();
    scene.lies_well("relay.two_faces");
    assert_silent(&scene.nurse, WARD);
    scene.lies_well("relay.two_faces");
    let locum = scene.locum.armed(&["mutant.other_log"]);
    assert_silent(&locum, WARD);

    scene.repents();
    scene.says();
    let fault = assert_caught(&scene.nurse, WARD, "other_log");
    assert_eq!((&fault["number"], &fault["user"]), (&number.into(), &"doctor-a".into()));
    assert_ne!(fault["evidence"]["ours"], fault["evidence"]["theirs"]);
    assert_silent(&locum, WARD);
    scene.assert_nobody_is_out(&scene.nurse);

    // And the other way round: the nurse's word shows it to the doctor.
    assert_silent(&scene.doctor, WARD);
    scene.nurse.cli(&["send", WARD, "what did you see?"]).good();
    let fault = assert_caught(&scene.doctor, WARD, "other_log");
    assert_eq!(fault["user"], "nurse-b");
    scene.assert_talk_goes_on();
}

#[test]
fn an_entry_dated_in_the_future_is_named() {
    let mut scene = Scene::honest();
    let number = scene.says();
    scene.lies_well("relay.postdate_entry");
    let fault = assert_caught(&scene.nurse, WARD, "misdated");
    assert_eq!(fault["number"], number);
    scene.lies_well("relay.postdate_entry");
    let locum = scene.locum.armed(&["mutant.misdated"]);
    assert_silent(&locum, WARD);
    scene.repents();
    scene.assert_nobody_is_out(&scene.nurse);
}

#[test]
fn an_entry_dated_before_the_one_ahead_of_it_is_named() {
    let mut scene = Scene::honest();
    let number = scene.says();
    scene.lies_well("relay.backdate_entry");
    let fault = assert_caught(&scene.nurse, WARD, "misdated");
    assert_eq!(fault["number"], number);
}

#[test]
fn a_message_that_comes_back_to_its_sender_as_another_is_named() {
    let mut scene = Scene::honest();
    scene.lies_well("relay.alter_entry");
    let sent = scene.doctor.cli(&["send", WARD, "what I said", "--json"]);
    let number = sent.object()["number"].clone();
    let fault = assert_caught(&scene.doctor, WARD, "own_altered");
    assert_eq!(fault["number"], number);
    let outbox = scene.doctor.ask(&["outbox", "list"]);
    assert_eq!(outbox["outbox"][0]["state"], "refused", "{outbox}");
    let (nurse, said) = (&scene.nurse, "what I said".to_owned());
    assert!(scene.texts(nurse).contains(&said), "the others have it as it was sent");

    let mut other = Scene::honest();
    other.lies_well("relay.alter_entry");
    let doctor = other.doctor.armed(&["mutant.own_altered"]);
    doctor.cli(&["send", WARD, "what I said"]).good();
    assert_silent(&doctor, WARD);
}

/// The control of those that are told well: a relay that lied about its log and says where it stands names its own lie.
#[test]
fn a_relay_that_lied_about_its_log_and_then_says_where_it_stands_has_named_its_lie() {
    let mut scene = Scene::honest();
    scene.says();
    let number = scene.says();
    scene.lies("relay.exchange_entries");
    read(&scene.nurse, WARD).failed(CAUGHT);
    scene.repents();
    let faults = read(&scene.nurse, WARD).objects();
    let rewound = faults.iter().find(|one| one["relay_fault"] == "rewound").expect("it is named");
    assert_eq!(rewound["number"], number, "as far as it was told");
}
