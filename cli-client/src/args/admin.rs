//! The shape of `wardline admin`: founding, inviting, the registrar; what acts on devices, people and the root has files of its own.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use wardline_client_core::api::read_span;

use super::{
    AdminAdministratorTask, AdminDeviceTask, AdminResponderTask, AdminUserTask, LogArgs, PolicyTask,
    RootTask, VerifyArgs,
};

/// `wardline admin …`
#[derive(Debug, Subcommand)]
pub(crate) enum AdminTask {
    /// Show the organisation on one page: what needs somebody first, then issuers, lists, devices, what waits and what ends
    #[command(after_help = "Examples:
  wardline admin status
  wardline admin status --json

Ends with status 83 if there is something to see to, and with status 81 if the relay was caught in a lie.")]
    Status,
    /// Found an organisation: its root, the first issuer, your device; certifies the relay
    #[command(after_help = "Examples:
  wardline admin found --home A --organisation 'St. Example' --relay-dir R --recovery-file F
  wardline admin found --home A --organisation 'St. Example' --relay-request relay.request --bundle relay.bundle --recovery-file F")]
    Found(FoundArgs),
    /// Invite a person; list or cancel invitations
    #[command(
        subcommand_negates_reqs = true,
        after_help = "Examples:
  wardline admin invite doctor-a --role clinician --name 'Doctor A'
  wardline admin invite --file people.csv        lines of: user,role,name
  wardline admin invite doctor-a --replaces 5b1c      a new device for a lost only one
  wardline admin invite list
  wardline admin invite cancel 3f9a"
    )]
    Invite(InviteArgs),
    /// Check and certify the devices that wait, and keep the list of revoked devices fresh, until interrupted
    Registrar {
        /// Judge what waits now, then end
        #[arg(long)]
        once: bool,
    },
    /// List, revoke, hold and reinstate devices
    #[command(subcommand)]
    Device(AdminDeviceTask),
    /// Hold, reinstate or revoke all devices of a person
    #[command(subcommand)]
    User(AdminUserTask),
    /// Say who is an administrator; adding and removing needs the root's recovery file
    #[command(subcommand)]
    Administrator(AdminAdministratorTask),
    /// Show and change what the organisation demands of every device: lives of messages, sizes, versions
    #[command(subcommand)]
    Policy(PolicyTask),
    /// Name who may put others' devices on hold
    #[command(subcommand)]
    Responder(AdminResponderTask),
    /// Show what administrators, registrars and the relay did, from the relay's record
    #[command(after_help = "Examples:
  wardline admin log --since 2h
  wardline admin log --since 2026-11-01 --user doctor-a
  wardline admin log --verify                          fetch all of it and check it against what the relay has signed

Ends with status 81 if --verify finds that the relay's record is not what it has signed for.")]
    Log(LogArgs),
    /// Use the root's recovery file: restore an administrator on a new machine, copy the file, look at it
    #[command(subcommand)]
    Root(RootTask),
    /// Check a removal record, without a home or a connection
    #[command(after_help = "Example:
  wardline admin verify record.json --root '0f3a …'

Ends with status 82 if anything in it does not fit, or if no root is given: then it names the fingerprint to compare.")]
    Verify(VerifyArgs),
}

/// `wardline admin found`
#[derive(Debug, ClapArgs)]
pub(crate) struct FoundArgs {
    /// The organisation's name
    #[arg(long, value_name = "NAME")]
    pub organisation: String,
    /// The folder that wardline-relay init made, if it is on this machine
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "relay_request",
        conflicts_with = "relay_request"
    )]
    pub relay_dir: Option<PathBuf>,
    /// The relay's relay.request, if it is on another machine
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub relay_request: Option<PathBuf>,
    /// Where to write the relay.bundle that goes back to it
    #[arg(long, value_name = "FILE", requires = "relay_request")]
    pub bundle: Option<PathBuf>,
    /// Where to write the root's key, sealed under a code that is shown once; keep both apart and safe
    #[arg(long, value_name = "FILE")]
    pub recovery_file: PathBuf,
    /// Your user id
    #[arg(long, value_name = "USER", default_value = "administrator")]
    pub user: String,
    /// The name people see
    #[arg(long, default_value = "Administrator")]
    pub name: String,
    /// What you call this device
    #[arg(long, value_name = "NAME", default_value = "administrator's device")]
    pub device: String,
}

/// `wardline admin invite`
#[derive(Debug, ClapArgs)]
pub(crate) struct InviteArgs {
    #[command(subcommand)]
    pub task: Option<InviteTask>,
    /// The person's user id: lowercase letters, digits, dot, dash, underscore
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub user: Option<String>,
    /// clinician, administrator, registrar, responder or service
    #[arg(long, default_value = "clinician")]
    pub role: String,
    /// The name people see [default: the user id]
    #[arg(long)]
    pub name: Option<String>,
    /// How long the invitation is valid: 90m, 24h, 7d
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = read_span)]
    pub valid: u64,
    /// The device of theirs that the new one replaces: its id, or the first digits of it
    #[arg(long, value_name = "DEVICE", conflicts_with = "file")]
    pub replaces: Option<String>,
    /// A CSV file of people: user,role,name
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `wardline admin invite …`
#[derive(Debug, Subcommand)]
pub(crate) enum InviteTask {
    /// List the invitations
    List,
    /// Withdraw an invitation that nobody has used
    Cancel {
        /// Its id, or the first digits of it
        invitation: String,
    },
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Task};

    /// What a line that begins with `wardline admin` asks for.
    pub(in crate::args) fn parsed(line: &str) -> Result<AdminTask, clap::Error> {
        match Args::try_parse_from(line.split(' '))?.task {
            Task::Admin(task) => Ok(task),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn invitations_are_made_listed_and_cancelled_by_one_word() {
        for line in ["wardline admin invite --home A list", "wardline admin invite list --home A"] {
            let AdminTask::Invite(invite) = parsed(line).expect(line) else { panic!("{line}") };
            assert!(matches!(invite.task, Some(InviteTask::List)) && invite.user.is_none(), "{line}");
        }
        for line in [
            "wardline admin invite doctor-a --role clinician --name A",
            "wardline admin invite --file people.csv",
            "wardline admin invite doctor-a --replaces 5b1c",
            "wardline admin invite list",
            "wardline admin invite cancel 3f9a",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
        assert!(parsed("wardline admin invite").is_err());
    }
}
