//! Enrolling a device: from an invitation to a certificate in the vault, resumable at every step.
//!
//! The keys are in the vault before the relay hears of them. The claim is signed by the invitation's key over the
//! TLS exporter of its own connection (design 4.2); after an interruption the same keys claim again.

use std::{path::Path, sync::Arc, time::Duration};

use wardline_identity::{
    Clock, DateCheck, DeviceKey, DeviceName, Entropy, Invitation, InvitationLink, InvitationRecord,
    Organisation, RootFingerprint, SigningKey, certificate_request, claim_statement, device_id_new,
};
use wardline_proto::{
    DeviceId, Digest,
    relay::{EnrolRequest, EnrolmentState, GetInvitationRequest},
};
use zeroize::Zeroizing;

use super::{Connector, RelayConnector, backoff::Backoff, greet};
use crate::{
    api::{Failure, FailureKind},
    conversation::{code_of, encode},
    error::CoreError,
    relay::{ConnectOptions, Relay, RelayError, Trust},
    vault::{
        KdfCost, Passcode, Presence, Vault, VaultError, presence,
        tables::device::{self, DeviceRow},
    },
};

/// How long the relay may hold an answer back, in seconds.
const WAIT_SECONDS: u32 = 20;

/// What enrolling needs.
pub struct Enrolment<'a> {
    /// The folder of the vault; made if need be.
    pub home: &'a Path,
    /// Opens the vault from now on.
    pub passcode: &'a Passcode,
    /// What a guess at the passcode costs.
    pub cost: KdfCost,
    /// The invitation, as it was handed over.
    pub invitation: &'a str,
    /// What the owner calls the device.
    pub device_name: &'a str,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The way to the relay; the product's own, [`invitation_connector`], if none.
    pub connector: Option<Arc<dyn Connector>>,
}

/// What people are told meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The invitation is good: for whom it is.
    Invited {
        /// The organisation's name.
        organisation: String,
        /// The user id.
        user: String,
        /// The name people see.
        name: String,
    },
    /// The request is with the relay; compare the fingerprint with what the administrator sees.
    Waiting {
        /// The device key's fingerprint.
        fingerprint: String,
    },
    /// There is no connection; it is tried again.
    Interrupted {
        /// Why.
        why: String,
    },
}

/// An enrolled device.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// The organisation's name.
    pub organisation: String,
    /// The user id.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// The role.
    pub role: String,
    /// The device.
    pub device: String,
    /// What its owner calls it.
    pub device_name: String,
    /// The device key's fingerprint.
    pub fingerprint: String,
}

/// Enrols; returns when the certificate is in the vault.
pub(crate) async fn enrol(
    enrolment: &Enrolment<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Enrolled, CoreError> {
    let link = parse(enrolment.invitation)?;
    let name = device_name(enrolment.device_name)?;

    // 1. What the invitation is for, before anything is stored.
    let connector = match &enrolment.connector {
        Some(connector) => connector.clone(),
        None => uncertified(&link, enrolment.clock.clone()),
    };
    let (mut connection, _) = connector.connect().await?;
    let (organisation, record) = look(enrolment, &link, &*connection).await?;
    progress(Progress::Invited {
        organisation: organisation.name().to_string(),
        user: record.user().to_string(),
        name: record.display_name().to_string(),
    });

    // 2. The keys, in the vault.
    let (vault, keys) = keys(enrolment, &link, &organisation, &record, &name).await?;
    let fingerprint = device_code(&DeviceKey::Ed25519(keys.key.public()));

    // 3. The claim, until a registrar has judged it.
    progress(Progress::Waiting { fingerprint: fingerprint.clone() });
    let mut backoff = Backoff::new();
    let certificate = loop {
        match claim(enrolment, &link, &record, &keys, &*connection).await {
            Ok(Some(certificate)) => break certificate,
            Ok(None) => backoff.reset(),
            Err(CoreError::Relay(error @ RelayError::Unavailable { .. })) => {
                progress(Progress::Interrupted { why: error.to_string() });
                tokio::time::sleep(backoff.next(&*enrolment.entropy)).await;
                if let Ok((again, _)) = connector.connect().await {
                    connection = again;
                }
            }
            Err(error) => return Err(error),
        }
    };

    // 4. The certificate, once it is the one that was asked for.
    store(&vault, &organisation, &record, &keys, &certificate, enrolment).await?;
    vault.close().await?;
    Ok(Enrolled {
        organisation: organisation.name().to_string(),
        user: record.user().to_string(),
        name: record.display_name().to_string(),
        role: record.role().as_str().to_owned(),
        device: keys.device.to_string(),
        device_name: keys.name.to_string(),
        fingerprint,
    })
}

/// The product's way to the relay of an invitation: without a certificate, trusting the root that it names.
///
/// # Errors
/// [`Failure`] of kind `Input` if it is not a whole invitation.
pub fn invitation_connector(invitation: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn Connector>, Failure> {
    Ok(uncertified(&parse(invitation)?, clock))
}

fn uncertified(link: &InvitationLink, clock: Arc<dyn Clock>) -> Arc<dyn Connector> {
    let trust = Trust::Fingerprint(*link.root());
    let options = ConnectOptions::new(link.addresses().to_vec(), trust, None, clock);
    Arc::new(RelayConnector::over(options))
}

fn parse(invitation: &str) -> Result<InvitationLink, Failure> {
    InvitationLink::parse(invitation).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            "This is not a whole invitation.",
            format!("{error}."),
            "Copy it again, from “wardline://” to its last character.",
        )
    })
}

