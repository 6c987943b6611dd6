//! A message that is taken back, by hand: gone on every device of everybody, and out of their files.

use crate::scene::{Scene, WARD};

/// What a device shows, "kind number text".
fn lines(device: &wardline_tests::Device) -> Vec<String> {
    let read = device.ask_all(&["read", WARD]);
    read.iter()
        .map(|one| {
            format!("{} {} {}", one["kind"].as_str().unwrap(), one["number"], one["text"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn a_message_is_taken_back_by_whoever_sent_it_and_by_nobody_else() {
    let scene = Scene::set();
    let (doctor, nurse) = (&scene.doctor, &scene.nurse);
    doctor.cli(&["send", WARD, "to the wrong ward"]).good();
    nurse.cli(&["send", WARD, "what do you mean?"]).good();
    let number = lines(nurse)
        .iter()
        .find_map(|line| line.strip_prefix("text ")?.split_once(" to the"))
        .unwrap()
        .0
        .to_owned();
    let refused = nurse.cli(&["recall", WARD, &number]).failed(78);
    assert!(refused.stderr.contains("not yours"), "{}", refused.stderr);
    doctor.cli(&["recall", WARD, "9999"]).failed(67);
    let event = number.parse::<u64>().unwrap() - 1;
    doctor.cli(&["recall", WARD, &event.to_string()]).failed(67);
    assert_eq!(doctor.ask(&["recall", WARD, &number])["state"], "sent");
    nurse.cli(&["sync"]).good();
    for device in [doctor, nurse] {
        let lines = lines(device);
        assert!(lines.contains(&format!("recalled {number} ")), "{lines:?}");
        assert!(lines.iter().any(|line| line.ends_with(&format!("took number {number} back"))), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("wrong ward")), "{lines:?}");
    }
    doctor.cli(&["recall", WARD, &number]).failed(67);
    let shown = nurse.cli(&["read", WARD]).good().stdout;
    assert!(shown.contains("· a message that ") && shown.contains(" took back"), "{shown}");
}

#[test]
fn what_is_taken_back_while_a_device_is_away_is_never_shown_there() {
    let scene = Scene::set();
    let (doctor, nurse) = (&scene.doctor, &scene.nurse);
    doctor.cli(&["send", WARD, "too soon"]).good();
    let number = lines(doctor)
        .iter()
        .find_map(|line| line.strip_prefix("text ")?.split_once(" too"))
        .unwrap()
        .0
        .to_owned();
    doctor.cli(&["recall", WARD, &number]).good();
    nurse.cli(&["sync"]).good();
    assert!(lines(nurse).contains(&format!("recalled {number} ")));
    // The control: what is not taken back is shown.
    doctor.cli(&["send", WARD, "in time"]).good();
    nurse.cli(&["sync"]).good();
    assert!(lines(nurse).iter().any(|line| line.ends_with("in time")));
}
