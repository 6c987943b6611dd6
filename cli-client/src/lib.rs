//! `wardline`: the command line over the client core. One file a command; printing only.
//!
//! It decides nothing: it reads arguments, opens the home (or asks the process that owns it), has the core carry a
//! command out and prints the answer, for people or as one JSON object (`--json`, `docs/cli-json.md`).

mod args;
mod command;
mod demo;
mod home;
mod logs;
mod passcode;
mod policy_file;
mod print;
mod process;

use std::process::ExitCode;

use clap::Parser as _;
use wardline_client_core::api::Failure;

/// Runs the command line of this process; the exit status is the failure's kind (`docs/cli-json.md`).
#[must_use]
pub fn main() -> ExitCode {
    process::seal();
    let args = args::Args::parse();
    if let args::Task::Relay { arguments } = args.task {
        // The demo's relay: the same code as `wardline-relay`, in a process of its own.
        let program = std::iter::once("wardline-relay".into());
        return wardline_server::command::main(program.chain(arguments));
    }
    logs::start(args.globals.log.as_deref());
    print::learn_offset();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::defect(format!("No runtime: {error}.")), args.globals.json),
    };
    let json = args.globals.json;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = command::run(args) => outcome,
            // Everything that matters is in the vault already: going at once loses nothing.
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(130)),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    // A database that still closes when the process ends would end it by a fault.
    wardline_client_core::vault::until_closed(std::time::Duration::from_secs(5));
    outcome.unwrap_or_else(|failure| fail(&failure, json))
}

/// Prints a failure and gives its exit status.
fn fail(failure: &Failure, json: bool) -> ExitCode {
    print::failure(failure, json);
    ExitCode::from(failure.kind.exit_status())
}
