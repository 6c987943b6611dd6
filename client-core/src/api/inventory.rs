//! The organisation's devices as administrators see them: who has which, which are out, and where they still are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wardline_identity::{RemovalConfirmation, Standing, StatementLabel, UserId};
use wardline_proto::{
    DeviceId, Digest, UtcMillis,
    relay::{CommitAuthor, GetRemovalsRequest, Removal, RemovalClosure, SignedStatement},
};

use super::{Answer, execute::user_id, rfc3339};
use crate::{
    conversation::Core,
    error::CoreError,
    relay::Relay,
    session::{Listed, Session, listed_devices, named_device},
};

/// The devices of the organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inventory {
    /// By user id, then by name.
    pub devices: Vec<InventoryDevice>,
    /// The list of revoked devices, if there is one yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListState>,
    /// What an administrator should see to.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
}

/// The list of revoked devices that this device goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListState {
    /// Its number.
    pub number: u64,
    /// When it was signed last.
    pub signed: String,
    /// Clients rely on it until then.
    pub until: String,
}

/// One device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryDevice {
    /// Its id.
    pub device: String,
    /// The user id.
    pub user: String,
    /// The name people see.
    pub person: String,
    /// What its owner calls it.
    pub name: String,
    /// The role.
    pub role: String,
    /// "in_force", "held", "revoked" or "lapsed" (its certificate has ended).
    pub state: String,
    /// Since when it is held or revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When its hold counts as a revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When its certificate ends.
    pub certificate_until: String,
    /// When it last had a connection, as the relay says; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// Whether it has one now, as the relay says.
    pub connected: bool,
    /// In how many conversations it is, as the relay says.
    pub conversations: u32,
    /// What its client said of itself when it last subscribed, such as "wardline/0.1.0", as the relay says; absent if it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
}

/// Devices that were revoked, held or reinstated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Acts {
    /// "revoked", "held" or "reinstated".
    pub change: String,
    /// The number of the list that is in force.
    pub list: u64,
    /// The instant, by the relay's clock and under its signature; absent if all of it was in force before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<String>,
    /// By id.
    pub devices: Vec<ActedDevice>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActedDevice {
    /// Its id.
    pub device: String,
    /// The user id.
    pub user: String,
    /// What its owner calls it.
    pub name: String,
    /// As in the list.
    pub state: String,
    /// Why, as the list says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was signed, by its issuer's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The instant, by the relay's clock and under its signature; absent if it was in force before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<String>,
    /// In how many conversations it was then, under the same signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversations: Option<usize>,
    /// Whether it was in force before.
    pub already: bool,
}

/// How an own device stands that turned up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundDevice {
    /// Its id.
    pub device: String,
    /// The user id.
    pub user: String,
    /// What its owner calls it.
    pub name: String,
    /// "in_force", "held" or "revoked".
    pub state: String,
    /// Who signed that it is out: a device, or the issuer whose list says so; absent if nobody vouches for a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether an issuer's list says so. A list takes up what other devices have signed before.
    pub listed: bool,
    /// Since when, by the clock of who signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When its hold counts as a revocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What an administrator is asked for, as a command; absent if there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
}

/// Where a device stands, and where it still is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// As in the list.
    #[serde(flatten)]
    pub device: InventoryDevice,
    /// From how many conversations it is out.
    pub removed: usize,
    /// Of how many that it was in when it was revoked or held.
    pub of: usize,
    /// How many removals a second member has confirmed.
    #[serde(default)]
    pub confirmed: usize,
    /// Each of these.
    pub removals: Vec<DeviceRemoval>,
}

/// A conversation that a device was in when it was revoked or held.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceRemoval {
    /// Its id.
    pub conversation: String,
    /// The list that named the device.
    pub list: u64,
    /// From then on nothing was taken there before the device was out, as the relay says.
    pub in_force: String,
    /// When it was out, as the relay says; absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<String>,
    /// The number of the change that put it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// SHA-256 of that change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who made it, by their device's signature; absent where that does not verify, or nobody had to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Who has merged it, another device's signature says, and that the device is out; absent while nobody has said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmed_by: Option<String>,
}

/// The word for where a device stands.
pub(crate) const fn standing_word(standing: &Standing) -> &'static str {
    match standing {
        Standing::InForce => "in_force",
        Standing::Held { .. } => "held",
        Standing::Revoked { .. } => "revoked",
    }
}

/// Lists the devices of the organisation, or of one person.
pub(super) async fn list(
    session: &Session,
    relay: &Arc<dyn Relay>,
    user: Option<&str>,
) -> Result<Answer, CoreError> {
    let user: Option<UserId> = user.map(user_id).transpose()?;
    let listed = listed_devices(session, relay, user.as_ref()).await?;
    let core = session.core().await;
    let now = session.clock.now();
    let mut devices: Vec<InventoryDevice> = listed.iter().map(|one| shown(&core, one, now)).collect();
    devices.sort_by(|one, next| {
        (&one.user, &one.name, &one.device).cmp(&(&next.user, &next.name, &next.device))
    });
    let mut warnings = super::freshness::warnings(&core, now).await?;
    if core.device.certificate.role().may_issue() {
        let in_force = listed
            .iter()
            .map(|one| &one.certificate)
            .filter(|one| one.not_after() >= now && !core.revocations.standing(&one.device(), now).is_out());
        warnings.extend(super::freshness::not_renewed(in_force, now));
    }
    Ok(Answer::Inventory(Inventory { devices, list: super::freshness::list_state(&core), warnings }))
}

