//! Revoking, holding, reinstating: from words to an order, and its answer.

use std::sync::Arc;

use wardline_identity::{NameError, RevocationKind, RevocationReason};

use super::{Act, Answer, Failure, FailureKind, HoldTask, ListKept, execute::user_id, freshness};
use crate::{
    error::CoreError,
    relay::Relay,
    session::{
        Among, Change, Order, Session, Whom, change_responders, keep_list, list_responders, put_on_hold,
        revoke, turned_up,
    },
};

/// Devices by their ids.
pub(super) async fn devices(
    session: &Session,
    relay: &Arc<dyn Relay>,
    devices: Vec<String>,
    act: &Act,
) -> Result<Answer, CoreError> {
    let order = order(Whom::Devices(devices), act)?;
    Ok(Answer::Acts(revoke(session, relay, order).await?))
}

/// All devices of a person.
pub(super) async fn user(
    session: &Session,
    relay: &Arc<dyn Relay>,
    user: &str,
    act: &Act,
) -> Result<Answer, CoreError> {
    let order = order(Whom::User(user_id(user)?), act)?;
    Ok(Answer::Acts(revoke(session, relay, order).await?))
}

/// Holds that this device signs itself, and who may do that to others' devices.
pub(super) async fn holds(
    session: &Session,
    relay: &Arc<dyn Relay>,
    what: HoldTask,
) -> Result<Answer, CoreError> {
    let hold = async |devices: Vec<String>, among, reason: String| {
        let reason = RevocationReason::parse(&reason).map_err(wrong)?;
        Ok(Answer::Acts(put_on_hold(session, relay, (&devices, among), reason).await?))
    };
    let change = async |user: String, change| {
        let user = user_id(&user)?;
        Ok(Answer::Responders(change_responders(session, relay, (&user, change)).await?))
    };
    match what {
        HoldTask::Lost { devices, reason } => hold(devices, Among::Own, reason).await,
        HoldTask::Found { device } => Ok(Answer::FoundDevice(turned_up(session, relay, &device).await?)),
        HoldTask::Others { devices, reason } => hold(devices, Among::All, reason).await,
        HoldTask::AddResponder { user } => change(user, Change::Add).await,
        HoldTask::RemoveResponder { user } => change(user, Change::Remove).await,
        HoldTask::ListResponders => Ok(Answer::Responders(list_responders(session, relay).await?)),
    }
}

/// Keeps the list fresh.
pub(super) async fn keep(session: &Session, relay: &Arc<dyn Relay>) -> Result<Answer, CoreError> {
    let changed = keep_list(session, relay).await?;
    let list = freshness::list_state(&*session.core().await);
    Ok(Answer::ListKept(ListKept { changed, list }))
}

fn order(whom: Whom, act: &Act) -> Result<Order, CoreError> {
    Ok(Order {
        kind: RevocationKind::parse(&act.kind).map_err(wrong)?,
        reason: RevocationReason::parse(&act.reason).map_err(wrong)?,
        whom,
        even_own: act.even_own,
    })
}

fn wrong(error: NameError) -> Failure {
    Failure::new(FailureKind::Input, "That cannot be done to a device.", format!("{error}."), "")
}
