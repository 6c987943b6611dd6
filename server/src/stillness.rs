//! Standing still for whoever holds the root: while they read what is in force and sign the strike on top of it, nothing moves that
//! the strike names.
//!
//! A strike counts only on top of the list of revoked devices that is in force. Whoever has the lost issuer's key signs another one in
//! a loop, and no strike would ever find its moment. So lists and certificates wait, for a short while and no longer: whoever is struck
//! meanwhile is judged by the strike.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use wardline_proto::fault;

/// For how long at most: half as long as a client waits for an answer.
pub const STILL: Duration = Duration::from_secs(10);

/// Until when lists and certificates wait.
#[derive(Debug)]
pub struct Stillness(watch::Sender<Option<Instant>>);

impl Default for Stillness {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Stillness {
    /// From now on they wait; the root has asked for it.
    pub fn begin(&self) {
        self.0.send_replace(Some(Instant::now() + STILL));
    }

    /// The issuers' list has changed: they go on, and are judged by it.
    pub fn end(&self) {
        self.0.send_replace(None);
    }

    /// Waits until it is over, for [`STILL`] at most, however often it is asked for meanwhile. Whoever waited is looked at again: they
    /// may have been put out since.
    pub async fn over(&self) {
        let mut until = self.0.subscribe();
        let ends = *until.borrow_and_update();
        let Some(ends) = ends.filter(|ends| Instant::now() < *ends) else { return };
        if fault::planted("mutant.never_still") {
            return;
        }
        let mut ends = ends;
        while timeout_at(ends, until.wait_for(Option::is_none)).await.is_err() {
            match *until.borrow() {
                Some(later) if later > ends && fault::planted("mutant.still_again") => ends = later,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wardline_proto::in_place::{arm, disarm};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_over_by_itself_or_when_it_is_ended() {
        let still = Stillness::default();
        let begun = Instant::now();
        still.over().await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "nobody has asked");
        still.begin();
        still.over().await;
        assert!((STILL..STILL * 2).contains(&begun.elapsed()), "by itself");
        still.begin();
        let ends = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            still.end();
        };
        let begun = Instant::now();
        tokio::join!(still.over(), ends);
        assert!(begun.elapsed() < STILL, "ended");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_does_so_for_ten_seconds_however_often_it_begins_again() {
        for (guard, expected) in [("", true), ("mutant.still_again", false)] {
            let still = Stillness::default();
            still.begin();
            arm(guard);
            let again = async {
                for _ in 0..5 {
                    tokio::time::sleep(STILL / 2).await;
                    still.begin();
                }
            };
            let waited = async {
                let begun = Instant::now();
                let _ = tokio::time::timeout(STILL * 3, still.over()).await;
                begun.elapsed()
            };
            let (waited, ()) = tokio::join!(waited, again);
            disarm(guard);
            assert_eq!(waited < STILL * 2, expected, "{guard}");
        }
    }
}
