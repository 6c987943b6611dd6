//! Asking a home's owner.

use std::path::Path;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{
    listen::socket_path,
    message::{Request, Response},
};
use crate::api::{Answer, Command, Failure, FailureKind, Reach};

/// A connection to a home's owner.
pub struct Caller {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Caller {
    /// Connects; `None` if nobody listens.
    pub(super) async fn connect(home: &Path) -> Option<Self> {
        let (path, _folder) = socket_path(home).ok()?;
        let (reader, writer) = UnixStream::connect(path).await.ok()?.into_split();
        Some(Self { reader: BufReader::new(reader), writer })
    }

    /// Has a command carried out.
    ///
    /// # Errors
    /// The command's [`Failure`]; of kind `Busy` if the owner goes meanwhile: what became of the command is then in
    /// the vault, and for a message in the outbox.
    pub async fn execute(&mut self, command: Command, reach: Reach) -> Result<Answer, Failure> {
        self.ask(Request::Execute { command, reach, by_itself: false }).await
    }

    /// The same for a program that nobody may be watching: it keeps no vault open.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_by_itself(&mut self, command: Command, reach: Reach) -> Result<Answer, Failure> {
        self.ask(Request::Execute { command, reach, by_itself: true }).await
    }

    /// Has the vault closed; the owner ends.
    ///
    /// # Errors
    /// [`Failure`] of kind `Disk` if it cannot be closed whole.
    pub async fn lock(&mut self) -> Result<(), Failure> {
        // An owner that went has closed it, or the system has with its process.
        if self.write(&Request::Lock).await.is_err() {
            return Ok(());
        }
        match self.next().await {
            Ok(Some(Response::Failure(failure))) => Err(failure),
            _ => Ok(()),
        }
    }

    async fn ask(&mut self, request: Request) -> Result<Answer, Failure> {
        self.write(&request).await?;
        match self.next().await? {
            Some(Response::Answer(answer)) => Ok(answer),
            Some(Response::Failure(failure)) => Err(failure),
            _ => Err(gone()),
        }
    }

    /// Asks to be told what happens; to be followed by [`next`](Self::next).
    ///
    /// # Errors
    /// [`Failure`] of kind `Busy` if the owner goes.
    pub async fn follow(&mut self) -> Result<(), Failure> {
        self.write(&Request::Follow).await
    }

    /// The next response; `None` when the owner goes.
    ///
    /// # Errors
    /// [`Failure`] of kind `Busy` if it makes no sense.
    pub async fn next(&mut self) -> Result<Option<Response>, Failure> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => Ok(None),
            Ok(_) => serde_json::from_slice(&line).map(Some).map_err(|_| gone()),
        }
    }

    async fn write(&mut self, request: &Request) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(request).map_err(|_| gone())?;
        line.push(b'\n');
        self.writer.write_all(&line).await.map_err(|_| gone())
    }
}

fn gone() -> Failure {
    Failure::new(
        FailureKind::Busy,
        "The process that owns this home ended.",
        "It was asked and did not answer.",
        "See first whether it was done: wardline outbox list shows what waits, wardline read what was sent.",
    )
}
