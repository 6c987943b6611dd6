//! More than the relay has room for: one has less of it, the others have what they had.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use rustls::crypto::aws_lc_rs;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tonic::Code;
use tonic_types::StatusExt as _;
use wardline_client_core::relay::TransportChoice;
use wardline_proto::{Reason, h3::ALPN_HTTP3, relay::GetOrganisationRequest};
use wardline_server::transport::Limits;

use crate::{
    clinic::{Clinic, House},
    foreign::{self, Answer, Foreign, GET_ORGANISATION, LIST_PEOPLE, Manner, USUAL},
    on_both_doors, stub,
};

/// A machine under load takes its time.
const SOON: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(30);

/// Another address of this machine.
const ELSEWHERE: Manner = Manner { from: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), ..USUAL };

async fn organisation(foreign: &mut Foreign) -> Answer {
    foreign.call(GET_ORGANISATION, None, &GetOrganisationRequest {}).await.expect("an answer")
}

fn assert_told_to_wait(answer: &Answer) {
    assert_eq!((answer.code(), answer.reason()), (Code::ResourceExhausted, Some(Reason::LimitReached)));
    assert!(answer.status().get_error_details().retry_info().is_some(), "{answer:?}");
}

on_both_doors! {
    async fn a_device_has_its_calls_on_all_its_connections_and_no_more(door) {
        let clinic = Clinic::found("St. Example");
        let limits = Limits { calls_per_device: 2, ..Limits::default() };
        let (house, phone, tablet) =
            (clinic.open_with(limits).await, clinic.device("doctor-a"), clinic.device("doctor-a"));
        let mut calls = Vec::new();
        for _ in 0..2 {
            let mut foreign = Foreign::connect(&house, door, Some(&phone)).await;
            let call = async move { foreign.call(LIST_PEOPLE, None, &stub::sleep(1500)).await };
            calls.push(tokio::spawn(call));
        }
        house.running(2, SOON).await;
        let mut third = Foreign::connect(&house, door, Some(&phone)).await;
        assert_told_to_wait(&organisation(&mut third).await);
        let mut other = Foreign::connect(&house, door, Some(&tablet)).await;
        assert_eq!(organisation(&mut other).await.code(), Code::Ok);
        for call in calls {
            assert_eq!(call.await.expect("a task").expect("an answer").code(), Code::Ok);
        }
        assert_eq!(organisation(&mut third).await.code(), Code::Ok);
    }
}

on_both_doors! {
    /// Also while the handler works on it: the room is free again when the call ends.
    async fn long_requests_share_the_relays_memory(door) {
        const BYTES: usize = 900 * 1024;
        let clinic = Clinic::found("St. Example");
        let limits = Limits { request_memory_bytes: 1 << 20, body_bytes: 1 << 20, ..Limits::default() };
        let (house, phone, tablet) =
            (clinic.open_with(limits).await, clinic.device("doctor-a"), clinic.device("doctor-a"));
        let mut first = Foreign::connect(&house, door, Some(&phone)).await;
        let call = async move { first.call(LIST_PEOPLE, None, &stub::sleep_holding(1500, BYTES)).await };
        let call = tokio::spawn(call);
        house.running(1, SOON).await;
        let mut second = Foreign::connect(&house, door, Some(&tablet)).await;
        let long = stub::sleep_holding(0, BYTES);
        assert_told_to_wait(&second.call(LIST_PEOPLE, None, &long).await.expect("an answer"));
        let short = stub::sleep_holding(0, 60 * 1024);
        assert_eq!(second.call(LIST_PEOPLE, None, &short).await.expect("an answer").code(), Code::Ok);
        assert_eq!(call.await.expect("a task").expect("an answer").code(), Code::Ok);
        assert_eq!(second.call(LIST_PEOPLE, None, &long).await.expect("an answer").code(), Code::Ok);
    }
}

