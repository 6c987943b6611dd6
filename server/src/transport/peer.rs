//! Who is on the other end of a connection, as every handler sees it.
//!
//! Both doors put one [`Peer`] into the extensions of every request. It is a snapshot taken when the connection
//! was admitted: certificates lapse while connections live, so the rules look at the dates again on every call.

use std::{fmt, net::SocketAddr, sync::Arc};

use wardline_identity::DeviceCertificate;

/// Which of the two doors a connection came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP/3 over QUIC.
    Quic,
    /// HTTP/2 over TLS on TCP.
    Tcp,
}

impl Transport {
    /// A short name for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the connection's certificate opens.
#[derive(Clone)]
pub enum Door {
    /// No client certificate: enrolment only.
    Uncertified,
    /// A device certificate that was in force when the connection was admitted.
    Device(Arc<DeviceCertificate>),
}

impl fmt::Debug for Door {
    /// Of a certificate the device's id only: names and keys do not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncertified => f.write_str("Uncertified"),
            Self::Device(certificate) => write!(f, "Device({})", certificate.device()),
        }
    }
}

/// One connection's number; unique while the relay runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// From a number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The other end of the connection a request came on.
#[derive(Clone)]
pub struct Peer {
    /// The door it came through.
    pub transport: Transport,
    /// Its address when it was admitted; a QUIC connection may have moved since.
    pub remote: SocketAddr,
    /// What its certificate opens.
    pub door: Door,
    /// The connection's TLS exporter (RFC 8446 §7.5), which enrolment claims are signed over.
    pub exporter: [u8; 32],
    /// The connection.
    pub connection: ConnectionId,
}

impl fmt::Debug for Peer {
    /// Without exporter and address: neither belongs in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("transport", &self.transport)
            .field("door", &self.door)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
