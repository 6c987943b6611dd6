//! The relay as a process of its own, on a loopback port that stays the same when it starts again.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Output, Programs, Running, device::armed, process::run};

/// How long the relay may take to open its doors.
const OPENING: Duration = Duration::from_secs(30);

/// A relay's folder, port and process.
#[derive(Debug)]
pub struct RelayProcess {
    program: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
    /// Nobody else chooses the port while this is open.
    _chosen: TcpListener,
    extra: Vec<String>,
    armed: String,
    running: Option<Running>,
}

impl RelayProcess {
    /// Makes a relay's folder; nothing runs yet.
    pub(crate) fn init(programs: &Programs, folder: &Path) -> Self {
        let (port, chosen) = free_port();
        let mut init = Command::new(&programs.relay);
        init.args(["init", "--address", &format!("127.0.0.1:{port}"), "--data-dir"]).arg(folder);
        run(&mut init, b"").good();
        let log = folder.with_extension("log");
        Self {
            program: programs.relay.clone(),
            folder: folder.to_owned(),
            log,
            port,
            _chosen: chosen,
            extra: Vec::new(),
            armed: String::new(),
            running: None,
        }
    }

    /// Arguments for `serve` from the next start on.
    pub fn serve_with(&mut self, arguments: &[&str]) {
        self.extra = arguments.iter().map(|&argument| argument.to_owned()).collect();
    }

    /// Starts it and waits until both doors are open.
    ///
    /// # Panics
    /// If they do not open.
    pub fn start(&mut self) {
        let running = Running::start(&mut self.command(), &self.log);
        assert!(running.says("listening", OPENING).is_some(), "the relay does not open: {}", self.log());
        self.running = Some(running);
    }

    /// `wardline-relay serve` on its folder, to be run by the caller.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut serve = Command::new(&self.program);
        serve.args(["serve", "--data-dir"]).arg(&self.folder).args(&self.extra);
        serve.env("FAILPOINTS", &self.armed);
        serve
    }

    /// Starts it anew with these fault points armed (`wardline_proto::fault`); none: as it is.
    pub fn rearm(&mut self, points: &[&str]) {
        self.armed = armed(points);
        self.restart();
    }

    /// Waits until it has ended at this place (`crash.…`), where it was armed to crash.
    ///
    /// # Panics
    /// If it does not, or ends otherwise.
    pub fn crashed_at(&mut self, place: &str) {
        let mut running = self.running.take().expect("the relay runs");
        running.aborted();
        assert!(self.log().contains(&format!("crashed at {place}\n")), "{}", self.log());
    }

    /// Runs `serve` where it cannot start, and gives what it says.
    #[must_use]
    pub fn fails_to_start(&self) -> Output {
        run(&mut self.command(), b"")
    }

    /// The process.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn process(&self) -> &Running {
        self.running.as_ref().expect("the relay runs")
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// SIGTERM; returns when it has ended.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.terminate();
        }
    }

    /// kill -9 and a new start on the same port.
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has logged so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A loopback port that is free for TCP and UDP, below those that the system hands out by itself; and what keeps others
/// from choosing it before the relay has opened it: whoever looks has the port above it first.
fn free_port() -> (u16, TcpListener) {
    let random = RandomState::new();
    (0_u32..1_000)
        .map(|attempt| 20_000 + 2 * u16::try_from(random.hash_one(attempt) % 6_000).unwrap_or(0))
        .find_map(|port| {
            let chosen = TcpListener::bind(("127.0.0.1", port + 1)).ok()?;
            let free = TcpListener::bind(("127.0.0.1", port)).is_ok()
                && UdpSocket::bind(("127.0.0.1", port)).is_ok();
            free.then_some((port, chosen))
        })
        .expect("a port is free")
}
