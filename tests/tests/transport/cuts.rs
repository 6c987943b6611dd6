//! Calls and connections that end before their time, and a connection that moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use tonic::Code;
use wardline_client_core::relay::{Relay as _, RelayError, TransportChoice};
use wardline_proto::{Reason, relay::GetOrganisationRequest};
use wardline_server::transport::Limits;

use crate::{
    clinic::Clinic,
    foreign::{Foreign, LIST_PEOPLE},
    on_both_doors, stub,
};

const SOON: Duration = Duration::from_secs(1);

on_both_doors! {
    async fn a_cancelled_call_frees_its_handler(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let call = tokio::time::timeout(Duration::from_millis(300), connection.list_people(stub::sleep(60_000)));
        assert!(call.await.is_err());
        house.running(0, SOON).await;
        connection.get_organisation(GetOrganisationRequest {}).await.expect("the connection goes on");
    }
}

on_both_doors! {
    async fn a_stream_that_is_dropped_frees_its_handler(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let mut streams = Vec::new();
        for _ in 0..20 {
            let mut stream = connection.subscribe(stub::idle()).await.expect("a stream");
            stream.next().await.expect("an event").expect("an entry");
            streams.push(stream);
        }
        house.running(20, SOON).await;
        drop(streams);
        house.running(0, SOON).await;
        connection.get_organisation(GetOrganisationRequest {}).await.expect("the connection goes on");
    }
}

on_both_doors! {
    async fn a_client_that_leaves_frees_its_handlers(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let mut stream = connection.subscribe(stub::idle()).await.expect("a stream");
        stream.next().await.expect("an event").expect("an entry");
        house.running(1, SOON).await;
        drop(connection);
        house.running(0, SOON).await;
        assert_eq!(house.connections.count(), 0);
        let last = stream.next().await;
        assert!(matches!(last, Some(Err(RelayError::Unavailable { .. }))), "{last:?}");
    }
}

on_both_doors! {
    async fn a_revoked_devices_connections_end_at_once_and_nobody_elses(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone, tablet) = (clinic.open().await, clinic.device("doctor-a"), clinic.device("doctor-a"));
        let (lost, kept) = (house.connect(door, Some(&phone)).await, house.connect(door, Some(&tablet)).await);
        let mut lost_stream = lost.subscribe(stub::idle()).await.expect("a stream");
        let mut kept_stream = kept.subscribe(stub::idle()).await.expect("a stream");
        for stream in [&mut lost_stream, &mut kept_stream] {
            stream.next().await.expect("an event").expect("an entry");
        }
        house.running(2, SOON).await;

        let instant = Instant::now();
        assert_eq!(house.revoke(&phone), 1);
        let last = lost_stream.next().await;
        assert!(instant.elapsed() < SOON, "{:?}", instant.elapsed());
        assert!(matches!(last, Some(Err(_))), "{last:?}");
        house.running(1, SOON).await;

        let failed = lost.get_organisation(GetOrganisationRequest {}).await;
        match door {
            // QUIC says why; TCP is just gone, and the next connection says why.
            TransportChoice::Quic => {
                assert!(matches!(failed, Err(RelayError::Refused { reason: Reason::DeviceRevoked, .. })), "{failed:?}");
            }
            _ => assert!(matches!(failed, Err(RelayError::Unavailable { .. })), "{failed:?}"),
        }
        kept.get_organisation(GetOrganisationRequest {}).await.expect("the other device goes on");
    }
}

on_both_doors! {
    async fn a_call_that_a_device_has_half_sent_when_it_is_revoked_comes_to_nothing(door) {
        let clinic = Clinic::found("St. Example");
        for revoked in [false, true] {
            let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
            let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
            let (release, released) = tokio::sync::oneshot::channel::<()>();
            let rest = async move { drop(released.await) };
            let message = stub::sleep(0);
            let call = foreign.halves(LIST_PEOPLE, &message, rest);
            let between = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                if revoked {
                    assert_eq!(house.revoke(&phone), 1);
                }
                // Over TCP nobody waits any more: the connection is gone, and the call with it.
                let _ = release.send(());
            };
            let (answer, ()) = tokio::join!(call, between);
            let code = answer.map_or(Code::Unavailable, |answer| answer.code());
            assert_eq!(code == Code::Ok, !revoked, "{code:?}");
            house.running(0, SOON).await;
        }
    }
}

