//! The shape of `wardline unlock`.

use clap::Args as ClapArgs;
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
