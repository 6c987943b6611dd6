//! A home's owner, `wardline sync --follow`, and other processes' way to it: the socket in the home.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use wardline_client_core::{
    api::{Answer, Command, Failure, Reach},
    owner::{Request, Response},
};

use crate::{Device, Running};

/// How long an owner may take to listen.
const LISTENING: Duration = Duration::from_secs(30);

/// `sync --follow` on a home.
#[derive(Debug)]
pub struct Owner {
    /// The process.
    pub process: Running,
    device: Device,
}

impl Owner {
    /// Starts it and waits until it listens.
    pub(crate) fn start(device: &Device) -> Self {
        let owner = Self {
            process: device.start(&["sync", "--follow", "--log", "wardline=debug"]),
            device: device.clone(),
        };
        let until = Instant::now() + LISTENING;
        while owner.line().is_none() {
            assert!(Instant::now() < until, "the owner of {} does not listen", device.home.display());
            std::thread::sleep(Duration::from_millis(5));
        }
        owner
    }

    /// A connection to it; `None` if it does not listen.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        Line::to(&self.device.home)
    }

    /// kill -9, and a new owner.
    pub fn restart(&mut self) {
        self.process.kill();
        *self = Self::start(&self.device);
    }
}

/// A connection to a home's owner.
#[derive(Debug)]
pub struct Line {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Line {
    /// Connects; `None` if nobody listens.
    #[must_use]
    pub fn to(home: &Path) -> Option<Self> {
        let writer = UnixStream::connect(home.join("owner.sock")).ok()?;
        let reader = BufReader::new(writer.try_clone().ok()?);
        Some(Self { reader, writer })
    }

    /// Has a command carried out; `None` if the owner went before it answered.
    pub fn execute(&mut self, command: Command, reach: Reach) -> Option<Result<Answer, Failure>> {
        let mut line = serde_json::to_vec(&Request::Execute { command, reach, by_itself: false }).ok()?;
        line.push(b'\n');
        self.writer.write_all(&line).ok()?;
        let mut answer = String::new();
        self.reader.read_line(&mut answer).ok()?;
        match serde_json::from_str(&answer).ok()? {
            Response::Answer(answer) => Some(Ok(answer)),
            Response::Failure(failure) => Some(Err(failure)),
            Response::Event(_) | Response::Lagged | Response::Locked => None,
        }
    }
}
