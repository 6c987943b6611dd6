//! Keeping a vault open for the other processes on a home, and closing it in time: by hand, after nobody has asked for anything, when
//! the relay was not reached, or when this device is put out.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Interval, MissedTickBehavior},
};
use wardline_identity::{Clock as _, SystemClock};
use wardline_proto::fault::planted;

use super::{
    attention::Attention,
    listen::{Served, Socket, serve_all},
};
use crate::api::{Client, Event, Failure};

/// How often to look whether it is time.
const LOOK: Duration = Duration::from_millis(500);

/// A longer pause between two looks is sleep, or a process that was stopped.
const ASLEEP: Duration = Duration::from_secs(20);

/// How long a vault stays open by itself, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFor {
    /// Without a command of a person.
    pub auto_lock_seconds: u32,
    /// Without the relay.
    pub max_open_seconds: u32,
}

impl OpenFor {
    /// The shorter of each.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self {
            auto_lock_seconds: self.auto_lock_seconds.min(other.auto_lock_seconds),
            max_open_seconds: self.max_open_seconds.min(other.max_open_seconds),
        }
    }
}

/// Why a vault was closed.
#[derive(Debug, Clone)]
pub enum Closed {
    /// Somebody asked for it.
    ByHand,
    /// Nobody asked for anything.
    Unattended,
    /// The relay was not reached.
    Unreached,
    /// This device is revoked or on hold.
    PutOut(Failure),
}

/// Keeps the vault open and connected, and carries out other processes' commands, until it is closed. `asked` is how long the person
/// wants it open; the policy may want it closed sooner. `ended` closes it as by hand: a signal that ends the process.
///
/// # Errors
/// [`Failure`] of kind `Disk` if the vault cannot be closed whole.
pub async fn keep_open(
    socket: Socket,
    client: Arc<Client>,
    asked: OpenFor,
    ended: impl Future<Output = ()>,
) -> Result<Closed, Failure> {
    let attention = Arc::new(Attention::new(SystemClock.since_boot()));
    client.connect().await;
    let over = async {
        tokio::select! {
            closed = watch(&client, &attention, asked) => closed,
            () = ended => Closed::ByHand,
        }
    };
    let served = serve_all(socket, &client, &attention, over).await;
    let outcome = client.close().await;
    let closed = match served {
        Served::Locked(locker) => {
            locker.tell(&outcome).await;
            Closed::ByHand
        }
        Served::Over(closed) => closed,
    };
    outcome.map(|()| closed)
}

/// Waits until it is time to close.
async fn watch(client: &Client, attention: &Attention, asked: OpenFor) -> Closed {
    let mut looked = SystemClock.since_boot();
    let (mut reached, mut awake) = (looked, true);
    let (mut looks, mut events) = (looks(), client.events());
    loop {
        let told = next_look(&mut looks, &mut events).await;
        let out = match told {
            Some(failure) => Some(failure),
            None => client.is_out().await,
        };
        if let Some(failure) = out
            && !planted("mutant.out_stays_open")
        {
            return Closed::PutOut(failure);
        }
        let now = SystemClock.since_boot();
        // The machine slept, and with it whatever would have noticed that the relay is gone: it is asked.
        let slept = now.saturating_sub(looked);
        awake = awake && slept < ASLEEP;
        looked = now;
        if !awake {
            awake = client.is_answered().await;
        }
        if awake && client.is_connected() {
            reached = now;
        }
        let permitted = client.open_for(asked).await;
        // Nobody used it while it slept, whatever was being carried out.
        let unattended = attention.unattended(now).max(slept);
        if let Some(closed) = due(permitted, unattended, now.saturating_sub(reached)) {
            return closed;
        }
    }
}

fn looks() -> Interval {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// Waits until it is time to look, whatever happens meanwhile; or for the word that this device is out.
async fn next_look(looks: &mut Interval, events: &mut Receiver<Event>) -> Option<Failure> {
    loop {
        tokio::select! {
            biased;
            _ = looks.tick() => return None,
            event = events.recv() => match event {
                Ok(Event::PutOut { failure }) => return Some(failure),
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    if planted("mutant.busy_never_looks") {
                        looks.reset();
                    }
                }
                // Nobody says anything any more.
                Err(RecvError::Closed) => {
                    looks.tick().await;
                    return None;
                }
            },
        }
    }
}

