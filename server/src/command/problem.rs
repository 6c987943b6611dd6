//! What went wrong, told to the person at the keyboard: what happened, why, what to do now.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::init::next_step;
use crate::bundle::BundleError;
use crate::config::ConfigError;
use crate::data_dir::DataDirError;
use crate::domain::organisation::{OrganisationError, OrganisationRefusal};
use crate::init::InitError;
use crate::relay_keys::RelayKeysError;
use crate::run::RunError;
use crate::store::StoreError;
use crate::telemetry::{LogError, MetricsError};
use crate::transport::TransportError;

/// A command that was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// What happened.
    what: String,
    /// Why: the chain of causes.
    why: String,
    /// What to do now.
    next: String,
    /// The exit status (sysexits.h).
    exit: u8,
}

impl Problem {
    /// On standard error as sentences, or on standard output as an object.
    pub(super) fn print(&self, json: bool) -> ExitCode {
        if json {
            let object = json!({"event": "error", "what": self.what, "why": self.why, "next": self.next});
            // A closed pipe cannot be told about; the exit status still says it.
            drop(super::say(&object.to_string()));
        } else {
            eprintln!("{}: {}.\n{}", self.what, self.why, self.next);
        }
        ExitCode::from(self.exit)
    }

    pub(super) fn init(error: &InitError) -> Self {
        let new = |next: String, exit| Self::new("The relay was not initialised", error, next, exit);
        match error {
            InitError::MadeBefore(_) => new(
                "There is a relay in this folder already, and its keys are certified for what it asked. \
                 Start it with `wardline-relay serve`, or choose an empty folder for another relay."
                    .to_owned(),
                CANNOT_CREATE,
            ),
            InitError::Address(_) | InitError::AddressCount { .. } => {
                new("Give --address HOST:PORT as clients will dial it, 1 to 16 times.".to_owned(), USAGE)
            }
            InitError::Keys(source) => new(keys_next(source), keys_exit(source)),
            InitError::Folder(source) => new(folder_next(source), folder_exit(source)),
        }
    }

    pub(super) fn run(error: &RunError, data_dir: &Path) -> Self {
        let folder = data_dir.display();
        let (next, exit) = match error {
            RunError::Folder(source) | RunError::Bundle(BundleError::File(source)) => {
                (folder_next(source), folder_exit(source))
            }
            RunError::NotInitialised(_) => (
                format!("Make them: wardline-relay init --data-dir {folder} --address HOST:PORT"),
                CANNOT_CREATE,
            ),
            RunError::Keys(source) => (keys_next(source), keys_exit(source)),
            RunError::Bundle(source) => bundle_next(source, &folder.to_string()),
            RunError::NoAddress => ("Say where to listen: --listen ADDR:PORT".to_owned(), CONFIG),
            RunError::Store(source) => store_next(source),
            RunError::Transport(TransportError::Listen { .. }) => (
                "Another program may have the port (TCP or UDP): stop it, or choose another with --listen ADDR:PORT."
                    .to_owned(),
                UNAVAILABLE,
            ),
            RunError::Transport(_) => (DEFECT_NEXT.to_owned(), DEFECT),
            RunError::Metrics(MetricsError::NotLoopback(_)) => {
                ("Give --metrics a loopback address, such as 127.0.0.1:9464.".to_owned(), CONFIG)
            }
            RunError::Metrics(_) => {
                ("Choose another address with --metrics ADDR:PORT.".to_owned(), UNAVAILABLE)
            }
        };
        Self::new("The relay did not start", error, next, exit)
    }

    pub(super) fn config(error: &ConfigError, path: &Path) -> Self {
        let next = format!("Correct {}; relay.sample.toml explains each knob.", path.display());
        Self::new("The configuration cannot be used", error, next, CONFIG)
    }

    pub(super) fn log(error: &LogError) -> Self {
        let next = "Give --log a level (error, warn, info, debug, trace) or a list such as \
                    info,wardline_server=debug.";
        Self::new("The log was not started", error, next.to_owned(), CONFIG)
    }

    pub(super) fn runtime(error: &std::io::Error) -> Self {
        let next = "The system has no threads or files to spare: end other programs, or raise its limits.";
        Self::new("The relay did not start", error, next.to_owned(), DEFECT)
    }

    pub(super) fn output(error: &std::io::Error) -> Self {
        let next = "The command was done; only its report is lost.";
        Self::new("The result could not be printed", error, next.to_owned(), IO)
    }

