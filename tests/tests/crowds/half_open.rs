//! Connections that never become one: TCP without a word, and QUIC first packets whose sender hears nothing.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    version::TLS13,
};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use wardline_client_core::relay::{Relay as _, TransportChoice};
use wardline_proto::{h3::ALPN_HTTP3, relay::GetOrganisationRequest};

use crate::{
    alone,
    attack::Attackers,
    house::{House, runtime},
    others::{OTHERS, Others, assert_served},
    size,
};

const SPAN: Duration = Duration::from_secs(2);

/// How many addresses they come from: loopback has many.
const ADDRESSES: usize = 120;

/// Both doors, newcomers, and those that are on their way out.
const SPARE: usize = 64;

/// The relay's own sockets.
const DOORS: usize = 2;

/// How long they may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Places for handshakes at one door (`handshakes_max`, the default).
const HANDSHAKES: usize = 256;

fn from(number: usize) -> IpAddr {
    let last = u8::try_from(number % ADDRESSES + 1).expect("so few");
    IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))
}

/// Opens so many connections within a span, says nothing, and keeps all that it got.
async fn silence(address: SocketAddr, count: usize, span: Duration) -> Vec<TcpStream> {
    let (begun, mut held) = (Instant::now(), Vec::with_capacity(count));
    for number in 0..count {
        let socket = TcpSocket::new_v4().expect("a file");
        socket.bind((from(number), 0).into()).expect("an address");
        if let Ok(stream) = socket.connect(address).await {
            held.push(stream);
        }
        let due = span.mul_f64(number as f64 / count as f64);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
    held
}

/// First packets of real clients, each of another connection.
async fn first_packets(count: usize) -> Vec<Vec<u8>> {
    let kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let provider = Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() });
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN_HTTP3.to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).expect("a suite")));
    let hole = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a socket");
    let (mut packets, mut seen) = (Vec::new(), HashSet::new());
    let mut mute = Vec::new();
    while packets.len() < count {
        let address = hole.local_addr().expect("an address");
        mute.push(endpoint.connect_with(config.clone(), address, "127.0.0.1").expect("a configuration"));
        let mut packet = [0; 2048];
        let (length, _) = hole.recv_from(&mut packet).await.expect("a packet");
        // The connection's id, after the header's first byte, the version and the length.
        if seen.insert(packet[6..14].to_vec()) {
            packets.push(packet[..length].to_vec());
        }
    }
    packets
}