/// The fingerprint of a device key, as device and administrator see it.
pub(crate) fn device_code(key: &DeviceKey) -> String {
    code_of(&Digest::of(&key.spki_der()))
}

/// A device name, or why it is none.
pub(crate) fn device_name(text: &str) -> Result<DeviceName, CoreError> {
    DeviceName::parse(text).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            "The device's name cannot be used.",
            format!("{error}."),
            "Choose another with --device.",
        )
        .into()
    })
}

struct Keys {
    key: SigningKey,
    device: DeviceId,
    name: DeviceName,
}

/// Asks what the invitation is for and checks it against the pinned root.
async fn look(
    enrolment: &Enrolment<'_>,
    link: &InvitationLink,
    connection: &dyn Relay,
) -> Result<(Organisation, InvitationRecord), CoreError> {
    let invitation = Invitation::from_link(link);
    let request = GetInvitationRequest {
        greeting: Some(greet::greeting(0, 0)),
        invitation_id: invitation.id().to_wire(),
    };
    let answer = connection.get_invitation(request).await?;
    let now = enrolment.clock.now();
    let wire = answer.organisation.ok_or(CoreError::Protocol("has no organisation"))?;
    let organisation = Organisation::verify(&wire, link.root(), now)
        .map_err(|_| CoreError::Protocol("shows another organisation than the invitation"))?;
    if let Some(greeting) = &answer.greeting {
        greet::verify(&organisation, greeting, now)?;
    }
    let statement = answer.record.ok_or(CoreError::Protocol("has no invitation record"))?;
    // An expired invitation is for the relay to refuse, unless it has been used by this device already.
    let record = organisation
        .verify_invitation(&statement, DateCheck::Skip)
        .map_err(|_| CoreError::Protocol("shows an invitation that no issuer signed"))?;
    if *record.key() != invitation.key().public() {
        return Err(CoreError::Protocol("shows another invitation than the one asked for"));
    }
    Ok((organisation, record))
}

