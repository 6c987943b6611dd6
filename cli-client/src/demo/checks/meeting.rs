//! Our client meets a relay that can do one key exchange only, over QUIC or TCP.
//!
//! The relay's certificate is good (its root is made for the meeting and trusted), so the key exchange decides.

use std::{net::SocketAddr, sync::Arc};

use quinn::crypto::rustls::QuicServerConfig;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    version::TLS13,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;
use wardline_client_core::{
    api::Failure,
    relay::{ConnectOptions, RelayConnection, RelayError, TransportChoice, Trust},
};
use wardline_identity::{
    Clock as _, DisplayName, OrganisationId, RootAuthority, SigningKey, SystemClock, SystemEntropy,
    certificate_request,
};
use wardline_proto::h3::{ALPN_HTTP2, ALPN_HTTP3};

use super::defect;

/// How a handshake went at both ends.
pub(super) struct Meeting {
    /// At our client.
    pub client: Result<(), RelayError>,
    /// At the relay; in its words what was wrong.
    pub server: Result<(), String>,
}

/// Lets them meet.
///
/// # Errors
/// The relay could not be set up: a defect, or a machine without loopback.
pub(super) async fn meet(
    exchange: &'static dyn SupportedKxGroup,
    transport: TransportChoice,
) -> Result<Meeting, Failure> {
    let (config, root_der) = server(exchange)?;
    let (address, accepted) = match transport {
        TransportChoice::Quic => quic(config)?,
        _ => tcp(config).await?,
    };
    let trust = Trust::Root(root_der);
    let mut options = ConnectOptions::new(vec![address.to_string()], trust, None, Arc::new(SystemClock));
    options.transport = transport;
    let client = RelayConnection::connect(&options).await.map(drop);
    Ok(Meeting { client, server: accepted.await.map_err(defect)?.map(drop) })
}

/// Accepts one connection; holds it until the client has said how it went.
type Accepted = JoinHandle<Result<Box<dyn std::any::Any + Send>, String>>;

async fn tcp(mut config: ServerConfig) -> Result<(SocketAddr, Accepted), Failure> {
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(defect)?;
    let address = listener.local_addr().map_err(defect)?;
    let accepted = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        let tls = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
        let tls = tls.map_err(|error| error.to_string())?;
        Ok(Box::new(tls) as Box<dyn std::any::Any + Send>)
    });
    Ok((address, accepted))
}

fn quic(mut config: ServerConfig) -> Result<(SocketAddr, Accepted), Failure> {
    config.alpn_protocols = vec![ALPN_HTTP3.to_vec()];
    let crypto = QuicServerConfig::try_from(config).map_err(defect)?;
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let endpoint = quinn::Endpoint::server(config, ([127, 0, 0, 1], 0).into()).map_err(defect)?;
    let address = endpoint.local_addr().map_err(defect)?;
    let accepted = tokio::spawn(async move {
        let incoming = endpoint.accept().await.ok_or("nobody came")?;
        let connection = incoming.await.map_err(|error| error.to_string())?;
        Ok(Box::new((endpoint, connection)) as Box<dyn std::any::Any + Send>)
    });
    Ok((address, accepted))
}

/// A relay's TLS with a certificate of a root made for it.
fn server(exchange: &'static dyn SupportedKxGroup) -> Result<(ServerConfig, Vec<u8>), Failure> {
    let (entropy, now) = (&SystemEntropy, SystemClock.now());
    let name = DisplayName::parse("Elsewhere").map_err(defect)?;
    let id = OrganisationId::from_name("Elsewhere").map_err(defect)?;
    let root = RootAuthority::found(&name, id, entropy, now).map_err(defect)?;
    let issuer = root.found_issuer(&name, entropy, now).map_err(defect)?;
    let key = SigningKey::generate(entropy).map_err(defect)?;
    let request = certificate_request(&key).map_err(defect)?;
    let addresses = ["127.0.0.1:7443".to_owned()]; // certificates name hosts, not ports
    let certificate = issuer.certify_relay(&request, &addresses, entropy, now).map_err(defect)?;
    let provider = CryptoProvider { kx_groups: vec![exchange], ..aws_lc_rs::default_provider() };
    let chain = [certificate, issuer.certificate_der().to_vec()].map(CertificateDer::from).to_vec();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_pkcs8_v1().as_slice())).clone_key();
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(defect)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(defect)?;
    Ok((config, root.certificate_der().to_vec()))
}
