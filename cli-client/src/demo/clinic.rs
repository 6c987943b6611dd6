//! The demo's organisation: a relay in its own process, the administrator, and people with devices.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, sync::Arc};

use prost::Message as _;
use wardline_client_core::{
    api::{self, Answer, Command, Enrolment, Failure, FailureKind, Founding, Invitee},
    vault::KdfCost,
};
use wardline_identity::{Organisation, RootFingerprint, SystemClock, SystemEntropy};
use wardline_proto::relay::RelayBundle;

use super::{
    device::{Device, passcode, unexpected},
    folder::{Folder, disk},
    relay::Relay,
    report::Report,
    tap::Tap,
};

/// How long the administrator's device waits for a request, in seconds.
const WAIT_SECONDS: u32 = 20;
/// How long an invitation is valid, in seconds.
const VALID_SECONDS: u64 = 3_600;

/// The relay and the organisation, at work.
pub(crate) struct Clinic {
    /// What is printed.
    pub report: Report,
    /// The administrator's device.
    pub admin: Device,
    /// The organisation's root certificate, DER, as the relay shows it.
    pub root_der: Vec<u8>,
    /// The relay's process. Before the folder: it ends before its files go.
    pub relay: Relay,
    /// Where everything is.
    pub folder: Folder,
}

impl Clinic {
    /// Starts a relay and founds an organisation.
    ///
    /// # Errors
    /// [`Failure`] of any kind that [`api::found`] gives; `Unavailable` for the relay.
    pub(crate) async fn found(folder: Folder, report: Report) -> Result<Self, Failure> {
        let mut relay = Relay::init(folder.path())?;
        report.step("the relay has made its keys");
        let home = folder.path().join("administrator");
        let passcode_text = secret("administrator")?;
        let request = relay.data().join("relay.request");
        let relay_request = std::fs::read(&request).map_err(|error| disk(&request, &error))?;
        let founding = Founding {
            home: &home,
            passcode: &passcode(&passcode_text)?,
            cost: KdfCost::floor(),
            organisation: "St. Example",
            user: "administrator",
            name: "Administrator",
            device_name: "office",
            relay_request: &relay_request,
            recovery_file: &folder.path().join("root.recovery"),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let founded = api::found(&founding).await?;
        let root_der = root_of(&founded.relay_bundle)?;
        let bundle = relay.data().join("relay.bundle");
        std::fs::write(&bundle, &founded.relay_bundle).map_err(|error| disk(&bundle, &error))?;
        report.step("St. Example is founded; its root and the relay's certificates are made");
        let process = relay.start().await?;
        report.step(&format!("the relay runs as process {process} on {} (QUIC and TCP)", relay.address()));
        let admin = Device::new("administrator", "office", home, passcode_text).await?;
        keep_passcode(&folder, &admin)?;
        Ok(Self { report, admin, root_der, relay, folder })
    }

    /// The organisation as its devices verify it.
    ///
    /// # Errors
    /// The relay's bundle is not what was written: a defect.
    pub(crate) fn organisation(&self) -> Result<Organisation, Failure> {
        use wardline_identity::Clock as _;
        let path = self.relay.data().join("relay.bundle");
        let bytes = std::fs::read(&path).map_err(|error| disk(&path, &error))?;
        let wire = RelayBundle::decode(bytes.as_slice()).ok().and_then(|bundle| bundle.organisation);
        let root = RootFingerprint::of(&self.root_der);
        wire.and_then(|wire| Organisation::verify(&wire, &root, SystemClock.now()).ok())
            .ok_or_else(|| Failure::defect("The organisation does not verify."))
    }

    /// Invites a person and enrols a device for them over the network; answers the device, connected.
    ///
    /// # Errors
    /// As [`api::enrol`].
    pub(crate) async fn enrol(
        &self,
        user: &'static str,
        display_name: &str,
        name: &'static str,
        cost: KdfCost,
    ) -> Result<Device, Failure> {
        // 1. The administrator invites.
        let person = Invitee {
            user: user.to_owned(),
            name: display_name.to_owned(),
            role: "clinician".to_owned(),
            replaces: None,
        };
        let invite = Command::Invite { people: vec![person], valid_seconds: VALID_SECONDS };
        let Answer::Invited(invited) = self.admin.ask(invite).await? else { return Err(unexpected()) };
        let invitation = invited.invited.first().ok_or_else(unexpected)?.invitation.clone();

        // 2. The device asks, the administrator's device checks and signs: both at once.
        let home = self.folder.path().join(format!("{user}-{name}"));
        let passcode_text = secret(user)?;
        let passcode = passcode(&passcode_text)?;
        let clock = Arc::new(SystemClock);
        let tap = Tap::new(api::invitation_connector(&invitation, clock.clone())?);
        let record = tap.record().clone();
        let enrolment = Enrolment {
            home: &home,
            passcode: &passcode,
            cost,
            invitation: &invitation,
            device_name: name,
            clock,
            entropy: Arc::new(SystemEntropy),
            connector: Some(Arc::new(tap)),
        };
        let mut quiet = |_| {};
        let pass = Command::RegistrarPass { wait_seconds: WAIT_SECONDS };
        let (enrolled, _) = tokio::try_join!(api::enrol(&enrolment, &mut quiet), self.admin.ask(pass))?;

        // 3. It connects, and leaves with the relay what others need to add it.
        let device = Device::new(user, name, home, passcode_text).await?;
        device.record().seen().requests.append(&mut record.seen().requests);
        keep_passcode(&self.folder, &device)?;
        device.sync().await?;
        let over = connection(&device).await?;
        self.report.step(&format!(
            "{}: enrolled, connected over {over}, key {}",
            device.label(),
            enrolled.fingerprint
        ));
        Ok(device)
    }
}

/// Over what a device is connected.
async fn connection(device: &Device) -> Result<String, Failure> {
    match device.ask(Command::Status { seen: false }).await? {
        Answer::Status(status) => Ok(match status.connection.as_str() {
            "quic" => "QUIC".to_owned(),
            other => other.to_owned(),
        }),
        _ => Err(unexpected()),
    }
}

/// Where the folders are kept, their passcodes are too: who keeps them wants to look inside.
///
/// # Errors
/// [`Failure`] of kind `Disk`.
fn keep_passcode(folder: &Folder, device: &Device) -> Result<(), Failure> {
    if folder.kept().is_some() {
        let path = device.home.with_extension("passcode");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path);
        file.and_then(|mut file| writeln!(file, "{}", device.passcode_text))
            .map_err(|error| disk(&path, &error))?;
    }
    Ok(())
}

/// A passcode that nothing else in the scene looks like.
fn secret(user: &str) -> Result<String, Failure> {
    let random: [u8; 10] =
        SystemEntropy.array().map_err(|_| Failure::defect("The system gave no randomness."))?;
    Ok(format!("{user} {}", data_encoding::BASE32_NOPAD.encode(&random).to_lowercase()))
}

/// The root certificate in a relay's bundle.
fn root_of(bundle: &[u8]) -> Result<Vec<u8>, Failure> {
    let decoded = RelayBundle::decode(bundle).ok().and_then(|bundle| bundle.organisation);
    decoded
        .map(|organisation| organisation.root_certificate.to_vec())
        .ok_or_else(|| Failure::new(FailureKind::Defect, "The relay's bundle names no root.", "", ""))
}
