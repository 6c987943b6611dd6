//! One home, many processes: one owns it and stays connected, the others ask it over its socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod agent;

use std::{
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use wardline_tests::{Accepted, Device, Transcript, Ward, check, programs};

const COMMANDS: usize = 200;
const AT_A_TIME: usize = 8;

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn transcript(device: &Device) -> Transcript {
    let entries = device.ask_all(&["read", "Ward 4"]);
    let texts = entries.iter().filter(|one| one["kind"] != "event");
    let waiting = device.ask(&["outbox", "list"])["outbox"].as_array().unwrap().len();
    let entry =
        |one: &serde_json::Value| (one["number"].as_u64().unwrap(), one["text"].as_str().unwrap().to_owned());
    Transcript { device: device.user.clone(), entries: texts.map(entry).collect(), waiting }
}

#[test]
fn two_hundred_commands_eight_at_a_time_succeed_beside_an_owner() {
    let ward = Ward::founded(programs!());
    let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    let mut owner = doctor.follow();

    let (next, accepted) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= COMMANDS {
                        return;
                    }
                    match number % 8 {
                        0 => drop(doctor.cli(&["status"]).good()),
                        1 => drop(doctor.cli(&["read", "Ward 4", "--new"]).good()),
                        2 => drop(doctor.cli(&["conversation", "show", "Ward 4"]).good()),
                        3 => drop(doctor.cli(&["people"]).good()),
                        _ => {
                            let text = format!("note {number}");
                            let sent = doctor.ask(&["send", "Ward 4", &text]);
                            assert_eq!(sent["state"], "sent", "{sent}");
                            accepted.lock().unwrap().push(Accepted { text, number: sent["number"].as_u64() });
                        }
                    }
                }
            });
        }
    });
    assert!(owner.process.runs(), "the owner outlives them all");
    let accepted = accepted.into_inner().unwrap();
    assert_eq!(accepted.len(), COMMANDS / 2);
    let report = check(&accepted, &[transcript(&doctor), transcript(&nurse)]);
    assert!(report.holds() && report.delivered == COMMANDS / 2, "{report:?}");
    println!("commands={COMMANDS} {report}");
}

#[test]
fn only_the_homes_user_gets_near_it() {
    let ward = Ward::founded(programs!());
    let [doctor] = ward.people(["doctor-a"]);
    let owner = doctor.follow();
    let socket = doctor.home.join("owner.sock");
    assert!(std::fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!((mode(&doctor.home), mode(&socket)), (0o700, 0o600));
    for file in std::fs::read_dir(&doctor.home).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
        assert_eq!(
            std::fs::symlink_metadata(&file).unwrap().uid(),
            std::fs::metadata(&doctor.home).unwrap().uid()
        );
    }
    // The lock says who.
    let lock = std::fs::read_to_string(doctor.home.join("owner.lock")).unwrap();
    assert_eq!(lock.trim(), owner.process.pid().to_string());
}

#[test]
fn kill_9_of_the_owner_leaves_no_lock_behind() {
    let ward = Ward::founded(programs!());
    let [doctor, _nurse] = ward.people(["doctor-a", "nurse-b"]);
    doctor.cli(&["conversation", "create", "Ward 4", "--with", "nurse-b"]).good();
    for round in 0..3 {
        let mut owner = doctor.follow();
        doctor.cli(&["send", "Ward 4", &format!("through the owner {round}")]).good();
        owner.process.kill();
        let started = Instant::now();
        doctor.cli(&["send", "Ward 4", &format!("without an owner {round}")]).good();
        assert!(started.elapsed() < Duration::from_secs(20), "it does not wait for the dead");
    }
    let texts = transcript(&doctor).entries;
    assert_eq!(texts.len(), 6, "{texts:?}");
}

#[test]
fn two_owners_never_have_one_home() {
    let ward = Ward::founded(programs!());
    let [doctor] = ward.people(["doctor-a"]);
    let mut first = doctor.follow();
    let second = doctor.cli(&["sync", "--follow"]).good();
    assert!(second.stderr.contains("Another process keeps this home connected already"), "{second:?}");
    assert!(first.process.runs());
    // A new device cannot be made over it either.
    let taken = doctor.cli(&["enrol", &ward.invite("nurse-b"), "--device", "phone"]);
    assert_eq!(taken.status, 80, "{taken:?}");
}
