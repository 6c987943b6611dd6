//! A member that cannot follow a change dies while it says so; it comes back by itself.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::scene::{RENAMED, Scene};

/// How long it may take until it is in again.
const MENDING: Duration = Duration::from_secs(60);

/// The nurse cannot follow a change and dies; once she starts again she is let in by the doctor's device, which is
/// connected.
fn falls_out_and_comes_back(test: &str) {
    let scene = Scene::of(test);
    scene.doctor.cli(&["conversation", "rename", &scene.id, RENAMED]).good();
    // Connected from the start: what nobody mends for ten seconds ends the log, and the change with it.
    let mut doctor = scene.doctor.follow();
    scene.dies_with(&scene.nurse, &["member.false_report"], &["sync"]);
    assert_ne!(state(&scene), "active", "it is out of step");
    let until = Instant::now() + MENDING;
    while state(&scene) != "active" {
        assert!(Instant::now() < until, "it does not come back: {}", state(&scene));
        scene.nurse.cli(&["sync"]).good();
        sleep(Duration::from_millis(200));
    }
    assert_eq!(scene.name(&scene.nurse), RENAMED);
    doctor.process.kill();
    scene.judge();
}

/// Where the nurse's device stands, as its vault has it.
fn state(scene: &Scene) -> String {
    let shown = scene.nurse.ask(&["conversation", "show", &scene.id, "--offline"]);
    shown["state"].as_str().unwrap().to_owned()
}

#[test]
fn it_has_stopped_and_not_said_so() {
    falls_out_and_comes_back("mending::it_has_stopped_and_not_said_so");
}

#[test]
fn it_has_said_so_and_the_answer_is_lost() {
    falls_out_and_comes_back("mending::it_has_said_so_and_the_answer_is_lost");
}
