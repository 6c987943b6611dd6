//! Named places where a test makes the product fail: a crash between two steps, a guard taken away, a lie of the
//! relay.
//!
//! Only the `fault-points` feature knows them, which no default build has; without it every place is the constant
//! `false` and its name is in no binary (`.ci/no-fault-points` looks into the release binary). Which places are
//! armed is read from the environment by [`arm`], in the syntax of the `fail` crate:
//! `FAILPOINTS="send.sealed=3*off->1*return"` is true the fourth time.

/// Whether the place is armed now.
#[cfg(feature = "fault-points")]
#[must_use]
pub fn planted(place: &'static str) -> bool {
    fail::fail_point!(place, |_| true);
    crate::in_place::is_armed(place)
}

/// Whether the place is armed: never.
#[cfg(not(feature = "fault-points"))]
#[must_use]
#[inline(always)]
pub const fn planted(_place: &'static str) -> bool {
    false
}

/// Ends the process on the spot, as `kill -9` does, if the place is armed; its last words name the place.
#[inline(always)]
pub fn crash(place: &'static str) {
    if planted(place) {
        eprintln!("crashed at {place}");
        std::process::abort();
    }
}

/// Arms a place in all of this process, until it ends.
pub fn plant(place: &'static str) {
    // Fails only for words that are no action.
    #[cfg(feature = "fault-points")]
    let _ = fail::cfg(place, "return");
    #[cfg(not(feature = "fault-points"))]
    let _ = place;
}

/// Arms the places that the environment names, until the process ends.
pub fn arm() {
    #[cfg(feature = "fault-points")]
    std::mem::forget(fail::FailScenario::setup());
}
