//! A claim about a relay whose greeting comes after it said that everything is there: the device goes on all the same.

use std::{collections::VecDeque, sync::Arc};

use wardline_identity::{StatementLabel, sign_statement};
use wardline_proto::{
    VERSIONS, in_place,
    relay::{CaughtUp, RelayGreeting, RelayTime, SubscribeResponse, subscribe_response::Event},
};

use super::{
    Link,
    follow::follow,
    refused_test::{Answers, session},
};
use crate::conversation::broken_test::house::House;

/// Whether the device takes itself to have caught up by then: until it does, it sends and acknowledges nothing.
async fn is_caught_up(guard: &'static str, events: fn(RelayGreeting) -> Vec<Event>) -> bool {
    let house = House::found();
    let (key, certificate) = house.relay();
    let time =
        RelayTime { time: Some(house.clock_now().into()), issuers_list_number: 1, ..RelayTime::default() };
    let time = Some(sign_statement(&key, StatementLabel::RelayTime, &time, Some(&certificate)));
    let greeting = RelayGreeting { versions: Some(VERSIONS), time, relay_certificate: certificate.into() };
    let answers = Arc::new(Answers::yes());
    let events = events(greeting).into_iter().map(|event| SubscribeResponse { event: Some(event) });
    *answers.streams.lock().unwrap() = VecDeque::from([events.collect()]);
    let (session, relay, _home) = session(house.phone("doctor-a").await, &answers);
    in_place::arm(guard);
    // It ends when there is nothing more to hear, or at a call that this relay does not know.
    drop(follow(&session, &relay, "quic", || {}).await);
    in_place::disarm(guard);
    matches!(&*session.link.borrow(), Link::Online { caught_up: true, .. })
}

#[tokio::test]
async fn a_greeting_that_comes_late_stops_nobody() {
    assert!(is_caught_up("", |greeting| vec![Event::Greeting(greeting), Event::CaughtUp(CaughtUp {})]).await);
    let late = |greeting| vec![Event::CaughtUp(CaughtUp {}), Event::Greeting(greeting)];
    assert!(is_caught_up("", late).await);
    assert!(!is_caught_up("mutant.greeting_holds_up", late).await, "the guard taken away");
    assert!(!is_caught_up("", |greeting| vec![Event::Greeting(greeting)]).await, "it was never told");
}
