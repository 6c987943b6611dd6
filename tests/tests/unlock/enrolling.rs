//! A device's first opening, at the end of its enrolment: its pair is made and its keys are left behind, wherever it dies.

use wardline_tests::{Ward, programs};

use crate::UNAVAILABLE;

/// Where the first opening may be cut off.
const PLACES: [&str; 6] = [
    "crash.rekeyed",
    "crash.try_begun",
    "crash.pair_made",
    "crash.sealed_anew",
    "crash.generation_raised",
    "crash.unlock_confirmed",
];

#[test]
fn a_crash_at_the_first_opening_leaves_a_vault_that_opens() {
    let mut ward = Ward::quick(programs!());
    let [doctor] = ward.people(["doctor-a"]);
    let mut died = 0;
    for (place, user) in PLACES.into_iter().zip('b'..) {
        let user = format!("nurse-{user}");
        let (invitation, device) = (ward.invite(&user), ward.device(&user));
        let registrar = ward.administrator.start(&["admin", "registrar"]);
        let enrolled = device.armed(&[place]).cli(&["enrol", &invitation, "--device", "phone"]);
        drop(registrar);
        // A first opening makes a pair, and tries nothing before.
        if place == "crash.try_begun" {
            enrolled.good();
        } else {
            enrolled.crashed_at(place);
            died += 1;
        }
        device.cli(&["sync"]).good();
        assert!(device.home.join("vault.header").exists() && !device.home.join("vault.db.next").exists());
        let conversation = format!("With {user}");
        doctor.cli(&["conversation", "create", &conversation, "--with", &user]).good();
        assert!(device.cli(&["conversation", "list"]).good().stdout.contains(&conversation), "{place}");
        ward.relay.stop();
        device.cli(&["--offline", "status"]).failed(UNAVAILABLE);
        ward.relay.start();
    }
    assert_eq!(died, 5);
}
