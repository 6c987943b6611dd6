//! The relay's own certificates are followed by the next before they end: an issuer certifies the keys that the relay has.
//!
//! The keys stay, for what the relay has signed with them is kept by devices and checked again. New certificates are in the bundle
//! on disk before they are shown to anybody; connections that there are go on. A bundle that somebody else has put in the folder
//! meanwhile is for the relay's next start, and is not written over.

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use prost::Message as _;
use rustls::pki_types::CertificateDer;
use tokio::sync::Mutex;
use tonic::Status;
use wardline_identity::{DateCheck, Organisation, RelayCertificate};
use wardline_proto::relay::{IssueRelayCertificatesRequest, RelayBundle, RelayRenewal as Offer};
use wardline_proto::{Digest, UtcMillis, fault};

use crate::bundle::BUNDLE_BYTES_MAX;
use crate::data_dir::{DataDir, DataDirError, read_public, write_public};
use crate::domain::organisation::OrganisationRefusal;
use crate::relay_identity::RelayIdentity;
use crate::transport::{RelayLeaf, TlsMaterial, TransportError};

/// What renewing them takes.
pub struct RelayRenewal {
    data: DataDir,
    requests: (Bytes, Bytes),
    /// What is on disk. Held while it changes.
    bundle: Mutex<RelayBundle>,
    /// The keys, and what the doors show.
    tls: TlsMaterial,
}

