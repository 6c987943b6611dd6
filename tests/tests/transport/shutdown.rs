//! A relay that is told to stop.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use wardline_client_core::relay::{Relay as _, RelayError, TransportChoice};
use wardline_proto::relay::GetOrganisationRequest;
use wardline_server::transport::Limits;

use crate::{clinic::Clinic, on_both_doors, stub};

const SOON: Duration = Duration::from_secs(1);

on_both_doors! {
    async fn running_calls_are_answered_and_idle_streams_are_told(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let mut stream = connection.subscribe(stub::idle()).await.expect("a stream");
        stream.next().await.expect("an event").expect("an entry");
        let call = connection.list_people(stub::sleep(1500));
        let stop = async {
            house.running(2, SOON).await;
            house.shutdown.cancel();
        };
        let (answer, ()) = tokio::join!(call, stop);
        answer.expect("the running call is answered");

        let last = stream.next().await;
        let Some(Err(RelayError::Unavailable { retry_after, .. })) = &last else { panic!("{last:?}") };
        assert!(retry_after.is_some(), "it says when to come back: {last:?}");
        assert!(stream.next().await.is_none());

        let start = Instant::now();
        house.listening.closed().await;
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let failed = connection.get_organisation(GetOrganisationRequest {}).await;
        assert!(matches!(failed, Err(RelayError::Unavailable { .. })), "{failed:?}");
    }
}

on_both_doors! {
    async fn what_does_not_end_in_time_is_cut(door) {
        let clinic = Clinic::found("St. Example");
        let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
        let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
        let connection = house.connect(door, Some(&phone)).await;
        let call = connection.list_people(stub::sleep(60_000));
        let stop = async {
            house.running(1, SOON).await;
            house.shutdown.cancel();
        };
        let (answer, ()) = tokio::join!(call, stop);
        assert!(matches!(answer, Err(RelayError::Unavailable { .. })), "{answer:?}");
        house.running(0, SOON).await;
        tokio::time::timeout(Duration::from_secs(5), house.listening.closed()).await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_doors_are_free_again_after_closing() {
    let clinic = Clinic::found("St. Example");
    let house = clinic.open().await;
    let address = house.address;
    let _stranger = house.connect(TransportChoice::Quic, None).await;
    house.shutdown.cancel();
    house.listening.closed().await;
    tokio::net::TcpListener::bind(address).await.expect("the TCP port");
    // The client's own end of a closed connection does not hold the relay's port.
    let start = Instant::now();
    while let Err(error) = tokio::net::UdpSocket::bind(address).await {
        assert!(start.elapsed() < SOON, "the UDP port: {error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
