//! The relay's configuration file: TOML, every knob optional, unknown names refused.
//!
//! Each knob states its default and its unit here and in `relay.sample.toml`, which a test holds to the
//! defaults. A flag of `wardline-relay serve` wins over the file. Nothing here is secret and nothing moves
//! the relay's clock.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::telemetry::LogFormat;
use crate::transport::Limits;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients come in: QUIC (UDP) and TCP on the same number. Default: the first address that
    /// `init` was given; if that is a name, its port on all interfaces.
    pub listen: Option<SocketAddr>,
    /// What strangers and devices can make the relay hold.
    pub limits: LimitsConfig,
    /// What it does by itself.
    pub jobs: JobsConfig,
    /// How it stops.
    pub shutdown: ShutdownConfig,
    /// What it tells its operator.
    pub telemetry: TelemetryConfig,
}

/// What strangers and devices can make the relay hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Connections, both doors together. Default 12,000. Worst case 90 KiB of memory each while idle.
    pub connections_max: usize,
    /// Connections without a certificate, among them. Default 1,000.
    pub uncertified_connections_max: usize,
    /// Connections without a certificate from one address (IPv4, or IPv6 /64). Default 256: a practice behind
    /// one address enrols all its devices in a day.
    pub uncertified_connections_per_address_max: usize,
    /// Connections of one device; a further one ends the oldest. Default 8.
    pub connections_per_device_max: usize,
    /// Handshakes at one time, each door. Default 256. From half of it on, QUIC clients must prove their
    /// address first.
    pub handshakes_max: usize,
    /// Handshakes at one time from one address (IPv4, or IPv6 /64), each door. Default 64. From half of it on,
    /// QUIC clients must prove their address first.
    pub handshakes_per_address_max: usize,
    /// How long the first message of a handshake may take on TCP, in seconds. Default 3.
    pub hello_seconds_max: u64,
    /// How long a handshake may take, in seconds. Default 10.
    pub handshake_seconds_max: u64,
    /// How long a connection without a certificate may last, in seconds. Default 600.
    pub uncertified_seconds_max: u64,
    /// Calls at one time on a device's connection. Default 128.
    pub calls_per_connection_max: u32,
    /// Calls at one time of a device, on all its connections. Default 256.
    pub calls_per_device_max: usize,
    /// How long a call may take to begin its answer, in seconds. Default 60; at least 35, since a call may
    /// ask to be held for 30.
    pub response_seconds_max: u64,
    /// How long a connection may be silent, in seconds. Default 60.
    pub idle_seconds_max: u64,
    /// How long a piece of an answer may wait for its client, in seconds; then the connection is cut. Default 60.
    pub stall_seconds_max: u64,
    /// The largest gRPC message taken from a client, in bytes. Default 4,325,376, which is also the least:
    /// a commit with its Welcome is that long. Calls other than a conversation's take less, whatever is said here.
    pub request_bytes_max: usize,
    /// What all requests under way may take beyond the first 64 KiB of each, in bytes. Default 268,435,456. A
    /// device may have an eighth of it, and so may all connections without a certificate together.
    pub request_memory_bytes_max: u64,
    /// The largest gRPC message given to a client, in bytes. Default 33,554,432: a directory of 10,000
    /// people. Worst case this much memory a call.
    pub response_bytes_max: usize,
    /// How many calls may wait for an enrolment to change at once. Default 1,024; beyond it a call is
    /// answered at once instead of held. Worst case one connection each.
    pub enrolment_waits_max: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let transport = Limits::default();
        Self {
            connections_max: transport.connections,
            uncertified_connections_max: transport.uncertified_connections,
            uncertified_connections_per_address_max: transport.uncertified_connections_per_address,
            connections_per_device_max: transport.connections_per_device,
            handshakes_max: transport.handshakes,
            handshakes_per_address_max: transport.handshakes_per_address,
            hello_seconds_max: transport.hello_timeout.as_secs(),
            handshake_seconds_max: transport.handshake_timeout.as_secs(),
            uncertified_seconds_max: transport.uncertified_life.as_secs(),
            calls_per_connection_max: transport.calls,
            calls_per_device_max: transport.calls_per_device,
            response_seconds_max: transport.response_deadline.as_secs(),
            idle_seconds_max: transport.idle_timeout.as_secs(),
            stall_seconds_max: transport.stall.as_secs(),
            request_bytes_max: REQUEST_BYTES,
            request_memory_bytes_max: transport.request_memory_bytes,
            response_bytes_max: 32 * 1024 * 1024,
            enrolment_waits_max: 1024,
        }
    }
}

