//! `wardline admin administrator …`: who is an administrator, by the root's signature.

use std::{process::ExitCode, sync::Arc};

use wardline_client_core::{
    api::{self, Appointing, Command, Failure, FailureKind},
    owner::Ownership,
};
use wardline_identity::{SystemClock, SystemEntropy};

use super::{
    once,
    root::{agree, code},
};
use crate::{
    args::{AdminAdministratorTask, AdministratorTask, Globals, RecoveryFile, RemoveArgs},
    home,
    passcode::{self, Asking},
    print,
};

/// Carries out `administrator …`.
pub(crate) async fn own(globals: &Globals, task: AdministratorTask) -> Result<ExitCode, Failure> {
    let what = match task {
        AdministratorTask::Request => api::AdministratorTask::Request,
        AdministratorTask::Status => api::AdministratorTask::Status,
    };
    once::run(globals, Command::Administrators { what }).await
}

/// Carries out `admin administrator …`.
pub(crate) async fn run(globals: &Globals, task: AdminAdministratorTask) -> Result<ExitCode, Failure> {
    match task {
        AdminAdministratorTask::List => {
            let what = api::AdministratorTask::List;
            once::run(globals, Command::Administrators { what }).await
        }
        AdminAdministratorTask::Add { user, code, file } => {
            appoint(globals, (&user, &file), Doing::Add { code }).await
        }
        AdminAdministratorTask::Remove(RemoveArgs { user, file, yes }) => {
            appoint(globals, (&user, &file), Doing::Remove { yes }).await
        }
    }
}

/// What is done with the root's file.
enum Doing {
    /// Somebody comes in, by the code of their machine.
    Add { code: String },
    /// Somebody goes out; `yes`: without asking whether what stays good is right.
    Remove { yes: bool },
}

async fn appoint(
    globals: &Globals,
    (user, file): (&str, &RecoveryFile),
    doing: Doing,
) -> Result<ExitCode, Failure> {
    let folder = home::folder(globals)?;
    if !folder.join("vault.header").exists() {
        return Err(home::no_vault(&folder));
    }
    let recovery_code = code(file)?;
    let passcode = passcode::read(globals.passcode_file.as_deref(), Asking::Known)?;
    let Some(_ownership) = Ownership::take(&folder)? else {
        return Err(Failure::new(
            FailureKind::Busy,
            "Another process is using this home.",
            "The root's key is given to no other process.",
            "End it for a moment, most likely wardline admin registrar, and run the command again.",
        ));
    };
    let appointing = Appointing {
        home: &folder,
        passcode: &passcode,
        recovery_file: &file.recovery_file,
        recovery_code: &recovery_code,
        user,
        agree: &|plan| agree(plan, matches!(doing, Doing::Remove { yes: true })),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let (change, done) = match &doing {
        Doing::Add { code } => ("added", api::add_administrator(&appointing, code).await?),
        Doing::Remove { .. } => ("removed", api::remove_administrator(&appointing).await?),
    };
    print::appointed(&done, change, globals.json);
    Ok(ExitCode::SUCCESS)
}
