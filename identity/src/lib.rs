//! Who is who: names, keys, certificates, chains, signed statements and invitations.
//!
//! Relay and client judge identity with this one crate, so they cannot disagree. It trusts one thing, the
//! pinned [`RootFingerprint`]; everything else is a claim until a check here returns a verified type
//! ([`Organisation`], [`DeviceCertificate`], [`RelayCertificate`], [`InvitationRecord`], [`EnrolmentClaim`]).
//! It does no I/O, reads no clock and draws no randomness of its own: both are parameters ([`Clock`],
//! [`Entropy`]). Sources: RFC 5280 (certificates), RFC 2986 (requests), RFC 8032 and RFC 8410 (Ed25519).

mod authority;
mod certificate;
mod clock;
mod device_uri;
mod entropy;
mod error;
mod invitation;
mod issuer_request;
mod issuers;
mod keys;
mod names;
mod oprf;
mod organisation;
mod policy;
mod record;
mod removal_record;
mod renewal;
mod revocation;
mod role;
mod statement;
mod unlock;
mod verified;

pub use authority::{IssuerAuthority, KEPT_MAX, RootAuthority, Strike};
pub use certificate::{
    DateCheck, DeviceCertificate, DeviceSubject, IssuerCertificate, RelayCertificate, RootFingerprint,
    certificate_request, verify_certificate_request,
};
pub use device_uri::{DeviceUri, device_id_new, device_id_parse, device_id_text};
pub use invitation::{
    EnrolmentClaim, ExporterCheck, Invitation, InvitationLink, InvitationRecord, InvitationSubject,
    claim_statement,
};
pub use issuer_request::{ISSUER_REQUEST_SECONDS, IssuerRequest};
pub use issuers::{StandingList, StruckIssuer};
pub use keys::{DeviceKey, P256SigningKey, PublicKey, SigningKey};
pub use names::{DeviceName, DisplayName, OrganisationId, UserId};
pub use oprf::{Blinding, Evaluated, OPRF_ELEMENT_BYTES, OPRF_PROOF_BYTES, OprfError, OprfKey};
pub use organisation::Organisation;
pub use policy::{
    Forbidden, MINIMUM_VERSIONS_MAX, Policy, PolicyError, Rules, Software, TEXT_BYTES_MAX, TEXT_BYTES_MIN,
};
pub use record::{
    CHECKPOINT_BYTES_MAX, Checkpoint, ClosingCommit, RecordAct, RecordEntry, RecordTree, RemovalConfirmation,
    record_leaf, record_node, verify_consistency, verify_inclusion,
};
pub use removal_record::{
    NamingList, Outcome, ProvenAct, ProvenCommit, ProvenConfirmation, ProvenEntry, ProvenRecord,
    ProvenRemoval, RemovalRecord, RemovalRecordError,
};
pub use renewal::Renewal;
pub use revocation::{
    ACTS_MAX, Adoption, AnsweredDevice, HELD_MAX, HOLD_SECONDS, HeldDevice, Hold, HoldAnswer, HoldStatement,
    LIST_LIFE_SECONDS, PendingHold, RESPONDERS_MAX, RevocationAct, RevocationAnswer, RevocationKind,
    RevocationList, RevocationReason, RevocationRegister, Standing, chain_of,
};
pub use role::Role;
pub use statement::{StatementLabel, sign_statement};
pub use unlock::{UnlockConfirmation, UnlockTry, UnlockTryError};

pub use clock::{Clock, ManualClock, SystemClock};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};

pub use error::{
    AuthorityError, CertificateError, EntropyError, FingerprintError, HoldError, InvitationError,
    IssuerRequestError, KeyError, LinkError, NameError, OrganisationError, RecordError, RenewalError,
    RequestError, RevocationError, SignatureError, StatementError,
};
