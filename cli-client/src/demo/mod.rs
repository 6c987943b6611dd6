//! `wardline demo`: the whole thing on this machine, with nothing pretended.
//!
//! A real relay in its own process, an organisation, three people with four devices over QUIC, a short scene on a
//! ward with a crash in the middle; then every promise that the scene can show is checked, each with its control.
//! `folder` and `relay` clean up after themselves however the demo ends; `tap` keeps what crosses the wire; `scene`
//! plays; `attack` and `search` are the attacker's tools; `checks` judges; `report` prints.

mod attack;
mod checks;
mod clinic;
mod device;
mod folder;
mod relay;
mod report;
mod scene;
mod search;
mod tap;

use std::{path::PathBuf, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};
use wardline_client_core::api::Failure;

use self::{clinic::Clinic, folder::Folder, report::Report};

/// Runs the demo: exit status 0 if every check holds, 1 if one does not.
///
/// # Errors
/// [`Failure`] if the scene could not be played to its end.
pub(crate) async fn run(keep: Option<PathBuf>, json: bool) -> Result<ExitCode, Failure> {
    // SIGINT ends the future from outside; these must not leave relay and folder behind either.
    let mut terminated = on(SignalKind::terminate())?;
    let mut hung_up = on(SignalKind::hangup())?;
    tokio::select! {
        outcome = play(keep, json) => outcome,
        _ = terminated.recv() => Ok(ExitCode::from(143)),
        _ = hung_up.recv() => Ok(ExitCode::from(129)),
    }
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::defect(format!("No signals can be waited for: {error}.")))
}

async fn play(keep: Option<PathBuf>, json: bool) -> Result<ExitCode, Failure> {
    let folder = Folder::make(keep)?;
    let kept = folder.kept().map(|path| path.display().to_string());
    let report = Report::begin(json);
    report.heading("A relay and an organisation");
    let clinic = Clinic::found(folder, report).await?;
    let played = scene::play(clinic).await?;
    played.scene.clinic.report.heading("The promises are checked");
    let name = played.scene.names.last().cloned().unwrap_or_default();
    let (report, checks) = checks::all(played).await;
    let holds = report.checks(&checks);
    if let Some(kept) = kept {
        report.note(&format!(
            "The folders are in {kept}. Look inside, for one:\n  wardline read --offline --home {kept}/nurse-b-tablet \
             --passcode-file {kept}/nurse-b-tablet.passcode '{name}'"
        ));
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
