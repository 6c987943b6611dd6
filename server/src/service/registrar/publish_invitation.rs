//! `PublishInvitation`: opens an invitation that an issuer signed.

use tonic::{Request, Status};
use wardline_proto::relay::{PublishInvitationRequest, PublishInvitationResponse};

use crate::domain::organisation::{Step, judge_record, publish};
use crate::service::{authorise, decode};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<PublishInvitationRequest>,
) -> Result<PublishInvitationResponse, Status> {
    authorise::issuer(relay, &request)?;
    let record = decode::present("record", request.into_inner().record)?;

    let now = relay.clock.now();
    let invitation = judge_record(&relay.organisation, record, now)?;
    let published = relay.store.write_then(
        "publish_invitation",
        move |tx| Box::pin(async move { publish(tx, &invitation, now).await }),
        |step| {
            if *step == Step::Make {
                metrics::counter!("wardline_invitations_published_total").increment(1);
            }
        },
    );
    published.await?;
    Ok(PublishInvitationResponse { registrar_seen_at: relay.enrolments.registrar_seen_at().map(Into::into) })
}
