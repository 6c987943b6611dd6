//! The relay dies while it takes something, and starts again.

use crate::scene::{NAME, RENAMED, Scene, texts};

#[test]
fn a_message_is_written_and_not_committed() {
    let mut scene = Scene::of("relaying::a_message_is_written_and_not_committed");
    let doctor = scene.doctor.clone();
    scene.relay_dies_at_send(&doctor, "one");
    scene.nurse.cli(&["sync"]).good();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before"], "the relay has lost it");
    assert_eq!(scene.waiting(&doctor), ["queued"]);
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn a_message_is_committed_and_not_answered() {
    let mut scene = Scene::of("relaying::a_message_is_committed_and_not_answered");
    let doctor = scene.doctor.clone();
    scene.relay_dies_at_send(&doctor, "one");
    scene.nurse.cli(&["sync"]).good();
    assert_eq!(texts(&scene.nurse, &scene.id), ["before", "one"], "the relay has it");
    assert_eq!(scene.waiting(&doctor), ["queued"]);
    doctor.cli(&["sync"]).good();
    scene.judge();
}

#[test]
fn a_commit_is_written_and_not_committed() {
    let mut scene = Scene::of("relaying::a_commit_is_written_and_not_committed");
    let (doctor, id) = (scene.doctor.clone(), scene.id.clone());
    let queued = scene.relay_dies(&doctor, &["conversation", "rename", &id, RENAMED]);
    assert_eq!(queued.status, 75, "{queued:?}");
    scene.nurse.cli(&["sync"]).good();
    assert_eq!((scene.name(&doctor), scene.name(&scene.nurse)), (NAME.to_owned(), NAME.to_owned()));
    doctor.cli(&["sync"]).good();
    assert_eq!(scene.name(&doctor), RENAMED);
    scene.judge();
}

#[test]
fn a_commit_is_committed_and_not_answered() {
    let mut scene = Scene::of("relaying::a_commit_is_committed_and_not_answered");
    let (doctor, id) = (scene.doctor.clone(), scene.id.clone());
    let queued = scene.relay_dies(&doctor, &["conversation", "rename", &id, RENAMED]);
    assert_eq!(queued.status, 75, "{queued:?}");
    scene.nurse.cli(&["sync"]).good();
    assert_eq!((scene.name(&doctor), scene.name(&scene.nurse)), (NAME.to_owned(), RENAMED.to_owned()));
    doctor.cli(&["sync"]).good();
    assert_eq!(scene.name(&doctor), RENAMED);
    scene.judge();
}
