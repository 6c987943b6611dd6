//! Lies that the relay refuses at its door: nobody but the liar notices anything.

use crate::scene::{Keeper, Scene};

#[test]
fn a_false_roster_is_refused_and_the_others_talk_on() {
    let mut scene = Scene::with(Keeper::Liar);
    let rename = ["conversation", "rename", &scene.conversation.clone(), "Ward 5"];
    let lied = scene.lie(&["member.false_roster"], &rename);
    assert_ne!(lied.status, 0, "{lied:?}");
    scene.talk("after");
    assert_eq!(scene.show(&scene.a)["name"], "Ward 4");
    assert!(scene.show(&scene.b).get("member_faults").is_none(), "nothing has happened");
    // The control: without the lie it is taken.
    let told = scene.liar.cli(&rename);
    assert_eq!(told.status, 0, "{told:?}");
    scene.talk("at last");
    assert_eq!(scene.show(&scene.b)["name"], "Ward 5");
}
