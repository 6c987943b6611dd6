//! `Subscribe`: the one stream of a device, over all its conversations.

mod feed;
mod lies;
mod place;
mod replacements;
mod tasks;

use std::{collections::HashMap, pin::Pin, sync::Arc};

use futures::{Stream, stream};
use tonic::{Request, Status};
use wardline_proto::relay::subscribe_response::Event;
use wardline_proto::relay::{SubscribeRequest, SubscribeResponse};

use super::ack;
use crate::service::{authorise, greeting, status};
use crate::state::Relay;
use feed::Feed;

/// What the caller receives.
pub(super) type EventStream = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

pub(super) async fn answer(
    relay: &Arc<Relay>,
    request: Request<SubscribeRequest>,
) -> Result<EventStream, Status> {
    let certificate = authorise::member(relay, &request)?.certificate;
    let request = request.into_inner();
    let software = greeting::check(request.greeting.as_ref(), &relay.revocations.policy())?.to_owned();
    if request.cursors.len() > CURSORS_MAX {
        return Err(status::field_invalid("cursors", "at most 100,000"));
    }
    let mut cursors = HashMap::with_capacity(request.cursors.len());
    for cursor in &request.cursors {
        let cursor = ack::cursor(cursor)?;
        cursors.insert(cursor.conversation, cursor.number);
    }
    relay.connections.says(certificate.device(), &software);
    let mut feed = Feed::open(relay, (certificate, software), cursors).await?;
    feed.say(Event::Greeting(greeting::of(relay).await?));
    Ok(Box::pin(stream::unfold(Some(feed), |feed| async {
        let mut feed = feed?;
        match feed.next().await {
            Ok(event) => Some((Ok(SubscribeResponse { event: Some(event) }), Some(feed))),
            Err(end) => Some((Err(end), None)),
        }
    })))
}

/// More conversations than a device is in; what is beyond the request's size limit never gets here.
const CURSORS_MAX: usize = 100_000;
