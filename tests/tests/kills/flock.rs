//! Devices of one conversation that send without pause through their owners' sockets, and what became of it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use wardline_client_core::api::{Answer, Command, Reach};
use wardline_tests::{Accepted, Device, Line, Owner, Transcript, Ward, programs};

use crate::one_shots::Runner;

/// Senders a device.
const SENDERS: usize = 3;
/// How long everything may take to go out once nobody is killed any more.
const SETTLING: Duration = Duration::from_secs(90);

/// What a device's senders have under way.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    unanswered: AtomicUsize,
    cut: AtomicUsize,
}

impl Desk {
    /// How many requests the owner has not answered.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::SeqCst)
    }

    /// How many requests ended with the owner instead of an answer.
    pub(crate) fn cut(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }
}

/// What became of the messages.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    /// Sent or queued: to be delivered.
    pub(crate) accepted: Vec<Accepted>,
    /// Refused, or failed, and why.
    pub(crate) refused: Vec<String>,
}

/// The devices, their owners and senders.
pub(crate) struct Flock {
    pub(crate) owners: Vec<Owner>,
    pub(crate) desks: Vec<Arc<Desk>>,
    pub(crate) ward: Ward,
    /// Sends by one process a message.
    pub(crate) runner: Runner,
    devices: Vec<Device>,
    sleeper: Device,
    conversation: String,
    acknowledged: Arc<AtomicUsize>,
    fates: Arc<Mutex<Fates>>,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

impl Flock {
    /// A conversation of people whose devices are connected, of one whose device is not, and of one whose device runs
    /// one command after the other.
    pub(crate) fn gather(users: [&str; 3], sleeper: &str, runner: &str) -> Self {
        let ward = Ward::founded(programs!());
        let [first, second, third, sleeper, runner] =
            ward.people([users[0], users[1], users[2], sleeper, runner]);
        let mut create = vec!["conversation", "create", "Night"];
        for other in [&second, &third, &sleeper, &runner] {
            create.extend(["--with", &other.user]);
        }
        let created = first.ask(&create);
        let conversation = created["conversation"].as_str().unwrap().to_owned();
        runner.cli(&["sync"]).good();
        let runner = Runner::new(runner, conversation.clone());
        let devices = vec![first, second, third];
        for device in &devices {
            device.cli(&["sync"]).good();
        }
        let owners = devices.iter().map(Device::follow).collect();
        let desks = devices.iter().map(|_| Arc::default()).collect();
        Self {
            owners,
            desks,
            ward,
            runner,
            devices,
            sleeper,
            conversation,
            acknowledged: Arc::default(),
            fates: Arc::default(),
            stop: Arc::default(),
            senders: Vec::new(),
        }
    }

    /// Starts the senders.
    pub(crate) fn send(&mut self) {
        for (device, desk) in self.devices.iter().zip(&self.desks) {
            for place in 0..SENDERS {
                let sender = Sender {
                    device: device.clone(),
                    place,
                    conversation: self.conversation.clone(),
                    desk: desk.clone(),
                    acknowledged: self.acknowledged.clone(),
                    fates: self.fates.clone(),
                    stop: self.stop.clone(),
                };
                self.senders.push(thread::spawn(move || sender.run()));
            }
        }
    }

    /// Kills a one-shot process; whether it was in flight.
    pub(crate) fn kill_one_shot(&mut self, pause: Duration, frozen: bool) -> bool {
        let ran = self.runner.kill(&self.ward.relay, pause, frozen);
        let mut fates = self.fates.lock().unwrap();
        fates.accepted.extend(ran.accepted);
        fates.refused.extend(ran.refused);
        ran.in_flight
    }

    /// How many messages the relay has acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Lets the senders go on until so many are acknowledged.
    pub(crate) fn until_acknowledged(&self, count: usize) {
        let until = Instant::now() + SETTLING;
        while self.acknowledged() < count && Instant::now() < until {
            sleep(Duration::from_millis(20));
        }
    }

    /// Ends the senders; what became of their messages.
    pub(crate) fn stop_sending(&mut self) -> Fates {
        self.stop.store(true, Ordering::SeqCst);
        for sender in self.senders.drain(..) {
            sender.join().unwrap();
        }
        std::mem::take(&mut self.fates.lock().unwrap())
    }