/// What the relay does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// The pause between two sweeps (what expired, and what all devices have, is deleted), in seconds.
    /// Default 60, since lives end at whole minutes. Worst case this much later than it must be gone.
    pub sweep_seconds: u64,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { sweep_seconds: 60 }
    }
}

impl JobsConfig {
    /// [`JobsConfig::sweep_seconds`] as a span.
    #[must_use]
    pub const fn sweep(&self) -> Duration {
        Duration::from_secs(self.sweep_seconds)
    }
}

/// How the relay stops.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownConfig {
    /// How long calls under way may take to end after SIGTERM or SIGINT, in seconds. Default 10; at most
    /// 300. Then connections are closed.
    pub drain_seconds: u64,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { drain_seconds: 10 }
    }
}

impl ShutdownConfig {
    /// [`ShutdownConfig::drain_seconds`] as a span.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

/// What the relay tells its operator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Which lines are logged: a level, or a list such as "info,wardline_server=debug". Default "info".
    /// Other crates' lines stop at info whatever is said here.
    pub log: String,
    /// How they look: "text" or "json". Default "text".
    pub log_format: LogFormat,
    /// Where `/metrics` and `/readyz` are served, on a loopback address. Default: nowhere.
    pub metrics: Option<SocketAddr>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log: "info".to_owned(), log_format: LogFormat::Text, metrics: None }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The text is not a configuration: bad TOML, an unknown name, a wrong type.
    #[error("not a configuration")]
    Malformed(#[from] toml::de::Error),
    /// A knob is beyond its bounds.
    #[error("{knob} is {value}, but must be {bounds}")]
    OutOfBounds {
        /// Its name with its table.
        knob: &'static str,
        /// What it is.
        value: u64,
        /// What it may be, in words.
        bounds: &'static str,
    },
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Parses and checks a file's text.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`], [`ConfigError::OutOfBounds`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.within_bounds()
    }

    /// What the doors let in.
    #[must_use]
    pub fn transport_limits(&self) -> Limits {
        let limits = &self.limits;
        Limits {
            connections: limits.connections_max,
            uncertified_connections: limits.uncertified_connections_max,
            uncertified_connections_per_address: limits.uncertified_connections_per_address_max,
            connections_per_device: limits.connections_per_device_max,
            handshakes: limits.handshakes_max,
            handshakes_per_address: limits.handshakes_per_address_max,
            hello_timeout: Duration::from_secs(limits.hello_seconds_max),
            handshake_timeout: Duration::from_secs(limits.handshake_seconds_max),
            uncertified_life: Duration::from_secs(limits.uncertified_seconds_max),
            calls: limits.calls_per_connection_max,
            calls_per_device: limits.calls_per_device_max,
            request_memory_bytes: limits.request_memory_bytes_max,
            stall: Duration::from_secs(limits.stall_seconds_max),
            response_deadline: Duration::from_secs(limits.response_seconds_max),
            idle_timeout: Duration::from_secs(limits.idle_seconds_max),
            // Message and frame header, and room for a client that pads.
            body_bytes: limits.request_bytes_max as u64 + 65_536,
            drain: self.shutdown.drain(),
            ..Limits::default()
        }
    }

    fn within_bounds(self) -> Result<Self, ConfigError> {
        const MESSAGE: &str = "from 4,325,376 to 268,435,456 bytes";
        const COUNT: &str = "from 1 to 1,000,000";
        const SECONDS: &str = "from 1 to 3,600 seconds";
        let (bytes, count) = (REQUEST_BYTES as u64..=256 * 1024 * 1024, 1..=1_000_000);
        let limits = &self.limits;
        let knobs = [
            ("limits.connections_max", limits.connections_max as u64, count.clone(), COUNT),
            (
                "limits.uncertified_connections_max",
                limits.uncertified_connections_max as u64,
                count.clone(),
                COUNT,
            ),
            (
                "limits.connections_per_device_max",
                limits.connections_per_device_max as u64,
                count.clone(),
                COUNT,
            ),
            (
                "limits.uncertified_connections_per_address_max",
                limits.uncertified_connections_per_address_max as u64,
                count.clone(),
                COUNT,
            ),
            (
                "limits.handshakes_per_address_max",
                limits.handshakes_per_address_max as u64,
                count.clone(),
                COUNT,
            ),
            ("limits.hello_seconds_max", limits.hello_seconds_max, 1..=3_600, SECONDS),
            ("limits.calls_per_device_max", limits.calls_per_device_max as u64, count.clone(), COUNT),
            ("limits.stall_seconds_max", limits.stall_seconds_max, 1..=3_600, SECONDS),
            (
                "limits.request_memory_bytes_max",
                limits.request_memory_bytes_max,
                8 * 1024 * 1024..=1 << 40,
                "from 8,388,608 to 1,099,511,627,776 bytes",
            ),
            ("limits.handshakes_max", limits.handshakes_max as u64, count.clone(), COUNT),
            ("limits.handshake_seconds_max", limits.handshake_seconds_max, 1..=3_600, SECONDS),
            ("limits.uncertified_seconds_max", limits.uncertified_seconds_max, 1..=3_600, SECONDS),
            ("limits.calls_per_connection_max", limits.calls_per_connection_max.into(), count.clone(), COUNT),
            (
                "limits.response_seconds_max",
                limits.response_seconds_max,
                35..=3_600,
                "from 35 to 3,600 seconds",
            ),
            ("limits.idle_seconds_max", limits.idle_seconds_max, 1..=3_600, SECONDS),
            ("limits.request_bytes_max", limits.request_bytes_max as u64, bytes.clone(), MESSAGE),
            ("limits.response_bytes_max", limits.response_bytes_max as u64, bytes, MESSAGE),
            ("limits.enrolment_waits_max", limits.enrolment_waits_max as u64, count, COUNT),
            ("jobs.sweep_seconds", self.jobs.sweep_seconds, 1..=3_600, SECONDS),
            ("shutdown.drain_seconds", self.shutdown.drain_seconds, 0..=300, "from 0 to 300 seconds"),
        ];
        match knobs.into_iter().find(|(_, value, range, _)| !range.contains(value)) {
            Some((knob, value, _, bounds)) => Err(ConfigError::OutOfBounds { knob, value, bounds }),
            None => Ok(self),
        }
    }
}

