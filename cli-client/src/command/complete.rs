//! `wardline completions`: scripts for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Args;

/// Prints the script.
pub(crate) fn run(shell: Shell) {
    clap_complete::generate(shell, &mut Args::command(), "wardline", &mut std::io::stdout());
}
