//! The relay's two doors: gRPC over HTTP/3 on QUIC and over HTTP/2 on TCP, one port number, TLS 1.3 only.
//!
//! This room turns bytes into requests. Both doors go the same way:
//!
//! 1. `tcp` and `quic` accept connections within the [`Limits`] (`doorstep`) and let TLS check the client's chain,
//!    if it has one;
//! 2. `admission` asks the [`Admission`] whose the certificate is and enters the connection in [`Connections`],
//!    from where a revocation cuts it;
//! 3. `http2` and `http3` read requests; `gate` puts the [`Peer`] into each, bounds its body and catches what
//!    panics; `deadline` is the one deadline rule; `share` bounds what a device's calls hold, `turns`
//!    lets others come in between, `readers` notices who
//!    does not take an answer, and `explain` gives tonic's own refusals a reason.
//!
//! Nothing here knows what a call means. A call whose client has gone, whose time is over or whose connection was
//! cut is dropped at once, with its handler. Session tickets and 0-RTT do not exist here, so every connection has
//! a handshake of its own and goes through admission.

mod admission;
mod config;
mod connections;
mod deadline;
mod doorstep;
mod error;
mod explain;
mod gate;
mod http2;
mod http3;
mod peer;
mod quic;
mod readers;
mod reset;
mod serve;
mod share;
mod status;
mod tcp;
mod tls;
mod turns;

pub use admission::{Admission, Refusal};
pub use config::{Limits, TransportConfig};
pub use connections::Connections;
#[cfg(test)]
pub(crate) use connections::enter_for_tests;
pub use error::TransportError;
pub use peer::{ConnectionId, Door, Peer, Transport};
pub use serve::{Listening, serve};
pub use tls::{RelayLeaf, ServedLeaves, TakenLeaves, TlsMaterial};
pub use wardline_proto::h3::CloseCode;
