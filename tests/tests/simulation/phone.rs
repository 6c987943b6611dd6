//! A device of a scene: a real client over a copied vault, commands that are under way, and what it was promised.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use wardline_client_core::api::{
    Act as Order, Answer, Client, Command, Event, Failure, FailureKind, Options, Reach, Sent,
};
use wardline_identity::SeededEntropy;
use wardline_tests::{
    Accepted,
    in_process::{Faults, InProcessConnector, RelayHouse, Trace},
};

use crate::{named::Named, operation::Act, template::passcode, time::SceneClock};

/// Whose message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) user: &'static str,
    /// The device's name in the trace.
    pub(crate) name: String,
}

/// What the devices were promised, and what should not have happened.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// By whom, and what.
    pub(crate) accepted: Vec<(Sender, Accepted)>,
    pub(crate) faults: Vec<String>,
    /// People who were put out or left at some time: what they want may be refused.
    pub(crate) gone: Vec<&'static str>,
    /// What became of the devices that an administrator named.
    pub(crate) named: Named,
    /// Why connections ended.
    pub(crate) offline: Vec<String>,
}

impl Notes {
    /// Whether a device may have been out at some time.
    pub(crate) fn may_be_out(&self, user: &str, name: &str) -> bool {
        self.gone.contains(&user) || self.named.has(name)
    }
}

/// What all devices of a scene share.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) house: Arc<RelayHouse>,
    pub(crate) notes: Arc<Mutex<Notes>>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) seed: u64,
    /// After so many turns the tasks of a device that died are gone.
    pub(crate) turns_to_die: u32,
}

