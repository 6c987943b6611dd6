//! `PublishRevocationList`: the instant from which a device reads nothing more.
//!
//! The list is on disk, then in memory, then the connections of those it names are cut, then it is answered. A connection is
//! looked at again when it is entered, so none is missed; a call that began before is stopped by the fences that stand in the
//! same transaction as the list.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::{
    ACTS_MAX, Adoption, DateCheck, Organisation, RevocationAct, RevocationKind, RevocationList,
};
use wardline_proto::h3::RevokedBecause;
use wardline_proto::relay::{
    DeviceConversations, PublishRevocationListRequest, PublishRevocationListResponse, RevocationAnswer,
    RevokedDevice,
};
use wardline_proto::{ConversationId, Digest, UtcMillis, fault};

use crate::domain::revocation::{Answer, NewList, Published, RevocationRefusal, publish};
use crate::relay_identity::SteadyIdentity;
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;
use crate::transport::Connections;

/// How far an issuer's clock may be ahead, or the relay's behind: a wrong clock must not keep a device from being revoked. By so
/// much longer may a list be relied on.
pub(super) const AHEAD: Duration = Duration::from_secs(86_400);

pub(super) const TOO_FAR: &str = "more than a day ahead of the relay's clock: one of the two clocks is wrong";

pub(super) async fn answer(
    relay: &Relay,
    request: Request<PublishRevocationListRequest>,
) -> Result<PublishRevocationListResponse, Status> {
    let device = authorise::when_still(relay, &request, authorise::device).await?.device();
    let organisation = relay.organisation.steady().await;
    let new = parse(relay, &organisation, request.into_inner())?;
    let (identity, taken) = (relay.identity.steady(), new.clone());
    let published = write::for_device(
        relay,
        device,
        "publish_revocation_list",
        move |tx, now| {
            Box::pin(
                async move { publish(tx, &new, now, |done| sign(&identity, &new.list, done, now)).await },
            )
        },
        {
            let (revocations, connections) = (relay.revocations.clone(), relay.connections.clone());
            let (live, tasks, enrolments) =
                (relay.live.clone(), relay.tasks.clone(), relay.enrolments.clone());
            move |published: &Published| {
                let _held = organisation;
                if published.adoption == Adoption::Known {
                    return;
                }
                let acts = if published.adoption == Adoption::Newer { taken.acts } else { Vec::new() };
                if fault::planted("mutant.cut_first") {
                    cut(&connections, &acts);
                    std::thread::sleep(Duration::from_millis(300));
                }
                // Marked first, cut second.
                if let Err(error) = revocations.take_in(taken.list, &acts) {
                    tracing::error!(%error, "a list that is on disk does not go on from the one in force");
                }
                if !fault::planted("mutant.cut_first") {
                    cut(&connections, &acts);
                }
                published.refused.iter().for_each(|invitation| enrolments.ring(*invitation));
                metrics::counter!("wardline_revocation_lists_total").increment(1);
                live.wake_revocations();
                published.touched.iter().for_each(|conversation| tasks.owed(*conversation));
            }
        },
    );
    let published = published.await?;
    PublishRevocationListResponse::decode(published.answer).map_err(|error| status::internal(&error))
}

/// Cuts the connections of those who are out by these acts.
pub(super) fn cut(connections: &Connections, acts: &[RevocationAct]) {
    for act in acts.iter().filter(|act| act.kind != RevocationKind::Reinstated) {
        let because = RevokedBecause { reason: act.reason.to_string(), since_ms: act.at.get() };
        let cut = connections.cut_revoked(&act.device, &because);
        tracing::info!(device.id = %act.device, kind = %act.kind, cut, "a device is out");
    }
}

fn parse(
    relay: &Relay,
    organisation: &Organisation,
    request: PublishRevocationListRequest,
) -> Result<NewList, Status> {
    let statement = decode::present("list", request.list)?;
    if request.acts.len() > ACTS_MAX {
        return Err(status::field_invalid("acts", "at most 1,000"));
    }
    let now = relay.clock.now();
    let list = organisation
        .verify_revocation_list(&statement, DateCheck::At(now))
        .map_err(RevocationRefusal::List)?;
    if list.signed_at() > now.plus_seconds(AHEAD.as_secs()) {
        return Err(status::field_invalid("list.signed_at", TOO_FAR));
    }
    let acts: Result<Vec<_>, _> = request.acts.iter().map(RevocationAct::read).collect();
    let acts = acts.map_err(RevocationRefusal::List)?;
    if acts.iter().any(|act| act.at > now.plus_seconds(AHEAD.as_secs())) {
        return Err(status::field_invalid("acts.at", TOO_FAR));
    }
    Ok(NewList { organisation: organisation.id().clone(), list, acts })
}

/// The answer, signed.
fn sign(
    identity: &SteadyIdentity,
    list: &RevocationList,
    done: &[(RevocationAct, Vec<ConversationId>)],
    now: UtcMillis,
) -> Answer {
    let revoked = |(act, conversations): &(RevocationAct, Vec<ConversationId>)| {
        let ids: Vec<u8> = conversations.iter().flat_map(|id| *id.as_bytes()).collect();
        RevokedDevice {
            device_id: act.device.to_wire(),
            kind: act.kind.number(),
            conversations: u32::try_from(conversations.len()).unwrap_or(u32::MAX),
            conversations_sha256: Digest::of(&ids).to_wire(),
        }
    };
    let answer = RevocationAnswer {
        number: list.number(),
        chain_hash: list.chain().to_wire(),
        in_force_at: Some(now.into()),
        devices: done.iter().map(revoked).collect(),
    };
    let devices = |(act, conversations): &(RevocationAct, Vec<ConversationId>)| DeviceConversations {
        device_id: act.device.to_wire(),
        conversation_ids: conversations.iter().map(|one| one.to_wire()).collect(),
    };
    let (statement, certificate) = (identity.sign_revocation_answer(&answer), identity.certificate());
    let response = PublishRevocationListResponse {
        answer: Some(statement.clone()),
        relay_certificate: certificate.clone(),
        devices: done.iter().map(devices).collect(),
    };
    Answer { response: Bytes::from(response.encode_to_vec()), statement, certificate }
}
