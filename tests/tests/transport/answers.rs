//! Every refusal says why, also the ones that no handler of ours makes.

use bytes::Bytes;
use tonic::Code;
use wardline_client_core::relay::TransportChoice;
use wardline_proto::{Reason, relay::GetOrganisationRequest};

use crate::{
    clinic::Clinic,
    foreign::{Foreign, GET_ORGANISATION, LIST_PEOPLE, SUBSCRIBE, framed},
    on_both_doors, stub,
};

const UNKNOWN_CALL: &str = "/wardline.relay.v1.DirectoryService/Read";
const UNKNOWN_SERVICE: &str = "/wardline.relay.v9.DirectoryService/GetOrganisation";

on_both_doors! {
    async fn a_request_that_is_none_is_the_callers_fault(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let bodies: [(&str, &str, &'static [u8]); 6] = [
            ("nothing", "identity", b""),
            ("no protobuf", "identity", &[0, 0, 0, 0, 3, 0xff, 0xff, 0xff]),
            ("a message cut short", "identity", &[0, 0, 0, 0, 9, 1]),
            ("compressed without saying how", "identity", &[1, 0, 0, 0, 1, 1]),
            ("an unknown flag", "identity", &[7, 0, 0, 0, 0]),
            ("compressed", "gzip", &[1, 0, 0, 0, 1, 1]),
        ];
        for (what, encoding, body) in bodies {
            let headers = [("grpc-encoding", encoding)];
            let answer = foreign.call_with(LIST_PEOPLE, &headers, Bytes::from_static(body)).await.expect("an answer");
            let said = (answer.code(), answer.reason());
            assert_eq!(said, (Code::InvalidArgument, Some(Reason::FieldInvalid)), "{what}");
        }
        let answer = foreign.call_with(LIST_PEOPLE, &[], framed(&stub::sleep(0))).await.expect("an answer");
        assert_eq!(answer.code(), Code::Ok);
    }
}

on_both_doors! {
    /// Said before a byte of it is sent.
    async fn a_message_that_says_it_is_too_long_reaches_a_limit(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let claimed = Bytes::from_static(&[0, 0x40, 0, 0, 0, 1]);
        let answer = foreign.call_with(LIST_PEOPLE, &[], claimed).await.expect("an answer");
        assert_eq!((answer.code(), answer.reason()), (Code::ResourceExhausted, Some(Reason::LimitReached)));
    }
}

on_both_doors! {
    async fn a_call_that_there_is_not_is_unknown(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        for path in [UNKNOWN_CALL, UNKNOWN_SERVICE] {
            let answer = foreign.call(path, None, &GetOrganisationRequest {}).await.expect("an answer");
            assert_eq!((answer.code(), answer.reason()), (Code::Unimplemented, Some(Reason::CallUnknown)), "{path}");
        }
        let answer = foreign.call(GET_ORGANISATION, None, &GetOrganisationRequest {}).await.expect("an answer");
        assert_eq!(answer.code(), Code::Ok);
    }
}

on_both_doors! {
    async fn a_deadline_says_that_it_was_one(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let unary = foreign.call(LIST_PEOPLE, Some("100m"), &stub::sleep(5000)).await.expect("an answer");
        let stream = foreign.call(SUBSCRIBE, Some("100m"), &stub::idle()).await.expect("an answer");
        for answer in [unary, stream] {
            let said = (answer.code(), answer.reason());
            assert_eq!(said, (Code::DeadlineExceeded, Some(Reason::DeadlineExceeded)));
        }
    }
}

on_both_doors! {
    /// A defect of ours stays one.
    async fn a_handler_that_panics_is_the_relays_fault(door) {
        let clinic = Clinic::found("St. Example");
        let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
        let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
        let answer = foreign.call(LIST_PEOPLE, None, &stub::panicking()).await.expect("an answer");
        assert_eq!((answer.code(), answer.reason()), (Code::Internal, Some(Reason::Internal)));
    }
}