/// Where one device stands.
pub(super) async fn status(
    session: &Session,
    relay: &Arc<dyn Relay>,
    text: &str,
) -> Result<Answer, CoreError> {
    let listed = listed_devices(session, relay, None).await?;
    let one = named_device(&listed, text)?;
    let request = GetRemovalsRequest { device_id: one.device().to_wire() };
    let answer = relay.get_removals(request).await?;
    let removals: Vec<DeviceRemoval> =
        answer.removals.iter().filter_map(|removal| removal_shown(&listed, one.device(), removal)).collect();
    let core = session.core().await;
    Ok(Answer::DeviceStatus(Box::new(DeviceStatus {
        device: shown(&core, one, session.clock.now()),
        removed: removals.iter().filter(|removal| removal.removed.is_some()).count(),
        of: removals.len(),
        confirmed: removals.iter().filter(|removal| removal.confirmed_by.is_some()).count(),
        removals,
    })))
}

fn shown(core: &Core, one: &Listed, now: UtcMillis) -> InventoryDevice {
    let certificate = &one.certificate;
    let standing = core.revocations.standing(&one.device(), now);
    let (since, reason, until) = match standing {
        Standing::InForce => (None, None, None),
        Standing::Held { since, until, reason } => (Some(since), Some(reason), Some(until)),
        Standing::Revoked { since, reason } => (Some(since), Some(reason), None),
    };
    let lapsed = certificate.not_after() < now;
    let state = if lapsed && !standing.is_out() { "lapsed" } else { standing_word(&standing) };
    InventoryDevice {
        device: one.device().to_string(),
        user: certificate.user().to_string(),
        person: certificate.display_name().to_string(),
        name: certificate.device_name().to_string(),
        role: certificate.role().as_str().to_owned(),
        state: state.to_owned(),
        since: since.map(rfc3339),
        reason: reason.map(|reason| reason.to_string()),
        until: until.map(rfc3339),
        certificate_until: rfc3339(certificate.not_after()),
        last_seen: one.last_seen.map(rfc3339),
        connected: one.connected,
        conversations: one.conversations,
        software: one.software.clone(),
    }
}

fn removal_shown(listed: &[Listed], device: DeviceId, removal: &Removal) -> Option<DeviceRemoval> {
    let conversation = wardline_proto::ConversationId::try_from(&removal.conversation_id).ok()?;
    let closure = removal.closure.as_ref();
    let commit = closure.and_then(|closure| Digest::try_from(&closure.commit_sha256).ok());
    Some(DeviceRemoval {
        conversation: conversation.to_string(),
        list: removal.list_number,
        in_force: removal.in_force_at.as_ref().map(UtcMillis::from).map(rfc3339)?,
        removed: closure.and_then(|closure| closure.taken_at.as_ref()).map(UtcMillis::from).map(rfc3339),
        number: closure.map(|closure| closure.number).filter(|number| *number > 0),
        commit: commit.map(|commit| commit.to_string()),
        by: closure
            .and_then(|closure| author(listed, removal, closure))
            .map(|by| by.certificate.user().to_string()),
        confirmed_by: closure.and_then(|closure| confirmer(listed, device, (removal, closure))),
    })
}

/// Who made a change, if their device has signed that it did.
fn author<'a>(listed: &'a [Listed], removal: &Removal, closure: &RemovalClosure) -> Option<&'a Listed> {
    let statement = closure.author.as_ref()?;
    let one = signer(listed, statement)?;
    let body = one.certificate.verify_statement(StatementLabel::CommitAuthor, statement).ok()?;
    let said: CommitAuthor = prost::Message::decode(body).ok()?;
    // Another log is only the one that goes on from this, at its first commit.
    let here =
        closure.conversation_id == removal.conversation_id || (closure.number, closure.epoch) == (1, 0);
    let fits = here
        && said.conversation_id == closure.conversation_id
        && said.commit_sha256 == closure.commit_sha256
        && said.epoch == closure.epoch;
    fits.then_some(one)
}

/// Who confirms it: a device that is neither its author nor the one that went.
fn confirmer(
    listed: &[Listed],
    device: DeviceId,
    (removal, closure): (&Removal, &RemovalClosure),
) -> Option<String> {
    let statement = closure.confirmation.as_ref()?;
    let one = signer(listed, statement)?;
    let body = one.certificate.verify_statement(StatementLabel::RemovalConfirmation, statement).ok()?;
    let said = RemovalConfirmation::read(&body).ok()?;
    let fits = said.log.to_wire() == removal.conversation_id
        && closure.conversation_id == removal.conversation_id
        && said.number.get() == closure.number
        && said.epoch.get() == closure.epoch
        && said.sha256.to_wire() == closure.commit_sha256
        && said.devices.contains(&device);
    let by_another = one.device() != device
        && author(listed, removal, closure).is_none_or(|author| author.device() != one.device());
    (fits && by_another).then(|| one.certificate.user().to_string())
}

/// The device that a statement names as its signer.
fn signer<'a>(listed: &'a [Listed], statement: &SignedStatement) -> Option<&'a Listed> {
    let signer = Digest::try_from(&statement.signer).ok()?;
    listed.iter().find(|one| one.certificate.fingerprint() == signer)
}
