//! `PublishIssuersList`: from the answer on nothing counts that a struck issuer has signed but what its strike keeps.
//!
//! The list is on disk, then in memory, then the connections of those whose certificates are no longer good are cut, then it is
//! answered, as for the list of revoked devices.

use std::sync::Arc;

use tonic::{Request, Status};
use wardline_identity::{DateCheck, Organisation};
use wardline_proto::fault;
use wardline_proto::h3::CloseCode;
use wardline_proto::relay::{PublishIssuersListRequest, PublishIssuersListResponse};

use crate::domain::organisation::{IssuersTaken, NewIssuers, judge_first, judge_issuers, take_issuers};
use crate::organisations::Changing;
use crate::service::{decode, status};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Arc<Relay>,
    request: Request<PublishIssuersListRequest>,
) -> Result<PublishIssuersListResponse, Status> {
    let request = request.into_inner();
    let list = decode::present("list", request.list)?;
    // Judged before the gate as well: a list that the root did not sign, or that is in force, holds nobody up.
    if judge_issuers(&relay.organisation.now(), &list)?.is_none() {
        return Ok(PublishIssuersListResponse {});
    }
    let changing = relay.organisation.changing().await;
    let Some(organisation) = judge_issuers(&relay.organisation.now(), &list)? else {
        return Ok(PublishIssuersListResponse {});
    };
    keeps_the_relay(relay, &organisation)?;
    let first = match request.first_device.is_empty() {
        true => None,
        false => Some(judge_first(&organisation, &request.first_device, relay.clock.now())?),
    };
    let new = NewIssuers { organisation, first };
    let (taken, clock, running) = (new.clone(), Arc::clone(&relay.clock), Arc::clone(relay));
    let write = relay.store.write_then(
        "publish_issuers_list",
        move |tx| {
            let now = clock.now();
            Box::pin(async move { take_issuers(tx, &new, now).await })
        },
        // Also if the caller has gone; until then nothing is stored that was judged by the list before.
        move |done: &IssuersTaken| put_in_force(&running, taken, done, &changing),
    );
    write.await?;
    Ok(PublishIssuersListResponse {})
}

/// In memory, then on the connections.
fn put_in_force(relay: &Relay, new: NewIssuers, done: &IssuersTaken, changing: &Changing) {
    let NewIssuers { organisation, first } = new;
    tracing::info!(number = organisation.issuers_number(), "an issuers' list is in force");
    metrics::counter!("wardline_issuers_lists_total").increment(1);
    relay.identity.name_issuers(&organisation);
    let struck = relay.devices.strike(&organisation);
    relay.revocations.drop_struck(&organisation);
    relay.organisation.replace(organisation, changing);
    relay.still.end();
    if let Some(first) = first {
        relay.devices.insert(first);
    }
    if !fault::planted("mutant.struck_stay") {
        for device in struck {
            let cut = relay.connections.cut_device(&device, CloseCode::CertificateStruck);
            tracing::info!(device.id = %device, cut, "a device's certificate is no longer good");
        }
    }
    done.refused.iter().for_each(|invitation| relay.enrolments.ring(*invitation));
    done.freed.iter().for_each(|conversation| relay.tasks.moved(*conversation));
    relay.live.wake_issuers();
}

/// A list by which nobody would believe the relay itself helps nobody.
fn keeps_the_relay(relay: &Relay, organisation: &Organisation) -> Result<(), Status> {
    for leaf in relay.identity.leaves() {
        if organisation.verify_relay(&leaf, DateCheck::Skip).is_err()
            && !fault::planted("mutant.relay_struck")
        {
            return Err(status::field_invalid("list", "the relay's own certificates must stay good"));
        }
    }
    Ok(())
}
