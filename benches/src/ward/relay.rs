//! The relay as a process: this program again, as a relay.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use wardline_identity::SystemEntropy;

use crate::{Place, RELAY};

/// A relay; killed when dropped. It ends by itself too when this process is gone: its standard input closes then.
pub(crate) struct RelayProcess {
    folder: PathBuf,
    child: Option<Child>,
    program: PathBuf,
}

impl RelayProcess {
    /// Makes a relay's folder; nothing runs yet.
    pub(crate) fn init(place: &Place, folder: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let output = Command::new(&place.program)
            .args([RELAY, "init", "--address", &address, "--data-dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .output()
            .context("starting the relay's program")?;
        ensure!(output.status.success(), "init fails: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self { folder: folder.to_owned(), child: None, program: place.program.clone() })
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it and waits until both doors are open.
    pub(crate) fn start(&mut self) -> Result<()> {
        let log = self.folder.with_extension("log");
        let mut child = Command::new(&self.program)
            .args([RELAY, "serve", "--log", "warn", "--data-dir"])
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let stdout = child.stdout.take().context("its output is piped")?;
        self.child = Some(child);
        let mut lines = BufReader::new(stdout).lines();
        match lines.next() {
            Some(Ok(line)) if line.starts_with("listening") => Ok(()),
            _ => bail!("the relay does not open: {}", std::fs::read_to_string(&log).unwrap_or_default()),
        }
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only if it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A loopback port that is free for TCP and UDP, below those that the system hands out by itself.
fn free_port() -> Result<u16> {
    for _ in 0..1_000 {
        let port = 20_000 + u16::from_be_bytes(SystemEntropy.array()?) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
}
