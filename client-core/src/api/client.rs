//! An open home: commands go in, answers and events come out.

use std::{path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use tokio::{sync::broadcast, task::JoinHandle};
use wardline_identity::{Clock, Entropy, SystemClock, SystemEntropy};
use wardline_proto::fault::planted;

use super::{Answer, Command, Failure, Reach, execute::execute};
use crate::{
    conversation::policy,
    owner::OpenFor,
    relay::TransportChoice,
    session::{Connector, Link, Opening, Session, Ways, open_vault},
    vault::Passcode,
};

/// What happens while a home is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// Everything that was in the logs has been taken in.
    CaughtUp {
        /// "quic" or "tcp".
        connection: String,
    },
    /// There is something new to read.
    Readable {
        /// The conversation.
        conversation: String,
        /// The entry.
        number: u64,
    },
    /// The connection ended; it is tried again.
    Offline {
        /// Why.
        why: String,
    },
    /// So much of the relay's record was read (`AdminLog` that verifies).
    RecordRead {
        /// How many entries.
        have: u64,
        /// Of how many.
        of: u64,
    },
    /// Devices were put on hold by a statement that no list names yet: an issuer has the next one name them.
    HoldsPending,
    /// This device was revoked or put on hold.
    PutOut {
        /// What commands fail with from now on.
        failure: Failure,
    },
}

/// How long the relay may take to answer who asks whether it is there.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(5);

/// The parameters of a client that tests replace.
#[derive(Clone)]
pub struct Options {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How to reach the relay; the device's own addresses over QUIC, else TCP, if none is given.
    pub connector: Option<Arc<dyn Connector>>,
    /// How to reach it before the vault is open, without a certificate; the addresses in the vault's header if none is given.
    pub stranger: Option<Arc<dyn Connector>>,
    /// Over what to reach it, if no connector is given.
    pub transport: TransportChoice,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            connector: None,
            stranger: None,
            transport: TransportChoice::Auto,
        }
    }
}

/// An open home. Dropping it ends the connection; what was not sent goes out the next time.
pub struct Client {
    session: Arc<Session>,
    connection: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Client {
    /// Opens the home's vault, with its relay. Nothing else is connected before the first command that needs it.
    ///
    /// # Errors
    /// [`Failure`] of kind `NoVault`, `Passcode` (wrong, or too soon after wrong ones), `Unavailable` (the relay cannot be reached),
    /// `Refused` (revoked, tried too often, an older copy), `Disk` or `Untrusted` (the clock is far off, or it is another relay).
    pub async fn open(home: &Path, passcode: &Passcode, options: Options) -> Result<Self, Failure> {
        let Options { clock, entropy, stranger, connector, transport } = options;
        let ways = Ways { stranger, certified: connector, transport, clock: clock.clone() };
        let core = open_vault(Opening { home, passcode, clock, entropy }, &ways).await?;
        let connector = ways.certified(&core.device)?;
        let session = Arc::new(Session::new(core, connector));
        Ok(Self { session, connection: tokio::sync::Mutex::new(None) })
    }

    /// Carries out a command.
    ///
    /// # Errors
    /// [`Failure`], by kind.
    pub async fn execute(&self, command: Command, reach: Reach) -> Result<Answer, Failure> {
        if reach == Reach::Online {
            self.connect().await;
        }
        execute(&self.session, command, reach).await.map_err(Failure::from)
    }

    /// Keeps a connection from now on, in the background.
    pub async fn connect(&self) {
        let mut connection = self.connection.lock().await;
        if connection.is_none() {
            let session = self.session.clone();
            *connection = Some(tokio::spawn(async move {
                tokio::join!(session.keep_connected(), session.keep_swept());
            }));
        }
    }

    /// How this device reaches its relay, for whoever puts something in between ([`Options::connector`]).
    #[must_use]
    pub fn connector(&self) -> Arc<dyn Connector> {
        self.session.connector.clone()
    }

    /// Follows one connection until its stream ends, here and now: a door for the fuzz targets.
    ///
    /// # Errors
    /// [`Failure`], as the background connection would end with.
    #[cfg(feature = "fuzzing")]
    pub async fn follow_once(&self, relay: Arc<dyn crate::relay::Relay>) -> Result<(), Failure> {
        crate::session::follow(&self.session, &relay, "quic", || {}).await.map_err(Failure::from)
    }

    /// Whether the relay is reached now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(&*self.session.link.borrow(), Link::Online { .. })
    }

    /// Why this device is out, if the relay says so or the list of revoked devices does that it knows.
    pub async fn is_out(&self) -> Option<Failure> {
        self.session.put_out_by_any().await
    }

    /// Whether the relay answers now, or does within a moment over a connection that is made anew.
    pub async fn is_answered(&self) -> bool {
        tokio::time::timeout(ANSWER, self.session.is_answered()).await.is_ok() && self.is_connected()
    }

    /// How many wrong passcodes were tried at this vault before it was opened, here or with a copy of its files.
    pub async fn wrong_tries(&self) -> u32 {
        self.session.core().await.wrong_tries
    }

    /// How long the vault may be open by itself: as long as the person wants, and no longer than the organisation lets it.
    pub async fn open_for(&self, asked: OpenFor) -> OpenFor {
        if planted("mutant.opens_for_ever") {
            return asked;
        }
        let core = self.session.core().await;
        let rules = &policy(&core).rules;
        asked.within(OpenFor {
            auto_lock_seconds: rules.auto_lock_seconds,
            max_open_seconds: rules.max_open_seconds,
        })
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.session.events()
    }

    /// Ends the connection and closes the vault; commands fail from then on.
    ///
    /// # Errors
    /// [`Failure`] of kind `Disk`; it is closed all the same.
    pub async fn close(&self) -> Result<(), Failure> {
        if let Some(connection) = self.connection.lock().await.take() {
            connection.abort();
            // Ended by the abort: that is no failure.
            let _ = connection.await;
        }
        let core = self.session.core().await;
        core.vault.close().await.map_err(Failure::from)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Ok(connection) = self.connection.try_lock()
            && let Some(connection) = connection.as_ref()
        {
            connection.abort();
        }
    }
}
