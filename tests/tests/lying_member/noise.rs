//! Members that make noise: commits without end, messages that nobody can open, packages claimed for nothing.

use std::time::Duration;

use crate::scene::{Keeper, Scene, TALK_ON, until, within};

#[test]
fn a_member_that_commits_without_end_keeps_nobody_from_talking() {
    let mut scene = Scene::with(Keeper::Liar);
    // Asked once, it commits for as long as it runs; the relay takes ten a minute.
    let looping = scene.liar.armed(&["member.commit_loop"]);
    let rename = ["conversation", "rename", &scene.conversation, "Ward 5"];
    let running = looping.start(&rename);
    until("it has begun", || scene.show(&scene.a)["name"] == "Ward 5");
    for round in 0..3 {
        scene.talk(&format!("meanwhile {round}"));
    }
    drop(running);
    scene.talk("after");
}

#[test]
fn messages_that_nobody_can_open_are_passed_over_and_named() {
    let mut scene = Scene::with(Keeper::Honest);
    let device = scene.liar.ask(&["status"])["device"].as_str().unwrap().to_owned();
    for round in 0..5 {
        let sent = scene.lie(
            &["member.undecryptable"],
            &["send", &scene.conversation.clone(), &format!("garbage {round}")],
        );
        assert_eq!(sent.status, 0, "the relay cannot see it: {sent:?}");
    }
    scene.talk("after");
    for honest in [&scene.a, &scene.b] {
        let entries = scene.read(honest);
        let unreadable: Vec<_> = entries.iter().filter(|one| one["kind"] == "unreadable").collect();
        assert_eq!(unreadable.len(), 5, "{entries:?}");
        assert!(unreadable.iter().all(|one| one["device"] == *device), "{unreadable:?}");
    }
    // The control: what the same device says honestly is read.
    drop(scene.liar.ask(&["send", &scene.conversation, "sorry"]));
    within(TALK_ON, "it is read", || scene.read(&scene.a).iter().any(|one| one["text"] == "sorry"));
}

#[test]
fn a_device_whose_packages_were_drained_can_still_be_added() {
    let mut scene = Scene::with(Keeper::Honest);
    let [dora] = scene.ward.people(["dora"]);
    let add = ["conversation", "add", &scene.conversation.clone(), "dora"];
    // Claims until the relay gives no more, then really adds her; she is removed, and others add her again.
    drop(scene.lie(&["member.drain_packages"], &add));
    let there = |scene: &Scene| scene.members(&scene.a).contains(&"dora".to_owned());
    if there(&scene) {
        drop(scene.a.ask(&["conversation", "remove", &scene.conversation, "dora"]));
    }
    drop(scene.a.ask(&add));
    within(Duration::from_secs(20), "dora is in", || there(&scene));
    scene.talk("after");
    let heard = dora.ask_all(&["read", &scene.conversation]);
    assert!(heard.iter().any(|one| one["text"] == "after from anna"), "{heard:?}");
}
