//! HoldDevices: a device puts others on hold by its own signature, at once and with no issuer awake (design 4.4.6).
//!
//! Statement, fences and the answer are one transaction, as with a list. It stands until a list names the devices, which the next
//! one must.

use std::time::Duration;

use bytes::Bytes;
use wardline_identity::{
    HoldError, Organisation, PendingHold, RecordAct, RevocationAct, RevocationKind, RevocationList,
    RevocationRegister, Standing, UserId,
};
use wardline_proto::{ConversationId, DeviceId, UtcMillis, fault, relay as pb};

use super::apply::fences;
use super::{Answer, RevocationRefusal, RevocationStorage};
use crate::domain::record::record;
use crate::store::StoreError;

/// How many devices of others a responder puts on hold in an hour.
pub const OTHERS_MAX: u64 = 40;

/// How many devices are on hold at one time that no list names yet: a list holds 1,000 acts, and has to name them all.
pub const PENDING_MAX: usize = 900;

/// By how many holds one device is out, but for those that put out others as well.
const REPEATS_MAX: usize = 4;

/// How many holds stand beside a list before those are not kept any more that put out nobody.
const STANDING_MAX: usize = 300;

/// An hour.
const WITHIN: Duration = Duration::from_secs(3_600);

/// A hold whose form was read, as its signer brings it.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// Whose it is.
    pub organisation: Organisation,
    /// The hold, with the certificates that the relay has.
    pub hold: PendingHold,
    /// The signer's device.
    pub signer: DeviceId,
    /// The signer's user.
    pub by: UserId,
    /// Its devices that are of others.
    pub others: Vec<DeviceId>,
}

/// What is kept of one.
#[derive(Debug)]
pub struct TakenHold<'a> {
    /// The hold.
    pub hold: &'a PendingHold,
    /// Who signed it.
    pub by: &'a UserId,
    /// How many devices of others it has put out.
    pub others: u64,
    /// What it does to each device that it has put out.
    pub acts: &'a [RevocationAct],
    /// What it does to each that another hold has put out before: it stands in for that one.
    pub again: &'a [RevocationAct],
    /// The encoded answer.
    pub answer: &'a Bytes,
}

/// A device that is on hold by a statement, which no list names yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingAct {
    /// What the statement does to it.
    pub act: RevocationAct,
    /// When the statement was taken.
    pub taken_at: UtcMillis,
    /// Whether it has run out and its device was ended for good.
    pub ended: bool,
}

/// A device of it, as the answer names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub device: DeviceId,
    /// On hold, or revoked before.
    pub kind: RevocationKind,
    /// Since when it is out.
    pub since: UtcMillis,
    /// Where it must leave by this.
    pub conversations: Vec<ConversationId>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct PutOnHold {
    /// The encoded answer: the same whenever the same statement comes.
    pub answer: Bytes,
    /// Whether it stands beside the list: the same statement again, and one that adds nothing, do not.
    pub stands: bool,
    /// Who is out now and was not before.
    pub acts: Vec<RevocationAct>,
    /// The conversations that are owed something by it.
    pub touched: Vec<ConversationId>,
}

