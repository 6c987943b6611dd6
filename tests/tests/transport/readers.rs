//! Clients that do not take what they asked for.

use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::time::{Instant, sleep};
use wardline_client_core::relay::TransportChoice;
use wardline_server::transport::Limits;

use crate::{
    clinic::{Clinic, House},
    foreign::{Foreign, LIST_PEOPLE, Manner, SUBSCRIBE, USUAL},
    on_both_doors, stub,
};

const STALL: Duration = Duration::from_millis(500);

/// A machine under load takes its time.
const SOON: Duration = Duration::from_secs(5);

/// Takes hardly more than a response's head before it reads.
const NARROW: Manner = Manner { window: 1024, ..USUAL };

async fn house(clinic: &Clinic) -> House {
    clinic.open_with(Limits { stall: STALL, ..Limits::default() }).await
}

/// Waits until the relay has cut the only connection.
async fn cut(house: &House) {
    let start = Instant::now();
    while house.connections.count() > 0 {
        assert!(start.elapsed() < SOON, "not cut");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(start.elapsed() >= STALL / 2, "cut at once: {:?}", start.elapsed());
}

on_both_doors! {
    async fn a_stream_that_nobody_reads_is_cut_with_its_handler(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (house(&clinic).await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect_as(NARROW, &house, door, Some(&phone)).await.expect("a connection");
        let _unread = foreign.ask(SUBSCRIBE, &stub::every(0, u64::MAX)).await.expect("a head");
        house.running(1, SOON).await;
        cut(&house).await;
        house.running(0, SOON).await;
    }
}

on_both_doors! {
    async fn an_answer_that_nobody_reads_is_cut(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (house(&clinic).await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect_as(NARROW, &house, door, Some(&phone)).await.expect("a connection");
        let _unread = foreign.ask(LIST_PEOPLE, &stub::long(8 * 1024)).await.expect("a head");
        cut(&house).await;
    }
}

on_both_doors! {
    /// Nothing waits for the client: it is the relay that has nothing to say.
    async fn a_subscription_without_news_lives_on(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (house(&clinic).await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect_as(NARROW, &house, door, Some(&phone)).await.expect("a connection");
        let _quiet = foreign.ask(SUBSCRIBE, &stub::idle()).await.expect("a head");
        sleep(STALL * 4).await;
        assert_eq!((house.connections.count(), house.stub.running()), (1, 1));
    }
}

on_both_doors! {
    /// Longer than a stall in all, never as long between two pieces.
    async fn a_slow_line_is_waited_for(door) {
        const BYTES: usize = 512 << 10;
        // A machine under load may itself be away for half a second between two pieces.
        const PATIENT: Duration = Duration::from_secs(2);
        let clinic = Clinic::found("St. Example");
        let house = clinic.open_with(Limits { stall: PATIENT, ..Limits::default() }).await;
        let phone = clinic.device("doctor-a");
        let slow = Manner { window: 64 * 1024, ..USUAL };
        let mut foreign = Foreign::connect_as(slow, &house, door, Some(&phone)).await.expect("a connection");
        let mut answer = foreign.ask(LIST_PEOPLE, &stub::long(BYTES)).await.expect("a head");
        let (start, mut read) = (Instant::now(), 0);
        while let Some(frame) = answer.frame().await {
            read += frame.expect("a piece").data_ref().map_or(0, bytes::Bytes::len);
            sleep(PATIENT / 20).await;
        }
        assert!(read > BYTES, "{read}");
        assert!(start.elapsed() > PATIENT, "{:?}", start.elapsed());
    }
}
