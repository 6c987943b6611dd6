//! `wardline send` in a process of its own, killed while its request is unanswered.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use wardline_tests::{Accepted, Device, RelayProcess, Running};

/// How long a process may take until its message is encrypted.
const SEALING: Duration = Duration::from_secs(60);
/// How long a frozen relay leaves it unanswered.
const FROZEN: Duration = Duration::from_millis(40);

/// A device without an owner.
pub(crate) struct Runner {
    pub(crate) device: Device,
    conversation: String,
    started: usize,
    log: Vec<u8>,
}

/// What became of a process and its message.
pub(crate) struct Ran {
    /// Its message, if it was taken on.
    pub(crate) accepted: Option<Accepted>,
    /// Whether it was killed with a request to the relay that was not answered.
    pub(crate) in_flight: bool,
    /// Any other answer.
    pub(crate) refused: Option<String>,
}

impl Runner {
    pub(crate) fn new(device: Device, conversation: String) -> Self {
        Self { device, conversation, started: 0, log: Vec::new() }
    }

    /// Starts one and kills it once its message is encrypted: after a pause, or, frozen, with the relay standing still
    /// meanwhile, which takes its request in when nobody waits for the answer any more.
    pub(crate) fn kill(&mut self, relay: &RelayProcess, pause: Duration, frozen: bool) -> Ran {
        let text = format!("{} {}", self.device.user, self.started);
        self.started += 1;
        let _ = fs::remove_file(self.log_file());
        let mut running = self.device.start(&[
            "send",
            &self.conversation,
            &text,
            "--json",
            "--log",
            "wardline_client_core::vault=trace",
        ]);
        self.until_sealed(&mut running);
        if frozen {
            relay.process().freeze();
            sleep(FROZEN);
        } else {
            sleep(pause);
        }
        running.kill();
        if frozen {
            relay.process().thaw();
        }
        self.fate(text, &running)
    }

    fn until_sealed(&mut self, running: &mut Running) {
        let until = Instant::now() + SEALING;
        while running.runs() && !self.read_log().is_some_and(|(sealed, _)| sealed) {
            assert!(Instant::now() < until, "nothing is under way: {}", String::from_utf8_lossy(&self.log));
            sleep(Duration::from_millis(1));
        }
    }

    fn log_file(&self) -> std::path::PathBuf {
        self.device.home.with_extension("log")
    }

    /// Once its message is in the outbox: whether something was encrypted since, and whether that was answered. By
    /// the steps of the vault that the process began, in its log.
    fn read_log(&mut self) -> Option<(bool, bool)> {
        self.log = fs::read(self.log_file()).unwrap_or_default();
        let log = String::from_utf8_lossy(&self.log);
        let queued = &log[log.find("\"queue\"")?..];
        let sealed = queued.rfind("\"seal\"");
        Some((sealed.is_some(), queued.rfind("\"accepted\"") > sealed))
    }

    fn fate(&mut self, text: String, running: &Running) -> Ran {
        let nothing = Ran { accepted: None, in_flight: false, refused: None };
        if let Some(line) = running.says("{", Duration::from_secs(5)) {
            let answer: Value = serde_json::from_str(&line).unwrap();
            return match answer["state"].as_str() {
                Some("sent") => {
                    let number = answer["number"].as_u64();
                    Ran { accepted: Some(Accepted { text, number }), ..nothing }
                }
                Some("queued") => Ran { accepted: Some(Accepted { text, number: None }), ..nothing },
                _ => Ran { refused: Some(line), ..nothing },
            };
        }
        match self.read_log() {
            // It was in the outbox when it was killed: it is to be delivered.
            Some((true, answered)) => {
                Ran { accepted: Some(Accepted { text, number: None }), in_flight: !answered, ..nothing }
            }
            // Whether it is, nobody knows: it may be shown once or never.
            _ => nothing,
        }
    }
}
