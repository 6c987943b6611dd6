//! Somebody is added, and one of the two dies between Welcome and merge.

use crate::scene::{Scene, texts};

/// The conversations that a device knows, as its vault has them.
fn known(scene: &Scene) -> usize {
    scene.locum.ask(&["conversation", "list", "--offline"])["conversations"].as_array().unwrap().len()
}

#[test]
fn the_adder_has_not_merged_when_the_added_one_talks() {
    let mut scene = Scene::of("joining::the_adder_has_not_merged_when_the_added_one_talks");
    scene.locum_comes();
    scene.dies(&scene.doctor, &["conversation", "add", &scene.id, "locum-c"]);
    scene.locum.cli(&["sync"]).good();
    scene.locum_is_in();
    scene.says(&scene.locum.clone(), "hello");
    scene.doctor.cli(&["sync"]).good();
    assert_eq!(texts(&scene.doctor, &scene.id), ["before", "hello"]);
    scene.judge();
}

#[test]
fn others_spoke_before_the_commit_that_adds_was_sent() {
    let mut scene = Scene::of("joining::others_spoke_before_the_commit_that_adds_was_sent");
    scene.locum_comes();
    scene.dies(&scene.doctor, &["conversation", "add", &scene.id, "locum-c"]);
    for text in ["in between", "and once more"] {
        scene.says(&scene.nurse.clone(), text);
    }
    scene.doctor.cli(&["sync"]).good();
    scene.locum_is_in();
    scene.locum.cli(&["sync"]).good();
    assert_eq!(known(&scene), 1);
    scene.says(&scene.locum.clone(), "hello");
    scene.judge();
}

#[test]
fn the_welcome_is_opened_and_not_stored() {
    let mut scene = Scene::of("joining::the_welcome_is_opened_and_not_stored");
    scene.locum_comes();
    scene.doctor.cli(&["conversation", "add", &scene.id, "locum-c"]).good();
    scene.locum_is_in();
    scene.says(&scene.doctor.clone(), "welcome");
    scene.dies(&scene.locum, &["sync"]);
    assert_eq!(known(&scene), 0);
    scene.locum.cli(&["sync"]).good();
    assert_eq!(texts(&scene.locum, &scene.id), ["welcome"]);
    scene.judge();
}

#[test]
fn the_welcome_is_stored_and_the_joining_entry_is_not() {
    let mut scene = Scene::of("joining::the_welcome_is_stored_and_the_joining_entry_is_not");
    scene.locum_comes();
    scene.doctor.cli(&["conversation", "add", &scene.id, "locum-c"]).good();
    scene.locum_is_in();
    scene.says(&scene.doctor.clone(), "welcome");
    scene.dies(&scene.locum, &["sync"]);
    assert_eq!((known(&scene), texts(&scene.locum, &scene.id).len()), (1, 0));
    scene.locum.cli(&["sync"]).good();
    assert_eq!(texts(&scene.locum, &scene.id), ["welcome"]);
    scene.judge();
}
