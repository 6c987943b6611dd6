//! A claim about a stream that brings a Welcome to a conversation that names an open log: it is opened once all else has come, and
//! read from its beginning.

use std::{collections::VecDeque, sync::Arc};

use wardline_proto::{
    in_place,
    relay::{CaughtUp, SubscribeResponse, subscribe_response::Event},
};

use super::{
    follow::follow,
    refused_test::{Answers, session},
};
use crate::conversation::{
    broken_test::{waits::names_an_open_log, ward::House},
    find, list, read,
};

/// A device connects twice, so many seconds apart. What it shows after each, and what it reads there.
async fn connects(guard: &'static str, seconds: u64) -> (Vec<Vec<String>>, Vec<String>) {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let (mut next, welcome) = names_an_open_log(&mut a, &mut m).await;
    next.talk(&mut m, "hello", &mut []).await;
    let welcome = || Event::Welcome(welcome.clone());
    let entries = || next.entries.iter().cloned().map(Event::Entry);
    let caught_up = || Event::CaughtUp(CaughtUp {});
    let stream = |events: Vec<Event>| -> Vec<SubscribeResponse> {
        events.into_iter().map(|event| SubscribeResponse { event: Some(event) }).collect()
    };
    let all = || stream([welcome()].into_iter().chain(entries()).chain([caught_up()]).collect());
    let read_on = stream(entries().chain([caught_up()]).collect());
    let answers = Arc::new(Answers::yes());
    let (session, relay, _home) = session(a, &answers);
    in_place::arm(guard);
    let mut states = Vec::new();
    for streams in [vec![all()], vec![all(), read_on]] {
        *answers.streams.lock().unwrap() = VecDeque::from(streams);
        follow(&session, &relay, "quic", || {}).await.unwrap();
        let core = session.core().await;
        let shown = list(&core).await.unwrap().into_iter().filter(|one| one.name == "Pretends");
        states.push(shown.map(|one| one.state).collect());
        house.clock.advance_seconds(seconds);
    }
    in_place::disarm(guard);
    let core = session.core().await;
    let mut texts = Vec::new();
    if let Ok(row) = find(&core, "Pretends").await {
        let lines = read(&core, &row, Some(wardline_proto::EntryNumber::ZERO), false).await.unwrap();
        texts.extend(lines.into_iter().filter(|one| one.kind == "text").map(|one| one.text));
    }
    (states, texts)
}

#[tokio::test]
async fn what_names_an_open_log_is_opened_once_all_else_has_come_and_read_from_its_beginning() {
    let states = |first: &str, then: &str| {
        [first, then].map(|state| if state.is_empty() { vec![] } else { vec![state.to_owned()] }).to_vec()
    };
    assert_eq!(connects("", 5).await, (states("waiting", "waiting"), vec![]), "the control");
    assert_eq!(connects("", 61).await, (states("waiting", "active"), vec!["hello".to_owned()]));
    assert_eq!(
        connects("mutant.hidden_while_open", 61).await,
        (states("", ""), vec![]),
        "the guard taken away"
    );
}
