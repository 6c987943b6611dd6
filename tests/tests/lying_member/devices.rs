//! Membership tasks: a second device, a replaced only one, leaving. Each within five seconds of the word that permits it,
//! with one other member online.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use wardline_tests::{Device, Owner, Ward, programs};

use crate::scene::{devices, users, within};

/// Within this what the conversation is owed is done.
const OWED: Duration = Duration::from_secs(5);

/// Conversations of anna, in each of which berta is online.
struct Online {
    ward: Ward,
    anna: Device,
    berta: Device,
    conversations: Vec<String>,
    _berta_follows: Owner,
}

fn online(count: usize) -> Online {
    let ward = Ward::quick(programs!());
    let [anna, berta] = ward.people(["anna", "berta"]);
    let conversations = (0..count).map(|at| {
        let made = anna.ask(&["conversation", "create", &format!("Ward {at}"), "--with", "berta"]);
        made["conversation"].as_str().unwrap().to_owned()
    });
    let conversations = conversations.collect();
    let follows = berta.follow();
    Online { ward, anna, berta, conversations, _berta_follows: follows }
}

/// Another device of a person, which has left with the relay what others add it with.
fn another(ward: &Ward, of: &Device, invitation: &[&str]) -> Device {
    let mut second = of.clone();
    second.home = ward.folder().join(format!("{}-second", of.user));
    let name = format!("Name of {}", of.user);
    let invite = ["admin", "invite", &of.user, "--name", &name];
    let invited = ward.administrator.ask(&[&invite, invitation].concat());
    let registrar = ward.administrator.start(&["admin", "registrar"]);
    drop(second.ask_all(&["enrol", invited["invitation"].as_str().unwrap(), "--device", "second"]));
    drop(registrar);
    drop(second.ask(&["sync"]));
    second
}

fn id_of(device: &Device) -> String {
    device.ask(&["status"])["device"].as_str().unwrap().to_owned()
}

#[test]
fn an_approved_second_device_is_in_all_conversations_though_the_first_goes_away_at_once() {
    let scene = online(5);
    let second = another(&scene.ward, &scene.anna, &[]);
    let id = id_of(&second);
    let follows = second.follow();
    // The first device ends on the spot when the members have been asked.
    let asked = Instant::now();
    let approved = scene.anna.armed(&["crash.approval_asked"]).cli(&["device", "approve", &id]);
    drop(approved.crashed_at("crash.approval_asked"));
    within(OWED, "it is in all conversations", || {
        let list = second.ask(&["conversation", "list"]);
        list["conversations"].as_array().unwrap().len() == scene.conversations.len()
    });
    println!("in five conversations after {:?}", asked.elapsed());
    for conversation in &scene.conversations {
        let shown = scene.berta.ask(&["conversation", "show", conversation]);
        assert!(devices(&shown, "anna").contains(&id) && shown.get("held").is_none(), "{shown}");
        assert!(shown.get("member_faults").is_none(), "{shown}");
    }
    // It reads what is said from now on.
    drop(scene.berta.ask(&["send", &scene.conversations[0], "welcome"]));
    within(OWED, "it reads", || {
        let read = second.ask_all(&["read", &scene.conversations[0]]);
        read.iter().any(|one| one["text"] == "welcome")
    });
    drop(follows);
}

#[test]
fn a_replaced_only_device_is_back_within_five_seconds_of_a_members_confirmation() {
    let scene = online(3);
    let lost = id_of(&scene.anna);
    let new = another(&scene.ward, &scene.anna, &["--replaces", &lost[..8]]);
    let id = id_of(&new);
    let follows = new.follow();
    // Berta is shown who waits, who invited and when; nothing happens by itself.
    let conversation = &scene.conversations[0];
    within(Duration::from_secs(20), "berta is shown", || {
        scene.berta.ask(&["conversation", "show", conversation]).get("waiting").is_some()
    });
    let waiting = scene.berta.ask(&["conversation", "show", conversation])["waiting"][0].clone();
    assert_eq!((&waiting["user"], &waiting["device"]), (&"anna".into(), &id.as_str().into()), "{waiting}");
    assert_eq!(waiting["replaces"], *lost, "{waiting}");
    assert!(!waiting["invited_by"].as_str().unwrap().is_empty(), "{waiting}");
    let status = scene.berta.ask(&["status"]);
    assert_eq!(status["waiting"][0]["conversations"].as_array().unwrap().len(), 3, "{status}");
    let read = scene.berta.ask_all(&["read", conversation]);
    assert!(read.iter().any(|one| one["text"].as_str().unwrap().contains("new device")), "{read:?}");
    sleep(Duration::from_secs(3));
    let list = new.ask(&["conversation", "list"]);
    assert!(list["conversations"].as_array().unwrap().is_empty(), "nobody has confirmed it: {list}");

    let confirmed = Instant::now();
    drop(scene.berta.ask(&["conversation", "confirm", conversation, "anna"]));
    within(OWED, "it is in all conversations", || {
        let list = new.ask(&["conversation", "list"]);
        list["conversations"].as_array().unwrap().len() == scene.conversations.len()
    });
    println!("back in three conversations after {:?}", confirmed.elapsed());
    for conversation in &scene.conversations {
        let shown = scene.berta.ask(&["conversation", "show", conversation]);
        assert_eq!(devices(&shown, "anna"), [id.as_str()], "the lost one is out: {shown}");
        assert!(shown.get("waiting").is_none() && shown.get("held").is_none(), "{shown}");
    }
    // Confirmed once: there is nothing more to confirm.
    assert_ne!(scene.berta.cli(&["conversation", "confirm", conversation, "anna"]).status, 0);
    drop(follows);
}

#[test]
fn who_leaves_is_let_go_within_five_seconds() {
    let scene = online(1);
    let conversation = &scene.conversations[0];
    drop(scene.anna.ask(&["conversation", "leave", conversation]));
    within(OWED, "anna is out", || {
        users(&scene.berta.ask(&["conversation", "show", conversation])) == ["berta"]
    });
    let shown = scene.berta.ask(&["conversation", "show", conversation]);
    assert!(shown.get("member_faults").is_none() && shown.get("held").is_none(), "{shown}");
    // Added again she is in again: what she said was carried out once.
    drop(scene.berta.ask(&["conversation", "add", conversation, "anna"]));
    drop(scene.anna.ask(&["sync"]));
    sleep(Duration::from_secs(8));
    let shown = scene.berta.ask(&["conversation", "show", conversation]);
    assert_eq!(users(&shown), ["anna", "berta"], "{shown}");
}

#[test]
fn members_who_were_not_asked_do_nothing() {
    // The mutant of asking: the first device goes away, and nobody else knows what it permitted.
    let scene = online(1);
    let second = another(&scene.ward, &scene.anna, &[]);
    let id = id_of(&second);
    let gone = scene.anna.armed(&["crash.approval_asked", "mutant.ask_nobody"]);
    drop(gone.cli(&["device", "approve", &id]).crashed_at("crash.approval_asked"));
    sleep(OWED);
    let list = second.ask(&["conversation", "list"]);
    assert!(list["conversations"].as_array().unwrap().is_empty(), "{list}");
    // When it is back it does by itself what it permitted.
    drop(scene.anna.ask(&["sync"]));
    within(Duration::from_secs(20), "the first device does it", || {
        let list = second.ask(&["conversation", "list"]);
        list["conversations"].as_array().unwrap().len() == 1
    });
}