/// Clients that connect and say nothing.
async fn silent(house: &House, count: usize) -> Vec<TcpStream> {
    let mut silent = Vec::new();
    for _ in 0..count {
        silent.push(TcpStream::connect(house.address).await.expect("a connection"));
    }
    // So that the relay has seen them.
    tokio::time::sleep(Duration::from_millis(200)).await;
    silent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_on_tcp_shuts_no_door() {
    let clinic = Clinic::found("St. Example");
    let limits = Limits { handshakes: 4, hello_timeout: LONG, handshake_timeout: LONG, ..Limits::default() };
    let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
    let _silent = silent(&house, 8).await;
    Foreign::connect_as(USUAL, &house, TransportChoice::Quic, Some(&phone)).await.expect("QUIC is open");
    let tcp = Foreign::connect_as(USUAL, &house, TransportChoice::Tcp, Some(&phone)).await;
    assert_eq!(organisation(&mut tcp.expect("a silent one makes room")).await.code(), Code::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_on_quic_leaves_tcp_open_and_makes_room_after_a_while() {
    let clinic = Clinic::found("St. Example");
    let limits = Limits { handshakes: 1, handshake_timeout: LONG, ..Limits::default() };
    let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
    // A client whose first packet arrives, and which then hears and says nothing.
    let hole = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let config = foreign::tls(&house, Some(&phone), vec![aws_lc_rs::kx_group::X25519], ALPN_HTTP3);
    let _mute = tokio::spawn(foreign::quic(config, hole.local_addr().expect("an address")));
    let mut packet = [0; 2048];
    let (length, _) = timeout(SOON, hole.recv_from(&mut packet)).await.expect("a packet").expect("a packet");
    hole.send_to(&packet[..length], house.address).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(200)).await;
    Foreign::connect_as(USUAL, &house, TransportChoice::Tcp, Some(&phone)).await.expect("TCP is open");
    // The mute one has said what a client says first: it keeps the only place for a second, not for thirty.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let quic = Foreign::connect_as(USUAL, &house, TransportChoice::Quic, Some(&phone)).await;
    assert_eq!(organisation(&mut quic.expect("the mute one makes room")).await.code(), Code::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_fills_the_doorstep_neither_for_itself_nor_for_others() {
    let clinic = Clinic::found("St. Example");
    let limits = Limits { handshakes_per_address: 4, hello_timeout: LONG, ..Limits::default() };
    let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
    let _silent = silent(&house, 8).await;
    let same = Foreign::connect_as(USUAL, &house, TransportChoice::Tcp, Some(&phone)).await;
    assert_eq!(organisation(&mut same.expect("in the place of a silent one")).await.code(), Code::Ok);
    let other = Foreign::connect_as(ELSEWHERE, &house, TransportChoice::Tcp, Some(&phone)).await;
    assert_eq!(organisation(&mut other.expect("a connection")).await.code(), Code::Ok);
}

on_both_doors! {
    async fn one_address_does_not_take_all_places_of_strangers(door) {
        let clinic = Clinic::found("St. Example");
        let limits = Limits { uncertified_connections_per_address: 1, ..Limits::default() };
        let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
        let mut first = Foreign::connect(&house, door, None).await;
        assert_eq!(organisation(&mut first).await.code(), Code::Ok);
        let second = match Foreign::connect_as(USUAL, &house, door, None).await {
            Ok(mut second) => second.call(GET_ORGANISATION, None, &GetOrganisationRequest {}).await,
            Err(error) => Err(error),
        };
        // TCP says why in an answer, QUIC in how it closes.
        assert!(second.as_ref().map_or(true, |answer| answer.reason() == Some(Reason::LimitReached)), "{second:?}");
        let other = Foreign::connect_as(ELSEWHERE, &house, door, None).await;
        assert_eq!(organisation(&mut other.expect("a connection")).await.code(), Code::Ok);
        let mut device = Foreign::connect(&house, door, Some(&phone)).await;
        assert_eq!(organisation(&mut device).await.code(), Code::Ok);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_message_on_tcp_has_a_deadline_of_its_own() {
    let clinic = Clinic::found("St. Example");
    let hello_timeout = Duration::from_millis(300);
    let limits = Limits { hello_timeout, handshake_timeout: LONG, ..Limits::default() };
    let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
    let mut silent = TcpStream::connect(house.address).await.expect("a connection");
    let read = timeout(SOON, silent.read(&mut [0; 16])).await.expect("closed in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let mut talking = Foreign::connect(&house, TransportChoice::Tcp, Some(&phone)).await;
    tokio::time::sleep(hello_timeout * 2).await;
    assert_eq!(organisation(&mut talking).await.code(), Code::Ok);
}
