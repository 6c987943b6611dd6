//! Notes once a minute who was connected, and with which software, for those who look after devices; off every handshake's and every call's way.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wardline_proto::{DeviceId, UtcMillis};

use crate::state::Relay;
use crate::store::StoreError;

/// Notes until `stopping`, and then once more.
pub(super) async fn see_until(relay: Arc<Relay>, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(MINUTE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first comes at once, when nobody can have come yet.
    ticks.tick().await;
    loop {
        let stops = tokio::select! {
            () = stopping.cancelled() => true,
            _ = ticks.tick() => false,
        };
        if let Err(error) = note(&relay).await {
            tracing::warn!(error = &error as &dyn Error, "who was connected was not noted");
        }
        if stops {
            return;
        }
    }
}

/// One pass.
async fn note(relay: &Relay) -> Result<(), StoreError> {
    let said: Vec<(DeviceId, String)> = relay.connections.take_said().into_iter().collect();
    for some in said.chunks(BATCH) {
        let some = some.to_vec();
        let noted = relay
            .store
            .write("note_software", move |tx| Box::pin(async move { tx.note_software(&some).await }));
        noted.await.map_err(|error: StoreError| error)?;
    }
    let seen: Vec<DeviceId> = relay.connections.take_seen().into_iter().collect();
    for some in seen.chunks(BATCH) {
        let (some, clock) = (some.to_vec(), Arc::clone(&relay.clock));
        let noted = relay.store.write("note_seen", move |tx| {
            let minute = to_the_minute(clock.now());
            Box::pin(async move { tx.note_seen(&some, minute).await })
        });
        noted.await.map_err(|error: StoreError| error)?;
    }
    Ok(())
}

fn to_the_minute(now: UtcMillis) -> UtcMillis {
    UtcMillis::new(now.get() - now.get() % 60_000)
}

const MINUTE: Duration = Duration::from_secs(60);

/// Rows a write: some milliseconds.
const BATCH: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::revocation::RevocationView as _;
    use crate::founded::Founded;
    use crate::transport::enter_for_tests;

    async fn last_seen(relay: &Relay, device: DeviceId) -> Option<UtcMillis> {
        let read = relay.store.read("presence", move |tx| Box::pin(async move { tx.presence(device).await }));
        let presence: Result<_, StoreError> = read.await;
        presence.unwrap().last_seen_at
    }

    #[tokio::test]
    async fn who_was_there_is_noted_to_the_minute_and_not_before_a_pass() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let phone = founded.founder.device;
        let connected = enter_for_tests(&relay.connections, phone);
        assert_eq!(last_seen(&relay, phone).await, None, "no handshake waits for the disk");
        note(&relay).await.unwrap();
        let first = to_the_minute(founded.clock_now());
        assert_eq!(last_seen(&relay, phone).await, Some(first));
        founded.clock.advance_seconds(600);
        note(&relay).await.unwrap();
        assert_eq!(last_seen(&relay, phone).await, Some(first.plus_seconds(600)), "it is still there");
        drop(connected);
        founded.clock.advance_seconds(600);
        note(&relay).await.unwrap();
        assert_eq!(last_seen(&relay, phone).await, Some(first.plus_seconds(600)), "it has gone");
    }

    #[tokio::test]
    async fn what_a_client_says_it_is_is_noted_and_stays_when_it_has_gone() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let phone = founded.founder.device;
        let software = async || {
            let read =
                relay.store.read("presence", move |tx| Box::pin(async move { tx.presence(phone).await }));
            let presence: Result<_, StoreError> = read.await;
            presence.unwrap().software
        };
        relay.connections.says(phone, "wardline/0.1.0");
        assert_eq!(relay.connections.said_by(&phone).as_deref(), Some("wardline/0.1.0"));
        assert_eq!(software().await, None, "no stream waits for the disk");
        for newer in ["wardline/0.1.0", "wardline/0.2.0"] {
            relay.connections.says(phone, newer);
            note(&relay).await.unwrap();
            note(&relay).await.unwrap();
            assert_eq!(software().await.as_deref(), Some(newer));
        }
        assert_eq!(relay.connections.said_by(&phone), None);
    }

    #[tokio::test]
    async fn a_relay_that_stops_notes_who_was_there() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let _connected = enter_for_tests(&relay.connections, founded.founder.device);
        let stopping = CancellationToken::new();
        stopping.cancel();
        see_until(Arc::clone(&relay), stopping).await;
        assert_eq!(last_seen(&relay, founded.founder.device).await, Some(to_the_minute(founded.clock_now())));
    }
}
