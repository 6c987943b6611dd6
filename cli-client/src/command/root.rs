//! `wardline admin root`: restore an administrator, copy the recovery file, look at it.

use std::{io::IsTerminal as _, process::ExitCode, sync::Arc};

use wardline_client_core::{
    api::{self, Failure, FailureKind, Lost, Restoring, StrikePlan},
    owner::Ownership,
    vault::KdfCost,
};
use wardline_identity::{SystemClock, SystemEntropy};

use crate::{
    args::{Globals, RecoveryFile, RestoreArgs, RootTask},
    home,
    passcode::{self, Asking},
    print,
};

/// Carries out a task with the root's file.
pub(crate) async fn run(globals: &Globals, task: RootTask) -> Result<ExitCode, Failure> {
    match task {
        RootTask::Restore(args) => restore(globals, args).await,
        RootTask::Backup { file, out } => {
            let code = code(&file)?;
            let made = api::back_up_root((&file.recovery_file, &code), &out, &SystemEntropy)?;
            print::backed_up(&made, &out, globals.json).map_err(|error| {
                Failure::new(
                    FailureKind::Disk,
                    "The copy's recovery code could not be shown.",
                    format!("{error}."),
                    "Remove the copy and make another.",
                )
            })?;
            Ok(ExitCode::SUCCESS)
        }
        RootTask::Show(file) => {
            let shown = api::show_root(&file.recovery_file, &code(&file)?)?;
            print::root(&shown, globals.json);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The recovery code, from its file or asked for.
pub(crate) fn code(file: &RecoveryFile) -> Result<zeroize::Zeroizing<String>, Failure> {
    passcode::recovery_code(file.recovery_code_file.as_deref())
}

/// Shows what a strike keeps, and asks whether that is right.
pub(crate) fn agree(plan: &StrikePlan, yes: bool) -> Result<(), Failure> {
    print::plan(plan);
    if yes {
        return Ok(());
    }
    let refused = |why: &str| {
        Failure::new(
            FailureKind::Input,
            "Nobody was struck.",
            why,
            "Compare the numbers with the devices that you know of. If they are right, run the command again with --yes: it goes on \
             where it stopped.",
        )
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused("There is no terminal to ask on whether what stays good is right."));
    }
    print::ask("Strike, and keep these? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer).is_ok();
    match read && answer.trim().eq_ignore_ascii_case("y") {
        true => Ok(()),
        false => Err(refused("You did not say yes.")),
    }
}

async fn restore(globals: &Globals, args: RestoreArgs) -> Result<ExitCode, Failure> {
    let folder = home::folder(globals)?;
    let code = code(&args.file)?;
    let asking = if folder.join("vault.header").exists() { Asking::Known } else { Asking::New };
    let passcode = passcode::read(globals.passcode_file.as_deref(), asking)?;
    let Some(_ownership) = Ownership::take(&folder)? else {
        return Err(Failure::new(FailureKind::Busy, "Another process is using this home.", "", ""));
    };
    let lost = match (args.strike_all, args.strike.is_empty()) {
        (true, _) => Lost::All,
        (false, true) => Lost::None,
        (false, false) => Lost::These(args.strike),
    };
    let restoring = Restoring {
        home: &folder,
        passcode: &passcode,
        cost: KdfCost::default(),
        addresses: &args.relay,
        root: args.root.as_deref(),
        recovery_file: &args.file.recovery_file,
        recovery_code: &code,
        user: &args.user,
        name: &args.name,
        device_name: &args.device,
        lost,
        agree: &|plan| agree(plan, args.yes),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    print::restored(&api::restore_root(&restoring).await?, &folder, globals.json);
    Ok(ExitCode::SUCCESS)
}
