//! A connection: TLS 1.3 by ring, HTTP/2, the root pinned by its fingerprint.

use std::sync::{Arc, Mutex};

use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    version::TLS13,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::{Device, Problem, statement::sha256};

const EXPORTER_LABEL: &[u8] = b"EXPORTER-wardline-enrolment";

/// A connection to the relay.
#[derive(Clone, Debug)]
pub struct Relay {
    /// What calls go over.
    pub channel: Channel,
    /// The connection's TLS exporter.
    pub exporter: [u8; 32],
}

impl Relay {
    /// Connects; with a device's certificate, or with none.
    ///
    /// # Errors
    /// [`Problem::Broken`] if the relay is not there or not the organisation's.
    pub async fn connect(address: &str, root: [u8; 32], device: Option<&Device>) -> Result<Self, Problem> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned { root, provider }));
        let mut config = match device {
            None => builder.with_no_client_auth(),
            Some(device) => {
                let chain = vec![device.certificate.clone().into(), device.issuer.clone().into()];
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(device.pkcs8()));
                builder.with_client_auth_cert(chain, key)?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (host, _) = address.rsplit_once(':').ok_or(Problem::Wrong("an address without a port"))?;
        let name = ServerName::try_from(host.to_owned())?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let exporter = tls.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, Some(b""))?;

        // One connection and no other: the exporter is this one's.
        let once = Mutex::new(Some(TokioIo::new(tls)));
        let connector = tower::service_fn(move |_| {
            let stream = once.lock().ok().and_then(|mut stream| stream.take());
            async move { stream.ok_or_else(|| std::io::Error::other("the connection has ended")) }
        });
        let endpoint = Endpoint::from_static("http://relay");
        Ok(Self { channel: endpoint.connect_with_connector(connector).await?, exporter })
    }
}

/// Trusts the root with this fingerprint, shown by the relay, and whoever chains to it.
#[derive(Debug)]
struct Pinned {
    root: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let root = intermediates.iter().find(|shown| sha256(shown) == self.root);
        let root = root.ok_or_else(|| Error::General("the relay shows another root".to_owned()))?;
        let mut roots = RootCertStore::empty();
        roots.add(root.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let schemes = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
