//! `ConfirmRemoval`: a second member says that it merged the commit by which devices went out.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::{RemovalConfirmation, StatementLabel};
use wardline_proto::relay::{ConfirmRemovalRequest, ConfirmRemovalResponse};

use crate::domain::revocation::{NewConfirmation, confirm};
use crate::service::authorise::Member;
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

/// How far a member's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(300);

pub(super) async fn answer(
    relay: &Relay,
    request: Request<ConfirmRemovalRequest>,
) -> Result<ConfirmRemovalResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let new = parse(relay, &member, request.into_inner())?;
    let (tasks, log) = (relay.tasks.clone(), new.said.log);
    write::for_device(
        relay,
        new.by,
        "confirm_removal",
        move |tx, now| Box::pin(async move { confirm(tx, &new, now).await }),
        move |()| tasks.moved(log),
    )
    .await?;
    Ok(ConfirmRemovalResponse {})
}

fn parse(relay: &Relay, member: &Member, request: ConfirmRemovalRequest) -> Result<NewConfirmation, Status> {
    let statement = decode::present("confirmation", request.confirmation)?;
    let body = member
        .certificate
        .verify_statement(StatementLabel::RemovalConfirmation, &statement)
        .map_err(|error| status::statement_invalid("confirmation", &error.to_string()))?;
    let said = RemovalConfirmation::read(&body)
        .map_err(|error| status::statement_invalid("confirmation", &error.to_string()))?;
    // To the byte: what a decoder skips would be kept here, and handed on, readable.
    if body != said.to_wire().encode_to_vec() {
        return Err(status::statement_invalid("confirmation", "it says more than a confirmation does"));
    }
    if said.merged_at > relay.clock.now().plus_seconds(AHEAD.as_secs()) {
        return Err(status::field_invalid(
            "confirmation.merged_at",
            "more than five minutes ahead of the relay's clock",
        ));
    }
    let certificate = Bytes::copy_from_slice(member.certificate.der());
    Ok(NewConfirmation { by: member.certificate.device(), said, statement, certificate })
}
