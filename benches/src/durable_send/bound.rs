//! The bound of a durable send: its parts, each done once, one after the other.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use wardline_client_core::relay::Relay;
use wardline_proto::relay::GetOrganisationRequest;

use crate::bare::{BareVault, Log, Pair, Row, content, text};

/// What the parts are measured with.
pub(super) struct Bound {
    pair: Pair,
    senders_vault: BareVault,
    log: Log,
    receivers_vault: BareVault,
}

/// One measurement of each.
pub(super) struct Parts {
    spans: [Duration; 6],
    /// A statement that does nothing; no part of the bound, but what the product does often.
    pub(super) empty_statement: Duration,
}

impl Parts {
    /// What they are.
    pub(super) const NAMES: [&str; 6] =
        ["encrypt", "sender's vault", "log", "round trip", "decrypt", "receiver's vault"];

    /// Their spans, in that order.
    pub(super) const fn spans(&self) -> [Duration; 6] {
        self.spans
    }

    /// All of them, one after the other.
    pub(super) fn sum(&self) -> Duration {
        self.spans.iter().sum()
    }
}

impl Bound {
    /// With its databases in `folder`.
    pub(super) async fn new(folder: &Path) -> Result<Self> {
        Ok(Self {
            pair: Pair::new(folder).await?,
            senders_vault: BareVault::create(&folder.join("sender.db")).await?,
            log: Log::create(&folder.join("log.db")).await?,
            receivers_vault: BareVault::create(&folder.join("receiver.db")).await?,
        })
    }

    /// Does every part once; `round` says what the message is.
    pub(super) async fn measure(&mut self, relay: &dyn Relay, round: usize) -> Result<Parts> {
        let number = round as u64;
        let content = content(number)?;

        let begun = Instant::now();
        let message = self.pair.encrypt(&content)?;
        let encrypt = begun.elapsed();

        let changes = self.pair.sender_changes();
        let begun = Instant::now();
        self.senders_vault.commit(&changes, &message).await?;
        let senders_vault = begun.elapsed();

        let row = Row { body: message.clone().into() };
        let begun = Instant::now();
        self.log.append(&row).await?;
        let log = begun.elapsed();

        let begun = Instant::now();
        relay.get_organisation(GetOrganisationRequest {}).await?;
        let round_trip = begun.elapsed();

        let begun = Instant::now();
        let opened = self.pair.decrypt(&message)?;
        let decrypt = begun.elapsed();
        anyhow::ensure!(opened == content, "a message says something else than it did");

        let changes = self.pair.receiver_changes();
        let text = text(number);
        let begun = Instant::now();
        self.receivers_vault.commit(&changes, text.as_bytes()).await?;
        let receivers_vault = begun.elapsed();

        let begun = Instant::now();
        self.log.do_nothing().await?;
        let empty_statement = begun.elapsed();

        let spans = [encrypt, senders_vault, log, round_trip, decrypt, receivers_vault];
        Ok(Parts { spans, empty_statement })
    }
}
