//! Devices that ask for all they have missed, and do not read it.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use wardline_client_core::relay::{Relay as _, RelayConnection, Subscription};
use wardline_proto::relay::subscribe_response::Event;

use crate::{
    alone,
    house::{House, door, runtime},
    idle::subscribe,
    others::{OTHERS, Others, assert_served, conversation, message},
    size,
};

const SPAN: Duration = Duration::from_secs(2);

/// How long the relay waits for a reader (`stall_seconds_max`).
const STALL: Duration = Duration::from_secs(3);

/// What each has missed: 4 MiB.
const MESSAGES: usize = 64;
const MESSAGE_BYTES: usize = 64 * 1024;

/// What the relay may hold of it: what a client has said that it has room for, and the relay's own buffer.
const READER_KIB: u64 = 2 * 1024;

/// Leaves messages for itself.
async fn miss_much(house: &House, device: usize) -> RelayConnection {
    let relay = house.connect(device, door(device)).await.expect("a connection");
    let conversation = conversation(&relay).await;
    for _ in 0..MESSAGES {
        relay.send(message(&conversation, MESSAGE_BYTES)).await.expect("taken");
    }
    relay
}

/// Subscribes, and never polls the stream.
async fn ask(relays: &[RelayConnection]) -> Vec<Subscription> {
    let mut unread = Vec::new();
    for relay in relays {
        unread.push(subscribe(relay).await.expect("a stream"));
    }
    unread
}

#[test]
fn readers_who_do_not_read_hold_little_and_are_cut() {
    let _alone = alone();
    let count = size(16, 64);
    let configuration = format!("[limits]\nstall_seconds_max = {}\n", STALL.as_secs());
    let mut house = House::open(OTHERS + count, &configuration);
    let (others, runtime) = (Others::begin(&house), runtime());
    let devices = OTHERS..OTHERS + count;
    let relays = runtime.block_on(async {
        // A few at a time: they share one thread, and the relay waits for no client for long.
        let missing = stream::iter(devices.clone().map(|device| miss_much(&house, device)));
        missing.buffered(4).collect::<Vec<_>>().await
    });
    let (memory_before, sockets_before) = (house.memory_kib(), house.sockets());
    let mut unread = Vec::new();
    assert_served(&format!("{count} slow readers"), || {
        unread.clear();
        let before = others.measure(SPAN);
        others.start(SPAN);
        unread = runtime.block_on(ask(&relays));
        (before, others.p99())
    });
    let each = house.memory_kib().saturating_sub(memory_before) / count as u64;
    println!("{count} slow readers: {each} KiB each of {} MiB missed", (MESSAGES * MESSAGE_BYTES) >> 20);
    assert!(each <= READER_KIB, "{each} KiB each");
    let on_tcp = count.div_ceil(2);
    assert!(cut(&house, sockets_before - on_tcp, STALL * 3), "they are cut: {} sockets", house.sockets());
    drop((others, unread, relays));

    // With endless patience they would be held for ever; and there was much to hold.
    house.without(&["mutant.stall"]);
    let relays = runtime.block_on(reconnect(&house, devices));
    let sockets_before = house.sockets();
    let mut unread = runtime.block_on(ask(&relays));
    assert!(!cut(&house, sockets_before - on_tcp, STALL * 2), "the control: nobody is cut");
    let read = runtime.block_on(read(&mut unread[0]));
    assert_eq!(read, MESSAGES, "the control: who reads gets all of it, however late");
}

/// Reads on until everything has come; how many entries.
async fn read(stream: &mut Subscription) -> usize {
    let mut entries = 0;
    while let Some(event) = stream.next().await {
        match event.expect("an event").event {
            Some(Event::Entry(_)) => entries += 1,
            Some(Event::CaughtUp(_)) => break,
            _ => {}
        }
    }
    entries
}

/// Waits until the relay has no more sockets open than that; whether it came to it.
fn cut(house: &House, sockets: usize, within: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < within {
        if house.sockets() <= sockets {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    false
}

async fn reconnect(house: &House, devices: std::ops::Range<usize>) -> Vec<RelayConnection> {
    let mut relays = Vec::new();
    for device in devices {
        relays.push(house.connect(device, door(device)).await.expect("a connection"));
    }
    relays
}
