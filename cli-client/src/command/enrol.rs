//! `wardline enrol`: makes this device yours; resumable.

use std::{path::Path, process::ExitCode, sync::Arc};

use wardline_client_core::{
    api::{self, Client, Command, Enrolment, Failure, FailureKind, Options, Progress, Reach},
    owner::Ownership,
    vault::{KdfCost, Passcode},
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
    if first_contact(&folder, &passcode).await.is_err() {
        print::note("Others can add this device once it has been online: wardline sync.", json);
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves with the relay what others need to add the device. The certificate is in the vault whatever comes of it.
async fn first_contact(folder: &Path, passcode: &Passcode) -> Result<(), Failure> {
    let client = Client::open(folder, passcode, Options::default()).await?;
    let synced = client.execute(Command::Sync, Reach::Online).await;
    client.close().await?;
    synced.map(drop)
}
