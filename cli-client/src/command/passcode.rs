//! `wardline passcode change`: another passcode for the vault of a home that nobody has open.

use std::{path::Path, process::ExitCode, sync::Arc};

use wardline_client_core::{
    api::{Failure, FailureKind, PasscodeChange, change_passcode},
    owner::{Entered, enter},
    vault::KdfCost,
};
use wardline_identity::{SystemClock, SystemEntropy};

use crate::{
    args::Globals,
    home,
    passcode::{self, Asking},
    print,
};

/// Changes it.
pub(crate) async fn change(globals: &Globals, new: Option<&Path>) -> Result<ExitCode, Failure> {
    let folder = home::folder(globals)?;
    if !folder.join("vault.header").exists() {
        return Err(home::no_vault(&folder));
    }
    let Entered::Owner(ownership) = enter(&folder).await? else {
        return Err(Failure::new(
            FailureKind::Busy,
            "The vault is open in another process.",
            "Its passcode is changed while nobody has it open.",
            "Close it first: wardline lock.",
        ));
    };
    let old = passcode::read(globals.passcode_file.as_deref(), Asking::Known)?;
    let new = passcode::read(new, Asking::New)?;
    change_passcode(&PasscodeChange {
        home: &folder,
        old: &old,
        new: &new,
        cost: KdfCost::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    })
    .await?;
    drop(ownership);
    print::passcode_changed(globals.json);
    Ok(ExitCode::SUCCESS)
}
