//! One device that does as much as it can: calls and messages as fast as they go, connections without end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use wardline_client_core::relay::{ConnectOptions, Relay as _, RelayConnection, RelayError};
use wardline_proto::{Reason, relay as pb};

use crate::{
    alone,
    attack::Attackers,
    house::{House, door},
    idle::subscribe,
    others::{OTHERS, Others, assert_served, conversation, message},
};

const SPAN: Duration = Duration::from_secs(2);

/// How long an attack may take to become one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Its connections (`connections_per_device_max`, the default) and the calls that it keeps going on each.
const CONNECTIONS: usize = 8;
const CALLS: usize = 120;

/// How much more the relay may have in memory for it.
const FLOOD_KIB: u64 = 96 * 1024;

/// What the flood got.
#[derive(Default)]
struct Got {
    over: AtomicBool,
    taken: AtomicUsize,
    told_to_wait: AtomicUsize,
    /// Refused by a limit that did not say when to come again.
    told_nothing: AtomicUsize,
    /// Other ends, of calls and connections.
    failed: AtomicUsize,
}

impl Got {
    fn count(&self, outcome: Result<(), RelayError>) {
        let counter = match outcome {
            Ok(()) => &self.taken,
            Err(RelayError::Refused { retry_after: Some(_), .. }) => &self.told_to_wait,
            Err(RelayError::Refused { reason: Reason::LimitReached, .. }) => &self.told_nothing,
            Err(_) => &self.failed,
        };
        counter.fetch_add(1, Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// Waits for the attack to be one, however little of the machine it gets.
    fn wait_for(&self, enough: impl Fn([usize; 4]) -> bool) {
        let begun = Instant::now();
        while !enough(self.report()) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn report(&self) -> [usize; 4] {
        [&self.taken, &self.told_to_wait, &self.told_nothing, &self.failed].map(|count| count.load(Relaxed))
    }
}

/// Every second call sends, every second one asks; none heeds what it is told. What became of the asking ones is
/// counted: writes have a limit of their own besides.
async fn calls(options: Vec<ConnectOptions>, got: Arc<Got>) {
    let relays = join_all(options.iter().map(RelayConnection::connect)).await;
    let relays: Vec<_> = relays.into_iter().map(|relay| relay.expect("a connection")).collect();
    let streams = join_all(relays.iter().map(subscribe)).await;
    let conversation = conversation(&relays[0]).await;
    let all = relays.iter().flat_map(|relay| (0..CALLS).map(move |number| (relay, number)));
    join_all(all.map(|(relay, number)| {
        let got = got.clone();
        async move {
            while !got.is_over() {
                if number.is_multiple_of(2) {
                    // Whatever comes of it.
                    let _ = relay.send(message(&conversation, 256)).await;
                } else {
                    let asked = relay.get_organisation(pb::GetOrganisationRequest {}).await;
                    got.count(asked.map(drop));
                }
            }
        }
    }))
    .await;
    drop(streams);
}

/// Opens connections and keeps them all.
async fn connections(options: Vec<ConnectOptions>, got: Arc<Got>) -> usize {
    let opening = options.into_iter().map(|options| {
        let got = got.clone();
        async move {
            let mut held = Vec::new();
            while !got.is_over() {
                if let Ok(relay) = RelayConnection::connect(&options).await {
                    let outcome = relay.get_organisation(pb::GetOrganisationRequest {}).await;
                    got.count(outcome.map(drop));
                    held.push(relay);
                }
            }
            held
        }
    });
    let held: Vec<_> = join_all(opening).await.into_iter().flatten().collect();
    // Whoever was cut is known by now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let alive =
        join_all(held.iter().map(|relay| relay.get_organisation(pb::GetOrganisationRequest {}))).await;
    alive.into_iter().filter(|answer| matches!(answer, Ok(_) | Err(RelayError::Refused { .. }))).count()
}

fn options(house: &House) -> Vec<ConnectOptions> {
    (0..CONNECTIONS).map(|number| house.options(OTHERS, door(number))).collect()
}

#[test]
fn a_device_that_calls_without_end_is_slowed_and_the_others_are_served() {
    let _alone = alone();
    let mut house = House::open(OTHERS + 1, "");
    let others = Others::begin(&house);
    let memory_before = house.memory_kib();
    let flood = |house: &House, others: &Others, enough: &dyn Fn([usize; 4]) -> bool| {
        let (attackers, got) = (Attackers::new(), Arc::new(Got::default()));
        let attack = attackers.start(calls(options(house), got.clone()));
        std::thread::sleep(Duration::from_millis(500));
        others.start(SPAN);
        let under = others.p99_if_served();
        got.wait_for(enough);
        let grown = house.memory_kib().saturating_sub(memory_before);
        got.over.store(true, Relaxed);
        attackers.end(attack);
        println!("flood: taken, told to wait, told nothing, failed: {:?}; {grown} KiB more", got.report());
        (got.report(), under, grown)
    };
    let mut most = 0;
    assert_served("a flood of calls", || {
        let before = others.measure(SPAN);
        let told = |[taken, told_to_wait, ..]: [usize; 4]| taken > 0 && told_to_wait > 0;
        let ([taken, told_to_wait, told_nothing, _], under, grown) = flood(&house, &others, &told);
        assert!(
            taken > 0 && told_to_wait > 0 && told_nothing == 0,
            "it is told to wait, and when to come again"
        );
        assert!(grown <= FLOOD_KIB, "{grown} KiB more");
        most = most.max(taken + told_to_wait);
        (before, under.expect("every message was taken"))
    });
    drop(others);

    // As many calls are all worked on, and nobody is told to wait. What that does to the others is printed only: how late they
    // are is for a good part what the disk is doing at that moment, with the guard and without.
    house.without(&["mutant.calls_per_device", "mutant.turns"]);
    let others = Others::begin(&house);
    let as_many = |[taken, told_to_wait, ..]: [usize; 4]| taken + told_to_wait >= most;
    let ([taken, told_to_wait, ..], worse, _) = flood(&house, &others, &as_many);
    println!("the control: p99 of the others {worse:?}");
    assert!(taken >= most, "the control: {taken} of {most} calls");
    assert_eq!(told_to_wait, 0, "the control: nobody is told to wait");
}

#[test]
fn a_device_that_connects_without_end_keeps_eight_connections() {
    let _alone = alone();
    let mut house = House::open(OTHERS + 1, "");
    let others = Others::begin(&house);
    let storm = |house: &House, others: &Others| {
        let (attackers, got) = (Attackers::new(), Arc::new(Got::default()));
        let attack = attackers.start(connections(options(house), got.clone()));
        let under = others.measure(SPAN);
        got.wait_for(|[opened, ..]| opened > CONNECTIONS * 4);
        got.over.store(true, Relaxed);
        let alive = attackers.end(attack);
        println!("a storm of connections: {:?}, {alive} alive", got.report());
        (got.report()[0], alive, under)
    };
    assert_served("a storm of connections", || {
        let before = others.measure(SPAN);
        let (opened, alive, under) = storm(&house, &others);
        assert!(opened > CONNECTIONS * 4, "the attack is one: {opened}");
        assert!(alive <= CONNECTIONS, "{alive} of {opened}");
        (before, under)
    });
    drop(others);
    house.without(&["mutant.connections_per_device"]);
    let others = Others::begin(&house);
    let (_, alive, _) = storm(&house, &others);
    assert!(alive > CONNECTIONS, "the control: {alive}");
}
