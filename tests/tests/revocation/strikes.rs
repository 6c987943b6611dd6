//! What can come between a strike and what it keeps: a lost issuer that goes on signing, a command that dies, a relay that leaves
//! devices out. Real processes; each attack with its control.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use wardline_client_core::{
    api::{Lost, Restoring, StrikePlan, restore_root},
    vault::{KdfCost, Passcode},
};
use wardline_identity::{SystemClock, SystemEntropy};
use wardline_proto::in_place::{arm, disarm};

use crate::{
    issuers::{Machine, keeps_list},
    scene::{Scene, WARD, id, texts},
};

/// The lost machine revokes while the strike is on its way; the new administrator's answer to an order of theirs, and whether who
/// comes new can send.
fn raced(guard: &'static [&'static str]) -> (i32, bool) {
    let mut scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let machine = Machine::new(&scene.ward, "office-b");
    let _ = machine.restore(&["crash.strike_signed"]).crashed_at("crash.strike_signed");
    scene.admin(&["revoke", &id(&scene.locum), "--reason", "lost", "--wait", "0"]);
    if !guard.is_empty() {
        scene.ward.relay.rearm(guard);
    }
    // With the guard taken away also before this machine has read the list, which it does first.
    let unread: &[&str] = if guard.is_empty() { &[] } else { &["mutant.kept_for_any_change"] };
    let restored = machine.restore(unread);
    if guard.is_empty() {
        // On top of what the lost machine did: it stands.
        assert_eq!(restored.good().object()["issuers_list"], 3);
        scene.locum.cli(&["sync"]).failed(78);
    }
    let order = ["admin", "device", "revoke", &id(&scene.nurse), "--reason", "lost", "--wait", "0"];
    let revoked = machine.device.cli(&order).status;
    if !guard.is_empty() {
        return (revoked, false);
    }
    scene.ward.administrator = machine.device.clone();
    let [guest] = scene.ward.people(["guest-z"]);
    scene.doctor.cli(&["conversation", "add", WARD, "guest-z"]).good();
    guest.cli(&["sync"]).good();
    guest.cli(&["send", WARD, "good evening"]).good();
    (
        revoked,
        texts(&scene.doctor).is_empty() && {
            scene.doctor.cli(&["sync"]).good();
            texts(&scene.doctor) == ["good evening"]
        },
    )
}

#[test]
fn a_lost_issuer_that_signs_between_the_reading_and_the_strike_stops_nobody_from_being_revoked() {
    assert_eq!(raced(&[]), (0, true));
    let (revoked, _) = raced(&["mutant.strike_orphans"]);
    assert_ne!(revoked, 0, "the guard taken away: nobody can be revoked");
}

/// How many certificates the strike keeps that was signed before a new device came, and sent after.
fn sent_again(armed: &[&str]) -> u64 {
    let scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let machine = Machine::new(&scene.ward, "office-b");
    let _ = machine.restore(&["crash.strike_signed"]).crashed_at("crash.strike_signed");
    let _late = scene.ward.people(["guest-x"]);
    machine.restore(armed).good().object()["struck"][0]["kept"].as_u64().unwrap()
}

#[test]
fn what_the_root_has_signed_is_sent_again_as_it_is() {
    assert_eq!(sent_again(&[]), 6, "no other list under its number");
    assert_eq!(
        sent_again(&["mutant.issuers_signed_anew"]),
        7,
        "the guard taken away: two lists with one number"
    );
}

#[test]
fn a_relay_that_leaves_devices_out_of_its_list_has_them_kept_by_its_record() {
    for (armed, kept) in [(&[][..], 6), (&["mutant.kept_by_list_alone"][..], 2)] {
        let mut scene = Scene::set();
        keeps_list(&scene.ward.administrator);
        scene.ward.relay.rearm(&["relay.lists_nobody"]);
        let machine = Machine::new(&scene.ward, "office-b");
        let restored = machine.restore(armed).good();
        assert_eq!(restored.object()["struck"][0]["kept"], kept, "{armed:?}");
        let shown = "of 4 on the record; 0 are listed";
        assert!(restored.stderr.contains(shown), "{}", restored.stderr);
        // Who was left out by the guard taken away is put out.
        let status = scene.doctor.cli(&["sync"]).status;
        assert_eq!(status == 0, armed.is_empty(), "{armed:?}");
    }
}

