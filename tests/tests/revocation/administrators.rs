//! What an administrator can do, cannot do by a slip, and does not lose: two of them, holds, the own device, the last one.

use std::{env, thread, time::Duration};

use serde_json::Value;
use tokio::runtime::Runtime;
use wardline_client_core::secrets::share_issuer;
use wardline_tests::{Device, Running, Ward, programs};

use crate::scene::{SOON, Scene, WARD, id, texts, until};

/// The devices of a list, by user.
fn states(list: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let devices = list["devices"].as_array().unwrap().iter();
    devices.map(|one| (text(one, "user"), text(one, "state"))).collect()
}

#[test]
fn the_list_names_every_device_with_its_person_and_where_it_stands() {
    let scene = Scene::set();
    let _nurse = scene.online(&scene.nurse);
    scene.admin(&["revoke", &id(&scene.locum), "--reason", "left", "--wait", "0"]);
    let list = scene.admin(&["list"]).remove(0);
    let expected = [
        ("administrator", "in_force"),
        ("doctor-a", "in_force"),
        ("locum-c", "revoked"),
        ("nurse-b", "in_force"),
    ];
    assert_eq!(states(&list), expected.map(|(user, state)| (user.to_owned(), state.to_owned())));
    assert_eq!(list["list"]["number"], 1);
    assert!(list["warnings"].is_null(), "a fresh list needs nobody: {list}");
    let devices = list["devices"].as_array().unwrap();
    let nurse = devices.iter().find(|one| one["user"] == "nurse-b").unwrap();
    assert_eq!((&nurse["connected"], &nurse["conversations"]), (&true.into(), &1.into()), "{nurse}");
    let one = scene.admin(&["list", "--user", "locum-c"]).remove(0);
    assert_eq!(states(&one), [("locum-c".to_owned(), "revoked".to_owned())]);
    assert_eq!(one["devices"][0]["reason"], "left");
    // In words, for people.
    let said = scene.ward.administrator.cli(&["admin", "device", "list"]).good().stdout;
    assert!(said.contains("locum-c") && said.contains("revoked since") && said.contains("(left)"), "{said}");
    // Clinicians are told that it is not theirs to ask.
    scene.doctor.cli(&["admin", "device", "revoke", &id(&scene.nurse), "--reason", "lost"]).failed(78);
    assert_eq!(
        states(&scene.doctor.ask(&["admin", "device", "list"])),
        [("doctor-a".to_owned(), "in_force".to_owned())]
    );
}

#[test]
fn an_order_that_stands_already_is_answered_with_what_is_in_force() {
    let scene = Scene::set();
    let device = id(&scene.locum);
    let first = scene.admin(&["revoke", &device, "--reason", "lost", "--wait", "0"]).remove(0);
    let again = scene.admin(&["revoke", &device, "--reason", "stolen", "--wait", "0"]).remove(0);
    assert_eq!((&first["list"], &again["list"]), (&1.into(), &1.into()), "nothing was signed again");
    let one = &again["devices"][0];
    assert_eq!((&one["already"], &one["reason"]), (&true.into(), &"lost".into()), "{again}");
    assert_eq!(one["since"], first["devices"][0]["since"]);
    let held = scene.admin(&["hold", &device, "--reason", "lost", "--wait", "0"]).remove(0);
    assert_eq!(held["devices"][0]["state"], "revoked", "it is out for longer than asked");
}

#[test]
fn a_device_is_named_by_the_first_digits_of_its_id_and_wrong_ones_help() {
    let scene = Scene::set();
    let administrator = &scene.ward.administrator;
    let device = id(&scene.locum);
    let refused = |name: &str| {
        administrator
            .cli(&["admin", "device", "revoke", name, "--reason", "lost", "--json"])
            .failed(67)
            .failure()
    };
    let unknown = refused("00000000");
    assert!(unknown["now"].as_str().unwrap().contains("wardline admin device list"), "{unknown}");
    assert!(refused(&device[..3])["why"].as_str().unwrap().contains("4 digits"));
    administrator.cli(&["admin", "device", "revoke", &device, "--reason", "because"]).failed(2);
    administrator.cli(&["admin", "user", "offboard", "nobody-x"]).failed(67);
    let done = scene.admin(&["revoke", &device[..10], "--reason", "lost", "--wait", "0"]).remove(0);
    assert_eq!(done["devices"][0]["device"], device.as_str());
    // As a UUID, as other tools write it.
    let uuid = [&device[..8], &device[8..12], &device[12..16], &device[16..20], &device[20..]].join("-");
    assert_eq!(scene.admin(&["status", &uuid]).remove(0)["state"], "revoked");
}

