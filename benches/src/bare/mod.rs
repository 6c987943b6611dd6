//! The parts that bounds are made of: what any client and relay with our promises must do, and nothing else.

mod log;
mod messages;
mod vault;

pub(crate) use log::{Log, Row};
pub(crate) use messages::{Pair, Sender, content, text};
pub(crate) use vault::BareVault;