    /// Waits until all devices stand at the same entry with empty outboxes, or the time is up; then what each
    /// shows, read from its vault by a new process.
    pub(crate) fn settle(mut self) -> Vec<Transcript> {
        self.runner.device.cli(&["sync"]).good();
        let until = Instant::now() + SETTLING;
        while Instant::now() < until && !self.is_settled() {
            sleep(Duration::from_millis(100));
        }
        self.owners.iter_mut().for_each(|owner| owner.process.kill());
        let away = [&self.sleeper, &self.runner.device];
        away.iter().for_each(|device| drop(device.cli(&["sync"]).good()));
        self.devices.iter().chain(away).map(|device| self.transcript(device)).collect()
    }

    fn is_settled(&self) -> bool {
        let stand = |device: &Device| {
            let mut line = Line::to(&device.home)?;
            let Ok(Answer::Outbox(outbox)) = line.execute(Command::OutboxList, Reach::Offline)? else {
                return None;
            };
            let show = Command::ConversationShow { conversation: self.conversation.clone() };
            let Ok(Answer::Conversation(detail)) = line.execute(show, Reach::Offline)? else { return None };
            outbox.outbox.is_empty().then_some(detail.number)
        };
        let stands: Vec<Option<u64>> = self.devices.iter().map(stand).collect();
        stands.iter().all(|stand| stand.is_some() && *stand == stands[0])
    }

    fn transcript(&self, device: &Device) -> Transcript {
        let entries = device
            .ask_all(&["read", &self.conversation, "--offline"])
            .iter()
            .filter(|one| one["kind"] != "event")
            .map(|one| {
                let (kind, text) = (one["kind"].as_str().unwrap(), one["text"].as_str().unwrap());
                let shown = if kind == "text" { text.to_owned() } else { format!("({kind})") };
                (one["number"].as_u64().unwrap(), shown)
            })
            .collect();
        let waiting = device.ask(&["outbox", "list", "--offline"])["outbox"].as_array().unwrap().len();
        Transcript { device: device.user.clone(), entries, waiting }
    }
}

/// One of a device's senders: one message after the other, each once.
struct Sender {
    device: Device,
    place: usize,
    conversation: String,
    desk: Arc<Desk>,
    acknowledged: Arc<AtomicUsize>,
    fates: Arc<Mutex<Fates>>,
    stop: Arc<AtomicBool>,
}

impl Sender {
    fn run(self) {
        let mut line = None;
        for number in 0_u32.. {
            while line.is_none() {
                if self.stop.load(Ordering::SeqCst) {
                    return;
                }
                line = Line::to(&self.device.home);
                sleep(Duration::from_millis(5));
            }
            let text = format!("{} {}.{number}", self.device.user, self.place);
            if !line.as_mut().is_some_and(|line| self.send(line, text)) {
                line = None;
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    /// Sends one message; false if the owner went. Then nobody knows whether it was taken on: it may be shown once
    /// or never.
    fn send(&self, line: &mut Line, text: String) -> bool {
        let command = Command::Send {
            conversation: self.conversation.clone(),
            text: text.clone(),
            expires_seconds: None,
        };
        self.desk.unanswered.fetch_add(1, Ordering::SeqCst);
        let answer = line.execute(command, Reach::Online);
        self.desk.unanswered.fetch_sub(1, Ordering::SeqCst);
        let mut fates = self.fates.lock().unwrap();
        match answer {
            Some(Ok(Answer::Sent(sent))) if sent.state == "sent" => {
                fates.accepted.push(Accepted { text, number: sent.number });
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            Some(Ok(Answer::Sent(sent))) if sent.state == "queued" => {
                fates.accepted.push(Accepted { text, number: None });
                drop(fates);
                // Away from the relay, a person does not type on as fast.
                sleep(Duration::from_millis(100));
            }
            Some(other) => fates.refused.push(format!("{text}: {other:?}")),
            None => {
                drop(fates);
                self.desk.cut.fetch_add(1, Ordering::SeqCst);
                return false;
            }
        }
        true
    }
}
