//! Claims about streams that bring Welcomes to conversations that name an open log: they are opened once all else has come, and read
//! from their beginning; and none is lost to others.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use wardline_identity::{StatementLabel, sign_statement};
use wardline_proto::{
    in_place,
    relay::{CaughtUp, Closed, OutOfStep, SubscribeResponse, subscribe_response::Event},
};

use super::{
    Link, Session,
    follow::follow,
    link::{Connected, Connector},
    look_through::look_through,
    refused_test::{Answers, session},
};
use crate::{
    conversation::{
        broken_test::{
            house::House,
            lists::Lists,
            waits::{names_an_open_log, pretends},
            ward::Log,
        },
        find, list, read,
    },
    relay::RelayError,
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

/// A relay that cannot be reached.
#[derive(Default)]
struct Gone {
    tries: AtomicU32,
}

impl Connector for Gone {
    fn connect(&self) -> BoxFuture<'_, Result<Connected, RelayError>> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        let source = std::io::Error::other("there is none").into();
        Box::pin(async { Err(RelayError::Unavailable { source, retry_after: None }) })
    }
}

/// A relay is gone for so long that it is looked for seldom; then a command comes. How often it is looked for by then, and how long the
/// command waits, in seconds.
async fn looks_again(guard: &'static str) -> (u32, u64) {
    let (core, _home) = House::found().phone("doctor-a").await.taken_apart();
    let gone = Arc::new(Gone::default());
    let session = Session::new(core, gone.clone());
    in_place::arm(guard);
    tokio::time::pause();
    let command = async {
        // Until the pauses are long, and one has just begun.
        let mut link = session.link.subscribe();
        for _ in 0..12 {
            let _ = link.changed().await;
        }
        let (began, tries) = (tokio::time::Instant::now(), gone.tries.load(Ordering::SeqCst));
        assert!(matches!(session.connected().await, Link::Offline(_)));
        (gone.tries.load(Ordering::SeqCst) - tries, began.elapsed().as_secs())
    };
    let looked = tokio::select! {
        biased;
        looked = command => looked,
        () = session.keep_connected() => unreachable!(),
    };
    tokio::time::resume();
    in_place::disarm(guard);
    looked
}

#[tokio::test]
async fn a_command_has_the_relay_looked_for_at_once_however_long_it_was_gone() {
    assert_eq!(looks_again("").await, (1, 0));
    assert_eq!(looks_again("mutant.unhurried").await, (0, 0), "the guard taken away");
}

/// A list has come by which nobody has looked through the conversations yet, which is done half a second later. Whether it was by the time
/// that there was nothing left to wait for.
async fn leaves_after_looking(guard: &'static str) -> bool {
    let house = House::found();
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[]);
    let (session, _, _home) = session(house.phone("doctor-a").await, &Arc::new(Answers::yes()));
    lists.comes_to(&mut *session.core().await).await.unwrap();
    in_place::arm(guard);
    let looks = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        look_through(&session).await.unwrap();
        session.stepped(&[]);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        waited = session.drained() => waited.unwrap(),
        () = looks => unreachable!(),
    }
    in_place::disarm(guard);
    session.core().await.list.looked == lists.number()
}

/// A device that only looked in left before it had put out whom it had just heard of.
#[tokio::test]
async fn a_device_that_only_looks_in_puts_out_first_whoever_must_go() {
    assert!(leaves_after_looking("").await);
    assert!(!leaves_after_looking("mutant.leaves_unlooked").await, "the guard taken away");
}
