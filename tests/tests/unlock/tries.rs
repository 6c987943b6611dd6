//! What counts as a try: a wrong passcode, once each; a right one never, also where the client dies in the middle.

use crate::{WRONG, copied, mistyped, reads, ward};

/// A wrong passcode says how many are left; from the fourth on it is waited for.
#[test]
fn wrong_passcodes_are_counted_and_told() {
    let (_ward, doctor, _nurse) = ward();
    for (typed, left) in [("one", "9 tries"), ("two", "8 tries"), ("one", "7 tries")] {
        let wrong = mistyped(&doctor, typed).cli(&["status"]).failed(WRONG);
        assert!(wrong.stderr.contains(left) && wrong.stderr.contains("--replaces"), "{wrong:?}");
    }
    let soon = mistyped(&doctor, "four").cli(&["status"]).failed(WRONG);
    assert!(soon.stderr.contains("UNLOCK_SPACED"), "{soon:?}");
    let soon = doctor.cli(&["status"]).failed(WRONG);
    assert!(soon.stderr.contains("UNLOCK_SPACED"), "the right one waits too: {soon:?}");
}

/// The right passcode takes the count back.
#[test]
fn a_vault_that_was_opened_counts_from_the_beginning() {
    let (_ward, doctor, _nurse) = ward();
    for _ in 0..4 {
        let wrong = mistyped(&doctor, "wrong").cli(&["status"]).failed(WRONG);
        assert!(wrong.stderr.contains("9 tries"), "{wrong:?}");
        let told = doctor.ask(&["status"])["warnings"].to_string();
        assert!(told.contains("tries: 1"), "{told}");
    }
    let told = doctor.ask(&["status"])["warnings"].to_string();
    assert!(!told.contains("wrong passcode"), "{told}");
    // Whoever keeps it open is told when it opens.
    for typed in ["one", "two"] {
        mistyped(&doctor, typed).cli(&["status"]).failed(WRONG);
    }
    assert_eq!(doctor.ask(&["unlock"])["wrong_tries"], 2);
    doctor.cli(&["lock"]).good();
    assert!(doctor.ask(&["unlock"])["wrong_tries"].is_null(), "the control: nobody tried since");
    doctor.cli(&["lock"]).good();
}

/// Where an opening may be cut off.
const PLACES: [&str; 4] =
    ["crash.try_begun", "crash.try_answered", "crash.generation_raised", "crash.unlock_confirmed"];

/// P6: whoever dies in the middle of opening goes on with the same try. Twelve would have closed the vault.
#[test]
fn a_right_passcode_never_counts_whenever_the_client_dies() {
    let (_ward, doctor, _nurse) = ward();
    for _ in 0..3 {
        for place in PLACES {
            doctor.armed(&[place]).cli(&["read", "Ward 4"]).crashed_at(place);
        }
    }
    assert!(reads(&doctor).contains("bed 7 is free"));
    let wrong = mistyped(&doctor, "wrong").cli(&["status"]).failed(WRONG);
    assert!(wrong.stderr.contains("9 tries"), "{wrong:?}");
    // The guard taken away: each time another try, and the fourth comes too soon.
    let anew = doctor.armed(&["crash.try_answered", "mutant.try_begun_anew"]);
    doctor.cli(&["status"]).good();
    for _ in 0..3 {
        anew.cli(&["status"]).crashed_at("crash.try_answered");
    }
    let spaced = anew.cli(&["status"]).failed(WRONG);
    assert!(spaced.stderr.contains("UNLOCK_SPACED"), "{spaced:?}");
}

/// P6: nobody gets more guesses by killing the client before it knows what came of one, or by putting its files back.
#[test]
fn a_guess_counts_although_the_client_is_killed_or_its_files_are_put_back() {
    let (_ward, doctor, _nurse) = ward();
    let image = copied(&doctor, "image");
    for guess in ["one", "two", "three"] {
        let thief = image.copy_to(&doctor.home.with_extension(guess)).unwrap();
        mistyped(&thief, guess)
            .armed(&["crash.try_answered"])
            .cli(&["status"])
            .crashed_at("crash.try_answered");
    }
    let fourth = mistyped(&image, "four").cli(&["status"]).failed(WRONG);
    assert!(fourth.stderr.contains("UNLOCK_SPACED"), "{fourth:?}");
}

/// P6: nothing is in the header that opens the vault of another person's passcode: with other files it is another vault.
#[test]
fn one_flipped_bit_of_a_closed_vault_is_told_from_a_wrong_passcode() {
    let (_ward, doctor, _nurse) = ward();
    let header = std::fs::read(doctor.home.join("vault.header")).unwrap();
    let mut refused = 0;
    for at in (0..header.len()).step_by(header.len() / 24) {
        let flipped = copied(&doctor, &format!("flipped-{at}"));
        let mut bytes = header.clone();
        bytes[at] ^= 1;
        std::fs::write(flipped.home.join("vault.header"), bytes).unwrap();
        let damaged = flipped.cli(&["status"]).failed(74);
        assert!(damaged.stderr.contains("damaged") || damaged.stderr.contains("Wardline"), "{damaged:?}");
        refused += 1;
    }
    assert!(refused > 20);
    doctor.cli(&["status"]).good();
    let wrong = mistyped(&doctor, "wrong").cli(&["status"]).failed(WRONG);
    assert!(wrong.stderr.contains("9 tries"), "none was a try: {wrong:?}");
}
