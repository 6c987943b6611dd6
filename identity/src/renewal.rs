//! Renewal of a device's certificate: the device asks with its newest certificate for the next, of a new key (design 4.2).
//!
//! Nothing of whom the next certificate is for is in the request: organisation, user, device, names and role are those of the
//! certificate it was signed with. The new key signs the request too, so that nobody has another's key certified. Whether the
//! device is revoked, and which certificate is its newest, those judge who know.

use prost::Message as _;
use prost::bytes::Bytes;
use wardline_proto::relay as pb;
use wardline_proto::{Digest, UtcMillis, fault::planted};

use crate::{
    DeviceCertificate, DeviceKey, DeviceSubject, PublicKey, RenewalError, SigningKey, StatementLabel,
    sign_statement,
};

/// A request whose two signatures were checked.
#[derive(Debug, Clone)]
pub struct Renewal {
    before: DeviceCertificate,
    key: PublicKey,
}

impl Renewal {
    /// Asks, with the device's newest certificate and its key, for one of `next`. The same bytes each time.
    #[must_use]
    pub fn ask(key: &SigningKey, newest: &DeviceCertificate, next: &SigningKey) -> pb::RenewalRequest {
        let said = pb::CertificateRenewal {
            certificate_sha256: newest.fingerprint().to_wire(),
            public_key: Bytes::copy_from_slice(next.public().as_bytes()),
        };
        let renewal = sign_statement(key, LABEL, &said, Some(newest.der()));
        let possession = Bytes::copy_from_slice(&next.sign(LABEL, &renewal.body));
        pb::RenewalRequest { renewal: Some(renewal), possession }
    }

    /// Checks a request against the newest certificate of the device that is to have made it.
    ///
    /// # Errors
    /// [`RenewalError::Statement`] unless that certificate's key signed it, [`RenewalError::Malformed`],
    /// [`RenewalError::OtherCertificate`], [`RenewalError::SameKey`], [`RenewalError::Possession`].
    pub fn verify(request: &pb::RenewalRequest, newest: &DeviceCertificate) -> Result<Self, RenewalError> {
        let statement = request.renewal.as_ref().ok_or(RenewalError::Malformed)?;
        let body = match newest.verify_statement(LABEL, statement) {
            Err(_) if planted("mutant.renewal_by_anybody") => statement.body.clone(),
            body => body?,
        };
        let said = pb::CertificateRenewal::decode(body.clone()).map_err(|_| RenewalError::Malformed)?;
        let key = PublicKey::try_from(said.public_key.as_ref()).map_err(|_| RenewalError::Malformed)?;
        // To the byte: what a decoder skips would be kept and handed on, readable.
        if said.encode_to_vec() != body {
            return Err(RenewalError::Malformed);
        }
        if Digest::try_from(&said.certificate_sha256) != Ok(newest.fingerprint()) {
            return Err(RenewalError::OtherCertificate);
        }
        if newest.as_member().is_ok_and(|old| old == key) && !planted("mutant.renewal_of_same_key") {
            return Err(RenewalError::SameKey);
        }
        let held = key.verify(LABEL, &body, &request.possession).is_ok();
        if !held && !planted("mutant.renewal_without_key") {
            return Err(RenewalError::Possession);
        }
        Ok(Self { before: newest.clone(), key })
    }

    /// Judges the dates of the certificate that is to be followed: it is in the last third of its life, and in force.
    ///
    /// # Errors
    /// [`RenewalError::Early`], [`RenewalError::Certificate`].
    pub fn check_time(&self, now: UtcMillis) -> Result<(), RenewalError> {
        let from = self.before.renewable_from();
        if now < from && !planted("mutant.renewal_early") {
            return Err(RenewalError::Early { from });
        }
        self.before.check_dates(now).map_err(RenewalError::Certificate)
    }

    /// Whom the next certificate is for: exactly whom the one before is.
    #[must_use]
    pub const fn subject(&self) -> &DeviceSubject {
        self.before.subject()
    }

    /// The certificate that is to be followed.
    #[must_use]
    pub const fn before(&self) -> &DeviceCertificate {
        &self.before
    }

    /// The key that is to be certified.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether a certificate is what was asked for: of the same organisation, user, device, names and role, for the new key, and
    /// good for longer.
    ///
    /// # Errors
    /// [`RenewalError::Mismatch`].
    pub fn check_certificate(&self, next: &DeviceCertificate) -> Result<(), RenewalError> {
        let (old, new) = (self.before.subject(), next.subject());
        let field = match () {
            () if new.organisation != old.organisation => "organisation",
            () if new.user != old.user => "user",
            () if new.device != old.device => "device",
            () if new.display_name != old.display_name => "display name",
            () if new.device_name != old.device_name => "device name",
            () if new.role != old.role => "role",
            () if *next.key() != DeviceKey::Ed25519(self.key) => "key",
            () if next.not_after() <= self.before.not_after() => "end",
            () => return Ok(()),
        };
        if planted("mutant.renewal_mismatch") { Ok(()) } else { Err(RenewalError::Mismatch { field }) }
    }
}

const LABEL: StatementLabel = StatementLabel::CertificateRenewal;
