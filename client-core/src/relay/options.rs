//! Where to connect, as whom, and whom to believe.

use std::{fmt, sync::Arc};

use wardline_identity::{Clock, RootFingerprint};
use zeroize::Zeroizing;

/// How to connect.
#[derive(Clone)]
pub struct ConnectOptions {
    /// The relay's addresses, "host:port", in the order to try them.
    pub addresses: Vec<String>,
    /// Whom to believe.
    pub trust: Trust,
    /// As whom; `None` for the enrolment door.
    pub identity: Option<ClientIdentity>,
    /// Over what.
    pub transport: TransportChoice,
    /// By which time the relay's certificate is judged.
    pub clock: Arc<dyn Clock>,
}

impl ConnectOptions {
    /// Over whatever gets through.
    #[must_use]
    pub fn new(
        addresses: Vec<String>,
        trust: Trust,
        identity: Option<ClientIdentity>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { addresses, trust, identity, transport: TransportChoice::Auto, clock }
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// Whose relays are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Those of the organisation with this root certificate, DER.
    Root(Vec<u8>),
    /// Those of the organisation whose root has this hash: before the first contact an invitation names no more.
    /// The relay shows the root itself.
    Fingerprint(RootFingerprint),
}

/// A device as TLS sees it.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The device key, PKCS #8 DER.
    pub key: Zeroizing<Vec<u8>>,
    /// The device's certificate, then its issuer's, DER.
    pub chain: Vec<Vec<u8>>,
}

impl fmt::Debug for ClientIdentity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

/// Over what to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportChoice {
    /// QUIC, and beside it TCP when QUIC has failed or takes longer than 1.5 s: some networks drop UDP.
    Auto,
    /// QUIC only.
    Quic,
    /// TCP only.
    Tcp,
}

/// Over what a connection runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTP/3 over QUIC.
    Quic,
    /// HTTP/2 over TLS on TCP.
    Tcp,
}

impl Transport {
    /// "quic" or "tcp".
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