    fn new(what: &str, error: &dyn Error, next: String, exit: u8) -> Self {
        // Causes that repeat what was said ("#[error(transparent)]") are said once.
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            let text = source.to_string();
            if !why.contains(&text) {
                why = format!("{why}: {text}");
            }
            cause = source.source();
        }
        Self { what: what.to_owned(), why: why.trim_end().to_owned(), next, exit }
    }
}

fn folder_next(error: &DataDirError) -> String {
    match error {
        DataDirError::Missing(path) => {
            format!("Make it: wardline-relay init --data-dir {} --address HOST:PORT", path.display())
        }
        DataDirError::InUse(_) => {
            "A relay is running on this folder; its process id is in relay.lock. Stop it first, or choose \
             another folder."
                .to_owned()
        }
        DataDirError::KeyExposed(path) => format!(
            "If nobody else can have read it: chmod 600 {}. Otherwise make a new relay in an empty folder.",
            path.display()
        ),
        DataDirError::TooLarge { .. } => "This is not a file of the relay: restore the right one.".to_owned(),
        DataDirError::Io { .. } => {
            "Check that the folder is this user's, and that the disk is there, writable and not full."
                .to_owned()
        }
    }
}

fn folder_exit(error: &DataDirError) -> u8 {
    match error {
        DataDirError::Missing(_) => CANNOT_CREATE,
        DataDirError::InUse(_) => TRY_LATER,
        DataDirError::KeyExposed(_) => CONFIG,
        DataDirError::TooLarge { .. } => DATA,
        DataDirError::Io { .. } => IO,
    }
}

fn keys_next(error: &RelayKeysError) -> String {
    match error {
        RelayKeysError::File(source) => folder_next(source),
        RelayKeysError::Malformed { .. } => {
            "Restore the file from a backup, or make a new relay in an empty folder and certify that."
                .to_owned()
        }
        RelayKeysError::Make(_) => DEFECT_NEXT.to_owned(),
    }
}

fn keys_exit(error: &RelayKeysError) -> u8 {
    match error {
        RelayKeysError::File(source) => folder_exit(source),
        RelayKeysError::Malformed { .. } => DATA,
        RelayKeysError::Make(_) => DEFECT,
    }
}

fn bundle_next(error: &BundleError, folder: &str) -> (String, u8) {
    let next = match error {
        BundleError::Missing => {
            let next = next_step(folder);
            return (
                format!("The relay has no organisation yet. On the administrator's machine:\n\n    {next}"),
                CANNOT_CREATE,
            );
        }
        BundleError::OtherRoot { .. } => {
            "Put the bundle of its own organisation back, or make a new relay in an empty folder."
        }
        BundleError::IssuersOlder { .. } => "Put the organisation's newest bundle there.",
        BundleError::RelayCertificate {
            source: wardline_identity::CertificateError::Expired { .. }, ..
        } => "The relay's certificate is good for a year: have it renewed by the administrator.",
        BundleError::RelayKey { .. } => {
            "The bundle was made for another folder's relay.request: have this one certified."
        }
        BundleError::Store(OrganisationError::Refused(OrganisationRefusal::DeviceTaken)) => {
            "The founder's device is another person's or was revoked: put the organisation's own bundle there."
        }
        BundleError::Store(OrganisationError::Store(source)) => return store_next(source),
        _ => "Check this machine's clock, and have the administrator write the bundle again.",
    };
    (next.to_owned(), DATA)
}

fn store_next(error: &StoreError) -> (String, u8) {
    match error {
        StoreError::Newer { .. } => {
            ("A newer relay has used this folder: start that one, or restore a backup.".to_owned(), DATA)
        }
        StoreError::Damaged { .. } | StoreError::Unreadable { .. } => (
            "Restore relay.sqlite from a backup; do not delete it, it holds undelivered messages.".to_owned(),
            DATA,
        ),
        StoreError::Full { .. } | StoreError::Unavailable { .. } => (
            "Check that the disk is there, writable and not full, and that relay.sqlite is this user's."
                .to_owned(),
            IO,
        ),
        _ => (DEFECT_NEXT.to_owned(), DEFECT),
    }
}

const DEFECT_NEXT: &str = "This is a defect of the relay: please report it with the log.";

const USAGE: u8 = 2;
const DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;
const DEFECT: u8 = 70;
const CANNOT_CREATE: u8 = 73;
const IO: u8 = 74;
const TRY_LATER: u8 = 75;
const CONFIG: u8 = 78;
