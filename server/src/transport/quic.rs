//! The QUIC door: accepts, TLS, admission, HTTP/3.

use std::sync::Arc;

use quinn::{VarInt, crypto::rustls::QuicServerConfig};
use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::time::timeout;
use wardline_proto::{fault, h3::EXPORTER_LABEL};

use super::{Limits, Peer, Refusal, Transport, TransportError, admission, http3, serve::House};

/// What one stream and one connection may send before they are read: a commit with its Welcome fits.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// HTTP/3 needs three streams of its own; the rest is for peers that send what means nothing (RFC 9114 §6.2.3).
const CONTROL_STREAMS: u32 = 8;

/// quinn's configuration. A client starts with the streams of one without a certificate.
pub(super) fn server_config(
    tls: ServerConfig,
    limits: &Limits,
) -> Result<quinn::ServerConfig, TransportError> {
    let crypto = QuicServerConfig::try_from(tls).map_err(|source| TransportError::Quic { source })?;
    let mut transport = quinn::TransportConfig::default();
    let idle = u32::try_from(limits.idle_timeout.as_millis()).unwrap_or(u32::MAX);
    transport
        .max_idle_timeout(Some(VarInt::from_u32(idle).into()))
        .max_concurrent_bidi_streams(limits.uncertified_calls.into())
        .max_concurrent_uni_streams(CONTROL_STREAMS.into())
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(CONNECTION_WINDOW_BYTES.into())
        .send_window(CONNECTION_WINDOW_BYTES.into())
        .datagram_receive_buffer_size(None);
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport)).migration(true);
    Ok(config)
}

/// The door, open.
pub(super) struct QuicDoor {
    pub(super) endpoint: quinn::Endpoint,
    pub(super) house: Arc<House>,
}

impl QuicDoor {
    /// Accepts until the relay stops; then new connections are refused.
    pub(super) async fn run(self) {
        let house = &self.house;
        loop {
            let incoming = tokio::select! {
                () = house.stopping.cancelled() => break,
                incoming = self.endpoint.accept() => incoming,
            };
            let Some(incoming) = incoming else { break };
            let Some(place) = house.place() else {
                incoming.refuse();
                continue;
            };
            let remote = incoming.remote_address().ip();
            // A flood from forged addresses must not fill the doorstep, nor send anybody away (RFC 9000 §8.1.2).
            let crowded = house.quic_doorstep.crowded(remote) && !fault::planted("mutant.no_retry");
            if crowded && incoming.may_retry() && !incoming.remote_address_validated() {
                // Fails only where `may_retry` said no.
                let _ = incoming.retry();
                continue;
            }
            let Some(handshake) = house.quic_doorstep.enter(remote) else {
                incoming.refuse();
                continue;
            };
            // Its first message came with the connection.
            handshake.has_spoken();
            let served = self.house.clone();
            house.tasks.spawn(async move {
                let established = tokio::select! {
                    established = timeout(served.limits.handshake_timeout, incoming.into_future()) => established,
                    () = handshake.sent_away() => return,
                };
                drop(handshake);
                match established {
                    Ok(Ok(connection)) => served.serve_quic(connection).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a QUIC handshake failed"),
                    Err(_) => tracing::debug!("a QUIC handshake took too long"),
                }
                drop(place);
            });
        }
        self.endpoint.set_server_config(None);
    }
}

impl House {
    async fn serve_quic(&self, connection: quinn::Connection) {
        let mut exporter = [0; 32];
        if connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").is_err() {
            return;
        }
        let identity = connection.peer_identity();
        let chain = identity.and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
        let chain: &[CertificateDer<'_>] = chain.as_deref().map_or(&[], Vec::as_slice);
        let remote = connection.remote_address();
        let Some(_uncertified) = self.uncertified_place(chain, remote.ip()) else {
            Refusal::LimitReached.close(&connection);
            return;
        };
        let (limits, connections) = (&self.limits, &self.connections);
        let admitted =
            admission::admit(chain, self.admission.as_ref(), connections, limits, Some(&connection));
        let (door, entered) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => {
                tracing::info!(transport = %Transport::Quic, %refusal, "a connection was refused");
                refusal.close(&connection);
                return;
            }
        };
        if !chain.is_empty() {
            connection.set_max_concurrent_bi_streams(self.limits.calls.into());
        }
        let peer = Peer { transport: Transport::Quic, remote, door, exporter, connection: entered.id };
        http3::serve(connection, peer, &entered, self.gate.clone(), &self.limits, &self.stopping).await;
    }
}
