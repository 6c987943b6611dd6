//! A connection over QUIC.

use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quinn::{VarInt, crypto::rustls::QuicClientConfig};
use tokio_util::task::AbortOnDropHandle;
use wardline_proto::h3::{ALPN_HTTP3, CloseCode, Connection, EXPORTER_LABEL, FIELD_SECTION_BYTES_MAX};

use super::{ConnectOptions, RelayError, channel::Channel, connection::Established, tls};

/// Below the time after which network address translators forget an idle UDP flow, often 30 s.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// After this much silence the connection is given up.
const IDLE_MILLIS: u32 = 30_000;
/// HTTP/3 needs three streams of the relay's; some room for what means nothing.
const CONTROL_STREAMS: u32 = 8;

/// What keeps a QUIC connection; dropping it closes the connection.
pub(super) struct Quic {
    endpoint: quinn::Endpoint,
    connection: quinn::Connection,
    _driver: AbortOnDropHandle<()>,
}

/// Connects to one address.
pub(super) async fn connect(
    options: &ConnectOptions,
    remote: SocketAddr,
    host: &str,
) -> Result<Established, RelayError> {
    let (tls, verifier) = tls::client_config(options, ALPN_HTTP3)?;
    let crypto = QuicClientConfig::try_from(tls).map_err(RelayError::broken)?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    let endpoint = quinn::Endpoint::client(unspecified(remote)).map_err(RelayError::unavailable)?;
    let connecting = endpoint.connect_with(config, remote, host).map_err(RelayError::broken)?;
    let connection = connecting.await.map_err(|error| match verifier.failure() {
        Some(source) => RelayError::Untrusted { source },
        None => RelayError::from_quic(error),
    })?;
    let mut exporter = [0; 32];
    connection
        .export_keying_material(&mut exporter, EXPORTER_LABEL, b"")
        .map_err(|_| RelayError::broken("the connection exports no key"))?;
    let mut builder = h3::client::builder();
    builder.max_field_section_size(FIELD_SECTION_BYTES_MAX.into()).send_grease(false);
    let built = builder.build(Connection::new(connection.clone())).await;
    let (mut driver, requests) = built.map_err(|error| match connection.close_reason() {
        Some(reason) => RelayError::from_quic(reason),
        None => RelayError::broken(error),
    })?;
    let driver = tokio::spawn(async move {
        let ended = poll_fn(|cx| driver.poll_close(cx)).await;
        tracing::debug!(%ended, "an HTTP/3 connection ended");
    });
    let quic = Quic { endpoint, connection, _driver: AbortOnDropHandle::new(driver) };
    Ok(Established::quic(quic, Channel::Http3(requests), exporter))
}

fn transport() -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    transport
        .max_idle_timeout(Some(VarInt::from_u32(IDLE_MILLIS).into()))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(CONTROL_STREAMS.into())
        .datagram_receive_buffer_size(None);
    transport
}

/// Any port of the same family.
fn unspecified(remote: SocketAddr) -> SocketAddr {
    match remote {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

impl Quic {
    /// Goes on from a new socket; streams go on too.
    pub(super) fn rebind(&self) -> io::Result<()> {
        self.endpoint.rebind(UdpSocket::bind(unspecified(self.connection.remote_address()))?)
    }

    /// How the connection ended, if it has.
    pub(super) fn ended(&self) -> Option<RelayError> {
        self.connection.close_reason().map(RelayError::from_quic)
    }
}

impl Drop for Quic {
    fn drop(&mut self) {
        CloseCode::Done.close(&self.connection);
    }
}
