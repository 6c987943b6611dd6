//! Changing a passcode: the new one opens the vault, the old one nothing, neither here nor from a copy; and a crash leaves exactly one.

use std::fs;

use wardline_client_core::api::open_copy;
use wardline_tests::{Device, Output};

use crate::{REFUSED, WRONG, copied, mistyped, reads, ward};

const NEW: &str = "a quite different passcode";

/// Changes the passcode to the new one.
fn change(device: &Device) -> Output {
    let file = device.home.with_extension("new");
    fs::write(&file, format!("{NEW}\n")).unwrap();
    device.cli(&["passcode", "change", "--new-passcode-file", file.to_str().unwrap()])
}

#[test]
fn a_new_passcode_opens_the_vault_and_the_old_one_does_not() {
    let (_ward, doctor, _nurse) = ward();
    let said = change(&doctor).good();
    assert!(said.stdout.contains("The passcode is changed"), "{said:?}");
    doctor.cli(&["status"]).failed(WRONG);
    assert!(reads(&mistyped(&doctor, NEW)).contains("bed 7 is free"));
    // And back, by the wrong one first.
    change(&doctor).failed(WRONG);
    change(&mistyped(&doctor, NEW)).good();
}

/// P6: the old files with the old passcode open nothing any more.
#[test]
fn a_copy_from_before_opens_nothing_with_the_old_passcode() {
    let (_ward, doctor, nurse) = ward();
    let before = copied(&doctor, "before");
    change(&doctor).good();
    let refused = before.cli(&["read", "Ward 4"]).failed(REFUSED);
    assert!(refused.stderr.contains("PAIR_UNKNOWN"), "{refused:?}");
    assert!(!opens_to_a_thief(&before));
    // The guard taken away: the old pair stays.
    let before = copied(&nurse, "before");
    change(&nurse.armed(&["mutant.old_pair_stays"])).good();
    assert!(opens_to_a_thief(&before));
}

/// Whether a copy opens to somebody who knows its passcode and has code of their own.
fn opens_to_a_thief(copy: &Device) -> bool {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(open_copy(&copy.home, &copy.passcode())).is_ok()
}

/// Whether a passcode opens it.
fn opens(device: &Device) -> bool {
    let outcome = device.cli(&["status"]);
    match outcome.status {
        0 => true,
        WRONG => false,
        _ => panic!("{outcome:?}"),
    }
}

/// P6, P10: wherever it dies, exactly one of the two opens the vault, and it can be changed again.
#[test]
fn after_a_crash_in_a_change_exactly_one_passcode_opens() {
    for (place, new) in [("crash.pair_made", false), ("crash.sealed_anew", true)] {
        let (_ward, doctor, _nurse) = ward();
        change(&doctor.armed(&[place])).crashed_at(place);
        let renewed = mistyped(&doctor, NEW);
        assert_eq!((opens(&doctor), opens(&renewed)), (!new, new), "{place}");
        let (right, file) = if new { (renewed, "third") } else { (doctor, "third") };
        assert!(reads(&right).contains("bed 7 is free"), "{place}");
        let third = right.home.with_extension(file);
        fs::write(&third, "a third passcode\n").unwrap();
        right.cli(&["passcode", "change", "--new-passcode-file", third.to_str().unwrap()]).good();
        assert!(reads(&right.in_hands(&third)).contains("bed 7 is free"), "{place}");
    }
}

/// An open vault is not changed behind its owner's back.
#[test]
fn a_vault_that_is_open_is_locked_first() {
    let (_ward, doctor, _nurse) = ward();
    doctor.cli(&["unlock"]).good();
    let busy = change(&doctor).failed(80);
    assert!(busy.stderr.contains("wardline lock"), "{busy:?}");
    doctor.cli(&["lock"]).good();
    change(&doctor).good();
}
