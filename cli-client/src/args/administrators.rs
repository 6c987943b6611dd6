//! `wardline administrator …` and `wardline admin administrator …`: who vouches for the organisation's devices.

use clap::{Args as ClapArgs, Subcommand};

use super::RecoveryFile;

/// `wardline administrator …`: on the machine of whoever is to be one
#[derive(Debug, Subcommand)]
pub(crate) enum AdministratorTask {
    /// Ask to be an administrator on this machine; shows the code that whoever holds the recovery file compares
    #[command(after_help = "Example:
  wardline administrator request

The machine must have been invited as one: wardline admin invite USER --role administrator. Its issuer's key is made here and \
never leaves it. Read the code out to whoever has the recovery file; they run wardline admin administrator add USER. The \
request counts for seven days; ask again as often as you like.")]
    Request,
    /// Show whether this machine is an administrator's, or waits to be one
    Status,
}

/// `wardline admin administrator …`
#[derive(Debug, Subcommand)]
pub(crate) enum AdminAdministratorTask {
    /// List the issuers with their persons, and who asks to be one
    List,
    /// Make somebody an administrator whose machine has asked; needs the root's recovery file
    #[command(after_help = "Example:
  wardline admin administrator add doctor-a --code '01234 56789 01234 56789 01234 56789' --recovery-file F

Have the person read the code out, by voice: wardline administrator request shows it to them. No other process may use \
this home meanwhile: end wardline admin registrar first. Interrupted? Run the same command again.")]
    Add {
        /// The user id
        user: String,
        /// The code that the person's machine shows
        #[arg(long, value_name = "CODE")]
        code: String,
        #[command(flatten)]
        file: RecoveryFile,
    },
    /// Strike somebody's issuers: what they certified stays good, what they sign from now on counts for nobody
    #[command(after_help = "Example:
  wardline admin administrator remove doctor-a --recovery-file F

How many certificates stay good is shown and asked about first; --yes answers that. Their devices stay what they are until \
they are revoked; the answer names them. No other process may use this home meanwhile: end wardline admin registrar first. \
Interrupted? Run the same command again.")]
    Remove(RemoveArgs),
}

/// `wardline admin administrator remove`
#[derive(Debug, ClapArgs)]
pub(crate) struct RemoveArgs {
    /// The user id
    pub user: String,
    #[command(flatten)]
    pub file: RecoveryFile,
    /// Strike without asking whether what stays good is right
    #[arg(long)]
    pub yes: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Args;

    #[test]
    fn a_code_and_the_roots_file_are_named_before_anybody_is_let_in() {
        let good = |line: &str| Args::try_parse_from(line.split(' ')).is_ok();
        for line in [
            "wardline administrator request",
            "wardline administrator status --offline",
            "wardline admin administrator list",
            "wardline admin administrator add doctor-a --code 12345-67890 --recovery-file F",
            "wardline admin administrator remove doctor-a --recovery-file F --recovery-code-file C --yes",
        ] {
            assert!(good(line), "{line}");
        }
        for line in [
            "wardline admin administrator add doctor-a --recovery-file F",
            "wardline admin administrator add doctor-a --code 12345",
            "wardline admin administrator remove doctor-a",
        ] {
            assert!(!good(line), "{line}");
        }
    }
}