#[test]
fn nobody_locks_themselves_out_by_a_slip() {
    let scene = Scene::set();
    let administrator = &scene.ward.administrator;
    let own = id(administrator);
    for order in [
        &["admin", "device", "revoke", &own, "--reason", "lost", "--json"][..],
        &["admin", "device", "hold", &own, "--reason", "lost", "--json"],
        &["admin", "user", "offboard", "administrator", "--json"],
    ] {
        let refused = administrator.cli(order).failed(78).failure();
        assert!(refused["now"].as_str().unwrap().contains("--even-own"), "{refused}");
    }
    assert_eq!(states(&scene.admin(&["list", "--user", "administrator"])[0])[0].1, "in_force");
    // The control: told that it is meant, it is done. This device is out like any other, and learns so in place of an answer.
    let meant = ["admin", "device", "revoke", &own, "--reason", "replaced", "--even-own", "--wait", "0"];
    let said = administrator.cli(&meant).failed(78).stderr;
    assert!(said.contains("This device was revoked (replaced)"), "{said}");
    administrator.cli(&["admin", "device", "list"]).failed(78);
}

#[test]
fn a_hold_ends_where_the_device_was_not_removed_yet_and_it_goes_on() {
    let scene = Scene::set();
    let device = id(&scene.locum);
    let held = scene.admin(&["hold", &device, "--reason", "lost", "--wait", "0"]).remove(0);
    assert_eq!((&held["change"], &held["devices"][0]["state"]), (&"held".into(), &"held".into()));
    scene.locum.cli(&["sync"]).failed(78);
    let listed = scene.admin(&["list", "--user", "locum-c"]).remove(0);
    assert!(listed["devices"][0]["until"].is_string(), "seven days are said: {listed}");
    // What is not on hold cannot be reinstated; a slip of the finger is told.
    let wrong = scene.ward.administrator.cli(&["admin", "device", "reinstate", &id(&scene.nurse)]);
    assert!(wrong.failed(78).stderr.contains("is not on hold"));
    let back = scene.admin(&["reinstate", &device]).remove(0);
    assert_eq!((&back["change"], &back["devices"][0]["state"]), (&"reinstated".into(), &"in_force".into()));
    assert_eq!(scene.admin(&["reinstate", &device]).remove(0)["devices"][0]["already"], true);
    // It is in as before: it says and reads.
    scene.locum.cli(&["send", WARD, "found it in the other coat"]).good();
    scene.doctor.cli(&["sync"]).good();
    assert!(texts(&scene.doctor).iter().any(|text| text.contains("other coat")));
    // And it can be revoked for good, which nothing ends.
    scene.admin(&["revoke", &device, "--reason", "lost", "--wait", "0"]);
    let gone = scene.ward.administrator.cli(&["admin", "device", "reinstate", &device]).failed(78);
    assert!(gone.stderr.contains("revoked for good"), "{gone:?}");
}

#[test]
fn a_running_registrar_makes_the_first_list_and_orders_go_through_it() {
    let scene = Scene::set();
    assert!(scene.admin(&["list"])[0]["list"].is_null(), "the control: nobody has made one");
    let registrar = scene.ward.administrator.start(&["admin", "registrar"]);
    until("there is a list", || scene.admin(&["list"])[0]["list"]["number"] == 1);
    // The registrar owns the home from now on: it is asked, and whoever asked sees the same.
    let _nurse = scene.online(&scene.nurse);
    let shown = scene.admin(&["revoke", &id(&scene.locum), "--reason", "lost"]);
    assert_eq!((&shown[0]["list"], &shown[0]["devices"][0]["state"]), (&2.into(), &"revoked".into()));
    assert_eq!(shown.last().unwrap()["removed"], 1, "{shown:?}");
    scene.locum.cli(&["sync"]).failed(78);
    drop(registrar);
    assert_eq!(scene.admin(&["list"])[0]["list"]["number"], 2);
}

#[test]
fn all_devices_of_a_person_are_held_let_go_and_revoked_by_one_order() {
    let scene = Scene::set();
    let user = |order: &[&str]| {
        scene.ward.administrator.ask_all(&[&["admin", "user"], order, &["--wait", "0"]].concat()).remove(0)
    };
    assert_eq!(user(&["hold", "locum-c"])["devices"][0]["state"], "held");
    assert_eq!(user(&["reinstate", "locum-c"])["devices"][0]["state"], "in_force");
    let gone = user(&["offboard", "locum-c"]);
    assert_eq!(
        (&gone["devices"][0]["state"], &gone["devices"][0]["reason"]),
        (&"revoked".into(), &"left".into())
    );
    let nothing = scene.ward.administrator.cli(&["admin", "user", "reinstate", "locum-c"]).failed(78);
    assert!(nothing.stderr.contains("on hold"), "{nothing:?}");
    until("nobody else is out", || {
        let list = scene.admin(&["list"]).remove(0);
        states(&list).iter().filter(|(_, state)| state == "revoked").count() == 1
    });
}

