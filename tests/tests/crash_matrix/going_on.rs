//! A log broke and is closed; the one who makes it go on dies while she learns of that, or makes it.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::scene::{NAME, RENAMED, Scene};

/// How long it may take until it goes on: the relay gives members ten seconds after it started.
const GOING_ON: Duration = Duration::from_secs(60);

/// Nobody but the doctor can follow the doctor's change. The nurse says so, and dies at the row's place; once she starts again
/// the conversation goes on with both.
fn goes_on(test: &str) {
    let scene = Scene::of(test);
    let broken = ["conversation", "rename", &scene.id, RENAMED];
    scene.doctor.armed(&["member.worthless_commit"]).cli(&broken).good();
    scene.dies_following(&scene.nurse);
    let mut nurse = scene.nurse.follow();
    let until = Instant::now() + GOING_ON;
    let told = || {
        let read = scene.nurse.ask_all(&["read", &scene.id]);
        read.iter().any(|one| one["text"].as_str().is_some_and(|text| text.contains("made a change")))
    };
    let has_doctor = || {
        let shown = scene.nurse.ask(&["conversation", "show", &scene.id]);
        let members = shown["members"].as_array().unwrap();
        shown["state"] == "active" && members.iter().any(|member| member["user"] == "doctor-a")
    };
    while !(told() && has_doctor()) {
        assert!(Instant::now() < until, "it does not go on");
        sleep(Duration::from_millis(200));
    }
    scene.doctor.cli(&["sync"]).good();
    assert_eq!(scene.name(&scene.doctor), NAME, "what nobody could follow has not been");
    let listed = scene.doctor.ask(&["conversation", "list"]);
    assert_eq!(listed["conversations"].as_array().unwrap().len(), 1, "{listed}");
    nurse.process.kill();
    scene.judge();
}

#[test]
fn the_closing_is_judged_and_not_stored() {
    goes_on("going_on::the_closing_is_judged_and_not_stored");
}

#[test]
fn the_closing_is_stored_and_nothing_made() {
    goes_on("going_on::the_closing_is_stored_and_nothing_made");
}

#[test]
fn the_successor_is_made_and_not_stored() {
    goes_on("going_on::the_successor_is_made_and_not_stored");
}

#[test]
fn the_successor_is_stored_and_the_relay_not_told() {
    goes_on("going_on::the_successor_is_stored_and_the_relay_not_told");
}

#[test]
fn the_relay_knows_the_successor_and_the_answer_is_lost() {
    goes_on("going_on::the_relay_knows_the_successor_and_the_answer_is_lost");
}

#[test]
fn the_others_are_being_let_into_the_successor() {
    goes_on("going_on::the_others_are_being_let_into_the_successor");
}
