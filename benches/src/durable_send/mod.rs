//! How long from "send" to the text at the receiver, with everything durable on the way.
//!
//! The span begins when the sender's command is given and ends when the receiver's event says that there is
//! something to read; that the row is there then is checked by reading it. Its bound is what no way around exists
//! for: the sender's vault must have the advanced ratchet and the ciphertext on disk before anything leaves, the
//! relay the entry before it says so, the receiver the text before it is shown; the message crosses the network
//! to the relay and from it; it is encrypted and decrypted.

mod bound;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use wardline_client_core::{
    api::{Answer, Client, Command, Event, Reach},
    relay::TransportChoice,
};

use self::bound::{Bound, Parts};
use crate::{
    Place,
    bare::text,
    figure::{Aim, Figure, Finding, Quantity},
    samples::Samples,
    scale::Scale,
    ward::{Device, Ward},
};

/// How long a message may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the question.
///
/// # Errors
/// The product or the machine did not do its part; no figure is an error.
pub async fn run(scale: Scale, place: &Place) -> Result<Finding> {
    let ward = Ward::founded(place).await?;
    let users = ["doctor-quic", "nurse-quic", "doctor-tcp", "nurse-tcp"].map(str::to_owned);
    let devices = ward.enrol(&users).await?;
    let folder = TempDir::new_in(&place.folder)?;
    let mut bound = Bound::new(folder.path()).await?;
    let mut ways = [
        Way::open("QUIC", TransportChoice::Quic, &devices[0], &devices[1]).await?,
        Way::open("TCP", TransportChoice::Tcp, &devices[2], &devices[3]).await?,
    ];
    for round in 0..scale.send_warm_up + scale.send_rounds {
        // One of each a round, quiet in between: a slow moment of the machine hits all.
        for way in &mut ways {
            let (shown, read) = way.send(round).await?;
            tokio::time::sleep(scale.pause).await;
            let parts = bound.measure(&*way.echo, round).await?;
            if round >= scale.send_warm_up {
                way.note(shown, read, parts);
            }
        }
    }
    let [quic, tcp] = ways;
    let mut figures = quic.figures();
    figures.extend(tcp.figures());
    figures.push(
        Figure::new(
            Quantity::new("durable send → shown at the receiver, p50: QUIC against TCP", quic.shown.p50()),
            "ms",
            Quantity::new("the same over TCP", tcp.shown.p50()),
            Aim::AtMost(1.3),
        )
        .taken(quic.shown.count(), "")
        .if_missed(WHY_QUIC),
    );
    quic.close().await?;
    tcp.close().await?;
    Ok(Finding { name: "Durable send", method: METHOD.to_owned(), figures })
}

/// A sender and a receiver over one transport.
struct Way {
    name: &'static str,
    sender: Client,
    receiver: Client,
    events: Receiver<Event>,
    /// Another connection of the sender, for bare calls.
    echo: std::sync::Arc<dyn wardline_client_core::relay::Relay>,
    conversation: String,
    shown: Samples,
    read: Samples,
    bound: Samples,
    parts: Vec<Samples>,
    empty_statement: Samples,
}

impl Way {
    async fn open(
        name: &'static str,
        transport: TransportChoice,
        from: &Device,
        to: &Device,
    ) -> Result<Self> {
        let (sender, receiver) = (from.open(transport).await?, to.open(transport).await?);
        let events = receiver.events();
        receiver.execute(Command::Sync, Reach::Online).await?;
        let create = Command::ConversationCreate {
            name: format!("Ward {name}"),
            with: vec![to.user.clone()],
            suite: None,
        };
        let Answer::Changed(changed) = sender.execute(create, Reach::Online).await? else {
            anyhow::bail!("no conversation was made");
        };
        let (echo, over) = sender.connector().connect().await?;
        ensure!(over.eq_ignore_ascii_case(name), "{name} was asked for, and it is {over}");
        let parts = vec![Samples::default(); Parts::NAMES.len()];
        let (shown, read, bound) = (Samples::default(), Samples::default(), Samples::default());
        Ok(Self {
            name,
            sender,
            receiver,
            events,
            echo,
            conversation: changed.conversation,
            shown,
            read,
            bound,
            parts,
            empty_statement: Samples::default(),
        })
    }

