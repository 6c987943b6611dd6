//! `wardline admin root …`: what the root's recovery file is for.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// `wardline admin root …`
#[derive(Debug, Subcommand)]
pub(crate) enum RootTask {
    /// Be an administrator again on a new machine, with nothing but the recovery file and its code
    #[command(after_help = "Example:
  wardline admin root restore --home NEW --relay relay.example.org:443 --recovery-file F \\
    --user administrator --name 'IT lead' --device 'new laptop' --strike-all

Makes a new issuer and your device, strikes the lost issuers and keeps what they had certified: nobody else notices. What \
a struck issuer signs from then on counts for nobody. How many certificates stay good is shown and asked about first; \
--yes answers that. Interrupted? Run the same command again: it goes on.

The recovery code is asked for, or read from --recovery-code-file. The device of the lost machine goes on until you revoke \
it; the answer names it.")]
    Restore(RestoreArgs),
    /// Copy the recovery file under a new code, which is shown once
    #[command(after_help = "Example:
  wardline admin root backup --recovery-file F --out F2

Both files open the organisation's root, each with its own code. Keep files and codes apart.")]
    Backup {
        #[command(flatten)]
        file: RecoveryFile,
        /// Where to write the copy; must not exist
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show which organisation a recovery file is of, if its code opens it
    #[command(after_help = "Example:\n  wardline admin root show --recovery-file F")]
    Show(RecoveryFile),
}

/// A recovery file and its code.
#[derive(Debug, ClapArgs)]
pub(crate) struct RecoveryFile {
    /// The file that wardline admin found wrote, or a copy of it
    #[arg(long, value_name = "FILE")]
    pub recovery_file: PathBuf,
    /// A file whose first line is the recovery code; asked for without it
    #[arg(long, value_name = "FILE")]
    pub recovery_code_file: Option<PathBuf>,
}

/// `wardline admin root restore`
#[derive(Debug, ClapArgs)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    pub file: RecoveryFile,
    /// Where the relay is; repeat for more
    #[arg(long, value_name = "HOST:PORT", required = true)]
    pub relay: Vec<String>,
    /// The root's fingerprint that you expect, as wardline status shows it
    #[arg(long, value_name = "FINGERPRINT")]
    pub root: Option<String>,
    /// Your user id
    #[arg(long, value_name = "USER")]
    pub user: String,
    /// The name people see
    #[arg(long)]
    pub name: String,
    /// What you call this device
    #[arg(long, value_name = "NAME")]
    pub device: String,
    /// A lost issuer: its name, or the first digits of its certificate's SHA-256; repeat for more
    #[arg(long, value_name = "ISSUER", conflicts_with = "strike_all")]
    pub strike: Vec<String>,
    /// All issuers but the new one are lost
    #[arg(long)]
    pub strike_all: bool,
    /// Strike without asking whether what stays good is right
    #[arg(long)]
    pub yes: bool,
}
