//! Keeping who asks to be an issuer's machine, for whoever holds the root: few, for a while, and of a device the newest.
//!
//! The relay grants nothing by it: the root's holder judges each by public data again.

use bytes::Bytes;
use wardline_identity::{ISSUER_REQUEST_SECONDS, IssuerRequest};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{DeviceId, UtcMillis, fault};

use super::{OrganisationError, OrganisationRefusal, OrganisationStorage};

/// So many devices ask at one time.
pub const ISSUER_REQUESTS_MAX: usize = 20;

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredIssuerRequest {
    /// The device that asks.
    pub device: DeviceId,
    /// When, by its clock.
    pub requested_at: UtcMillis,
    /// As it signed it.
    pub request: SignedStatement,
    /// Its certificate, DER.
    pub certificate: Bytes,
}

impl StoredIssuerRequest {
    /// A request that was verified.
    #[must_use]
    pub fn new(verified: &IssuerRequest, request: SignedStatement) -> Self {
        Self {
            device: verified.device(),
            requested_at: verified.requested_at(),
            request,
            certificate: Bytes::copy_from_slice(verified.signer().der()),
        }
    }
}

/// Keeps a request that was verified; the same again changes nothing.
///
/// # Errors
/// [`OrganisationRefusal::IssuerRequestOlder`], [`OrganisationRefusal::IssuerRequestsFull`].
pub async fn request_issuer<S: OrganisationStorage>(
    storage: &mut S,
    request: &StoredIssuerRequest,
    now: UtcMillis,
) -> Result<(), OrganisationError> {
    if let Some(before) = storage.issuer_request(request.device).await? {
        if before.request.body == request.request.body {
            return Ok(());
        }
        // Whoever repeats an old one puts none in the place of a newer.
        if before.requested_at >= request.requested_at && !fault::planted("mutant.older_issuer_request") {
            return Err(OrganisationRefusal::IssuerRequestOlder.into());
        }
    }
    let others = storage.issuer_requests_since(asked_since(now)).await?;
    if others.iter().filter(|one| one.device != request.device).count() >= ISSUER_REQUESTS_MAX {
        return Err(OrganisationRefusal::IssuerRequestsFull.into());
    }
    storage.keep_issuer_request(request, asked_since(now), now).await?;
    fault::crash("crash.issuer_requested");
    Ok(())
}

/// From when on requests count.
#[must_use]
pub const fn asked_since(now: UtcMillis) -> UtcMillis {
    UtcMillis::new(now.get().saturating_sub(ISSUER_REQUEST_SECONDS * 1_000))
}
