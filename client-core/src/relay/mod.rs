//! The way to the relay: one connection, QUIC or TCP, and every call on it as one method.
//!
//! The only room that names tonic and quinn. It trusts a relay whose certificate chains to the organisation's
//! root and whose key exchange is X25519MLKEM768, and then only to be that relay: what it says is checked by the
//! rooms above. It does not reconnect and does not repeat a call; a connection that is gone says
//! [`RelayError::Unavailable`] at once, and whoever owns the session decides.
//!
//! `dial` finds the way, `quic` and `tcp` make a connection, `channel` carries requests over either, `verify`
//! judges the relay's certificate, `error` sorts what can go wrong by who is to blame.

mod calls;
mod channel;
mod connection;
mod contract;
mod dial;
mod error;
mod http3;
mod options;
mod quic;
mod tcp;
mod tls;
mod verify;

pub use connection::RelayConnection;
pub use contract::{Relay, Subscription};
pub use error::RelayError;
pub use options::{ClientIdentity, ConnectOptions, Transport, TransportChoice, Trust};
