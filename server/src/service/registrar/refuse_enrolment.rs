//! `RefuseEnrolment`: turns a waiting request down. The person is shown the reason.

use tonic::{Request, Status};
use wardline_proto::relay::{RefuseEnrolmentRequest, RefuseEnrolmentResponse};

use crate::domain::organisation::{self as domain, Step};
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<RefuseEnrolmentRequest>,
) -> Result<RefuseEnrolmentResponse, Status> {
    let device = authorise::issuer(relay, &request)?.device();
    let request = request.into_inner();
    let id = decode::id("invitation_id", &request.invitation_id)?;
    if request.reason.chars().count() > REASON_CHARACTERS_MAX || request.reason.chars().any(char::is_control)
    {
        return Err(status::field_invalid(
            "reason",
            "at most 256 characters, none of them a control character",
        ));
    }

    let bell = relay.enrolments.clone();
    let reason = request.reason;
    let refused = write::for_device(
        relay,
        device,
        "refuse_enrolment",
        move |tx, now| Box::pin(async move { domain::refuse(tx, id, &reason, device, now).await }),
        move |step| {
            if *step == Step::Make {
                metrics::counter!("wardline_enrolments_refused_total").increment(1);
                bell.ring(id);
            }
        },
    );
    refused.await?;
    Ok(RefuseEnrolmentResponse {})
}

/// As in the .proto.
const REASON_CHARACTERS_MAX: usize = 256;