#[test]
fn nobody_is_struck_before_somebody_has_said_that_what_stays_good_is_right() {
    let scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let mut machine = Machine::new(&scene.ward, "office-b");
    machine.yes = false;
    let refused = machine.restore(&[]).failed(65);
    assert!(
        refused.stderr.contains("keeps 4 certificates, of 4 on the record; 4 are listed"),
        "{}",
        refused.stderr
    );
    assert!(refused.failure()["now"].as_str().unwrap().contains("--yes"));
    scene.ward.administrator.cli(&["admin", "invite", "guest-y", "--name", "Guest"]).good();
    machine.yes = true;
    assert_eq!(machine.restored()["struck"][0]["kept"], 6);
}

/// At each of the first so many times that somebody is asked whether to strike, a device is certified while they think it over: how
/// many certificates stay good, and how often was asked.
fn thought_over(times: usize, guard: &'static str) -> (usize, usize) {
    let scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let asked = AtomicUsize::new(0);
    let administrator = scene.ward.administrator.clone();
    let guests: Vec<_> = (0..times)
        .map(|number| format!("guest-{number}"))
        .map(|user| (scene.ward.device(&user), scene.ward.invite(&user)))
        .collect();
    let agree = |_: &StrikePlan| {
        if let Some((guest, invitation)) = guests.get(asked.fetch_add(1, Ordering::SeqCst)) {
            let _registrar = administrator.start(&["admin", "registrar"]);
            guest.cli(&["enrol", invitation, "--device", "phone"]).good();
        }
        Ok(())
    };
    let home = scene.ward.device("office-b").home;
    let passcode = Passcode::new("correct horse".to_owned()).unwrap();
    let restoring = Restoring {
        home: Path::new(&home),
        passcode: &passcode,
        cost: KdfCost::floor(),
        addresses: &[scene.ward.relay.address()],
        root: None,
        recovery_file: &scene.ward.recovery_file(),
        recovery_code: &scene.ward.recovery_code,
        user: "administrator",
        name: "Administrator B",
        device_name: "new office",
        lost: Lost::All,
        agree: &agree,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    arm(guard);
    let restored = runtime.block_on(restore_root(&restoring));
    disarm(guard);
    (restored.unwrap().struck[0].kept, asked.load(Ordering::SeqCst))
}

#[test]
fn what_is_certified_while_somebody_thinks_it_over_is_kept_and_asked_about() {
    assert_eq!(thought_over(1, ""), (7, 2));
    assert_eq!(
        thought_over(1, "mutant.agreed_unread"),
        (6, 1),
        "the guard taken away: the device enrols again"
    );
}

#[test]
fn who_certifies_at_every_question_puts_no_strike_off() {
    assert_eq!(thought_over(4, ""), (8, 3), "what was agreed to stays good, and no more");
    assert_eq!(
        thought_over(4, "mutant.asked_for_ever"),
        (10, 5),
        "the guard taken away: as often as it likes"
    );
}

/// The lost machine revokes at the moment when the strike is signed and not sent yet; what becomes of its order, and whether the
/// device is in still.
fn at_the_same_moment(armed: &[&str]) -> (bool, bool) {
    let scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let machine = Machine::new(&scene.ward, "office-b");
    let place = "crash.strike_signed";
    let _ = machine.restore(&[&[place], armed].concat()).crashed_at(place);
    let order = ["admin", "device", "revoke", &id(&scene.locum), "--reason", "lost", "--wait", "0"];
    let ordered = std::thread::scope(|scope| {
        let ordered = scope.spawn(|| scene.ward.administrator.cli(&order).status);
        let begun = Instant::now();
        while !ordered.is_finished() && begun.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(machine.restored()["issuers_list"], 3);
        ordered.join().unwrap()
    });
    (ordered == 0, scene.locum.cli(&["sync"]).status == 0)
}

#[test]
fn the_relay_stands_still_while_a_strike_is_on_its_way() {
    assert_eq!(at_the_same_moment(&[]), (false, true), "it is judged by the strike");
    let rushed = at_the_same_moment(&["mutant.strike_in_the_rush"]);
    assert_eq!(rushed, (true, false), "the guard taken away: it is before the strike, as often as it likes");
}
