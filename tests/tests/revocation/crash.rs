//! Killed around the instant: a revocation is wholly in force, or was never acknowledged; the same order again ends it.

use serde_json::Value;
use wardline_tests::Device;

use crate::scene::{Scene, id};

/// The order that is given again and again.
fn order(device: &str) -> [&str; 8] {
    ["admin", "device", "revoke", device, "--reason", "lost", "--wait", "0"]
}

/// Where a device stands at the relay: what it is told when it comes.
fn is_out(device: &Device) -> bool {
    let output = device.cli(&["sync", "--json"]);
    match output.status {
        0 => false,
        78 => output.failure()["what"].as_str().unwrap().contains("was revoked (lost)"),
        _ => panic!("{output:?}"),
    }
}

/// The instant and the number of the list that an answer names.
fn answered(answer: &Value) -> (String, u64) {
    (answer["in_force"].as_str().expect("an instant").to_owned(), answer["list"].as_u64().unwrap())
}

#[test]
fn the_administrator_dies_with_a_signed_list_and_the_same_order_puts_it_in_force() {
    let scene = Scene::set();
    let (administrator, device) = (&scene.ward.administrator, id(&scene.locum));
    let _ = administrator.armed(&["crash.list_signed"]).cli(&order(&device)).crashed_at("crash.list_signed");
    assert!(!is_out(&scene.locum), "the relay has never heard of it");
    let (_, list) = answered(&administrator.ask(&order(&device)));
    assert_eq!(list, 1, "the list that was signed, not another one");
    assert!(is_out(&scene.locum));
}

#[test]
fn a_signed_list_that_was_left_under_way_is_published_by_the_registrar() {
    let scene = Scene::set();
    let (administrator, device) = (&scene.ward.administrator, id(&scene.locum));
    let _ = administrator.armed(&["crash.list_signed"]).cli(&order(&device)).crashed_at("crash.list_signed");
    administrator.cli(&["admin", "registrar", "--once"]).good();
    assert!(is_out(&scene.locum));
    let again = administrator.ask(&order(&device));
    assert_eq!((&again["devices"][0]["already"], &again["list"]), (&true.into(), &1.into()));
}

#[test]
fn the_administrator_dies_with_the_answer_and_is_told_the_same_instant_again() {
    let scene = Scene::set();
    let (administrator, device) = (&scene.ward.administrator, id(&scene.locum));
    let place = "crash.list_answered";
    let _ = administrator.armed(&[place]).cli(&order(&device)).crashed_at(place);
    assert!(is_out(&scene.locum), "it is in force all the same");
    let removals = scene.status(&scene.locum);
    let instant = removals["removals"][0]["in_force"].as_str().unwrap().to_owned();
    let (in_force, list) = answered(&administrator.ask(&order(&device)));
    assert_eq!((in_force, list), (instant, 1));
}

/// A machine dies with a list that it has signed, another one's comes first, and the registrar of the first goes on, armed with
/// this; which of the two devices are out then.
fn another_comes_first(mutant: &[&str]) -> (Scene, [bool; 2]) {
    let mut scene = Scene::set();
    // The relay would notice that the two are one device: that is not what this is about.
    scene.ward.relay.rearm(&["mutant.older_vaults"]);
    let administrator = &scene.ward.administrator;
    let [first, second] = [&scene.locum, &scene.nurse].map(id);
    let place = "crash.list_signed";
    // A copy of the office from before: another machine with the same issuer.
    let other = administrator.copy_to(&scene.ward.folder().join("office-2")).unwrap();
    let _ = administrator.armed(&[place]).cli(&order(&first)).crashed_at(place);
    assert_eq!(answered(&other.ask(&order(&second))).1, 1);
    administrator.armed(mutant).cli(&["admin", "registrar", "--once"]).good();
    let out = [&scene.locum, &scene.nurse].map(is_out);
    (scene, out)
}

#[test]
fn another_list_came_first_after_a_crash_and_nothing_of_either_is_lost() {
    let (scene, out) = another_comes_first(&[]);
    assert_eq!(out, [true, true]);
    assert_eq!(scene.admin(&["list"])[0]["list"]["number"], 2);
}

#[test]
fn a_machine_that_forgets_what_it_had_signed_would_lose_it() {
    let (_scene, out) = another_comes_first(&["mutant.loser_forgets"]);
    assert_eq!(out, [false, true]);
}

#[test]
fn the_relay_dies_before_the_list_is_on_its_disk_and_nobody_was_told_otherwise() {
    let mut scene = Scene::set();
    let (administrator, device) = (scene.ward.administrator.clone(), id(&scene.locum));
    scene.ward.relay.rearm(&["crash.list_published"]);
    administrator.cli(&order(&device)).failed(69);
    scene.ward.relay.crashed_at("crash.list_published");
    scene.ward.relay.rearm(&[]);
    assert!(!is_out(&scene.locum), "not in force, and not acknowledged");
    answered(&administrator.ask(&order(&device)));
    assert!(is_out(&scene.locum));
}

#[test]
fn the_relay_dies_between_an_act_and_its_entry_and_there_is_neither() {
    let mut scene = Scene::set();
    let (administrator, device) = (scene.ward.administrator.clone(), id(&scene.locum));
    // The lists on the record that name it; made again from its entries, the root is the signed one.
    let lists = || {
        let log = administrator.ask(&["admin", "log", "--device", &device, "--verify"]);
        assert_eq!(log["checked"]["fits"], true);
        log["entries"].as_array().unwrap().iter().filter(|one| one["act"] == "list_in_force").count()
    };
    scene.ward.relay.rearm(&["crash.record_unwritten"]);
    administrator.cli(&order(&device)).failed(69);
    scene.ward.relay.crashed_at("crash.record_unwritten");
    scene.ward.relay.rearm(&[]);
    assert!(!is_out(&scene.locum), "not in force, and not acknowledged");
    assert_eq!(lists(), 0);
    answered(&administrator.ask(&order(&device)));
    assert!(is_out(&scene.locum));
    assert_eq!(lists(), 1);
}

#[test]
fn the_relay_is_killed_right_after_the_answer_and_it_stands() {
    let mut scene = Scene::set();
    let device = id(&scene.locum);
    let (instant, _) = answered(&scene.admin(&["revoke", &device, "--reason", "lost", "--wait", "0"])[0]);
    scene.ward.relay.kill();
    scene.ward.relay.start();
    assert!(is_out(&scene.locum));
    // The fence stands too: what is said goes out only when the device is out.
    scene.nurse.cli(&["send", crate::scene::WARD, "after the restart"]).good();
    let status = scene.status(&scene.locum);
    assert_eq!((status["removed"].as_u64(), &status["removals"][0]["in_force"]), (Some(1), &instant.into()));
}
