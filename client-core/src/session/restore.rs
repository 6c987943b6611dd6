//! Restoring an administrator from the root's file, on a machine that has nothing else.
//!
//! 1. A new issuer and this administrator's device: their keys are in the new vault before the relay hears of them.
//! 2. A first list of issuers lets both in. By it the device reads what is in force: devices, and the list of revoked ones.
//! 3. A second list strikes the lost issuers, keeping what they had certified and the list of revoked devices that is in force,
//!    which is signed again.
//!
//! Each step looks at what is in force first: interrupted anywhere, the same command goes on with the same keys.

use std::{path::Path, sync::Arc};

use wardline_identity::{
    AuthorityError, Clock, DeviceKey, DeviceName, DeviceSubject, DisplayName, Entropy, IssuerAuthority,
    IssuerCertificate, NameError, Role, RootAuthority, RootFingerprint, SigningKey, UserId, device_id_new,
};
use wardline_proto::fault;

use super::{
    Opening, Session, Ways,
    enrol::device_name,
    inventory::{self, Listed},
    issuers,
    issuers_change::Change,
    keep_list, open_vault, recovery_file,
    root_door::{self, Door, InForce, Keeps},
    striking::{DoneMeanwhile, StrikePlan, Striking, judged, meanwhile},
    unseal::unseal_unfinished,
};
use crate::{
    api::{Failure, FailureKind},
    conversation::encode,
    error::CoreError,
    relay::{ConnectOptions, Relay, RelayConnection, Trust},
    vault::{
        KdfCost, Passcode, Presence, Vault, VaultError, presence,
        tables::{
            device::{self, DeviceRow},
            issuer::{self, IssuerRow},
            restoring,
        },
    },
};

/// Which issuers are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// None: this administrator is one more.
    None,
    /// All but the one that is made now.
    All,
    /// Those with these names, or the first digits of their certificates' SHA-256.
    These(Vec<String>),
    /// Those that are this person's.
    Of(UserId),
}

/// What restoring needs.
pub struct Restoring<'a> {
    /// The folder of the new vault; made if need be.
    pub home: &'a Path,
    /// Opens the vault from now on.
    pub passcode: &'a Passcode,
    /// What a guess at the passcode costs.
    pub cost: KdfCost,
    /// Where the relay is, "host:port".
    pub addresses: &'a [String],
    /// The root's fingerprint that is expected; `None`: whichever the file has.
    pub root: Option<&'a str>,
    /// The root's key, sealed.
    pub recovery_file: &'a Path,
    /// Opens it.
    pub recovery_code: &'a str,
    /// The administrator's user id.
    pub user: &'a str,
    /// The administrator's name.
    pub name: &'a str,
    /// What the administrator calls this device.
    pub device_name: &'a str,
    /// Which issuers are lost.
    pub lost: Lost,
    /// Asked before any is struck: whether to, keeping so much.
    pub agree: &'a (dyn Fn(&StrikePlan) -> Result<(), Failure> + Sync),
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Restoring<'_> {
    fn opening(&self) -> Opening<'_> {
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        Opening { home: self.home, passcode: self.passcode, clock, entropy }
    }
}

/// An issuer that was struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StruckShown {
    /// Its name.
    pub name: String,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// How many certificates of its making stay good.
    pub kept: usize,
}

/// A device that may issue or administrate by a struck issuer's certificate: who lost its machine revokes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLeft {
    /// Its id.
    pub device: String,
    /// Whose it is.
    pub user: String,
    /// What its owner called it.
    pub name: String,
}

/// A restored administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The organisation's id.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// SHA-256 of its root certificate.
    pub root: String,
    /// The administrator's user id.
    pub user: String,
    /// The administrator's device.
    pub device: String,
    /// Number of the issuers' list in force.
    pub issuers_list: u64,
    /// The names of the issuers on it.
    pub issuers: Vec<String>,
    /// The issuers that are struck by it.
    pub struck: Vec<StruckShown>,
    /// Devices of administrators and registrars that struck issuers had certified.
    pub left: Vec<DeviceLeft>,
    /// What struck issuers did to devices while this went on: it stands.
    pub meanwhile: Vec<DoneMeanwhile>,
}

