//! `AskMembers`.

use std::collections::BTreeSet;

use prost::Message as _;
use tonic::{Request as Call, Status};
use wardline_identity::StatementLabel;
use wardline_proto::ConversationId;
use wardline_proto::relay::ask_members_request::Ground as Wire;
use wardline_proto::relay::{AskMembersRequest, AskMembersResponse, SignedStatement};

use crate::domain::membership::{CONVERSATIONS_MAX, Ground, Request, ask_members};
use crate::domain::statement;
use crate::service::authorise::Member;
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Call<AskMembersRequest>,
) -> Result<AskMembersResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let parsed = parse(relay, &member, request.into_inner())?;

    let tasks = relay.tasks.clone();
    write::for_device(
        relay,
        parsed.device,
        "ask_members",
        move |tx, now| Box::pin(async move { ask_members(tx, &parsed, now).await }),
        move |owed| owed.iter().for_each(|conversation| tasks.owed(*conversation)),
    )
    .await?;
    Ok(AskMembersResponse {})
}

fn parse(relay: &Relay, member: &Member, request: AskMembersRequest) -> Result<Request, Status> {
    if !(1..=CONVERSATIONS_MAX).contains(&request.conversation_ids.len()) {
        return Err(status::field_invalid("conversation_ids", "from 1 to 500"));
    }
    let ids = request.conversation_ids.iter().map(|id| decode::id("conversation_ids", id));
    let conversations: BTreeSet<ConversationId> = ids.collect::<Result<_, _>>()?;
    let (signed, ground) = match decode::present("ground", request.ground)? {
        Wire::Leave(signed) => {
            let read = verified((relay, member), "leave", StatementLabel::Leave, &signed, statement::leave)?;
            let (conversation, user) = read;
            (signed, Ground::Leave { conversation, user })
        }
        Wire::Approval(signed) => {
            let label = StatementLabel::DeviceApproval;
            let (device, certificate) =
                verified((relay, member), "approval", label, &signed, statement::approval)?;
            (signed, Ground::Approval { device, certificate })
        }
        Wire::Confirmation(signed) => {
            let label = StatementLabel::Confirmation;
            let read = verified((relay, member), "confirmation", label, &signed, statement::confirmation)?;
            let (device, certificate, replaces) = read;
            (signed, Ground::Confirmation { device, certificate, replaces })
        }
    };
    Ok(Request {
        device: member.certificate.device(),
        user: member.certificate.user().clone(),
        conversations: conversations.into_iter().collect(),
        ground,
        statement: signed.encode_to_vec().into(),
    })
}

/// What the caller said, to the byte.
fn verified<T>(
    (relay, member): (&Relay, &Member),
    field: &str,
    label: StatementLabel,
    signed: &SignedStatement,
    read: impl FnOnce(&SignedStatement) -> Option<T>,
) -> Result<T, Status> {
    member
        .voice(relay, signed)
        .verify_statement(label, signed)
        .map_err(|error| status::statement_invalid(field, &error.to_string()))?;
    read(signed).ok_or_else(|| status::statement_invalid(field, "it is not exactly of its kind"))
}
