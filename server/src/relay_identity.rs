//! Who the relay is to its clients: its Ed25519 key and certificate, and the greetings signed with them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wardline_identity::{Checkpoint, Organisation, SigningKey, StatementLabel, sign_statement};
use wardline_proto::relay::{HoldAnswer, RelayGreeting, RelayTime, RevocationAnswer, SignedStatement};
use wardline_proto::{Digest, UtcMillis, VERSIONS, fault};

/// The relay's signing identity. Clones share it.
#[derive(Debug, Clone)]
pub struct RelayIdentity {
    shared: Arc<Shared>,
}

/// The identity with the certificate of one moment: what is signed with it and what is shown beside belong together.
#[derive(Debug, Clone)]
pub struct SteadyIdentity {
    shared: Arc<Shared>,
    certificate: Bytes,
}

#[derive(Debug)]
struct Shared {
    key: SigningKey,
    /// Both leaves, the Ed25519 one first.
    leaves: Mutex<[Bytes; 2]>,
    /// Number and digest of the issuers' list in force.
    issuers: Mutex<(u64, Digest)>,
}

impl RelayIdentity {
    /// From the relay's Ed25519 key and its leaves, that key's first. Whether they belong together is judged at import.
    #[must_use]
    pub fn new(key: SigningKey, leaves: [Bytes; 2], organisation: &Organisation) -> Self {
        let issuers = Mutex::new((organisation.issuers_number(), organisation.issuers_digest()));
        Self { shared: Arc::new(Shared { key, leaves: Mutex::new(leaves), issuers }) }
    }

    /// Greetings name this issuers' list from now on.
    pub fn name_issuers(&self, organisation: &Organisation) {
        let named = (organisation.issuers_number(), organisation.issuers_digest());
        *self.shared.issuers.lock().unwrap_or_else(PoisonError::into_inner) = named;
    }

    /// The relay's leaves, DER: Ed25519 and P-256.
    #[must_use]
    pub fn leaves(&self) -> [Bytes; 2] {
        self.shared.leaves.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same keys have these leaves from now on, that of the Ed25519 key first.
    pub fn renew(&self, leaves: [Bytes; 2]) {
        *self.shared.leaves.lock().unwrap_or_else(PoisonError::into_inner) = leaves;
    }

    /// With the certificate of this moment.
    #[must_use]
    pub fn steady(&self) -> SteadyIdentity {
        let [certificate, _] = self.leaves();
        SteadyIdentity { shared: Arc::clone(&self.shared), certificate }
    }

    /// The relay's leaf, DER.
    #[must_use]
    pub fn certificate(&self) -> Bytes {
        self.steady().certificate
    }

    /// A head of the record, signed: the whole note.
    #[must_use]
    pub fn sign_checkpoint(&self, head: &Checkpoint) -> Bytes {
        head.sign(&self.shared.key)
    }

    /// What the relay says first on every stream and enrolment call.
    #[must_use]
    pub fn greeting(&self, now: UtcMillis, applies: Applied) -> RelayGreeting {
        let steady = self.steady();
        RelayGreeting {
            versions: Some(VERSIONS),
            time: Some(steady.time(now, applies)),
            relay_certificate: steady.certificate,
        }
    }
}

impl SteadyIdentity {
    /// The relay's clock, the numbers of the revocation list and the policy in force and the head of the record, signed.
    #[must_use]
    pub fn time(&self, now: UtcMillis, applies: Applied) -> SignedStatement {
        let (issuers_number, issuers) = *self.shared.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        let time = RelayTime {
            time: Some(clock_shown(now).into()),
            revocation_list_number: applies.list_number,
            policy_number: applies.policy_number,
            issuers_list_number: list_shown(issuers_number),
            record_head: applies.record_head,
            holds_sha256: applies.holds_sha256,
            issuers_list_sha256: digest_shown(issuers).to_wire(),
        };
        sign_statement(&self.shared.key, StatementLabel::RelayTime, &time, Some(&self.certificate))
    }

    /// The relay's leaf, DER.
    #[must_use]
    pub fn certificate(&self) -> Bytes {
        self.certificate.clone()
    }

    /// Since when a revocation list is in force, signed.
    #[must_use]
    pub fn sign_revocation_answer(&self, answer: &RevocationAnswer) -> SignedStatement {
        let label = StatementLabel::RevocationAnswer;
        sign_statement(&self.shared.key, label, answer, Some(&self.certificate))
    }

    /// Since when devices are on hold by a statement, signed.
    #[must_use]
    pub fn sign_hold_answer(&self, answer: &HoldAnswer) -> SignedStatement {
        sign_statement(&self.shared.key, StatementLabel::HoldAnswer, answer, Some(&self.certificate))
    }
}

/// What the relay applies now, as its time says.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The number of the revocation list in force.
    pub list_number: u64,
    /// The number of the policy in it; 0 before the first.
    pub policy_number: u64,
    /// By what the holds are told that it does not name; empty if there are none.
    pub holds_sha256: Bytes,
    /// The head of the record.
    pub record_head: Bytes,
}

/// The clock, but where a test has the relay lie about it.
fn clock_shown(now: UtcMillis) -> UtcMillis {
    match () {
        () if fault::planted("relay.wrong_time") => now.plus_seconds(3_600),
        () if fault::planted("relay.time_back") => UtcMillis::new(now.get() - 120_000),
        () => now,
    }
}

/// What the issuers' list is, but where a test has the relay lie about it.
fn digest_shown(digest: Digest) -> Digest {
    if fault::planted("relay.other_issuers") { Digest::of(b"another list") } else { digest }
}

/// The number of the issuers' list, but where a test has the relay lie about it.
fn list_shown(number: u64) -> u64 {
    match () {
        () if fault::planted("relay.lower_list") => number - 1,
        () if fault::planted("relay.higher_list") => number + 1,
        () => number,
    }
}
