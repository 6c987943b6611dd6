//! Processes: run to their end within a limit, or kept running and killed at the latest on drop.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long any command may take: the product's own longest patience is a minute.
const LIMIT: Duration = Duration::from_secs(100);
/// SIGABRT.
const ABORTED: i32 = 6;

/// What a process left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit status; -1 if a signal ended it.
    pub status: i32,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Output {
    /// The objects it printed with `--json`, one a line.
    ///
    /// # Panics
    /// If a line is none.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not an object: {line}")))
            .collect()
    }

    /// The one object it printed with `--json`.
    ///
    /// # Panics
    /// If it printed none or several.
    #[must_use]
    pub fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "one object expected: {self:?}");
        objects.remove(0)
    }

    /// The failure it printed with `--json`.
    ///
    /// # Panics
    /// If it printed none.
    #[must_use]
    pub fn failure(&self) -> Value {
        let line = self.stderr.lines().find(|line| line.contains("\"failure\""));
        let line = line.unwrap_or_else(|| panic!("no failure in {self:?}"));
        let object: Value = serde_json::from_str(line).expect("a failure is an object");
        object["failure"].clone()
    }

    /// Itself, if it succeeded.
    ///
    /// # Panics
    /// If it did not.
    pub fn good(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Itself, if it ended at this place (`crash.…`), where it was armed to crash.
    ///
    /// # Panics
    /// If it ended in any other way.
    pub fn crashed_at(self, place: &str) -> Self {
        assert_eq!(self.signal, Some(ABORTED), "{self:?}");
        assert!(self.stderr.contains(&format!("crashed at {place}\n")), "{self:?}");
        self
    }

    /// Itself, if it failed with this status, saying something.
    ///
    /// # Panics
    /// If it did not.
    pub fn failed(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        assert!(!self.stderr.trim().is_empty() || !self.stdout.trim().is_empty(), "it says nothing");
        self
    }
}

/// Runs a command to its end, with this on its standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    // A program that does not read its input closes it: no failure.
    let _ = stdin.write_all(input);
    drop(stdin);
    let stdout = gather(child.stdout.take().expect("piped"));
    let stderr = gather(child.stderr.take().expect("piped"));
    let status = wait(&mut child, LIMIT);
    let text = |thread: thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&thread.join().expect("reading does not panic")).into_owned()
    };
    let (stdout, stderr) = (text(stdout), text(stderr));
    let Some(status) = status else { panic!("{command:?} took too long: {stdout}{stderr}") };
    Output { status: status.code().unwrap_or(-1), signal: status.signal(), stdout, stderr }
}

fn gather(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before a failure is what there is.
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// Waits; kills what takes longer.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() >= until {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A process that runs on; killed with SIGKILL when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it; its standard error goes to this file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the program starts");
        let lines = follow(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    /// Waits for a line of its standard output with this in it.
    #[must_use]
    pub fn says(&self, text: &str, within: Duration) -> Option<String> {
        let until = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return Some(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended by itself by aborting, as it does where it was armed to crash.
    ///
    /// # Panics
    /// If it does not, or ends otherwise.
    pub fn aborted(&mut self) {
        let status = wait(&mut self.child, LIMIT);
        assert_eq!(status.and_then(|status| status.signal()), Some(ABORTED), "{status:?}");
    }

    /// SIGKILL: it executes no further instruction.
    pub fn kill(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn terminate(&mut self) {
        self.signal("-TERM");
        assert!(wait(&mut self.child, Duration::from_secs(30)).is_some(), "it does not end");
    }

    /// SIGSTOP: it stands still at whatever instruction it is, and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT: a frozen one goes on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads lines as they come, so that the process never waits for us.
fn follow(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { return };
            // Nobody listens any more: read on all the same.
            let _ = sender.send(line);
        }
    });
    receiver
}
