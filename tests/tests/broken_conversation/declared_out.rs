//! A commit that nobody can open and that tells the relay that everybody else is out.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::scene::{LIMIT, Person, everybody_sees, greetings, ward};

const USERS: [&str; 4] = ["mallory", "doctor-a", "nurse-b", "locum-c"];

/// Mallory breaks the conversation and declares the others out.
fn declares_everybody_out(people: &mut [Person; 4]) {
    people[0].arm(&["member.worthless_commit=1*return", "member.everybody_out=1*return"]);
    people[0].device.cli(&["conversation", "rename", "Ward 4", "mine"]).good();
}

#[test]
fn who_declares_everybody_out_silences_nobody() {
    let (_ward, mut people) = ward(USERS);
    let began = Instant::now();
    declares_everybody_out(&mut people);
    let mut texts = greetings(&USERS);
    for person in &people[1..] {
        let text = format!("{} talks on", person.device.user);
        person.says_when_it_can(&text);
        texts.push(text);
    }
    everybody_sees(&people[1..], LIMIT.saturating_sub(began.elapsed()), &texts);
    for person in &people[1..] {
        assert!(person.is_told("Name of mallory made a change"), "the author is named");
        assert!(person.is_told("It goes on here"));
        assert_eq!(person.safety_code(), people[1].safety_code());
    }
    println!("talked on after {:?}", began.elapsed());
}

#[test]
fn where_the_relay_hears_members_only_it_is_stopped_for_good() {
    let (mut ward, mut people) = ward(USERS);
    ward.relay.rearm(&["mutant.put_out_silenced"]);
    declares_everybody_out(&mut people);
    thread::sleep(LIMIT + Duration::from_secs(10));
    for person in &people[1..] {
        assert_eq!(person.state(), "out_of_step");
        assert!(!person.is_told("It goes on here"));
    }
}