/// A commit and a Welcome of 2 MiB each, with room for what goes with them.
const REQUEST_BYTES: usize = 4 * 1024 * 1024 + 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../relay.sample.toml");

    #[test]
    fn the_sample_says_the_defaults() {
        assert_eq!(Config::parse(SAMPLE).unwrap(), Config::default());
    }

    #[test]
    fn what_the_sample_leaves_out_is_right_too() {
        // Knobs without a default value stand in the sample as `#name = value`.
        let uncommented: String = SAMPLE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(knob) if !knob.starts_with(' ') => format!("{knob}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let config = Config::parse(&uncommented).unwrap();
        assert!(config.listen.is_some() && config.telemetry.metrics.is_some());
        let plain = Config { listen: None, ..config.clone() };
        let telemetry = TelemetryConfig { metrics: None, ..config.telemetry };
        assert_eq!(Config { telemetry, ..plain }, Config::default());
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn a_misspelt_knob_is_refused_by_name() {
        let refused = Config::parse("[shutdown]\ndrain_secs = 3\n").unwrap_err();
        let ConfigError::Malformed(source) = refused else { panic!("{refused}") };
        assert!(source.to_string().contains("drain_secs"), "{source}");
    }

    #[test]
    fn a_knob_beyond_its_bounds_is_refused() {
        for text in ["[limits]\nrequest_bytes_max = 1024\n", "[shutdown]\ndrain_seconds = 301\n"] {
            assert!(matches!(Config::parse(text), Err(ConfigError::OutOfBounds { .. })), "{text}");
        }
        assert!(Config::parse("[shutdown]\ndrain_seconds = 300\n").is_ok());
    }
}