/// Another administrator with a machine of their own, and an issuer on it.
fn second_administrator(ward: &Ward) -> Device {
    let second = ward.people_as("administrator", &["administrator-b".to_owned()]).remove(0);
    let first = &ward.administrator;
    let (from, to) = ((first.home.as_path(), &first.passcode()), (second.home.as_path(), &second.passcode()));
    Runtime::new().unwrap().block_on(share_issuer(from, to)).unwrap();
    second
}

/// Two orders at once: the first machine stands still between signing and publishing, where the other one's list comes first. What
/// the first says then, armed with this as well.
fn overtaken(mutant: &[&str]) -> (Scene, Running) {
    let scene = Scene::set();
    let second = second_administrator(&scene.ward);
    let [mine, theirs] = [&scene.locum, &scene.nurse].map(id);
    let slow = scene.ward.administrator.armed(&[&["crash.list_signed=1*sleep(8000)"], mutant].concat());
    let order = ["admin", "device", "revoke", &mine, "--reason", "lost", "--wait", "0", "--json"];
    let ordered = slow.start(&order);
    thread::sleep(Duration::from_secs(3));
    let first = second.ask(&["admin", "device", "revoke", &theirs, "--reason", "stolen", "--wait", "0"]);
    assert_eq!(first["list"], 1);
    (scene, ordered)
}

#[test]
fn who_comes_second_signs_again_on_top_of_the_first() {
    let (scene, ordered) = overtaken(&[]);
    let answer = ordered.says("in_force", SOON).expect("an answer");
    assert!(answer.contains("\"list\":2"), "{answer}");
    assert_eq!([&scene.locum, &scene.nurse].map(|device| device.cli(&["sync"]).status), [78, 78]);
}

#[test]
fn a_machine_that_gives_up_when_another_list_came_first_would_say_so_and_do_nothing() {
    let (scene, mut ordered) = overtaken(&["mutant.loser_gives_up"]);
    assert!(ordered.says("in_force", SOON).is_none());
    until("it ends", || !ordered.runs());
    assert_eq!([&scene.locum, &scene.nurse].map(|device| device.cli(&["sync"]).status), [0, 78]);
}

/// Devices of each of two administrators' orders; `WARDLINE_DEVICES` says another number.
const EACH: usize = 20;

#[test]
fn two_administrators_at_once_lose_nothing() {
    let each = env::var("WARDLINE_DEVICES").map_or(EACH, |number| number.parse().unwrap());
    let ward = Ward::quick(programs!());
    let second = second_administrator(&ward);
    let users: Vec<String> = (0..2 * each).map(|number| format!("person-{number:02}")).collect();
    let devices = ward.people_as("clinician", &users);
    let ids: Vec<String> = devices.iter().map(id).collect();
    let order = |administrator: &Device, ids: &[String]| {
        let (administrator, ids) = (administrator.clone(), ids.to_vec());
        thread::spawn(move || {
            let order = |id: &String| {
                administrator
                    .ask_all(&["admin", "device", "revoke", id, "--reason", "lost", "--wait", "0"])
                    .remove(0)
            };
            ids.iter().map(order).collect::<Vec<Value>>()
        })
    };
    let (mine, theirs) = ids.split_at(each);
    let both = [order(&ward.administrator, mine), order(&second, theirs)];
    let answers: Vec<Value> = both.into_iter().flat_map(|one| one.join().unwrap()).collect();
    assert_eq!(answers.len(), 2 * each);
    assert!(answers.iter().all(|one| one["devices"][0]["state"] == "revoked"), "{answers:?}");
    // Both see one list, with every act in it, one number an act.
    for administrator in [&ward.administrator, &second] {
        let list = administrator.ask(&["admin", "device", "list"]);
        let out = states(&list).iter().filter(|(_, state)| state == "revoked").count();
        assert_eq!((out, list["list"]["number"].as_u64()), (2 * each, Some(2 * each as u64)), "{list}");
    }
    for device in &devices {
        device.cli(&["sync"]).failed(78);
    }
}