impl Ground {
    /// The notes.
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device.
pub(crate) struct Phone {
    /// Its person.
    pub(crate) user: &'static str,
    /// Its name in the trace.
    pub(crate) name: String,
    /// Its id.
    pub(crate) device: String,
    home: PathBuf,
    pub(crate) clock: Arc<SceneClock>,
    /// The way to the relay.
    pub(crate) connector: Arc<InProcessConnector>,
    client: Option<Arc<Client>>,
    commands: JoinSet<()>,
    ground: Ground,
    /// Rises with each life, so that no life draws what another drew.
    entropy_seed: u64,
}

impl Phone {
    /// The `place`th device of the scene.
    pub(crate) async fn open(
        ground: &Ground,
        (user, place, device): (&'static str, usize, &str),
        home: PathBuf,
        clock: Arc<SceneClock>,
    ) -> Self {
        let name = format!("{place} of {user}");
        let faults = Faults::told(&name, &ground.trace);
        let mut phone = Self {
            user,
            home,
            clock,
            connector: InProcessConnector::new(&ground.house, device, faults),
            client: None,
            commands: JoinSet::new(),
            ground: ground.clone(),
            entropy_seed: ground.seed << 16 | (place as u64) << 8,
            device: device.to_owned(),
            name,
        };
        phone.start().await;
        phone
    }

    async fn start(&mut self) {
        self.entropy_seed += 1;
        let options = Options {
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(self.entropy_seed)),
            connector: Some(self.connector.clone()),
            stranger: Some(InProcessConnector::uncertified(&self.ground.house)),
            ..Options::default()
        };
        let client = Client::open(&self.home, &passcode(), options).await.expect("the vault opens");
        let (mut events, ground, name) = (client.events(), self.ground.clone(), self.name.clone());
        // Ends with the client.
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                if let Event::Offline { why } = event {
                    ground.trace.say(&name, &format!("offline: {why}"));
                    ground.notes().offline.push(why);
                }
            }
        });
        client.connect().await;
        self.client = Some(Arc::new(client));
    }

    /// Dies in the middle of whatever it does, and comes back from its files.
    pub(crate) async fn crash(&mut self) {
        self.end().await;
        self.start().await;
    }

    /// Dies, and has let go of its files.
    pub(crate) async fn end(&mut self) {
        self.commands.shutdown().await;
        self.client = None;
        // Its tasks are gone when they had a turn.
        for _ in 0..self.ground.turns_to_die {
            tokio::task::yield_now().await;
        }
        until_closed(&self.home);
    }

    /// Carries out a command and waits for it.
    pub(crate) async fn execute(&self, command: Command, reach: Reach) -> Result<Answer, Failure> {
        self.client.as_ref().expect("it lives").execute(command, reach).await
    }

    /// Begins a message; what is promised of it is noted.
    pub(crate) fn send(&mut self, conversation: &str, text: String) {
        let client = self.client.clone().expect("it lives");
        let (ground, user, name) = (self.ground.clone(), self.user, self.name.clone());
        ground.notes().named.begins(&text);
        let command = Command::Send {
            conversation: conversation.to_owned(),
            text: text.clone(),
            expires_seconds: None,
        };
        self.commands.spawn(async move {
            let answer = client.execute(command, Reach::Online).await;
            note(&ground, (user, &name), &text, answer);
        });
    }

    /// Begins a change of the conversation, which may also fail in these ways.
    pub(crate) fn change(&mut self, command: Command, may_fail: &'static [FailureKind]) {
        let client = self.client.clone().expect("it lives");
        let (ground, user, name) = (self.ground.clone(), self.user, self.name.clone());
        self.commands.spawn(async move {
            let what = format!("{command:?}");
            let answer = client.execute(command, Reach::Online).await;
            let Err(failure) = answer else { return ground.trace.say(&name, "is changed") };
            ground.trace.say(&name, &format!("fails to change: {failure}"));
            let mut notes = ground.notes();
            if !is_interruption(failure.kind)
                && !may_fail.contains(&failure.kind)
                && !notes.may_be_out(user, &name)
            {
                notes.faults.push(format!("failed: {name}: {what}: {failure}"));
            }
        });
    }

    /// Begins what an administrator does to a device, which has this name in the trace.
    pub(crate) fn act(&mut self, other: &str, device: &str, act: Act) {
        let client = self.client.clone().expect("it lives");
        let (ground, name, other) = (self.ground.clone(), self.name.clone(), other.to_owned());
        let place = ground.notes().named.asks(&other, act);
        let (kind, reason) = match act {
            Act::Revoke => ("revoked", "stolen"),
            Act::Hold => ("held", "lost"),
            Act::Reinstate => ("reinstated", "found"),
        };
        let order = Order { kind: kind.to_owned(), reason: reason.to_owned(), even_own: false };
        let command = Command::AdminDeviceAct { devices: vec![device.to_owned()], act: order };
        self.commands.spawn(async move {
            let answer = client.execute(command, Reach::Online).await;
            let mut notes = ground.notes();
            match answer {
                Ok(_) => {
                    ground.trace.say(&name, &format!("{other} is {kind}"));
                    notes.named.is_answered(&other, place);
                }
                Err(failure) => {
                    ground.trace.say(&name, &format!("{other} is not {kind}: {failure}"));
                    // Nobody can reinstate what is not on hold, or hold what is revoked.
                    let may_be = act != Act::Revoke && failure.kind == FailureKind::Refused;
                    if !is_interruption(failure.kind) && !may_be {
                        notes.faults.push(format!("failed: {other} is not {kind}: {failure}"));
                    }
                }
            }
        });
    }

    /// Waits for the commands under way.
    pub(crate) async fn settle(&mut self) {
        while let Some(ended) = self.commands.join_next().await {
            if let Err(error) = ended {
                self.ground.notes().faults.push(format!("panicked: {}: {error}", self.name));
            }
        }
    }
}

/// What is promised of a message.
pub(crate) fn note(
    ground: &Ground,
    (user, name): (&'static str, &str),
    text: &str,
    answer: Result<Answer, Failure>,
) {
    let mut notes = ground.notes();
    match answer {
        Ok(Answer::Sent(Sent { state, number, .. })) if state == "sent" || state == "queued" => {
            ground.trace.say(name, &format!("{text} is {state} at {number:?}"));
            let sender = Sender { user, name: name.to_owned() };
            notes.accepted.push((sender, Accepted { text: text.to_owned(), number }));
        }
        Err(failure) if is_interruption(failure.kind) => {
            ground.trace.say(name, &format!("{text}: {failure}"))
        }
        other => {
            ground.trace.say(name, &format!("{text} is refused"));
            if !notes.may_be_out(user, name) {
                notes.faults.push(format!("refused: {name}: {text}: {other:?}"));
            }
        }
    }
}

/// What the faults of a scene may come to, as people see it.
pub(crate) fn is_interruption(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Unavailable | FailureKind::Queued)
}

/// Waits until this process holds no file in the folder: a database closes on a thread of its own.
fn until_closed(folder: &Path) {
    let begun = Instant::now();
    let open = || {
        let files = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|file| file.starts_with(folder))
    };
    while open() {
        assert!(begun.elapsed() < Duration::from_secs(20), "a dead device holds its files");
        thread::sleep(Duration::from_micros(100));
    }
}
