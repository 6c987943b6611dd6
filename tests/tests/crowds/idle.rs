//! Devices that are connected, have a stream open, and say nothing.

use std::time::Duration;

use wardline_client_core::relay::{Relay as _, RelayConnection, Subscription};
use wardline_proto::{VERSIONS, relay as pb};

use crate::{
    alone,
    house::{House, door, runtime},
    others::{OTHERS, Others, assert_served},
    size,
};

const SPAN: Duration = Duration::from_secs(2);

/// What one may take of the relay's memory.
const DEVICE_KIB: u64 = 200;

/// How many may connect beyond the idle ones and the others.
const SPARE: usize = 4;

struct Idle {
    _stream: Subscription,
    _relay: RelayConnection,
}

/// Opens the stream of a device.
pub(crate) async fn subscribe(relay: &RelayConnection) -> Option<Subscription> {
    let greeting = pb::ClientGreeting {
        versions: Some(VERSIONS),
        software: "crowd".to_owned(),
        ..pb::ClientGreeting::default()
    };
    let request = pb::SubscribeRequest { greeting: Some(greeting), cursors: Vec::new() };
    relay.subscribe(request).await.ok()
}

async fn connect(house: &House, devices: std::ops::Range<usize>) -> Vec<Idle> {
    let mut idle = Vec::new();
    for device in devices {
        let Ok(relay) = house.connect(device, door(device)).await else { continue };
        let Some(stream) = subscribe(&relay).await else { continue };
        idle.push(Idle { _stream: stream, _relay: relay });
    }
    idle
}

#[test]
fn idle_devices_cost_little_and_only_as_many_come_as_there_is_room_for() {
    let _alone = alone();
    let count = size(300, 2_000);
    let most = count + OTHERS + SPARE;
    let mut house = House::open(
        most + SPARE * 2,
        &format!("[limits]\nconnections_max = {most}\nidle_seconds_max = 600\n"),
    );
    let (others, runtime) = (Others::begin(&house), runtime());
    let before = others.measure(SPAN);
    let memory_before = house.memory_kib();
    let idle = runtime.block_on(connect(&house, OTHERS..OTHERS + count));
    assert_eq!(idle.len(), count, "there is room for all of them");
    let each = house.memory_kib().saturating_sub(memory_before) / count as u64;
    assert_served(&format!("{count} idle devices"), || (before, others.measure(SPAN)));
    println!("{count} idle devices: {each} KiB each");
    assert!(each <= DEVICE_KIB, "{each} KiB each");

    // No more than there is room for, and room again when somebody goes.
    let beyond = OTHERS + count..OTHERS + count + SPARE * 3;
    let more = runtime.block_on(connect(&house, beyond.clone()));
    assert!((1..=SPARE).contains(&more.len()), "{} of {} came in", more.len(), SPARE * 3);
    drop((others, idle, more));
    house.without(&["mutant.connections"]);
    let idle = runtime.block_on(connect(&house, 0..beyond.end));
    assert_eq!(idle.len(), beyond.end, "the control: without the limit all come in");
}
