//! Device certificates that were verified once, so that a roster of hundreds is read without as many signature checks.
//!
//! Whether a certificate chains to a list of issuers depends on its bytes and on that list alone, as long as no dates are judged: so what
//! verified once verifies again. It is known by all of its bytes, and an organisation by another list begins with none.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{CertificateError, DeviceCertificate};

/// How many are kept: every device of a large conversation, and those of others beside it. One takes some two KiB.
const KEPT_MAX: usize = 4_096;

/// Those of one list of issuers. Copies share them.
#[derive(Clone, Default)]
pub(crate) struct Verified(Arc<Mutex<HashMap<Box<[u8]>, DeviceCertificate>>>);

/// Names nobody.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified")
    }
}

impl Verified {
    /// The certificate, if it was verified before; otherwise what `verify` says, which is kept if it is good.
    pub(crate) fn or_verify(
        &self,
        der: &[u8],
        verify: impl FnOnce() -> Result<DeviceCertificate, CertificateError>,
    ) -> Result<DeviceCertificate, CertificateError> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(der) {
            return Ok(known.clone());
        }
        let certificate = verify()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(der.into(), certificate.clone());
        Ok(certificate)
    }
}

/// What was verified before says nothing about whose it is.
impl PartialEq for Verified {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
