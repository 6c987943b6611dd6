//! TLS of both doors: 1.3 only, X25519MLKEM768 first, a client certificate if the client has one.
//!
//! rustls checks a client's chain up to the organisation's root here, by the relay's clock. Whether the device is
//! still in force is not its question: see `admission`.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    RootCertStore, ServerConfig, SignatureScheme,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
    time_provider::TimeProvider,
    version::TLS13,
};
use wardline_identity::Clock;
use zeroize::Zeroizing;

use super::TransportError;

/// One of the relay's two leaves.
pub struct RelayLeaf {
    /// The certificate, DER.
    pub certificate: CertificateDer<'static>,
    /// Its private key, PKCS #8 DER.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for RelayLeaf {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayLeaf").finish_non_exhaustive()
    }
}

/// What the relay shows and whom it believes.
#[derive(Debug)]
pub struct TlsMaterial {
    /// The organisation's root, DER: the only trust anchor. Also shown to clients, who may know its hash only.
    pub root: CertificateDer<'static>,
    /// The issuer that signed both leaves, DER.
    pub issuer: CertificateDer<'static>,
    /// Shown to clients that offer Ed25519.
    pub ed25519: RelayLeaf,
    /// Shown to all others (BoringSSL offers no Ed25519: Android, grpcio, Apple).
    pub p256: RelayLeaf,
    /// What both doors show now: these, until others are served. Keep a clone to serve them.
    pub served: ServedLeaves,
}

/// The leaves that new connections are shown. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct ServedLeaves(Arc<RwLock<Option<Arc<DualLeaf>>>>);

impl ServedLeaves {
    /// Shows these from now on; connections that there are go on.
    pub fn show(&self, leaves: TakenLeaves) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(leaves.0));
    }
}

/// Both leaves, which TLS has taken with their keys.
#[derive(Debug)]
pub struct TakenLeaves(DualLeaf);

impl ResolvesServerCert for ServedLeaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let leaves = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        leaves?.resolve(hello)
    }
}

impl TlsMaterial {
    /// Both leaves, if TLS takes them.
    ///
    /// # Errors
    /// [`TransportError::Certificate`]: a key that is none, or of another certificate.
    pub fn leaves(&self) -> Result<TakenLeaves, TransportError> {
        let provider = provider();
        Ok(TakenLeaves(DualLeaf {
            ed25519: self.certified_key(&provider, &self.ed25519)?,
            p256: self.certified_key(&provider, &self.p256)?,
        }))
    }

    /// A configuration for one door.
    pub(super) fn server_config(
        &self,
        clock: Arc<dyn Clock>,
        alpn: &[u8],
    ) -> Result<ServerConfig, TransportError> {
        let provider = provider();
        self.served.show(self.leaves()?);
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).map_err(|source| TransportError::Certificate { source })?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .clear_root_hint_subjects()
            .build()
            .map_err(|source| TransportError::Root { source })?;
        let mut config = ServerConfig::builder_with_details(provider, Arc::new(RelayTime(clock)))
            .with_protocol_versions(&[&TLS13])
            .map_err(|source| TransportError::Certificate { source })?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(self.served.clone()));
        config.alpn_protocols = vec![alpn.to_vec()];
        // A resumed session would skip the check of the certificate, an early one could be replayed.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        Ok(config)
    }

    fn certified_key(
        &self,
        provider: &CryptoProvider,
        leaf: &RelayLeaf,
    ) -> Result<Arc<CertifiedKey>, TransportError> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf.key.as_slice()));
        let chain = vec![leaf.certificate.clone(), self.issuer.clone(), self.root.clone()];
        let certified = provider
            .key_provider
            .load_private_key(key.clone_key())
            .map(|key| CertifiedKey::new(chain, key))
            .map_err(|source| TransportError::Certificate { source })?;
        certified.keys_match().map_err(|source| TransportError::Certificate { source })?;
        Ok(Arc::new(certified))
    }
}

/// Our clients require the first group; the others are for foreign clients.
fn provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::kx_group::{SECP256R1, X25519, X25519MLKEM768};
    let kx_groups = vec![X25519MLKEM768, X25519, SECP256R1];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// Ed25519 where the client offers it, else P-256.
#[derive(Debug)]
struct DualLeaf {
    ed25519: Arc<CertifiedKey>,
    p256: Arc<CertifiedKey>,
}

impl DualLeaf {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered = hello.signature_schemes();
        if offered.contains(&SignatureScheme::ED25519) {
            Some(self.ed25519.clone())
        } else if offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256) {
            Some(self.p256.clone())
        } else {
            None
        }
    }
}

/// The relay's clock as rustls reads it.
#[derive(Debug)]
struct RelayTime(Arc<dyn Clock>);

impl TimeProvider for RelayTime {
    fn current_time(&self) -> Option<UnixTime> {
        let now = std::time::Duration::from_millis(self.0.now().get());
        Some(UnixTime::since_unix_epoch(now))
    }
}
