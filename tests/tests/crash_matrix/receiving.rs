//! A member dies while it takes in what others did.

use crate::scene::{NAME, RENAMED, Scene, texts};

#[test]
fn a_message_is_opened_and_not_stored() {
    let mut scene = Scene::of("receiving::a_message_is_opened_and_not_stored");
    scene.says(&scene.doctor.clone(), "one");
    let nurse = scene.nurse.clone();
    scene.dies(&nurse, &["sync"]);
    assert_eq!(texts(&nurse, &scene.id), ["before"]);
    nurse.cli(&["sync"]).good();
    assert_eq!(texts(&nurse, &scene.id), ["before", "one"]);
    scene.judge();
}

#[test]
fn a_message_is_stored_and_not_acknowledged() {
    let mut scene = Scene::of("receiving::a_message_is_stored_and_not_acknowledged");
    scene.says(&scene.doctor.clone(), "one");
    scene.says(&scene.doctor.clone(), "two");
    let nurse = scene.nurse.clone();
    scene.dies(&nurse, &["sync"]);
    assert_eq!(texts(&nurse, &scene.id), ["before", "one"], "the first of two");
    nurse.cli(&["sync"]).good();
    assert_eq!(texts(&nurse, &scene.id), ["before", "one", "two"]);
    scene.judge();
}

#[test]
fn anothers_commit_is_processed_and_not_stored() {
    let mut scene = Scene::of("receiving::anothers_commit_is_processed_and_not_stored");
    scene.doctor.cli(&["conversation", "rename", &scene.id, RENAMED]).good();
    scene.says(&scene.doctor.clone(), "in the next epoch");
    let nurse = scene.nurse.clone();
    scene.dies(&nurse, &["sync"]);
    assert_eq!(scene.name(&nurse), NAME);
    nurse.cli(&["sync"]).good();
    assert_eq!(scene.name(&nurse), RENAMED);
    scene.judge();
}

#[test]
fn anothers_commit_is_stored_and_not_acknowledged() {
    let mut scene = Scene::of("receiving::anothers_commit_is_stored_and_not_acknowledged");
    scene.doctor.cli(&["conversation", "rename", &scene.id, RENAMED]).good();
    scene.says(&scene.doctor.clone(), "in the next epoch");
    let nurse = scene.nurse.clone();
    scene.dies(&nurse, &["sync"]);
    assert_eq!((scene.name(&nurse), texts(&nurse, &scene.id).len()), (RENAMED.to_owned(), 1));
    nurse.cli(&["sync"]).good();
    scene.judge();
}
