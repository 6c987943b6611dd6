//! Revoking, holding, reinstating: from words to an order, and its answer.

use std::sync::Arc;

use wardline_identity::{NameError, RevocationKind, RevocationReason};

use super::{Act, Answer, Failure, FailureKind, ListKept, execute::user_id, freshness};
use crate::{
    error::CoreError,
    relay::Relay,
    session::{Order, Session, Whom, keep_list, revoke},
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

/// Keeps the list fresh.
pub(super) async fn keep(session: &Session, relay: &Arc<dyn Relay>) -> Result<Answer, CoreError> {
    let changed = keep_list(session, relay).await?;
    let list = freshness::list_state(&*session.core().await);
    Ok(Answer::ListKept(ListKept { changed, list }))
}

fn order(whom: Whom, act: &Act) -> Result<Order, CoreError> {
    let wrong = |error: NameError| {
        Failure::new(FailureKind::Input, "That cannot be done to a device.", format!("{error}."), "")
    };
    Ok(Order {
        kind: RevocationKind::parse(&act.kind).map_err(wrong)?,
        reason: RevocationReason::parse(&act.reason).map_err(wrong)?,
        whom,
        even_own: act.even_own,
    })
}
