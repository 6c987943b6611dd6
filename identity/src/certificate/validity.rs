//! When a certificate is good, and who asks.

use wardline_proto::UtcMillis;
use x509_parser::time::ASN1Time;

use crate::CertificateError;

/// Whether dates are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateCheck {
    /// The certificate and its issuer's must be valid at this instant.
    At(UtcMillis),
    /// Dates are not looked at: for members of a conversation, where nobody judges a leaf's dates (a lapsed
    /// device is put on the revocation list instead), and for records that were good when they were made.
    Skip,
}

impl From<UtcMillis> for DateCheck {
    fn from(now: UtcMillis) -> Self {
        Self::At(now)
    }
}

/// notBefore and notAfter; both ends are inside (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: UtcMillis,
    pub(crate) not_after: UtcMillis,
}

impl Validity {
    /// Refuses dates before 1970 and a certificate that ends before it begins.
    pub(crate) fn read(validity: &x509_parser::certificate::Validity) -> Result<Self, CertificateError> {
        let instant = |time: &ASN1Time| {
            u64::try_from(time.timestamp()).ok().map(|seconds| UtcMillis::new(0).plus_seconds(seconds))
        };
        match (instant(&validity.not_before), instant(&validity.not_after)) {
            (Some(not_before), Some(not_after)) if not_before <= not_after => {
                Ok(Self { not_before, not_after })
            }
            _ => Err(CertificateError::Profile { field: "validity" }),
        }
    }

    /// # Errors
    /// [`CertificateError::NotYetValid`] or [`CertificateError::Expired`].
    pub(crate) fn judge(self, dates: DateCheck) -> Result<(), CertificateError> {
        let Self { not_before, not_after } = self;
        match dates {
            DateCheck::Skip => Ok(()),
            DateCheck::At(now) if now < not_before => Err(CertificateError::NotYetValid { not_before }),
            DateCheck::At(now) if now.seconds() > not_after.seconds() => {
                Err(CertificateError::Expired { not_after })
            }
            DateCheck::At(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_the_validity_are_inside() {
        let validity = Validity { not_before: UtcMillis::new(1_000), not_after: UtcMillis::new(5_000) };
        let at = |millis| validity.judge(DateCheck::At(UtcMillis::new(millis)));
        assert!(matches!(at(999), Err(CertificateError::NotYetValid { .. })));
        assert_eq!((at(1_000), at(5_999)), (Ok(()), Ok(())));
        assert!(matches!(at(6_000), Err(CertificateError::Expired { .. })));
        assert_eq!(validity.judge(DateCheck::Skip), Ok(()));
    }
}
