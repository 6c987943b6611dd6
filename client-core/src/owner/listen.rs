//! Listening on a home's socket: carries out other processes' commands on the open vault.

use std::{
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::{Semaphore, broadcast::error::RecvError},
};

use super::{
    lock::Ownership,
    message::{REQUEST_BYTES_MAX, Request, Response},
};
use crate::api::{Client, Failure, FailureKind};

/// How many callers are served at once; more wait.
const CALLERS_MAX: usize = 256;

/// The pause after a caller could not be let in.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

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

/// Listens until dropped. `ownership` proves that no other process does.
///
/// # Errors
/// [`Failure`] of kind `Disk` if the socket cannot be made. Otherwise never returns.
pub async fn listen(ownership: &Ownership, client: Arc<Client>) -> Result<(), Failure> {
    let listener = bind(ownership.home()).map_err(|error| {
        Failure::new(
            FailureKind::Disk,
            "The home's socket cannot be made.",
            format!("{error}."),
            "Check that the home can be written.",
        )
    })?;
    let _remove = RemoveOnDrop(ownership.home().join(SOCKET));
    let callers = Arc::new(Semaphore::new(CALLERS_MAX));
    let mut served = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of descriptors, say: they come back when somebody goes.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                if !same_user(&stream) {
                    continue;
                }
                let (client, callers) = (client.clone(), callers.clone());
                served.spawn(async move {
                    if let Ok(_place) = callers.acquire().await
                        && let Err(error) = serve(stream, &client).await
                    {
                        tracing::debug!(%error, "a caller went");
                    }
                });
            }
            Some(_) = served.join_next(), if !served.is_empty() => {}
        }
    }
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
    let (Ok(peer), Ok(own)) = (stream.peer_cred(), std::fs::metadata("/proc/self")) else { return false };
    peer.uid() == std::os::unix::fs::MetadataExt::uid(&own)
}

struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // What is left is replaced by the next owner.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Serves one caller: request after request until it goes.
async fn serve(stream: UnixStream, client: &Client) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader).take(REQUEST_BYTES_MAX).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(());
        }
        let response = match serde_json::from_slice(&line) {
            Ok(Request::Follow) => return follow(&mut reader, &mut writer, client).await,
            Ok(Request::Execute { command, reach }) => match client.execute(command, reach).await {
                Ok(answer) => Response::Answer(answer),
                Err(failure) => Response::Failure(failure),
            },
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
