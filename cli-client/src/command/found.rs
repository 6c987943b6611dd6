//! `wardline admin found`: founds an organisation and certifies its relay.

use std::{io::Write as _, path::Path, process::ExitCode, sync::Arc};

use wardline_client_core::{
    api::{self, Failure, FailureKind, Founding},
    owner::Ownership,
    vault::KdfCost,
};
use wardline_identity::{SystemClock, SystemEntropy};

use crate::{
    args::{FoundArgs, Globals},
    home,
    passcode::{self, Asking},
    print,
};

/// Founds.
pub(crate) async fn run(globals: &Globals, args: FoundArgs) -> Result<ExitCode, Failure> {
    let (request, bundle) = match (&args.relay_dir, args.relay_request, args.bundle) {
        (Some(folder), ..) => (folder.join("relay.request"), folder.join("relay.bundle")),
        (None, Some(request), Some(bundle)) => (request, bundle),
        _ => return Err(Failure::defect("The arguments name no relay.")),
    };
    if bundle.exists() {
        return Err(Failure::new(
            FailureKind::Exists,
            "This relay belongs to an organisation already.",
            format!("{} exists.", bundle.display()),
            "Make another relay: wardline-relay init.",
        ));
    }
    let relay_request = std::fs::read(&request).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            "The relay's request cannot be read.",
            format!("{}: {error}.", request.display()),
            "Make it first: wardline-relay init --data-dir DIR --address HOST:PORT.",
        )
    })?;
    let folder = home::folder(globals)?;
    let passcode = passcode::read(globals.passcode_file.as_deref(), Asking::New)?;
    let Some(_ownership) = Ownership::take(&folder)? else {
        return Err(Failure::new(FailureKind::Busy, "Another process is using this home.", "", ""));
    };
    let founding = Founding {
        home: &folder,
        passcode: &passcode,
        cost: KdfCost::default(),
        organisation: &args.organisation,
        user: &args.user,
        name: &args.name,
        device_name: &args.device,
        relay_request: &relay_request,
        recovery_file: &args.recovery_file,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let founded = api::found(&founding).await?;
    // The code first: an organisation whose recovery code nobody saw must not come to life.
    print::founded(&founded, &bundle, &args.recovery_file, globals.json).map_err(|error| {
        Failure::new(
            FailureKind::Disk,
            "The recovery code could not be shown; the relay was not certified.",
            format!("{error}."),
            "Remove the new home and the recovery file, and found again.",
        )
    })?;
    write(&bundle, &founded.relay_bundle)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the bundle whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let put = || -> std::io::Result<()> {
        let partial = path.with_extension("partial");
        let mut file = std::fs::File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    put().map_err(|error| {
        Failure::new(
            FailureKind::Disk,
            "The relay's bundle could not be written.",
            format!("{}: {error}.", path.display()),
            "Remove the new home and the recovery file, and found again.",
        )
    })
}
