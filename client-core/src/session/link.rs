//! The connection: how it is made, where it stands, and keeping it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use wardline_identity::{Clock, Standing};
use wardline_proto::{Reason, fault, relay::CountKeyPackagesRequest};

use super::{Session, acknowledge::acknowledge, backoff::Backoff, follow::follow, outbox, record, renewal};
use crate::{
    api::{Failure, FailureKind},
    conversation::Device,
    error::CoreError,
    relay::{ClientIdentity, ConnectOptions, Relay, RelayConnection, RelayError, TransportChoice, Trust},
    vault::VaultPair,
};

/// How long a command waits for a connection that is tried because of it.
const HURRY: Duration = Duration::from_secs(3);

/// A connection and the name of its transport: "quic" or "tcp".
pub type Connected = (Arc<dyn Relay>, &'static str);

/// How to reach the relay: a parameter, so that whole scenes run in one process.
pub trait Connector: Send + Sync {
    /// Connects, and says over which transport.
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>>;

    /// From now on the device has this key and certificate; the connection there is goes on as it was.
    fn renewed(&self, _identity: ClientIdentity) {}
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
    /// As whom since: the device has a newer certificate than the one it was opened with.
    newer: Mutex<Option<ClientIdentity>>,
}

impl RelayConnector {
    /// For an enrolled device.
    pub(crate) fn new(
        addresses: Vec<String>,
        root_der: Vec<u8>,
        identity: ClientIdentity,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::over(ConnectOptions::new(addresses, Trust::Root(root_der), Some(identity), clock))
    }

    /// With these options.
    pub(crate) fn over(options: ConnectOptions) -> Self {
        Self { options, newer: Mutex::default() }
    }
}

/// The ways to the relay: what tests bring, or the product's own.
#[derive(Clone)]
pub(crate) struct Ways {
    /// Before the vault is open, without a certificate.
    pub stranger: Option<Arc<dyn Connector>>,
    /// As the device.
    pub certified: Option<Arc<dyn Connector>>,
    /// Over what, where none is brought.
    pub transport: TransportChoice,
    /// By which time the relay's certificate is judged.
    pub clock: Arc<dyn Clock>,
}

impl Ways {
    /// The product's own.
    pub(crate) fn product(clock: Arc<dyn Clock>) -> Self {
        Self { stranger: None, certified: None, transport: TransportChoice::Auto, clock }
    }

    /// Without a certificate, as the header of a vault says.
    pub(crate) fn stranger(&self, pair: &VaultPair) -> Arc<dyn Connector> {
        if let Some(brought) = &self.stranger {
            return brought.clone();
        }
        let (addresses, trust) = (pair.addresses.clone(), Trust::Fingerprint(pair.root));
        let mut options = ConnectOptions::new(addresses, trust, None, self.clock.clone());
        options.transport = self.transport;
        Arc::new(RelayConnector::over(options))
    }

    /// As this device.
    pub(crate) fn certified(&self, device: &Device) -> Result<Arc<dyn Connector>, CoreError> {
        match &self.certified {
            Some(brought) => Ok(brought.clone()),
            None => Ok(Arc::new(product_connector(device, (self.transport, self.clock.clone()))?)),
        }
    }
}

/// The connector of the product, as this device.
pub(crate) fn product_connector(
    device: &Device,
    (transport, clock): (TransportChoice, Arc<dyn Clock>),
) -> Result<RelayConnector, CoreError> {
    let identity = client_identity(device)?;
    let mut connector = RelayConnector::new(
        device.addresses.clone(),
        device.organisation.root_der().to_vec(),
        identity,
        clock,
    );
    connector.options.transport = transport;
    Ok(connector)
}

impl Connector for RelayConnector {
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>> {
        Box::pin(async move {
            let mut options = self.options.clone();
            let newer = self.newer.lock().unwrap_or_else(PoisonError::into_inner).clone();
            options.identity = newer.or(options.identity);
            let connection = RelayConnection::connect(&options).await?;
            let transport = connection.transport().as_str();
            Ok((Arc::new(connection) as Arc<dyn Relay>, transport))
        })
    }

    fn renewed(&self, identity: ClientIdentity) {
        *self.newer.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }
}

/// As whom a device connects: its newest certificate, and its issuer's.
pub(crate) fn client_identity(device: &Device) -> Result<ClientIdentity, CoreError> {
    let issuer = device
        .organisation
        .issuer_of(&device.certificate.issuer())
        .ok_or_else(|| Failure::defect("The device's issuer is not on the list."))?;
    let chain = vec![device.certificate.der().to_vec(), issuer.der().to_vec()];
    Ok(ClientIdentity { key: device.key.to_pkcs8_v1(), chain })
}

/// Whether the relay said that this device is revoked or on hold, and whether it said why: a connection that is cut does not.
fn is_put_out(error: &CoreError) -> (bool, bool) {
    match error {
        CoreError::Relay(RelayError::Refused { reason: Reason::DeviceRevoked, metadata, .. }) => {
            (true, !metadata.is_empty())
        }
        _ => (false, false),
    }
}

impl Session {
    /// Keeps a connection for as long as it is polled: connects, follows the log, sends what waits, and begins
    /// again after a pause whenever the connection ends. Dropping it at any point loses nothing.
    pub(crate) async fn keep_connected(&self) {
        let mut backoff = Backoff::new();
        let mut cut = false;
        loop {
            let error = match self.connector.connect().await {
                Ok((relay, transport)) => self.use_connection(relay, transport, &mut backoff).await,
                Err(error) => error.into(),
            };
            let error = self.explained(error).await;
            let (out, says_why) = is_put_out(&error);
            if out && !says_why && !cut {
                // Who comes back at once is told.
                cut = true;
                continue;
            }
            cut = false;
            let failure = Failure::from(error);
            tracing::info!(reason = ?failure.kind, out, "the connection ended");
            // Tried again all the same: a hold may end.
            self.put_out(out.then(|| failure.clone()));
            self.relinked(Link::Offline(failure));
            tokio::select! {
                () = tokio::time::sleep(backoff.next(&*self.entropy)) => {}
                () = self.hurry.notified() => {}
            }
        }
    }

    /// Has the connection tried again now, if there is none, and waits a moment for what comes of it: whoever gives a command
    /// does not wait for the end of a pause.
    pub(crate) async fn hurry(&self) {
        let mut link = self.link.subscribe();
        if !matches!(*link.borrow_and_update(), Link::Offline(_)) || fault::planted("mutant.unhurried") {
            return;
        }
        self.hurry.notify_one();
        // Nothing by then: as if there were none.
        let _ = tokio::time::timeout(HURRY, link.changed()).await;
    }

    /// Asks the relay for something small over the connection that there is. One that died without a word answers nothing: it is made
    /// anew, and waited for a moment.
    pub(crate) async fn is_answered(&self) {
        let mut link = self.link.subscribe();
        let Link::Online { relay, .. } = link.borrow_and_update().clone() else { return };
        if fault::planted("mutant.dead_link") {
            return;
        }
        let asked = relay.count_key_packages(CountKeyPackagesRequest {}).await;
        if let Err(RelayError::Unavailable { .. }) = asked {
            // Whatever follows the connection finds the same, and says so here.
            let _ = tokio::time::timeout(HURRY, link.changed()).await;
            self.connected().await;
        }
    }

    /// A connection that is cut because this device was revoked says no more than that: the list may have come before.
    async fn explained(&self, error: CoreError) -> CoreError {
        let CoreError::Relay(RelayError::Refused {
            reason: Reason::DeviceRevoked,
            message,
            retry_after,
            metadata,
        }) = error
        else {
            return error;
        };
        let known = if metadata.is_empty() { self.out_by_list().await } else { None };
        let metadata = known.unwrap_or(metadata);
        RelayError::Refused { reason: Reason::DeviceRevoked, message, retry_after, metadata }.into()
    }

    /// What the list that this device goes by says of itself, if it is out by it: reason and time, as the relay says them.
    async fn out_by_list(&self) -> Option<HashMap<String, String>> {
        let core = self.core().await;
        match core.revocations.standing(&core.device.id(), self.clock.now()) {
            Standing::Held { since, reason, .. } | Standing::Revoked { since, reason } => {
                let (reason, since) = (reason.to_string(), since.get().to_string());
                Some(HashMap::from([("reason".to_owned(), reason), ("since_ms".to_owned(), since)]))
            }
            _ => None,
        }
    }

    /// Why this device is out: by the relay's word, or by the list, whether the relay is reached or not.
    pub(crate) async fn put_out_by_any(&self) -> Option<Failure> {
        let by_list = self.out_by_list().await.map(|metadata| RelayError::Refused {
            reason: Reason::DeviceRevoked,
            message: String::new(),
            retry_after: None,
            metadata,
        });
        self.is_out().or_else(|| by_list.map(Failure::from))
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
        self.heads.clear();
        // In order: nothing is left to chance that need not be.
        let ended = tokio::select! {
            biased;
            ended = follow(self, &relay, transport, caught_up) => ended,
            ended = outbox::run(self, &relay) => ended,
            ended = acknowledge(self, &relay) => ended,
            ended = record::prove(self, &relay) => ended,
            ended = renewal::run(self, &relay) => ended,
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