/// The vault and the keys in it: new ones, or those of an interrupted enrolment with the same invitation.
async fn keys(
    enrolment: &Enrolment<'_>,
    link: &InvitationLink,
    organisation: &Organisation,
    record: &InvitationRecord,
    name: &DeviceName,
) -> Result<(Vault, Keys), CoreError> {
    let vault = if presence(enrolment.home)? == Presence::Present {
        match Vault::unlock(enrolment.home, enrolment.passcode).await {
            Err(VaultError::Paired) => return Err(taken(true).into()),
            opened => opened?,
        }
    } else {
        Vault::create(enrolment.home, enrolment.passcode, &*enrolment.entropy, enrolment.cost).await?
    };
    let text = link.encode().map_err(|_| CoreError::Protocol("has an invitation that cannot be stored"))?;
    let mut tx = vault.begin("enrol").await?;
    let keys = match device::load(&mut tx).await? {
        Some(row) if row.certificate.is_none() && row.invitation.as_deref() == Some(&*text) => Keys {
            key: SigningKey::from_seed(*row.key_seed),
            device: row.device,
            name: device_name(&row.device_name)?,
        },
        Some(row) => return Err(taken(row.certificate.is_some()).into()),
        None => {
            let key = SigningKey::generate(&*enrolment.entropy)?;
            let device = device_id_new(&*enrolment.entropy)?;
            let root: &RootFingerprint = link.root();
            let row = DeviceRow {
                device,
                user: record.user().to_string(),
                display_name: record.display_name().to_string(),
                device_name: name.to_string(),
                role: record.role().as_str().to_owned(),
                key_seed: key.seed(),
                root_fingerprint: *root.as_bytes(),
                addresses: link.addresses().to_vec(),
                organisation: encode(&organisation.to_wire()),
                certificate: None,
                invitation: Some(Zeroizing::new(text.to_string())),
            };
            device::insert(&mut tx, &row).await?;
            Keys { key, device, name: name.clone() }
        }
    };
    tx.commit().await?;
    Ok((vault, keys))
}

fn taken(enrolled: bool) -> Failure {
    let why = if enrolled { "A device was enrolled here." } else { "Another invitation is being used here." };
    Failure::new(FailureKind::Exists, "There is a vault in this home already.", why, "Choose another --home.")
}

/// One claim over one connection; the certificate, if it has been issued.
async fn claim(
    enrolment: &Enrolment<'_>,
    link: &InvitationLink,
    record: &InvitationRecord,
    keys: &Keys,
    connection: &dyn Relay,
) -> Result<Option<Vec<u8>>, CoreError> {
    let invitation = Invitation::from_link(link);
    let request = certificate_request(&keys.key)
        .map_err(|_| Failure::defect("The certificate request could not be made."))?;
    let exporter = connection.exporter();
    let statement = claim_statement(&invitation, record, &request, keys.device, &keys.name, &exporter)
        .map_err(|_| Failure::defect("The enrolment claim could not be signed."))?;
    let request = EnrolRequest {
        greeting: Some(greet::greeting(0, 0)),
        invitation_id: record.invitation_id().to_wire(),
        claim: Some(statement),
        wait_seconds: WAIT_SECONDS,
    };
    let asked = enrolment.clock.now();
    let answer = connection.enrol(request).await?;
    match answer.state() {
        EnrolmentState::Issued => Ok(Some(answer.certificate.to_vec())),
        EnrolmentState::Refused => Err(Failure::new(
            FailureKind::Refused,
            "The administrator's machine refused this device.",
            format!("{}.", answer.refusal),
            "Ask your administrator for a new invitation.",
        )
        .into()),
        EnrolmentState::Waiting => {
            // A relay that answers at once is not asked in a loop.
            if enrolment.clock.now().get().saturating_sub(asked.get()) < 1_000 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(None)
        }
        EnrolmentState::Unspecified => Err(CoreError::Protocol("answered with no state")),
    }
}

/// Checks that the certificate is ours in every part, and stores it.
async fn store(
    vault: &Vault,
    organisation: &Organisation,
    record: &InvitationRecord,
    keys: &Keys,
    der: &[u8],
    enrolment: &Enrolment<'_>,
) -> Result<(), CoreError> {
    let wrong = CoreError::Protocol("handed out a certificate that is not this device's");
    let certificate =
        organisation.verify_device(der, DateCheck::At(enrolment.clock.now())).map_err(|error| {
            Failure::new(
                FailureKind::Untrusted,
                "The certificate that was issued is not valid on this device.",
                format!("{error}."),
                "Check this device's date and time; then run the same command again.",
            )
        })?;
    let ours = certificate.device() == keys.device
        && certificate.user() == record.user()
        && certificate.role() == record.role()
        && *certificate.key() == DeviceKey::Ed25519(keys.key.public());
    if !ours {
        return Err(wrong);
    }
    let mut tx = vault.begin("certify").await?;
    device::certify(&mut tx, der).await?;
    tx.commit().await?;
    Ok(())
}
