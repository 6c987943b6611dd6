//! The relay, as a process of its own: this executable again, with the hidden subcommand `relay`.
//!
//! It is killed with SIGKILL whenever this handle goes, so that no way out of the demo leaves it running.

use std::{
    fs::{File, OpenOptions},
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use wardline_client_core::api::{Failure, FailureKind};

use super::folder::disk;

/// How long the relay may take to open its doors.
const PATIENCE: Duration = Duration::from_secs(20);

/// The relay: its folder and, while it runs, its process.
pub(crate) struct Relay {
    data: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    process: Option<Child>,
}

impl Relay {
    /// Makes a relay's keys and request in `folder`; nothing runs yet.
    ///
    /// # Errors
    /// [`Failure`] of kind `Unavailable` or `Disk`.
    pub(crate) fn init(folder: &Path) -> Result<Self, Failure> {
        let relay = Self {
            data: folder.join("relay"),
            log: folder.join("relay.log"),
            address: free_address()?,
            process: None,
        };
        let address = relay.address.to_string();
        let mut init = relay.command("init")?;
        let status = init.args(["--address", &address]).status();
        match status {
            Ok(status) if status.success() => Ok(relay),
            Ok(status) => Err(relay.failed(&format!("It ended with {status}"))),
            Err(error) => Err(relay.failed(&error.to_string())),
        }
    }

    /// Starts the process and waits until both doors are open; answers its process id.
    ///
    /// # Errors
    /// [`Failure`] of kind `Unavailable`.
    pub(crate) async fn start(&mut self) -> Result<u32, Failure> {
        let before = self.openings();
        let child = self.command("serve")?.spawn().map_err(|error| self.failed(&error.to_string()))?;
        let id = child.id();
        let process = self.process.insert(child);
        let since = Instant::now();
        loop {
            if let Ok(Some(status)) = process.try_wait() {
                return Err(self.failed(&format!("It ended with {status}")));
            }
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            if openings(&text) > before {
                return Ok(id);
            }
            if since.elapsed() > PATIENCE {
                return Err(self.failed("It did not open its doors"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills the process at once (SIGKILL): it can finish nothing.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Both fail only for a process that is gone.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// What clients dial.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Its output.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    fn command(&self, verb: &str) -> Result<Command, Failure> {
        let program =
            std::env::current_exe().map_err(|error| Failure::defect(format!("No program: {error}.")))?;
        let log = |error| disk(&self.log, &error);
        let out: File = OpenOptions::new().create(true).append(true).open(&self.log).map_err(log)?;
        let errors = out.try_clone().map_err(log)?;
        let mut command = Command::new(program);
        command.args(["relay", verb, "--data-dir"]).arg(&self.data);
        command.stdin(Stdio::null()).stdout(out).stderr(errors);
        Ok(command)
    }

    fn openings(&self) -> usize {
        openings(&std::fs::read_to_string(&self.log).unwrap_or_default())
    }

    fn failed(&self, why: &str) -> Failure {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = text.lines().next_back().unwrap_or_default();
        Failure::new(
            FailureKind::Unavailable,
            "The demo's relay did not start.",
            format!("{why}: {last}"),
            "Run it again; with --keep DIR its output stays in relay.log.",
        )
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How often the relay has said that its doors are open.
fn openings(log: &str) -> usize {
    log.lines().filter(|line| line.starts_with("listening ")).count()
}

/// A loopback port that is free for TCP and UDP. The relay's certificate names what clients dial, so it is chosen
/// before the relay is there.
fn free_address() -> Result<SocketAddr, Failure> {
    for _ in 0..16 {
        let Ok(tcp) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) else { continue };
        let Ok(address) = tcp.local_addr() else { continue };
        if UdpSocket::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(Failure::new(
        FailureKind::Unavailable,
        "There is no free port on this machine's loopback.",
        "",
        "End a program that uses many, and run the demo again.",
    ))
}
