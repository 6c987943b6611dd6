//! The organisation and its devices, all by the ways that the product has.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::task::JoinSet;
use wardline_client_core::{
    api::{Answer, Client, Command, Enrolment, Founding, Invitee, Options, Reach, enrol, found},
    relay::TransportChoice,
    vault::{KdfCost, Passcode},
};
use wardline_identity::{SystemClock, SystemEntropy};

use super::relay::RelayProcess;
use crate::Place;

/// A ward. Fields drop in order: the relay ends before its folder goes.
pub(crate) struct Ward {
    _relay: RelayProcess,
    office: Client,
    folder: TempDir,
}

/// An enrolled device.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    /// Whose it is.
    pub user: String,
    home: PathBuf,
}

impl Ward {
    /// Founds an organisation and starts its relay.
    pub(crate) async fn founded(place: &Place) -> Result<Self> {
        let folder = TempDir::new_in(&place.folder)?;
        let mut relay = RelayProcess::init(place, &folder.path().join("relay"))?;
        let office = Device { user: "administrator".to_owned(), home: folder.path().join("administrator") };
        let founding = Founding {
            home: &office.home,
            passcode: &office.passcode()?,
            cost: KdfCost::floor(),
            organisation: "St. Example",
            user: &office.user,
            name: "Administrator",
            device_name: "office",
            relay_request: &std::fs::read(relay.folder().join("relay.request"))?,
            recovery_file: &folder.path().join("recovery"),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let founded = found(&founding).await?;
        std::fs::write(relay.folder().join("relay.bundle"), founded.relay_bundle)?;
        relay.start()?;
        let office = office.open(TransportChoice::Auto).await?;
        Ok(Self { _relay: relay, office, folder })
    }

    /// The administrator's client.
    pub(crate) const fn office(&self) -> &Client {
        &self.office
    }

    /// Enrols a clinician each with a device each; each has published what others add it with.
    pub(crate) async fn enrol(&self, users: &[String]) -> Result<Vec<Device>> {
        let people = users.iter().map(|user| Invitee {
            user: user.clone(),
            name: format!("Name of {user}"),
            role: "clinician".to_owned(),
            replaces: None,
        });
        let invite = Command::Invite { people: people.collect(), valid_seconds: 3_600 };
        let Answer::Invited(invited) = self.office.execute(invite, Reach::Online).await? else {
            bail!("nobody was invited");
        };
        let mut enrolling = JoinSet::new();
        let mut devices = Vec::new();
        for (user, invitation) in users.iter().zip(invited.invited) {
            let device = Device { user: user.clone(), home: self.folder.path().join(user) };
            devices.push(device.clone());
            enrolling.spawn(async move { device.enrol(&invitation.invitation).await });
        }
        while !enrolling.is_empty() {
            self.office.execute(Command::RegistrarPass { wait_seconds: 1 }, Reach::Online).await?;
            while let Some(enrolled) = enrolling.try_join_next() {
                enrolled??;
            }
        }
        Ok(devices)
    }
}

impl Device {
    /// Opens its home; nothing is connected yet.
    pub(crate) async fn open(&self, transport: TransportChoice) -> Result<Client> {
        let options = Options { transport, ..Options::default() };
        Client::open(&self.home, &self.passcode()?, options).await.context("a vault opens")
    }

    async fn enrol(&self, invitation: &str) -> Result<()> {
        let enrolment = Enrolment {
            home: &self.home,
            passcode: &self.passcode()?,
            cost: KdfCost::floor(),
            invitation,
            device_name: "phone",
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            connector: None,
        };
        enrol(&enrolment, &mut |_| {}).await?;
        let client = self.open(TransportChoice::Auto).await?;
        client.execute(Command::Sync, Reach::Online).await?;
        Ok(client.close().await?)
    }

    fn passcode(&self) -> Result<Passcode> {
        Ok(Passcode::new(format!("the passcode of {}", self.user))?)
    }
}
