//! Who vouches, and who asks to: what an administrator sees before somebody is let in or struck.
//!
//! The relay hands requests over and invents none: what does not verify is left out.

use std::sync::Arc;

use wardline_identity::{DeviceKey, IssuerCertificate, IssuerRequest, PublicKey, UserId};
use wardline_proto::{UtcMillis, fault, relay::ListEnrolmentsRequest};

use super::{Session, enrol::device_code, revocation};
use crate::{
    api::{Administrators, IssuerPerson, IssuerRequestShown, rfc3339},
    conversation::{Core, revoked::outlived},
    error::CoreError,
    relay::Relay,
};

/// Lists issuers and the requests that wait.
pub(crate) async fn list_administrators(
    session: &Session,
    relay: &Arc<dyn Relay>,
) -> Result<Administrators, CoreError> {
    let requests = requests(session, relay).await?;
    let core = session.core().await;
    Ok(shown(&core, &requests))
}

/// The requests that wait, each verified by what this device knows.
pub(super) async fn requests(
    session: &Session,
    relay: &Arc<dyn Relay>,
) -> Result<Vec<IssuerRequest>, CoreError> {
    // Who was put out a moment ago asks for nothing.
    revocation::catch_up(session, relay).await?;
    let answer = relay.list_enrolments(ListEnrolmentsRequest { wait_seconds: 0, look_only: true }).await?;
    let (core, now) = (session.core().await, session.clock.now());
    // By a list that has outlived its life nobody knows who is out.
    if let Some(failure) = outlived(&core)
        && !fault::planted("mutant.requests_by_outlived_list")
    {
        return Err(failure.into());
    }
    let mut good = Vec::new();
    for wire in &answer.issuers {
        let statement = wire.request.clone().unwrap_or_default();
        match judge(&core, (&statement, &wire.device_certificate), now) {
            Ok(request) => good.push(request),
            Err(error) => tracing::warn!(%error, "a request for an issuer was refused"),
        }
    }
    Ok(good)
}

fn judge(
    core: &Core,
    (statement, certificate): (&wardline_proto::relay::SignedStatement, &[u8]),
    now: UtcMillis,
) -> Result<IssuerRequest, wardline_identity::IssuerRequestError> {
    let request = IssuerRequest::verify(&core.device.organisation, statement, certificate, now)?;
    request.permits(&core.revocations, now)?;
    Ok(request)
}

/// As people see it.
pub(super) fn shown(core: &Core, requests: &[IssuerRequest]) -> Administrators {
    let organisation = &core.device.organisation;
    let own = core.device.issuing().map(|own| *own.certificate().fingerprint());
    let person = |one: &IssuerCertificate, struck: bool| IssuerPerson {
        name: one.label().to_string(),
        issuer: one.fingerprint().to_string(),
        user: one.user().map(UserId::to_string),
        until: rfc3339(one.not_after()),
        this: own == Some(*one.fingerprint()),
        struck,
    };
    let listed = organisation.issuers().iter().map(|one| person(one, false));
    let struck = organisation.struck().iter().map(|one| person(one.certificate(), true));
    Administrators {
        issuers: listed.chain(struck).collect(),
        requests: requests.iter().map(request_shown).collect(),
        issuers_list: organisation.issuers_number(),
    }
}

fn request_shown(request: &IssuerRequest) -> IssuerRequestShown {
    let signer = request.signer();
    IssuerRequestShown {
        user: request.user().to_string(),
        name: signer.display_name().to_string(),
        device: request.device().to_string(),
        device_name: signer.device_name().to_string(),
        code: code(request),
        requested: rfc3339(request.requested_at()),
    }
}

/// What both compare.
pub(super) fn code(request: &IssuerRequest) -> String {
    code_of(request.key())
}

/// The same, of the key.
pub(super) fn code_of(key: &PublicKey) -> String {
    device_code(&DeviceKey::Ed25519(*key))
}

/// What two people compare of it.
pub(super) fn digits(code: &str) -> String {
    code.chars().filter(char::is_ascii_digit).collect()
}
