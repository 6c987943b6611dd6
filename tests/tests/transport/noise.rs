//! Clients that send what makes no sense, at every layer. After each the next honest call is answered.

use std::{
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rustls::crypto::aws_lc_rs;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use wardline_client_core::relay::{Relay as _, TransportChoice};
use wardline_proto::{
    h3::{ALPN_HTTP2, ALPN_HTTP3},
    relay::GetOrganisationRequest,
};
use wardline_server::transport::Limits;

use crate::{
    clinic::{Clinic, Device, House},
    foreign, stub,
};

const ROUNDS: u64 = 40;

/// Bytes that look like nothing, the same every time (splitmix64).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27).to_be_bytes()[0]
    })
    .take(length)
    .collect()
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Tasks swallow the panics of what they run: so they are counted where they begin.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some(stub::PANIC) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            print(panic);
        }));
    });
}

async fn honest_calls_are_answered(house: &House, phone: &Device) {
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "something panicked");
    for door in [TransportChoice::Quic, TransportChoice::Tcp] {
        let connection = house.connect(door, Some(phone)).await;
        connection.get_organisation(GetOrganisationRequest {}).await.expect("an answer");
    }
    assert_eq!(house.stub.running(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_in_place_of_tls_does_no_harm() {
    count_panics();
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    for round in 0..ROUNDS {
        let mut bytes = noise(round, 1200);
        if round % 2 == 0 {
            bytes[..5].copy_from_slice(&[0xc0, 0, 0, 0, 1]); // as far as a QUIC Initial
        }
        socket.send_to(&bytes, house.address).await.expect("sent");
        let mut stream = TcpStream::connect(house.address).await.expect("a connection");
        let _ = stream.write_all(&noise(round, 4000)).await;
    }
    honest_calls_are_answered(&house, &phone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_nothing_is_not_waited_for() {
    count_panics();
    let clinic = Clinic::found("St. Example");
    let limits = Limits { handshake_timeout: Duration::from_millis(200), ..Limits::default() };
    let (house, phone) = (clinic.open_with(limits).await, clinic.device("doctor-a"));
    let mut stream = TcpStream::connect(house.address).await.expect("a connection");
    let read = timeout(Duration::from_secs(2), stream.read(&mut [0; 16])).await.expect("closed in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    honest_calls_are_answered(&house, &phone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_in_place_of_http_does_no_harm() {
    count_panics();
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    for round in 0..ROUNDS {
        let groups = vec![aws_lc_rs::kx_group::X25519];
        let config = foreign::tls(&house, None, groups.clone(), ALPN_HTTP2);
        let mut tls = foreign::tcp(config, house.address).await.expect("TLS");
        if round % 2 == 0 {
            let _ = tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        }
        let _ = tls.write_all(&noise(round, 4000)).await;

        let config = foreign::tls(&house, None, groups, ALPN_HTTP3);
        let quic = foreign::quic(config, house.address).await.expect("QUIC");
        let mut control = quic.open_uni().await.expect("a stream");
        let (mut request, _) = quic.open_bi().await.expect("a stream");
        let _ = control.write_all(&noise(round, 400)).await;
        let _ = request.write_all(&noise(round + 1000, 400)).await;
        let _ = request.finish();
    }
    honest_calls_are_answered(&house, &phone).await;
    let clients_gone = async {
        while house.connections.count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(5), clients_gone).await.expect("nobody is left");
}

/// A request head: HEADERS with the bytes of a real one, as `h3` encodes it.
fn head() -> Vec<u8> {
    // QPACK without the dynamic table: static names, literal values.
    let mut block = vec![0x00, 0x00, 0xd4, 0xd7]; // :method POST, :scheme https
    for (name, value) in [(0x50, "relay"), (0x51, foreign::COMMIT)] {
        block.push(name); // :authority, :path
        block.push(u8::try_from(value.len()).expect("short"));
        block.extend(value.bytes());
    }
    frame(0x01, &block)
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short") | 0x4000;
    [&[kind], &length.to_be_bytes()[..], payload].concat()
}

/// What once made `h3` panic, buffer without end, or take a part for the whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_lie_end_their_stream_and_nothing_else() {
    count_panics();
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    let head_then = |rest: &[u8]| [&head(), rest].concat();
    let long_frame = |kind: u8| [&[kind, 0xc0][..], &[0, 0, 0, 0x40, 0, 0, 0], &[0x55; 3000]].concat();
    let truncated: Vec<u8> = frame(0x00, &[0; 100])[..50].to_vec();
    let streams: Vec<(&str, Vec<u8>)> = vec![
        ("nothing at all", vec![]),
        ("half a head", head()[..10].to_vec()),
        ("a head that claims to be huge", long_frame(0x01)),
        ("a body that ends inside a frame", head_then(&truncated)),
        ("a body of an empty frame", head_then(&frame(0x00, b""))),
        ("trailers that claim to be huge", head_then(&long_frame(0x01))),
        ("an unknown frame that claims to be huge", head_then(&long_frame(0x21))),
        ("settings on a request stream", head_then(&frame(0x04, b""))),
        ("a second head, then more body", head_then(&[frame(0x01, &[0, 0]), frame(0x00, b"x")].concat())),
    ];
    for (what, bytes) in streams {
        for whole in [true, false] {
            let groups = vec![aws_lc_rs::kx_group::X25519];
            let config = foreign::tls(&house, Some(&phone), groups, ALPN_HTTP3);
            let quic = foreign::quic(config, house.address).await.expect("QUIC");
            let (mut send, mut receive) = quic.open_bi().await.expect("a stream");
            if whole {
                let _ = send.write_all(&bytes).await;
            } else {
                for chunk in bytes.chunks(7) {
                    let _ = send.write_chunk(Bytes::copy_from_slice(chunk)).await;
                    tokio::task::yield_now().await;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let _ = send.finish();
            // An answer, a reset or a closed connection: anything but silence.
            let ended = timeout(Duration::from_secs(5), receive.read_to_end(1 << 16)).await;
            assert!(ended.is_ok(), "no end after {what}");
        }
    }
    honest_calls_are_answered(&house, &phone).await;
}

/// Sends one request stream on a connection of its own; gives back when the relay has answered or closed.
async fn request_stream(house: &House, bytes: &[u8]) {
    let config = foreign::tls(house, None, vec![aws_lc_rs::kx_group::X25519], ALPN_HTTP3);
    let quic = foreign::quic(config, house.address).await.expect("QUIC");
    let (mut send, mut receive) = quic.open_bi().await.expect("a stream");
    let _ = send.write_all(bytes).await;
    let _ = send.finish();
    let ended = timeout(Duration::from_secs(5), receive.read_to_end(1 << 16)).await;
    assert!(ended.is_ok(), "no end after {bytes:02x?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_any_byte_changed_does_no_harm() {
    count_panics();
    let clinic = Clinic::found("St. Example");
    let (house, phone) = (clinic.open().await, clinic.device("doctor-a"));
    let request = [head(), frame(0x00, &[0, 0, 0, 0, 2, 8, 1])].concat();
    request_stream(&house, &request).await;
    for (position, value) in
        (0..request.len()).flat_map(|position| [0x00, 0x3f, 0xff].map(|value| (position, value)))
    {
        let mut changed = request.clone();
        changed[position] = value;
        request_stream(&house, &changed).await;
    }
    honest_calls_are_answered(&house, &phone).await;
}
