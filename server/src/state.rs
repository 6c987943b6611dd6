//! What every service of the relay works with.

use std::{fmt, sync::Arc};

use wardline_identity::{Clock, Entropy};

use crate::{
    admission::Devices, enrolment_bell::EnrolmentBell, live::Live, organisations::Organisations,
    record_head::RecordHead, relay_identity::RelayIdentity, relay_renewal::RelayRenewal,
    revocations::Revocations, stillness::Stillness, store::Store, task_bell::TaskBell,
    transport::Connections, write_permits::WritePermits,
};

/// The running relay, shared by its services.
pub struct Relay {
    /// What is kept.
    pub store: Store,
    /// Who is connected.
    pub live: Live,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Who it is to its clients.
    pub identity: RelayIdentity,
    /// The head of its record.
    pub record: Arc<RecordHead>,
    /// Whom it serves.
    pub organisation: Organisations,
    /// Who is let in.
    pub devices: Arc<Devices>,
    /// Who is revoked.
    pub revocations: Arc<Revocations>,
    /// The live connections, to be cut.
    pub connections: Connections,
    /// Who waits for an enrolment to change.
    pub enrolments: EnrolmentBell,
    /// What members are to be asked for.
    pub tasks: TaskBell,
    /// How its own certificates are renewed.
    pub renewal: RelayRenewal,
    /// Whether it stands still for whoever holds the root.
    pub still: Stillness,
    /// Whose writes are under way.
    pub writes: WritePermits,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("streams", &self.live.stream_count()).finish_non_exhaustive()
    }
}
