//! `wardline completions`: scripts for shells.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;

/// Prints the script.
pub(crate) fn run(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "wardline", &mut script);
    // Whoever reads it may have enough of it (`| head`).
    let _ = std::io::stdout().write_all(&script);
}
