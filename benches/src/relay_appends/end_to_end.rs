//! The relay's appends as clients have them made: real messages over real connections to a relay in a process of
//! its own, beside calls over the same connections that store nothing.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use tempfile::TempDir;
use tokio::task::JoinSet;
use wardline_client_core::relay::{Relay, TransportChoice};
use wardline_identity::SystemEntropy;
use wardline_proto::{
    ConversationId, Suite,
    relay::{CreateConversationRequest, GetOrganisationRequest, SendRequest},
};

use super::rate;
use crate::{
    Place,
    bare::Sender,
    figure::{Aim, Figure, Quantity},
    samples::Samples,
    scale::Scale,
    ward::{Device, Ward},
};

/// How many senders share a device: the relay takes eight connections of one, half of them over each transport.
const SENDERS_PER_DEVICE: usize = 4;

pub(super) async fn run(scale: Scale, place: &Place) -> Result<Vec<Figure>> {
    let ward = Ward::founded(place).await?;
    let folder = TempDir::new_in(&place.folder)?;
    let users = (0..scale.senders.div_ceil(SENDERS_PER_DEVICE)).map(|number| format!("nurse-{number}"));
    let devices = ward.enrol(&users.collect::<Vec<_>>()).await?;
    let mut doors = [
        Door::open("QUIC", TransportChoice::Quic, &devices, scale, folder.path()).await?,
        Door::open("TCP", TransportChoice::Tcp, &devices, scale, folder.path()).await?,
    ];
    for round in 0..scale.append_warm_up + scale.append_rounds {
        for door in &mut doors {
            let echoes = door.echo(scale.appends_end_to_end).await?;
            let appends = door.append(scale.appends_end_to_end).await?;
            if round >= scale.append_warm_up {
                door.echoes.push(echoes);
                door.appends.push(appends);
            }
        }
    }
    Ok(doors.iter().map(|door| door.figure(scale)).collect())
}

/// The callers over one transport.
struct Door {
    name: &'static str,
    callers: Vec<Caller>,
    /// Encrypts for all of them.
    sender: Sender,
    echoes: Samples,
    appends: Samples,
}

/// A connection and a conversation.
struct Caller {
    relay: Arc<dyn Relay>,
    conversation: ConversationId,
}

impl Door {
    async fn open(
        name: &'static str,
        transport: TransportChoice,
        devices: &[Device],
        scale: Scale,
        folder: &Path,
    ) -> Result<Self> {
        let mut callers = Vec::with_capacity(scale.senders);
        let mut sender = Sender::new(folder).await?;
        for device in devices {
            let client = device.open(transport).await?;
            let connector = client.connector();
            client.close().await?;
            for _ in 0..SENDERS_PER_DEVICE.min(scale.senders - callers.len()) {
                let (relay, over) = connector.connect().await?;
                ensure!(over.eq_ignore_ascii_case(name), "{name} was asked for, and it is {over}");
                let conversation = ConversationId::from_bytes(SystemEntropy.array()?);
                let create = CreateConversationRequest {
                    conversation_id: conversation.to_wire(),
                    cipher_suite: u32::from(Suite::ALL[0].code()),
                    predecessor: None,
                };
                relay.create_conversation(create).await?;
                sender.make(conversation).await?;
                callers.push(Caller { relay, conversation });
            }
        }
        Ok(Self { name, callers, sender, echoes: Samples::default(), appends: Samples::default() })
    }

    /// Every caller calls so often, one call after the other; all callers at once.
    async fn echo(&self, each: usize) -> Result<f64> {
        let mut calling = JoinSet::new();
        let begun = Instant::now();
        for caller in &self.callers {
            let relay = caller.relay.clone();
            calling.spawn(async move {
                for _ in 0..each {
                    relay.get_organisation(GetOrganisationRequest {}).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(called) = calling.join_next().await {
            called??;
        }
        Ok(rate(self.callers.len() * each, begun.elapsed()))
    }

    /// Every caller sends so many messages, one after the other; all callers at once. They were encrypted before.
    async fn append(&mut self, each: usize) -> Result<f64> {
        let Self { callers, sender, .. } = self;
        let requests: Result<Vec<_>> = callers.iter().map(|caller| caller.requests(sender, each)).collect();
        let mut sending = JoinSet::new();
        let begun = Instant::now();
        for (caller, requests) in callers.iter().zip(requests?) {
            let relay = caller.relay.clone();
            sending.spawn(async move {
                for request in requests {
                    relay.send(request).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        Ok(rate(self.callers.len() * each, begun.elapsed()))
    }

    fn figure(&self, scale: Scale) -> Figure {
        let question = format!("relay appends, {} senders, end to end over {}", scale.senders, self.name);
        let bound = Quantity::new("a call that stores nothing, same callers", self.echoes.p50());
        Figure::new(Quantity::new(question, self.appends.p50()), "/s", bound, Aim::AtLeast(0.6))
            .taken(self.appends.count() * scale.senders * scale.appends_end_to_end, "")
            .if_missed(WHY)
    }
}

impl Caller {
    fn requests(&self, sender: &mut Sender, count: usize) -> Result<Vec<SendRequest>> {
        let messages = sender.messages(self.conversation, count)?;
        messages
            .into_iter()
            .map(|message| {
                Ok(SendRequest {
                    conversation_id: self.conversation.to_wire(),
                    client_message_id: Bytes::copy_from_slice(&SystemEntropy.array::<16>()?),
                    message,
                })
            })
            .collect()
    }
}

const WHY: &str = "The one writer is the limit: its rate in process, less what the callers and the transport take of the \
    same cores. What mends the appends in process mends this.";
