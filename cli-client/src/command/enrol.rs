//! `wardline enrol`: makes this device yours; resumable.

use std::{process::ExitCode, sync::Arc};

use wardline_client_core::{
    api::{self, Enrolment, Failure, FailureKind, Progress},
    owner::Ownership,
    vault::KdfCost,
};
use wardline_identity::{SystemClock, SystemEntropy};

use crate::{
    args::Globals,
    home,
    passcode::{self, Asking},
    print,
};

/// Enrols.
pub(crate) async fn run(globals: &Globals, invitation: &str, device: &str) -> Result<ExitCode, Failure> {
    let folder = home::folder(globals)?;
    let asking = if folder.join("vault.header").exists() { Asking::Known } else { Asking::New };
    let passcode = passcode::read(globals.passcode_file.as_deref(), asking)?;
    let Some(_ownership) = Ownership::take(&folder)? else {
        return Err(Failure::new(
            FailureKind::Busy,
            "Another Wardline process is using this home.",
            "",
            "End it, or name another --home.",
        ));
    };
    let enrolment = Enrolment {
        home: &folder,
        passcode: &passcode,
        cost: KdfCost::default(),
        invitation,
        device_name: device,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        connector: None,
    };
    let json = globals.json;
    let mut tell = |progress: Progress| print::progress(&progress, json);
    let enrolled = api::enrol(&enrolment, &mut tell).await?;
    print::enrolled(&enrolled, json);
    Ok(ExitCode::SUCCESS)
}
