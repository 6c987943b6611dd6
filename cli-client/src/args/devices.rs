//! `wardline admin device …` and `wardline admin user …`: which devices there are, and which are out.

use clap::{Args as ClapArgs, Subcommand};

use super::RecordArgs;

/// How long a command that puts devices out shows how conversations close, in seconds.
pub(super) const WAIT_SECONDS: u64 = 30;

/// `wardline admin device …`
#[derive(Debug, Subcommand)]
pub(crate) enum AdminDeviceTask {
    /// List the organisation's devices, by person
    #[command(
        after_help = "Examples:\n  wardline admin device list\n  wardline admin device list --user doctor-a"
    )]
    List {
        /// Only this person's
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Revoke devices for good: from the answer on they get nothing more
    #[command(after_help = "Examples:
  wardline admin device revoke 5b1c --reason lost
  wardline admin device revoke 5b1c 77f0 --reason stolen --wait 0

The answer names the instant from which on nothing is taken for the device, signed by the relay. Then it shows how \
members remove it, until it is out everywhere or --wait is over. It ends with status 0 as soon as the revocation is in \
force: what is still open goes on by itself, and nothing is said there before the device is out.

Lost, and perhaps found again soon? wardline admin device hold DEVICE --reason lost")]
    Revoke(PutOut),
    /// Put devices on hold: as revoked, and for seven days it can be undone
    #[command(after_help = "Example:
  wardline admin device hold 5b1c --reason lost

After seven days a hold counts as a revocation and cannot be undone. Before: wardline admin device reinstate DEVICE")]
    Hold(PutOut),
    /// End a hold: the device may do what it could before
    #[command(after_help = "Example:
  wardline admin device reinstate 5b1c

Where members have removed it meanwhile, they add its person back by themselves. A further device of somebody who is in \
comes back when that person approves it: wardline device approve DEVICE")]
    Reinstate {
        #[command(flatten)]
        devices: Named,
        /// lost, stolen, compromised, replaced, left, lapsed, found or other
        #[arg(long, value_name = "REASON", default_value = "found", value_parser = reason)]
        reason: String,
    },
    /// Write down the proof of a removal, for others to check
    #[command(after_help = "Example:
  wardline admin device record 5b1c --out record.json
  wardline admin verify record.json --root '0f3a …'          anywhere, by anybody

It holds no secrets: the signed list, the relay's signed answer, and for each conversation who signed what.")]
    Record(RecordArgs),
    /// Show where a device stands, and in which conversations it still is
    #[command(after_help = "Examples:
  wardline admin device status 5b1c
  wardline admin device status 5b1c --watch        and keep showing, until it is out everywhere")]
    Status {
        /// Its id, or the first digits of it
        device: String,
        /// Keep showing until it is out of every conversation, or until interrupted
        #[arg(long)]
        watch: bool,
    },
}

/// `wardline admin user …`: all devices of one person
#[derive(Debug, Subcommand)]
pub(crate) enum AdminUserTask {
    /// Put all devices of a person on hold
    #[command(after_help = "Example:\n  wardline admin user hold doctor-a --reason compromised")]
    Hold(Person),
    /// End the holds of a person's devices
    #[command(after_help = "Example:\n  wardline admin user reinstate doctor-a")]
    Reinstate(Person),
    /// Revoke all devices of a person who leaves, for good
    #[command(after_help = "Example:\n  wardline admin user offboard doctor-a")]
    Offboard(Person),
}

/// Devices by name.
#[derive(Debug, ClapArgs)]
pub(crate) struct Named {
    /// The device's id, or the first digits of it; several at once are out at one instant
    #[arg(required = true, value_name = "DEVICE")]
    pub devices: Vec<String>,
}

/// `wardline admin device revoke` and `hold`
#[derive(Debug, ClapArgs)]
pub(crate) struct PutOut {
    #[command(flatten)]
    pub devices: Named,
    /// lost, stolen, compromised, replaced, left, lapsed, found or other
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: String,
    #[command(flatten)]
    pub care: Care,
}

/// `wardline admin user …`
#[derive(Debug, ClapArgs)]
pub(crate) struct Person {
    /// The user id
    pub user: String,
    /// lost, stolen, compromised, replaced, left, lapsed, found or other [default: what the command is for]
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: Option<String>,
    #[command(flatten)]
    pub care: Care,
}

/// What every command that puts devices out takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Care {
    /// Show how it goes out of conversations for so many seconds; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT_SECONDS)]
    pub wait: u64,
    /// Also if it is this very device, or the last one that can invite and revoke
    #[arg(long)]
    pub even_own: bool,
}

/// A reason of the revocation list.
pub(super) fn reason(text: &str) -> Result<String, String> {
    match wardline_identity::RevocationReason::parse(text) {
        Ok(reason) => Ok(reason.as_str().to_owned()),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{AdminTask, admin::tests::parsed};

    #[test]
    fn devices_are_put_out_one_by_one_or_together() {
        let line = "wardline admin device revoke --home A 5b1c 77f0 --reason lost --wait 5 --even-own";
        let AdminTask::Device(AdminDeviceTask::Revoke(out)) = parsed(line).expect(line) else {
            panic!("{line}")
        };
        assert_eq!(out.devices.devices, ["5b1c", "77f0"]);
        assert_eq!((out.reason.as_str(), out.care.wait, out.care.even_own), ("lost", 5, true));
        let line = "wardline admin device hold 5b1c --reason stolen";
        let AdminTask::Device(AdminDeviceTask::Hold(out)) = parsed(line).expect(line) else {
            panic!("{line}")
        };
        assert_eq!((out.care.wait, out.care.even_own), (WAIT_SECONDS, false));
    }

    #[test]
    fn a_revocation_says_why_and_of_what() {
        for line in [
            "wardline admin device revoke 5b1c",
            "wardline admin device revoke --reason lost",
            "wardline admin device hold 5b1c --reason gone",
            "wardline admin user offboard",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        for line in [
            "wardline admin device list --user doctor-a",
            "wardline admin device reinstate 5b1c",
            "wardline admin device status 5b1c --watch",
            "wardline admin user hold doctor-a",
            "wardline admin user reinstate doctor-a",
            "wardline admin user offboard doctor-a --reason left",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
    }
}
