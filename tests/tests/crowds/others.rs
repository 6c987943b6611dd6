//! The others: devices on a thread of their own that send a message every now and then, and time the answer.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use wardline_client_core::relay::{ConnectOptions, Relay as _, RelayConnection};
use wardline_identity::SystemEntropy;
use wardline_proto::relay as pb;

use crate::{
    house::{House, door},
    size,
};

/// How many there are; the first devices of a house.
pub(crate) const OTHERS: usize = 8;

/// The pause between a device's messages.
const PACE: Duration = Duration::from_millis(40);

/// What each sends at least, however long a slow disk takes over it.
const FEWEST: usize = 8;

/// Below this a p99 says more about the machine than about the relay.
const NOISE: Duration = Duration::from_millis(15);

/// How often it is measured before it is believed.
const ROUNDS: usize = 5;

/// How much worse it may get; asserted when the crowds come in full, on a machine with nothing else to do.
const FACTOR: u32 = 3;

/// What it is else, however busy the machine is.
const GENEROUS: Duration = Duration::from_secs(3);

/// The thread; it ends with this.
pub(crate) struct Others {
    ask: Option<Sender<Duration>>,
    answers: Receiver<Vec<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Others {
    /// Connects them and opens a conversation each.
    pub(crate) fn begin(house: &House) -> Self {
        let (ask, asked) = channel::<Duration>();
        let (answer, answers) = channel();
        let options: Vec<_> = (0..OTHERS).map(|device| house.options(device, door(device))).collect();
        let thread = thread::spawn(move || {
            // Its worker runs their connections also while nobody measures: who takes no answers is cut.
            let runtime = crate::house::runtime();
            let mut all = Vec::new();
            for one in options {
                all.push(runtime.block_on(Talker::begin(one)));
            }
            while let Ok(span) = asked.recv() {
                let talks = all.iter().enumerate().map(|(number, one)| one.talk(number, span));
                let times = runtime.block_on(futures::future::join_all(talks)).concat();
                if answer.send(times).is_err() {
                    return;
                }
            }
        });
        Self { ask: Some(ask), answers, thread: Some(thread) }
    }

    /// Begins to measure.
    pub(crate) fn start(&self, span: Duration) {
        self.ask.as_ref().and_then(|ask| ask.send(span).ok()).expect("they are there");
    }

    /// What was measured: the p99.
    pub(crate) fn p99(&self) -> Duration {
        self.p99_if_served().expect("every message was taken")
    }

    /// The same; `None` if one of them was not served.
    pub(crate) fn p99_if_served(&self) -> Option<Duration> {
        let mut times = self.answers.recv().ok()?;
        times.sort_unstable();
        let count = times.len();
        assert!(count >= OTHERS * FEWEST, "so few say nothing: {count}");
        Some(times[count - 1 - count / 100])
    }

    /// Measures now.
    pub(crate) fn measure(&self, span: Duration) -> Duration {
        self.start(span);
        self.p99()
    }
}

/// Asserts that the p99 under the crowd is at most three times that of just before, or in any case within a few seconds where
/// the crowd is a small one. Where the machine had something else to do, both are measured again.
pub(crate) fn assert_served(what: &str, mut round: impl FnMut() -> (Duration, Duration)) {
    for _ in 0..ROUNDS {
        let (before, under) = round();
        let bound = (before.max(NOISE) * FACTOR).max(size(GENEROUS, Duration::ZERO));
        println!("{what}: p99 of the others {before:?} before, {under:?} under, bound {bound:?}");
        if under <= bound {
            return;
        }
    }
    panic!("{what}: the others are not served as before, {ROUNDS} times over");
}

impl Drop for Others {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was the scene's own end.
            let _ = thread.join();
        }
    }
}

struct Talker {
    relay: RelayConnection,
    conversation: [u8; 16],
}

impl Talker {
    async fn begin(options: ConnectOptions) -> Self {
        let relay = RelayConnection::connect(&options).await.expect("a connection");
        Self { conversation: conversation(&relay).await, relay }
    }

    async fn talk(&self, number: usize, span: Duration) -> Vec<Duration> {
        let begun = Instant::now();
        // Not all at the same moment.
        let share = PACE * u32::try_from(number).unwrap_or(0) / 8;
        tokio::time::sleep(share).await;
        let mut times = Vec::new();
        while begun.elapsed() < span || times.len() < FEWEST {
            let sent = Instant::now();
            let taken = self.relay.send(message(&self.conversation, 256)).await;
            taken.unwrap_or_else(|error| panic!("one of the others is not served: {error:?}"));
            times.push(sent.elapsed());
            tokio::time::sleep(PACE.saturating_sub(sent.elapsed())).await;
        }
        times
    }
}

/// A conversation of this device alone.
pub(crate) async fn conversation(relay: &RelayConnection) -> [u8; 16] {
    let id: [u8; 16] = SystemEntropy.array().expect("randomness");
    let request = pb::CreateConversationRequest {
        conversation_id: id.to_vec().into(),
        cipher_suite: 1,
        ..pb::CreateConversationRequest::default()
    };
    relay.create_conversation(request).await.expect("a conversation");
    id
}

/// A message as the relay sees it: a PrivateMessage of epoch 0, whose ciphertext is opaque to it.
pub(crate) fn message(conversation: &[u8; 16], ciphertext_bytes: usize) -> pb::SendRequest {
    use prost::Message as _;
    let life = pb::MessageData { life_seconds: 3_600 };
    let data = pb::AuthenticatedData { kind: Some(pb::authenticated_data::Kind::Message(life)) };
    let message = [
        &[0, 1, 0, 2],
        &vector(conversation)[..],
        &[0; 8],
        &[1],
        &vector(&data.encode_to_vec()),
        &vector(&[5; 28]),
        &vector(&vec![6; ciphertext_bytes]),
    ];
    let id: [u8; 16] = SystemEntropy.array().expect("randomness");
    pb::SendRequest {
        conversation_id: conversation.to_vec().into(),
        client_message_id: id.to_vec().into(),
        message: message.concat().into(),
    }
}

/// `opaque<V>` (RFC 9420 §2.1.2).
fn vector(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    let head = match length {
        0..64 => vec![u8::try_from(length).expect("short")],
        64..16_384 => (length | 0x4000).to_be_bytes()[2..].to_vec(),
        _ => (length | 0x8000_0000).to_be_bytes().to_vec(),
    };
    [&head[..], bytes].concat()
}