/// Sends each from another port, within a span; gives those.
async fn initials(address: SocketAddr, packets: Vec<Vec<u8>>, span: Duration) -> Vec<UdpSocket> {
    let (begun, count) = (Instant::now(), packets.len());
    let mut mute = Vec::with_capacity(count);
    for (number, packet) in packets.into_iter().enumerate() {
        let socket = UdpSocket::bind((from(number), 0)).await.expect("a socket");
        socket.send_to(&packet, address).await.expect("sent");
        mute.push(socket);
        let due = span.mul_f64(number as f64 / count as f64);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
    mute
}

/// How many of so many first packets are answered by a Retry (RFC 9000 §17.2.5), which who has forged an address never sees.
async fn retries(address: SocketAddr, count: usize) -> usize {
    let sockets = initials(address, first_packets(count).await, SPAN / 2).await;
    tokio::time::sleep(SPAN).await;
    let is_retry = |socket: &UdpSocket| {
        let mut packet = [0; 2048];
        let mut packets = std::iter::from_fn(|| socket.try_recv(&mut packet).ok().map(|_| packet[0]));
        packets.any(|first| first & 0xf0 == 0xf0)
    };
    for socket in &sockets {
        // Readiness is looked up before it is relied on.
        let _ = tokio::time::timeout(Duration::from_millis(1), socket.readable()).await;
    }
    sockets.iter().filter(|socket| is_retry(socket)).count()
}

/// What was seen while it lasted.
#[derive(Default)]
struct Seen {
    sockets: usize,
    memory_kib: u64,
    newcomers: [usize; 2],
}

/// Lets both kinds come, and meanwhile others who have not been here before.
fn besiege(house: &House, count: usize, tries: usize) -> Seen {
    let attackers = Attackers::new();
    let packets = attackers.end(attackers.start(first_packets(count / 5)));
    let tcp = attackers.start(silence(house.address, count, SPAN));
    let quic = attackers.start(initials(house.address, packets, SPAN));
    let (begun, runtime) = (Instant::now(), runtime());
    let mut seen = Seen::default();
    // From when the doorstep is full.
    while house.sockets() < HANDSHAKES + DOORS && !tcp.is_finished() {
        std::thread::sleep(Duration::from_millis(20));
    }
    // And until all have come, however little of the machine they get.
    let (until, patience) = (Instant::now() + SPAN / 2, begun + PATIENCE);
    while Instant::now() < until || Instant::now() < patience && !(tcp.is_finished() && quic.is_finished()) {
        for (door, came) in [TransportChoice::Tcp, TransportChoice::Quic].into_iter().zip(&mut seen.newcomers)
        {
            let comes = || runtime.block_on(comes_in(house, door));
            *came += usize::from((0..tries).any(|_| comes()));
        }
        seen.sockets = seen.sockets.max(house.sockets());
        seen.memory_kib = seen.memory_kib.max(house.memory_kib());
        std::thread::sleep(Duration::from_millis(100));
    }
    attackers.end(quic);
    let held = attackers.end(tcp);
    assert!(held.len() * 10 >= count * 9, "the attack is not what it says: {}", held.len());
    seen
}

async fn comes_in(house: &House, door: TransportChoice) -> bool {
    let Ok(relay) = house.connect(OTHERS, door).await else { return false };
    relay.get_organisation(GetOrganisationRequest {}).await.is_ok()
}

#[test]
fn half_open_connections_shut_nobody_out_and_take_a_bounded_place() {
    let _alone = alone();
    let count = size(2_000, 10_000);
    // Places are held for longer than the scene lasts.
    let mut house = House::open(OTHERS + 1, "[limits]\nhello_seconds_max = 60\nhandshake_seconds_max = 60\n");
    let others = Others::begin(&house);
    let memory_before = house.memory_kib();
    let mut seen = Seen::default();
    assert_served(&format!("{count} half-open"), || {
        let before = others.measure(SPAN);
        others.start(SPAN);
        seen = besiege(&house, count, 3);
        (before, others.p99())
    });
    let grown = seen.memory_kib.saturating_sub(memory_before);
    println!("{count} half-open: {} sockets, {grown} KiB more, newcomers {:?}", seen.sockets, seen.newcomers);
    assert!(
        seen.newcomers.iter().all(|&came| came >= 2),
        "newcomers get in by both doors: {:?}",
        seen.newcomers
    );
    assert!(seen.sockets <= HANDSHAKES + OTHERS + SPARE, "{} sockets", seen.sockets);
    // A QUIC handshake takes about 100 KiB, one on TCP less.
    assert!(grown <= 64 * 1024, "{grown} KiB");
    let usual = seen.newcomers[0];
    drop(others);

    // Without sending the silent away, they shut the door; without a doorstep, the relay holds them all.
    house.without(&["mutant.first_come"]);
    let seen = besiege(&house, count, 1);
    // One may have slipped in while the last place was being taken.
    assert!(seen.newcomers[0] <= 1 && usual > 1, "the control: {} where {usual} came", seen.newcomers[0]);
    house.without(&["mutant.doorstep"]);
    let seen = besiege(&house, count, 1);
    assert!(seen.sockets > HANDSHAKES + OTHERS + SPARE, "the control: {} sockets", seen.sockets);
}

#[test]
fn who_comes_while_half_the_places_are_taken_has_to_prove_its_address_first() {
    let _alone = alone();
    let mut house = House::open(OTHERS, "[limits]\nhandshake_seconds_max = 60\n");
    let (runtime, count) = (runtime(), HANDSHAKES + HANDSHAKES / 4);
    let asked = runtime.block_on(retries(house.address, count));
    println!("{count} first packets: {asked} were answered by a Retry");
    assert!(asked >= count / 4, "{asked} of {count}");
    assert!(asked <= count - HANDSHAKES / 4, "and not before it is crowded: {asked} of {count}");
    house.without(&["mutant.no_retry"]);
    assert_eq!(runtime.block_on(retries(house.address, count)), 0, "the control");
}
