//! The command line's shape. `--home`, `--passcode-file` and `--json` are accepted by every command, before or after
//! its arguments.

mod admin;
mod administrators;
mod devices;
mod holds;
mod policy;
mod record;
mod root;
mod unlock;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use wardline_client_core::api::read_span;

pub(crate) use self::{
    admin::{AdminTask, FoundArgs, InviteArgs, InviteTask},
    administrators::{AdminAdministratorTask, AdministratorTask, RemoveArgs},
    devices::{AdminDeviceTask, AdminUserTask, Person, PutOut},
    holds::{AdminResponderTask, LostArgs, ResponderTask},
    policy::PolicyTask,
    record::{LogArgs, RecordArgs, Since, VerifyArgs},
    root::{RecoveryFile, RestoreArgs, RootTask},
    unlock::{PasscodeTask, UnlockArgs, VaultTask},
};

/// End-to-end encrypted messaging for hospitals and clinics.
#[derive(Debug, Parser)]
#[command(name = "wardline", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub task: Task,
}

const EXAMPLES: &str = "Examples:
  wardline demo                                         the whole thing, on this machine, in a minute
  wardline enrol 'wardline://enrol/…' --device phone    make this device yours
  wardline conversation create 'Ward 4' --with nurse-b  talk to somebody
  wardline send 'Ward 4' 'Bed 7 is free'                say something
  wardline read 'Ward 4' --follow                       read, and keep reading";

/// What every command accepts.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Globals {
    /// The folder with this device's vault [default: ~/.local/share/wardline]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// A file whose first line is the vault's passcode; asked for without it
    #[arg(long, global = true, value_name = "FILE")]
    pub passcode_file: Option<PathBuf>,
    /// Print one JSON object a line instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Use only what is on this device; do not connect
    #[arg(long, global = true)]
    pub offline: bool,
    /// Log to stderr: error, warn, info, debug or trace, or a filter by target
    #[arg(long, global = true, value_name = "LEVEL", hide_short_help = true)]
    pub log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Show everything at work on this machine: a relay, an organisation, three people, and every promise checked
    #[command(after_help = "Examples:\n  wardline demo\n  wardline demo --json --keep /tmp/ward")]
    Demo {
        /// Keep the folders of the relay and the devices here
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    /// Found an organisation, invite people, certify and revoke devices
    #[command(subcommand)]
    Admin(AdminTask),
    /// Make this device yours, with an invitation from your administrator
    #[command(after_help = "Example:\n  wardline enrol 'wardline://enrol/…' --device phone")]
    Enrol {
        /// The invitation, starting with wardline://
        invitation: String,
        /// What you call this device
        #[arg(long, value_name = "NAME")]
        device: String,
    },
    /// Make, list, show and change conversations
    #[command(subcommand)]
    Conversation(ConversationTask),
    /// Send a message
    #[command(
        after_help = "Examples:\n  wardline send 'Ward 4' 'Bed 7 is free'\n  wardline send 'Ward 4' 'Code of the day: 4711' --expires 10m\n  uptime | wardline send 'Ward 4' -"
    )]
    Send {
        /// Id, unambiguous prefix or name
        conversation: String,
        /// The text, or - to read it from standard input
        text: String,
        /// When it is to be gone, counted from when it is sent: 10m, 12h, 7d [default: as long as the conversation keeps messages]
        #[arg(long, value_name = "SPAN", value_parser = life)]
        expires: Option<u32>,
    },
    /// Take a message of yours back: every device deletes it, and shows that it was
    #[command(after_help = "Example:
  wardline recall 'Ward 4' 12

A device that is away deletes it when it comes. Who has read or copied it has done so.")]
    Recall {
        /// Id, unambiguous prefix or name
        conversation: String,
        /// The message's number, as wardline read shows it
        number: u64,
    },
    /// Read messages
    #[command(
        after_help = "Examples:\n  wardline read 'Ward 4' --new\n  wardline read 'Ward 4' --since 20 --follow\n\nEnds with status 81 if the relay was caught in a lie, which is printed after the messages."
    )]
    Read {
        /// Id, unambiguous prefix or name
        conversation: String,
        /// Keep reading until interrupted
        #[arg(long)]
        follow: bool,
        /// Only what comes after this number
        #[arg(long, value_name = "N")]
        since: Option<u64>,
        /// Only what was not read before
        #[arg(long, conflicts_with = "since")]
        new: bool,
    },
    /// Open the vault and keep it open: other commands need no passcode until it is closed
    #[command(after_help = "Examples:
  wardline unlock
  wardline unlock --auto-lock 5m

It closes by itself when nobody asks for anything, when the relay is not reached for a shift, and when this device is put out.")]
    Unlock(UnlockArgs),
    /// Close the vault, whichever process keeps it open
    #[command(after_help = "Example:
  wardline lock

