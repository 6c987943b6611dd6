//! Claims about streams that bring Welcomes to conversations that name an open log: they are opened once all else has come, and read
//! from their beginning; and none is lost to others.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use wardline_identity::{StatementLabel, sign_statement};
use wardline_proto::{
    in_place,
    relay::{CaughtUp, Closed, OutOfStep, SubscribeResponse, subscribe_response::Event},
};

use super::{
    Link,
    follow::follow,
    refused_test::{Answers, session},
};
use crate::{
    conversation::{
        broken_test::{
            house::House,
            waits::{names_an_open_log, pretends},
            ward::Log,
        },
        find, list, read,
    },
    vault::tables::conversations,
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

/// Welcomes to so many conversations come that name an open log, and then its end, which names the first of them. Whether that is
/// entered.
async fn entered(guard: &'static str, others: usize) -> bool {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let open = Log::begin(&mut m, &mut [&mut a]).await;
    let mut welcomes = Vec::new();
    for _ in 0..=others {
        welcomes.push(pretends(&mut a, &mut m, &open).await);
    }
    let said = OutOfStep {
        conversation_id: open.conversation.to_wire(),
        number: 1,
        commit_sha256: vec![7; 32].into(),
        said_at: None,
    };
    let device = &m.core.device;
    let report =
        sign_statement(&device.key, StatementLabel::OutOfStep, &said, Some(device.certificate.der()));
    let closed = Closed {
        conversation_id: open.conversation.to_wire(),
        number: 1,
        head: open.head(),
        reports: vec![report],
        successor_id: welcomes[0].0.conversation.to_wire(),
    };
    let event = |event: Event| SubscribeResponse { event: Some(event) };
    let mut first: Vec<_> = welcomes.iter().map(|(_, one)| event(Event::Welcome(one.clone()))).collect();
    first.extend([event(Event::CaughtUp(CaughtUp {})), event(Event::Closed(closed))]);
    let again = vec![event(Event::Welcome(welcomes[0].1.clone()))];
    let answers = Arc::new(Answers::yes());
    *answers.streams.lock().unwrap() = VecDeque::from([first, again, Vec::new()]);
    let (session, relay, _home) = session(a, &answers);
    in_place::arm(guard);
    follow(&session, &relay, "quic", || {}).await.unwrap();
    in_place::disarm(guard);
    let core = session.core().await;
    let mut tx = core.vault.begin("successor").await.unwrap();
    let row = conversations::load(&mut tx, &open.conversation).await.unwrap().unwrap();
    row.line.successor == Some(welcomes[0].0.conversation)
}

#[tokio::test]
async fn a_welcome_that_others_pushed_out_is_asked_for_again_when_it_counts() {
    assert!(entered("", 1).await, "the control");
    assert!(entered("", 16).await);
    assert!(!entered("mutant.early_forgotten", 16).await, "the guard taken away");
}

/// So many steps are done, so many seconds apart, and then everything has been taken in. Whether a command waited for that.
async fn waits_for_all(guard: &'static str, steps: u64, seconds: u64) -> bool {
    let house = House::found();
    let (session, relay, _home) = session(house.phone("doctor-a").await, &Arc::new(Answers::yes()));
    let online = |caught_up| Link::Online { relay: relay.clone(), transport: "quic", caught_up };
    session.relinked(online(false));
    in_place::arm(guard);
    tokio::time::pause();
    let catches_up = async {
        for _ in 0..steps {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            session.stepped(&[]);
        }
        session.relinked(online(true));
        std::future::pending::<()>().await;
    };
    let link = tokio::select! {
        link = session.connected() => link,
        () = catches_up => unreachable!(),
    };
    tokio::time::resume();
    in_place::disarm(guard);
    matches!(link, Link::Online { .. })
}

#[tokio::test]
async fn a_command_waits_for_all_that_there_is_to_take_in_as_long_as_some_of_it_comes() {
    assert!(waits_for_all("", 20, 15).await);
    assert!(!waits_for_all("", 2, 25).await, "the control: nothing came for a while");
    assert!(!waits_for_all("mutant.impatient", 20, 15).await, "the guard taken away");
}
