//! `wardline device lost`, `wardline responder …` and `wardline admin responder …`: devices that are put on hold without an issuer.

use clap::{Args as ClapArgs, Subcommand};

use super::devices::{Named, WAIT_SECONDS, reason};

/// `wardline device lost`
#[derive(Debug, ClapArgs)]
pub(crate) struct LostArgs {
    #[command(flatten)]
    pub devices: Named,
    /// lost, stolen, compromised, replaced, left, lapsed, found or other
    #[arg(long, value_name = "REASON", default_value = "lost", value_parser = reason)]
    pub reason: String,
    /// Show how it goes out of conversations for so many seconds; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT_SECONDS)]
    pub wait: u64,
}

/// `wardline responder …`: for whom an administrator has named
#[derive(Debug, Subcommand)]
pub(crate) enum ResponderTask {
    /// List a person's devices, by id and name
    #[command(after_help = "Example:\n  wardline responder devices doctor-a")]
    Devices {
        /// The user id
        user: String,
    },
    /// Put a device on hold, at once and with no administrator awake
    #[command(after_help = "Example:
  wardline responder hold 5b1c --reason stolen

At most 40 devices an hour, and never an administrator's or a registrar's. An administrator ends the hold within seven days, \
or it counts as a revocation: wardline admin device reinstate DEVICE")]
    Hold {
        #[command(flatten)]
        devices: Named,
        /// lost, stolen, compromised, replaced, left, lapsed, found or other
        #[arg(long, value_name = "REASON", value_parser = reason)]
        reason: String,
    },
}

/// `wardline admin responder …`: who may put others' devices on hold
#[derive(Debug, Subcommand)]
pub(crate) enum AdminResponderTask {
    /// Let a person put others' devices on hold, and nothing else
    #[command(after_help = "Example:\n  wardline admin responder add night-desk")]
    Add {
        /// The user id
        user: String,
    },
    /// Take that back
    #[command(after_help = "Example:\n  wardline admin responder remove night-desk")]
    Remove {
        /// The user id
        user: String,
    },
    /// List who may
    List,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{AdminTask, Args, DeviceTask, Task};

    #[test]
    fn a_device_is_lost_by_its_id_and_a_responder_says_why() {
        let parsed = |line: &str| Args::try_parse_from(line.split(' ')).map(|args| args.task);
        let Ok(Task::Device(DeviceTask::Lost(lost))) = parsed("wardline device lost 5b1c 77f0 --wait 0")
        else {
            panic!("lost")
        };
        assert_eq!((lost.devices.devices.len(), lost.reason.as_str(), lost.wait), (2, "lost", 0));
        let Ok(Task::Responder(ResponderTask::Hold { reason, .. })) =
            parsed("wardline responder hold 5b1c --reason stolen")
        else {
            panic!("hold")
        };
        assert_eq!(reason, "stolen");
        for line in [
            "wardline admin responder add night-desk",
            "wardline admin responder remove night-desk",
            "wardline admin responder list",
        ] {
            assert!(matches!(parsed(line), Ok(Task::Admin(AdminTask::Responder(_)))), "{line}");
        }
        for line in [
            "wardline device lost",
            "wardline responder hold 5b1c",
            "wardline device lost 5b1c --reason gone",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
