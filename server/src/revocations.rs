//! What is in force of revocation, held in memory so that a handshake and a call wait for no disk.
//!
//! A list gets here once it is on disk and before it is answered: from the answer on nobody whom it names is let in, and no
//! call of such a device is begun.

use std::sync::{Arc, PoisonError, RwLock};

use wardline_identity::{
    Clock, OrganisationId, RevocationAct, RevocationError, RevocationList, RevocationRegister, Standing,
};
use wardline_proto::{DeviceId, fault, relay::SignedStatement};

/// The register of the running relay.
#[derive(Debug)]
pub struct Revocations {
    clock: Arc<dyn Clock>,
    register: RwLock<RevocationRegister>,
}

impl Revocations {
    /// From what the database holds: the newest list and all acts, in order.
    #[must_use]
    pub fn load(
        organisation: &OrganisationId,
        clock: Arc<dyn Clock>,
        list: Option<RevocationList>,
        acts: Vec<RevocationAct>,
    ) -> Self {
        let register = match list {
            Some(list) => RevocationRegister::restore(list, acts),
            None => RevocationRegister::new(organisation),
        };
        Self { clock, register: RwLock::new(register) }
    }

    /// Where a device stands now.
    #[must_use]
    pub fn standing(&self, device: &DeviceId) -> Standing {
        let now = self.clock.now();
        self.register.read().unwrap_or_else(PoisonError::into_inner).standing(device, now)
    }

    /// The number of the list in force; 0 before the first.
    #[must_use]
    pub fn number(&self) -> u64 {
        if fault::planted("relay.list_hidden") {
            return 0;
        }
        self.register.read().unwrap_or_else(PoisonError::into_inner).number()
    }

    /// The list in force, as it was signed.
    #[must_use]
    pub fn list(&self) -> Option<SignedStatement> {
        self.head().map(|list| list.statement().clone())
    }

    /// The list in force.
    #[must_use]
    pub fn head(&self) -> Option<RevocationList> {
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        register.list().filter(|_| !fault::planted("relay.list_hidden")).cloned()
    }

    /// Takes in what was just written.
    ///
    /// # Errors
    /// [`RevocationError`]: it does not go on from what is here, which is a defect.
    pub fn take_in(&self, list: RevocationList, acts: &[RevocationAct]) -> Result<(), RevocationError> {
        if fault::planted("relay.list_old") {
            return Ok(());
        }
        let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
        register.adopt(list, acts).map(|_| ())
    }
}
