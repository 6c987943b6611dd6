//! What is in force of revocation, held in memory so that a handshake and a call wait for no disk.
//!
//! A list gets here once it is on disk and before it is answered: from the answer on nobody whom it names is let in, and no
//! call of such a device is begun.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use wardline_identity::{
    Clock, Organisation, OrganisationId, PendingHold, Policy, RevocationAct, RevocationError, RevocationList,
    RevocationRegister, Standing, UserId,
};
use wardline_proto::{DeviceId, fault, relay::SignedStatement};

/// The register of the running relay.
#[derive(Debug)]
pub struct Revocations {
    clock: Arc<dyn Clock>,
    register: RwLock<RevocationRegister>,
}

impl Revocations {
    /// From what the database holds: the newest list and all acts, in order, and the holds that it does not name.
    #[must_use]
    pub fn load(
        organisation: &OrganisationId,
        clock: Arc<dyn Clock>,
        (list, acts): (Option<RevocationList>, Vec<RevocationAct>),
        holds: Vec<PendingHold>,
    ) -> Self {
        let mut register = match list {
            Some(list) => RevocationRegister::restore(list, acts),
            None => RevocationRegister::new(organisation),
        };
        // One that a list has named since is none any more.
        for hold in holds {
            let _ = register.hold(hold);
        }
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

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        register.policy().clone()
    }

    /// Drops the holds that are nobody's any more by a list of issuers.
    pub fn drop_struck(&self, organisation: &Organisation) {
        let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
        for device in register.drop_struck(organisation) {
            tracing::info!(device.id = %device, "a hold has ended: its signer's issuer was struck");
        }
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

    /// Takes in a hold that was just written.
    pub fn hold(&self, hold: PendingHold) {
        let mut register = self.register.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = register.hold(hold) {
            tracing::error!(%error, "a hold that is on disk does not count in memory");
        }
    }

    /// The holds that the list in force does not name.
    #[must_use]
    pub fn holds(&self) -> Vec<PendingHold> {
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        if fault::planted("relay.holds_hidden") { Vec::new() } else { register.holds().to_vec() }
    }

    /// By what they are told; empty if there are none.
    #[must_use]
    pub fn holds_digest(&self) -> Bytes {
        let register = self.register.read().unwrap_or_else(PoisonError::into_inner);
        if fault::planted("relay.holds_hidden") { Bytes::new() } else { register.holds_digest() }
    }

    /// Whether the list in force names this user as one whose devices may put others on hold.
    #[must_use]
    pub fn is_responder(&self, user: &UserId) -> bool {
        self.register.read().unwrap_or_else(PoisonError::into_inner).is_responder(user)
    }
}
