//! `PublishInvitation`: opens an invitation that an issuer signed.

use tonic::{Request, Status};
use wardline_proto::relay::{PublishInvitationRequest, PublishInvitationResponse};

use crate::domain::organisation::{Step, judge_record, publish};
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<PublishInvitationRequest>,
) -> Result<PublishInvitationResponse, Status> {
    let device = authorise::issuer(relay, &request)?.device();
    let record = decode::present("record", request.into_inner().record)?;

    let organisation = relay.organisation.steady().await;
    let invitation = judge_record(&organisation, &record, relay.clock.now())?;
    let published = write::for_device(
        relay,
        device,
        "publish_invitation",
        move |tx, now| Box::pin(async move { publish(tx, &invitation, device, now).await }),
        move |step| {
            if *step == Step::Make {
                metrics::counter!("wardline_invitations_published_total").increment(1);
            }
            drop(organisation);
        },
    );
    published.await?;
    Ok(PublishInvitationResponse { registrar_seen_at: relay.enrolments.registrar_seen_at().map(Into::into) })
}
