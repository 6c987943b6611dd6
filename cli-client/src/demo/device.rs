//! One device of the scene: its home and passcode, its tapped way to the relay, and its client while it is open.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use wardline_client_core::{
    api::{
        Answer, Client, Command, Connector, ConversationDetail, Failure, FailureKind, Message, Options,
        Reach, Sent, open_copy,
    },
    vault::{Passcode, Vault},
};

use super::{
    folder,
    tap::{Record, Tap},
};

/// How long the scene waits for a device to show something.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

/// A device.
pub(crate) struct Device {
    /// Whose it is.
    pub user: &'static str,
    /// What its owner calls it.
    pub name: &'static str,
    /// Its folder.
    pub home: PathBuf,
    /// Opens its vault; made up for this demo.
    pub passcode_text: String,
    tap: Arc<Tap>,
    client: Option<Arc<Client>>,
}

/// A copy of a device's files at one moment, opened then with its passcode: what a thief may have.
pub(crate) struct Copy {
    /// The folder.
    pub folder: PathBuf,
    /// Opens it.
    pub passcode: Passcode,
    /// What was in it.
    pub vault: Vault,
}

impl Device {
    /// The device in a home that has its certificate, opened; its way to the relay is tapped from here on.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub(crate) async fn new(
        user: &'static str,
        name: &'static str,
        home: PathBuf,
        passcode_text: String,
    ) -> Result<Self, Failure> {
        let plain = Client::open(&home, &passcode(&passcode_text)?, Options::default()).await?;
        let tap = Arc::new(Tap::new(plain.connector()));
        plain.close().await?;
        let mut device = Self { user, name, home, passcode_text, tap, client: None };
        device.open().await?;
        Ok(device)
    }

    /// Opens it, if it is not open. Nothing is connected before it is asked for something.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub(crate) async fn open(&mut self) -> Result<(), Failure> {
        if self.client.is_none() {
            let options = Options { connector: Some(self.tap.clone()), ..Options::default() };
            let client = Client::open(&self.home, &self.passcode()?, options).await?;
            self.client = Some(Arc::new(client));
        }
        Ok(())
    }

    /// Closes it: the connection ends, the files are still.
    ///
    /// # Errors
    /// As [`Client::close`].
    pub(crate) async fn close(&mut self) -> Result<(), Failure> {
        match self.client.take().and_then(Arc::into_inner) {
            Some(client) => client.close().await,
            None => Ok(()),
        }
    }

    /// Closes it, copies its files to `to`, opens the copy, and opens the device again.
    ///
    /// # Errors
    /// [`Failure`] of kind `Disk`, and as [`Client::open`].
    pub(crate) async fn copy(&mut self, to: &Path) -> Result<Copy, Failure> {
        self.close().await?;
        folder::copy(&self.home, to)?;
        let passcode = self.passcode()?;
        let vault = open_copy(to, &passcode).await?;
        self.open().await?;
        Ok(Copy { folder: to.to_owned(), passcode, vault })
    }

    /// The open client.
    ///
    /// # Errors
    /// It is closed: a defect of the scene.
    pub(crate) fn client(&self) -> Result<&Arc<Client>, Failure> {
        self.client.as_ref().ok_or_else(|| Failure::defect("A device of the demo is closed."))
    }

    /// Has a command carried out, connected.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub(crate) async fn ask(&self, command: Command) -> Result<Answer, Failure> {
        self.client()?.execute(command, Reach::Online).await
    }

    /// Fetches what is new and sends what waits.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub(crate) async fn sync(&self) -> Result<(), Failure> {
        self.ask(Command::Sync).await.map(drop)
    }

    /// Sends a text; answers what became of it.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub(crate) async fn send(&self, conversation: &str, text: &str, reach: Reach) -> Result<Sent, Failure> {
        let command = Command::Send {
            conversation: conversation.to_owned(),
            text: text.to_owned(),
            expires_seconds: None,
        };
        match self.client()?.execute(command, reach).await? {
            Answer::Sent(sent) => Ok(sent),
            _ => Err(unexpected()),
        }
    }

    /// What it has of a conversation, without asking the relay.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub(crate) async fn read(&self, conversation: &str) -> Result<Vec<Message>, Failure> {
        let command = Command::Read { conversation: conversation.to_owned(), since: None, new: false };
        match self.client()?.execute(command, Reach::Offline).await? {
            Answer::Messages(messages) => Ok(messages.messages),
            _ => Err(unexpected()),
        }
    }

    /// The conversation as it stands on this device.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub(crate) async fn show(&self, conversation: &str) -> Result<ConversationDetail, Failure> {
        let command = Command::ConversationShow { conversation: conversation.to_owned() };
        match self.client()?.execute(command, Reach::Offline).await? {
            Answer::Conversation(detail) => Ok(*detail),
            _ => Err(unexpected()),
        }
    }

    /// Waits until it has taken in an entry of a conversation.
    ///
    /// # Errors
    /// [`Failure`] of kind `Unavailable` if that takes too long.
    pub(crate) async fn shows(&self, conversation: &str, number: u64) -> Result<(), Failure> {
        self.client()?.connect().await;
        let arrived = async {
            loop {
                match self.show(conversation).await {
                    Ok(detail) if detail.number >= number => return Ok(()),
                    Ok(_) => {}
                    Err(failure) if failure.kind == FailureKind::Unknown => {}
                    Err(failure) => return Err(failure),
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.unwrap_or_else(|_| {
            Err(Failure::new(
                FailureKind::Unavailable,
                format!("Number {number} did not reach {}.", self.label()),
                "It was waited for long enough.",
                "Run the demo again with --keep DIR and look into relay.log.",
            ))
        })
    }

    /// A second connection of this device to the relay, through the tap.
    pub(crate) fn connector(&self) -> &dyn Connector {
        &*self.tap
    }

    /// What its tap keeps.
    pub(crate) fn record(&self) -> &Arc<Record> {
        self.tap.record()
    }

    /// Its passcode.
    ///
    /// # Errors
    /// None in practice: the scene's passcodes can be used.
    pub(crate) fn passcode(&self) -> Result<Passcode, Failure> {
        passcode(&self.passcode_text)
    }

    /// How people call it: "doctor-a's phone".
    pub(crate) fn label(&self) -> String {
        format!("{}'s {}", self.user, self.name)
    }
}

/// A passcode from its text.
///
/// # Errors
/// [`Failure`] of kind `Input`.
pub(crate) fn passcode(text: &str) -> Result<Passcode, Failure> {
    Passcode::new(text.to_owned()).map_err(Failure::from)
}

/// The core answered another command than the one that was asked.
pub(crate) fn unexpected() -> Failure {
    Failure::defect("The core answered another command.")
}
