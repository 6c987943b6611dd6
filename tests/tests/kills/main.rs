//! P5 under kill -9: while devices send through their owners, and one by a process a message, the relay, the owners and
//! those processes are killed again and again, each time with requests unanswered. Afterwards every device shows every acknowledged message under its number,
//! once, in one order; what was only queued has gone out; also at a device that slept through it all.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod flock;
mod killer;
mod one_shots;
mod planted;

use std::{
    env,
    hash::{BuildHasher as _, RandomState},
    thread::sleep,
    time::{Duration, Instant},
};

use wardline_tests::{Ward, check, programs};

use crate::{flock::Flock, killer::Kills};

/// Kills of each kind: of the relay, of owners, of processes that send one message. `WARDLINE_KILLS` says another
/// number (`just soak-kill`).
const KILLS: usize = 20;
/// Acknowledged messages.
const ACKNOWLEDGED: usize = 500;
/// Acknowledged messages of a longer run.
const ACKNOWLEDGED_LONG: usize = 2_000;

#[test]
fn nothing_is_lost_twice_or_stuck_when_relay_and_clients_are_killed() {
    let began = Instant::now();
    let asked = |name: &str| env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let long = asked("WARDLINE_KILLS").map(|kills| usize::try_from(kills).unwrap());
    let (each, enough) = long.map_or((KILLS, ACKNOWLEDGED), |kills| (kills, ACKNOWLEDGED_LONG));
    let seed = asked("WARDLINE_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    println!("WARDLINE_SEED={seed}");
    let mut flock = Flock::gather(["doctor-a", "nurse-b", "doctor-c"], "locum-d", "porter-e");
    flock.send();
    let mut kills = Kills::seeded(seed);
    let missing = |kills: &Kills| {
        [kills.relay_in_flight, kills.clients_in_flight, kills.one_shots_in_flight]
            .iter()
            .any(|had| *had < each)
    };
    while missing(&kills) {
        assert!(kills.all() < 6 * each, "requests are too seldom unanswered: {kills:?}");
        kills.client(&mut flock);
        kills.relay(&mut flock);
        kills.one_shot(&mut flock);
    }
    flock.until_acknowledged(enough);
    let sent = flock.stop_sending();
    let transcripts = flock.settle();
    let report = check(&sent.accepted, &transcripts);
    assert!(report.holds(), "{report:#?}");
    assert!(sent.refused.is_empty(), "nothing gave a reason to refuse: {:?}", sent.refused);
    assert!(report.acknowledged >= enough, "{report}");
    assert_eq!(report.delivered, sent.accepted.len());
    assert!(!missing(&kills), "{kills:?}");
    let ran = if long.is_some() {
        format!(" seed={seed} wall={}s", began.elapsed().as_secs())
    } else {
        String::new()
    };
    println!("kills={} in_flight_kills={} {report}{ran}", kills.all(), kills.in_flight());
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
