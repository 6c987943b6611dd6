//! Invitations: how a person without a device becomes one of the organisation's.
//!
//! An issuer makes a key, signs a *record* (its public half, for whom, until when) for the relay, and hands the
//! secret half to the person in a *link*. The device signs a *claim* (its certificate request, the record, the
//! TLS connection) with that key. Relay and registrar check record and claim with public data alone; subject
//! and role come from the record, never from the claim.

mod claim;
mod link;
mod offer;
mod record;

pub use claim::{EnrolmentClaim, ExporterCheck, claim_statement};
pub use link::InvitationLink;
pub use offer::{Invitation, InvitationSubject};
pub use record::InvitationRecord;
