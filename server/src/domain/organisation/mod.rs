//! Who may use the relay: invitations, enrolments, certificates, people (design 4.2).
//!
//! An invitation is opened by an issuer, spent by the first device with a good claim, and judged by an
//! issuer, who hands in the device's certificate or a refusal:
//!
//! | Operation | unknown | open | expired | cancelled | waiting | issued | refused |
//! |---|---|---|---|---|---|---|---|
//! | publish | opens | same | same | same | same | same | same |
//! | cancel | unknown | cancels | cancels | same | spent | spent | spent |
//! | claim, first device | unknown | waits | expired | cancelled | same | same | same |
//! | claim, another device | unknown | – | – | – | spent | spent | spent |
//! | issue | unknown | unknown | unknown | unknown | issues, or refuses | same bytes only | unknown |
//! | refuse | unknown | unknown | unknown | unknown | refuses | unknown | same |
//!
//! A claim is for a device id that was never certified: one that was is turned away before it spends the
//! invitation, and one that was certified while it waited is refused when its certificate comes.
//!
//! The relay decides nothing that a stolen relay could abuse: records, claims and certificates are checked
//! against the organisation's root here, and again by every client.

mod enrolment;
mod error;
mod import;
mod invitation;
mod issue;
mod issuer_request;
mod issuers;
mod publish;
mod renewal;
mod storage;

pub use enrolment::{Enrolment, EnrolmentStatus, NewClaim, claim, refuse};
pub use error::{OrganisationError, OrganisationRefusal};
pub use import::import;
pub use invitation::{InvitationFate, Step, StoredInvitation};
pub use issue::{Issuance, issue, judge_certificate};
pub use issuer_request::{ISSUER_REQUESTS_MAX, StoredIssuerRequest, asked_since, request_issuer};
pub use issuers::{IssuersTaken, NewIssuers, judge_first, judge_issuers, take_issuers};
pub use publish::{NewInvitation, cancel, judge_record, listed_since, publish};
pub use renewal::{WaitingRenewal, ask_renewal, issue_renewal, judge_renewal, judge_renewed};
pub use storage::{DeviceOwner, OrganisationPin, OrganisationStorage, OrganisationView, PlaceInLine};

/// How many invitations of [`INVITATION_AGE_DAYS`] the relay takes: as many as one answer lists.
pub const INVITATIONS_MAX: usize = 10_000;

/// How long an invitation is listed, in days.
pub const INVITATION_AGE_DAYS: u64 = 90;

/// How many waiting enrolments one answer lists: an issuer judges them and asks again.
pub const WAITING_MAX: usize = 100;
