//! A relay without sockets: its real services, rules and database in this process, and a connector through which a
//! real client reaches them as it reaches any relay.
//!
//! What lies between is this room's: a connection that drops, a request or an answer that is lost, doubled or late, a
//! stream that ends, events that come late or twice, a relay that dies or comes back from an older copy. Nothing of the
//! relay is imitated; TLS, HTTP and the doors are left out.

mod call;
mod connector;
mod faults;
mod flow;
mod house;
mod trace;

pub use connector::InProcessConnector;
pub use faults::{Fault, Faults, Planted};
pub use house::{RelayHouse, copy_files};
pub use trace::Trace;
