//! A real commit whose path secrets are garbage for half of the members: they are added anew.

use std::time::Instant;

use crate::scene::{LIMIT, everybody_sees, greetings, ward};

const USERS: [&str; 5] = ["mallory", "doctor-a", "nurse-b", "locum-c", "porter-d"];

#[test]
fn who_got_garbage_is_added_anew_and_all_talk_on() {
    let (_ward, mut people) = ward(USERS);
    people[0].arm(&["member.garbage_path=1*return"]);
    let began = Instant::now();
    people[0].device.cli(&["conversation", "rename", "Ward 4", "Ward 4"]).good();
    people[0].device.cli(&["conversation", "rename", "Ward 4", "Ward Four"]).good();
    people[0].device.cli(&["conversation", "rename", "Ward Four", "Ward 4"]).good();
    let mut texts = greetings(&USERS);
    for person in &people {
        let text = format!("{} talks on", person.device.user);
        person.says(&text);
        texts.push(text);
    }
    everybody_sees(&people, LIMIT.saturating_sub(began.elapsed()), &texts);
    assert!(began.elapsed() <= LIMIT, "it took {:?}", began.elapsed());
    let anew = people.iter().filter(|person| person.is_told("let this device in again")).count();
    assert!(anew >= 1, "the control: somebody could not follow");
    for person in &people {
        assert!(!person.is_told("It goes on here"), "nobody needed a successor");
        assert_eq!(person.safety_code(), people[0].safety_code());
        assert_eq!(person.conversation()["missed"], 0);
    }
    let named = |person: &&crate::scene::Person| person.is_told("Name of mallory made a change");
    assert_eq!(people.iter().filter(named).count(), anew, "whoever could not follow knows because of whom");
}
