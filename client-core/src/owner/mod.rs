//! One process owns a home; others on the same machine ask it (design 3).
//!
//! The owner holds a lock that the system releases when its process ends, however it ends, and may listen on a
//! Unix socket in the home: folder 0700, socket 0600, the caller's uid checked. What goes over the socket is one JSON
//! object a line: a [`Request`], then [`Response`]s. The vault's passcode never does. Who owns it for others only ([`keep_open`], the
//! agent that `wardline unlock` starts) closes the vault in time.

mod attention;
mod call;
mod enter;
mod keep_open;
mod listen;
mod lock;
mod message;

pub use call::Caller;
pub use enter::{Entered, enter, lock};
pub use keep_open::{Closed, OpenFor, keep_open};
pub use listen::{Socket, listen};
pub use lock::Ownership;
pub use message::{Request, Response};
