//! The author of a change dies while it makes it.

use crate::scene::{NAME, RENAMED, Scene};

/// Dies while renaming; what it and the nurse, who looks, call the conversation then.
fn dies_renaming(scene: &Scene) -> (String, String) {
    scene.dies(&scene.doctor, &["conversation", "rename", &scene.id, RENAMED]);
    scene.nurse.cli(&["sync"]).good();
    (scene.name(&scene.doctor), scene.name(&scene.nurse))
}

fn names(doctor: &str, nurse: &str) -> (String, String) {
    (doctor.to_owned(), nurse.to_owned())
}

#[test]
fn before_it_is_staged() {
    let scene = Scene::of("committing::before_it_is_staged");
    assert_eq!(dies_renaming(&scene), names(NAME, NAME));
    scene.doctor.cli(&["sync"]).good();
    assert_eq!(scene.name(&scene.doctor), RENAMED);
    scene.judge();
}

#[test]
fn staged_and_not_sent() {
    let scene = Scene::of("committing::staged_and_not_sent");
    assert_eq!(dies_renaming(&scene), names(NAME, NAME));
    scene.doctor.cli(&["sync"]).good();
    assert_eq!(scene.name(&scene.doctor), RENAMED);
    scene.judge();
}

#[test]
fn the_relay_has_it_and_the_answer_is_lost() {
    let scene = Scene::of("committing::the_relay_has_it_and_the_answer_is_lost");
    let (_, nurse) = dies_renaming(&scene);
    assert_eq!(nurse, RENAMED, "the relay has it");
    scene.doctor.cli(&["sync"]).good();
    assert_eq!(scene.name(&scene.doctor), RENAMED);
    scene.judge();
}

#[test]
fn the_epoch_moved_on_and_it_was_accepted() {
    let mut scene = Scene::of("committing::the_epoch_moved_on_and_it_was_accepted");
    let (_, nurse) = dies_renaming(&scene);
    assert_eq!(nurse, RENAMED, "the relay has it");
    let nurse = scene.nurse.clone();
    scene.says(&nurse, "in the next epoch");
    scene.the_epoch_moves();
    scene.says(&nurse, "in the one after it");
    scene.doctor.cli(&["sync"]).good();
    assert!(scene.name(&scene.doctor) == RENAMED && scene.has_locum(&scene.doctor));
    scene.judge();
}

#[test]
fn the_epoch_moved_and_it_was_not_accepted() {
    let mut scene = Scene::of("committing::the_epoch_moved_and_it_was_not_accepted");
    assert_eq!(dies_renaming(&scene), names(NAME, NAME), "it never left");
    scene.the_epoch_moves();
    scene.says(&scene.nurse.clone(), "in the next epoch");
    // Lost, and made again in the epoch that is.
    scene.doctor.cli(&["sync"]).good();
    assert!(scene.name(&scene.doctor) == RENAMED && scene.has_locum(&scene.doctor));
    scene.judge();
}

#[test]
fn between_the_relays_commit_and_its_own_merge() {
    let scene = Scene::of("committing::between_the_relays_commit_and_its_own_merge");
    assert_eq!(dies_renaming(&scene), names(NAME, RENAMED));
    scene.doctor.cli(&["sync"]).good();
    assert_eq!(scene.name(&scene.doctor), RENAMED);
    scene.judge();
}

#[test]
fn merged_and_not_acknowledged() {
    let scene = Scene::of("committing::merged_and_not_acknowledged");
    assert_eq!(dies_renaming(&scene), names(RENAMED, RENAMED));
    scene.doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn the_relay_knows_the_conversation_and_the_answer_is_lost() {
    let scene = Scene::of("committing::the_relay_knows_the_conversation_and_the_answer_is_lost");
    scene.dies(&scene.doctor, &["conversation", "create", "Ward 6", "--with", "nurse-b"]);
    scene.doctor.cli(&["sync"]).good();
    scene.doctor.cli(&["send", "Ward 6", "first"]).good();
    scene.nurse.cli(&["sync"]).good();
    for device in [&scene.doctor, &scene.nurse] {
        let listed = device.ask(&["conversation", "list", "--offline"]);
        let made = listed["conversations"].as_array().unwrap().iter().filter(|one| one["name"] == "Ward 6");
        assert_eq!(made.count(), 1, "{listed}");
        assert_eq!(crate::scene::texts(device, "Ward 6"), ["first"]);
    }
    scene.judge();
}
