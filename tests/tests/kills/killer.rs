//! kill -9, counted as in flight only with proof that a request was unanswered when the process ended.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::flock::Flock;

/// How long a frozen relay stands before it is killed: what it had answered reaches the senders, and all they ask
/// from then on stays unanswered.
const FROZEN: Duration = Duration::from_millis(60);
/// How long senders may take to have something under way.
const UNDER_WAY: Duration = Duration::from_secs(30);

/// The count.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    pub(crate) relay: usize,
    pub(crate) relay_in_flight: usize,
    pub(crate) clients: usize,
    pub(crate) clients_in_flight: usize,
}

impl Kills {
    pub(crate) fn all(&self) -> usize {
        self.relay + self.clients
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.relay_in_flight + self.clients_in_flight
    }

    /// Kills an owner, another each time, while it has requests. In flight: a sender's connection to it ended
    /// instead of answering.
    pub(crate) fn client(&mut self, flock: &mut Flock) {
        let place = self.clients % flock.owners.len();
        wait_until(|| flock.desks[place].unanswered() > 0);
        // Not always at the same point of a request.
        sleep(Duration::from_millis(u64::try_from(self.clients * 7 % 23).unwrap_or(0)));
        let cut_before = flock.desks[place].cut();
        flock.owners[place].process.kill();
        self.clients += 1;
        // A sender whose request was unanswered notices at once.
        let noticed = Instant::now() + Duration::from_millis(200);
        while Instant::now() < noticed && flock.desks[place].cut() == cut_before {
            sleep(Duration::from_millis(2));
        }
        self.clients_in_flight += usize::from(flock.desks[place].cut() > cut_before);
        flock.owners[place].restart();
    }

    /// Kills the relay while devices send. It is frozen at whatever instruction it is; a request that is
    /// unanswered after that, with nothing acknowledged meanwhile, was unanswered when it was killed.
    pub(crate) fn relay(&mut self, flock: &mut Flock) {
        // Somebody is connected: messages are being acknowledged.
        let before = flock.acknowledged();
        wait_until(|| flock.acknowledged() > before);
        sleep(Duration::from_millis(u64::try_from(self.relay * 11 % 37).unwrap_or(0)));
        flock.ward.relay.process().freeze();
        sleep(FROZEN);
        let acknowledged = flock.acknowledged();
        sleep(FROZEN / 2);
        let unanswered: usize = flock.desks.iter().map(|desk| desk.unanswered()).sum();
        let silent = flock.acknowledged() == acknowledged;
        flock.ward.relay.kill();
        self.relay += 1;
        self.relay_in_flight += usize::from(unanswered > 0 && silent);
        flock.ward.relay.start();
    }
}

#[track_caller]
fn wait_until(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + UNDER_WAY;
    while !holds() {
        assert!(Instant::now() < until, "nothing is under way");
        sleep(Duration::from_millis(1));
    }
}
