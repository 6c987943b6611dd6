//! What of QUIC outlives the relay's process: the key of stateless resets (RFC 9000 §10.3).
//!
//! After kill -9 the relay knows none of its connections; their clients do not know that. With a reset key that the
//! next process derives again from the relay's own key, the first packet of such a client is answered with a reset
//! that it can verify, and it connects again at once. Without one it is deaf until its idle timeout.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use wardline_identity::{Entropy as _, SystemEntropy};

/// The endpoint of a relay with this private key.
pub(super) fn endpoint_config(relay_key: &[u8]) -> EndpointConfig {
    let secret = sign(&Key::new(HMAC_SHA256, relay_key), LABEL);
    let mut config = EndpointConfig::new(Arc::new(Key::new(HMAC_SHA256, secret.as_ref())));
    // quinn's own ids carry a check under a key of the process: packets of an earlier one would be dropped unseen.
    config.cid_generator(|| Box::new(RandomIds));
    config
}

/// Tells this use of the relay's key from any other.
const LABEL: &[u8] = b"Wardline 1.0 QUIC stateless reset";

/// Random ids without a check.
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut bytes = [0; ID_BYTES];
        // An id is no secret: should the system give no randomness, zeros collide and quinn asks again or refuses.
        let _ = SystemEntropy.fill(&mut bytes);
        ConnectionId::new(&bytes)
    }

    fn cid_len(&self) -> usize {
        ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// As long as RFC 9000 asks of ids that should not be guessed or collide.
const ID_BYTES: usize = 8;
