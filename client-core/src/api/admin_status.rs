//! One page for an administrator: what there is, what waits, what ends soon (`admin status`).
//!
//! Composed of what this device has verified, and of calls that others make too. What only the relay says is said to be so.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wardline_identity::{DateCheck, Standing};
use wardline_proto::{UtcMillis, relay::GetRemovalsRequest};

use super::{Answer, Failure, FailureKind, InvitationSummary, ListState, concerns, freshness, rfc3339};
use crate::{
    conversation::{self, Core},
    error::CoreError,
    relay::Relay,
    session::{Listed, Session, list_invitations, listed_devices, look_at_enrolments},
};

/// The removals of so many devices are looked at, those put out last first: one call each.
const REMOVALS_MAX: usize = 100;

/// A certificate that ends within so many days is counted.
const SOON_DAYS: u64 = 30;

/// The organisation on one page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdminStatus {
    /// What somebody should see to, the gravest first.
    pub warnings: Vec<Concern>,
    /// The organisation's name.
    pub organisation: String,
    /// SHA-256 of its root certificate.
    pub root: String,
    /// The number of the issuers' list.
    pub issuers_list: u64,
    /// Who vouches.
    pub issuers: Vec<IssuerShown>,
    /// How many issuers were struck.
    pub struck: usize,
    /// The list of revoked devices, if there is one yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListShown>,
    /// The relay's record, if this device knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordShown>,
    /// How many devices wait for a certificate, as the relay says; at most 100 are counted.
    pub enrolments_waiting: usize,
    /// How many invitations can still be used, as the relay says.
    pub invitations_open: usize,
    /// The devices.
    pub devices: DeviceCounts,
    /// What is still open of the removals of devices that are out, as the relay says.
    pub removals: OpenRemovals,
    /// When the relay's certificate ends, if this device knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_certificate_until: Option<String>,
    /// When a registrar last asked the relay for work; absent if none has since the relay started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrar_seen: Option<String>,
    /// How many lies the relay was caught in that nobody has seen.
    pub relay_faults: u64,
}

/// Something to see to: what happened, why, what to do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// Its kind, stable: "one_issuer", "list_old" and so on (`docs/cli-json.md`).
    pub concern: String,
    /// What happened, one sentence.
    pub what: String,
    /// Why it matters, one sentence.
    pub why: String,
    /// What to do now, one sentence.
    pub now: String,
}

/// An issuer in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerShown {
    /// Its name.
    pub name: String,
    /// SHA-256 of its certificate.
    pub issuer: String,
    /// When its certificate ends.
    pub until: String,
    /// Whether this device holds its key.
    pub this: bool,
}

/// The list of revoked devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListShown {
    /// Number, signed when, relied on until when.
    #[serde(flatten)]
    pub state: ListState,
    /// The issuer who signed it; absent if it is on no list any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How many holds other devices have signed that it does not name yet.
    pub holds_pending: usize,
}

/// The relay's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordShown {
    /// How many entries.
    pub size: u64,
    /// Whether the relay has proven to this device that it goes on from all that it has shown it before. `admin log --verify` reads all
    /// of it.
    pub goes_on: bool,
}

/// How many devices stand how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCounts {
    /// May do what their role permits.
    pub in_force: usize,
    /// Their certificate has ended.
    pub lapsed: usize,
    /// On hold.
    pub held: usize,
    /// Revoked, or on hold for too long.
    pub revoked: usize,
    /// In force, and their certificate ends within 30 days.
    pub ending: usize,
}

/// Conversations in which nothing is said before a device is out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRemovals {
    /// How many are open.
    pub open: usize,
    /// Of how many devices.
    pub devices: usize,
    /// Of how many devices that are out it was not asked: only the last 100 are looked at.
    pub not_asked: usize,
}

/// What the devices come to.
pub(super) struct Judged {
    pub counts: DeviceCounts,
    /// In force, with what is left of their certificate, in milliseconds; the shortest first.
    pub ending: Vec<(u64, String)>,
    /// When each hold counts as a revocation.
    pub holds_end: Vec<(UtcMillis, String)>,
    /// Since when each is out, the last first.
    out: Vec<(UtcMillis, wardline_proto::DeviceId)>,
}

impl Judged {
    pub(super) const fn none(counts: DeviceCounts) -> Self {
        Self { counts, ending: Vec::new(), holds_end: Vec::new(), out: Vec::new() }
    }
}