/// Restores; the same again goes on, or says what is so.
pub(crate) async fn restore(restoring: &Restoring<'_>) -> Result<Restored, CoreError> {
    // 1. Everything that can be refused, before anything is written.
    let root = recovery_file::open(restoring.recovery_file, restoring.recovery_code)?;
    expected(&root, restoring.root)?;
    let names = Names::parse(restoring)?;
    let trust = Trust::Root(root.certificate_der().to_vec());
    let options = ConnectOptions::new(restoring.addresses.to_vec(), trust, None, restoring.clock.clone());
    let relay: Arc<dyn Relay> = Arc::new(RelayConnection::connect(&options).await?);
    let now = root_door::in_force(&relay, &root, &*restoring.clock).await?;

    // 2. Keys in the vault, then on the list.
    let made = made(restoring, (&root, &names), &now).await?;
    let keeps = Keeps::Made(&made.vault);
    let door = Door { relay: &relay, root: &root, clock: &*restoring.clock, keeps };
    let listed = door.change(&made.certificate, &Change::Lists(&made.issuer)).await?;
    fault::crash("crash.restore_listed");
    made.store(&listed).await?;
    drop(relay);

    // 3. As that device.
    let ways = Ways::product(restoring.clock.clone());
    let core = open_vault(restoring.opening(), &ways).await?;
    let connector = ways.certified(&core.device)?;
    let relay = connector.connect().await?.0;
    let session = Session::new(core, connector);
    let restored = go_on(restoring, (&root, &made.issuer), (&session, &relay)).await;
    let core = session.core().await;
    core.vault.close().await?;
    restored
}

/// What an enrolled device does: reads what is in force, strikes, and signs the list of revoked devices again.
async fn go_on(
    restoring: &Restoring<'_>,
    (root, own): (&RootAuthority, &IssuerCertificate),
    (session, relay): (&Session, &Arc<dyn Relay>),
) -> Result<Restored, CoreError> {
    // 1. The list of revoked devices, and the strike on top of it.
    judged(session, relay).await?;
    let before = session.core().await.revocations.acts();
    let striking = Striking::new((session, relay), (own, &restoring.lost), restoring.agree);
    let door = Door { relay, root, clock: &*restoring.clock, keeps: Keeps::Of(session) };
    let now = door.change(&[], &Change::Strikes(&striking)).await?;
    // 2. It is in force here too.
    issuers::fetch(session, relay, now.organisation.issuers_number()).await?;
    fault::crash("crash.restore_struck");
    let meanwhile = meanwhile(session, before).await?;
    let devices = inventory::devices(session, relay, None).await?;
    // 3. Its list of revoked devices lives on by the new issuer.
    keep_list(session, relay).await?;
    fault::crash("crash.restore_signed_again");
    let core = session.core().await;
    let mut tx = core.vault.begin("restored").await?;
    restoring::store(&mut tx, true).await?;
    tx.commit().await?;
    let (organisation, device) = (&core.device.organisation, &core.device.certificate);
    let by_struck = |one: &&Listed| {
        let by = one.certificate.issuer();
        organisation.struck().iter().any(|struck| *struck.certificate().fingerprint() == by)
    };
    let left = devices.iter().filter(|one| one.certificate.role().may_issue()).filter(by_struck);
    Ok(Restored {
        organisation: organisation.id().to_string(),
        name: organisation.name().to_string(),
        root: organisation.root_fingerprint().to_string(),
        user: device.user().to_string(),
        device: device.device().to_string(),
        issuers_list: organisation.issuers_number(),
        issuers: organisation.issuers().iter().map(|issuer| issuer.label().to_string()).collect(),
        struck: organisation.struck().iter().map(shown).collect(),
        left: left.map(device_left).collect(),
        meanwhile: meanwhile.iter().map(DoneMeanwhile::from).collect(),
    })
}

pub(super) fn shown(struck: &wardline_identity::StruckIssuer) -> StruckShown {
    StruckShown {
        name: struck.certificate().label().to_string(),
        fingerprint: struck.certificate().fingerprint().to_string(),
        kept: struck.kept().len(),
    }
}

pub(super) fn device_left(one: &Listed) -> DeviceLeft {
    DeviceLeft {
        device: one.device().to_string(),
        user: one.certificate.user().to_string(),
        name: one.certificate.device_name().to_string(),
    }
}

/// What is in the vault before the relay hears of it.
struct Made {
    vault: Vault,
    issuer: IssuerCertificate,
    certificate: Vec<u8>,
}

impl Made {
    /// The list that lets the device in is in the vault from now on.
    async fn store(self: &Made, listed: &InForce) -> Result<(), CoreError> {
        let mut tx = self.vault.begin("restore_listed").await?;
        device::store_organisation(&mut tx, &encode(&listed.organisation.to_wire())).await?;
        tx.commit().await?;
        Ok(self.vault.close().await?)
    }
}

