//! `wardline-relay init`.

use serde_json::json;
use wardline_identity::SystemEntropy;

use super::arguments::InitArguments;
use super::{Problem, say};
use crate::data_dir::DataDir;
use crate::init::init;

pub(super) fn execute(arguments: &InitArguments, json: bool) -> Result<(), Problem> {
    let data = DataDir::at(&arguments.data_dir);
    init(&data, &arguments.addresses, &SystemEntropy).map_err(|error| Problem::init(&error))?;

    let folder = arguments.data_dir.display();
    let next = next_step(&folder.to_string());
    if json {
        let addresses: Vec<String> = arguments.addresses.iter().map(ToString::to_string).collect();
        let object = json!({
            "event": "initialised",
            "data_dir": folder.to_string(),
            "request": data.request().display().to_string(),
            "addresses": addresses,
            "next": next,
        });
        return say(&object.to_string());
    }
    say(&format!(
        "The relay's keys and request are in {folder}.\n\
         Next, found the organisation; that certifies the relay:\n\n    {next}\n\n\
         Then start it:\n\n    wardline-relay serve --data-dir {folder}"
    ))
}

/// The command that turns a request into a bundle.
pub(super) fn next_step(folder: &str) -> String {
    format!(
        "wardline admin found --home ADMIN_HOME --organisation \"NAME\" --relay-dir {folder} --recovery-file FILE"
    )
}
