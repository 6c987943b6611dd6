//! Somebody is declared out who is in, and then another device is revoked: a false declaration and a fence at once.

use wardline_tests::{Device, Ward, programs};

use crate::scene::{WARD, id, until};

#[test]
fn a_false_declaration_and_a_fence_together_stop_nothing() {
    let ward = Ward::quick(programs!());
    let mut three = ward.people(["doctor-a", "nurse-b", "locum-c"]);
    // The lie is told of the first of them.
    three.sort_by_key(id);
    let [cut_off, member, lost] = three;
    let [mallory] = ward.people(["mallory"]);
    let with = |others: &[&Device]| -> Vec<String> {
        others.iter().flat_map(|one| ["--with".to_owned(), one.user.clone()]).collect()
    };
    let create = |by: &Device, name: &str, others: &[&Device]| {
        let with = with(others);
        let with: Vec<&str> = with.iter().map(String::as_str).collect();
        by.cli(&[&["conversation", "create", name], with.as_slice()].concat()).good();
    };
    create(&mallory, WARD, &[&cut_off, &member, &lost]);
    create(&member, "Elsewhere", &[&mallory]);
    for device in [&cut_off, &member, &lost, &mallory] {
        device.cli(&["sync"]).good();
    }
    mallory.armed(&["member.false_leaves"]).cli(&["conversation", "rename", WARD, "Ward 5"]).good();
    let device = id(&lost);
    let order = ["admin", "device", "revoke", &device, "--reason", "stolen", "--wait", "0"];
    assert!(ward.administrator.ask(&order)["in_force"].is_string());
    // What is said elsewhere does not wait for it, and the conversation goes on.
    member.cli(&["send", "Elsewhere", "goes at once"]).good();
    let online = member.follow();
    until("who was cut off is in again", || {
        let shown = member.ask(&["conversation", "show", "Ward 5"]);
        let members = shown["members"].as_array().unwrap();
        let is_in = |who: &Device| members.iter().any(|one| one["user"] == who.user.as_str());
        is_in(&cut_off) && !is_in(&lost)
    });
    member.cli(&["send", "Ward 5", "goes on"]).good();
    until("and reads what is said then", || {
        cut_off.cli(&["sync"]).good();
        texts_of(&cut_off, "Ward 5").contains(&"goes on".to_owned())
    });
    drop(online);
    let lost_reads = lost.cli(&["read", "Ward 5", "--offline", "--json"]);
    assert!(!format!("{lost_reads:?}").contains("goes on"));
}

fn texts_of(device: &Device, name: &str) -> Vec<String> {
    let read = device.cli(&["read", name, "--offline", "--json"]);
    if read.status != 0 {
        return Vec::new();
    }
    let read = read.objects();
    let texts = read.iter().filter(|one| one["kind"] == "text");
    texts.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}