/// Takes a hold. `answer` makes the answer of the devices in the statement's order.
///
/// # Errors
/// [`RevocationRefusal::Hold`], [`RevocationRefusal::TooManyHeld`].
pub async fn hold<S: RevocationStorage>(
    storage: &mut S,
    new: &NewHold,
    now: UtcMillis,
    answer: impl FnOnce(&[Held]) -> Answer + Send,
) -> Result<PutOnHold, RevocationRefusal> {
    let said = new.hold.said();
    // 1. By the newest list, and what is known of its devices and its signer.
    let list = storage.revocation_list().await?;
    let number = list.as_ref().map_or(0, RevocationList::number);
    let register = register(storage, new, list).await?;
    let ended = |device: &DeviceId| {
        let listed = register.listed_act(device);
        listed.is_some_and(|act| act.kind == RevocationKind::Reinstated && act.at >= said.signed_at)
    };
    if said.devices.iter().any(ended) && !fault::planted("mutant.hold_again") {
        return Err(HoldError::Over.into());
    }
    // 2. The same statement: the same answer.
    if let Some(answer) = storage.hold_answer(&new.hold.digest()).await? {
        return Ok(PutOnHold { answer, stands: false, acts: Vec::new(), touched: Vec::new() });
    }
    // 3. Who may.
    if !fault::planted("relay.any_hold") {
        PendingHold::verify(&new.organisation, &register, new.hold.to_wire())?;
    }
    // 4. Who is out before stays as it is.
    let acts = new_acts(storage, &new.hold, (&register, now)).await?;
    let others = acts.iter().filter(|act| new.others.contains(&act.device)).count() as u64;
    within_the_hour(storage, new, others, now).await?;
    one_list_holds_all(storage, acts.len()).await?;
    // 5. All of it or nothing. The next list names them, and removals are known by its number.
    let mut held = Vec::with_capacity(said.devices.len());
    for device in &said.devices {
        held.push(match acts.iter().find(|act| act.device == *device) {
            Some(act) => Held {
                device: *device,
                kind: act.kind,
                since: now,
                conversations: fences(storage, number.saturating_add(1), act, now).await?,
            },
            None => was_out(storage, *device, (&register, now)).await?,
        });
    }
    let Answer { response: answer, statement, certificate } = answer(&held);
    let again = repeated(storage, &new.hold, (acts.is_empty(), now)).await?;
    if acts.is_empty() && again.is_empty() {
        return Ok(PutOnHold { answer, stands: false, acts, touched: Vec::new() });
    }
    // Everybody goes by all that a hold names which stands: nobody whose hold has run out is put on hold by it.
    for act in &again {
        if has_run_out(storage, act.device, now).await? {
            return Err(HoldError::Over.into());
        }
    }
    let (hold, by) = (&new.hold, &new.by);
    let taken = TakenHold { hold, by, others, acts: &acts, again: &again, answer: &answer };
    storage.keep_hold(&taken, now).await?;
    let wire = new.hold.to_wire();
    let on_record = RecordAct::DevicesHeld {
        devices: said.devices.clone(),
        statement: wire.statement.clone().unwrap_or_default(),
        certificate: wire.signer_certificate.clone(),
        answer: statement,
        relay_certificate: certificate,
    };
    record(storage, now, on_record).await?;
    let touched = held.into_iter().flat_map(|one| one.conversations).collect();
    Ok(PutOnHold { answer, stands: true, acts, touched })
}

/// What a hold does to devices that are out by others already: it stands in for one that ends because its signer's issuer is struck.
/// One that puts out nobody (`only`) is kept if there is a device for which its signer has none there, and for so many only. What is
/// kept is kept whole, as everybody else has it.
async fn repeated<S: RevocationStorage>(
    storage: &mut S,
    hold: &PendingHold,
    (only, now): (bool, UtcMillis),
) -> Result<Vec<RevocationAct>, StoreError> {
    if fault::planted("mutant.second_hold_dropped") {
        return Ok(Vec::new());
    }
    let standing = if only { storage.standing_holds().await? } else { Vec::new() };
    let (mut again, mut stands_in) = (Vec::new(), !only);
    for act in hold.acts() {
        if storage.held(act.device).await?.is_none() {
            continue;
        }
        let of_device = || standing.iter().flat_map(PendingHold::acts).filter(|one| one.device == act.device);
        let by_signer =
            of_device().any(|one| one.issuer == act.issuer) && !fault::planted("mutant.repeated_by_one");
        let many = of_device().count() >= REPEATS_MAX || standing.len() >= STANDING_MAX;
        let full = many && !fault::planted("mutant.repeats_unbounded");
        let new = !by_signer && !full && !has_run_out(storage, act.device, now).await?;
        stands_in |= new;
        if new || !fault::planted("mutant.repeated_in_part") {
            again.push(act);
        }
    }
    Ok(if stands_in { again } else { Vec::new() })
}

/// Whether the hold of a device by a statement has run out, carried out already or not.
async fn has_run_out<S: RevocationStorage>(
    storage: &mut S,
    device: DeviceId,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let over = storage.held(device).await?.is_some_and(|act| act.ends_at() <= now);
    Ok((over || storage.is_ended(device).await?) && !fault::planted("mutant.ended_held_again"))
}

/// The newest list, with what it has done last to the devices and the signer.
async fn register<S: RevocationStorage>(
    storage: &mut S,
    new: &NewHold,
    list: Option<RevocationList>,
) -> Result<RevocationRegister, StoreError> {
    let Some(list) = list else { return Ok(RevocationRegister::new(new.organisation.id())) };
    let mut last = Vec::new();
    for device in new.hold.said().devices.iter().chain([&new.signer]) {
        last.extend(storage.listed_act(*device).await?);
    }
    Ok(RevocationRegister::restore(list, last))
}

