//! How many messages a second the relay makes durable when 64 devices send at once.
//!
//! In process, through the store and the domain's rules, against bare SQLite; end to end, over both transports
//! with real messages, against calls over the same connections that store nothing.
//!
//! "In process" means a process of its own too: a vault opened anywhere in a process makes SQLCipher lock and wipe
//! the memory of every database in it, and a relay's process has no vault.

mod end_to_end;
mod in_process;

pub use in_process::{Rates, Work, measure};

use anyhow::Result;

use crate::{Place, figure::Finding, scale::Scale};

/// Runs the question.
///
/// # Errors
/// The product or the machine did not do its part; no figure is an error.
pub async fn run(scale: Scale, place: &Place) -> Result<Finding> {
    let mut figures = in_process::run(scale, place).await?;
    figures.extend(end_to_end::run(scale, place).await?);
    Ok(Finding { name: "Relay appends", method: METHOD.to_owned(), figures })
}

const METHOD: &str = "Senders at once, each in a conversation of its own, one message after the other, with real MLS \
    messages of 300 bytes of text. In process (one without vaults): through `Store` and the rules of `send`, as the service calls them; \
    the bounds are bare SQLite with the same settings and library, prepared inserts into one table with one index on \
    one connection. End to end: messages were encrypted before; each sender has a connection of its own, four of \
    them share a device; the relay is a process of its own, on the same cores as the callers; the bound is \
    GetOrganisation over the same connections by the same callers, authorised like any other call and answered from \
    memory. Rates are medians of rounds in which product and bound take turns.";

/// How many a second.
fn rate(count: usize, span: std::time::Duration) -> f64 {
    // Far below 2^52: exact.
    #[expect(clippy::cast_precision_loss, reason = "a number of messages")]
    let count = count as f64;
    count / span.as_secs_f64()
}
