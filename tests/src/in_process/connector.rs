//! How one device reaches the relay in this process.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wardline_client_core::{
    api::{Connected, Connector},
    relay::{ClientIdentity, Relay, RelayError},
};
use wardline_identity::DeviceCertificate;
use wardline_server::transport::{ConnectionId, Door, Peer, Transport};

use super::{
    Faults, RelayHouse,
    call::{InProcess, unavailable},
};

/// Connects one device, as whom its certificate says; admission and TLS are the doors' to try.
#[derive(Debug)]
pub struct InProcessConnector {
    house: Arc<RelayHouse>,
    certificate: Mutex<Option<Arc<DeviceCertificate>>>,
    faults: Arc<Faults>,
    /// Ends the newest connection.
    cut: Mutex<CancellationToken>,
}

impl InProcessConnector {
    /// For a device, by its id.
    ///
    /// # Panics
    /// If there is none, or the relay does not run.
    #[must_use]
    pub fn new(house: &Arc<RelayHouse>, device: &str, faults: Faults) -> Arc<Self> {
        Self::with(house, Some(house.certificate(device)), faults)
    }

    /// For whoever enrols.
    #[must_use]
    pub fn uncertified(house: &Arc<RelayHouse>) -> Arc<Self> {
        Self::with(house, None, Faults::default())
    }

    fn with(
        house: &Arc<RelayHouse>,
        certificate: Option<Arc<DeviceCertificate>>,
        faults: Faults,
    ) -> Arc<Self> {
        let (house, faults) = (house.clone(), Arc::new(faults));
        Arc::new(Self { house, certificate: Mutex::new(certificate), faults, cut: Mutex::default() })
    }

    /// What goes wrong on its connections.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The device's connection ends, in the middle of whatever it is at.
    pub fn drop_connection(&self) {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

impl Connector for InProcessConnector {
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>> {
        Box::pin(async move {
            let running = self.house.now().ok_or_else(|| unavailable("the relay is down"))?;
            let cut = running.dies.child_token();
            *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = cut.clone();
            let certificate = self.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let peer = Peer {
                transport: Transport::Quic,
                remote: ([127, 0, 0, 1], 1).into(),
                door: certificate.map_or(Door::Uncertified, Door::Device),
                exporter: [0; 32],
                connection: ConnectionId::new(self.house.next_connection()),
            };
            let relay = InProcess { relay: running.relay, cut, peer, faults: self.faults.clone() };
            Ok((Arc::new(relay) as Arc<dyn Relay>, "quic"))
        })
    }

    fn renewed(&self, _: ClientIdentity) {
        let mut certificate = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        let device = certificate.as_ref().expect("a device").device().to_string();
        *certificate = Some(self.house.certificate(&device));
    }
}
