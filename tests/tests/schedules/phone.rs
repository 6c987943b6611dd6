//! A device of a schedule: a real client over a copied vault, commands that are under way, and what it was promised.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinSet;
use wardline_client_core::api::{Answer, Client, Command, Event, Failure, FailureKind, Options, Reach, Sent};
use wardline_identity::{ManualClock, SeededEntropy};
use wardline_tests::{
    Accepted,
    in_process::{InProcessConnector, RelayHouse},
};

use crate::template::passcode;

/// How often a vault is tried whose last process may not be quite gone.
const OPENING_TRIES: usize = 20;

/// How many ends of connections are told.
const HISTORY: usize = 6;

/// What the devices were promised, and what should not have happened.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) faults: Vec<String>,
}

/// A device.
pub(crate) struct Phone {
    user: &'static str,
    home: PathBuf,
    clock: Arc<ManualClock>,
    /// The way to the relay.
    pub(crate) connector: Arc<InProcessConnector>,
    client: Option<Arc<Client>>,
    commands: JoinSet<()>,
    notes: Arc<Mutex<Notes>>,
    /// Why its connections ended, for whoever looks into a schedule that failed.
    offline: Arc<Mutex<Vec<String>>>,
    /// Rises with each life, so that no life draws what another drew.
    entropy_seed: u64,
}

impl Phone {
    pub(crate) async fn open(
        user: &'static str,
        home: PathBuf,
        house: &Arc<RelayHouse>,
        clock: &Arc<ManualClock>,
        (notes, seed): (&Arc<Mutex<Notes>>, u64),
    ) -> Self {
        let mut phone = Self {
            user,
            home,
            clock: clock.clone(),
            connector: InProcessConnector::new(house, user),
            client: None,
            commands: JoinSet::new(),
            notes: notes.clone(),
            offline: Arc::default(),
            entropy_seed: seed << 16 | u64::from(user.as_bytes()[0]) << 8,
        };
        phone.start().await;
        phone
    }

    async fn start(&mut self) {
        self.entropy_seed += 1;
        let options = || Options {
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(self.entropy_seed)),
            connector: Some(self.connector.clone()),
            ..Options::default()
        };
        let mut opened = Err(String::new());
        for _ in 0..OPENING_TRIES {
            opened = match Client::open(&self.home, &passcode(self.user), options()).await {
                Ok(client) => Ok(client),
                Err(failure) => Err(failure.to_string()),
            };
            if opened.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let client = Arc::new(opened.expect("the vault opens"));
        let (mut events, offline) = (client.events(), self.offline.clone());
        // Ends with the client.
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                if let Event::Offline { why } = event {
                    offline.lock().unwrap_or_else(PoisonError::into_inner).push(why);
                }
            }
        });
        client.connect().await;
        self.client = Some(client);
    }

    /// What its relay last refused, and why its connections last ended.
    pub(crate) fn history(&self) -> Vec<String> {
        let offline = self.offline.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = offline.len().saturating_sub(HISTORY);
        let offline = offline[newest..].iter().map(|why| format!("({} offline: {why})", self.user));
        let heard = self.connector.faults().heard().into_iter();
        heard.map(|refusal| format!("({} heard: {refusal})", self.user)).chain(offline).collect()
    }

    /// Dies in the middle of whatever it does, and comes back from its files.
    pub(crate) async fn crash(&mut self) {
        self.end().await;
        self.start().await;
    }

    /// Dies.
    pub(crate) async fn end(&mut self) {
        self.commands.shutdown().await;
        self.client = None;
    }

    /// Carries out a command and waits for it.
    pub(crate) async fn execute(&self, command: Command, reach: Reach) -> Result<Answer, Failure> {
        self.client.as_ref().expect("it lives").execute(command, reach).await
    }

    /// Begins a message; what is promised of it is noted.
    pub(crate) fn send(&mut self, conversation: &str, text: String) {
        let (client, notes) = (self.client.clone().expect("it lives"), self.notes.clone());
        let command = Command::Send { conversation: conversation.to_owned(), text: text.clone() };
        self.commands.spawn(async move {
            let answer = client.execute(command, Reach::Online).await;
            note(&notes, &text, answer);
        });
    }

    /// Begins a change of the conversation, which may also fail in this way.
    pub(crate) fn change(&mut self, command: Command, may_fail: Option<FailureKind>) {
        let (client, notes) = (self.client.clone().expect("it lives"), self.notes.clone());
        self.commands.spawn(async move {
            let what = format!("{command:?}");
            if let Err(failure) = client.execute(command, Reach::Online).await
                && !is_interruption(failure.kind)
                && may_fail != Some(failure.kind)
            {
                let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                notes.faults.push(format!("failed: {what}: {failure}"));
            }
        });
    }

    /// Waits for the commands under way.
    pub(crate) async fn settle(&mut self) {
        while self.commands.join_next().await.is_some() {}
    }
}

/// What is promised of a message.
pub(crate) fn note(notes: &Mutex<Notes>, text: &str, answer: Result<Answer, Failure>) {
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    match answer {
        Ok(Answer::Sent(Sent { state, number, .. })) if state == "sent" || state == "queued" => {
            notes.accepted.push(Accepted { text: text.to_owned(), number });
        }
        Err(failure) if is_interruption(failure.kind) => {}
        other => notes.faults.push(format!("refused: {text}: {other:?}")),
    }
}

/// What the faults of a schedule may come to, as people see it.
fn is_interruption(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Unavailable | FailureKind::Queued)
}
