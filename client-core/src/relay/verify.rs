//! Judges the relay's certificate.
//!
//! It must be a server's, for the name that was dialled, and chain to the organisation's root. Where only the
//! root's hash is known, the root is taken from what the relay shows, if its hash is the pinned one: a hash of 32
//! bytes names one certificate.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::Trust;

/// One attempt's verifier; keeps what was wrong, which neither transport hands through.
#[derive(Debug)]
pub(super) struct RelayVerifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    failure: Mutex<Option<Error>>,
}

impl RelayVerifier {
    pub(super) fn new(trust: Trust, provider: Arc<CryptoProvider>) -> Self {
        Self { trust, provider, failure: Mutex::new(None) }
    }

    /// What was wrong with the certificate, if the attempt failed because of it.
    pub(super) fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn root<'a>(&'a self, shown: &'a [CertificateDer<'a>]) -> Result<CertificateDer<'static>, Error> {
        match &self.trust {
            Trust::Root(der) => Ok(CertificateDer::from(der.clone())),
            Trust::Fingerprint(pinned) => shown
                .iter()
                .find(|certificate| pinned.matches(certificate))
                .map(|root| root.clone().into_owned())
                .ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    fn note<T>(&self, verdict: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &verdict {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
        verdict
    }
}

impl ServerCertVerifier for RelayVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.root(intermediates).and_then(|root| {
            let mut roots = RootCertStore::empty();
            roots.add(root)?;
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
                .build()
                .map_err(|error| Error::General(error.to_string()))?
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        });
        self.note(verdict)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Not reached: the configuration speaks TLS 1.3 only.
        Err(Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.note(verify_tls13_signature(message, certificate, signature, algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