    /// Sends a text; how long until it was shown, and until it was read.
    async fn send(&mut self, round: usize) -> Result<(Duration, Duration)> {
        // What came before is not what is waited for.
        while self.events.try_recv().is_ok() {}
        let text = text(round as u64);
        let send = Command::Send {
            conversation: self.conversation.clone(),
            text: text.clone(),
            expires_seconds: None,
        };
        let begun = Instant::now();
        let (answer, arrived) = tokio::join!(
            self.sender.execute(send, Reach::Online),
            shown(&self.receiver, &mut self.events, &self.conversation, &text),
        );
        let (shown, read) = arrived?;
        let Answer::Sent(sent) = answer? else { anyhow::bail!("a message became something else") };
        ensure!(sent.state == "sent", "a message was {}", sent.state);
        Ok((shown.duration_since(begun), read.duration_since(begun)))
    }

    fn note(&mut self, shown: Duration, read: Duration, parts: Parts) {
        self.shown.push_span(shown);
        self.read.push_span(read);
        self.bound.push_span(parts.sum());
        self.empty_statement.push_span(parts.empty_statement);
        self.parts.iter_mut().zip(parts.spans()).for_each(|(samples, span)| samples.push_span(span));
    }

    fn figures(&self) -> Vec<Figure> {
        let count = self.shown.count();
        let parts = Parts::NAMES.iter().zip(&self.parts);
        let parts: Vec<_> = parts.map(|(name, samples)| format!("{name} {:.3}", samples.p50())).collect();
        let note = format!(
            "The text was in hand after {:.2} ms (p50). Parts of the bound, p50 in ms: {}. An empty SQL statement \
             takes {:.3}.",
            self.read.p50(),
            parts.join(", "),
            self.empty_statement.p50()
        );
        let figure = |percentile: &str, value, bound, aim| {
            Figure::new(
                Quantity::new(
                    format!("durable send → shown at the receiver, {}, {percentile}", self.name),
                    value,
                ),
                "ms",
                Quantity::new("three commits + round trip + encrypt + decrypt", bound),
                aim,
            )
            .taken(count, note.clone())
            .if_missed(WHY)
        };
        vec![
            figure("p50", self.shown.p50(), self.bound.p50(), Aim::AtMost(1.3)),
            figure("p99", self.shown.p99(), self.bound.p99(), Aim::None),
        ]
    }

    async fn close(self) -> Result<()> {
        self.sender.close().await?;
        self.receiver.close().await?;
        Ok(())
    }
}

/// When the receiver said that there is something to read, and when its text was in hand.
async fn shown(
    receiver: &Client,
    events: &mut Receiver<Event>,
    conversation: &str,
    text: &str,
) -> Result<(Instant, Instant)> {
    let wait = async {
        loop {
            let number = match events.recv().await {
                Ok(Event::Readable { conversation: of, number }) if of == conversation => number,
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => anyhow::bail!("the receiver is gone"),
            };
            let shown = Instant::now();
            let read = Command::Read {
                conversation: conversation.to_owned(),
                since: Some(number.saturating_sub(1)),
                new: false,
            };
            let Answer::Messages(messages) = receiver.execute(read, Reach::Offline).await? else {
                anyhow::bail!("messages became something else");
            };
            // The entry that let the receiver in is shown too; it is another's.
            if messages.messages.iter().any(|message| message.text == text) {
                return Ok((shown, Instant::now()));
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.context("a message was not shown")?
}

const METHOD: &str = "300 bytes of text, default suite, two members, relay in a process of its own, both clients in \
    one process, all on one file system. From the sender's command to the receiver's event; the row is read and \
    compared after it. The bound is measured in each round, with the same settings and payloads: the sender's vault \
    commit (ratchet rows, ciphertext), one log row, the receiver's vault commit (ratchet rows, text), one call that \
    stores nothing (GetOrganisation) over the same transport, one encryption, one decryption.";

const WHY: &str = "Two causes. (1) Four syncs in a row, not three: the sender writes the text into its outbox in one \
    commit and seals it in another; two more (the relay's answer, the own entry) compete with the receiver's for the \
    same disk. (2) Some sixty SQL statements in a row, each a way to the database library's thread and back: the \
    sender looks up the conversation, then four tables for work, in transactions of four statements each, before it \
    seals. To mend: seal in the commit that queues, when nothing waits before it; read without a transaction; ask for \
    the page check and COMMIT in one statement; note the relay's answer together with the own entry.";

const WHY_QUIC: &str = "HTTP/3 costs more per request than HTTP/2 here: more work in user space, and a call over TCP \
    wakes fewer threads.";
