//! Claims about what rests: what the relay asks a report to wait for holds back nothing else, and nothing else holds back a report.
//! Real vaults and groups, and a relay that answers what the scene says.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use wardline_proto::{Reason, in_place, relay::RemovalGround};

use super::{
    outbox::{Passing, pass},
    refused_test::{Answers, session},
};
use crate::{
    conversation::{
        Change,
        add_anew::add_anew,
        broken_test::{
            house::House,
            scene::{commit, lets_back, member, without_commits},
            ward::Log,
        },
        encode, join, receive, report,
    },
    vault::tables::conversations::{self, Standing},
};

/// A device cannot follow and says so, has something to say, and is let in again. How many reports and messages the relay got
/// before that, and after.
async fn let_in_again(guard: &'static str, wait: Option<Duration>) -> [(u32, u32); 2] {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    commit(&mut log, &mut a, Change::default(), &mut []).await;
    log.deliver_altered(&mut b, without_commits).await;
    b.say(&conversation, "waits").await;
    let welcome = lets_back(&mut log, &mut a, &b, &mut []).await.expect("it is added anew");
    let answers = Arc::new(Answers { reports: wait, ..Answers::yes() });
    let (session, relay, _home) = session(b, &answers);
    in_place::arm(guard);
    let mut passing = Passing::default();
    pass(&session, &relay, &mut passing).await.unwrap();
    pass(&session, &relay, &mut passing).await.unwrap();
    let before = *answers.came.lock().unwrap();
    {
        let mut core = session.core().await;
        assert!(!join(&mut core, &log.delivery(&welcome)).await.unwrap().is_empty(), "it is in again");
        receive(&mut core, log.entries.last().unwrap()).await.unwrap();
    }
    pass(&session, &relay, &mut passing).await.unwrap();
    in_place::disarm(guard);
    let after = *answers.came.lock().unwrap();
    [before, after]
}

#[tokio::test]
async fn who_is_let_in_again_talks_at_once_however_long_its_reports_have_to_wait() {
    let wait = Some(Duration::from_secs(400));
    assert_eq!(let_in_again("", None).await, [(1, 0), (1, 1)], "the control: it was said, and heard");
    assert_eq!(let_in_again("", wait).await, [(1, 0), (1, 1)]);
    assert_eq!(let_in_again("mutant.rests_on", wait).await, [(1, 0), (1, 0)], "the guard taken away");
}

/// A message is refused for a while, and then the device cannot follow. How many reports came.
async fn said_at_once(guard: &'static str, refused: Option<Reason>) -> u32 {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    b.say(&conversation, "too much").await;
    commit(&mut log, &mut a, Change::default(), &mut []).await;
    let mut entry = log.entries.last().unwrap().clone();
    without_commits(&mut entry);
    let asked = Arc::new(Mutex::new(0));
    let counted = asked.clone();
    let sends = Box::new(move |_: &_| {
        *counted.lock().unwrap() += 1;
        refused
    });
    let answers = Arc::new(Answers { sends, ..Answers::yes() });
    let (session, relay, _home) = session(b, &answers);
    in_place::arm(guard);
    let mut passing = Passing::default();
    for _ in 0..2 {
        pass(&session, &relay, &mut passing).await.unwrap();
    }
    assert_eq!(*asked.lock().unwrap(), 1, "it rests, or is sent");
    // Bytes that are said to be withheld are asked for once more.
    for _ in 0..2 {
        receive(&mut *session.core().await, &entry).await.unwrap();
    }
    pass(&session, &relay, &mut passing).await.unwrap();
    in_place::disarm(guard);
    let core = session.core().await;
    let mut tx = core.vault.begin("standing").await.unwrap();
    let row = conversations::load(&mut tx, &conversation).await.unwrap().unwrap();
    assert_eq!(row.standing, Standing::OutOfStep);
    answers.came.lock().unwrap().0
}

#[tokio::test]
async fn that_a_device_cannot_follow_is_said_at_once_whatever_else_has_to_wait() {
    assert_eq!(said_at_once("", None).await, 1, "the control");
    assert_eq!(said_at_once("", Some(Reason::LimitReached)).await, 1);
    assert_eq!(said_at_once("mutant.rests_on", Some(Reason::LimitReached)).await, 0, "the guard taken away");
}

/// How a device that was renewed is let in anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anew {
    /// It could not follow: by its newest package.
    Newest,
    /// It could not follow: by a package of the certificate before.
    Before,
    /// It could follow, and is taken out and in all the same: by its newest package.
    InStep,
}

/// Over what it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// One connection.
    One,
    /// Eight more, each too short to ask twice.
    Many,
}

/// A device that was renewed is let in anew, and the Welcome is lost. It asks, and asks again after a while. How often it has, and
/// whether a member hears it by then.
async fn asks(guard: &'static str, anew: Anew, over: Over) -> (usize, bool) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let before = b.package().await;
    let removes = if anew == Anew::InStep {
        vec![(member(&mut a, &log, &b).await, RemovalGround::default())]
    } else {
        commit(&mut log, &mut a, Change::default(), &mut []).await;
        log.deliver_altered(&mut b, without_commits).await;
        let (_, said) = report(&b.core, &log.conversation).await.unwrap().expect("it cannot follow");
        add_anew(&mut a.core, &log.conversation, &[encode(&said)]).await.unwrap()
    };
    house.renews(&mut b).await;
    let package = if anew == Anew::Before { before } else { b.package().await };
    commit(&mut log, &mut a, Change { adds: vec![package], removes, ..Change::default() }, &mut []).await;
    log.deliver(&mut b).await;
    let answers = Arc::new(Answers::yes());
    let (session, relay, _home) = session(b, &answers);
    let mut passing = Passing::default();
    in_place::arm(guard);
    if over == Over::One {
        in_place::arm("mutant.made_key_first");
    }
    pass(&session, &relay, &mut passing).await.unwrap();
    pass(&session, &relay, &mut passing).await.unwrap();
    assert_eq!(answers.said.lock().unwrap().len(), 1, "not at once");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    for _ in 0..if over == Over::Many { 8 } else { 0 } {
        pass(&session, &relay, &mut Passing::default()).await.unwrap();
    }
    if over == Over::One {
        pass(&session, &relay, &mut passing).await.unwrap();
    }
    in_place::disarm(guard);
    in_place::disarm("mutant.made_key_first");
    let said: Vec<Vec<u8>> = answers.said.lock().unwrap().iter().map(encode).collect();
    (said.len(), !add_anew(&mut a.core, &log.conversation, &said).await.unwrap().is_empty())
}

#[tokio::test]
async fn who_is_not_let_in_asks_by_one_key_after_the_other() {
    assert_eq!(
        asks("mutant.asks_by_one_key", Anew::Newest, Over::One).await,
        (1, true),
        "the control: heard at once"
    );
    for anew in [Anew::Newest, Anew::Before, Anew::InStep] {
        assert_eq!(asks("", anew, Over::One).await, (2, true), "{anew:?}");
        assert_eq!(asks("", anew, Over::Many).await, (9, true), "{anew:?}");
    }
    for anew in [Anew::Before, Anew::InStep] {
        let by_one = asks("mutant.asks_by_one_key", anew, Over::One).await;
        assert_eq!(by_one, (1, false), "the guard taken away, {anew:?}");
        let by_one = asks("mutant.made_key_first", anew, Over::Many).await;
        assert_eq!(by_one, (9, false), "the guard taken away, {anew:?}");
    }
}
