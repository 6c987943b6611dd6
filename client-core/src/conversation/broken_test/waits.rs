//! Claims about conversations that say they go on from a log: from one that stays open they are joined as any other, and from one
//! that is closed while they wait they go on.

use wardline_proto::{
    content::Predecessor,
    in_place,
    relay::{Closed, WelcomeDelivery},
};

use super::{
    going_on::{Broken, adds, made},
    house::House,
    ward::{Log, Phone},
    *,
};
use crate::{
    conversation::{join, look_at_early},
    vault::tables::conversations,
};

/// What a device shows: names and states.
pub(crate) async fn shown(phone: &Phone) -> Vec<(String, String)> {
    let mut shown: Vec<_> =
        list(&phone.core).await.unwrap().into_iter().map(|one| (one.name, one.state)).collect();
    shown.sort_unstable();
    shown
}

/// Everything has come: what waits is looked at. Whether it waits on.
async fn waits_on(phone: &mut Phone, welcome: &WelcomeDelivery) -> bool {
    let (wait_on, done) =
        look_at_early(&mut phone.core, vec![welcome.clone()], Some(Vec::new())).await.unwrap();
    assert_eq!(wait_on.is_empty(), !done.is_empty());
    !wait_on.is_empty()
}

/// Mallory lets doctor-a in to a conversation that says it goes on from the one that they are in.
pub(crate) async fn names_an_open_log(a: &mut Phone, m: &mut Phone) -> (Log, WelcomeDelivery) {
    let open = Log::begin(m, &mut [a]).await;
    pretends(a, m, &open).await
}

/// The same from this one.
pub(crate) async fn pretends(a: &mut Phone, m: &mut Phone, open: &Log) -> (Log, WelcomeDelivery) {
    let made =
        crate::conversation::create(&mut m.core, "Pretends", Vec::new(), wardline_proto::Suite::X25519);
    let (conversation, _) = made.await.unwrap();
    created(&mut m.core, &conversation).await.unwrap();
    let mut next = Log::of(conversation);
    m.core.load_group(&conversation).await.unwrap();
    let mut settings = m.core.groups[&conversation].settings();
    settings.number += 1;
    let conversation_id = open.conversation.as_bytes().to_vec();
    settings.predecessor = Some(Predecessor { conversation_id, number: 1, head: 1 });
    let change = Change { adds: vec![a.package().await], settings: Some(settings), ..Change::default() };
    let welcome = commit(&mut next, m, change, &mut []).await;
    let delivery = next.delivery(&welcome);
    (next, delivery)
}

/// What is shown at once, when everything has come, and after so many seconds more; and what is read there then.
async fn named_open(guard: &'static str, seconds: u64) -> (Vec<usize>, String, Vec<String>) {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let (mut next, welcome) = names_an_open_log(&mut a, &mut m).await;
    in_place::arm(guard);
    assert!(join(&mut a.core, &welcome).await.unwrap().is_empty(), "its end may be on the way");
    let mut counts = vec![shown(&a).await.len()];
    assert!(waits_on(&mut a, &welcome).await);
    counts.push(shown(&a).await.len());
    house.clock.advance_seconds(seconds);
    let waits = waits_on(&mut a, &welcome).await;
    in_place::disarm(guard);
    let state = shown(&a).await.into_iter().find(|(name, _)| name == "Pretends").unwrap_or_default().1;
    if waits {
        return (counts, state, Vec::new());
    }
    next.talk(&mut m, "hello", &mut [&mut a]).await;
    assert_eq!(a.row(&next.conversation).await.line.predecessor, None, "it goes on from nothing");
    (counts, state, a.texts(&next.conversation).await)
}

#[tokio::test]
async fn a_conversation_that_names_an_open_log_is_shown_and_after_a_minute_like_any_other() {
    assert_eq!(named_open("", 59).await, (vec![1, 2], "waiting".to_owned(), vec![]), "the control");
    assert_eq!(named_open("", 60).await, (vec![1, 2], "active".to_owned(), vec!["hello".to_owned()]));
    let hidden = (vec![1, 1], String::new(), vec![]);
    assert_eq!(named_open("mutant.hidden_while_open", 600).await, hidden, "the guard taken away");
}

/// The log is closed while its successor waits, however long it has.
#[tokio::test]
async fn what_waited_for_the_end_of_a_log_goes_on_when_that_comes() {
    let Broken { house, mut a, mut b, log, broken, reports, .. } = Broken::log().await;
    let mut tx = a.core.vault.begin("not_closed_yet").await.unwrap();
    let mut row = conversations::load(&mut tx, &log.conversation).await.unwrap().unwrap();
    (row.standing, row.line.closed) = (Standing::OutOfStep, None);
    conversations::store(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    let mut next = made(&mut b, &log, broken).await;
    let welcome = adds(&mut next, &mut b, &[&a]).await;
    assert!(waits_on(&mut a, &next.delivery(&welcome)).await);
    assert_eq!(shown(&a).await.len(), 2);
    house.clock.advance_seconds(600);
    let told = Closed { successor_id: next.conversation.to_wire(), ..end(&log, broken, reports) };
    assert_eq!(closed(&mut a.core, &told).await.unwrap(), [Effect::Closed(log.conversation)]);
    assert!(next.welcome(&mut a, &welcome).await);
    assert_eq!(a.row(&next.conversation).await.line.predecessor, Some(log.conversation));
    assert_eq!(shown(&a).await.len(), 1, "people see one");
}
