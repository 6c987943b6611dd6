//! A founded organisation with its relay, and the people in it.

use std::{path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;
use wardline_client_core::api::{Founding, found};
use wardline_identity::{SystemClock, SystemEntropy};
use wardline_proto::fault;

use crate::{Device, Programs, RelayProcess, enrolment};

/// What makes a scene quick.
const QUICK: &[&str] = &["simulation.cheap_passcodes", "simulation.few_key_packages"];

/// How many lines of each log are shown of a test that failed.
const LOG_LINES: usize = 60;

/// A ward: fields drop in order, so that processes end before their folders go.
#[derive(Debug)]
pub struct Ward {
    /// The relay.
    pub relay: RelayProcess,
    /// The administrator's device.
    pub administrator: Device,
    /// Opens the recovery file.
    pub recovery_code: String,
    programs: Programs,
    temporary: TempDir,
}

impl Ward {
    /// A founded organisation whose relay runs.
    #[must_use]
    pub fn founded(programs: Programs) -> Self {
        let mut ward = Self::stopped(programs);
        ward.relay.start();
        ward
    }

    /// The same where no thief has a part: passcodes cost nothing to try, and devices leave few KeyPackages. For scenes
    /// that are many.
    #[must_use]
    pub fn quick(programs: Programs) -> Self {
        QUICK.iter().for_each(|place| fault::plant(place));
        Self::founded(Programs { always: QUICK, ..programs })
    }

    /// A founded organisation whose relay does not run yet.
    #[must_use]
    pub fn stopped(programs: Programs) -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        let folder = temporary.path();
        let relay = RelayProcess::init(&programs, &folder.join("relay"));
        let administrator = Device::at(&programs, folder, "administrator", &passcode("administrator"));
        let request = std::fs::read(relay.folder().join("relay.request")).expect("a request");
        let founding = Founding {
            home: &administrator.home,
            passcode: &enrolment::passcode(&passcode("administrator")),
            cost: administrator.cost(),
            organisation: "St. Example",
            user: "administrator",
            name: "Administrator",
            device_name: "office",
            relay_request: &request,
            recovery_file: &folder.join("recovery"),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let founded = enrolment::runtime().block_on(found(&founding)).expect("an organisation");
        std::fs::write(relay.folder().join("relay.bundle"), founded.relay_bundle).expect("a bundle");
        let recovery_code = founded.recovery_code.to_string();
        Self { relay, administrator, recovery_code, programs, temporary }
    }

    /// The folder of everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.temporary.path()
    }

    /// The root's recovery file.
    #[must_use]
    pub fn recovery_file(&self) -> std::path::PathBuf {
        self.folder().join("recovery")
    }

    /// Clinicians with a device each, enrolled and ready to be added to conversations.
    #[must_use]
    pub fn people<const N: usize>(&self, users: [&str; N]) -> [Device; N] {
        let devices = users.map(|user| self.device(user));
        enrolment::enrol(&self.administrator, &devices, "clinician");
        devices
    }

    /// The same for so many people as there are, in any role.
    #[must_use]
    pub fn people_as(&self, role: &str, users: &[String]) -> Vec<Device> {
        let devices: Vec<Device> = users.iter().map(|user| self.device(user)).collect();
        enrolment::enrol(&self.administrator, &devices, role);
        devices
    }

    /// A home for a device that is not enrolled yet.
    #[must_use]
    pub fn device(&self, user: &str) -> Device {
        Device::at(&self.programs, self.folder(), user, &passcode(user))
    }

    /// An invitation for a clinician.
    #[must_use]
    pub fn invite(&self, user: &str) -> String {
        let invited =
            self.administrator.ask(&["admin", "invite", user, "--name", &format!("Name of {user}")]);
        invited["invitation"].as_str().expect("an invitation").to_owned()
    }

    /// An invitation for a clinician that has just expired: the shortest one lasts a minute, so it is made by an
    /// administrator whose clock is behind.
    #[must_use]
    pub fn invite_for_a_moment(&self, user: &str) -> String {
        let invitation = enrolment::invite_in_the_past(&self.administrator, user);
        std::thread::sleep(enrolment::MOMENT + Duration::from_millis(500));
        invitation
    }
}

/// What its programs have logged, where a test failed: a failure elsewhere cannot be looked into afterwards.
impl Drop for Ward {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for entry in std::fs::read_dir(self.folder()).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let log = std::fs::read_to_string(&path).unwrap_or_default();
                let from = log.lines().count().saturating_sub(LOG_LINES);
                eprintln!("-- {}", path.display());
                log.lines().skip(from).for_each(|line| eprintln!("   {line}"));
            }
        }
    }
}

/// Each person has a passcode of their own.
fn passcode(user: &str) -> String {
    format!("the passcode of {user}")
}
