//! Claims about a queued message when it is encrypted: once an epoch, and for the log that it waits for by then.

use wardline_proto::in_place;

use super::{
    going_on::{Broken, adds, made},
    *,
};
use crate::conversation::seal::{Sealed, seal};

/// A message is about to be encrypted for a log when its device joins what goes on from it. Whether it still waits to be
/// sent there.
async fn overtaken(guard: &'static str) -> bool {
    let Broken { mut a, mut b, log, broken, .. } = Broken::log().await;
    a.say(&log.conversation, "waits").await;
    let waiting = a.outbox().await.remove(0);
    let mut next = made(&mut b, &log, broken).await;
    let welcome = adds(&mut next, &mut b, &[&a]).await;
    named(&mut a, &log, &next.conversation).await;
    assert!(next.welcome(&mut a, &welcome).await);
    in_place::arm(guard);
    let sealed = seal(&mut a.core, &waiting).await.unwrap();
    in_place::disarm(guard);
    assert_eq!(a.outbox().await[0].conversation, next.conversation);
    matches!(sealed, Sealed::Elsewhere)
}

#[tokio::test]
async fn a_message_that_a_successor_overtakes_is_not_refused() {
    assert!(overtaken("").await);
    assert!(!overtaken("mutant.seal_stale").await, "the guard taken away: it comes back as refused");
}

/// A message is encrypted, its answer is lost, and it is sent once more. Whether the same bytes go out.
async fn twice(guard: &'static str) -> bool {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    a.say(&log.conversation, "once").await;
    in_place::arm(guard);
    let mut sealed = Vec::new();
    for _ in 0..2 {
        let waiting = a.outbox().await.remove(0);
        let Sealed::Ready { ciphertext } = seal(&mut a.core, &waiting).await.unwrap() else {
            panic!("it is in")
        };
        sealed.push(ciphertext);
    }
    in_place::disarm(guard);
    sealed[0] == sealed[1]
}

#[tokio::test]
async fn a_message_is_encrypted_once_an_epoch() {
    assert!(twice("").await);
    assert!(
        !twice("mutant.seal_anew").await,
        "the guard taken away: a second key of the ratchet is spent on it"
    );
}
