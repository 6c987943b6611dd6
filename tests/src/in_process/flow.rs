//! A device's stream, with what goes wrong on its way.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use wardline_client_core::relay::RelayError;
use wardline_proto::relay::{SubscribeResponse, subscribe_response::Event};

use super::{Fault, Faults};

type Step = Result<SubscribeResponse, RelayError>;

/// How long an event waits for the next one to overtake it.
const OVERTAKING: Duration = Duration::from_millis(400);

struct Flow<S> {
    events: S,
    faults: Arc<Faults>,
    /// Comes before anything else.
    next: Option<Step>,
}

/// The events as they arrive.
pub(super) fn flow(
    events: impl Stream<Item = Step> + Send + Unpin,
    faults: Arc<Faults>,
) -> impl Stream<Item = Step> + Send {
    stream::unfold(Flow { events, faults, next: None }, |mut flow| async {
        let step = flow.step().await?;
        flow.faults.say(&shape(&step));
        Some((step, flow))
    })
}

impl<S: Stream<Item = Step> + Unpin> Flow<S> {
    async fn step(&mut self) -> Option<Step> {
        if let Some(step) = self.next.take() {
            return Some(step);
        }
        let step = self.events.next().await?;
        let Ok(event) = &step else { return Some(step) };
        match self.faults.next_event() {
            Some(Fault::DelayEvent(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Some(Fault::RepeatEvent) => self.next = Some(Ok(event.clone())),
            Some(Fault::SwapEvents) => {
                if let Ok(Some(overtaking)) = tokio::time::timeout(OVERTAKING, self.events.next()).await {
                    self.next = Some(step);
                    return Some(overtaking);
                }
            }
            _ => {}
        }
        Some(step)
    }
}

/// What an event is, in short.
fn shape(step: &Step) -> String {
    let event = match step {
        Ok(SubscribeResponse { event: Some(event) }) => event,
        Ok(_) => return "hears nothing".to_owned(),
        Err(error) => return format!("hears no more: {error}"),
    };
    match event {
        Event::Greeting(_) => "hears a greeting".to_owned(),
        Event::Entry(entry) => format!("hears entry {} of kind {}", entry.number, entry.kind),
        Event::Welcome(welcome) => format!("hears a welcome at {}", welcome.number),
        Event::Removed(removed) => format!("hears that it is out by {}", removed.number),
        Event::CaughtUp(_) => "has caught up".to_owned(),
        Event::Place(place) => format!("hears its place at {}", place.number),
        Event::KeyPackagesLow(_) => "runs low of packages".to_owned(),
        _ => "hears of a task".to_owned(),
    }
}