/// Whether it is time.
fn due(permitted: OpenFor, unattended: Duration, unreached: Duration) -> Option<Closed> {
    let passed = |seconds: u32, passed: Duration| passed >= Duration::from_secs(seconds.into());
    if passed(permitted.auto_lock_seconds, unattended) && !planted("mutant.never_locks") {
        return Some(Closed::Unattended);
    }
    (passed(permitted.max_open_seconds, unreached) && !planted("mutant.unreached_stays_open"))
        .then_some(Closed::Unreached)
}

#[cfg(test)]
mod tests {
    use wardline_proto::in_place::{arm, disarm};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn it_closes_when_the_first_limit_has_passed() {
        let permitted = OpenFor { auto_lock_seconds: 900, max_open_seconds: 28_800 };
        let second = Duration::from_secs(1);
        let quarter = Duration::from_secs(900);
        assert!(due(permitted, quarter - second, 8 * HOUR - second).is_none());
        assert!(matches!(due(permitted, quarter, Duration::ZERO), Some(Closed::Unattended)));
        assert!(matches!(due(permitted, Duration::ZERO, 8 * HOUR), Some(Closed::Unreached)));
    }

    fn readable() -> Event {
        Event::Readable { conversation: String::new(), number: 1 }
    }

    /// How often it is looked in ten seconds in which something happens every 100 ms.
    async fn looked_while_busy() -> usize {
        let (told, mut events) = tokio::sync::broadcast::channel(8);
        let busy = tokio::spawn(async move {
            while told.send(readable()).is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let (mut looks, mut looked) = (looks(), 0);
        let counting = async {
            loop {
                assert!(next_look(&mut looks, &mut events).await.is_none());
                looked += 1;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), counting).await.is_err());
        busy.abort();
        looked
    }

    /// P4: messages that stream in do not keep a vault open.
    #[tokio::test(start_paused = true)]
    async fn it_is_looked_whatever_happens_meanwhile() {
        let looked = looked_while_busy().await;
        assert!((19..=21).contains(&looked), "{looked}");
        arm("mutant.busy_never_looks");
        assert!(looked_while_busy().await <= 1, "the guard taken away");
        disarm("mutant.busy_never_looks");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_that_it_is_out_does_not_wait_and_silence_is_no_storm() {
        let (told, mut events) = tokio::sync::broadcast::channel(8);
        let mut looks = looks();
        assert!(next_look(&mut looks, &mut events).await.is_none(), "the first, at once");
        let failure = Failure::defect("It is out.");
        told.send(Event::PutOut { failure: failure.clone() }).unwrap();
        assert_eq!(next_look(&mut looks, &mut events).await, Some(failure));
        drop(told);
        let began = tokio::time::Instant::now();
        for _ in 0..4 {
            assert!(next_look(&mut looks, &mut events).await.is_none());
        }
        assert!(began.elapsed() >= 3 * LOOK, "it waits between two");
    }

    #[test]
    fn what_a_person_wants_counts_only_where_it_is_sooner() {
        let policy = OpenFor { auto_lock_seconds: 900, max_open_seconds: 28_800 };
        let asked = OpenFor { auto_lock_seconds: 60, max_open_seconds: 259_200 };
        assert_eq!(asked.within(policy), OpenFor { auto_lock_seconds: 60, max_open_seconds: 28_800 });
    }

    #[test]
    fn a_command_under_way_is_attention_and_so_is_its_end() {
        fn late() -> Duration {
            2 * HOUR
        }
        let attention = Attention::new(Duration::ZERO);
        assert_eq!(attention.unattended(HOUR), HOUR);
        let asking = attention.asks(|| HOUR);
        assert_eq!(attention.unattended(9 * HOUR), Duration::ZERO);
        drop(asking);
        let asking = attention.asks(late);
        drop(asking);
        assert_eq!(attention.unattended(3 * HOUR), HOUR);
    }
}
