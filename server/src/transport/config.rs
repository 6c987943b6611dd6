//! What the doors are opened with, and how much they let in.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use wardline_identity::Clock;

use super::{Connections, TlsMaterial};

/// How to open the doors.
pub struct TransportConfig {
    /// Address and port, the same for both doors; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The relay's certificates.
    pub tls: TlsMaterial,
    /// How much to let in.
    pub limits: Limits,
    /// By which time certificates are judged.
    pub clock: Arc<dyn Clock>,
    /// Where live connections are entered; keep a clone to cut them.
    pub connections: Connections,
}

impl fmt::Debug for TransportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportConfig")
            .field("listen", &self.listen)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Bounds on what strangers and devices can make the relay hold.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections, both doors together. One takes 40 KiB (TCP) to 90 KiB (QUIC) while idle. Default 12,000.
    pub connections: usize,
    /// Connections without a certificate, among them. Default 1,000.
    pub uncertified_connections: usize,
    /// Those from one address (IPv4, or IPv6 /64), among them. Default 256.
    pub uncertified_connections_per_address: usize,
    /// Connections of one device; a further one ends the oldest. Default 8.
    pub connections_per_device: usize,
    /// Handshakes at one time, at each door; a further one takes the place of one that is silent or slow. From half of
    /// it on, QUIC clients must prove their address. Default 256.
    pub handshakes: usize,
    /// Those from one address (IPv4, or IPv6 /64), among them. From half of it on, QUIC clients must prove it.
    /// Default 64.
    pub handshakes_per_address: usize,
    /// How long the first message of TLS may take (TCP). Default 3 s.
    pub hello_timeout: Duration,
    /// How long TLS may take. Default 10 s.
    pub handshake_timeout: Duration,
    /// How long a connection without a certificate may last. Default 10 min.
    pub uncertified_life: Duration,
    /// Calls at one time on a device's connection. Default 128.
    pub calls: u32,
    /// Calls at one time of a device, on all its connections. Default 256.
    pub calls_per_device: usize,
    /// Calls of a device that are worked on at one time; the others of [`Self::calls_per_device`] wait their turn.
    /// Default 8.
    pub turns_per_device: usize,
    /// How long a call beyond [`Self::calls_per_device`] waits to be told so: who does not heed it is slowed. Default
    /// 1 s.
    pub refusal_pause: Duration,
    /// Calls at one time on a connection without a certificate. Default 8.
    pub uncertified_calls: u32,
    /// How long a request's head may take once its stream is open (QUIC). Default 10 s.
    pub head_timeout: Duration,
    /// The longest header section, in bytes. Default 16 KiB.
    pub header_bytes: u32,
    /// The longest request body of a device, in bytes: a commit and its Welcome. Default 5 MiB.
    pub body_bytes: u64,
    /// The longest request body without a certificate, in bytes: an enrolment claim. Default 256 KiB.
    pub uncertified_body_bytes: u64,
    /// What the bodies of all requests may take beyond the first 64 KiB of each, in bytes. A device may have an
    /// eighth of it, and so may all strangers together. Default 256 MiB.
    pub request_memory_bytes: u64,
    /// How long a piece of a response may wait for its client; then the connection is cut. Default 60 s.
    pub stall: Duration,
    /// How long a call may take to begin its response, and a unary call so in all. Default 60 s.
    pub response_deadline: Duration,
    /// When a silent connection is given up (QUIC) or asked for a sign of life (TCP). Default 60 s.
    pub idle_timeout: Duration,
    /// How long calls may go on after the relay was told to stop. Default 10 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 12_000,
            uncertified_connections: 1_000,
            uncertified_connections_per_address: 256,
            connections_per_device: 8,
            handshakes: 256,
            handshakes_per_address: 64,
            hello_timeout: Duration::from_secs(3),
            handshake_timeout: Duration::from_secs(10),
            uncertified_life: Duration::from_secs(600),
            calls: 128,
            calls_per_device: 256,
            turns_per_device: 8,
            refusal_pause: Duration::from_secs(1),
            uncertified_calls: 8,
            head_timeout: Duration::from_secs(10),
            header_bytes: wardline_proto::h3::FIELD_SECTION_BYTES_MAX,
            body_bytes: 5 * 1024 * 1024,
            uncertified_body_bytes: 256 * 1024,
            request_memory_bytes: 256 * 1024 * 1024,
            stall: Duration::from_secs(60),
            response_deadline: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}
