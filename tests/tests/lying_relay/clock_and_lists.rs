//! Lies that the relay signs: about the time, about the number of a list. Both statements are kept.

use crate::scene::{CAUGHT, Scene, WARD, assert_caught, assert_silent};

/// A lie in the greeting: it concerns every conversation, and what is signed is kept.
fn signed(lie: &str, kind: &str, mutant: &str) -> serde_json::Value {
    let mut scene = Scene::honest();
    scene.says();
    scene.ward.relay.rearm(&[lie]);
    let fault = assert_caught(&scene.nurse, WARD, kind);
    assert!(fault["evidence"]["greeting"].is_string(), "{fault}");
    scene.nurse.cli(&["status"]).failed(CAUGHT);
    assert_silent(&scene.locum.armed(&[mutant]), WARD);
    scene.assert_talk_goes_on();
    fault
}

#[test]
fn a_clock_an_hour_off_is_named() {
    signed("relay.wrong_time", "wrong_time", "mutant.wrong_time");
}

#[test]
fn a_clock_that_goes_back_is_named_with_both_signatures() {
    let fault = signed("relay.time_back", "time_back", "mutant.time_back");
    let evidence = &fault["evidence"];
    assert!(evidence["greeting_before"].is_string() && evidence["greeting_before"] != evidence["greeting"]);
}

#[test]
fn a_list_number_below_the_one_before_is_named() {
    let fault = signed("relay.lower_list", "lower_list", "mutant.lower_list");
    assert_eq!(fault["number"], 1, "the list that it does not have any more");
}

#[test]
fn a_list_number_without_a_list_is_named() {
    let fault = signed("relay.higher_list", "higher_list", "mutant.higher_list");
    assert_eq!(fault["number"], 2, "the list that there is not");
}

#[test]
fn another_list_of_issuers_under_the_number_of_ones_own_is_named() {
    let fault = signed("relay.other_issuers", "false_issuers", "mutant.false_issuers");
    assert_eq!(fault["number"], 1, "the list that the device has under that number");
}

#[test]
fn what_was_seen_is_kept_and_named_no_more_until_it_is_done_again() {
    let mut scene = Scene::honest();
    scene.says();
    scene.ward.relay.rearm(&["relay.wrong_time"]);
    assert_caught(&scene.nurse, WARD, "wrong_time");
    scene.repents();
    scene.nurse.cli(&["status"]).failed(CAUGHT);
    let seen = scene.nurse.cli(&["status", "--seen", "--json"]).good().object();
    assert_eq!(seen["relay_faults"], 0);
    scene.nurse.cli(&["sync"]).good();
    scene.nurse.cli(&["read", WARD]).good();
    let show = scene.nurse.cli(&["conversation", "show", WARD, "--json"]).good().object();
    let kept = &show["relay_faults"][0];
    assert!(kept["relay_fault"] == "wrong_time" && kept["seen"].is_string(), "{show}");
    let words = scene.nurse.cli(&["conversation", "show", WARD]).good().stdout;
    assert!(words.contains("(seen)"), "{words}");
    scene.ward.relay.rearm(&["relay.wrong_time"]);
    scene.nurse.cli(&["sync"]).failed(CAUGHT);
    scene.nurse.cli(&["status", "--offline"]).failed(CAUGHT);
}
