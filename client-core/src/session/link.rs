//! The connection: how it is made, where it stands, and keeping it.

use std::sync::Arc;

use futures::future::BoxFuture;
use wardline_identity::Clock;

use super::{Session, acknowledge::acknowledge, backoff::Backoff, follow::follow, outbox};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::{ClientIdentity, ConnectOptions, Relay, RelayConnection, RelayError, Trust},
};

/// A connection and the name of its transport: "quic" or "tcp".
pub type Connected = (Arc<dyn Relay>, &'static str);

/// How to reach the relay: a parameter, so that whole scenes run in one process.
pub trait Connector: Send + Sync {
    /// Connects, and says over which transport.
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>>;
}

/// Where the connection stands.
#[derive(Clone)]
pub(crate) enum Link {
    /// No attempt has ended yet.
    Connecting,
    /// Connected.
    Online {
        /// The connection.
        relay: Arc<dyn Relay>,
        /// "quic" or "tcp".
        transport: &'static str,
        /// Whether everything that was in the logs has been taken in.
        caught_up: bool,
    },
    /// The last attempt failed; another follows.
    Offline(Failure),
}

/// The connector of the product: QUIC, else TCP.
pub(crate) struct RelayConnector {
    /// Where to, and as whom.
    pub options: ConnectOptions,
}

impl RelayConnector {
    /// For an enrolled device.
    pub(crate) fn new(
        addresses: Vec<String>,
        root_der: Vec<u8>,
        identity: ClientIdentity,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { options: ConnectOptions::new(addresses, Trust::Root(root_der), Some(identity), clock) }
    }
}

impl Connector for RelayConnector {
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>> {
        Box::pin(async move {
            let connection = RelayConnection::connect(&self.options).await?;
            let transport = connection.transport().as_str();
            Ok((Arc::new(connection) as Arc<dyn Relay>, transport))
        })
    }
}

impl Session {
    /// Keeps a connection for as long as it is polled: connects, follows the log, sends what waits, and begins
    /// again after a pause whenever the connection ends. Dropping it at any point loses nothing.
    pub(crate) async fn keep_connected(&self) {
        let mut backoff = Backoff::new();
        loop {
            let error = match self.connector.connect().await {
                Ok((relay, transport)) => self.use_connection(relay, transport, &mut backoff).await,
                Err(error) => error.into(),
            };
            let failure = Failure::from(error);
            tracing::info!(reason = ?failure.kind, "the connection ended");
            self.relinked(Link::Offline(failure));
            tokio::time::sleep(backoff.next(&*self.entropy)).await;
        }
    }

    /// Uses one connection until it ends; answers why it did.
    async fn use_connection(
        &self,
        relay: Arc<dyn Relay>,
        transport: &'static str,
        backoff: &mut Backoff,
    ) -> CoreError {
        let caught_up = || backoff.reset();
        self.beside.clear();
        // In order: nothing is left to chance that need not be.
        let ended = tokio::select! {
            biased;
            ended = follow(self, &relay, transport, caught_up) => ended,
            ended = outbox::run(self, &relay) => ended,
            ended = acknowledge(self, &relay) => ended,
        };
        match ended {
            Ok(()) => Failure::new(
                FailureKind::Unavailable,
                "The relay ended the connection.",
                "",
                "It is tried again by itself.",
            )
            .into(),
            Err(error) => error,
        }
    }
}
