//! The sender dies while it sends.

use wardline_tests::Device;

use crate::scene::{Scene, texts};

/// A scene in which the doctor has died while sending "one".
#[track_caller]
fn died_sending(test: &str) -> (Scene, Device) {
    let mut scene = Scene::of(test);
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
    (scene, doctor)
}

/// The message waited on the disk and goes out when the doctor is back.
#[track_caller]
fn never_left(test: &str) {
    let (scene, doctor) = died_sending(test);
    assert_eq!(scene.waiting(&doctor), ["queued"]);
    scene.nurse.cli(&["sync"]).good();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before"], "it never left");
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn before_it_is_encrypted() {
    never_left("sending::before_it_is_encrypted");
}

#[test]
fn encrypted_and_not_sent() {
    never_left("sending::encrypted_and_not_sent");
}

#[test]
fn the_relay_has_it_and_the_answer_is_lost() {
    let (scene, doctor) = died_sending("sending::the_relay_has_it_and_the_answer_is_lost");
    scene.nurse.cli(&["sync"]).good();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before", "one"], "the relay has it");
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn the_epoch_moved_and_the_first_copy_was_accepted() {
    let (mut scene, doctor) = died_sending("sending::the_epoch_moved_and_the_first_copy_was_accepted");
    // What it sent before that is not for the one who came.
    scene.the_epoch_moves();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before", "one"], "the relay has it");
    doctor.cli(&["sync"]).good();
    assert!(scene.has_locum(&doctor) && texts(&scene.locum, &scene.id).is_empty());
    scene.judge();
}

#[test]
fn the_epoch_moved_and_it_was_not_accepted() {
    let (mut scene, doctor) = died_sending("sending::the_epoch_moved_and_it_was_not_accepted");
    scene.the_epoch_moves();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before"], "it never left");
    doctor.cli(&["sync"]).good();
    // Encrypted again in the new epoch, so the one who came reads it.
    scene.locum.cli(&["sync"]).good();
    assert_eq!(texts(&scene.locum, &scene.id), ["one"]);
    scene.judge();
}

#[test]
fn the_answer_is_noted() {
    let (scene, doctor) = died_sending("sending::the_answer_is_noted");
    // The entry itself may have come back just before.
    assert!(matches!(scene.waiting(&doctor).as_slice(), [] | [_]) && !texts(&doctor, &scene.id).is_empty());
    assert!(!scene.waiting(&doctor).contains(&"queued".to_owned()), "it is not sent again");
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn its_own_entry_comes_back_and_is_not_stored() {
    let (scene, doctor) = died_sending("sending::its_own_entry_comes_back_and_is_not_stored");
    assert_eq!(
        (scene.waiting(&doctor).len(), texts(&doctor, &scene.id).len()),
        (1, 1),
        "still in the outbox"
    );
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn its_own_entry_is_stored_and_not_acknowledged() {
    let (scene, doctor) = died_sending("sending::its_own_entry_is_stored_and_not_acknowledged");
    assert_eq!((scene.waiting(&doctor).len(), texts(&doctor, &scene.id).len()), (0, 2), "in the log");
    doctor.cli(&["sync"]).good();
    scene.judge();
}
