//! The sender dies while it sends.

use crate::scene::{Scene, texts};

#[test]
fn before_it_is_encrypted() {
    let mut scene = Scene::of("sending::before_it_is_encrypted");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
    assert_eq!(scene.waiting(&doctor), ["queued"]);
    scene.nurse.cli(&["sync"]).good();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before"], "it never left");
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn encrypted_and_not_sent() {
    let mut scene = Scene::of("sending::encrypted_and_not_sent");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
    assert_eq!(scene.waiting(&doctor), ["queued"]);
    scene.nurse.cli(&["sync"]).good();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before"], "it never left");
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn the_relay_has_it_and_the_answer_is_lost() {
    let mut scene = Scene::of("sending::the_relay_has_it_and_the_answer_is_lost");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
    scene.nurse.cli(&["sync"]).good();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before", "one"], "the relay has it");
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn the_epoch_moved_and_the_first_copy_was_accepted() {
    let mut scene = Scene::of("sending::the_epoch_moved_and_the_first_copy_was_accepted");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
    // What it sent before that is not for the one who came.
    scene.the_epoch_moves();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before", "one"], "the relay has it");
    doctor.cli(&["sync"]).good();
    assert!(scene.has_locum(&doctor) && texts(&scene.locum, &scene.id).is_empty());
    scene.judge();
}

#[test]
fn the_epoch_moved_and_it_was_not_accepted() {
    let mut scene = Scene::of("sending::the_epoch_moved_and_it_was_not_accepted");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
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
    let mut scene = Scene::of("sending::the_answer_is_noted");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
    // The entry itself may have come back just before.
    assert!(matches!(scene.waiting(&doctor).as_slice(), [] | [_]) && !texts(&doctor, &scene.id).is_empty());
    assert!(!scene.waiting(&doctor).contains(&"queued".to_owned()), "it is not sent again");
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn its_own_entry_comes_back_and_is_not_stored() {
    let mut scene = Scene::of("sending::its_own_entry_comes_back_and_is_not_stored");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
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
    let mut scene = Scene::of("sending::its_own_entry_is_stored_and_not_acknowledged");
    let doctor = scene.doctor.clone();
    scene.dies_sending(&doctor, "one");
    assert_eq!((scene.waiting(&doctor).len(), texts(&doctor, &scene.id).len()), (0, 2), "in the log");
    doctor.cli(&["sync"]).good();
    scene.judge();
}
