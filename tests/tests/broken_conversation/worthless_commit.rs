//! A well-formed commit that nobody can open.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::scene::{LIMIT, PATIENCE, Person, everybody_sees, greetings, until, ward};

const USERS: [&str; 4] = ["mallory", "doctor-a", "nurse-b", "locum-c"];

#[test]
fn after_a_worthless_commit_the_others_talk_on_within_twenty_seconds() {
    let (_ward, mut people) = ward(USERS);
    let id = people[1].conversation()["conversation"].clone();
    people[0].arm(&["member.worthless_commit=1*return"]);
    let began = Instant::now();
    people[0].device.cli(&["conversation", "rename", "Ward 4", "mine"]).good();
    let mut texts = greetings(&USERS);
    // They write on: the first words wait until the conversation goes on.
    for person in &people[1..] {
        let text = format!("{} talks on", person.device.user);
        person.says(&text);
        texts.push(text);
    }
    everybody_sees(&people[1..], LIMIT.saturating_sub(began.elapsed()), &texts);
    let took = began.elapsed();
    assert!(took <= LIMIT, "it took {took:?}");
    for person in &people[1..] {
        assert!(person.is_told("Name of mallory made a change"), "the author is named");
        assert!(person.is_told("It goes on here"));
        let conversation = person.conversation();
        assert_eq!((&conversation["conversation"], &conversation["state"]), (&id, &"active".into()));
        assert_eq!(conversation["missed"], 0);
        assert!(conversation["held"].is_null(), "{conversation}");
        assert_eq!(person.safety_code(), people[1].safety_code());
        // The first id still names it, and numbers go on.
        let numbers: Vec<u64> =
            person.lines().iter().map(|line| line["number"].as_u64().expect("a number")).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        person.device.cli(&["read", id.as_str().expect("an id")]).good();
    }
    println!("talked on after {took:?}");
}

/// Its author talks to itself, before anybody else is there, and lets nobody in again: that, too, comes to all, once. What the others see, if it is not
/// as it must be.
fn what_the_author_said_comes_to_all(mutant: &[&str]) -> Result<(), String> {
    let (_ward, mut people) = ward(USERS);
    people[1..].iter_mut().for_each(Person::goes);
    people[0].arm(&[mutant, &["member.worthless_commit=1*return", "member.idle"]].concat());
    people[0].device.cli(&["conversation", "rename", "Ward 4", "mine"]).good();
    people[0].device.cli(&["send", "mine", "to myself"]).good();
    people[1..].iter_mut().for_each(Person::back);
    let mut texts = greetings(&USERS);
    texts.push("to myself".to_owned());
    until(PATIENCE, "it goes on", || people.iter().all(|person| person.is_told("It goes on here")));
    people[1].says("to all");
    texts.push("to all".to_owned());
    texts.sort_unstable();
    until(PATIENCE, "all hear it", || {
        people.iter().all(|person| person.texts().contains(&"to all".to_owned()))
    });
    // What is said again is under way since it went on: a while for that.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) && people.iter().any(|person| person.texts() != texts) {
        thread::sleep(Duration::from_millis(200));
    }
    // And a while for what should not come.
    thread::sleep(Duration::from_secs(2));
    let differs = people.iter().find(|person| person.texts() != texts);
    differs.map_or(Ok(()), |person| Err(format!("{} sees {:?}", person.device.user, person.texts())))
}

#[test]
fn what_only_its_author_could_read_comes_to_all_and_once() {
    what_the_author_said_comes_to_all(&[]).expect("each text once, for everybody");
}

#[test]
fn a_client_that_says_nothing_again_or_as_new_is_found_out() {
    let lost = what_the_author_said_comes_to_all(&["mutant.never_again"]).expect_err("a text is lost");
    assert!(!lost.contains("to myself"), "{lost}");
    let doubled = what_the_author_said_comes_to_all(&["mutant.again_as_new"]).expect_err("a text is doubled");
    assert_eq!(doubled.matches("to myself").count(), 2, "{doubled}");
}

#[test]
fn a_sound_commit_breaks_nothing() {
    let (_ward, people) = ward(["mallory", "doctor-a", "nurse-b"]);
    people[0].device.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).good();
    people[0].device.cli(&["conversation", "rename", "Ward Four", "Ward 4"]).good();
    people[1].says("as ever");
    let mut texts = greetings(&["mallory", "doctor-a", "nurse-b"]);
    texts.push("as ever".to_owned());
    everybody_sees(&people, LIMIT, &texts);
    for person in &people {
        assert!(!person.is_told("It goes on here") && !person.is_told("let this device in again"));
    }
}
