//! The demo.
use std::{path::PathBuf, process::ExitCode};
use wardline_client_core::api::Failure;
pub(crate) async fn run(_keep: Option<PathBuf>, _json: bool) -> Result<ExitCode, Failure> {
    Err(Failure::defect("not here yet"))
}
