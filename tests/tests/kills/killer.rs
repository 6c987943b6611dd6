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
#[derive(Debug)]
pub(crate) struct Kills {
    pub(crate) relay: usize,
    pub(crate) relay_in_flight: usize,
    /// Owners of homes.
    pub(crate) clients: usize,
    pub(crate) clients_in_flight: usize,
    /// Processes that send one message.
    pub(crate) one_shots: usize,
    pub(crate) one_shots_in_flight: usize,
    chance: u64,
}

impl Kills {
    /// The moments follow from the seed, as far as processes let them.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            relay: 0,
            relay_in_flight: 0,
            clients: 0,
            clients_in_flight: 0,
            one_shots: 0,
            one_shots_in_flight: 0,
            chance: seed,
        }
    }

    pub(crate) fn all(&self) -> usize {
        self.relay + self.clients + self.one_shots
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.relay_in_flight + self.clients_in_flight + self.one_shots_in_flight
    }

    /// Not always at the same point of a request (SplitMix64).
    fn moment(&mut self, below_ms: u64) -> Duration {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Duration::from_millis((mixed ^ (mixed >> 31)) % below_ms)
    }

    /// Kills a process that sends one message. In flight: it had encrypted something and begun no step with the
    /// relay's answer.
    pub(crate) fn one_shot(&mut self, flock: &mut Flock) {
        let pause = self.moment(12);
        let in_flight = flock.kill_one_shot(pause, self.one_shots % 2 == 1);
        self.one_shots += 1;
        self.one_shots_in_flight += usize::from(in_flight);
    }

    /// Kills an owner, another each time, while it has requests. In flight: a sender's connection to it ended
    /// instead of answering.
    pub(crate) fn client(&mut self, flock: &mut Flock) {
        let place = self.clients % flock.owners.len();
        wait_until(|| flock.desks[place].unanswered() > 0);
        sleep(self.moment(23));
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
        sleep(self.moment(37));
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
