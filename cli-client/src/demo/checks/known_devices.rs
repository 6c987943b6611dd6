//! P2: a device that the organisation's root does not vouch for comes in at no door.

use std::sync::Arc;

use wardline_client_core::{
    api::{self, Enrolment, Failure, FailureKind},
    relay::{
        ClientIdentity, ConnectOptions, Relay as _, RelayConnection, RelayError, TransportChoice, Trust,
    },
    vault::KdfCost,
};
use wardline_identity::{
    Clock as _, DeviceKey, DeviceName, DeviceSubject, DisplayName, Invitation, InvitationSubject,
    IssuerAuthority, Organisation, OrganisationId, Role, RootAuthority, RootFingerprint, SigningKey,
    SystemClock, SystemEntropy, UserId, device_id_new,
};
use wardline_proto::{
    Reason,
    relay::{ListPeopleRequest, PublishInvitationRequest},
};

use super::{Finding, defect, refusal};
use crate::demo::{
    device::passcode,
    scene::{PHONE, Scene},
};

/// Knocks with certificates and an invitation that are made up.
pub(super) async fn check(scene: &Scene) -> Result<Vec<Finding>, Failure> {
    let organisation = scene.clinic.organisation()?;
    // An issuer under a root of one's own with the very names of the real ones, and one with names of its own.
    let forger = forge_issuer(organisation.name(), organisation.id().clone())?;
    let elsewhere = DisplayName::parse("Elsewhere").map_err(defect)?;
    let stranger = forge_issuer(&elsewhere, OrganisationId::from_name("Elsewhere").map_err(defect)?)?;
    Ok(vec![
        forged_devices(scene, &forger, &stranger).await?,
        forged_invitation(scene, &organisation, &forger).await?,
    ])
}

/// An issuer under a root that was just made.
fn forge_issuer(name: &DisplayName, id: OrganisationId) -> Result<IssuerAuthority, Failure> {
    let (entropy, now) = (&SystemEntropy, SystemClock.now());
    let label = DisplayName::parse("Administrator").map_err(defect)?;
    let root = RootAuthority::found(name, id, entropy, now);
    root.and_then(|root| root.found_issuer(&label, entropy, now)).map_err(defect)
}

/// Device certificates for doctor-a that neither issuer may give; no certificate at all; and a real one.
async fn forged_devices(
    scene: &Scene,
    forger: &IssuerAuthority,
    stranger: &IssuerAuthority,
) -> Result<Finding, Failure> {
    let (same_refused, same) = turned_away(knock(scene, Some(forge_device(forger)?)).await);
    let (other_refused, other) = turned_away(knock(scene, Some(forge_device(stranger)?)).await);
    let (bare_refused, bare) = refusal(knock(scene, None).await, &[Reason::CertificateRequired]);
    let (relay, _) = scene.devices[PHONE].connector().connect().await.map_err(Failure::from)?;
    let admitted = relay.list_people(ListPeopleRequest::default()).await.is_ok();
    let control = if admitted { "gets in" } else { "DOES NOT GET IN" };
    Ok(Finding::new(
        "no self-made device gets in",
        same_refused && other_refused && bare_refused && admitted,
        format!(
            "a certificate for doctor-a under a root of one's own with the real names: {same}; with other names: \
             {other}; none at all: {bare}; control: the real device {control}"
        ),
    ))
}

/// A device of doctor-a's, certified by somebody.
fn forge_device(issuer: &IssuerAuthority) -> Result<ClientIdentity, Failure> {
    let key = SigningKey::generate(&SystemEntropy).map_err(defect)?;
    let subject = DeviceSubject {
        organisation: issuer.organisation().clone(),
        user: UserId::parse("doctor-a").map_err(defect)?,
        device: device_id_new(&SystemEntropy).map_err(defect)?,
        display_name: DisplayName::parse("Doctor A").map_err(defect)?,
        device_name: DeviceName::parse("phone").map_err(defect)?,
        role: Role::Clinician,
    };
    let certificate = issuer
        .certify_device(&subject, &DeviceKey::Ed25519(key.public()), &SystemEntropy, SystemClock.now())
        .map_err(defect)?;
    let chain = vec![certificate, issuer.certificate_der().to_vec()];
    Ok(ClientIdentity { key: key.to_pkcs8_v1(), chain })
}

/// Whether a certificate was refused, by a stated reason or, where the names are right and the signature is not, in
/// the handshake itself.
fn turned_away(answer: Result<(), RelayError>) -> (bool, String) {
    let (refused, reason) = refusal(answer, &[Reason::CertificateInvalid]);
    let in_handshake = reason.contains("invalid peer certificate");
    if in_handshake { (true, "refused in the handshake".to_owned()) } else { (refused, reason) }
}

/// Connects as somebody and asks for something that devices may ask for.
async fn knock(scene: &Scene, identity: Option<ClientIdentity>) -> Result<(), RelayError> {
    let addresses = vec![scene.clinic.relay.address().to_string()];
    let trust = Trust::Root(scene.clinic.root_der.clone());
    let mut options = ConnectOptions::new(addresses, trust, identity, Arc::new(SystemClock));
    // The scene's transport, and only that: a second way would hide what the first was told.
    options.transport = TransportChoice::Quic;
    let connection = RelayConnection::connect(&options).await?;
    let request = ListPeopleRequest::default();
    connection.list_people(request).await.map(drop)
}

/// An invitation that the forger signed: not taken from an administrator, and of no use to its bearer.
async fn forged_invitation(
    scene: &Scene,
    organisation: &Organisation,
    forger: &IssuerAuthority,
) -> Result<Finding, Failure> {
    let subject = InvitationSubject {
        user: UserId::parse("doctor-x").map_err(defect)?,
        display_name: DisplayName::parse("Doctor X").map_err(defect)?,
        role: Role::Clinician,
    };
    let expires = SystemClock.now().plus_seconds(3_600);
    let (invitation, record) =
        Invitation::create(forger, &subject, expires, &SystemEntropy).map_err(defect)?;
    let (relay, _) = scene.clinic.admin.connector().connect().await.map_err(Failure::from)?;
    let published = relay.publish_invitation(PublishInvitationRequest { record: Some(record) }).await;
    let (refused, reason) = refusal(published, &[Reason::StatementInvalid]);
    let root: RootFingerprint = organisation.root_fingerprint();
    let link = invitation.link(vec![scene.clinic.relay.address().to_string()], root);
    let link = link.encode().map_err(defect)?;
    let home = scene.clinic.folder.path().join("forger");
    let enrolment = Enrolment {
        home: &home,
        passcode: &passcode("a forger's passcode")?,
        cost: KdfCost::floor(),
        invitation: &link,
        device_name: "phone",
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        connector: None,
    };
    let mut quiet = |_| {};
    let enrolled = api::enrol(&enrolment, &mut quiet).await;
    let outcome = match &enrolled {
        Ok(_) => "ENROLLED".to_owned(),
        Err(failure) => failure.what.clone(),
    };
    let turned_away =
        enrolled.is_err_and(|failure| matches!(failure.kind, FailureKind::Unknown | FailureKind::Refused));
    let devices = scene.devices.len();
    Ok(Finding::new(
        "no self-made invitation is good",
        refused && turned_away && devices == 4,
        format!(
            "one that a foreign issuer signed, handed in by an administrator: {reason}; enrolling with it: \
             “{outcome}”; control: {devices} of 4 real invitations worked"
        ),
    ))
}
