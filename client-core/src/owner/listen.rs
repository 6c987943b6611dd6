//! Listening on a home's socket: carries out other processes' commands on the open vault.

use std::{
    convert::Infallible,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::{Semaphore, broadcast::error::RecvError, mpsc},
};
use tokio_util::sync::CancellationToken;
use wardline_identity::{Clock as _, SystemClock};
use wardline_proto::fault::planted;

use super::{
    attention::Attention,
    lock::Ownership,
    message::{REQUEST_BYTES_MAX, Request, Response},
};
use crate::api::{Client, Failure, FailureKind};

/// How many callers are served at once; more wait.
const CALLERS_MAX: usize = 256;

/// The pause after a caller could not be let in.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// How long a command that is being carried out may take until the vault is closed.
const GRACE: std::time::Duration = std::time::Duration::from_secs(3);

/// The socket's name in the home.
const SOCKET: &str = "owner.sock";

/// The socket's path; through a descriptor of the home where the path itself is too long for a socket address.
pub(super) fn socket_path(home: &Path) -> io::Result<(PathBuf, Option<std::fs::File>)> {
    let path = home.join(SOCKET);
    if path.as_os_str().len() < 100 {
        return Ok((path, None));
    }
    let folder = std::fs::File::open(home)?;
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&folder);
    Ok((PathBuf::from(format!("/proc/self/fd/{descriptor}/{SOCKET}")), Some(folder)))
}

/// A home's socket, bound: others are heard from now on. Taken away when dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    _remove: RemoveOnDrop,
}

impl Socket {
    /// Binds it. `ownership` proves that no other process does.
    ///
    /// # Errors
    /// [`Failure`] of kind `Disk`.
    pub fn bind(ownership: &Ownership) -> Result<Self, Failure> {
        let listener = bind(ownership.home()).map_err(|error| {
            Failure::new(
                FailureKind::Disk,
                "The home's socket cannot be made.",
                format!("{error}."),
                "Check that the home can be written.",
            )
        })?;
        Ok(Self { listener, _remove: RemoveOnDrop(ownership.home().join(SOCKET)) })
    }
}

/// Who asked for the vault to be closed, and is told when it is.
pub(super) struct Locker(OwnedWriteHalf);

impl Locker {
    /// It is closed, or why not.
    pub(super) async fn tell(mut self, closed: &Result<(), Failure>) {
        let response = match closed {
            Ok(()) => Response::Locked,
            Err(failure) => Response::Failure(failure.clone()),
        };
        // Who has gone meanwhile wanted it closed all the same.
        let _ = write(&mut self.0, &response).await;
    }
}

/// Listens until somebody has the vault closed (`wardline lock`). `ownership` proves that no other process does.
///
/// # Errors
/// [`Failure`] of kind `Disk` if the socket cannot be made or the vault not closed.
pub async fn listen(ownership: &Ownership, client: Arc<Client>) -> Result<(), Failure> {
    let attention = Arc::new(Attention::new(SystemClock.since_boot()));
    let socket = Socket::bind(ownership)?;
    let served = serve_all(socket, &client, &attention, std::future::pending::<Infallible>()).await;
    let closed = client.close().await;
    match served {
        Served::Locked(locker) => locker.tell(&closed).await,
        Served::Over(never) => match never {},
    }
    closed
}

/// Why nobody is served any more.
pub(super) enum Served<T> {
    /// Somebody asked for the vault to be closed.
    Locked(Locker),
    /// It was time.
    Over(T),
}

/// Carries out what is asked until somebody asks for the vault to be closed, or it is `over`. What is being carried out then is
/// carried out, for a moment: who asked for it must hear what came of it, or may ask again.
pub(super) async fn serve_all<T>(
    socket: Socket,
    client: &Arc<Client>,
    attention: &Arc<Attention>,
    over: impl Future<Output = T>,
) -> Served<T> {
    let callers = Arc::new(Semaphore::new(CALLERS_MAX));
    let mut served = tokio::task::JoinSet::new();
    let (lock, mut locks) = mpsc::channel(1);
    let closing = CancellationToken::new();
    let mut over = pin!(over);
    let why = loop {
        tokio::select! {
            accepted = socket.listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of descriptors, say: they come back when somebody goes.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                if !same_user(&stream) {
                    continue;
                }
                let (client, callers, attention) = (client.clone(), callers.clone(), attention.clone());
                let (lock, closing) = (lock.clone(), closing.clone());
                served.spawn(async move {
                    if let Ok(_place) = callers.acquire().await
                        && let Err(error) = serve(stream, &client, &attention, (lock, closing)).await
                    {
                        tracing::debug!(%error, "a caller went");
                    }
                });
            }
            Some(locker) = locks.recv() => break Served::Locked(locker),
            why = &mut over => break Served::Over(why),
            Some(_) = served.join_next(), if !served.is_empty() => {}
        }
    };
    // Nobody comes in any more.
    drop(socket);
    closing.cancel();
    let _ = tokio::time::timeout(GRACE, async { while served.join_next().await.is_some() {} }).await;
    why
}

fn bind(home: &Path) -> io::Result<UnixListener> {
    let (path, _folder) = socket_path(home)?;
    // Ours to replace: the lock is held, so whoever made it is gone.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Whether the caller is the same user as this process: the socket's own effective uid as the kernel tells both ends.
fn same_user(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

#[derive(Debug)]
struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // What is left is replaced by the next owner.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Serves one caller: request after request until it goes.
async fn serve(
    stream: UnixStream,
    client: &Client,
    attention: &Attention,
    (lock, closing): (mpsc::Sender<Locker>, CancellationToken),
) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut request = (&mut reader).take(REQUEST_BYTES_MAX);
        let read = tokio::select! {
            read = request.read_until(b'\n', &mut line) => read?,
            () = closing.cancelled() => 0,
        };
        if read == 0 {
            return Ok(());
        }
        let response = match serde_json::from_slice(&line) {
            Ok(Request::Follow) => {
                return tokio::select! {
                    gone = follow(&mut reader, &mut writer, client) => gone,
                    () = closing.cancelled() => Ok(()),
                };
            }
            Ok(Request::Lock) => {
                // Where another is first, it is closed as well.
                let _ = lock.send(Locker(writer)).await;
                return Ok(());
            }
            Ok(Request::Execute { command, reach, by_itself }) => {
                let person = !by_itself || planted("mutant.programs_attend");
                let _asking = person.then(|| attention.asks(|| SystemClock.since_boot()));
                match client.execute(command, reach).await {
                    Ok(answer) => Response::Answer(answer),
                    Err(failure) => Response::Failure(failure),
                }
            }
            Err(error) => Response::Failure(Failure::new(
                FailureKind::Input,
                "The home's owner does not understand this request.",
                format!("{error}."),
                "Use the same version of Wardline in both processes.",
            )),
        };
        write(&mut writer, &response).await?;
        if !line.ends_with(b"\n") {
            return Ok(());
        }
    }
}

/// Tells what happens until the caller goes.
async fn follow(
    reader: &mut BufReader<tokio::net::unix::OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    client: &Client,
) -> io::Result<()> {
    client.connect().await;
    let mut events = client.events();
    let mut gone = [0];
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => write(writer, &Response::Event(event)).await?,
                Err(RecvError::Lagged(_)) => write(writer, &Response::Lagged).await?,
                Err(RecvError::Closed) => return Ok(()),
            },
            read = reader.read(&mut gone) => if read? == 0 { return Ok(()) },
        }
    }
}

async fn write(writer: &mut OwnedWriteHalf, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
