//! TLS of both transports: 1.3 and X25519MLKEM768 or nothing, no resumption, no early data.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    time_provider::TimeProvider,
    version::TLS13,
};
use wardline_identity::Clock;

use super::{ConnectOptions, RelayError, verify::RelayVerifier};

/// A configuration for one attempt, and the verifier that knows afterwards what was wrong.
pub(super) fn client_config(
    options: &ConnectOptions,
    alpn: &[u8],
) -> Result<(ClientConfig, Arc<RelayVerifier>), RelayError> {
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
        ..aws_lc_rs::default_provider()
    });
    let verifier = Arc::new(RelayVerifier::new(options.trust.clone(), provider.clone()));
    let builder = ClientConfig::builder_with_details(provider, Arc::new(DeviceTime(options.clock.clone())))
        .with_protocol_versions(&[&TLS13])
        .map_err(RelayError::broken)?
        .dangerous() // named so by rustls for any verifier that is not its own
        .with_custom_certificate_verifier(verifier.clone());
    let mut config = match &options.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = identity.chain.iter().cloned().map(CertificateDer::from).collect();
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.as_slice())).clone_key();
            builder.with_client_auth_cert(chain, key).map_err(RelayError::broken)?
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok((config, verifier))
}

/// The device's clock as rustls reads it.
#[derive(Debug)]
struct DeviceTime(Arc<dyn Clock>);

impl TimeProvider for DeviceTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now().get())))
    }
}
