//! `wardline admin policy …`: what the organisation demands of every device.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// `wardline admin policy …`
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyTask {
    /// Show the policy in force, as a file that can be changed and published
    #[command(after_help = "Examples:
  wardline admin policy show
  wardline admin policy show > policy.toml")]
    Show,
    /// Change the policy in your editor ($VISUAL, $EDITOR or vi), and put it in force
    #[command(after_help = "Example:
  EDITOR=nano wardline admin policy edit

It shows what changes and asks before it signs. What you wrote is kept until it is in force.")]
    Edit,
    /// Put a policy from a file in force
    #[command(after_help = "Examples:
  wardline admin policy publish policy.toml
  wardline admin policy publish policy.toml --yes --json

It shows what changes and asks before it signs. A file that was made from an older policy than the one in force is refused.")]
    Publish(PublishArgs),
}

/// `wardline admin policy publish`
#[derive(Debug, ClapArgs)]
pub(crate) struct PublishArgs {
    /// The file, as wardline admin policy show prints it
    pub file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
