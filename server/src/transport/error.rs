//! Why the doors could not be opened. Nothing a peer sends ends up here.

use std::{io, net::SocketAddr};

/// The doors stay shut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The address is taken, is not this machine's, or may not be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The relay's certificates or keys do not fit each other.
    #[error("the relay's certificate and key cannot be used")]
    Certificate {
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The organisation's root certificate is not one.
    #[error("the organisation's root certificate cannot be used")]
    Root {
        /// Why.
        #[source]
        source: rustls::server::VerifierBuilderError,
    },
    /// This build has no cipher suite for QUIC.
    #[error("QUIC cannot be set up")]
    Quic {
        /// Why.
        #[source]
        source: quinn::crypto::rustls::NoInitialCipherSuite,
    },
}
