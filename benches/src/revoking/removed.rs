//! A person's removal, by the size of the conversation.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use wardline_client_core::{
    api::{Answer, Client, Command, Event, Reach},
    relay::TransportChoice,
};

use super::{PATIENCE, changed};
use crate::{
    Place,
    figure::{Aim, Figure, Quantity},
    samples::Samples,
    scale::Scale,
    ward::Ward,
};

/// Published production figures of another product, by members, in milliseconds: other machines and networks.
const PUBLISHED: [(usize, f64); 3] = [(50, 139.0), (250, 237.0), (400, 320.0)];

const WHY: &str = "A removal from a tree of members that never spoke encrypts a new path to each of them singly; the tree fills as they do.";

/// The figures.
pub(super) async fn run(scale: Scale, place: &Place) -> Result<Vec<Figure>> {
    let ward = Ward::founded(place).await?;
    let most = scale.removed_from.iter().copied().max().unwrap_or_default();
    let users: Vec<String> = (0..most).map(|number| format!("person-{number:03}")).collect();
    let mut devices = Vec::new();
    for users in users.chunks(ENROLLED_AT_ONCE) {
        devices.extend(ward.enrol(users).await?);
        eprint!("\r  {} of {most} devices ", devices.len());
    }
    eprintln!();
    let keeper = devices[0].open(TransportChoice::Auto).await?;
    let member = devices[1].open(TransportChoice::Auto).await?;
    let mut figures = Vec::new();
    for count in scale.removed_from {
        let conversation = conversation_of(&keeper, &users[..count], scale.removals).await?;
        member.execute(Command::Sync, Reach::Online).await?;
        let mut events = member.events();
        let mut samples = Samples::default();
        for user in users[2..count].iter().rev().take(scale.removals) {
            samples.push_span(remove(&keeper, (&member, &mut events), &conversation, user).await?);
        }
        figures.push(figure(count, &samples));
    }
    keeper.close().await?;
    member.close().await?;
    Ok(figures)
}

/// Devices that enrol side by side.
const ENROLLED_AT_ONCE: usize = 25;
/// People that one change adds.
const ADDED_AT_ONCE: usize = 100;

/// How many the relay takes of one device in a conversation: what is measured is to find room.
const CHANGES_A_MINUTE: usize = 10;

/// A conversation of all of them, by the first; so many removals follow.
async fn conversation_of(keeper: &Client, users: &[String], removals: usize) -> Result<String> {
    let name = format!("Ward of {}", users.len());
    let with = users[1..users.len().min(ADDED_AT_ONCE)].to_vec();
    let conversation = changed(keeper, Command::ConversationCreate { name, with, suite: None }).await?;
    for users in users[users.len().min(ADDED_AT_ONCE)..].chunks(ADDED_AT_ONCE) {
        let add = Command::ConversationAdd { conversation: conversation.clone(), users: users.to_vec() };
        changed(keeper, add).await?;
    }
    if users.len().div_ceil(ADDED_AT_ONCE) + removals > CHANGES_A_MINUTE {
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    Ok(conversation)
}

/// From the command to the event that shows it to another member, who looks.
async fn remove(
    keeper: &Client,
    (member, events): (&Client, &mut Receiver<Event>),
    conversation: &str,
    user: &str,
) -> Result<Duration> {
    while events.try_recv().is_ok() {}
    let begun = Instant::now();
    let command =
        Command::ConversationRemove { conversation: conversation.to_owned(), user: user.to_owned() };
    let (removed, shown) = tokio::join!(changed(keeper, command), shown(member, events, conversation, user));
    removed?;
    Ok(shown?.duration_since(begun))
}

async fn shown(
    member: &Client,
    events: &mut Receiver<Event>,
    conversation: &str,
    user: &str,
) -> Result<Instant> {
    let wait = async {
        loop {
            match events.recv().await {
                Ok(Event::Readable { .. }) | Err(RecvError::Lagged(_)) => {}
                Ok(_) => continue,
                Err(RecvError::Closed) => anyhow::bail!("the member's client ended"),
            }
            let now = Instant::now();
            let show = Command::ConversationShow { conversation: conversation.to_owned() };
            let Answer::Conversation(detail) = member.execute(show, Reach::Offline).await? else {
                anyhow::bail!("a conversation became something else");
            };
            if detail.members.iter().all(|one| one.user != user) {
                return Ok(now);
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.context("a removal was not shown")?
}

fn figure(count: usize, samples: &Samples) -> Figure {
    let published = PUBLISHED.iter().find(|(members, _)| *members == count);
    let bound = published.map_or(PUBLISHED[0].1, |(_, bound)| *bound);
    Figure::new(
        Quantity::new(format!("remove, {count} members, shown to another, p50"), samples.p50()),
        "ms",
        Quantity::new("published production figure of a peer, other conditions", bound),
        Aim::AtMost(1.0),
    )
    .taken(samples.count(), format!("Slowest: {:.0} ms.", samples.percentile(100)))
    .if_missed(WHY)
}
