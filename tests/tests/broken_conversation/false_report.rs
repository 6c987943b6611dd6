//! What is said of a commit that can well be followed.

use std::{thread, time::Duration};

use crate::scene::{LIMIT, PATIENCE, everybody_sees, greetings, until, ward};

const USERS: [&str; 4] = ["doctor-a", "nurse-b", "locum-c", "porter-d"];
/// Longer than the relay waits before it closes a log that two people cannot follow.
const LONGER: Duration = Duration::from_secs(14);

#[test]
fn a_device_that_says_it_cannot_follow_is_added_anew() {
    let (_ward, mut people) = ward(USERS);
    people[1].arm(&["member.false_report=1*return"]);
    people[0].device.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).good();
    people[0].device.cli(&["conversation", "rename", "Ward Four", "Ward 4"]).good();
    until(LIMIT, "it is added anew", || people[1].is_told("let this device in again"));
    people[1].says("in again");
    let mut texts = greetings(&USERS);
    texts.push("in again".to_owned());
    everybody_sees(&people, PATIENCE, &texts);
    assert!(people.iter().all(|person| !person.is_told("It goes on here")));
}

#[test]
fn a_single_report_never_forces_a_successor_even_where_nobody_helps_and_two_do() {
    let (_ward, mut people) = ward(USERS);
    people[3].goes();
    // Who could help is there, and does not: else nobody would ever need a successor.
    people[0].arm(&["member.idle"]);
    people[2].arm(&["member.idle"]);

    // 1. One says so.
    people[1].arm(&["member.false_report=1*return"]);
    people[0].device.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).good();
    people[0].device.cli(&["conversation", "rename", "Ward Four", "Ward 4"]).good();
    until(PATIENCE, "it says that it cannot follow", || people[1].state() == "out_of_step");
    thread::sleep(LONGER);
    assert_eq!(people[1].state(), "out_of_step");
    people[0].says("as ever");
    until(PATIENCE, "the others talk on", || people[2].texts().contains(&"as ever".to_owned()));
    people[0].arm(&[]);
    until(PATIENCE, "it is added anew", || people[1].is_told("let this device in again"));
    assert!(people.iter().all(|person| !person.is_told("It goes on here")));

    // 2. The control: two say so.
    people[0].arm(&["member.idle"]);
    people[1].arm(&["member.false_report=1*return"]);
    people[2].arm(&["member.false_report=1*return"]);
    people[0].device.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).good();
    until(PATIENCE, "it goes on in a successor", || {
        people[..3].iter().all(|person| person.state() == "active" && person.is_told("It goes on here"))
    });
    people[1].says("in the successor");
    people[3].back();
    let mut texts = greetings(&USERS);
    texts.extend(["as ever", "in the successor"].map(str::to_owned));
    everybody_sees(&people, PATIENCE, &texts);
}