/// The issuer and the device of this home; made, if they are not there.
async fn made(
    restoring: &Restoring<'_>,
    (root, names): (&RootAuthority, &Names),
    now: &InForce,
) -> Result<Made, CoreError> {
    let vault = if presence(restoring.home)? == Presence::Present {
        let ways = Ways::product(restoring.clock.clone());
        let vault = unseal_unfinished(&restoring.opening(), &ways).await?;
        match found_here(&vault, (restoring, root)).await? {
            Some((issuer, certificate)) => return Ok(Made { vault, issuer, certificate }),
            None => vault,
        }
    } else {
        Vault::create(restoring.home, restoring.passcode, &*restoring.entropy, restoring.cost).await?
    };
    fault::crash("crash.restore_vault");
    let (entropy, at) = (&*restoring.entropy, restoring.clock.now());
    let issuer = root.found_issuer_of(&names.user, &names.name, entropy, at).map_err(authority)?;
    let key = SigningKey::generate(entropy)?;
    let subject = DeviceSubject {
        organisation: root.organisation().clone(),
        user: names.user.clone(),
        device: device_id_new(entropy)?,
        display_name: names.name.clone(),
        device_name: names.device.clone(),
        role: Role::Administrator,
    };
    let key_of_device = DeviceKey::Ed25519(key.public());
    let certificate = issuer.certify_device(&subject, &key_of_device, entropy, at).map_err(authority)?;
    let row = DeviceRow {
        device: subject.device,
        user: subject.user.to_string(),
        display_name: subject.display_name.to_string(),
        device_name: subject.device_name.to_string(),
        role: subject.role.as_str().to_owned(),
        key_seed: key.seed(),
        root_fingerprint: *root.fingerprint().as_bytes(),
        addresses: restoring.addresses.to_vec(),
        organisation: encode(&now.organisation.to_wire()),
        certificate: Some(certificate.clone()),
        invitation: None,
    };
    insert(&vault, &row, &issuer).await?;
    fault::crash("crash.restore_made");
    Ok(Made { vault, issuer: issuer.certificate().clone(), certificate })
}

async fn insert(vault: &Vault, row: &DeviceRow, issuer: &IssuerAuthority) -> Result<(), CoreError> {
    let key = IssuerRow { key_seed: issuer.key().seed(), certificate: issuer.certificate_der().to_vec() };
    let mut tx = vault.begin("restore").await?;
    device::insert(&mut tx, row).await?;
    issuer::insert(&mut tx, &key).await?;
    restoring::store(&mut tx, false).await?;
    Ok(tx.commit().await?)
}

/// What the same command had made before: `None` if there is nothing in the vault yet.
async fn found_here(
    vault: &Vault,
    (restoring, root): (&Restoring<'_>, &RootAuthority),
) -> Result<Option<(IssuerCertificate, Vec<u8>)>, CoreError> {
    let mut tx = vault.begin("look_for_restore").await?;
    let (row, key) = (device::load(&mut tx).await?, issuer::load(&mut tx).await?);
    let began = restoring::load(&mut tx).await?;
    tx.commit().await?;
    if row.is_none() && key.is_none() {
        return Ok(None);
    }
    let (Some(row), Some(key), Some(_)) = (row, key, began) else { return Err(VaultError::Exists.into()) };
    let same = row.root_fingerprint == *root.fingerprint().as_bytes() && row.user == restoring.user;
    let (Some(certificate), true) = (row.certificate, same) else { return Err(VaultError::Exists.into()) };
    let issuer = IssuerAuthority::new(SigningKey::from_seed(*key.key_seed), &key.certificate);
    let issuer = issuer.map_err(authority)?.certificate().clone();
    Ok(Some((issuer, certificate)))
}

/// The root is the one that is expected.
fn expected(root: &RootAuthority, fingerprint: Option<&str>) -> Result<(), CoreError> {
    let Some(text) = fingerprint else { return Ok(()) };
    let expected = RootFingerprint::parse(text).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            "The root's fingerprint cannot be read.",
            format!("{error}."),
            "Copy it from wardline status of any device, or leave --root out.",
        )
    })?;
    if expected == root.fingerprint() {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Untrusted,
        "The recovery file is another organisation's.",
        format!("Its root is {}.", root.fingerprint()),
        "Name the file of the organisation with that fingerprint.",
    )
    .into())
}

struct Names {
    user: UserId,
    name: DisplayName,
    device: DeviceName,
}

impl Names {
    fn parse(restoring: &Restoring<'_>) -> Result<Self, CoreError> {
        let wrong = |what: &str, error: NameError| {
            Failure::new(
                FailureKind::Input,
                format!("The {what} cannot be used."),
                format!("{error}."),
                "Choose another.",
            )
        };
        Ok(Self {
            user: UserId::parse(restoring.user).map_err(|error| wrong("user", error))?,
            name: DisplayName::parse(restoring.name).map_err(|error| wrong("name", error))?,
            device: device_name(restoring.device_name)?,
        })
    }
}

fn authority(error: AuthorityError) -> CoreError {
    Failure::defect(format!("A certificate could not be made: {error}.")).into()
}
