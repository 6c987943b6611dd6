//! Lies that are merged: the others put them right, by themselves.

use crate::scene::{Keeper, Scene, devices, until, users};

/// What people are told of a leaf that is nobody's.
const STRANGER: &str = "a device in it is not one of your organisation";

#[test]
fn a_device_of_nobodys_goes_out_with_who_added_it() {
    let mut scene = Scene::with(Keeper::Liar);
    let rename = ["conversation", "rename", &scene.conversation.clone(), "Ward 5"];
    let lied = scene.lie(&["member.add_uncertified"], &rename);
    assert_eq!(lied.status, 0, "the relay cannot see it: {lied:?}");
    scene.talk("after");
    scene.named(STRANGER);
    scene.liar_is_out();
    assert_eq!(scene.members(&scene.a), ["anna", "berta"]);
}

#[test]
fn a_leaf_in_another_persons_certificate_goes_out() {
    let mut scene = Scene::with(Keeper::Liar);
    let rename = ["conversation", "rename", &scene.conversation.clone(), "Ward 5"];
    let lied = scene.lie(&["member.foreign_leaf"], &rename);
    assert_eq!(lied.status, 0, "the relay cannot see it: {lied:?}");
    scene.talk("after");
    scene.named(STRANGER);
    scene.liar_is_out();
}

#[test]
fn a_device_that_nobody_approved_goes_out_with_who_added_it() {
    let mut scene = Scene::with(Keeper::Honest);
    let second = scene.another_device(&scene.b.clone(), &[]);
    let id = second.ask(&["status"])["device"].as_str().unwrap().to_owned();
    let add = ["conversation", "add", &scene.conversation.clone(), "berta"];
    let lied = scene.lie(&["member.add_unapproved"], &add);
    assert_eq!(lied.status, 0, "{lied:?}");
    scene.talk("after");
    scene.named("a device was added that its owner did not approve");
    scene.liar_is_out();
    assert!(!devices(&scene.show(&scene.a), "berta").contains(&id), "it is out");
    assert_eq!(scene.members(&scene.b), ["anna", "berta"], "its owner stays, with the device that was in");
    // What was said after is not for it.
    let read = second.ask_all(&["read", &scene.conversation]);
    let after = read.iter().any(|one| one["text"].as_str().unwrap().starts_with("after"));
    assert!(!after, "{read:?}");
}

#[test]
fn stolen_settings_come_back_and_the_thief_goes() {
    let mut scene = Scene::with(Keeper::Honest);
    let rename = ["conversation", "rename", &scene.conversation.clone(), "Mine"];
    // The control: the program of an honest member does not even try.
    assert_ne!(scene.liar.cli(&rename).status, 0);
    let lied = scene.lie(&["member.steal_settings"], &rename);
    assert_eq!(lied.status, 0, "the relay cannot see it: {lied:?}");
    scene.talk("after");
    scene.named("its settings were changed by someone who may not");
    scene.liar_is_out();
    for device in [&scene.a, &scene.b] {
        let shown = scene.show(device);
        assert_eq!(shown["name"], "Ward 4", "{shown}");
        let members = shown["members"].as_array().unwrap().iter();
        let keepers: Vec<_> = members.filter(|one| one["keeper"] == true).map(|one| &one["user"]).collect();
        assert_eq!(keepers, ["anna"]);
    }
}

#[test]
fn who_was_removed_beyond_rights_is_added_back() {
    let mut scene = Scene::with(Keeper::Honest);
    let remove = ["conversation", "remove", &scene.conversation.clone(), "berta"];
    assert_ne!(scene.liar.cli(&remove).status, 0, "the control");
    let lied = scene.lie(&["member.remove_beyond_rights"], &remove);
    assert_eq!(lied.status, 0, "the relay cannot see it: {lied:?}");
    until("berta is back", || users(&scene.show(&scene.a)).contains(&"berta".to_owned()));
    until("berta knows", || scene.show(&scene.b)["state"] == "active");
    scene.talk("after");
    // Shown and mended; it proves nothing that would put the liar out.
    let shown = scene.show(&scene.a);
    let fault = &shown["member_faults"][0];
    assert_eq!((&fault["user"], &fault["settled"]), (&"mallory".into(), &true.into()), "{shown}");
    assert!(users(&shown).contains(&"mallory".to_owned()), "{shown}");
}

#[test]
fn whom_the_relay_was_not_told_of_is_let_in_by_the_others() {
    let mut scene = Scene::with(Keeper::Liar);
    let [dora] = scene.ward.people(["dora"]);
    let add = ["conversation", "add", &scene.conversation.clone(), "dora"];
    drop(scene.lie(&["member.false_joins"], &add));
    scene.talk("after");
    scene.named("declared other members to the relay than it made");
    until("dora is in", || {
        let list = dora.ask(&["conversation", "list"]);
        !list["conversations"].as_array().unwrap().is_empty()
    });
    scene.talk("with dora");
    let heard = dora.ask_all(&["read", &scene.conversation]);
    assert!(heard.iter().any(|one| one["text"] == "with dora from anna"), "{heard:?}");
}

#[test]
fn whom_the_relay_was_told_to_cut_off_is_let_in_anew() {
    let mut scene = Scene::with(Keeper::Liar);
    let rename = ["conversation", "rename", &scene.conversation.clone(), "Ward 5"];
    let lied = scene.lie(&["member.false_leaves"], &rename);
    assert_eq!(lied.status, 0, "the relay cannot see it: {lied:?}");
    for device in [&scene.a, &scene.b] {
        until("nobody is cut off", || {
            let shown = scene.show(device);
            shown["state"] == "active" && shown["name"] == "Ward 5"
        });
    }
    scene.talk("after");
    // Whoever was cut off judged it too; the other one has seen it as well.
    scene.named("declared other members to the relay than it made");
}
