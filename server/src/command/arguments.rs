//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::init::DialAddress;
use crate::telemetry::LogFormat;

/// The Wardline relay: orders, stores and forwards what it cannot read.
#[derive(Debug, Parser)]
#[command(name = "wardline-relay", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Print one JSON object a line instead of sentences
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the relay's keys and what it asks to be certified; run once
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArguments),
    /// Serve clients until SIGTERM or SIGINT
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The relay's folder; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: PathBuf,
    /// What clients dial: a name or IP address, and a port; up to 16 times
    #[arg(long = "address", value_name = "HOST:PORT", required = true, value_parser = DialAddress::parse)]
    pub(super) addresses: Vec<DialAddress>,
}

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The folder that `init` made
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: PathBuf,
    /// Where clients come in, QUIC and TCP; port 0 takes a free one [default: the first address of `init`]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// The configuration file; flags win over it
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where /metrics and /readyz are served, on a loopback address [default: nowhere]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) metrics: Option<SocketAddr>,
    /// Which log lines: a level, or "info,wardline_server=debug" [default: info]
    #[arg(long, value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// How log lines look [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
}

const EXAMPLES: &str = "\
Examples:
  wardline-relay init --data-dir /var/lib/wardline --address relay.example.org:7443
  wardline-relay serve --data-dir /var/lib/wardline";

const INIT_EXAMPLES: &str = "\
Examples:
  wardline-relay init --data-dir R --address 127.0.0.1:7443
  wardline-relay init --data-dir R --address relay.example.org:7443 --address 192.0.2.10:7443";

const SERVE_EXAMPLES: &str = "\
Examples:
  wardline-relay serve --data-dir R
  wardline-relay serve --data-dir R --listen 0.0.0.0:7443 --metrics 127.0.0.1:9464
  wardline-relay serve --data-dir R --config relay.toml --log info,wardline_server=debug --log-format json";
