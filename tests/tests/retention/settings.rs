//! A conversation's retention and a message's own life: each holds for what is sent from then on.

use crate::scene::{DAY, HOUR, Scene, WARD, is_about, life};

#[test]
fn a_message_lives_as_long_as_its_sender_says_and_never_longer_than_its_conversation_keeps_messages() {
    let scene = Scene::set();
    let (doctor, nurse) = (&scene.doctor, &scene.nurse);
    doctor.cli(&["send", WARD, "a month"]).good();
    doctor.cli(&["send", WARD, "ten minutes", "--expires", "10m"]).good();
    let set = doctor.ask(&["conversation", "set", WARD, "--retention", "12h"]);
    assert_eq!(set["change"], "retention set");
    doctor.cli(&["send", WARD, "half a day"]).good();
    doctor.cli(&["conversation", "set", WARD, "--retention", "60d"]).good();
    doctor.cli(&["send", WARD, "two months"]).good();
    nurse.cli(&["sync"]).good();
    for device in [doctor, nurse] {
        for (text, seconds) in
            [("a month", 30 * DAY), ("ten minutes", 600), ("half a day", 12 * HOUR), ("two months", 60 * DAY)]
        {
            let life = life(device, text);
            assert!(is_about(life, seconds), "{text}: {life}");
        }
        let shown = device.cli(&["conversation", "show", WARD]).good().stdout;
        assert!(shown.contains("60 days at most"), "{shown}");
    }
    let told = nurse.cli(&["read", WARD]).good().stdout;
    assert!(told.contains("set that messages are kept for 12 hours at most"), "{told}");
}

#[test]
fn a_life_that_cannot_be_is_refused_before_anything_is_sent() {
    let scene = Scene::set();
    let (doctor, nurse) = (&scene.doctor, &scene.nurse);
    for (expires, status) in [("4m", 65), ("31d", 65), ("10", 2), ("99999999d", 2)] {
        doctor.cli(&["send", WARD, "no", "--expires", expires]).failed(status);
    }
    let retention = ["--expires", "31d"];
    doctor
        .armed(&["mutant.any_expiry"])
        .cli(&[&["send", WARD, "the guard taken away"][..], &retention].concat())
        .good();
    for (retention, status) in [("1m", 65), ("366d", 65), ("a week", 2)] {
        doctor.cli(&["conversation", "set", WARD, "--retention", retention]).failed(status);
    }
    let refused = nurse.cli(&["conversation", "set", WARD, "--retention", "7d"]).failed(78);
    assert!(refused.stderr.contains("keeper"), "{}", refused.stderr);
    let read = nurse.ask_all(&["read", WARD]);
    assert!(!read.iter().any(|one| one["text"] == "no"), "{read:?}");
    doctor.cli(&["send", WARD, "the shortest", "--expires", "5m"]).good();
    doctor.cli(&["send", WARD, "the longest", "--expires", "30d"]).good();
    assert!(is_about(life(doctor, "the shortest"), 300) && is_about(life(doctor, "the longest"), 30 * DAY));
}