on_both_doors! {
    /// It dials all the while, four times side by side: whatever of it was under way at the instant gets nowhere.
    async fn a_revoked_device_that_dials_on_and_on_has_no_connection_within_a_second(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (Arc::new(clinic.open().await), Arc::new(clinic.device("doctor-a")));
        let served: Arc<AtomicUsize> = Arc::default();
        let dialling: Vec<_> = (0..4)
            .map(|_| {
                let (house, phone, served) = (Arc::clone(&house), Arc::clone(&phone), Arc::clone(&served));
                tokio::spawn(async move {
                    let mut held = Vec::new();
                    loop {
                        let answer = match house.try_connect(door, Some(&phone)).await {
                            Ok(connection) => {
                                let answer = connection.get_organisation(GetOrganisationRequest {}).await;
                                held.push(connection);
                                answer.map(drop)
                            }
                            Err(error) => Err(error),
                        };
                        match answer {
                            Ok(()) => {
                                served.fetch_add(1, Ordering::SeqCst);
                            }
                            Err(RelayError::Refused { reason: Reason::DeviceRevoked, .. }) => return,
                            // Cut between two steps: the next one tells.
                            Err(_) => {}
                        }
                    }
                })
            })
            .collect();
        // The control: before, it is served.
        while served.load(Ordering::SeqCst) < 4 || house.connections.count() < 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let instant = Instant::now();
        house.revoke(&phone);
        // No answer to any of them, on connections of before or after.
        tokio::time::timeout(Duration::from_secs(10), async {
            while house.connections.count() > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
        .expect("they end");
        assert!(instant.elapsed() < SOON, "{:?}", instant.elapsed());
        for one in dialling {
            one.await.expect("it hears that it is revoked");
        }
        assert_eq!(house.connections.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_that_moves_to_another_address_is_cut_there() {
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    let connection = house.connect(TransportChoice::Quic, Some(&phone)).await;
    let mut stream = connection.subscribe(stub::every(5, 100_000)).await.expect("a stream");
    stream.next().await.expect("an event").expect("an entry");
    connection.rebind().expect("a new socket");
    stream.next().await.expect("an event").expect("the control: it goes on");
    let instant = Instant::now();
    assert_eq!(house.revoke(&phone), 1);
    connection.rebind().expect("a new socket");
    while let Some(Ok(_)) = stream.next().await {
        assert!(instant.elapsed() < SOON, "{:?}", instant.elapsed());
    }
    house.running(0, SOON).await;
}

on_both_doors! {
    async fn a_device_that_comes_back_too_often_loses_its_oldest_connection(door) {
        let clinic = Clinic::found("St. Example");
        let limits = Limits { connections_per_device: 2, ..Limits::default() };
        let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
        let mut connections = Vec::new();
        for _ in 0..3 {
            let connection = house.connect(door, Some(&phone)).await;
            connection.get_organisation(GetOrganisationRequest {}).await.expect("an answer");
            connections.push(connection);
        }
        let oldest = connections[0].get_organisation(GetOrganisationRequest {}).await;
        assert!(matches!(oldest, Err(RelayError::Unavailable { .. })), "{oldest:?}");
        for newer in &connections[1..] {
            newer.get_organisation(GetOrganisationRequest {}).await.expect("an answer");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_when_the_devices_address_changes() {
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    let connection = house.connect(TransportChoice::Quic, Some(&phone)).await;
    let mut stream = connection.subscribe(stub::every(10, 200)).await.expect("a stream");
    let mut expected = 1;
    while let Some(event) = stream.next().await {
        assert_eq!(stub::number(&event.expect("an event")), expected);
        if expected % 50 == 0 {
            connection.rebind().expect("a new socket");
        }
        expected += 1;
    }
    assert_eq!(expected, 201);
    assert_eq!(house.connections.count(), 1, "it is the same connection");
}