/// What it does to those who are not out yet.
async fn new_acts<S: RevocationStorage>(
    storage: &mut S,
    hold: &PendingHold,
    (register, now): (&RevocationRegister, UtcMillis),
) -> Result<Vec<RevocationAct>, StoreError> {
    let mut acts = Vec::new();
    for act in hold.acts() {
        let out = register.standing(&act.device, now).is_out() || storage.held(act.device).await?.is_some();
        if !out {
            acts.push(act);
        }
    }
    Ok(acts)
}

/// How a device is out that was so before.
async fn was_out<S: RevocationStorage>(
    storage: &mut S,
    device: DeviceId,
    (register, now): (&RevocationRegister, UtcMillis),
) -> Result<Held, StoreError> {
    let pending = storage.held_since(device).await?.map(|since| (RevocationKind::Held, since));
    let (kind, since) = pending.unwrap_or_else(|| match register.standing(&device, now) {
        Standing::Held { since, .. } => (RevocationKind::Held, since),
        Standing::Revoked { since, .. } => (RevocationKind::Revoked, since),
        Standing::InForce => (RevocationKind::Held, now),
    });
    Ok(Held { device, kind, since, conversations: Vec::new() })
}

/// A responder whose device was taken does not empty the house.
async fn within_the_hour<S: RevocationStorage>(
    storage: &mut S,
    new: &NewHold,
    others: u64,
    now: UtcMillis,
) -> Result<(), RevocationRefusal> {
    if others == 0 || fault::planted("mutant.hold_unlimited") {
        return Ok(());
    }
    let within = u64::try_from(WITHIN.as_millis()).unwrap_or(u64::MAX);
    let after = UtcMillis::new(now.get().saturating_sub(within));
    let (before, first) = storage.held_by(&new.by, after).await?;
    if before.saturating_add(others) <= OTHERS_MAX {
        return Ok(());
    }
    let ends = first.unwrap_or(now).get().saturating_add(within);
    let retry_after = Duration::from_millis(ends.saturating_sub(now.get()).max(1_000));
    Err(RevocationRefusal::TooManyHeld { retry_after })
}

/// All that is pending fits one list, with room for what an issuer does besides.
async fn one_list_holds_all<S: RevocationStorage>(
    storage: &mut S,
    more: usize,
) -> Result<(), RevocationRefusal> {
    match storage.all_held().await?.len().saturating_add(more) {
        all if all <= PENDING_MAX || more == 0 => Ok(()),
        _ if fault::planted("mutant.holds_unbounded") => Ok(()),
        _ => Err(RevocationRefusal::TooManyHeld { retry_after: WITHIN }),
    }
}

/// Whether a list takes up all that is pending: each device is held or revoked by it, no earlier than by each of its statements. One that was
/// signed before a statement was taken cannot name it: a relay that came back from an older copy is shown such lists, and what is
/// pending stays so.
pub(super) async fn all_taken_up<S: RevocationStorage>(
    storage: &mut S,
    list: &RevocationList,
    acts: &[RevocationAct],
) -> Result<(), RevocationRefusal> {
    let pending = match fault::planted("mutant.last_hold_due") {
        true => storage.all_held().await?,
        false => storage.held_by_each().await?,
    };
    let due =
        |held: &&PendingAct| held.taken_at <= list.signed_at() || fault::planted("mutant.due_before_taken");
    let left_out = pending.iter().filter(due).filter(|held| {
        !acts.iter().any(|act| {
            let later = act.kind == RevocationKind::Held && act.at >= held.act.at;
            act.device == held.act.device && (later || act.kind == RevocationKind::Revoked)
        })
    });
    match left_out.count() {
        0 => Ok(()),
        _ if fault::planted("mutant.list_drops_hold") => Ok(()),
        holds => Err(RevocationRefusal::HoldsPending { holds }),
    }
}

/// The answer's message, without its signature.
#[must_use]
pub fn held_wire(held: &Held) -> (pb::HeldDevice, pb::DeviceConversations) {
    let ids: Vec<u8> = held.conversations.iter().flat_map(|id| *id.as_bytes()).collect();
    let named = pb::HeldDevice {
        device_id: held.device.to_wire(),
        kind: held.kind.number(),
        since: Some(held.since.into()),
        conversations: u32::try_from(held.conversations.len()).unwrap_or(u32::MAX),
        conversations_sha256: wardline_proto::Digest::of(&ids).to_wire(),
    };
    let beside = pb::DeviceConversations {
        device_id: held.device.to_wire(),
        conversation_ids: held.conversations.iter().map(|one| one.to_wire()).collect(),
    };
    (named, beside)
}
