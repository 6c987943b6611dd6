//! Founding an organisation: root, first issuer, the administrator's device, the relay's certificates.
//!
//! The root's key is made here once, written to the recovery file under a code that is shown once, and kept in no
//! vault.

use std::{path::Path, sync::Arc};

use prost::Message as _;
use wardline_identity::{
    AuthorityError, Clock, DateCheck, DeviceKey, DeviceSubject, DisplayName, Entropy, IssuerAuthority,
    NameError, Organisation, OrganisationId, Role, RootAuthority, SigningKey, UserId, device_id_new,
};
use wardline_proto::relay::{self, RelayBundle, RelayRequest};
use zeroize::Zeroizing;

use super::{enrol::device_name, recovery_file};
use crate::{
    api::{Failure, FailureKind},
    conversation::encode,
    error::CoreError,
    vault::{
        KdfCost, Passcode, Presence, Vault, presence,
        tables::{
            device::{self, DeviceRow},
            issuer::{self, IssuerRow},
        },
    },
};

/// What founding needs.
pub struct Founding<'a> {
    /// The folder of the administrator's vault; made if need be.
    pub home: &'a Path,
    /// Opens the vault from now on.
    pub passcode: &'a Passcode,
    /// What a guess at the passcode costs.
    pub cost: KdfCost,
    /// The organisation's name.
    pub organisation: &'a str,
    /// The administrator's user id.
    pub user: &'a str,
    /// The administrator's name.
    pub name: &'a str,
    /// What the administrator calls this device.
    pub device_name: &'a str,
    /// The relay's request: the encoded `RelayRequest` that `wardline-relay init` wrote.
    pub relay_request: &'a [u8],
    /// Where the root's key goes, sealed; must not exist.
    pub recovery_file: &'a Path,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// A founded organisation.
pub struct Founded {
    /// Its id.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// SHA-256 of its root certificate.
    pub root: String,
    /// The administrator's user id.
    pub user: String,
    /// The administrator's device.
    pub device: String,
    /// Opens the recovery file; shown once, kept nowhere.
    pub recovery_code: Zeroizing<String>,
    /// What the relay needs to serve: an encoded `RelayBundle`.
    pub relay_bundle: Vec<u8>,
    /// Where the relay is.
    pub addresses: Vec<String>,
}

/// Founds an organisation. The recovery file is on the disk before the vault is made; the bundle is the caller's to
/// write.
pub(crate) async fn found(founding: &Founding<'_>) -> Result<Founded, CoreError> {
    // 1. Everything that can be refused, before anything is written.
    if presence(founding.home)? == Presence::Present {
        return Err(crate::vault::VaultError::Exists.into());
    }
    let request = RelayRequest::decode(founding.relay_request).map_err(|_| {
        Failure::new(
            FailureKind::Input,
            "This is not a relay's request.",
            "The file does not decode.",
            "Name the folder that wardline-relay init made, or its relay.request.",
        )
    })?;
    let names = Names::parse(founding)?;

    // 2. Root, issuer, relay, device.
    let made = make(founding, &names, &request)?;

    // 3. The root's key, sealed, before anything depends on it.
    let recovery_code = recovery_file::code(&*founding.entropy)?;
    recovery_file::write(founding.recovery_file, &made.root, &recovery_code)?;

    // 4. The vault.
    let vault = Vault::create(founding.home, founding.passcode, &*founding.entropy, founding.cost).await?;
    let row = device_row(&made, &names, &request);
    let issuer_row =
        IssuerRow { key_seed: made.issuer.key().seed(), certificate: made.issuer.certificate_der().to_vec() };
    let mut tx = vault.begin("found").await?;
    device::insert(&mut tx, &row).await?;
    issuer::insert(&mut tx, &issuer_row).await?;
    tx.commit().await?;
    vault.close().await?;
    Ok(Founded {
        organisation: names.id.to_string(),
        name: names.organisation.to_string(),
        root: made.root.fingerprint().to_string(),
        user: names.user.to_string(),
        device: made.subject.device.to_string(),
        recovery_code,
        relay_bundle: made.bundle,
        addresses: request.addresses,
    })
}

/// What founding makes before anything is written.
struct Made {
    root: RootAuthority,
    issuer: IssuerAuthority,
    organisation: relay::Organisation,
    subject: DeviceSubject,
    key: SigningKey,
    certificate: Vec<u8>,
    bundle: Vec<u8>,
}

