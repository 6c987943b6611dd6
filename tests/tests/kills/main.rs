//! P5 under kill -9: while devices send through their owners, the relay and the owners are killed again and again,
//! each time with requests unanswered. Afterwards every device shows every acknowledged message under its number,
//! once, in one order; what was only queued has gone out; also at a device that slept through it all.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod flock;
mod killer;

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use wardline_tests::{Ward, check, programs};

use crate::{flock::Flock, killer::Kills};

/// Each of relay and clients.
const KILLS: usize = 20;
/// Acknowledged messages.
const ACKNOWLEDGED: usize = 500;

#[test]
fn nothing_is_lost_twice_or_stuck_when_relay_and_clients_are_killed() {
    let mut flock = Flock::gather(["doctor-a", "nurse-b", "doctor-c"], "locum-d");
    flock.send();
    let mut kills = Kills::default();
    while kills.relay_in_flight < KILLS || kills.clients_in_flight < KILLS {
        assert!(kills.all() < 4 * KILLS, "requests are too seldom unanswered: {kills:?}");
        kills.client(&mut flock);
        kills.relay(&mut flock);
    }
    flock.until_acknowledged(ACKNOWLEDGED);
    let sent = flock.stop_sending();
    let transcripts = flock.settle();
    let report = check(&sent.accepted, &transcripts);
    println!("kills={} in_flight_kills={} {report}", kills.all(), kills.in_flight());
    assert!(report.holds(), "{report:#?}");
    assert!(sent.refused.is_empty(), "nothing gave a reason to refuse: {:?}", sent.refused);
    assert!(report.acknowledged >= ACKNOWLEDGED, "{report}");
    assert_eq!(report.delivered, sent.accepted.len());
    assert!(kills.relay_in_flight >= KILLS && kills.clients_in_flight >= KILLS);
}

/// How long a device may be deaf after the relay was killed and has come back: it learns of that by itself.
const DEAF: Duration = Duration::from_secs(30);

#[test]
fn devices_that_only_listen_hear_again_soon_after_the_relay_was_killed() {
    let mut ward = Ward::founded(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Night", "--with", "nurse-b"]).good();
    let listening = nurse.start(&["read", "Night", "--follow"]);
    assert!(listening.says("added you", DEAF).is_some());
    // Nothing under way: only a device that asks by itself finds out.
    sleep(Duration::from_secs(2));
    ward.relay.kill();
    sleep(Duration::from_millis(500));
    ward.relay.start();
    let back = Instant::now();
    doctor.cli(&["send", "Night", "is anybody there"]).good();
    assert!(listening.says("is anybody there", DEAF).is_some(), "deaf for more than {DEAF:?}");
    println!("heard again after {:?}", back.elapsed());
}
