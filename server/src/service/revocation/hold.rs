//! `HoldDevices`: a device that was lost is out by the word of its person's other device, or of a responder.
//!
//! As with a list: on disk, then in memory, then the connections are cut, then it is answered.

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::{DeviceCertificate, HoldError, HoldStatement, Organisation, PendingHold};
use wardline_proto::relay::{HoldAnswer, HoldDevicesRequest, HoldDevicesResponse, SignedStatement};
use wardline_proto::{UtcMillis, fault, relay as pb};

use super::publish::{AHEAD, TOO_FAR, cut};
use crate::domain::revocation::{Answer, Held, NewHold, PutOnHold, RevocationRefusal, held_wire, hold};
use crate::relay_identity::SteadyIdentity;
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<HoldDevicesRequest>,
) -> Result<HoldDevicesResponse, Status> {
    let signer = authorise::device(relay, &request)?;
    let organisation = relay.organisation.steady().await;
    let new = parse(relay, (&signer, &organisation), request.into_inner())?;
    let (identity, taken) = (relay.identity.steady(), new.hold.clone());
    let put = write::for_device(
        relay,
        signer.device(),
        "hold_devices",
        move |tx, now| {
            Box::pin(async move {
                let digest = new.hold.digest().to_wire();
                hold(tx, &new, now, |held| sign(&identity, digest, held, now)).await
            })
        },
        {
            let (revocations, connections) = (relay.revocations.clone(), relay.connections.clone());
            let (live, tasks) = (relay.live.clone(), relay.tasks.clone());
            move |put: &PutOnHold| {
                let _held = organisation;
                fault::crash("crash.hold_taken");
                if !put.stands {
                    return;
                }
                // Marked first, cut second.
                revocations.hold(taken);
                cut(&connections, &put.acts);
                metrics::counter!("wardline_holds_total").increment(1);
                live.wake_revocations();
                put.touched.iter().for_each(|conversation| tasks.owed(*conversation));
            }
        },
    );
    HoldDevicesResponse::decode(put.await?.answer).map_err(|error| status::internal(&error))
}

/// The statement with the certificates that prove it. That the signer is the caller is looked at here; whether they may, in the
/// transaction.
fn parse(
    relay: &Relay,
    (signer, organisation): (&DeviceCertificate, &Organisation),
    request: HoldDevicesRequest,
) -> Result<NewHold, Status> {
    let statement = decode::present("statement", request.statement)?;
    let said = HoldStatement::read(&statement).map_err(RevocationRefusal::Hold)?;
    if statement.signer != signer.fingerprint().to_wire() {
        return Err(status::statement_invalid("statement", "not signed by the calling device"));
    }
    let now = relay.clock.now();
    let too_old = said.signed_at.plus_seconds(AHEAD.as_secs()) < now;
    if too_old || said.signed_at > now.plus_seconds(AHEAD.as_secs()) {
        return Err(status::field_invalid("statement.signed_at", if too_old { TOO_OLD } else { TOO_FAR }));
    }
    // Whoever may not is told the same of a device that there is and one that there is not.
    let unknown = || RevocationRefusal::Hold(HoldError::NotPermitted { device: said.devices[0] });
    let devices = relay.devices.newest_of(&said.devices).ok_or_else(unknown)?;
    let der = |one: &DeviceCertificate| Bytes::copy_from_slice(one.der());
    let others = devices.iter().filter(|one| one.user() != signer.user()).map(|one| one.device()).collect();
    let wire = pb::PendingHold {
        statement: Some(statement),
        signer_certificate: der(signer),
        device_certificates: devices.iter().map(|one| der(one)).collect(),
    };
    Ok(NewHold {
        organisation: organisation.clone(),
        hold: PendingHold::stored(wire).map_err(RevocationRefusal::Hold)?,
        signer: signer.device(),
        by: signer.user().clone(),
        others,
    })
}

/// The answer, signed.
fn sign(identity: &SteadyIdentity, statement_sha256: Bytes, held: &[Held], now: UtcMillis) -> Answer {
    let (named, beside): (Vec<_>, Vec<_>) = held.iter().map(held_wire).unzip();
    let answer = HoldAnswer { statement_sha256, in_force_at: Some(now.into()), devices: named };
    let statement: SignedStatement = identity.sign_hold_answer(&answer);
    let certificate = identity.certificate();
    let response = HoldDevicesResponse {
        answer: Some(statement.clone()),
        relay_certificate: certificate.clone(),
        devices: beside,
    };
    Answer { response: Bytes::from(response.encode_to_vec()), statement, certificate }
}

const TOO_OLD: &str = "more than a day behind the relay's clock: one of the two clocks is wrong";