/// New certificates could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayRenewalError {
    /// They are not what the relay asks for.
    #[error(transparent)]
    Refused(#[from] OrganisationRefusal),
    /// The bundle could not be written.
    #[error("the relay's bundle could not be written")]
    File(#[from] DataDirError),
    /// The operator has put another bundle there, which the next start reads.
    #[error("the bundle on disk is not the one that this relay runs by; restart it, or put its own back")]
    OtherBundle,
    /// TLS does not take them.
    #[error(transparent)]
    Tls(#[from] TransportError),
    /// The record does not have it.
    #[error("the record was not written")]
    Unrecorded(Box<Status>),
    /// Nobody waited for the disk.
    #[error("the relay stops")]
    Stopping,
}

impl fmt::Debug for RelayRenewal {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayRenewal").finish_non_exhaustive()
    }
}

impl RelayRenewal {
    /// Of the bundle in a data folder, with the requests for its keys and what the doors show.
    #[must_use]
    pub fn new(data: DataDir, bundle: RelayBundle, requests: (Vec<u8>, Vec<u8>), tls: TlsMaterial) -> Self {
        let requests = (requests.0.into(), requests.1.into());
        Self { data, requests, bundle: Mutex::new(bundle), tls }
    }

    /// What the relay asks an issuer for; none before the last third of its certificates, or of their issuer.
    #[must_use]
    pub fn offer(
        &self,
        organisation: &Organisation,
        identity: &RelayIdentity,
        now: UtcMillis,
    ) -> Option<Offer> {
        let [ed25519, p256] = identity.leaves();
        let due = [&ed25519, &p256].into_iter().any(|leaf| is_due(organisation, leaf, now));
        due.then(|| Offer {
            certificate_ed25519: ed25519,
            certificate_p256: p256,
            request_ed25519: self.requests.0.clone(),
            request_p256: self.requests.1.clone(),
        })
    }

    /// Takes certificates that an issuer hands in: on the record, which `recorded` sees to, then on disk, then in greetings and at the
    /// doors. Where it ends between the first two they are asked for again.
    ///
    /// # Errors
    /// [`RelayRenewalError`]; nothing has changed then.
    pub async fn take(
        &self,
        organisation: &Organisation,
        identity: &RelayIdentity,
        (new, now): (&IssueRelayCertificatesRequest, UtcMillis),
        recorded: impl Future<Output = Result<(), Status>> + Send,
    ) -> Result<(), RelayRenewalError> {
        let mut bundle = self.bundle.lock().await;
        let leaves = [new.certificate_ed25519.clone(), new.certificate_p256.clone()];
        if identity.leaves() == leaves {
            return Ok(());
        }
        // 1. They follow those there are, when these are near their end: no sooner, however often somebody certifies.
        let unasked = self.offer(organisation, identity, now).is_none();
        if unasked && !fault::planted("mutant.relay_certified_unasked") {
            return Err(OrganisationRefusal::CertificateMismatch { field: "beginning" }.into());
        }
        let issuer = Digest::of(&new.issuer);
        if !organisation.lists(issuer.as_bytes()) {
            return Err(OrganisationRefusal::CertificateInvalid.into());
        }
        for (before, der) in identity.leaves().iter().zip(&leaves) {
            judge(organisation, (before, der), (&issuer, now))?;
        }
        // 2. TLS takes them.
        let leaf = |der: &Bytes, like: &RelayLeaf| RelayLeaf {
            certificate: CertificateDer::from(der.to_vec()),
            key: like.key.clone(),
        };
        let tls = TlsMaterial {
            root: self.tls.root.clone(),
            issuer: CertificateDer::from(new.issuer.to_vec()),
            ed25519: leaf(&leaves[0], &self.tls.ed25519),
            p256: leaf(&leaves[1], &self.tls.p256),
            served: self.tls.served.clone(),
        };
        let taken = tls.leaves()?;
        // 3. On the record, and on disk, whole.
        let next = RelayBundle {
            organisation: Some(organisation.to_wire()),
            relay_certificate_ed25519: leaves[0].clone(),
            relay_certificate_p256: leaves[1].clone(),
            relay_issuer: new.issuer.clone(),
            ..bundle.clone()
        };
        let (path, after) = (self.data.bundle(), next.clone());
        let before = (!fault::planted("mutant.any_bundle_replaced")).then(|| bundle.clone());
        let (known, there) = (before.clone(), path.clone());
        let looked = tokio::task::spawn_blocking(move || is_known(&there, known.as_ref())).await;
        looked.map_err(|_| RelayRenewalError::Stopping)??;
        recorded.await.map_err(|status| RelayRenewalError::Unrecorded(Box::new(status)))?;
        let written = tokio::task::spawn_blocking(move || replace(&path, before.as_ref(), &after)).await;
        written.map_err(|_| RelayRenewalError::Stopping)??;
        *bundle = next;
        // 4. Shown from now on.
        self.tls.served.show(taken);
        identity.renew(leaves);
        tracing::info!("the relay's certificates were renewed");
        Ok(())
    }
}

/// Writes a bundle in place of the one that is known, and of no other.
fn replace(path: &Path, before: Option<&RelayBundle>, after: &RelayBundle) -> Result<(), RelayRenewalError> {
    is_known(path, before)?;
    Ok(write_public(path, &after.encode_to_vec())?)
}

/// Refuses a bundle on disk that is not the one that is known.
fn is_known(path: &Path, before: Option<&RelayBundle>) -> Result<(), RelayRenewalError> {
    let there = read_public(path, BUNDLE_BYTES_MAX)?.and_then(|bytes| RelayBundle::decode(&*bytes).ok());
    if before.is_some() && there.as_ref() != before {
        return Err(RelayRenewalError::OtherBundle);
    }
    Ok(())
}

/// Until when a certificate is of use: no longer than its issuer's.
fn ends(organisation: &Organisation, certificate: &RelayCertificate) -> UtcMillis {
    let issuer = organisation.issuer_of(&certificate.issuer());
    issuer.map_or(certificate.not_after(), |issuer| issuer.not_after().min(certificate.not_after()))
}

/// Whether a certificate is in the last third of the time that it is of use.
fn is_due(organisation: &Organisation, der: &[u8], now: UtcMillis) -> bool {
    organisation
        .verify_relay(der, DateCheck::Skip)
        .is_ok_and(|one| is_in_last_third(&one, ends(organisation, &one), now))
}

fn is_in_last_third(certificate: &RelayCertificate, ends: UtcMillis, now: UtcMillis) -> bool {
    let (from, to) = (certificate.not_before().get(), ends.get());
    now.get() >= to - to.saturating_sub(from) / 3
}

/// Whether a certificate follows one that the relay has: the same organisation, key and hosts, good for longer and for a while to come,
/// and no longer than its issuer: nobody would reach the relay after the issuer's end.
fn judge(
    organisation: &Organisation,
    (before, der): (&Bytes, &Bytes),
    (issuer, now): (&Digest, UtcMillis),
) -> Result<(), OrganisationRefusal> {
    let read = |der: &[u8], dates| organisation.verify_relay(der, dates);
    let next: RelayCertificate =
        read(der, DateCheck::At(now)).map_err(|_| OrganisationRefusal::CertificateInvalid)?;
    let before = read(before, DateCheck::Skip).map_err(|_| OrganisationRefusal::CertificateInvalid)?;
    let outlives = next.not_after() > ends(organisation, &next);
    let field = match () {
        () if next.key() != before.key() => "key",
        () if next.hosts() != before.hosts() => "hosts",
        () if next.issuer() != *issuer => "issuer",
        () if next.not_after() <= ends(organisation, &before) => "end",
        // It would be asked for again at once, and again: each time what is on disk is written, and greetings change.
        () if is_in_last_third(&next, next.not_after(), now)
            && !fault::planted("mutant.relay_certificate_due") =>
        {
            "end"
        }
        () if outlives && !fault::planted("mutant.relay_certificate_outlives") => "end",
        () => return Ok(()),
    };
    if fault::planted("mutant.relay_certificate_mismatch") {
        return Ok(());
    }
    Err(OrganisationRefusal::CertificateMismatch { field })
}