What runs with --follow on this home, and a registrar, end by it.")]
    Lock,
    /// The vault's passcode
    #[command(subcommand)]
    Passcode(PasscodeTask),
    /// What this device's vault holds
    #[command(subcommand)]
    Vault(VaultTask),
    /// Fetch what is new and send what waits
    #[command(
        after_help = "Ends with status 81 if the relay was caught in a lie: conversation show says in which."
    )]
    Sync {
        /// Stay connected until interrupted; other commands on this home then go through this process
        #[arg(long)]
        follow: bool,
    },
    /// Look people up
    People {
        /// Part of a name or user id
        word: Option<String>,
    },
    /// Messages that wait or were returned
    #[command(subcommand)]
    Outbox(OutboxTask),
    /// Show who this device is and how it stands
    #[command(
        after_help = "Of a closed vault it shows whose it is and how many tries are left, without a passcode; with --passcode-file, or of an open one, the rest.\n\nEnds with status 81 if the relay was caught in a lie that nobody has marked as seen."
    )]
    Status {
        /// Mark what the relay was caught doing as seen: it is kept, and named again only if it is done again
        #[arg(long)]
        seen: bool,
    },
    /// Your devices
    #[command(subcommand)]
    Device(DeviceTask),
    /// Put others' devices on hold, where an administrator has named you for that
    #[command(subcommand)]
    Responder(ResponderTask),
    /// Be an administrator on this machine, by the word of whoever holds the recovery file
    #[command(subcommand)]
    Administrator(AdministratorTask),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  wardline completions bash > ~/.local/share/bash-completion/completions/wardline"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// What `unlock` starts
    #[command(hide = true)]
    Agent { auto_lock_seconds: u32, max_open_seconds: u32 },
    /// The relay, for the demo: as wardline-relay
    #[command(hide = true, disable_help_flag = true)]
    Relay {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// `wardline conversation …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConversationTask {
    /// Make a conversation
    #[command(
        after_help = "Example:\n  wardline conversation create 'Ward 4' --with nurse-b --with doctor-c"
    )]
    Create {
        /// Its name; must name no patient
        name: String,
        /// A person in it; repeat for more
        #[arg(long, value_name = "USER")]
        with: Vec<String>,
        /// The cipher suite: 0x004F (post-quantum, the default) or 0x0001 (for interoperation)
        #[arg(long, value_name = "CODE", value_parser = suite, hide_short_help = true)]
        suite: Option<u16>,
    },
    /// List the conversations with what is unread
    List,
    /// Show members, devices and the safety code, and what the relay was caught doing
    #[command(after_help = "Ends with status 81 if the relay was caught in a lie, which is printed.")]
    Show {
        /// Id, unambiguous prefix or name
        conversation: String,
    },
    /// Add people with all their devices; they read nothing from before
    #[command(after_help = "Examples:
  wardline conversation add 'Ward 4' nurse-b
  wardline conversation add 'Ward 4' nurse-b doctor-c porter-d    # by one change")]
    Add {
        /// Id, unambiguous prefix or name
        conversation: String,
        /// The person, or several
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Remove a person with all their devices; they read nothing more
    Remove {
        /// Id, unambiguous prefix or name
        conversation: String,
        /// The person
        user: String,
    },
    /// Confirm that a person's new device is theirs, in place of their only one
    #[command(after_help = "Speak to the person first, and compare the code that their new device shows \
                            with the one in `wardline conversation show`.

Example:
  wardline conversation confirm 'Ward 4' nurse-b")]
    Confirm {
        /// Id, unambiguous prefix or name of a conversation with them
        conversation: String,
        /// The person
        user: String,
    },
    /// Leave with all your devices
    Leave {
        /// Id, unambiguous prefix or name
        conversation: String,
    },
    /// Change how a conversation is kept
    #[command(after_help = "Examples:
  wardline conversation set 'Ward 4' --retention 7d
  wardline conversation set 'Ward 4' --retention 12h

It holds for what is sent from then on: what was sent before goes when it was to go.")]
    Set {
        /// Id, unambiguous prefix or name
        conversation: String,
        /// For how long messages are kept at most: 5m to 365d, or less where your organisation says so
        #[arg(long, value_name = "SPAN", value_parser = life)]
        retention: u32,
    },
    /// Give a conversation another name
    Rename {
        /// Id, unambiguous prefix or name
        conversation: String,
        /// The new name; must name no patient
        name: String,
    },
}

/// `wardline outbox …`
#[derive(Debug, Subcommand)]
pub(crate) enum OutboxTask {
    /// List what waits or was returned
    List,
    /// Try a returned message again
    Retry {
        /// Its id, or the first digits of it
        message: String,
    },
    /// Give a message up
    Discard {
        /// Its id, or the first digits of it
        message: String,
    },
}

/// `wardline device …`
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceTask {
    /// List your devices
    List,
    /// Let another device of yours into the conversations of this one
    Approve {
        /// Its id, or the first digits of it; compare the code it shows first
        device: String,
    },
    /// Put another device of yours on hold: from the answer on it gets nothing more
    #[command(after_help = "Example:
  wardline device lost 5b1c

It needs no administrator. Within seven days one can end the hold, if the device turns up: wardline admin device reinstate \
DEVICE. After that it counts as revoked.")]
    Lost(LostArgs),
    /// A lost device of yours turned up: say who put it on hold, when and why, and what to ask an administrator for
    #[command(after_help = "Example:
  wardline device found 5b1c

It changes nothing: whoever has your devices could end the hold as well as you. An administrator does, who knows your voice.")]
    Found {
        /// Its id, or the first digits of it
        device: String,
    },
}

/// A life such as 10m, 12h or 7d, in seconds.
fn life(text: &str) -> Result<u32, String> {
    let seconds = read_span(text)?;
    u32::try_from(seconds).map_err(|_| format!("“{text}” is too long"))
}

/// A cipher suite's code point, such as 0x004F.
fn suite(text: &str) -> Result<u16, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    digits
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .ok_or_else(|| format!("“{text}” is not a code point such as 0x004F"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn globals_are_accepted_before_and_after_the_arguments() {
        for line in [
            "wardline --home L --json send Ward hello",
            "wardline send --home L Ward hello --json",
            "wardline send Ward hello --json --home L",
        ] {
            let args = Args::try_parse_from(line.split(' ')).expect(line);
            assert!(args.globals.json && args.globals.home.is_some(), "{line}");
        }
    }
}
