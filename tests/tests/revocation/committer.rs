//! Whoever puts a lost device out is killed at each step of doing so: the revocation stands, and it ends in a closure, whether they
//! come back or somebody else is there.

use wardline_tests::{Device, Ward, programs};

use crate::scene::{WARD, id, is_closed, texts, until};

/// Where the committer dies: before its change is stored, stored, taken by the relay, read back, and merged.
const PLACES: [&str; 5] = [
    "crash.commit_planned",
    "crash.commit_staged",
    "crash.commit_answered",
    "crash.commit_unmerged",
    "crash.commit_merged",
];

/// Where one device stands: conversations that it is out of, of so many, and the instant from which on it is out.
fn removed(ward: &Ward, device: &str) -> (u64, u64, String) {
    let status = ward.administrator.ask(&["admin", "device", "status", device]);
    let instant = status["removals"][0]["in_force"].as_str().expect("an instant").to_owned();
    (status["removed"].as_u64().unwrap(), status["of"].as_u64().unwrap(), instant)
}

#[test]
fn who_puts_a_lost_device_out_dies_at_each_step_and_it_ends_in_a_closure() {
    let ward = Ward::quick(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    let users: Vec<String> = (0..2 * PLACES.len()).map(|number| format!("locum-{number}")).collect();
    let locums = ward.people_as("clinician", &users);
    let mut create = vec!["conversation", "create", WARD, "--with", "nurse-b"];
    users.iter().for_each(|user| create.extend(["--with", user]));
    doctor.cli(&create).good();
    for device in locums.iter().chain([&nurse]) {
        device.cli(&["sync"]).good();
    }
    let mut said = Vec::new();
    let cases = PLACES.iter().flat_map(|place| [(*place, &doctor), (*place, &nurse)]);
    let mut deaths = 0;
    for ((place, next), locum) in cases.zip(&locums) {
        let device = id(locum);
        let order = ["admin", "device", "revoke", &device, "--reason", "lost", "--wait", "0"];
        let answer = ward.administrator.ask_all(&order).remove(0);
        let text = format!("said by who dies at {place}, then {}", next.user);
        let _ = doctor.armed(&[place]).cli(&["send", WARD, &text]).crashed_at(place);
        deaths += 1;
        // In force whatever became of the change.
        let (_, of, instant) = removed(&ward, &device);
        assert_eq!((of, instant.as_str()), (1, answer["in_force"].as_str().unwrap()), "{place}");
        locum.cli(&["sync"]).failed(78);
        // The one who died, or another, comes: that ends it.
        next.cli(&["sync"]).good();
        until(&format!("it is out, after {text}"), || removed(&ward, &device).0 == 1);
        said.push(text);
        settle(&doctor, &nurse, &said);
    }
    assert_eq!(deaths, 2 * PLACES.len(), "deaths landed");
    let members = nurse.ask(&["conversation", "show", WARD])["members"].clone();
    let users = members.as_array().unwrap().iter().map(|one| one["user"].as_str().unwrap().to_owned());
    assert_eq!(users.collect::<Vec<_>>(), ["doctor-a", "nurse-b"]);
    for locum in &locums {
        assert!(is_closed(locum), "it reads nothing of what was said after the instant");
    }
}

/// What the one who died had said is said, once, in the order in which it was.
fn settle(doctor: &Device, nurse: &Device, said: &[String]) {
    doctor.cli(&["sync"]).good();
    nurse.cli(&["sync"]).good();
    until("it is said", || {
        doctor.cli(&["sync"]).good();
        nurse.cli(&["sync"]).good();
        [doctor, nurse].iter().all(|device| texts(device) == said)
    });
}
