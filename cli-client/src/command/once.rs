//! Commands that ask once and print the answer.

use std::process::ExitCode;

use wardline_client_core::api::{Command, Failure};

use crate::{args::Globals, home, print};

/// Has a command carried out and prints its answer.
pub(crate) async fn run(globals: &Globals, command: Command) -> Result<ExitCode, Failure> {
    let mut open = home::open(globals).await?;
    let outcome = open.execute(command, home::reach(globals)).await;
    open.close().await?;
    print::answer(&outcome?, globals.json);
    Ok(ExitCode::SUCCESS)
}