/// Makes keys and certificates, and verifies them as everybody else will.
fn make(founding: &Founding<'_>, names: &Names, request: &RelayRequest) -> Result<Made, CoreError> {
    let (entropy, now) = (&*founding.entropy, founding.clock.now());
    let root =
        RootAuthority::found(&names.organisation, names.id.clone(), entropy, now).map_err(authority)?;
    let issuer = root.found_issuer_of(&names.user, &names.administrator, entropy, now).map_err(authority)?;
    let wire = relay::Organisation {
        organisation_id: names.id.to_string(),
        name: names.organisation.to_string(),
        root_certificate: root.certificate_der().to_vec().into(),
        issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()]).map_err(authority)?),
    };
    let organisation = Organisation::verify(&wire, &root.fingerprint(), now)
        .map_err(|_| Failure::defect("The new organisation does not verify."))?;
    let key = SigningKey::generate(entropy)?;
    let subject = DeviceSubject {
        organisation: names.id.clone(),
        user: names.user.clone(),
        device: device_id_new(entropy)?,
        display_name: names.administrator.clone(),
        device_name: device_name(founding.device_name)?,
        role: Role::Administrator,
    };
    let certificate = issuer
        .certify_device(&subject, &DeviceKey::Ed25519(key.public()), entropy, now)
        .map_err(authority)?;
    organisation
        .verify_device(&certificate, DateCheck::At(now))
        .map_err(|_| Failure::defect("The new device's certificate does not verify."))?;
    let bundle = certify_relay(&issuer, request, wire.clone(), &certificate, founding)?;
    Ok(Made { root, issuer, organisation: wire, subject, key, certificate, bundle })
}

fn device_row(made: &Made, names: &Names, request: &RelayRequest) -> DeviceRow {
    DeviceRow {
        device: made.subject.device,
        user: names.user.to_string(),
        display_name: names.administrator.to_string(),
        device_name: made.subject.device_name.to_string(),
        role: Role::Administrator.as_str().to_owned(),
        key_seed: made.key.seed(),
        root_fingerprint: *made.root.fingerprint().as_bytes(),
        addresses: request.addresses.clone(),
        organisation: encode(&made.organisation),
        certificate: Some(made.certificate.clone()),
        invitation: None,
    }
}

struct Names {
    organisation: DisplayName,
    id: OrganisationId,
    user: UserId,
    administrator: DisplayName,
}

impl Names {
    fn parse(founding: &Founding<'_>) -> Result<Self, CoreError> {
        let wrong = |what: &str, error: NameError| {
            Failure::new(
                FailureKind::Input,
                format!("The {what} cannot be used."),
                format!("{error}."),
                "Choose another.",
            )
        };
        Ok(Self {
            organisation: DisplayName::parse(founding.organisation)
                .map_err(|error| wrong("organisation's name", error))?,
            id: OrganisationId::from_name(founding.organisation)
                .map_err(|error| wrong("organisation's name", error))?,
            user: UserId::parse(founding.user).map_err(|error| wrong("user", error))?,
            administrator: DisplayName::parse(founding.name).map_err(|error| wrong("name", error))?,
        })
    }
}

/// Certifies both keys of the relay.
fn certify_relay(
    issuer: &IssuerAuthority,
    request: &RelayRequest,
    organisation: relay::Organisation,
    founder: &[u8],
    founding: &Founding<'_>,
) -> Result<Vec<u8>, CoreError> {
    let now = founding.clock.now();
    let certify = |request_der: &[u8]| {
        issuer.certify_relay(request_der, &request.addresses, &*founding.entropy, now).map_err(|error| {
            Failure::new(
                FailureKind::Input,
                "The relay's request cannot be certified.",
                format!("{error}."),
                "Make it anew: wardline-relay init.",
            )
        })
    };
    Ok(encode(&RelayBundle {
        organisation: Some(organisation),
        relay_certificate_ed25519: certify(&request.request_ed25519)?.into(),
        relay_certificate_p256: certify(&request.request_p256)?.into(),
        relay_issuer: issuer.certificate_der().to_vec().into(),
        founder_certificate: founder.to_vec().into(),
    }))
}

fn authority(error: AuthorityError) -> CoreError {
    Failure::defect(format!("A certificate could not be made: {error}.")).into()
}
