//! P4 against an attacker who holds a vault with its passcode and all traffic: one removed later, whose copy never
//! processed its removal, and one who joined late. They feed the entries to MLS in every order and try every secret
//! in the vault on every message. The control is the same code with the vault of somebody who was a member.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod secrets;
mod tap;
mod thief;

use std::collections::BTreeSet;

use wardline_tests::{Device, Ward, programs};

use crate::{tap::Tap, thief::Thief};

/// A ward with a conversation that is tapped from its first entry on.
struct Scene {
    ward: Ward,
    tap: Tap,
    doctor: Device,
    nurse: Device,
    other: Device,
}

impl Scene {
    /// `other` is enrolled; a member only if `member`.
    fn set(member: bool) -> Self {
        let ward = Ward::founded(programs!());
        let [doctor, nurse, other] = ward.people(["doctor-a", "nurse-b", "porter-c"]);
        let tap = Tap::enrol(&ward, "tap-d");
        let mut create = vec!["conversation", "create", "Ward 4", "--with", "nurse-b", "--with", "tap-d"];
        if member {
            create.extend(["--with", "porter-c"]);
        }
        doctor.cli(&create).good();
        nurse.cli(&["sync"]).good();
        other.cli(&["sync"]).good();
        Self { ward, tap, doctor, nurse, other }
    }

    fn say(&self, text: &str) {
        self.doctor.cli(&["send", "Ward 4", text]).good();
    }

    fn change(&self, change: &[&str]) {
        self.doctor.cli(&[&["conversation"], change].concat()).good();
    }

    /// A copy of a vault as it is now, in the hands of somebody who knows its passcode.
    fn steal(&self, device: &Device, name: &str) -> Thief {
        let copy = device.copy_to(&self.ward.folder().join(name)).unwrap();
        Thief::open(&copy)
    }
}

fn set<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    texts.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_removed_member_reads_nothing_after_in_any_order_with_any_secret() {
    let scene = Scene::set(true);
    scene.say("all of us");
    scene.nurse.cli(&["sync"]).good();
    scene.other.cli(&["sync"]).good();
    // The vaults of one who will be removed and of one who stays, from the same moment.
    let removed = scene.steal(&scene.other, "porter-copied");
    let member = scene.steal(&scene.nurse, "nurse-copied");
    scene.say("still all of us");
    scene.change(&["remove", "Ward 4", "porter-c"]);
    scene.say("without the porter");
    scene.change(&["rename", "Ward 4", "Ward Four"]);
    scene.doctor.cli(&["send", "Ward Four", "in the next epoch"]).good();
    scene.doctor.cli(&["send", "Ward Four", "and once more"]).good();

    let traffic = scene.tap.traffic().into_iter().filter(|entry| entry.number > 2).collect::<Vec<_>>();
    assert_eq!(traffic.len(), 6, "one message of the old members, two commits, three messages of the new");
    let after = ["without the porter", "in the next epoch", "and once more"];

    let removed_reads = removed.try_every_order(&traffic);
    assert_eq!(removed_reads.orders, 2 * 720);
    assert_eq!(
        removed_reads.opened,
        set(["still all of us"]),
        "what was sent while a member, and nothing after"
    );
    let member_reads = member.try_every_order(&traffic);
    assert_eq!(member_reads.opened, set(["still all of us"].into_iter().chain(after)), "control");
    println!(
        "removed member: {} orders, {} attempts, 0 of 3 opened",
        removed_reads.orders, removed_reads.attempts
    );

    // Every secret in the vault, on every message: those of the own epoch are found, no later ones.
    let found = removed.try_every_secret(&traffic);
    assert!(found.tried > 100, "{found:?}");
    assert_eq!(
        found.unlocked,
        BTreeSet::from([3, 4]),
        "the last message of its epoch and the commit that ends it"
    );
    let newest = scene.steal(&scene.doctor, "doctor-copied").try_every_secret(&traffic);
    assert_eq!(newest.unlocked, BTreeSet::from([7, 8]), "control: a member's vault unlocks its own epoch");
    println!("removed member: {} secrets tried, 0 of 3 unlocked", found.tried);
}

#[test]
fn a_joiner_reads_nothing_before_in_any_order_with_any_secret() {
    let scene = Scene::set(false);
    // The vaults of one who will join, with the keys it will join with, and of a member.
    let joiner_before = scene.steal(&scene.other, "locum-before");
    let member = scene.steal(&scene.nurse, "nurse-copied");
    scene.say("before the locum");
    scene.change(&["rename", "Ward 4", "Ward Four"]);
    scene.doctor.cli(&["send", "Ward Four", "still before"]).good();
    scene.change(&["add", "Ward Four", "porter-c"]);
    scene.other.cli(&["sync"]).good();
    let joiner = scene.steal(&scene.other, "locum-after");
    scene.doctor.cli(&["send", "Ward Four", "welcome"]).good();

    let traffic = scene.tap.traffic().into_iter().filter(|entry| entry.number > 1).collect::<Vec<_>>();
    assert_eq!(traffic.len(), 5);
    let joiner_reads = joiner.try_every_order(&traffic);
    assert_eq!(joiner_reads.orders, 2 * 120);
    assert_eq!(joiner_reads.opened, set(["welcome"]), "what was sent since it joined, and nothing before");
    assert!(joiner_before.try_every_order(&traffic).opened.is_empty());
    let member_reads = member.try_every_order(&traffic);
    assert_eq!(member_reads.opened, set(["before the locum", "still before", "welcome"]), "control");
    println!("joiner: {} orders, {} attempts, 0 of 2 opened", joiner_reads.orders, joiner_reads.attempts);

    for (vault, allowed) in [(&joiner, BTreeSet::from([6])), (&joiner_before, BTreeSet::new())] {
        let found = vault.try_every_secret(&traffic);
        assert!(found.tried > 100, "{found:?}");
        assert_eq!(found.unlocked, allowed, "{found:?}");
        println!("joiner: {} secrets tried, 0 of 2 unlocked", found.tried);
    }
    assert_eq!(member.try_every_secret(&traffic).unlocked, BTreeSet::from([2, 3]), "control: its own epoch");
}
