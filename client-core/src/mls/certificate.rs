//! The check that MLS itself does not make: a leaf's certificate is one of the organisation's, and for the
//! leaf's key (RFC 9420 §5.3.1).

use wardline_identity::{DateCheck, DeviceCertificate, Organisation};

use super::{Leaf, MlsError};

/// The verified certificate of a leaf: issued in `organisation`, for an Ed25519 key, and that key is the
/// leaf's.
///
/// Pass [`DateCheck::Skip`] for members (nobody judges a leaf's dates) and a date for those one adds.
///
/// # Errors
/// [`MlsError::Certificate`], [`MlsError::CertificateMismatch`].
pub fn leaf_certificate(
    leaf: &Leaf,
    organisation: &Organisation,
    dates: DateCheck,
) -> Result<DeviceCertificate, MlsError> {
    let certificate = organisation.verify_device(&leaf.certificate_der, dates)?;
    if belongs(leaf, &certificate) { Ok(certificate) } else { Err(MlsError::CertificateMismatch) }
}

/// Whether this is the leaf's certificate and the leaf's key the certificate's.
pub(super) fn belongs(leaf: &Leaf, certificate: &DeviceCertificate) -> bool {
    certificate.der() == leaf.certificate_der
        && certificate.as_member().is_ok_and(|key| key.as_bytes() == &leaf.signature_key)
}
