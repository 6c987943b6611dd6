//! The shape of `wardline unlock`, `wardline passcode` and `wardline vault`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use wardline_client_core::{api::read_span, owner::OpenFor};

/// `wardline unlock`
#[derive(Debug, ClapArgs)]
pub(crate) struct UnlockArgs {
    /// Close it after so long without a command: 10m, 1h [default and at most: as your organisation says, 15m if it says nothing]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    auto_lock: Option<u32>,
    /// Close it after so long without the relay [default and at most: as your organisation says, 8h if it says nothing]
    #[arg(long, value_name = "SPAN", value_parser = span)]
    max_open: Option<u32>,
    /// Keep it open in this process, until interrupted
    #[arg(long)]
    pub foreground: bool,
}

impl UnlockArgs {
    /// How long the person wants it open at most.
    pub(crate) fn open_for(&self) -> OpenFor {
        OpenFor {
            auto_lock_seconds: self.auto_lock.unwrap_or(u32::MAX),
            max_open_seconds: self.max_open.unwrap_or(u32::MAX),
        }
    }
}

/// A span of a second and more.
fn span(text: &str) -> Result<u32, String> {
    let seconds = read_span(text)?;
    match u32::try_from(seconds) {
        Ok(0) => Err("it has to be a second or more".to_owned()),
        Ok(seconds) => Ok(seconds),
        Err(_) => Err(format!("“{text}” is too long")),
    }
}

/// `wardline passcode …`
#[derive(Debug, Subcommand)]
pub(crate) enum PasscodeTask {
    /// Choose another passcode; the one so far opens the vault no more
    #[command(after_help = "Examples:
  wardline passcode change
  wardline passcode change --passcode-file old.txt --new-passcode-file new.txt

Whoever has a copy of this device's disk from before and knew the old passcode had its keys: a device that was lost is revoked.")]
    Change {
        /// A file whose first line is the new passcode; asked for without it
        #[arg(long, value_name = "FILE")]
        new_passcode_file: Option<PathBuf>,
    },
}

/// `wardline vault …`
#[derive(Debug, Subcommand)]
pub(crate) enum VaultTask {
    /// Delete what has passed its retention, and look whether anything of it is left
    #[command(after_help = "Examples:
  wardline vault verify
  wardline vault verify --json --offline

It counts the messages that are held and the keys that they are sealed under, and looks for what is over in the tables, in the keys' file as it is on the disk and in the database's write-ahead log.
Ends with status 82 if something is left.")]
    Verify,
}
