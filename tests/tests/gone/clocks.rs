//! P4: clocks that are wrong and relays that lie about the time lengthen no life, and shorten none beyond what the design allows.

use wardline_client_core::api::Reach;
use wardline_proto::in_place::{arm, disarm};

use crate::house::House;

const MINUTE: u64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// What a device shows nine minutes after something was said for ten, and after eleven, while its own clock is off: by so much when it came, and by
/// so much from then on.
async fn shown_by_a_clock_that_is_off(first: i64, then: i64) -> (Vec<String>, Vec<String>) {
    let house = House::set().await;
    house.nurse.clock.set_off(first);
    let nurse = house.opened(&house.nurse).await;
    house.says("for ten minutes", 600).await;
    let caught_up = async {
        while house.shown(&nurse, Reach::Offline).await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), caught_up).await.expect("it comes");
    house.nurse.clock.set_off(then);
    house.passes(9 * MINUTE).await;
    let before = house.shown(&nurse, Reach::Offline).await;
    house.passes(2 * MINUTE).await;
    let after = house.shown(&nurse, Reach::Offline).await;
    nurse.close().await.unwrap();
    (before, after)
}

/// Whose clock is off by more than certificates allow reaches no relay, and so gets nothing: it is set wrong after that.
#[tokio::test]
async fn a_devices_own_clock_neither_lengthens_a_life_nor_shortens_it() {
    for (first, then) in [(0, 0), (0, YEAR), (0, -YEAR), (40 * DAY, 0), (-HOUR / 2, -YEAR)] {
        let shown = shown_by_a_clock_that_is_off(first, then).await;
        assert_eq!(
            shown,
            (vec!["for ten minutes".to_owned()], Vec::new()),
            "off by {first} s, then {then} s"
        );
    }
}

/// What a device shows, eleven minutes after something was said for ten, that a relay tells it is earlier.
#[tokio::test]
async fn a_relay_that_holds_its_clock_back_lengthens_no_life() {
    let house = House::set().await;
    house.says("for ten minutes", 600).await;
    let nurse = house.opened(&house.nurse).await;
    assert_eq!(house.shown(&nurse, Reach::Offline).await, ["for ten minutes"]);
    house.clock.advance_seconds(11 * MINUTE);
    house.relay_clock.set_off(-660);
    assert_eq!(house.shown(&nurse, Reach::Offline).await, [""; 0], "while it is open");
    nurse.close().await.unwrap();
    assert_eq!(house.reads(&house.nurse).await, [""; 0], "and when it is opened again");
}

/// What is left on a device that was opened while the relay's clock was a month ahead, once that is right again.
async fn left_by_a_relay_that_was_ahead(guard: &'static str) -> Vec<String> {
    let house = House::set().await;
    house.says("for an hour", 3_600).await;
    house.says("for two days", 2 * 86_400).await;
    assert_eq!(house.reads(&house.nurse).await, ["for an hour", "for two days"], "the control");
    house.relay_clock.set_off(30 * 86_400);
    arm(guard);
    drop(house.reads(&house.nurse).await);
    disarm(guard);
    house.relay_clock.set_off(0);
    house.reads(&house.nurse).await
}

#[tokio::test]
async fn a_relay_that_is_ahead_shortens_lives_by_a_day_at_most() {
    assert_eq!(left_by_a_relay_that_was_ahead("").await, ["for two days"]);
    assert_eq!(
        left_by_a_relay_that_was_ahead("mutant.relay_moves_time").await,
        [""; 0],
        "the guard taken away"
    );
}

/// P5: what comes after a relay was ahead for a moment lives as long as it should.
#[tokio::test]
async fn what_comes_after_a_relay_was_ahead_lives_its_life() {
    let house = House::set().await;
    house.relay_clock.set_off(20 * 3_600);
    drop(house.reads(&house.nurse).await);
    house.relay_clock.set_off(0);
    house.says("for ten minutes", 600).await;
    let nurse = house.opened(&house.nurse).await;
    house.clock.advance_seconds(8 * MINUTE);
    assert_eq!(house.shown(&nurse, Reach::Offline).await, ["for ten minutes"]);
    house.clock.advance_seconds(3 * MINUTE);
    assert_eq!(house.shown(&nurse, Reach::Offline).await, [""; 0]);
    nurse.close().await.unwrap();
}
