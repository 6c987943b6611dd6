//! `wardline status`: of an open vault by its owner, of a closed one with its passcode, and without it what the disk says.

use std::process::ExitCode;

use wardline_client_core::{
    api::{Command, Failure, closed_status},
    owner::{Entered, enter},
};

use super::once;
use crate::{args::Globals, home, print};

/// Shows it. Nobody is asked for a passcode.
pub(crate) async fn run(globals: &Globals, seen: bool) -> Result<ExitCode, Failure> {
    let folder = home::folder(globals)?;
    if !folder.join("vault.header").exists() {
        return Err(home::no_vault(&folder));
    }
    if globals.passcode_file.is_none()
        && !seen
        && let Entered::Owner(_) = enter(&folder).await?
    {
        print::closed_status(&closed_status(&folder)?, globals.json);
        return Ok(ExitCode::SUCCESS);
    }
    once::run(globals, Command::Status { seen }).await
}
