//! `ReportOutOfStep`.

use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::StatementLabel;
use wardline_proto::fault;
use wardline_proto::relay::{ReportOutOfStepRequest, ReportOutOfStepResponse};

use crate::domain::conversation::ConversationError;
use crate::domain::membership::{OutOfStep, report};
use crate::domain::statement;
use crate::service::authorise::Member;
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<ReportOutOfStepRequest>,
) -> Result<ReportOutOfStepResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let parsed = parse(relay, &member, request.into_inner())?;

    let (conversation, device, number) = (parsed.conversation, parsed.device, parsed.number);
    let (tasks, live) = (relay.tasks.clone(), relay.live.clone());
    let reported = write::for_device(
        relay,
        parsed.device,
        "report_out_of_step",
        move |tx, now| {
            Box::pin(async move {
                match report(tx, &parsed, now).await {
                    Err(closed @ ConversationError::Closed { .. }) => Ok(Err(closed)),
                    done => done.map(Ok),
                }
            })
        },
        move |reported| {
            // One that was put out listens again: it is told how the log ends, also where others ended it before.
            if reported.is_ok() || !fault::planted("mutant.closed_untold") {
                live.wake_joined(device, conversation);
            }
            if matches!(reported, Ok(true)) {
                metrics::counter!("wardline_reports_out_of_step_total").increment(1);
                tasks.owed(conversation);
                tasks.said_anew(conversation, number);
            }
        },
    );
    reported.await?.map_err(Status::from)?;
    Ok(ReportOutOfStepResponse {})
}

fn parse(relay: &Relay, member: &Member, request: ReportOutOfStepRequest) -> Result<OutOfStep, Status> {
    let signed = decode::present("statement", request.statement)?;
    member
        .voice(relay, &signed)
        .verify_statement(StatementLabel::OutOfStep, &signed)
        .map_err(|error| status::statement_invalid("statement", &error.to_string()))?;
    let Some((conversation, number, commit_sha256)) = statement::out_of_step(&signed) else {
        return Err(status::statement_invalid("statement", "it is not exactly an OutOfStep"));
    };
    Ok(OutOfStep {
        conversation,
        device: member.certificate.device(),
        user: member.certificate.user().clone(),
        number,
        commit_sha256,
        statement: signed.encode_to_vec().into(),
    })
}
