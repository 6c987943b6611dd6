//! The organisation as the relay knows it now: one issuers' list, held in memory, and held still while something is judged by it
//! and written.
//!
//! What an issuer signed is judged before the transaction that stores it. A list that strikes the issuer in between must not miss
//! it: so judging and storing hold the gate together, and a new list waits for the gate.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock as Gate};
use wardline_identity::Organisation;
use wardline_proto::fault;

/// The organisation in force. Clones are one.
#[derive(Debug, Clone)]
pub struct Organisations {
    now: Arc<RwLock<Arc<Organisation>>>,
    gate: Arc<Gate<()>>,
}

/// The organisation, which does not change while this is held.
#[derive(Debug)]
pub struct Steady {
    organisation: Arc<Organisation>,
    _held: Option<OwnedRwLockReadGuard<()>>,
}

impl std::ops::Deref for Steady {
    type Target = Organisation;

    fn deref(&self) -> &Organisation {
        &self.organisation
    }
}

/// Held while the organisation is changed: nobody stores what was judged by the one before.
#[derive(Debug)]
pub struct Changing {
    _held: OwnedRwLockWriteGuard<()>,
}

impl Organisations {
    /// As imported.
    #[must_use]
    pub fn new(organisation: Organisation) -> Self {
        Self { now: Arc::new(RwLock::new(Arc::new(organisation))), gate: Arc::default() }
    }

    /// The organisation in force now.
    #[must_use]
    pub fn now(&self) -> Arc<Organisation> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The organisation, held still: keep it until what was judged by it is on disk.
    pub async fn steady(&self) -> Steady {
        if fault::planted("mutant.issuers_unsteady") {
            return Steady { organisation: self.now(), _held: None };
        }
        let held = Arc::clone(&self.gate).read_owned().await;
        Steady { organisation: self.now(), _held: Some(held) }
    }

    /// Waits until nothing is under way that was judged by the organisation in force.
    pub async fn changing(&self) -> Changing {
        Changing { _held: Arc::clone(&self.gate).write_owned().await }
    }

    /// Another issuers' list is in force.
    pub fn replace(&self, organisation: Organisation, _: &Changing) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(organisation);
    }
}
