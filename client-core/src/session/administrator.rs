//! Asking to be an issuer's machine, from this device: its key is made here, and is an issuer's once the root's list names it.
//!
//! The key is in the vault before anybody hears of it. Asked again, it is the same key, so that the code stays the one that was
//! compared.

use std::sync::Arc;

use wardline_identity::{
    DeviceKey, ISSUER_REQUEST_SECONDS, IssuerAuthority, IssuerRequest, Organisation, SigningKey,
};
use wardline_proto::{fault, relay::RequestIssuerRequest};

use super::{Session, enrol::device_code};
use crate::{
    api::{AdministratorState, Failure, FailureKind, rfc3339},
    conversation::Core,
    error::CoreError,
    relay::Relay,
    vault::{
        Transaction,
        tables::{
            issuer::{self, IssuerRow},
            issuer_request::{self, IssuerRequestRow},
        },
    },
};

/// Asks; answers with the code that whoever holds the root compares.
pub(crate) async fn request_administrator(
    session: &Session,
    relay: &Arc<dyn Relay>,
) -> Result<AdministratorState, CoreError> {
    let statement = {
        let core = session.core().await;
        refuse_what_cannot_be(&core)?;
        let now = session.clock.now();
        let mut tx = core.vault.begin("request_issuer").await?;
        let key = match issuer_request::load(&mut tx).await? {
            Some(row) => SigningKey::from_seed(*row.key_seed),
            None => SigningKey::generate(&*session.entropy)?,
        };
        let row = IssuerRequestRow { key_seed: key.seed(), requested: now };
        issuer_request::store(&mut tx, &row).await?;
        tx.commit().await?;
        fault::crash("crash.issuer_key_kept");
        IssuerRequest::sign(&key, (&core.device.key, &core.device.certificate), now)
            .map_err(|error| Failure::defect(format!("The request could not be made: {error}.")))?
    };
    relay.request_issuer(RequestIssuerRequest { request: Some(statement) }).await?;
    administrator_state(session).await
}

fn refuse_what_cannot_be(core: &Core) -> Result<(), CoreError> {
    if core.device.issuing().is_some() {
        return Err(Failure::new(
            FailureKind::Exists,
            "This device is an administrator's already.",
            "It holds an issuer that the root's list names.",
            "",
        )
        .into());
    }
    let certificate = &core.device.certificate;
    if !certificate.role().may_issue() {
        let (role, user) = (certificate.role(), certificate.user());
        return Err(Failure::new(
            FailureKind::Refused,
            "This device cannot be an administrator's.",
            format!("Its role is {role}, for as long as it lives: the certificate says so."),
            format!(
                "Have a machine of yours invited as one: wardline admin invite {user} --role administrator. Enrol it, and ask there."
            ),
        )
        .into());
    }
    Ok(())
}

/// Whether this device is an administrator's, or has asked.
pub(crate) async fn administrator_state(session: &Session) -> Result<AdministratorState, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_issuer_request").await?;
    let asked = issuer_request::load(&mut tx).await?;
    tx.commit().await?;
    if let Some(issuer) = core.device.issuing() {
        let certificate = issuer.certificate();
        return Ok(AdministratorState {
            state: "administrator".to_owned(),
            issuer: Some(certificate.fingerprint().to_string()),
            code: Some(device_code(&DeviceKey::Ed25519(*certificate.key()))),
            requested: None,
            until: Some(rfc3339(certificate.not_after())),
        });
    }
    let Some(row) = asked else {
        return Ok(AdministratorState { state: "none".to_owned(), ..AdministratorState::default() });
    };
    let until = row.requested.plus_seconds(ISSUER_REQUEST_SECONDS);
    let state = if until <= session.clock.now() { "expired" } else { "requested" };
    Ok(AdministratorState {
        state: state.to_owned(),
        issuer: None,
        code: Some(device_code(&DeviceKey::Ed25519(SigningKey::from_seed(*row.key_seed).public()))),
        requested: Some(rfc3339(row.requested)),
        until: Some(rfc3339(until)),
    })
}

/// With the list that names the key of this device's request, the device is an issuer's machine: in one transaction with the list.
pub(super) async fn appointed(
    tx: &mut Transaction<'_>,
    core: &Core,
    newer: &Organisation,
) -> Result<Option<IssuerAuthority>, CoreError> {
    let Some(row) = issuer_request::load(tx).await? else { return Ok(None) };
    let key = SigningKey::from_seed(*row.key_seed);
    let public = key.public();
    let own = |one: &&wardline_identity::IssuerCertificate| {
        *one.key() == public && one.user() == Some(core.device.user())
    };
    let Some(certificate) = newer.issuers().iter().find(own) else { return Ok(None) };
    let row = IssuerRow { key_seed: key.seed(), certificate: certificate.der().to_vec() };
    issuer::replace(tx, &row).await?;
    issuer_request::clear(tx).await?;
    let issuer = IssuerAuthority::new(key, certificate.der())
        .map_err(|error| Failure::defect(format!("The issuer could not be read: {error}.")))?;
    Ok(Some(issuer))
}
