//! Being in a home: as its owner with an open vault, or through the process that owns it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::broadcast::{Receiver, error::RecvError};
use wardline_client_core::{
    api::{Answer, Client, Command, Event, Failure, FailureKind, Options, Reach},
    owner::{Caller, Entered, Ownership, Response, enter},
};

use crate::{
    args::Globals,
    passcode::{self, Asking},
};

/// A home that commands can be carried out in.
pub(crate) enum Home {
    /// This process owns it.
    Own {
        /// The right to.
        ownership: Ownership,
        /// The open vault.
        client: Arc<Client>,
    },
    /// Another process owns it.
    Through(Caller),
}

/// The folder of the home.
pub(crate) fn folder(globals: &Globals) -> Result<PathBuf, Failure> {
    if let Some(home) = &globals.home {
        return Ok(home.clone());
    }
    std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share/wardline")).ok_or_else(|| {
        Failure::new(
            FailureKind::Input,
            "There is no home folder.",
            "$HOME is not set.",
            "Name one with --home.",
        )
    })
}

/// Enters the home that the arguments name.
pub(crate) async fn open(globals: &Globals) -> Result<Home, Failure> {
    let folder = folder(globals)?;
    // A home that is not there is not made by looking for it.
    if !folder.join("vault.header").exists() {
        return Err(no_vault(&folder));
    }
    match enter(&folder).await? {
        Entered::Caller(caller) => Ok(Home::Through(caller)),
        Entered::Owner(ownership) => {
            let passcode = passcode::read(globals.passcode_file.as_deref(), Asking::Known)?;
            let client = Client::open(&folder, &passcode, Options::default()).await?;
            Ok(Home::Own { ownership, client: Arc::new(client) })
        }
    }
}

/// Nothing was enrolled in that folder.
pub(crate) fn no_vault(folder: &Path) -> Failure {
    Failure::new(
        FailureKind::NoVault,
        format!("There is no vault in {}.", folder.display()),
        "No device was enrolled there.",
        "Enrol first: wardline enrol --home DIR INVITATION --device NAME.",
    )
}

/// Whether commands may connect.
pub(crate) fn reach(globals: &Globals) -> Reach {
    if globals.offline { Reach::Offline } else { Reach::Online }
}

impl Home {
    /// Carries out a command.
    pub(crate) async fn execute(&mut self, command: Command, reach: Reach) -> Result<Answer, Failure> {
        match self {
            Self::Own { client, .. } => client.execute(command, reach).await,
            Self::Through(caller) => caller.execute(command, reach).await,
        }
    }

    /// The same for a program that goes on by itself: it keeps no vault open (`wardline unlock`).
    pub(crate) async fn execute_by_itself(
        &mut self,
        command: Command,
        reach: Reach,
    ) -> Result<Answer, Failure> {
        match self {
            Self::Own { client, .. } => client.execute(command, reach).await,
            Self::Through(caller) => caller.execute_by_itself(command, reach).await,
        }
    }

    /// Closes it.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Own { client, .. } => client.close().await,
            Self::Through(_) => Ok(()),
        }
    }
}

/// What happens in a home, from whichever process.
pub(crate) enum Events {
    /// From the own client.
    Own(Receiver<Event>),
    /// From the owner.
    Through(Caller),
}

impl Events {
    /// The next event; `None` when there will be none. Missed ones are told as a change somewhere.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        let missed = Event::Readable { conversation: String::new(), number: 0 };
        match self {
            Self::Own(receiver) => match receiver.recv().await {
                Ok(event) => Ok(Some(event)),
                Err(RecvError::Lagged(_)) => Ok(Some(missed)),
                Err(RecvError::Closed) => Ok(None),
            },
            Self::Through(caller) => match caller.next().await? {
                Some(Response::Event(event)) => Ok(Some(event)),
                Some(Response::Lagged) => Ok(Some(missed)),
                Some(Response::Failure(failure)) => Err(failure),
                Some(Response::Answer(_) | Response::Locked) | None => Ok(None),
            },
        }
    }
}
