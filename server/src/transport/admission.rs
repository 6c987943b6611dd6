//! Who gets in: asked after every handshake, on both doors.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use wardline_identity::{DeviceCertificate, RevocationReason};
use wardline_proto::UtcMillis;
use wardline_proto::h3::{CloseCode, RevokedBecause};

use super::{Connections, Door, Limits, connections::Entered};

/// Judges the certificate of a connection whose TLS handshake is complete.
pub trait Admission: Send + Sync {
    /// Whose `chain` it is, if the device is in force now: leaf first, then the issuer's certificate, if sent.
    ///
    /// TLS has checked that the chain ends at the organisation's root and that the client holds the leaf's key.
    /// Issuers and revocations change while the relay runs, so this asks for their state now. It is called twice
    /// for each connection: to learn whose it is, and again when a revocation would already find it.
    ///
    /// # Errors
    /// Why the connection is to be closed.
    fn admit(&self, chain: &[CertificateDer<'_>]) -> Result<Arc<DeviceCertificate>, Refusal>;
}

/// Why a connection is closed after its handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The certificate is not one of this organisation's in force.
    #[error("the certificate is not in force")]
    CertificateInvalid,
    /// The issuer of the certificate was struck, and it is not among those that stay good.
    #[error("the issuer of the certificate was struck")]
    CertificateStruck,
    /// The device was revoked, or is on hold.
    #[error("the device was revoked")]
    DeviceRevoked {
        /// Why.
        reason: RevocationReason,
        /// Since when.
        since: UtcMillis,
    },
    /// There are as many connections as there may be.
    #[error("too many connections")]
    LimitReached,
}

impl Refusal {
    /// Says it on QUIC, by closing.
    pub(super) fn close(self, connection: &quinn::Connection) {
        match self {
            Self::CertificateInvalid => CloseCode::CertificateInvalid.close(connection),
            Self::CertificateStruck => CloseCode::CertificateStruck.close(connection),
            Self::DeviceRevoked { reason, since } => {
                RevokedBecause { reason: reason.to_string(), since_ms: since.get() }.close(connection);
            }
            Self::LimitReached => CloseCode::LimitReached.close(connection),
        }
    }
}

/// Admits a connection: what its certificate opens, and its place among the live ones.
pub(super) fn admit(
    chain: &[CertificateDer<'_>],
    admission: &dyn Admission,
    connections: &Connections,
    limits: &Limits,
    quic: Option<&quinn::Connection>,
) -> Result<(Door, Entered), Refusal> {
    if chain.is_empty() {
        return Ok((Door::Uncertified, connections.enter(None, quic.cloned(), limits)));
    }
    let device = admission.admit(chain)?.device();
    let entered = connections.enter(Some(device), quic.cloned(), limits);
    // A revocation marks first and cuts second. It either finds the entry or was marked before this look.
    let certificate = admission.admit(chain)?;
    Ok((Door::Device(certificate), entered))
}
