//! One deadline rule on both doors.

use std::time::{Duration, Instant};

use tonic::Code;
use wardline_client_core::relay::TransportChoice;
use wardline_server::transport::Limits;

use crate::{
    clinic::Clinic,
    foreign::{Foreign, LIST_PEOPLE, SUBSCRIBE},
    on_both_doors, stub,
};

/// A machine under load takes its time; the rule does not.
const SOON: Duration = Duration::from_secs(1);

on_both_doors! {
    async fn a_unary_call_ends_at_its_deadline_with_its_handler(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let start = Instant::now();
        let answer = foreign.call(LIST_PEOPLE, Some("200m"), &stub::sleep(5000)).await.expect("an answer");
        assert_eq!(answer.code(), Code::DeadlineExceeded);
        assert!(start.elapsed() >= Duration::from_millis(200));
        assert!(start.elapsed() < Duration::from_millis(200) + SOON, "{:?}", start.elapsed());
        house.running(0, SOON).await;
    }
}

on_both_doors! {
    async fn a_call_within_its_deadline_is_answered(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let answer = foreign.call(LIST_PEOPLE, Some("10S"), &stub::sleep(100)).await.expect("an answer");
        assert_eq!(answer.code(), Code::Ok);
    }
}

on_both_doors! {
    async fn a_silent_stream_ends_at_its_deadline(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let start = Instant::now();
        let answer = foreign.call(SUBSCRIBE, Some("300m"), &stub::idle()).await.expect("an answer");
        assert_eq!(answer.code(), Code::DeadlineExceeded);
        assert!(answer.trailers.contains_key("grpc-status"), "the status stands in the trailers");
        assert!(!answer.body.is_empty(), "what came before the deadline has come");
        assert!(start.elapsed() < Duration::from_millis(300) + SOON, "{:?}", start.elapsed());
        house.running(0, SOON).await;
    }
}

on_both_doors! {
    async fn a_busy_stream_ends_at_its_deadline(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let start = Instant::now();
        let busy = stub::every(1, u64::MAX);
        let answer = foreign.call(SUBSCRIBE, Some("300m"), &busy).await.expect("an answer");
        assert_eq!(answer.code(), Code::DeadlineExceeded);
        assert!(start.elapsed() < Duration::from_millis(300) + SOON, "{:?}", start.elapsed());
        house.running(0, SOON).await;
    }
}

on_both_doors! {
    async fn a_call_without_a_deadline_has_the_relays_and_a_stream_has_none(door) {
        let clinic = Clinic::found("St. Example");
        let limits = Limits { response_deadline: Duration::from_millis(200), ..Limits::default() };
        let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let answer = foreign.call(LIST_PEOPLE, None, &stub::sleep(5000)).await.expect("an answer");
        assert_eq!(answer.code(), Code::DeadlineExceeded);
        let answer = foreign.call(SUBSCRIBE, None, &stub::every(100, 6)).await.expect("an answer");
        assert_eq!(answer.code(), Code::Ok);
    }
}

on_both_doors! {
    async fn a_deadline_that_is_none_is_refused(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let answer = foreign.call(LIST_PEOPLE, Some("soon"), &stub::sleep(0)).await.expect("an answer");
        assert_eq!(answer.code(), Code::InvalidArgument);
    }
}
