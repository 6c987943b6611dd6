//! HTTP/3 as both ends speak it: our own adapter from the `h3` crate to quinn, and message bodies over it.
//!
//! The published adapter panics when an idle stream is cancelled and never says that a peer has gone away, and
//! `h3` 0.0.8 itself asserts on a body that ends inside a frame and buffers whatever length a header block claims
//! to have. So this room sits between the two: it trusts no byte of the peer, it does not panic, and a stream that
//! is dropped half-way is reset, never ended as if it were whole (RFC 9114 §4.1.1).
//!
//! What else both doors must agree on is here too: close codes, ALPN names, the exporter's label.

mod body;
mod close;
mod connection;
mod error;
mod frames;
mod stream;

pub use body::{Body, BodyError, MessageSink, RequestBody, ResponseBody, SendError, send_body};
pub use close::{CloseCode, RevokedBecause};
pub use connection::{Connection, Opener, StopSignals};
pub use frames::FrameFault;
pub use stream::{BidiStream, RecvStream, SendStream, Stopped};

/// ALPN protocol name of HTTP/3 (RFC 9114 §3.1).
pub const ALPN_HTTP3: &[u8] = b"h3";

/// ALPN protocol name of HTTP/2 over TLS (RFC 9113 §3.2).
pub const ALPN_HTTP2: &[u8] = b"h2";

/// Label of the TLS exporter that enrolment claims are signed over (RFC 8446 §7.5).
///
/// The output has 32 bytes. The context is present and empty: quinn knows no absent one, and TLS 1.3 makes no
/// difference between the two.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-wardline-enrolment";

/// The longest header section either end takes, in bytes as RFC 9114 §4.2.2 counts them.
///
/// An error's details travel in trailers, so this is also a bound on those.
pub const FIELD_SECTION_BYTES_MAX: u32 = 16 * 1024;