/// Reads the page.
pub(super) async fn admin_status(session: &Session, relay: &Arc<dyn Relay>) -> Result<Answer, CoreError> {
    // 1. What is asked of the relay.
    refuse_others(&*session.core().await)?;
    session.proven().await;
    let listed = listed_devices(session, relay, None).await?;
    let invitations = list_invitations(session, relay, None).await?.invitations;
    let (waiting, registrar_seen) = look_at_enrolments(relay).await?;
    let now = session.clock.now();
    let judged = judge(&*session.core().await, &listed, now);
    let removals = open_removals(relay, &judged).await?;
    // 2. What this device knows by itself.
    let record = session.record_shown().await?;
    let core = session.core().await;
    let organisation = &core.device.organisation;
    let relay_until = record.as_ref().and_then(|known| {
        let relay = organisation.verify_relay(&known.certificate, DateCheck::Skip);
        relay.ok().map(|relay| relay.not_after())
    });
    let own = core.device.issuing().map(|issuer| *issuer.certificate().fingerprint());
    let relay_faults = conversation::relay_fault_count(&core).await?;
    let facts = concerns::Facts {
        now,
        issuers: organisation
            .issuers()
            .iter()
            .map(|one| (one.not_after(), one.label().to_string()))
            .collect(),
        list: core.revocations.list().map(|list| (list.signed_at(), list.fresh_until())),
        holds_pending: core.revocations.holds().len(),
        waiting,
        registrar_seen,
        judged: &judged,
        removals: &removals,
        relay_until,
        relay_faults,
    };
    let warnings = concerns::concerns(&facts);
    Ok(Answer::AdminStatus(Box::new(AdminStatus {
        warnings,
        organisation: organisation.name().to_string(),
        root: organisation.root_fingerprint().to_string(),
        issuers_list: organisation.issuers_number(),
        issuers: organisation.issuers().iter().map(|one| issuer_shown(one, own.as_ref())).collect(),
        struck: organisation.struck().len(),
        list: list_shown(&core),
        record: record.map(|known| RecordShown { size: known.size, goes_on: known.goes_on }),
        enrolments_waiting: waiting,
        invitations_open: invitations.iter().filter(|one| is_open(one)).count(),
        devices: judged.counts.clone(),
        removals,
        relay_certificate_until: relay_until.map(rfc3339),
        registrar_seen: registrar_seen.map(rfc3339),
        relay_faults,
    })))
}

/// The relay shows this to administrators' and registrars' devices only; whoever asks is told what is theirs.
fn refuse_others(core: &Core) -> Result<(), CoreError> {
    let role = core.device.certificate.role();
    if role.may_issue() {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Refused,
        "This page is for administrators and registrars.",
        format!("This device's role is {role}."),
        "See how your own device stands: wardline status.",
    )
    .into())
}

fn is_open(invitation: &InvitationSummary) -> bool {
    invitation.state == "open"
}

fn issuer_shown(
    issuer: &wardline_identity::IssuerCertificate,
    own: Option<&wardline_proto::Digest>,
) -> IssuerShown {
    IssuerShown {
        name: issuer.label().to_string(),
        issuer: issuer.fingerprint().to_string(),
        until: rfc3339(issuer.not_after()),
        this: own == Some(issuer.fingerprint()),
    }
}

fn list_shown(core: &Core) -> Option<ListShown> {
    let signer = wardline_proto::Digest::try_from(&core.revocations.list()?.statement().signer).ok();
    let by = signer.and_then(|signer| core.device.organisation.issuer_of(&signer));
    Some(ListShown {
        state: freshness::list_state(core)?,
        by: by.map(|issuer| issuer.label().to_string()),
        holds_pending: core.revocations.holds().len(),
    })
}

/// Counts the devices, each by its newest certificate.
fn judge(core: &Core, listed: &[Listed], now: UtcMillis) -> Judged {
    let mut judged = Judged::none(DeviceCounts::default());
    for one in listed {
        let certificate = &one.certificate;
        let called = format!("{}'s “{}”", certificate.user(), certificate.device_name());
        match core.revocations.standing(&one.device(), now) {
            Standing::Revoked { since, .. } => {
                judged.counts.revoked += 1;
                judged.out.push((since, one.device()));
            }
            Standing::Held { since, until, .. } => {
                judged.counts.held += 1;
                judged.holds_end.push((until, called));
                judged.out.push((since, one.device()));
            }
            Standing::InForce if certificate.not_after() < now => judged.counts.lapsed += 1,
            Standing::InForce => {
                judged.counts.in_force += 1;
                if certificate.not_after() < now.plus_seconds(SOON_DAYS * 86_400) {
                    judged.counts.ending += 1;
                    judged.ending.push((certificate.not_after().get() - now.get(), called));
                }
            }
        }
    }
    judged.ending.sort_unstable();
    judged.holds_end.sort_unstable();
    judged.out.sort_unstable_by(|one, next| next.cmp(one));
    judged
}

async fn open_removals(relay: &Arc<dyn Relay>, judged: &Judged) -> Result<OpenRemovals, CoreError> {
    let mut found =
        OpenRemovals { not_asked: judged.out.len().saturating_sub(REMOVALS_MAX), ..OpenRemovals::default() };
    for (_, device) in judged.out.iter().take(REMOVALS_MAX) {
        let answer = relay.get_removals(GetRemovalsRequest { device_id: device.to_wire() }).await?;
        let open = answer.removals.iter().filter(|removal| removal.closure.is_none()).count();
        found.open += open;
        found.devices += usize::from(open > 0);
    }
    Ok(found)
}
