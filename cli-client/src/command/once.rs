//! Commands that ask once and print the answer.

use std::process::ExitCode;

use wardline_client_core::api::{Answer, Command, Failure, FailureKind};

use crate::{args::Globals, home, print};

/// Has a command carried out and prints its answer.
pub(crate) async fn run(globals: &Globals, command: Command) -> Result<ExitCode, Failure> {
    let mut open = home::open(globals).await?;
    let outcome = open.execute(command, home::reach(globals)).await;
    open.close().await?;
    let answer = outcome?;
    print::answer(&answer, globals.json);
    Ok(status_of(&answer))
}

/// The exit status of an answer: that of a relay that was caught in a lie, or of something to see to, if the answer says so.
pub(super) fn status_of(answer: &Answer) -> ExitCode {
    match answer {
        _ if answer.names_relay_fault() => ExitCode::from(FailureKind::RelayAtFault.exit_status()),
        Answer::AdminStatus(status) if !status.warnings.is_empty() => {
            ExitCode::from(FailureKind::Concern.exit_status())
        }
        Answer::VaultVerified(found) if !found.gone => ExitCode::from(FailureKind::Unproven.exit_status()),
        _ => ExitCode::SUCCESS,
    }
}
